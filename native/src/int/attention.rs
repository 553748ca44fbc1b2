//! Causal softmax attention of some rows, all heads.

use super::matmul;
use super::range::{Checked, Width, first_error};
use rayon::prelude::*;

/// An entry of queries, keys and values.
pub trait Entry: Copy + Into<i64> + Sync {
    /// Exact dot product of two rows.
    fn dot(a: &[Self], b: &[Self]) -> i64;
}

impl Entry for i16 {
    #[inline(always)]
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        matmul::dot(a, b)
    }
}

impl Entry for i32 {
    #[inline(always)]
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        a.iter().zip(b).map(|(x, y)| i64::from(*x) * i64::from(*y)).sum()
    }
}

#[derive(Clone, Copy)]
pub struct AttentionSpec {
    pub heads: usize,
    pub head_dim: usize,
    pub exp_shift: u32,
    pub over: Width,
    pub div: Width,
    pub o: Width,
}

/// Where the values of a row, or of several, go. `sel`, `idx`, `over`, `rem`, `e` are heads x rows, `score_max` heads, `o`, `div` width.
pub struct AttentionRow<'a> {
    pub score_max: &'a mut [i64],
    pub sel: &'a mut [i8],
    pub idx: &'a mut [i32],
    pub over: &'a mut [i32],
    pub rem: &'a mut [i32],
    pub e: &'a mut [i32],
    pub o: &'a mut [i16],
    pub div: &'a mut [i64],
}

/// Rows first, first + 1, .. of a layer. `qkv` is rows x 3 x width, filled up to the last of them; entries above the
/// diagonal are set to 0. `names`, for errors: those of over, div and o.
pub fn attend_rows<T: Entry>(
    first: usize,
    qkv: &[T],
    exp: &[i32],
    spec: &AttentionSpec,
    names: &[String; 3],
    out: AttentionRow<'_>,
) -> Checked<()> {
    let (heads, width) = (spec.heads, spec.heads * spec.head_dim);
    let square = qkv.len() / (3 * width) * heads;
    let results = out
        .score_max
        .par_chunks_mut(heads)
        .zip(out.sel.par_chunks_mut(square))
        .zip(out.idx.par_chunks_mut(square))
        .zip(out.over.par_chunks_mut(square))
        .zip(out.rem.par_chunks_mut(square))
        .zip(out.e.par_chunks_mut(square))
        .zip(out.o.par_chunks_mut(width))
        .zip(out.div.par_chunks_mut(width))
        .enumerate()
        .map(|(i, (((((((score_max, sel), idx), over), rem), e), o), div))| {
            let row = AttentionRow { score_max, sel, idx, over, rem, e, o, div };
            attend(first + i, qkv, exp, spec, names, row)
        })
        .collect();
    first_error(results)
}

fn attend<T: Entry>(
    t: usize,
    qkv: &[T],
    exp: &[i32],
    spec: &AttentionSpec,
    names: &[String; 3],
    out: AttentionRow<'_>,
) -> Checked<()> {
    let (dim, width) = (spec.head_dim, spec.heads * spec.head_dim);
    let rows = out.sel.len() / spec.heads;
    let last = exp.len() as i64 - 1;
    let part = |u: usize, p: usize, h: usize| &qkv[(3 * u + p) * width + h * dim..][..dim];
    let mut scores = vec![0i64; t + 1];
    let mut values = vec![0i64; dim];
    for h in 0..spec.heads {
        for (u, z) in scores.iter_mut().enumerate() {
            *z = T::dot(part(t, 0, h), part(u, 1, h));
        }
        let top = scores.iter().copied().max().expect("at least the row itself");
        let at = h * rows;
        out.score_max[h] = top;
        for buffer in [&mut *out.idx, &mut *out.over, &mut *out.rem, &mut *out.e] {
            buffer[at..at + rows].fill(0);
        }
        out.sel[at..at + rows].fill(0);
        out.sel[at + scores.iter().position(|z| *z == top).expect("attained")] = 1;
        let mut total = 0i64;
        values.fill(0);
        for (u, z) in scores.iter().enumerate() {
            let steps = (top - z) >> spec.exp_shift;
            let idx = steps.min(last);
            out.over[at + u] = spec.over.hold64(steps - idx, || names[0].clone())? as i32;
            out.rem[at + u] = ((top - z) & ((1 << spec.exp_shift) - 1)) as i32;
            let e = exp[idx as usize];
            (out.idx[at + u], out.e[at + u]) = (idx as i32, e);
            total += i64::from(e);
            if e != 0 {
                for (x, v) in values.iter_mut().zip(part(u, 2, h)) {
                    *x += i64::from(e) * (*v).into();
                }
            }
        }
        spec.div.hold64(2 * total - 1, || names[1].clone())?;
        for (j, x) in values.iter().enumerate() {
            let n = 2 * x + total;
            let o = n.div_euclid(2 * total);
            out.o[h * dim + j] = spec.o.hold64(o, || names[2].clone())? as i16;
            out.div[h * dim + j] = n - 2 * total * o;
        }
    }
    Ok(())
}
