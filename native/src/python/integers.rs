//! Kernels of the integer program for Python (see `zkllm/model/execution.py`). Widths are in bits; a value outside of
//! its width is a QuantizationRangeError that has its tensor's name.

use crate::int::attention::{AttentionRow, AttentionSpec, attend_rows};
use crate::int::linear::{Layer, linear, scores};
use crate::int::norm::{NormRows, NormSpec, WORDS, layer_norm_rows};
use crate::int::range::{Checked, RangeError, Width};
use numpy::{
    PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyReadwriteArray2, PyReadwriteArray3, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

fn range_error(py: Python<'_>, error: RangeError) -> PyErr {
    let make = || -> PyResult<Bound<'_, PyAny>> {
        py.import("zkllm.errors")?.getattr("QuantizationRangeError")?.call1((error.tensor, error.bound, error.got))
    };
    make().map_or_else(|e| e, PyErr::from_value)
}

/// Runs a kernel without the interpreter's lock.
fn checked(py: Python<'_>, kernel: impl Send + FnOnce() -> Checked<()>) -> PyResult<()> {
    py.detach(kernel).map_err(|error| range_error(py, error))
}

fn fits(condition: bool, what: &str) -> PyResult<()> {
    if condition { Ok(()) } else { Err(PyValueError::new_err(format!("{what}: the arrays do not fit each other"))) }
}

/// Where a linear layer's rounded outputs go.
#[derive(FromPyObject)]
enum Outputs<'py> {
    Narrow(PyReadwriteArray2<'py, i16>),
    Wide(PyReadwriteArray2<'py, i32>),
}

/// y = round((2^gain a W + b) / 2^shift) and what rounding left, for each row of a.
#[pyfunction]
#[pyo3(signature = (a, weights, bias, y, rem, *, gain, shift, bits, name))]
#[allow(clippy::too_many_arguments)]
fn integer_linear(
    py: Python<'_>,
    a: PyReadonlyArray2<'_, i16>,
    weights: PyReadonlyArray2<'_, i16>,
    bias: PyReadonlyArray1<'_, i64>,
    y: Outputs<'_>,
    mut rem: PyReadwriteArray2<'_, i32>,
    gain: u32,
    shift: u32,
    bits: u32,
    name: &str,
) -> PyResult<()> {
    let (rows, inputs, outputs) = (a.shape()[0], a.shape()[1], bias.len());
    let (shape, storage) = match &y {
        Outputs::Narrow(y) => (y.shape(), 16),
        Outputs::Wide(y) => (y.shape(), 32),
    };
    let whole = [rows, outputs];
    fits(weights.shape() == [inputs, outputs] && shape == whole && rem.shape() == whole && outputs > 0, name)?;
    fits((1..=storage).contains(&bits) && (1..=31).contains(&shift) && gain < 32, name)?;
    let width = Width::signed(true, bits, storage);
    let layer = Layer { weights: weights.as_slice()?, bias: bias.as_slice()?, gain, shift, width };
    let (a, rem) = (a.as_slice()?, rem.as_slice_mut()?);
    match y {
        Outputs::Narrow(mut y) => {
            let y = y.as_slice_mut()?;
            checked(py, || linear(&layer, a, name, y, rem))
        }
        Outputs::Wide(mut y) => {
            let y = y.as_slice_mut()?;
            checked(py, || linear(&layer, a, name, y, rem))
        }
    }
}

/// The integer LayerNorm of each row of x. names: those of rho, U, V and y.
#[pyfunction]
#[pyo3(signature = (x, rho, u, v, y, rem, *, kappa, shift, eps, rho_bits, norm_bits, y_bits, names))]
#[allow(clippy::too_many_arguments)]
fn integer_norm(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, i64>,
    mut rho: PyReadwriteArray2<'_, u16>,
    mut u: PyReadwriteArray2<'_, u16>,
    mut v: PyReadwriteArray2<'_, u16>,
    mut y: PyReadwriteArray2<'_, i16>,
    mut rem: PyReadwriteArray2<'_, i64>,
    kappa: u32,
    shift: u32,
    eps: i128,
    rho_bits: u32,
    norm_bits: u32,
    y_bits: u32,
    names: [String; 4],
) -> PyResult<()> {
    let (rows, width) = (x.shape()[0], x.shape()[1]);
    let words = [&rho, &u, &v].iter().all(|w| w.shape() == [rows, WORDS]);
    fits(width > 0 && words && y.shape() == [rows, width] && rem.shape() == [rows, width], &names[3])?;
    fits(kappa <= 48 && (1..=62).contains(&shift) && eps > 0 && (1..=16).contains(&y_bits), &names[3])?;
    fits((1..=128).contains(&rho_bits) && (1..=128).contains(&norm_bits), &names[3])?;
    let spec = NormSpec {
        kappa,
        shift,
        eps,
        rho: Width::unsigned(true, rho_bits, 128),
        norm: Width::unsigned(true, norm_bits, 128),
        y: Width::signed(true, y_bits, 16),
    };
    let out = NormRows {
        rho: rho.as_slice_mut()?,
        u: u.as_slice_mut()?,
        v: v.as_slice_mut()?,
        y: y.as_slice_mut()?,
        rem: rem.as_slice_mut()?,
    };
    let x = x.as_slice()?;
    checked(py, || layer_norm_rows(x, width, &spec, &names, out))
}

/// Queries, keys and values.
#[derive(FromPyObject)]
enum Attended<'py> {
    Narrow(PyReadonlyArray3<'py, i16>),
    Wide(PyReadonlyArray3<'py, i32>),
}

/// Causal softmax attention of rows first, first + 1, .. of one layer; qkv is filled up to the last of them.
/// names: those of over, div and o.
#[pyfunction]
#[pyo3(signature = (qkv, exp, score_max, sel, idx, over, rem, e, o, div, *, first, exp_shift, over_bits, div_bits,
    o_bits, names))]
