//! Eight points at a time with AVX-512 IFMA, in homogeneous coordinates (X : Y : Z), all multiplied by one scalar.
//!
//! The formulas are complete (Renes, Costello, Batina, eprint 2015/1060, algorithms 7 and 9): no sum is special, the
//! point at infinity is (0 : 1 : 0). Coordinates stay below 5 p: a product of values below a p and b p is below
//! (1 + a b / 84) p, and the comments give these factors.

use super::fq8::*;
use super::point::Point;
use super::transform::{Multiplier, Places};
use ark_bn254::{Fq, g1::Config};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{BigInt, Field, batch_inversion};
use std::arch::x86_64::*;

/// Odd multiples of a point and of its image that digits name.
const MULTIPLES: usize = Multiplier::MULTIPLES;

/// Eight points.
#[derive(Clone, Copy)]
pub struct Eight {
    x: V,
    y: V,
    z: V,
}

/// An element as a factor.
fn factor(x: Fq) -> [u64; 5] {
    limbs((x * Fq::from(16u64)).0.0)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum(a: &V, b: &V) -> V {
    carry(&add_limbs(a, b))
}

/// a - b for b of at most `count` p.
#[inline]
#[target_feature(enable = "avx512f")]
fn difference(a: &V, b: &V, count: u64) -> V {
    plus_p(&sub_limbs(a, b), count)
}

/// count x for a small count.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn times(x: &V, count: u64) -> V {
    let mut out = *x;
    for limb in &mut out {
        *limb = _mm512_mullo_epi64(*limb, splat(count));
    }
    carry(&out)
}

impl Eight {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn infinity() -> Self {
        let zero = [_mm512_setzero_si512(); 5];
        Self { x: zero, y: splat5(&ONE), z: zero }
    }

