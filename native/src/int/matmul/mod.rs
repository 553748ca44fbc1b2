//! Exact integer matrix products of int16, on the fastest instructions of the backend in use.
//!
//! A matrix inner x outer is packed for the product of many rows, and read as it lies for that of few (`few`); the
//! rows of a matrix outer x inner are never packed.
//!
//! With vector instructions one factor is split, a = 2^8 high + low with |high|, |low| <= 2^7, so that a product
//! with an int16 is at most 2^22 and 2^9 - 2 of them fit an int32 lane; lanes are widened to int64 after fewer.
//! The portable form accumulates in f64, which is exact below 2^53. Every form gives the same integers.

mod few;
mod portable;
mod split;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use portable::dot;

use crate::field::slices::{Backend, backend};
use rayon::prelude::*;
use split::TILE;

/// Rows up to which a matrix is not packed: beyond, what packing takes is less than what it saves.
const FEW: usize = 8;
/// Inner sizes from here on could make an accumulator inexact.
const MAX_INNER: usize = 1 << 23;

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    Portable,
    Avx2,
    /// AVX-512 VNNI.
    Vnni,
}

impl Kernel {
    pub fn available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The best that the backend in use allows.
    pub fn chosen() -> Self {
        let best = match backend() {
            Backend::Scalar => [Self::Portable; 2],
            Backend::Avx2 => [Self::Avx2; 2],
            Backend::Ifma => [Self::Vnni, Self::Avx2],
        };
        best.into_iter().find(|k| k.available()).unwrap_or(Self::Portable)
    }
}

/// a is rows x inner, w inner x outer, all row-major; bias is added to each row of their product.
#[derive(Clone, Copy)]
struct Factors<'a> {
    a: &'a [i16],
    w: &'a [i16],
    bias: &'a [i64],
    rows: usize,
    inner: usize,
    outer: usize,
}

/// out[t][j] = sum_k a[t][k] w[k][j] + bias[j]; a is rows x inner, w inner x outer, all row-major.
pub fn matmul(a: &[i16], w: &[i16], bias: &[i64], rows: usize, inner: usize, outer: usize, out: &mut [i64]) {
    matmul_with(Kernel::chosen(), Factors { a, w, bias, rows, inner, outer }, out);
}

fn matmul_with(kernel: Kernel, factors: Factors, out: &mut [i64]) {
    let Factors { a, w, bias, rows, inner, outer } = factors;
    assert!(a.len() == rows * inner && w.len() == inner * outer && out.len() == rows * outer && bias.len() == outer);
    assert!(inner < MAX_INNER, "accumulators would not be exact");
    let product = if (1..=FEW).contains(&rows) { few::matmul } else { packed };
    product(kernel, factors, out);
}

/// As `matmul`, of a matrix that is packed first.
fn packed(kernel: Kernel, factors: Factors, out: &mut [i64]) {
    let Factors { a, w, bias, rows, inner, outer } = factors;
    #[cfg(target_arch = "x86_64")]
    let split = if kernel == Kernel::Portable { Default::default() } else { split::Split::new(a, rows, inner) };
    // blocks of columns of about equal size, as many for each thread
    const TILES: usize = 8;
    let tiles = outer.div_ceil(TILE);
    let blocks = tiles.div_ceil(TILES).next_multiple_of(rayon::current_num_threads());
    let sums: Vec<(usize, usize, Vec<i64>)> = (0..blocks)
        .into_par_iter()
        .map(|i| {
            let (start, end) = (tiles * i / blocks * TILE, (tiles * (i + 1) / blocks * TILE).min(outer));
            let sums = match kernel {
                // SAFETY: the features were detected
                #[cfg(target_arch = "x86_64")]
                Kernel::Vnni | Kernel::Avx2 => unsafe {
                    x86::columns(kernel, &split, w, rows, inner, outer, start..end)
                },
                _ => portable::columns(a, w, rows, inner, outer, start..end),
            };
            (start, end, sums)
        })
        .collect();
    out.par_chunks_mut(outer).enumerate().for_each(|(t, row)| {
        for (start, end, sums) in &sums {
            let stride = (end - start).next_multiple_of(TILE);
            for (j, sum) in (*start..*end).zip(&sums[t * stride..]) {
                row[j] = sum + bias[j];
            }
        }
    });
}

/// out[t][v] = sum_k a[t][k] w[v][k]: products with the rows of w (outer x inner).
pub fn matmul_rows(a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, out: &mut [i64]) {
    matmul_rows_with(Kernel::chosen(), a, w, rows, inner, outer, out);
}

