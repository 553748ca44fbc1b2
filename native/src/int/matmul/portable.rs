//! Products without vector intrinsics: sums in f64, whose integers are exact below 2^53 (2^30 times fewer than
//! 2^23 terms).

use super::split::TILE;
use std::ops::Range;

/// As `super::columns`.
pub fn columns(a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, span: Range<usize>) -> Vec<i64> {
    let stride = span.len().next_multiple_of(TILE);
    let mut out = vec![0i64; rows * stride];
    for start in (0..span.len()).step_by(TILE) {
        let width = TILE.min(span.len() - start);
        let sums = tile(a, w, rows, inner, outer, span.start + start, width);
        for (row, sums) in out.chunks_exact_mut(stride).zip(sums) {
            for (x, y) in row[start..start + TILE].iter_mut().zip(sums) {
                *x = y as i64;
            }
        }
    }
    out
}

fn tile(a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, start: usize, width: usize) -> Vec<[f64; TILE]> {
    const K: usize = 64; // rows of the matrix converted at a time
    let mut sums = vec![[0f64; TILE]; rows];
    let mut converted = vec![[0f64; TILE]; K];
    for k0 in (0..inner).step_by(K) {
        let depth = K.min(inner - k0);
        for (k, line) in converted[..depth].iter_mut().enumerate() {
            for (x, y) in line.iter_mut().zip(&w[(k0 + k) * outer + start..][..width]) {
                *x = f64::from(*y);
            }
        }
        for (t, sum) in sums.iter_mut().enumerate() {
            let mut local = *sum;
            for (line, x) in converted[..depth].iter().zip(&a[t * inner + k0..]) {
                let x = f64::from(*x);
                for (s, y) in local.iter_mut().zip(line) {
                    *s += x * *y;
                }
            }
            *sum = local;
        }
    }
    sums
}

/// Products of every row of a with every row of w, rows of a x rows of w.
pub fn rows(a: &[i16], w: &[i16], inner: usize) -> Vec<i64> {
    a.chunks_exact(inner).flat_map(|a| w.chunks_exact(inner).map(move |w| dot(a, w))).collect()
}

/// Exact dot product of two rows.
#[inline(always)]
pub fn dot(a: &[i16], b: &[i16]) -> i64 {
    a.iter().zip(b).map(|(x, y)| i64::from(i32::from(*x) * i32::from(*y))).sum()
}