#[allow(clippy::too_many_arguments)]
fn integer_attention(
    py: Python<'_>,
    qkv: Attended<'_>,
    exp: PyReadonlyArray1<'_, i32>,
    mut score_max: PyReadwriteArray2<'_, i64>,
    mut sel: PyReadwriteArray3<'_, i8>,
    mut idx: PyReadwriteArray3<'_, i32>,
    mut over: PyReadwriteArray3<'_, i32>,
    mut rem: PyReadwriteArray3<'_, i32>,
    mut e: PyReadwriteArray3<'_, i32>,
    mut o: PyReadwriteArray2<'_, i16>,
    mut div: PyReadwriteArray2<'_, i64>,
    first: usize,
    exp_shift: u32,
    over_bits: u32,
    div_bits: u32,
    o_bits: u32,
    names: [String; 3],
) -> PyResult<()> {
    let shape = match &qkv {
        Attended::Narrow(qkv) => qkv.shape(),
        Attended::Wide(qkv) => qkv.shape(),
    };
    let (rows, width) = (shape[0], shape[2]);
    let (count, heads) = (score_max.shape()[0], score_max.shape()[1]);
    let square = [count, heads, rows];
    let squares = [idx.shape(), over.shape(), rem.shape(), e.shape(), sel.shape()].iter().all(|s| *s == square);
    fits(heads > 0 && width % heads == 0 && shape[1] == 3 && squares, &names[2])?;
    fits(o.shape() == [count, width] && div.shape() == [count, width] && exp.len() > 0, &names[2])?;
    fits(first <= rows && count <= rows - first && exp_shift < 63, &names[2])?;
    fits((1..=31).contains(&over_bits) && (1..=62).contains(&div_bits) && (1..=16).contains(&o_bits), &names[2])?;
    let spec = AttentionSpec {
        heads,
        head_dim: width / heads,
        exp_shift,
        over: Width::unsigned(true, over_bits, 31),
        div: Width::unsigned(true, div_bits, 62),
        o: Width::signed(true, o_bits, 16),
    };
    let out = AttentionRow {
        score_max: score_max.as_slice_mut()?,
        sel: sel.as_slice_mut()?,
        idx: idx.as_slice_mut()?,
        over: over.as_slice_mut()?,
        rem: rem.as_slice_mut()?,
        e: e.as_slice_mut()?,
        o: o.as_slice_mut()?,
        div: div.as_slice_mut()?,
    };
    let exp = exp.as_slice()?;
    match qkv {
        Attended::Narrow(qkv) => {
            let qkv = qkv.as_slice()?;
            checked(py, || attend_rows(first, qkv, exp, &spec, &names, out))
        }
        Attended::Wide(qkv) => {
            let qkv = qkv.as_slice()?;
            checked(py, || attend_rows(first, qkv, exp, &spec, &names, out))
        }
    }
}

/// out[t][v] = sum_k a[t][k] w[v][k].
#[pyfunction]
fn integer_scores(
    py: Python<'_>,
    a: PyReadonlyArray2<'_, i16>,
    w: PyReadonlyArray2<'_, i16>,
    mut out: PyReadwriteArray2<'_, i64>,
) -> PyResult<()> {
    let (rows, inputs, outputs) = (a.shape()[0], a.shape()[1], w.shape()[0]);
    fits(inputs > 0 && w.shape()[1] == inputs && out.shape() == [rows, outputs], "logits")?;
    let (a, w, out) = (a.as_slice()?, w.as_slice()?, out.as_slice_mut()?);
    py.detach(|| scores(a, w, inputs, out));
    Ok(())
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(integer_linear, m)?)?;
    m.add_function(wrap_pyfunction!(integer_norm, m)?)?;
    m.add_function(wrap_pyfunction!(integer_attention, m)?)?;
    m.add_function(wrap_pyfunction!(integer_scores, m)?)
}