fn matmul_rows_with(kernel: Kernel, a: &[i16], w: &[i16], rows: usize, inner: usize, outer: usize, out: &mut [i64]) {
    assert!(a.len() == rows * inner && w.len() == inner * outer && out.len() == rows * outer && inner > 0);
    const BLOCK: usize = 128; // rows of w
    #[cfg(target_arch = "x86_64")]
    let (low, high) = if kernel == Kernel::Portable { Default::default() } else { x86::halves(a) };
    let sums: Vec<Vec<i64>> = w
        .par_chunks(BLOCK * inner)
        .map(|w| match kernel {
            // SAFETY: the features were detected
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => unsafe { x86::rows_vnni(&low, &high, w, inner) },
            // SAFETY: as above
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => unsafe { x86::rows_avx2(&low, &high, w, inner) },
            _ => portable::rows(a, w, inner),
        })
        .collect();
    for (t, row) in out.chunks_exact_mut(outer).enumerate() {
        for (out, sums) in row.chunks_mut(BLOCK).zip(&sums) {
            out.copy_from_slice(&sums[t * out.len()..(t + 1) * out.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const KERNELS: [Kernel; 3] = [Kernel::Portable, Kernel::Avx2, Kernel::Vnni];

    /// Random values, or all of them from the ends of the range.
    fn draw(rng: &mut StdRng, n: usize, ends: &[i16]) -> Vec<i16> {
        let mut value = || match ends.len() {
            0 => rng.random_range(i16::MIN..=i16::MAX),
            len => ends[rng.random_range(0..len)],
        };
        (0..n).map(|_| value()).collect()
    }

    /// Rows, inner and outer size, factors.
    type Case = (usize, usize, usize, Vec<i16>, Vec<i16>);

    fn cases() -> Vec<Case> {
        let mut rng = StdRng::seed_from_u64(1);
        let mut sizes =
            vec![(1, 1, 1), (3, 5, 7), (9, 65, 130), (17, 200, 64), (16, 48, 144), (4, 513, 33), (64, 40, 321)];
        // few rows and their neighbours: widths beside whole tiles, lines beside whole blocks, several parts and spans
        sizes.extend(
            (1..=FEW + 1).flat_map(|rows| [(rows, 30 + rows, 62 + rows), (rows, 777 + rows, 5), (rows, 9, 1089)]),
        );
        let ends: [&[i16]; 6] =
            [&[], &[i16::MIN], &[i16::MAX], &[i16::MIN, i16::MAX], &[-32767, 32767], &[127, 128, -128, -129, 255]];
        let mut out = Vec::new();
        for (rows, inner, outer) in sizes {
            for (x, y) in ends.iter().zip(ends.iter().cycle().skip(rows % 3)) {
                let (a, w) = (draw(&mut rng, rows * inner, x), draw(&mut rng, inner * outer, y));
                out.push((rows, inner, outer, a, w));
            }
        }
        // long enough for every widening of the lanes, by whatever half is the largest
        let inner = 20_001;
        for (x, y) in [(i16::MIN, i16::MIN), (128, i16::MIN), (-129, i16::MAX)] {
            out.push((2, inner, 3, draw(&mut rng, 2 * inner, &[x]), draw(&mut rng, 3 * inner, &[y])));
        }
        out
    }

    #[test]
    fn products_are_exact_on_every_kernel() {
        for (rows, inner, outer, a, w) in cases() {
            let bias: Vec<i64> = (0..outer as i64).map(|j| j << 40).collect();
            let naive = |t: usize, j: usize| -> i64 {
                (0..inner).map(|k| i64::from(a[t * inner + k]) * i64::from(w[k * outer + j])).sum::<i64>() + bias[j]
            };
            let expected: Vec<i64> = (0..rows * outer).map(|i| naive(i / outer, i % outer)).collect();
            for kernel in KERNELS.into_iter().filter(|k| k.available()) {
                let factors = Factors { a: &a, w: &w, bias: &bias, rows, inner, outer };
                for product in [matmul_with, packed, few::matmul] {
                    let mut out = vec![0; rows * outer];
                    product(kernel, factors, &mut out);
                    assert!(out == expected, "{kernel:?} {rows} {inner} {outer}");
                }
            }
        }
    }

    #[test]
    fn products_with_rows_are_exact_on_every_kernel() {
        for (rows, inner, outer, a, w) in cases() {
            let expected: Vec<i64> = (0..rows * outer)
                .map(|i| {
                    let (x, y) = (&a[i / outer * inner..][..inner], &w[i % outer * inner..][..inner]);
                    x.iter().zip(y).map(|(x, y)| i64::from(*x) * i64::from(*y)).sum()
                })
                .collect();
            for kernel in KERNELS.into_iter().filter(|k| k.available()) {
                let mut out = vec![0; rows * outer];
                matmul_rows_with(kernel, &a, &w, rows, inner, outer, &mut out);
                assert!(out == expected, "{kernel:?} {rows} {inner} {outer}");
            }
        }
        assert_eq!(dot(&[i16::MIN; 9], &[i16::MIN; 9]), 9 << 30);
    }
}
