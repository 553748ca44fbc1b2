//! From the checkpoint's floats to int16, in double precision and in one pass over the weights; and the bounds of
//! what came out. The numpy twins are in `zkllm/model/float_model.py` and `predicates.py`.
//!
//! A matrix is `inner` x `outer`. Its folded entry is gain[i] w[i][j] / divisor, the divisor that of the column's
//! part (the columns are cut into as many equal parts as there are divisors).

use rayon::prelude::*;

/// Rows that a thread takes at a time.
const ROWS: usize = 64;

/// A weight as the checkpoint stores it.
pub trait Weight: Copy + Sync + Into<f64> {}
impl Weight for f32 {}
impl Weight for f64 {}

/// A matrix, the factors of its rows (none: 1) and the divisors of its parts.
#[derive(Clone, Copy)]
pub struct Folded<'a, T> {
    pub weights: &'a [T],
    pub outer: usize,
    pub gain: Option<&'a [f64]>,
    pub divisors: &'a [f64],
}

impl<T: Weight> Folded<'_, T> {
    /// (row, factor) of the rows from `first` on, as (gain, part's divisor, part's weights).
    fn parts(&self, row: usize) -> impl Iterator<Item = (f64, f64, &[T])> {
        let gain = self.gain.map_or(1.0, |g| g[row]);
        let line = &self.weights[row * self.outer..(row + 1) * self.outer];
        line.chunks_exact(self.outer / self.divisors.len()).zip(self.divisors).map(move |(w, d)| (gain, *d, w))
    }

    fn rows(&self) -> usize {
        self.weights.len() / self.outer
    }

    /// The largest magnitude in each part; infinite or NaN where a weight is.
    pub fn maxima(&self) -> Vec<f64> {
        // magnitudes are ordered as their bits are, with infinity and NaN above all numbers
        let most = (0..self.rows())
            .into_par_iter()
            .with_min_len(ROWS)
            .fold(
                || vec![0u64; self.divisors.len()],
                |mut most, row| {
                    for (most, (gain, divisor, w)) in most.iter_mut().zip(self.parts(row)) {
                        *most = (*most).max(vectorised(|| largest(w, gain, divisor)));
                    }
                    most
                },
            )
            .reduce(|| vec![0u64; self.divisors.len()], |a, b| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect());
        most.into_iter().map(f64::from_bits).collect()
    }

    /// out = round(entry * 2^scale), ties to even, each part at its own scale; false where one is beyond +-32767.
    pub fn quantise(&self, scales: &[i32], out: &mut [i16]) -> bool {
        let units: Vec<f64> = scales.iter().map(|s| 2f64.powi(*s)).collect();
        out.par_chunks_mut(self.outer)
            .with_min_len(ROWS)
            .enumerate()
            .map(|(row, out)| {
                let size = self.outer / self.divisors.len();
                let parts = self.parts(row).zip(&units).zip(out.chunks_exact_mut(size));
                parts.fold(true, |ok, (((gain, divisor, w), unit), out)| {
                    vectorised(|| rounded(w, gain, divisor, *unit, out)) && ok
                })
            })
            .reduce(|| true, |a, b| a && b)
    }
}

/// Runs a loop with AVX2 where the processor has it: the compiler makes vectors of it.
#[inline(always)]
fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was detected
            return unsafe { with_avx2(f) };
        }
    }
    f()
}

#[inline(always)]
fn largest<T: Weight>(w: &[T], gain: f64, divisor: f64) -> u64 {
    w.iter().map(|x| (gain * (*x).into() / divisor).abs().to_bits()).fold(0, u64::max)
}

#[inline(always)]
fn rounded<T: Weight>(w: &[T], gain: f64, divisor: f64, unit: f64, out: &mut [i16]) -> bool {
    const ROUND: f64 = (3u64 << 51) as f64; // sums with it have no fractional bits, and the integer in the low ones
    let mut outside = 0u64;
    for (x, out) in w.iter().zip(out) {
        let sum = gain * (*x).into() / divisor * unit + ROUND;
        let inside = (sum - ROUND).abs() <= 32767.0; // false for NaN
        outside |= u64::from(!inside);
        *out = sum.to_bits() as i16;
    }
    outside == 0
}

