//! Rows of the integer program through all layers, and one row of the head.

use super::attention::{AttentionRow, AttentionSpec, attend};
use super::matmul::{matmul, matmul_rows};
use super::norm::{NormSpec, NormWords, layer_norm};
use super::range::{Checked, RangeError, Width, first_error, round_shift};
use rayon::prelude::*;

const WORDS: usize = 8;

/// Sizes, shifts and widths (`zkllm.model.config.ProgramConfig`).
#[derive(Clone)]
pub struct Program {
    pub layers: usize,
    pub inner: usize,
    pub vocab: usize,
    pub wte_shift: u32,
    pub wpe_shift: u32,
    pub qkv_shift: u32,
    pub o_shift: u32,
    pub fc1_shift: u32,
    pub fc2_shift: u32,
    pub final_shift: u32,
    pub gelu_bits: u32,
    /// Of each layer: its GELU table, and log2 of what multiplies the MLP's products.
    pub mlp_class: Vec<usize>,
    pub fc1_gains: Vec<u32>,
    pub fc2_gains: Vec<u32>,
    pub act: Width,
    pub write: Width,
    pub norm: NormSpec,
    pub attention: AttentionSpec,
}

impl Program {
    pub fn width(&self) -> usize {
        self.attention.heads * self.attention.head_dim
    }
}

/// The arrays of a QuantizedModel, row-major.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub wte: &'a [i16],
    pub wpe: &'a [i16],
    pub w_qkv: &'a [i16],
    pub b_qkv: &'a [i64],
    pub w_o: &'a [i16],
    pub b_o: &'a [i64],
    pub w_fc1: &'a [i16],
    pub b_fc1: &'a [i64],
    pub w_fc2: &'a [i16],
    pub b_fc2: &'a [i64],
    pub gelu: &'a [i32],
    pub exp: &'a [i32],
}

/// The arrays of a Trace of `rows` rows, row-major.
pub struct Arrays<'a> {
    pub x0: &'a mut [i32],
    pub rho: &'a mut [u16],
    pub u: &'a mut [u16],
    pub v: &'a mut [u16],
    pub y: &'a mut [i16],
    pub y_rem: &'a mut [i64],
    pub qkv: &'a mut [i16],
    pub qkv_rem: &'a mut [i32],
    pub score_max: &'a mut [i64],
    pub sel: &'a mut [i8],
    pub idx: &'a mut [i32],
    pub over: &'a mut [i32],
    pub rem: &'a mut [i32],
    pub e: &'a mut [i32],
    pub o: &'a mut [i16],
    pub div: &'a mut [i64],
    pub write: &'a mut [i32],
    pub o_rem: &'a mut [i32],
    pub fc2_rem: &'a mut [i32],
    pub f: &'a mut [i16],
    pub f_rem: &'a mut [i32],
    pub g: &'a mut [i16],
}

/// Why a run ended early.
pub enum Stop {
    Range(RangeError),
    Interrupted,
}

impl From<RangeError> for Stop {
    fn from(error: RangeError) -> Self {
        Self::Range(error)
    }
}

/// Executes rows [from, to) of `rows`, whose earlier rows are already in the arrays. `tick(done, total)` is called
/// after each layer and may interrupt.
pub fn run_rows(
    p: &Program,
    w: &Weights<'_>,
    tr: &mut Arrays<'_>,
    rows: usize,
    span: std::ops::Range<usize>,
    ids: &[usize],
    tick: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<(), Stop> {
    let mut x = embed(p, w, tr, span.clone(), ids)?;
    for l in 0..p.layers {
        norm(p, tr, rows, &span, 2 * l, &x)?;
        project(p, w, tr, rows, &span, l)?;
        attention(p, w, tr, rows, &span, l)?;
        write_attention(p, w, tr, rows, &span, l, &mut x)?;
        norm(p, tr, rows, &span, 2 * l + 1, &x)?;
        inner(p, w, tr, rows, &span, l)?;
        write_inner(p, w, tr, rows, &span, l, &mut x)?;
        if !tick(l + 1, p.layers) {
            return Err(Stop::Interrupted);
        }
    }
    norm(p, tr, rows, &span, 2 * p.layers, &x)?;
    Ok(())
}

/// X_0 of the rows, which is also the residual stream returned.
fn embed(
    p: &Program,
    w: &Weights<'_>,
    tr: &mut Arrays<'_>,
    span: std::ops::Range<usize>,
    ids: &[usize],
) -> Checked<Vec<i64>> {
    let d = p.width();
    let width = Width::signed(true, 32, 32);
    let mut x = Vec::with_capacity(span.len() * d);
    for t in span {
        for j in 0..d {
            let token = i64::from(w.wte[ids[t] * d + j]) << p.wte_shift;
            let value = width.hold64(token + (i64::from(w.wpe[t * d + j]) << p.wpe_shift), || "x0".into())?;
            tr.x0[t * d + j] = value as i32;
            x.push(value);
        }
    }
    Ok(x)
}

/// The part of an array (.., rows, size) with leading index `i` that holds the rows of `span`.
fn part<'a, T>(array: &'a mut [T], i: usize, rows: usize, span: &std::ops::Range<usize>, size: usize) -> &'a mut [T] {
    &mut array[(i * rows + span.start) * size..(i * rows + span.end) * size]
}