    /// -(X : Y : Z), Y below 4 p as all sums have it.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn negated(&self) -> Self {
        let zero = [_mm512_setzero_si512(); 5];
        Self { y: difference(&zero, &self.y, 4), ..*self }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn add(&self, other: &Self, nine: &V) -> Self {
        let (p, q) = (self, other);
        // 1.3, 1.3, 1.3
        let (xx, yy, zz) = (mul(&p.x, &q.x), mul(&p.y, &q.y), mul(&p.z, &q.z));
        // 2.2 + 3 each
        let xy = difference(&mul(&sum(&p.x, &p.y), &sum(&q.x, &q.y)), &add_limbs(&xx, &yy), 3);
        let yz = difference(&mul(&sum(&p.y, &p.z), &sum(&q.y, &q.z)), &add_limbs(&yy, &zz), 3);
        let xz = difference(&mul(&sum(&p.x, &p.z), &sum(&q.x, &q.z)), &add_limbs(&xx, &zz), 3);
        let (zz, xz) = (mul(&zz, nine), mul(&xz, nine)); // 1.1, 1.1
        let (low, high) = (difference(&yy, &zz, 2), sum(&yy, &zz)); // 3.3, 2.4
        let triple = times(&xx, 3); // 3.9
        Self {
            x: difference(&mul(&xy, &low), &mul(&yz, &xz), 2), // 1.3 + 2
            y: sum(&mul(&low, &high), &mul(&xz, &triple)),     // 1.1 + 1.1
            z: sum(&mul(&high, &yz), &mul(&triple, &xy)),      // 1.2 + 1.3
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn double(&self, nine: &V) -> Self {
        let (yy, zz) = (square(&self.y), mul(&square(&self.z), nine)); // 1.3, 1.1
        let (yz, xy) = (mul(&self.y, &self.z), mul(&self.x, &self.y)); // 1.3, 1.3
        let eight = times(&yy, 8); // 10.4
        let low = difference(&yy, &times(&zz, 3), 4); // 5.3
        Self {
            x: times(&mul(&low, &xy), 2),                          // 2 * 1.1
            y: sum(&mul(&low, &sum(&yy, &zz)), &mul(&zz, &eight)), // 1.2 + 1.2
            z: mul(&yz, &eight),                                   // 1.2
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn sum_and_difference(&mut self, other: &mut Self) {
        let nine = splat5(&factor(Fq::from(9u64)));
        (*self, *other) = (self.add(other, &nine), self.add(&other.negated(), &nine));
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn multiply(&mut self, by: &Multiplier) {
        let (nine, beta) = (splat5(&factor(Fq::from(9u64))), splat5(&factor(Config::ENDO_COEFFS[0])));
        let mut multiples = [[*self; MULTIPLES]; 2];
        let twice = self.double(&nine);
        for i in 1..MULTIPLES {
            multiples[0][i] = multiples[0][i - 1].add(&twice, &nine);
        }
        for i in 0..MULTIPLES {
            let p = multiples[0][i];
            multiples[1][i] = Self { x: mul(&p.x, &beta), ..p };
        }
        let mut total = Self::infinity();
        for digits in by.positions() {
            total = total.double(&nine);
            for (digit, table) in digits.into_iter().zip(&multiples) {
                if digit != 0 {
                    let multiple = table[digit.unsigned_abs() as usize / 2];
                    total = total.add(&if digit > 0 { multiple } else { multiple.negated() }, &nine);
                }
            }
        }
        *self = total;
    }

    #[target_feature(enable = "avx512f")]
    fn of(points: &[Point; WIDTH]) -> Self {
        let (x, y) = (points.map(|p| p.x), points.map(|p| p.y));
        let mut eight = Self { x: from_words(&x), y: from_words(&y), z: splat5(&limbs(Fq::ONE.0.0)) };
        let absent = points.iter().enumerate().fold(0, |mask, (i, p)| mask | (p.is_infinity() as u8) << i);
        let infinity = Self::infinity();
        for limb in 0..5 {
            eight.y[limb] = _mm512_mask_mov_epi64(eight.y[limb], absent, infinity.y[limb]);
            eight.z[limb] = _mm512_mask_mov_epi64(eight.z[limb], absent, infinity.z[limb]);
        }
        eight
    }

    /// X, Y, Z of each, times a common constant.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn coordinates(&self) -> [[Fq; WIDTH]; 3] {
        let one = splat5(&ONE);
        [&self.x, &self.y, &self.z].map(|x| to_words(&canonical(&mul(x, &one))).map(|w| Fq::new_unchecked(BigInt(w))))
    }
}

// SAFETY of all calls: the type is only used where the processor has what `field::ifma::detected` asks for.
impl Places for Eight {
    const WIDTH: usize = WIDTH;

    fn load(points: impl Iterator<Item = Point>) -> Self {
        let mut eight = [Point::INFINITY; WIDTH];
        eight.iter_mut().zip(points).for_each(|(place, point)| *place = point.reduced());
        unsafe { Self::of(&eight) }
    }

    fn butterfly(&mut self, other: &mut Self) {
        unsafe { self.sum_and_difference(other) }
    }

    fn multiply(&mut self, by: &Multiplier) {
        unsafe { Eight::multiply(self, by) }
    }

    fn points(all: &[Self]) -> Vec<Point> {
        let coordinates: Vec<[[Fq; WIDTH]; 3]> = all.iter().map(|p| unsafe { p.coordinates() }).collect();
        let mut inverses: Vec<Fq> = coordinates.iter().flat_map(|[_, _, z]| *z).collect();
        batch_inversion(&mut inverses); // leaves zeros
        let affine = |(i, inverse): (usize, &Fq)| {
            let [x, y, _] = &coordinates[i / WIDTH];
            // infinity is all zero, as its Z is
            Point::from_coordinates(x[i % WIDTH] * inverse, y[i % WIDTH] * inverse)
        };
        inverses.iter().enumerate().map(affine).collect()
    }
}
