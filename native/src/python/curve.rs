//! Points of G1 and G2, powers of tau, multi-scalar multiplication.

use super::field::{FrVec, scalar};
use crate::curve::msm::{self, Ints};
use crate::curve::point::{self, G1_BYTES, G2_BYTES, Point};
use crate::curve::powers::{self, G1Powers};
use crate::curve::transform;
use crate::field::Fr;
use crate::int::limbs::limbs;
use crate::sumcheck::table::{IntType, IntView};
use ark_bn254::G1Projective;
use ark_ff::Field;
use memmap2::Mmap;
use numpy::{PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::prelude::*;
use std::fs::File;

/// Points per step of a long call: signals are checked and progress is reported between steps.
const STEP: usize = 1 << 18;

enum Store {
    Owned(Vec<Point>),
    Mapped { map: Mmap, offset: usize, count: usize },
}

/// A sequence of points of G1, in memory or memory-mapped.
#[pyclass(module = "zkllm._native", frozen)]
pub struct Points {
    store: Store,
}

impl Points {
    pub fn owned(points: Vec<Point>) -> Self {
        Self { store: Store::Owned(points) }
    }

    pub fn as_slice(&self) -> &[Point] {
        match &self.store {
            Store::Owned(points) => points,
            Store::Mapped { map, offset, count } => {
                point::view(&map[*offset..*offset + *count * G1_BYTES]).expect("alignment checked when opened")
            }
        }
    }

    fn range(&self, start: usize, count: usize) -> PyResult<&[Point]> {
        start
            .checked_add(count)
            .and_then(|stop| self.as_slice().get(start..stop))
            .ok_or_else(|| PyIndexError::new_err(format!("the SRS has {} points, too few", self.as_slice().len())))
    }
}

impl Points {
    /// Takes the pages of points start .. stop of a mapped file off resident memory.
    fn forget(&self, start: usize, stop: usize) {
        #[cfg(unix)]
        if let Store::Mapped { map, offset, .. } = &self.store {
            let (first, bytes) = (offset + start * G1_BYTES, (stop - start) * G1_BYTES);
            // SAFETY: pages of a read-only mapping of a file come back with the same contents. Where the system
            // refuses, they stay.
            let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, first, bytes) };
        }
    }
}

/// Points from which on a sum lets go of those that it has passed.
const MANY: usize = 1 << 22;

fn report(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, done: usize, total: usize) -> PyResult<()> {
    py.check_signals()?;
    if let Some(callback) = progress {
        callback.call1((done, total))?;
    }
    Ok(())
}

/// Between two blocks of a sum: Ctrl-C, progress.
fn between(progress: Option<&Py<PyAny>>, done: usize, total: usize) -> PyResult<()> {
    Python::attach(|py| report(py, progress.map(|p| p.bind(py)), done, total))
}

/// A numpy array of integers; a strided one is copied.
macro_rules! int_array {
    ($($variant:ident $t:ty),*) => {
        enum IntArray<'py> {
            $($variant(PyReadonlyArrayDyn<'py, $t>, Option<Vec<$t>>)),*
        }

        impl<'py> IntArray<'py> {
            fn new(array: &Bound<'py, PyUntypedArray>) -> PyResult<Self> {
                $(if let Ok(a) = array.extract::<PyReadonlyArrayDyn<'py, $t>>() {
                    let copy = (!a.is_c_contiguous()).then(|| {
                        let view = a.as_array();
                        let (shape, strides) = (view.shape().to_vec(), view.strides().to_vec());
                        // SAFETY: the array is borrowed, aligned as its type, and described by shape and strides.
                        let view = unsafe { IntView::new(view.as_ptr().cast(), IntType::$variant, shape, strides) };
                        let mut copy = vec![0; view.len()];
                        limbs(&view, 0, None, &mut copy);
                        copy
                    });
                    return Ok(Self::$variant(a, copy));
                })*
                Err(PyTypeError::new_err(format!("expected integers of at most 64 signed bits, got {}", array.dtype())))
            }

            fn ints(&self) -> PyResult<Ints<'_>> {
                match self {
                    $(Self::$variant(_, Some(copy)) => Ok(Ints::$variant(copy)),
                    Self::$variant(a, None) => Ok(Ints::$variant(a.as_slice()?)),)*
                }
            }
        }
    };
}
int_array!(I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64);