type Span = std::ops::Range<usize>;

fn norm(p: &Program, tr: &mut Arrays<'_>, rows: usize, span: &Span, n: usize, x: &[i64]) -> Checked<()> {
    let d = p.width();
    let results = x
        .par_chunks(d)
        .zip(part(tr.rho, n, rows, span, WORDS).par_chunks_mut(WORDS))
        .zip(part(tr.u, n, rows, span, WORDS).par_chunks_mut(WORDS))
        .zip(part(tr.v, n, rows, span, WORDS).par_chunks_mut(WORDS))
        .zip(part(tr.y, n, rows, span, d).par_chunks_mut(d))
        .zip(part(tr.y_rem, n, rows, span, d).par_chunks_mut(d))
        .map(|(((((x, rho), u), v), y), rem)| layer_norm(n, x, &p.norm, NormWords { rho, u, v }, y, rem))
        .collect();
    first_error(results)
}

fn project(p: &Program, w: &Weights<'_>, tr: &mut Arrays<'_>, rows: usize, span: &Span, l: usize) -> Checked<()> {
    let (d, wide) = (p.width(), 3 * p.width());
    let mut z = vec![0i64; span.len() * wide];
    let weights = &w.w_qkv[l * d * wide..(l + 1) * d * wide];
    let bias = &w.b_qkv[l * wide..(l + 1) * wide];
    matmul(part(tr.y, 2 * l, rows, span, d), weights, bias, span.len(), d, wide, &mut z);
    let results = z
        .par_chunks(wide)
        .zip(part(tr.qkv, l, rows, span, wide).par_chunks_mut(wide))
        .zip(part(tr.qkv_rem, l, rows, span, wide).par_chunks_mut(wide))
        .map(|((z, y), rem)| {
            for ((z, y), rem) in z.iter().zip(y).zip(rem) {
                let (value, r) = round_shift(*z, p.qkv_shift);
                *y = p.act.hold64(value, || format!("qkv[{l}]"))? as i16;
                *rem = r as i32;
            }
            Ok(())
        })
        .collect();
    first_error(results)
}

fn attention(p: &Program, w: &Weights<'_>, tr: &mut Arrays<'_>, rows: usize, span: &Span, l: usize) -> Checked<()> {
    let (d, heads) = (p.width(), p.attention.heads);
    let square = heads * rows;
    let qkv = &tr.qkv[l * rows * 3 * d..(l + 1) * rows * 3 * d];
    let results = span
        .clone()
        .into_par_iter()
        .zip(part(tr.score_max, l, rows, span, heads).par_chunks_mut(heads))
        .zip(part(tr.sel, l, rows, span, square).par_chunks_mut(square))
        .zip(part(tr.idx, l, rows, span, square).par_chunks_mut(square))
        .zip(part(tr.over, l, rows, span, square).par_chunks_mut(square))
        .zip(part(tr.rem, l, rows, span, square).par_chunks_mut(square))
        .zip(part(tr.e, l, rows, span, square).par_chunks_mut(square))
        .zip(part(tr.o, l, rows, span, d).par_chunks_mut(d))
        .zip(part(tr.div, l, rows, span, d).par_chunks_mut(d))
        .map(|((((((((t, score_max), sel), idx), over), rem), e), o), div)| {
            let out = AttentionRow { score_max, sel, idx, over, rem, e, o, div };
            attend(l, t, qkv, w.exp, &p.attention, out)
        })
        .collect();
    first_error(results)
}

fn write_attention(
    p: &Program,
    w: &Weights<'_>,
    tr: &mut Arrays<'_>,
    rows: usize,
    span: &Span,
    l: usize,
    x: &mut [i64],
) -> Checked<()> {
    let d = p.width();
    let mut z = vec![0i64; span.len() * d];
    let weights = &w.w_o[l * d * d..(l + 1) * d * d];
    matmul(part(tr.o, l, rows, span, d), weights, &w.b_o[l * d..(l + 1) * d], span.len(), d, d, &mut z);
    let out = part(tr.write, 2 * l, rows, span, d);
    write(p, 2 * l, &z, out, part(tr.o_rem, l, rows, span, d), p.o_shift, x)
}

