//! From the checkpoint's floats to int16, in double precision and in one pass over the weights; and the bounds of
//! what came out. The numpy twins are in `zkllm/naive/integers.py`.
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

/// A matrix as it is applied, outputs x inputs, and the factors of its inputs (none: 1).
#[derive(Clone, Copy)]
pub struct Stored<'a, T> {
    pub weights: &'a [T],
    pub inputs: usize,
    pub factors: Option<&'a [f64]>,
}

/// Side of the squares that are transposed at a time.
const TILE: usize = 64;

impl<T: Weight> Stored<'_, T> {
    /// Largest magnitudes of factors[i] w[o][i]: of each output, and of each input; infinite or NaN where one is.
    pub fn maxima(&self) -> (Vec<f64>, Vec<f64>) {
        let mut by_output = vec![0u64; self.weights.len() / self.inputs];
        let lines = self.weights.par_chunks(ROWS * self.inputs);
        let by_input = by_output
            .par_chunks_mut(ROWS)
            .zip(lines)
            .fold(
                || vec![0u64; self.inputs],
                |mut by_input, (by_output, lines)| {
                    for (most, line) in by_output.iter_mut().zip(lines.chunks_exact(self.inputs)) {
                        *most = vectorised(|| largest_each(line, self.factors, &mut by_input));
                    }
                    by_input
                },
            )
            .reduce(|| vec![0u64; self.inputs], |a, b| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect());
        let floats = |bits: Vec<u64>| bits.into_iter().map(f64::from_bits).collect();
        (floats(by_output), floats(by_input))
    }

    /// out[i][first + o] = round(factors[i] w[o][i] * units[o]), ties to even, 2^15 as 2^15 - 1; out has rows of
    /// `width`. False where one is beyond +-2^15.
    pub fn quantise_transposed(&self, units: &[f64], out: &mut [i16], width: usize, first: usize) -> bool {
        out.par_chunks_mut(TILE * width)
            .enumerate()
            .map(|(tile, out)| {
                let (start, count) = (tile * TILE, out.len() / width);
                let factors = self.factors.map(|f| &f[start..start + count]);
                let mut square = [[0i16; TILE]; TILE];
                let mut inside = true;
                for (block, units) in units.chunks(TILE).enumerate() {
                    for (o, (unit, line)) in units.iter().zip(&mut square).enumerate() {
                        let w = &self.weights[(block * TILE + o) * self.inputs + start..][..count];
                        inside &= vectorised(|| rounded_each(w, factors, *unit, &mut line[..count]));
                    }
                    for (i, row) in out.chunks_exact_mut(width).enumerate() {
                        let row = &mut row[first + block * TILE..][..units.len()];
                        row.iter_mut().zip(&square).for_each(|(x, line)| *x = line[i]);
                    }
                }
                inside
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

/// The bits of the largest magnitude of a line, whose entries' go into `each`.
#[inline(always)]
fn largest_each<T: Weight>(w: &[T], factors: Option<&[f64]>, each: &mut [u64]) -> u64 {
    let mut most = 0;
    let mut take = |bits: u64, each: &mut u64| {
        *each = (*each).max(bits);
        most = most.max(bits);
    };
    match factors {
        None => w.iter().zip(each).for_each(|(x, each)| take((*x).into().abs().to_bits(), each)),
        Some(f) => w.iter().zip(f).zip(each).for_each(|((x, f), each)| take((f * (*x).into()).abs().to_bits(), each)),
    }
    most
}

/// out = round(factor * w * unit), 2^15 as 2^15 - 1; false where one is beyond +-2^15.
#[inline(always)]
fn rounded_each<T: Weight>(w: &[T], factors: Option<&[f64]>, unit: f64, out: &mut [i16]) -> bool {
    const MOST: f64 = 32767.0;
    let mut outside = 0u64;
    let mut round = |value: f64| {
        let units = (value * unit).round_ties_even();
        let inside = units.abs() <= MOST + 1.0; // false for NaN
        outside |= u64::from(!inside);
        units.clamp(-MOST, MOST) as i16
    };
    match factors {
        None => w.iter().zip(out).for_each(|(x, out)| *out = round((*x).into())),
        Some(f) => w.iter().zip(f).zip(out).for_each(|((x, f), out)| *out = round(f * (*x).into())),
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
    fn stored_matrices_are_turned() {
        let (outputs, inputs) = (130, 70); // tiles that are not full
        let w: Vec<f32> = (0..outputs * inputs).map(|i| ((i * 37 % 1001) as f32 - 500.0) / 64.0).collect();
        let factors: Vec<f64> = (0..inputs).map(|i| if i % 3 == 0 { -0.5 } else { 1.0 + i as f64 }).collect();
        let units: Vec<f64> = (0..outputs).map(|o| [1.0, 4.0][o % 2]).collect();
        for f in [None, Some(&factors[..])] {
            let stored = Stored { weights: &w, inputs, factors: f };
            let entry = |o: usize, i: usize| f.map_or(1.0, |f| f[i]) * f64::from(w[o * inputs + i]);
            let width = outputs + 3;
            let mut out = vec![7i16; inputs * width];
            assert!(stored.quantise_transposed(&units, &mut out, width, 2));
            let (by_output, by_input) = stored.maxima();
            for i in 0..inputs {
                assert_eq!((out[i * width], out[i * width + 1], out[i * width + width - 1]), (7, 7, 7));
                for o in 0..outputs {
                    assert_eq!(f64::from(out[i * width + 2 + o]), (entry(o, i) * units[o]).round_ties_even());
                }
                assert_eq!(by_input[i], (0..outputs).map(|o| entry(o, i).abs()).fold(0.0, f64::max));
            }
            for o in 0..outputs {
                assert_eq!(by_output[o], (0..inputs).map(|i| entry(o, i).abs()).fold(0.0, f64::max));
            }
        }
        let mut out = [0i16; 2];
        assert!(Stored { weights: &[1.0f32, -1.0], inputs: 1, factors: None }.quantise_transposed(
            &[32768.0, 32768.0],
            &mut out,
            2,
            0
        ));
        assert_eq!(out, [32767, -32767]);
        for bad in [1.00005f32, f32::NAN, f32::INFINITY] {
            let stored = Stored { weights: &[bad][..], inputs: 1, factors: None };
            assert!(!stored.quantise_transposed(&[32768.0], &mut out[..1], 1, 0));
        }
        let (by_output, by_input) = Stored { weights: &[1.0f32, f32::NAN], inputs: 2, factors: None }.maxima();
        assert!(by_output[0].is_nan() && by_input[0] == 1.0 && by_input[1].is_nan());
    }

    #[test]
    fn norms() {
        let w = [i16::MIN, 1, -2, i16::MAX, i16::MIN, 3];
        assert_eq!(largest_column_norm(&w, 3), (1 << 15) + 32767);
        assert_eq!(largest_row_norm(&w, 3), 32767 + 32768 + 3);
    }
}
