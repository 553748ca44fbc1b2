//! Integers between the trace and the sums: limbs, how often tables are looked up, sums of tables and squares.

use super::sumcheck::tables::{Guard, Source};
use crate::int::{limbs::limbs, sums};
use crate::logup::count::Queries;
use crate::sumcheck::table::IntView;
use numpy::{Element, PyReadwriteArray1, PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// out = values >> shift, of which `width` keeps that many low bits; False where one does not fit out's type.
#[pyfunction]
fn split_limb(
    py: Python<'_>,
    values: &Bound<'_, PyAny>,
    shift: u32,
    width: Option<u32>,
    out: &Bound<'_, PyUntypedArray>,
) -> PyResult<bool> {
    let source = Source::new(values, None)?;
    let guard = source.guard(py)?;
    let values = guard.ints()?;
    if out.len() != values.len() || shift >= 64 || width.is_some_and(|width| width >= 64) {
        return Err(PyValueError::new_err("a limb for each value, of a shift and a width below 64"));
    }
    macro_rules! write {
        ($($t:ty),*) => {$(
            if let Ok(mut array) = out.extract::<PyReadwriteArrayDyn<'_, $t>>() {
                let out = array.as_slice_mut()?;
                return Ok(py.detach(|| limbs(&values, shift, width, out)));
            }
        )*};
    }
    write!(u16, i16, u8, i8, u32, i32);
    Err(PyTypeError::new_err(format!("limbs are integers of 8, 16 or 32 bits, not {}", out.dtype())))
}

/// counts[input + shift] += 1 for each entry that is looked up and in the table; False where one is not in it.
#[pyfunction]
#[pyo3(signature = (counts, inputs, shift, causal=None, outputs=None))]
fn count_lookups(
    py: Python<'_>,
    mut counts: PyReadwriteArray1<'_, i64>,
    inputs: &Bound<'_, PyAny>,
    shift: i64,
    causal: Option<(usize, usize)>,
    outputs: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
) -> PyResult<bool> {
    let mut sources = vec![Source::new(inputs, None)?];
    if let Some((own, table)) = &outputs {
        sources.extend([Source::new(own, None)?, Source::new(table, None)?]);
    }
    let guards = sources.iter().map(|source| source.guard(py)).collect::<PyResult<Vec<_>>>()?;
    let views = guards.iter().map(Guard::ints).collect::<PyResult<Vec<_>>>()?;
    let outputs = views.get(2).map(|table| {
        let mut entries = vec![0; table.len()];
        table.read(0, &mut entries);
        (views[1].clone(), entries)
    });
    let queries = Queries { inputs: views[0].clone(), shift, causal, outputs };
    let counts = counts.as_slice_mut()?;
    let (axes, rows) = (queries.inputs.shape().len(), counts.len());
    let complete = |own: usize, table: usize| own == queries.inputs.len() && table == rows;
    let answered = queries.outputs.as_ref().is_none_or(|(own, table)| complete(own.len(), table.len()));
    if !answered || causal.is_some_and(|(t, u)| t == u || t.max(u) >= axes) {
        return Err(PyValueError::new_err("an output for each input and each row; two axes of the tensor"));
    }
    Ok(py.detach(|| queries.count(counts)))
}

/// out = sum of coefficient * table, int32 or int64; False, with nothing written, unless magnitudes certainly stay below
/// 2^31 or 2^62.
#[pyfunction]
fn sum_integers(py: Python<'_>, terms: Vec<(i64, Bound<'_, PyAny>)>, out: &Bound<'_, PyAny>) -> PyResult<bool> {
    let sources = terms.iter().map(|(_, table)| Source::new(table, None)).collect::<PyResult<Vec<_>>>()?;
    let guards = sources.iter().map(|source| source.guard(py)).collect::<PyResult<Vec<_>>>()?;
    let views =
        terms.iter().zip(&guards).map(|((c, _), guard)| Ok((*c, guard.ints()?))).collect::<PyResult<Vec<_>>>()?;
    if let Ok(mut out) = out.extract::<PyReadwriteArrayDyn<'_, i32>>() {
        return summed(py, &views, &mut out);
    }
    summed(py, &views, &mut out.extract::<PyReadwriteArrayDyn<'_, i64>>()?)
}

fn summed<T: sums::Sum + Element>(
    py: Python<'_>,
    views: &[(i64, IntView<'_>)],
    out: &mut PyReadwriteArrayDyn<'_, T>,
) -> PyResult<bool> {
    if views.iter().any(|(_, view)| view.shape() != out.shape()) {
        return Err(PyValueError::new_err("tables of one shape"));
    }
    let out = out.as_slice_mut()?;
    Ok(py.detach(|| sums::sum(views, out)))
}

/// Three words, the lowest first, of the sum of squares of each row of a table.
#[pyfunction]
fn square_sums(py: Python<'_>, table: &Bound<'_, PyAny>) -> PyResult<Vec<[u64; 3]>> {
    let source = Source::new(table, None)?;
    let guard = source.guard(py)?;
    let table = guard.ints()?;
    if table.shape().len() != 2 {
        return Err(PyValueError::new_err("a table of two axes"));
    }
    Ok(py.detach(|| sums::squares(&table)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(split_limb, m)?)?;
    m.add_function(wrap_pyfunction!(count_lookups, m)?)?;
    m.add_function(wrap_pyfunction!(sum_integers, m)?)?;
    m.add_function(wrap_pyfunction!(square_sums, m)?)
}