fn write_inner(
    p: &Program,
    w: &Weights<'_>,
    tr: &mut Arrays<'_>,
    rows: usize,
    span: &Span,
    l: usize,
    x: &mut [i64],
) -> Checked<()> {
    let (d, ff) = (p.width(), p.inner);
    let mut z = vec![0i64; span.len() * d];
    let weights = &w.w_fc2[l * ff * d..(l + 1) * ff * d];
    matmul(part(tr.g, l, rows, span, ff), weights, &w.b_fc2[l * d..(l + 1) * d], span.len(), ff, d, &mut z);
    amplify(&mut z, &w.b_fc2[l * d..(l + 1) * d], p.fc2_gains[l]);
    let out = part(tr.write, 2 * l + 1, rows, span, d);
    write(p, 2 * l + 1, &z, out, part(tr.fc2_rem, l, rows, span, d), p.fc2_shift, x)
}

/// A W + b becomes 2^gain A W + b.
fn amplify(z: &mut [i64], bias: &[i64], gain: u32) {
    if gain > 0 {
        z.par_chunks_mut(bias.len())
            .for_each(|row| row.iter_mut().zip(bias).for_each(|(z, b)| *z = ((*z - b) << gain) + b));
    }
}

/// Rounds accumulators and adds them to the residual stream.
fn write(p: &Program, m: usize, z: &[i64], out: &mut [i32], rem: &mut [i32], shift: u32, x: &mut [i64]) -> Checked<()> {
    for (((z, out), rem), x) in z.iter().zip(out).zip(rem).zip(x) {
        let (value, r) = round_shift(*z, shift);
        *out = p.write.hold64(value, || format!("write[{m}]"))? as i32;
        *rem = r as i32;
        *x += value;
    }
    Ok(())
}

fn inner(p: &Program, w: &Weights<'_>, tr: &mut Arrays<'_>, rows: usize, span: &Span, l: usize) -> Checked<()> {
    let (d, ff) = (p.width(), p.inner);
    let mut z = vec![0i64; span.len() * ff];
    let weights = &w.w_fc1[l * d * ff..(l + 1) * d * ff];
    let bias = &w.b_fc1[l * ff..(l + 1) * ff];
    matmul(part(tr.y, 2 * l + 1, rows, span, d), weights, bias, span.len(), d, ff, &mut z);
    amplify(&mut z, bias, p.fc1_gains[l]);
    let (width, half) = (Width::signed(true, p.gelu_bits, 16), 1i64 << (p.gelu_bits - 1));
    let table = &w.gelu[p.mlp_class[l] << p.gelu_bits..(p.mlp_class[l] + 1) << p.gelu_bits];
    let results = z
        .par_chunks(ff)
        .zip(part(tr.f, l, rows, span, ff).par_chunks_mut(ff))
        .zip(part(tr.f_rem, l, rows, span, ff).par_chunks_mut(ff))
        .zip(part(tr.g, l, rows, span, ff).par_chunks_mut(ff))
        .map(|(((z, f), rem), g)| {
            for (((z, f), rem), g) in z.iter().zip(f).zip(rem).zip(g) {
                let (value, r) = round_shift(*z, p.fc1_shift);
                *f = width.hold64(value, || format!("f[{l}]"))? as i16; // the table has no other entry
                *rem = r as i32;
                *g = table[(value + half) as usize] as i16;
            }
            Ok(())
        })
        .collect();
    first_error(results)
}

/// The head of the certified rows: `y` the last LayerNorm's rows; fills yf, its remainder and the logits.
pub fn head_rows(
    p: &Program,
    wte: &[i16],
    gain: &[i32],
    beta: &[i64],
    y: &[i16],
    out: (&mut [i16], &mut [i32], &mut [i64]),
) -> Checked<()> {
    let (yf, rem, logits) = out;
    let d = p.width();
    for (at, y) in y.iter().enumerate() {
        let z = i64::from(gain[at % d]) * i64::from(*y) + beta[at % d];
        let (value, r) = round_shift(z, p.final_shift);
        yf[at] = p.act.hold64(value, || "yf".into())? as i16;
        rem[at] = r as i32;
    }
    matmul_rows(yf, wte, y.len() / d, d, p.vocab, logits);
    Ok(())
}
