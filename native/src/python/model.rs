//! The integer program for Python: reads a QuantizedModel, fills a Trace (see `zkllm/model/program.py`).

use crate::int::attention::AttentionSpec;
use crate::int::forward::{Arrays, Program, Stop, Weights, head_rows, run_rows};
use crate::int::norm::NormSpec;
use crate::int::range::{RangeError, Width};
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

fn program(config: &Bound<'_, PyAny>, check: bool) -> PyResult<Program> {
    let get = |name: &str| -> PyResult<usize> { config.getattr(name)?.extract() };
    let bits = |name: &str| -> PyResult<u32> { config.getattr(name)?.extract() };
    let gains = |kind: &str| -> PyResult<Vec<u32>> { config.call_method1("gains", (kind,))?.extract() };
    let act = Width::signed(check, bits("act_bits")?, 16);
    Ok(Program {
        layers: get("n_layer")?,
        inner: get("d_inner")?,
        vocab: get("vocab_size")?,
        wte_shift: bits("wte_shift")?,
        wpe_shift: bits("wpe_shift")?,
        qkv_shift: bits("qkv_shift")?,
        o_shift: bits("o_shift")?,
        fc1_shift: bits("fc1_shift")?,
        fc2_shift: bits("fc2_shift")?,
        final_shift: bits("final_shift")?,
        gelu_bits: bits("gelu_bits")?,
        mlp_class: config.getattr("mlp_class")?.extract()?,
        fc1_gains: gains("fc1")?,
        fc2_gains: gains("fc2")?,
        act,
        write: Width::signed(check, bits("write_bits")?, 32),
        norm: NormSpec {
            kappa: bits("kappa")?,
            shift: bits("ln_shift")?,
            eps: config.getattr("eps_int")?.extract()?,
            rho: Width::unsigned(check, bits("rho_bits")?, 128),
            norm: Width::unsigned(check, bits("norm_bits")?, 128),
            y: act,
        },
        attention: AttentionSpec {
            heads: get("n_head")?,
            head_dim: get("head_dim")?,
            exp_shift: bits("exp_shift")?,
            over: Width::unsigned(check, bits("over_bits")?, 31),
            div: Width::unsigned(check, bits("div_bits")?, 62),
            o: act,
        },
    })
}

/// An array of the model, any dimension, C-contiguous, possibly memory-mapped and read-only.
fn read<'py, T: Element>(model: &Bound<'py, PyAny>, name: &str) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    Ok(model.getattr(name)?.cast::<PyArrayDyn<T>>().map_err(|_| wrong(name))?.readonly())
}

/// An array of the trace.
fn fill<'py, T: Element>(trace: &Bound<'py, PyAny>, name: &str) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let array = trace.get_item(name)?;
    array.cast::<PyArrayDyn<T>>().map_err(|_| wrong(name))?.try_readwrite().map_err(|_| wrong(name))
}

fn wrong(name: &str) -> PyErr {
    PyValueError::new_err(format!("array {name} has the wrong dtype or cannot be used"))
}

fn range_error(py: Python<'_>, error: RangeError) -> PyErr {
    let make = || -> PyResult<Bound<'_, PyAny>> {
        py.import("zkllm.errors")?.getattr("QuantizationRangeError")?.call1((error.tensor, error.bound, error.got))
    };
    make().map_or_else(|e| e, PyErr::from_value)
}

macro_rules! guards {
    ($how:ident($source:expr): $($name:ident: $t:ty),* $(,)?) => { $(let $name = $how::<$t>($source, stringify!($name))?;)* };
}

macro_rules! mutable_guards {
    ($how:ident($source:expr): $($name:ident: $t:ty),* $(,)?) => { $(let mut $name = $how::<$t>($source, stringify!($name))?;)* };
}

