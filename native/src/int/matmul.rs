//! Exact integer matrix products, rows of int16 by a row-major int16 matrix.
//!
//! Products are accumulated in f64: all partial sums are integers below 2^53 (2^30 times fewer than 2^23 terms),
//! so the arithmetic is exact, in any order, and uses the vector units.

use rayon::prelude::*;

const COLUMNS: usize = 64; // a tile of accumulators stays in the first-level cache
const ROWS: usize = 8;

/// out[t][j] = sum_k a[t][k] w[k][j] + bias[j]; a is rows x inner, w inner x outer, all row-major.
pub fn matmul(a: &[i16], w: &[i16], bias: &[i64], rows: usize, inner: usize, outer: usize, out: &mut [i64]) {
    assert!(a.len() == rows * inner && w.len() == inner * outer && out.len() == rows * outer && bias.len() == outer);
    assert!(inner < 1 << 23, "accumulators would not be exact");
    let tiles: Vec<(usize, Vec<f64>)> = (0..outer.div_ceil(COLUMNS))
        .into_par_iter()
        .map(|i| (i * COLUMNS, tile(a, w, rows, inner, outer, i * COLUMNS)))
        .collect();
    out.par_chunks_mut(outer).enumerate().for_each(|(t, row)| {
        for (start, sums) in &tiles {
            let end = (start + COLUMNS).min(outer);
            for j in *start..end {
                row[j] = sums[t * COLUMNS + j - start] as i64 + bias[j];
            }
        }
    });
}

/// Sums of one tile of columns, rows x COLUMNS.
fn tile(a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, start: usize) -> Vec<f64> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the features were detected
        return unsafe { tile_avx2(a, w, rows, inner, outer, start) };
    }
    accumulate(a, w, rows, inner, outer, start, |x, y, z| x * y + z)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_avx2(a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, start: usize) -> Vec<f64> {
    accumulate(a, w, rows, inner, outer, start, f64::mul_add)
}

#[inline(always)]
fn accumulate(
    a: &[i16],
    w: &[i16],
    rows: usize,
    inner: usize,
    outer: usize,
    start: usize,
    fused: impl Fn(f64, f64, f64) -> f64,
) -> Vec<f64> {
    const K: usize = 64; // rows of the matrix converted at a time
    let columns = COLUMNS.min(outer - start);
    let mut sums = vec![0f64; rows * COLUMNS];
    let mut converted = vec![[0f64; COLUMNS]; K];
    for k0 in (0..inner).step_by(K) {
        let depth = K.min(inner - k0);
        for (k, line) in converted[..depth].iter_mut().enumerate() {
            let at = (k0 + k) * outer + start;
            for (x, y) in line[..columns].iter_mut().zip(&w[at..at + columns]) {
                *x = f64::from(*y);
            }
        }
        for t0 in (0..rows).step_by(ROWS) {
            for t in t0..rows.min(t0 + ROWS) {
                let sum: &mut [f64; COLUMNS] = (&mut sums[t * COLUMNS..(t + 1) * COLUMNS]).try_into().expect("tile");
                let mut local = *sum;
                for (line, x) in converted[..depth].iter().zip(&a[t * inner + k0..]) {
                    let x = f64::from(*x);
                    for (s, y) in local.iter_mut().zip(line) {
                        *s = fused(x, *y, *s);
                    }
                }
                *sum = local;
            }
        }
    }
    sums
}

/// Exact dot products of one row with every row of `w`.
pub fn matvec(a: &[i16], w: &[i16], out: &mut [i64]) {
    assert!(w.len() == a.len() * out.len());
    const CHUNK: usize = 256;
    out.par_chunks_mut(CHUNK).zip(w.par_chunks(CHUNK * a.len())).for_each(|(out, w)| {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was detected
            unsafe { dots_avx2(a, w, out) };
            return;
        }
        dots(a, w, out);
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn dots_avx2(a: &[i16], w: &[i16], out: &mut [i64]) {
    dots(a, w, out);
}

#[inline(always)]
fn dots(a: &[i16], w: &[i16], out: &mut [i64]) {
    for (z, row) in out.iter_mut().zip(w.chunks_exact(a.len())) {
        *z = dot(a, row);
    }
}

/// Exact dot product of two rows.
#[inline(always)]
pub fn dot(a: &[i16], b: &[i16]) -> i64 {
    a.iter().zip(b).map(|(x, y)| i64::from(i32::from(*x) * i32::from(*y))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    #[test]
    fn products_are_exact_at_awkward_sizes_and_extremes() {
        let mut rng = StdRng::seed_from_u64(1);
        for (rows, inner, outer) in [(1, 1, 1), (3, 5, 7), (9, 65, 130), (17, 200, 64), (16, 48, 144)] {
            let extreme = rows == 17;
            let mut draw = |n: usize| -> Vec<i16> {
                (0..n).map(|_| if extreme { i16::MIN } else { rng.random_range(i16::MIN..=i16::MAX) }).collect()
            };
            let (a, w) = (draw(rows * inner), draw(inner * outer));
            let bias: Vec<i64> = (0..outer as i64).map(|j| j << 40).collect();
            let mut out = vec![0; rows * outer];
            matmul(&a, &w, &bias, rows, inner, outer, &mut out);
            for t in 0..rows {
                for j in 0..outer {
                    let z: i64 = (0..inner).map(|k| a[t * inner + k] as i64 * w[k * outer + j] as i64).sum();
                    assert_eq!(out[t * outer + j], z + bias[j]);
                }
            }
        }
        assert_eq!(dot(&[i16::MIN; 9], &[i16::MIN; 9]), 9 << 30);
        let (a, w): (Vec<i16>, Vec<i16>) =
            ((0..37).map(|i| i * 800).collect(), (0..37 * 600).map(|i| (i * 7) as i16).collect());
        let mut out = vec![0; 600];
        matvec(&a, &w, &mut out);
        assert!(out.iter().zip(w.chunks(37)).all(|(z, row)| *z == dot(&a, row)));
    }
}
