//! The discrete Fourier transform of blocks of points, place by place. Twin: `transformed` in `zkllm/pcs/naive.py`.

use super::point::Point;
use crate::field::Fr;
use ark_bn254::{G1Projective, g1::Config};
use ark_ec::CurveGroup;
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use rayon::prelude::*;
use std::iter::successors;

/// Places that a thread transforms together: their multiples share an inversion.
const PLACES: usize = 16;
/// Bits of a digit, and the odd multiples of a point that digits name.
const WINDOW: usize = 4;
const MULTIPLES: usize = 1 << (WINDOW - 2);

/// A scalar for many points: halves k1 + lambda k2 (Gallant, Lambert, Vanstone), each in non-adjacent form.
struct Multiplier([Vec<i64>; 2]);

impl Multiplier {
    fn new(scalar: Fr) -> Self {
        let (low, high) = Config::scalar_decomposition(scalar);
        Self([low, high].map(|(positive, half)| {
            let mut digits = half.into_bigint().find_wnaf(WINDOW).expect("a window that it takes");
            if !positive {
                digits.iter_mut().for_each(|d| *d = -*d);
            }
            digits
        }))
    }

    fn apply(&self, points: &mut [G1Projective]) {
        let odd = |p: &G1Projective| {
            let twice = p.double();
            successors(Some(*p), move |m| Some(*m + twice)).take(MULTIPLES)
        };
        let multiples: Vec<G1Projective> = points.iter().flat_map(odd).collect();
        let multiples = G1Projective::normalize_batch(&multiples);
        let images: Vec<_> = multiples.iter().map(Config::endomorphism_affine).collect();
        let length = self.0.iter().map(Vec::len).max().unwrap_or(0);
        for (i, point) in points.iter_mut().enumerate() {
            let mut total = G1Projective::default();
            for position in (0..length).rev() {
                total.double_in_place();
                for (digits, table) in self.0.iter().zip([&multiples, &images]) {
                    let digit = digits.get(position).copied().unwrap_or(0);
                    let multiple = table[i * MULTIPLES + digit.unsigned_abs() as usize / 2];
                    match digit {
                        0 => {}
                        1.. => total += multiple,
                        _ => total -= multiple,
                    }
                }
            }
            *point = total;
        }
    }
}

/// The values of sum_m X^m row_m at the powers of a root of unity of the order of the number of rows, a power of two,
/// which `powers` begins with; row i gets the value at the power whose index has the bits of i reversed.
fn values(points: &mut [G1Projective], rows: usize, powers: &[&Multiplier]) {
    let width = points.len() / rows;
    let mut half = rows / 2;
    while half > 0 {
        for pair in points.chunks_exact_mut(2 * half * width) {
            let (low, high) = pair.split_at_mut(half * width);
            for (u, v) in low.iter_mut().zip(high.iter_mut()) {
                (*u, *v) = (*u + *v, *u - *v);
            }
            for (j, row) in high.chunks_exact_mut(width).enumerate().skip(1) {
                powers[j * (rows / 2 / half)].apply(row);
            }
        }
        half /= 2;
    }
}

/// out[k count + i] = sum_m root^(k m) points[m block + first + i] for k < 2 rows, m < rows, i < count; `root` is of
/// order 2 rows, a power of two.
pub fn transform(points: &[Point], (rows, block): (usize, usize), root: Fr, first: usize, count: usize) -> Vec<Point> {
    let powers: Vec<Multiplier> = successors(Some(Fr::ONE), |x| Some(*x * root))
        .take(rows)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(Multiplier::new)
        .collect();
    let even: Vec<&Multiplier> = powers.iter().step_by(2).collect();
    let bits = rows.trailing_zeros();
    let reversed = |i: usize| if bits == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - bits) };
    let parts: Vec<Vec<Point>> = (0..count)
        .step_by(PLACES)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|start| {
            let width = PLACES.min(count - start);
            let place = |m: usize| m * block + first + start;
            let rows_of = |m: usize| points[place(m)..place(m) + width].iter().map(|p| p.to_affine().into());
            let mut out = vec![Point::INFINITY; 2 * rows * width];
            // even powers of the root, then odd ones
            for odd in 0..2 {
                let mut part: Vec<G1Projective> = (0..rows).flat_map(rows_of).collect();
                if odd == 1 {
                    part.chunks_exact_mut(width).zip(&powers).skip(1).for_each(|(row, power)| power.apply(row));
                }
                values(&mut part, rows, &even);
                let part = G1Projective::normalize_batch(&part);
                for (i, row) in part.chunks_exact(width).enumerate() {
                    let k = 2 * reversed(i) + odd;
                    out[k * width..(k + 1) * width].iter_mut().zip(row).for_each(|(o, p)| *o = Point::from_affine(p));
                }
            }
            out
        })
        .collect();
    let mut out = vec![Point::INFINITY; 2 * rows * count];
    out.par_chunks_mut(count).enumerate().for_each(|(k, row)| {
        for (row, part) in row.chunks_mut(PLACES).zip(&parts) {
            row.copy_from_slice(&part[k * row.len()..(k + 1) * row.len()]);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::powers::{self, G1Powers};
    use ark_ff::FftField;

    #[test]
    fn agrees_with_the_definition() {
        for (rows, block, first, count) in [(1usize, 3, 0, 3), (2, 40, 5, 33), (8, 5, 1, 4), (16, 1, 0, 1)] {
            let n = rows * block;
            let mut points = G1Powers::new(n).multiply(&powers::scalars(Fr::from(7u64), Fr::from(3u64), 0, n));
            points[first] = Point::INFINITY;
            let root = Fr::get_root_of_unity(2 * rows as u64).expect("of this order");
            let values = transform(&points, (rows, block), root, first, count);
            assert_eq!(values.len(), 2 * rows * count);
            for k in 0..2 * rows {
                for i in 0..count {
                    let power = |m: usize| root.pow([(k * m) as u64]);
                    let expected: G1Projective =
                        (0..rows).map(|m| points[m * block + first + i].to_affine() * power(m)).sum();
                    assert_eq!(values[k * count + i], Point::from_projective(&expected), "{rows} {k} {i}");
                }
            }
        }
    }
}