#[pymethods]
impl Points {
    /// Raw points of a file: `count` of them from byte `offset`, a multiple of 8.
    #[staticmethod]
    fn open(path: &str, offset: usize, count: usize) -> PyResult<Self> {
        let file = File::open(path)?;
        let map = unsafe { Mmap::map(&file)? };
        let end = count.checked_mul(G1_BYTES).and_then(|n| n.checked_add(offset));
        if !offset.is_multiple_of(8) || end.is_none_or(|end| end > map.len()) {
            return Err(PyValueError::new_err("the points lie outside the file"));
        }
        Ok(Self { store: Store::Mapped { map, offset, count } })
    }

    /// Raw bytes, x then y in Montgomery form, 64 bytes a point.
    #[staticmethod]
    fn from_raw(data: &[u8]) -> PyResult<Self> {
        if !data.len().is_multiple_of(G1_BYTES) {
            return Err(PyValueError::new_err("length is not a multiple of 64"));
        }
        let limb = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let points = data
            .par_chunks_exact(G1_BYTES)
            .map(|c| Point {
                x: std::array::from_fn(|i| limb(&c[8 * i..8 * i + 8])),
                y: std::array::from_fn(|i| limb(&c[32 + 8 * i..40 + 8 * i])),
            })
            .collect();
        Ok(Self { store: Store::Owned(points) })
    }

    /// Wire encoding, 64 bytes a point; each must be the one encoding of a point of G1.
    #[staticmethod]
    fn decode(data: &[u8]) -> PyResult<Self> {
        if !data.len().is_multiple_of(G1_BYTES) {
            return Err(PyValueError::new_err("length is not a multiple of 64"));
        }
        let points: Option<Vec<Point>> = data.par_chunks_exact(G1_BYTES).map(Point::from_wire).collect();
        match points {
            Some(points) => Ok(Self { store: Store::Owned(points) }),
            None => Err(PyValueError::new_err("not a point of G1 in canonical form")),
        }
    }

    /// scale tau^i times the generator, i < count.
    #[staticmethod]
    #[pyo3(signature = (tau, count, scale, progress=None))]
    fn powers(
        py: Python<'_>,
        tau: &Bound<'_, PyAny>,
        count: usize,
        scale: &Bound<'_, PyAny>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (tau, scale) = (scalar(tau)?, scalar(scale)?);
        let table = py.detach(|| G1Powers::new(count));
        let mut points = Vec::with_capacity(count);
        while points.len() < count {
            let step = STEP.min(count - points.len());
            let start = points.len();
            points.extend(py.detach(|| table.multiply(&powers::scalars(tau, scale, start, step))));
            report(py, progress, points.len(), count)?;
        }
        Ok(Self { store: Store::Owned(points) })
    }

    fn __len__(&self) -> usize {
        self.as_slice().len()
    }

