//! The discrete Fourier transform of blocks of points, place by place. Twin: `transformed` in `zkllm/pcs/naive.py`.

use super::point::Point;
use crate::field::Fr;
#[cfg(target_arch = "x86_64")]
use crate::field::slices::{Backend, backend};
use ark_bn254::{G1Projective, g1::Config};
use ark_ec::CurveGroup;
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use rayon::prelude::*;
use std::iter::successors;

/// Bits of a digit.
const WINDOW: usize = 4;

/// A scalar for many points: halves k1 + lambda k2 (Gallant, Lambert, Vanstone), each in non-adjacent form.
pub struct Multiplier([Vec<i64>; 2]);

impl Multiplier {
    /// Odd multiples of a point, from the point itself on, that digits name.
    pub const MULTIPLES: usize = 1 << (WINDOW - 2);

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

    /// The digits of both halves, the most significant first; odd or zero.
    pub fn positions(&self) -> impl Iterator<Item = [i64; 2]> {
        let length = self.0.iter().map(Vec::len).max().unwrap_or(0);
        (0..length).rev().map(|position| [0, 1].map(|half: usize| self.0[half].get(position).copied().unwrap_or(0)))
    }
}

/// As many points as are transformed together, each by itself.
pub trait Places: Clone + Send {
    const WIDTH: usize;

    /// At most `WIDTH` points; infinity in the places beyond.
    fn load(points: impl Iterator<Item = Point>) -> Self;
    /// (u, v) = (u + v, u - v).
    fn butterfly(&mut self, other: &mut Self);
    fn multiply(&mut self, by: &Multiplier);
    /// All points of several, one after the other.
    fn points(all: &[Self]) -> Vec<Point>;
}

/// Plain arithmetic: the multiples of as many points share an inversion.
#[derive(Clone)]
struct Sixteen([G1Projective; 16]);

impl Places for Sixteen {
    const WIDTH: usize = 16;

    fn load(points: impl Iterator<Item = Point>) -> Self {
        let mut places = [G1Projective::default(); Self::WIDTH];
        places.iter_mut().zip(points).for_each(|(place, point)| *place = point.to_affine().into());
        Self(places)
    }

    fn butterfly(&mut self, other: &mut Self) {
        for (u, v) in self.0.iter_mut().zip(&mut other.0) {
            (*u, *v) = (*u + *v, *u - *v);
        }
    }

    fn multiply(&mut self, by: &Multiplier) {
        let odd = |p: &G1Projective| {
            let twice = p.double();
            successors(Some(*p), move |m| Some(*m + twice)).take(Multiplier::MULTIPLES)
        };
        let multiples: Vec<G1Projective> = self.0.iter().flat_map(odd).collect();
        let multiples = G1Projective::normalize_batch(&multiples);
        let images: Vec<_> = multiples.iter().map(Config::endomorphism_affine).collect();
        for (i, point) in self.0.iter_mut().enumerate() {
            let mut total = G1Projective::default();
            for digits in by.positions() {
                total.double_in_place();
                for (digit, table) in digits.into_iter().zip([&multiples, &images]) {
                    let multiple = table[i * Multiplier::MULTIPLES + digit.unsigned_abs() as usize / 2];
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

    fn points(all: &[Self]) -> Vec<Point> {
        let projective: Vec<G1Projective> = all.iter().flat_map(|places| places.0).collect();
        G1Projective::normalize_batch(&projective).iter().map(Point::from_affine).collect()
    }
}

/// The values of sum_m X^m row_m at the powers of a root of unity of the order of the number of rows, a power of two,
/// which `powers` begins with; row i gets the value at the power whose index has the bits of i reversed.
fn values<T: Places>(rows: &mut [T], powers: &[&Multiplier]) {
    let count = rows.len();
    let mut half = count / 2;
    while half > 0 {
        for pair in rows.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (u, v) in low.iter_mut().zip(high.iter_mut()) {
                u.butterfly(v);
            }
            for (j, row) in high.iter_mut().enumerate().skip(1) {
                row.multiply(powers[j * (count / 2 / half)]);
            }
        }
        half /= 2;
    }
}

/// out[k count + i] = sum_m root^(k m) points[m block + first + i] for k < 2 rows, m < rows, i < count; `root` is of
/// order 2 rows, a power of two.
pub fn transform(points: &[Point], shape: (usize, usize), root: Fr, first: usize, count: usize) -> Vec<Point> {
    #[cfg(target_arch = "x86_64")]
    if backend() == Backend::Ifma {
        return transform_by::<super::projective8::Eight>(points, shape, root, first, count);
    }
    transform_by::<Sixteen>(points, shape, root, first, count)
}

fn transform_by<T: Places>(
    points: &[Point],
    (rows, block): (usize, usize),
    root: Fr,
    first: usize,
    count: usize,
) -> Vec<Point> {
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
        .step_by(T::WIDTH)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|start| {
            let width = T::WIDTH.min(count - start);
            let place = |m: usize| m * block + first + start;
            let row = |m: usize| T::load(points[place(m)..place(m) + width].iter().copied());
            let plain: Vec<T> = (0..rows).map(row).collect();
            let mut out = vec![Point::INFINITY; 2 * rows * width];
            // even powers of the root, then odd ones
            for odd in 0..2 {
                let mut part = plain.clone();
                if odd == 1 {
                    part.iter_mut().zip(&powers).skip(1).for_each(|(row, power)| row.multiply(power));
                }
                values(&mut part, &even);
                for (i, row) in T::points(&part).chunks_exact(T::WIDTH).enumerate() {
                    let k = 2 * reversed(i) + odd;
                    out[k * width..(k + 1) * width].copy_from_slice(&row[..width]);
                }
            }
            out
        })
        .collect();
    let mut out = vec![Point::INFINITY; 2 * rows * count];
    out.par_chunks_mut(count).enumerate().for_each(|(k, row)| {
        for (row, part) in row.chunks_mut(T::WIDTH).zip(&parts) {
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
            assert_eq!(values, transform_by::<Sixteen>(&points, (rows, block), root, first, count));
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
