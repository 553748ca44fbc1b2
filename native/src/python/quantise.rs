//! Quantisation for Python (see `zkllm/model/folding.py` and `zkllm/model/llama/folding.py`).

use crate::int::quantise::{Folded, Stored, Weight, largest_column_norm, largest_row_norm, weighted_sum};
use numpy::{Element, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// float32 or float64, C-contiguous.
#[derive(FromPyObject)]
enum Matrix<'py> {
    Single(PyReadonlyArray2<'py, f32>),
    Double(PyReadonlyArray2<'py, f64>),
}

impl Matrix<'_> {
    fn shape(&self) -> (usize, usize) {
        let shape = match self {
            Self::Single(w) => w.shape(),
            Self::Double(w) => w.shape(),
        };
        (shape[0], shape[1])
    }
}

/// Checks the sizes and gives the folded matrix.
fn folded<'a, T: Weight + Element>(
    weights: &'a PyReadonlyArray2<'_, T>,
    gain: Option<&'a PyReadonlyArray1<'_, f64>>,
    divisors: &'a [f64],
) -> PyResult<Folded<'a, T>> {
    let (rows, outer) = (weights.shape()[0], weights.shape()[1]);
    let gain = gain.map(|g| g.as_slice()).transpose()?;
    if outer == 0 || divisors.is_empty() || outer % divisors.len() != 0 || gain.is_some_and(|g| g.len() != rows) {
        return Err(PyValueError::new_err("gain or divisors do not fit the matrix"));
    }
    Ok(Folded { weights: weights.as_slice()?, outer, gain, divisors })
}

macro_rules! on_matrix {
    ($matrix:expr, $w:ident => $body:expr) => {
        match $matrix {
            Matrix::Single($w) => $body,
            Matrix::Double($w) => $body,
        }
    };
}

/// The largest |gain[i] w[i][j] / divisor| of each part of the columns; not finite where a weight is not.
#[pyfunction]
#[pyo3(signature = (weights, gain, divisors))]
fn folded_maxima(
    py: Python<'_>,
    weights: Matrix<'_>,
    gain: Option<PyReadonlyArray1<'_, f64>>,
    divisors: Vec<f64>,
) -> PyResult<Vec<f64>> {
    on_matrix!(&weights, w => {
        let matrix = folded(w, gain.as_ref(), &divisors)?;
        Ok(py.detach(|| matrix.maxima()))
    })
}

/// out = round(gain[i] w[i][j] / divisor * 2^scale) to even; false where an entry is beyond +-32767.
#[pyfunction]
#[pyo3(signature = (weights, gain, divisors, scales, out))]
fn quantize_folded(
    py: Python<'_>,
    weights: Matrix<'_>,
    gain: Option<PyReadonlyArray1<'_, f64>>,
    divisors: Vec<f64>,
    scales: Vec<i32>,
    mut out: PyReadwriteArray2<'_, i16>,
) -> PyResult<bool> {
    if (out.shape()[0], out.shape()[1]) != weights.shape() || scales.len() != divisors.len() {
        return Err(PyValueError::new_err("out or scales do not fit the matrix"));
    }
    let out = out.as_slice_mut()?;
    on_matrix!(&weights, w => {
        let matrix = folded(w, gain.as_ref(), &divisors)?;
        Ok(py.detach(|| matrix.quantise(&scales, out)))
    })
}

/// Checks the sizes and gives the matrix as it is stored.
fn stored<'a, T: Weight + Element>(
    weights: &'a PyReadonlyArray2<'_, T>,
    factors: Option<&'a PyReadonlyArray1<'_, f64>>,
) -> PyResult<Stored<'a, T>> {
    let inputs = weights.shape()[1];
    let factors = factors.map(|f| f.as_slice()).transpose()?;
    if inputs == 0 || factors.is_some_and(|f| f.len() != inputs) {
        return Err(PyValueError::new_err("factors do not fit the matrix"));
    }
    Ok(Stored { weights: weights.as_slice()?, inputs, factors })
}

type Lines<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// The largest |factors[i] w[o][i]| of each output o and of each input i; not finite where a weight is not.
#[pyfunction]
#[pyo3(signature = (weights, factors))]
fn stored_maxima<'py>(
    py: Python<'py>,
    weights: Matrix<'py>,
    factors: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Lines<'py>> {
    on_matrix!(&weights, w => {
        let matrix = stored(w, factors.as_ref())?;
        let (by_output, by_input) = py.detach(|| matrix.maxima());
        Ok((PyArray1::from_vec(py, by_output), PyArray1::from_vec(py, by_input)))
    })
}

/// out[i][first + o] = round(factors[i] w[o][i] * units[o]) to even; false where an entry is beyond +-2^15.
#[pyfunction]
#[pyo3(signature = (weights, factors, units, out, first))]
fn quantize_stored(
    py: Python<'_>,
    weights: Matrix<'_>,
    factors: Option<PyReadonlyArray1<'_, f64>>,
    units: PyReadonlyArray1<'_, f64>,
    mut out: PyReadwriteArray2<'_, i16>,
    first: usize,
) -> PyResult<bool> {
    let ((outputs, inputs), units, width) = (weights.shape(), units.as_slice()?, out.shape()[1]);
    if units.len() != outputs || out.shape()[0] != inputs || first.checked_add(outputs).is_none_or(|end| end > width) {
        return Err(PyValueError::new_err("units or out do not fit the matrix"));
    }
    let out = out.as_slice_mut()?;
    on_matrix!(&weights, w => {
        let matrix = stored(w, factors.as_ref())?;
        Ok(py.detach(|| matrix.quantise_transposed(units, out, width, first)))
    })
}

/// sum_i factors[i] w[i], row after row.
#[pyfunction]
fn weighted_row_sum<'py>(
    py: Python<'py>,
    weights: Matrix<'py>,
    factors: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (rows, outer) = weights.shape();
    let factors = factors.as_slice()?;
    if factors.len() != rows {
        return Err(PyValueError::new_err("as many factors as rows"));
    }
    let mut out = vec![0.0; outer];
    on_matrix!(&weights, w => {
        let w = w.as_slice()?;
        py.detach(|| weighted_sum(w, factors, &mut out));
    });
    Ok(PyArray1::from_vec(py, out))
}

/// The largest L1 norm of a column (axis 0 is summed; fewer than 2^16 rows) or of a row (axis 1).
#[pyfunction]
fn largest_l1(py: Python<'_>, weights: PyReadonlyArray2<'_, i16>, axis: usize) -> PyResult<u64> {
    let (rows, outer) = (weights.shape()[0], weights.shape()[1]);
    let w = weights.as_slice()?;
    match axis {
        _ if outer == 0 => Err(PyValueError::new_err("no columns")),
        0 if rows < 1 << 16 => Ok(py.detach(|| largest_column_norm(w, outer))),
        1 => Ok(py.detach(|| largest_row_norm(w, outer))),
        _ => Err(PyValueError::new_err("axis 0, of fewer than 2^16 rows, or 1")),
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(folded_maxima, m)?)?;
    m.add_function(wrap_pyfunction!(quantize_folded, m)?)?;
    m.add_function(wrap_pyfunction!(stored_maxima, m)?)?;
    m.add_function(wrap_pyfunction!(quantize_stored, m)?)?;
    m.add_function(wrap_pyfunction!(weighted_row_sum, m)?)?;
    m.add_function(wrap_pyfunction!(largest_l1, m)?)
}
