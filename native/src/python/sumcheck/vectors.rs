//! Functions on vectors over the hypercube.

use super::tables::{Source, Vectors, interruptible};
use crate::python::field::{FrVec, scalars, to_int};
use crate::sumcheck::{contract as kernels, tensor};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// sum over `count` axes from `axis` on of weights[i] * table (seen with `shape`); row-major over the other axes.
#[pyfunction]
#[pyo3(signature = (table, shape, axis, weights, count=1))]
fn contract(
    py: Python<'_>,
    table: &Bound<'_, PyAny>,
    shape: Vec<usize>,
    axis: usize,
    weights: PyRef<'_, FrVec>,
    count: usize,
) -> PyResult<FrVec> {
    let axes = axis..axis.saturating_add(count);
    if shape.get(axes.clone()).is_none_or(|s| s.iter().product::<usize>() != weights.data.len()) {
        return Err(PyValueError::new_err("weights must have one element for each index of the axes"));
    }
    let source = Source::new(table, Some(&shape))?;
    let guard = source.guard(py)?;
    let (table, weights) = (guard.table(), weights.data.as_slice());
    let data = interruptible(py, |poll| kernels::contract(&table, &shape, axes, weights, poll))?;
    Ok(FrVec { data })
}

/// eq(coords, x) for all x; the first coordinate belongs to the most significant bit.
#[pyfunction]
fn eq_table(py: Python<'_>, coords: &Bound<'_, PyAny>) -> PyResult<FrVec> {
    let coords = scalars(coords)?;
    if coords.len() > 34 {
        return Err(PyValueError::new_err("too many coordinates for a table"));
    }
    Ok(FrVec { data: py.detach(|| tensor::eq_table(&coords)) })
}

/// The outer product of vectors, row-major.
#[pyfunction]
fn tensor_product(py: Python<'_>, vectors: Vec<Bound<'_, FrVec>>) -> PyResult<FrVec> {
    let vectors = Vectors::new(&vectors)?;
    let slices = vectors.slices();
    Ok(FrVec { data: py.detach(|| tensor::tensor_product(&slices)) })
}

/// The sum of products of a table (row-major) and a vector.
#[pyfunction]
fn inner<'py>(py: Python<'py>, table: &Bound<'py, PyAny>, vector: PyRef<'py, FrVec>) -> PyResult<Bound<'py, PyAny>> {
    let source = Source::new(table, None)?;
    let guard = source.guard(py)?;
    let (table, vector) = (guard.table(), vector.data.as_slice());
    if table.len() != vector.len() {
        return Err(PyValueError::new_err(format!("lengths differ: {} and {}", table.len(), vector.len())));
    }
    let sum = py.detach(|| tensor::inner(&table, vector));
    to_int(py, &sum)
}

/// sum_i coefs[i] vectors[i].
#[pyfunction]
fn linear_combination(py: Python<'_>, vectors: Vec<Bound<'_, FrVec>>, coefs: &Bound<'_, PyAny>) -> PyResult<FrVec> {
    let (vectors, coefs) = (Vectors::new(&vectors)?, scalars(coefs)?);
    let slices = vectors.slices();
    if slices.len() != coefs.len() || slices.windows(2).any(|w| w[0].len() != w[1].len()) {
        return Err(PyValueError::new_err("vectors must have equal lengths and a coefficient each"));
    }
    Ok(FrVec { data: py.detach(|| tensor::linear_combination(&slices, &coefs)) })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(contract, m)?)?;
    m.add_function(wrap_pyfunction!(eq_table, m)?)?;
    m.add_function(wrap_pyfunction!(tensor_product, m)?)?;
    m.add_function(wrap_pyfunction!(inner, m)?)?;
    m.add_function(wrap_pyfunction!(linear_combination, m)?)
}
