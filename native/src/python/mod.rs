//! The only PyO3 code. One submodule for each group of kernels; each has `register`.

mod ceremony;
mod curve;
pub mod field;
mod hashes;
mod integers;
mod outer;
mod quantise;
mod sumcheck;
mod witness;

use pyo3::prelude::*;

/// Returns the pages of freed vectors, which are kept for those to come, to the system.
#[pyfunction]
fn release_memory(py: Python<'_>) {
    py.detach(crate::memory::release);
}

#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    field::choose_backend(m.py())?;
    m.add_function(wrap_pyfunction!(release_memory, m)?)?;
    field::register(m)?;
    sumcheck::register(m)?;
    integers::register(m)?;
    quantise::register(m)?;
    curve::register(m)?;
    ceremony::register(m)?;
    outer::register(m)?;
    hashes::register(m)?;
    witness::register(m)
}