/// out[j] = sum_i factors[i] w[i][j], row after row, so that the last bit is the same on every machine.
pub fn weighted_sum<T: Weight>(weights: &[T], factors: &[f64], out: &mut [f64]) {
    let outer = out.len();
    const COLUMNS: usize = 256;
    out.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, out)| {
        for (i, f) in factors.iter().enumerate() {
            let line = &weights[i * outer + block * COLUMNS..][..out.len()];
            if i == 0 {
                out.iter_mut().zip(line).for_each(|(s, w)| *s = f * (*w).into());
            } else {
                vectorised(|| out.iter_mut().zip(line).for_each(|(s, w)| *s += f * (*w).into()));
            }
        }
    });
}

/// The largest L1 norm of a column of `weights`, inner x outer with inner < 2^16.
pub fn largest_column_norm(weights: &[i16], outer: usize) -> u64 {
    const COLUMNS: usize = 512;
    (0..outer.div_ceil(COLUMNS))
        .into_par_iter()
        .map(|block| {
            let (start, end) = (block * COLUMNS, outer.min((block + 1) * COLUMNS));
            let mut sums = [0u32; COLUMNS]; // 2^16 rows of at most 2^15
            for line in weights.chunks_exact(outer) {
                vectorised(|| {
                    sums.iter_mut().zip(&line[start..end]).for_each(|(s, w)| *s += u32::from(w.unsigned_abs()))
                });
            }
            sums.into_iter().max().map_or(0, u64::from)
        })
        .max()
        .unwrap_or(0)
}

/// The largest L1 norm of a row.
pub fn largest_row_norm(weights: &[i16], outer: usize) -> u64 {
    let norm = |line: &[i16]| vectorised(|| line.iter().map(|w| u64::from(w.unsigned_abs())).sum::<u64>());
    weights.par_chunks_exact(outer).with_min_len(ROWS).map(norm).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_even_and_exact_to_the_ends() {
        let folded = |w: &'static [f32]| Folded { weights: w, outer: w.len(), gain: None, divisors: &[1.0] };
        let mut out = [0i16; 5];
        assert!(folded(&[0.5, 1.5, -2.5, 32767.4, -32767.0]).quantise(&[0], &mut out));
        assert_eq!(out, [0, 2, -2, 32767, -32767]);
        for bad in [&[32767.5f32][..], &[-32768.0], &[f32::NAN], &[f32::INFINITY], &[1e30]] {
            let matrix = Folded { weights: bad, outer: 1, gain: None, divisors: &[1.0] };
            assert!(!matrix.quantise(&[0], &mut out[..1]));
        }
        assert!(folded(&[1.0, f32::NAN]).maxima()[0].is_nan());
        assert_eq!(folded(&[1.0, f32::NEG_INFINITY]).maxima()[0], f64::INFINITY);
    }

    #[test]
    fn parts_have_their_own_divisor_and_scale() {
        let weights: Vec<f64> = (0..12).map(f64::from).collect(); // 2 x 6
        let matrix = Folded { weights: &weights, outer: 6, gain: Some(&[1.0, -2.0]), divisors: &[1.0, 2.0] };
        assert_eq!(matrix.maxima(), [16.0, 11.0]);
        let mut out = [0i16; 12];
        assert!(matrix.quantise(&[1, 2], &mut out));
        assert_eq!(out, [0, 2, 4, 6, 8, 10, -24, -28, -32, -36, -40, -44]);
        let mut sums = [0.0; 6];
        weighted_sum(&weights, &[1.0, 0.5], &mut sums);
        assert_eq!(sums, [3.0, 4.5, 6.0, 7.5, 9.0, 10.5]);
    }

    #[test]
    fn norms() {
        let w = [i16::MIN, 1, -2, i16::MAX, i16::MIN, 3];
        assert_eq!(largest_column_norm(&w, 3), (1 << 15) + 32767);
        assert_eq!(largest_row_norm(&w, 3), 32767 + 32768 + 3);
    }
}