    /// Wire encoding of point i.
    fn __getitem__<'py>(&self, py: Python<'py>, i: usize) -> PyResult<Bound<'py, PyBytes>> {
        let point = self.as_slice().get(i).ok_or_else(|| PyIndexError::new_err("index out of range"))?;
        Ok(PyBytes::new(py, &point.to_wire()))
    }

    /// Raw bytes of `count` points from `start`.
    fn raw<'py>(&self, py: Python<'py>, start: usize, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, point::raw_bytes(self.range(start, count)?)))
    }

    /// Takes the pages of a mapped file off resident memory; they are read again when they are needed.
    fn release(&self) {
        self.forget(0, self.as_slice().len());
    }

    /// Index of the first entry that is not a point of G1 other than infinity, or None.
    #[pyo3(signature = (progress=None))]
    fn first_invalid(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
        let points = self.as_slice();
        for (i, chunk) in points.chunks(STEP).enumerate() {
            let bad = py.detach(|| chunk.par_iter().position_first(|p| p.is_infinity() || !p.is_valid()));
            if let Some(j) = bad {
                return Ok(Some(i * STEP + j));
            }
            report(py, progress, i * STEP + chunk.len(), points.len())?;
        }
        Ok(None)
    }

    /// sum scalars[i] P[offset + i].
    #[pyo3(signature = (scalars, offset=0, progress=None))]
    fn msm<'py>(
        &self,
        py: Python<'py>,
        scalars: &FrVec,
        offset: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let points = self.range(offset, scalars.data.len())?;
        let (total, mut passed) = (scalars.data.len(), 0);
        let after = |done: usize| {
            if total >= MANY {
                self.forget(offset + passed, offset + done);
                passed = done;
            }
            between(progress.as_ref(), done, total)
        };
        let sum = py.detach(|| msm::msm(points, &scalars.data, after))?;
        Ok(PyBytes::new(py, &Point::from_projective(&sum).to_wire()))
    }

    /// sum_i ratio^i P[start + i], i < count.
    #[pyo3(signature = (ratio, start, count, progress=None))]
    fn geometric_sum<'py>(
        &self,
        py: Python<'py>,
        ratio: &Bound<'_, PyAny>,
        start: usize,
        count: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ratio = scalar(ratio)?;
        let points = self.range(start, count)?;
        let sum = py.detach(|| -> PyResult<_> {
            let mut total = G1Projective::default();
            for (i, block) in points.chunks(STEP).enumerate() {
                let scalars = powers::scalars(ratio, Fr::ONE, i * STEP, block.len());
                total += msm::msm(block, &scalars, |_| between(progress.as_ref(), i * STEP + block.len(), count))?;
            }
            Ok(total)
        })?;
        Ok(PyBytes::new(py, &Point::from_projective(&sum).to_wire()))
    }

    /// sum_m root^(k m) P[m block + first + i] for k < 2 rows, m < rows, i < count, k first.
    fn transform(
        &self,
        py: Python<'_>,
        rows: usize,
        block: usize,
        root: &Bound<'_, PyAny>,
        first: usize,
        count: usize,
    ) -> PyResult<Self> {
        let root = scalar(root)?;
        if !rows.is_power_of_two() || root.pow([rows as u64]) != -Fr::ONE {
            return Err(PyValueError::new_err("the root is not of order 2 rows, a power of two"));
        }
        if first.checked_add(count).is_none_or(|end| end > block) {
            return Err(PyIndexError::new_err("the places lie outside the block"));
        }
        let points = self.range(0, rows.saturating_mul(block))?;
        Ok(Self::owned(py.detach(|| transform::transform(points, (rows, block), root, first, count))))
    }

    /// sum over segments (offset, integers) of values[i] P[offset + i], values in row-major order.
    #[pyo3(signature = (segments, progress=None))]
    fn msm_ints<'py>(
        &self,
        py: Python<'py>,
        segments: Vec<(usize, Bound<'py, PyUntypedArray>)>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let held: Vec<(usize, IntArray<'py>)> =
            segments.iter().map(|(offset, array)| Ok((*offset, IntArray::new(array)?))).collect::<PyResult<_>>()?;
        let mut values = Vec::with_capacity(held.len());
        for (offset, array) in &held {
            let ints = array.ints()?;
            self.range(*offset, ints.len())?;
            values.push((*offset, ints));
        }
        let total = values.iter().map(|(_, ints)| ints.len()).sum();
        let points = self.as_slice();
        let sum = py.detach(|| msm::msm_ints(points, &values, |done| between(progress.as_ref(), done, total)))?;
        Ok(PyBytes::new(py, &Point::from_projective(&sum).to_wire()))
    }
}

/// Raw points of G2 (x_real, x_imaginary, y_real, y_imaginary in Montgomery form): scale tau^i times the generator.
#[pyfunction]
fn g2_powers<'py>(
    py: Python<'py>,
    tau: &Bound<'_, PyAny>,
    count: usize,
    scale: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (tau, scale) = (scalar(tau)?, scalar(scale)?);
    let raw: Vec<u8> = py.detach(|| {
        powers::g2_powers(&powers::scalars(tau, scale, 0, count)).iter().flat_map(point::g2_to_raw).collect()
    });
    Ok(PyBytes::new(py, &raw))
}

/// [tau^(2^i)]_2 for i < count, raw.
#[pyfunction]
fn g2_squarings<'py>(py: Python<'py>, tau: &Bound<'_, PyAny>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
    let tau = scalar(tau)?;
    let raw: Vec<u8> = py.detach(|| {
        let mut powers_of_two: Vec<Fr> = Vec::with_capacity(count);
        let mut power = tau;
        for _ in 0..count {
            powers_of_two.push(power);
            power.square_in_place();
        }
        powers::g2_powers(&powers_of_two).iter().flat_map(point::g2_to_raw).collect()
    });
    Ok(PyBytes::new(py, &raw))
}

/// Wire encoding (EIP-197's order) of one raw point of G2, checked: on the twist, in the subgroup, not infinity.
#[pyfunction]
fn g2_from_raw<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let point = (raw.len() == G2_BYTES)
        .then(|| point::g2_from_raw(raw))
        .flatten()
        .ok_or_else(|| PyValueError::new_err("not a point of G2"))?;
    Ok(PyBytes::new(py, &point::g2_to_wire(&point)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Points>()?;
    m.add_function(wrap_pyfunction!(g2_powers, m)?)?;
    m.add_function(wrap_pyfunction!(g2_squarings, m)?)?;
    m.add_function(wrap_pyfunction!(g2_from_raw, m)?)
}