/// Executes rows [start, stop) of the trace, whose earlier rows are already there.
#[pyfunction]
#[pyo3(signature = (model, trace, ids, start, stop, check, progress=None))]
#[allow(clippy::too_many_arguments)]
fn trace_rows(
    py: Python<'_>,
    model: &Bound<'_, PyAny>,
    trace: &Bound<'_, PyAny>,
    ids: Vec<usize>,
    start: usize,
    stop: usize,
    check: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let p = program(&model.getattr("config")?, check)?;
    let rows: usize = trace.getattr("rows")?.extract()?;
    let d = p.width();
    guards!(read(model): wte: i16, wpe: i16, w_qkv: i16, b_qkv: i64, w_o: i16, b_o: i64, w_fc1: i16, b_fc1: i64,
        w_fc2: i16, b_fc2: i64, gelu: i32, exp: i32);
    mutable_guards!(fill(trace): x0: i32, rho: u16, u: u16, v: u16, y: i16, y_rem: i64, qkv: i16, qkv_rem: i32,
        score_max: i64, sel: i8, idx: i32, over: i32, rem: i32, e: i32, o: i16, div: i64, write: i32, o_rem: i32,
        fc2_rem: i32, f: i16, f_rem: i32, g: i16);
    let weights = Weights {
        wte: wte.as_slice()?,
        wpe: wpe.as_slice()?,
        w_qkv: w_qkv.as_slice()?,
        b_qkv: b_qkv.as_slice()?,
        w_o: w_o.as_slice()?,
        b_o: b_o.as_slice()?,
        w_fc1: w_fc1.as_slice()?,
        b_fc1: b_fc1.as_slice()?,
        w_fc2: w_fc2.as_slice()?,
        b_fc2: b_fc2.as_slice()?,
        gelu: gelu.as_slice()?,
        exp: exp.as_slice()?,
    };
    let mut arrays = Arrays {
        x0: x0.as_slice_mut()?,
        rho: rho.as_slice_mut()?,
        u: u.as_slice_mut()?,
        v: v.as_slice_mut()?,
        y: y.as_slice_mut()?,
        y_rem: y_rem.as_slice_mut()?,
        qkv: qkv.as_slice_mut()?,
        qkv_rem: qkv_rem.as_slice_mut()?,
        score_max: score_max.as_slice_mut()?,
        sel: sel.as_slice_mut()?,
        idx: idx.as_slice_mut()?,
        over: over.as_slice_mut()?,
        rem: rem.as_slice_mut()?,
        e: e.as_slice_mut()?,
        o: o.as_slice_mut()?,
        div: div.as_slice_mut()?,
        write: write.as_slice_mut()?,
        o_rem: o_rem.as_slice_mut()?,
        fc2_rem: fc2_rem.as_slice_mut()?,
        f: f.as_slice_mut()?,
        f_rem: f_rem.as_slice_mut()?,
        g: g.as_slice_mut()?,
    };
    if start > stop || stop > rows || ids.len() < stop || arrays.x0.len() != rows * d {
        return Err(PyValueError::new_err("rows or ids outside the trace"));
    }
    if ids[..stop].iter().any(|id| *id >= p.vocab) || weights.wpe.len() < stop * d {
        return Err(PyValueError::new_err("token id or position outside the model"));
    }
    let mut failure = None;
    let result = py.detach(|| {
        let mut tick = |done: usize, total: usize| {
            Python::attach(|py| {
                let called = py.check_signals().and_then(|()| match &progress {
                    Some(f) => f.call1(py, (done, total)).map(|_| ()),
                    None => Ok(()),
                });
                failure = called.err();
                failure.is_none()
            })
        };
        run_rows(&p, &weights, &mut arrays, rows, start..stop, &ids, &mut tick)
    });
    match result {
        Ok(()) => Ok(()),
        Err(Stop::Range(error)) => Err(range_error(py, error)),
        Err(Stop::Interrupted) => Err(failure.unwrap_or_else(|| PyKeyboardInterrupt::new_err(()))),
    }
}

/// Fills rows [i, i + count) of yf, yf_rem and logits from rows t, t + 1, .. of the last LayerNorm.
#[pyfunction]
fn trace_head(
    py: Python<'_>,
    model: &Bound<'_, PyAny>,
    trace: &Bound<'_, PyAny>,
    i: usize,
    t: usize,
    count: usize,
    check: bool,
) -> PyResult<()> {
    let p = program(&model.getattr("config")?, check)?;
    let rows: usize = trace.getattr("rows")?.extract()?;
    let (d, vocab) = (p.width(), p.vocab);
    guards!(read(model): wte: i16, gain: i32, beta: i64);
    mutable_guards!(fill(trace): yf: i16, yf_rem: i32, logits: i64);
    let y: PyReadonlyArrayDyn<'_, i16> =
        trace.get_item("y")?.cast::<PyArrayDyn<i16>>().map_err(|_| wrong("y"))?.readonly();
    let (wte, gain, beta, y) = (wte.as_slice()?, gain.as_slice()?, beta.as_slice()?, y.as_slice()?);
    let outside = || PyValueError::new_err("row outside the trace");
    if t > rows || count > rows - t || i > rows {
        return Err(outside());
    }
    let at = (2 * p.layers * rows + t) * d;
    let y = y.get(at..at + count * d).ok_or_else(outside)?;
    let yf = yf.as_slice_mut()?.get_mut(i * d..(i + count) * d).ok_or_else(outside)?;
    let rem = yf_rem.as_slice_mut()?.get_mut(i * d..(i + count) * d).ok_or_else(outside)?;
    let logits = logits.as_slice_mut()?.get_mut(i * vocab..(i + count) * vocab).ok_or_else(outside)?;
    py.detach(|| head_rows(&p, wte, gain, beta, y, (yf, rem, logits))).map_err(|error| range_error(py, error))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_rows, m)?)?;
    m.add_function(wrap_pyfunction!(trace_head, m)?)
}
