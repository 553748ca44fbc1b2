//! Trees of hashes.

use crate::hash::keccak;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

/// Levels of the keccak256 tree over these leaves, each its nodes of 32 bytes, the root last.
#[pyfunction]
fn keccak_tree<'py>(py: Python<'py>, leaves: Vec<PyBackedBytes>) -> Vec<Bound<'py, PyBytes>> {
    let levels = py.detach(|| keccak::tree(&leaves.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
    levels.iter().map(|level| PyBytes::new(py, level.as_flattened())).collect()
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(keccak_tree, m)?)
}
