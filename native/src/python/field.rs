//! `FrVec`: a vector of field elements that stays on the native side.

use super::sumcheck::tables::Source;
use crate::field::slices::{self, Backend};
use crate::field::{self, BYTES, Fr};
use ark_ff::PrimeField;
use numpy::{PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};
use rayon::prelude::*;

/// A vector of field elements (Montgomery form inside, canonical little-endian bytes outside).
#[pyclass(module = "zkllm._native")]
#[derive(Clone, Default)]
pub struct FrVec {
    pub data: Vec<Fr>,
}

/// A Python integer in [0, r) as a field element; anything else is an error, never reduced.
pub fn scalar(x: &Bound<'_, PyAny>) -> PyResult<Fr> {
    let bytes: [u8; BYTES] = x
        .call_method1("to_bytes", (BYTES, "little"))
        .map_err(|_| PyValueError::new_err("field element is not in [0, r)"))?
        .extract()?;
    field::from_bytes(&bytes).ok_or_else(|| PyValueError::new_err("field element is not in [0, r)"))
}

/// A list of Python integers in [0, r).
pub fn scalars(xs: &Bound<'_, PyAny>) -> PyResult<Vec<Fr>> {
    xs.try_iter()?.map(|x| scalar(&x?)).collect()
}

/// A field element as a Python integer.
pub fn to_int<'py>(py: Python<'py>, x: &Fr) -> PyResult<Bound<'py, PyAny>> {
    py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, &field::to_bytes(x)), "little"))
}

/// Field elements as a list of Python integers.
pub fn to_ints<'py>(py: Python<'py>, xs: &[Fr]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    xs.iter().map(|x| to_int(py, x)).collect()
}

/// Reads a numpy array of any integer type and any strides, in row-major order.
pub fn int_array(array: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<i64>> {
    macro_rules! read {
        ($($t:ty),*) => {$(
            if let Ok(a) = array.extract::<PyReadonlyArrayDyn<'_, $t>>() {
                return Ok(a.as_array().iter().map(|&x| x as i64).collect());
            }
        )*};
    }
    read!(i8, u8, i16, u16, i32, u32, i64);
    Err(PyTypeError::new_err(format!("expected an integer array of at most 64 signed bits, got {}", array.dtype())))
}

#[pymethods]
impl FrVec {
    /// Canonical little-endian elements of 32 bytes each.
    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        if !data.len().is_multiple_of(BYTES) {
            return Err(PyValueError::new_err("length is not a multiple of 32"));
        }
        let data: Option<Vec<Fr>> =
            data.par_chunks_exact(BYTES).map(|c| field::from_bytes(c.try_into().expect("32 bytes"))).collect();
        data.map(|data| Self { data }).ok_or_else(|| PyValueError::new_err("field element is not below r"))
    }

    /// Python integers in [0, r).
    #[staticmethod]
    fn from_list(values: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { data: scalars(values)? })
    }

    /// A numpy array of signed or unsigned integers, any shape and strides, row-major.
    #[staticmethod]
    fn from_array(py: Python<'_>, array: &Bound<'_, PyUntypedArray>) -> PyResult<Self> {
        let ints = int_array(array)?;
        Ok(py.detach(|| Self { data: ints.par_iter().map(|&x| field::from_i64(x)).collect() }))
    }

    #[staticmethod]
    fn zeros(n: usize) -> Self {
        Self { data: field::zeros(n) }
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes: Vec<u8> = py.detach(|| self.data.par_iter().flat_map_iter(field::to_bytes).collect());
        PyBytes::new(py, &bytes)
    }

    fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        to_ints(py, &self.data)
    }

    fn __len__(&self) -> usize {
        self.data.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, i: usize) -> PyResult<Bound<'py, PyAny>> {
        to_int(py, self.data.get(i).ok_or_else(|| PyIndexError::new_err("index out of range"))?)
    }

    /// Copies a table (row-major) to address, address + 1, ..
    fn write(&mut self, py: Python<'_>, address: usize, table: &Bound<'_, PyAny>) -> PyResult<()> {
        let source = Source::new(table, None)?;
        let guard = source.guard(py)?; // an error when the table is this vector itself
        let (table, total) = (guard.table(), self.data.len());
        let end = address.checked_add(table.len()).filter(|&end| end <= total);
        let Some(end) = end else {
            let n = table.len();
            return Err(PyValueError::new_err(format!("{n} elements at {address} do not fit a vector of {total}")));
        };
        let out = &mut self.data[address..end];
        py.detach(|| table.write_to(out));
        Ok(())
    }

    /// Elements [start, stop).
    fn slice(&self, start: usize, stop: usize) -> PyResult<Self> {
        let data = self.data.get(start..stop).ok_or_else(|| PyIndexError::new_err("slice out of range"))?;
        Ok(Self { data: field::copied(data) })
    }
}

/// The modulus r as a Python integer.
#[pyfunction]
fn modulus(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let mut bytes = Vec::with_capacity(BYTES);
    for limb in Fr::MODULUS.0 {
        bytes.extend_from_slice(&limb.to_le_bytes());
    }
    py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, &bytes), "little"))
}

/// Which instructions all kernels use: "scalar", "avx2" or "avx512ifma".
#[pyfunction]
fn field_backend() -> &'static str {
    slices::backend().name()
}

/// Chooses which instructions all kernels use, for the whole process. Every backend gives the same results.
#[pyfunction]
fn set_field_backend(name: &str) -> PyResult<()> {
    match Backend::ALL.into_iter().find(|b| b.name() == name) {
        Some(b) if slices::set_backend(b) => Ok(()),
        Some(_) => Err(PyValueError::new_err(format!("this processor lacks what backend {name} needs"))),
        None => Err(PyValueError::new_err(format!("no backend is called {name}"))),
    }
}

/// Names a backend to use; unset or empty: the best that the processor has.
const VARIABLE: &str = "ZKLLM_BACKEND";

/// Obeys the environment variable, or raises BackendError.
pub fn choose_backend(py: Python<'_>) -> PyResult<()> {
    let wanted = std::env::var_os(VARIABLE).unwrap_or_default();
    let wanted = wanted.to_string_lossy();
    if wanted.is_empty() {
        return Ok(());
    }
    let Err(error) = set_field_backend(&wanted) else { return Ok(()) };
    let names: Vec<&str> = Backend::ALL.into_iter().filter(|b| b.available()).map(Backend::name).collect();
    let wanted: String = wanted.chars().take(40).collect();
    let text = format!("{VARIABLE}={wanted}: {}; available: {}, or unset it", error.value(py), names.join(", "));
    Err(PyErr::from_value(py.import("zkllm.errors")?.getattr("BackendError")?.call1((text,))?))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<FrVec>()?;
    m.add_function(wrap_pyfunction!(field_backend, m)?)?;
    m.add_function(wrap_pyfunction!(set_field_backend, m)?)?;
    m.add_function(wrap_pyfunction!(modulus, m)?)
}
