//! Powers of a known tau times a generator: the development SRS.

use super::batch::{self, BATCH, Batch};
use super::msm::{Digits, Plan};
use super::point::Point;
use crate::field::Fr;
use ark_bn254::{G1Projective, G2Affine, G2Projective};
use ark_ec::PrimeGroup;
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// scale tau^i for i in start..start + count.
pub fn scalars(tau: Fr, scale: Fr, start: usize, count: usize) -> Vec<Fr> {
    let mut power = scale * tau.pow([start as u64]);
    (0..count)
        .map(|_| {
            let current = power;
            power *= tau;
            current
        })
        .collect()
}

/// Multiples of the generator of G1: tables[window][d - 1] = d 2^(bits window) G.
pub struct G1Powers {
    plan: Plan,
    tables: Vec<Vec<Point>>,
}

impl G1Powers {
    /// Windows sized for `total` multiplications.
    pub fn new(total: usize) -> Self {
        let plan = Plan::field(total, 14);
        let mut base = G1Projective::generator();
        let bases: Vec<Point> = (0..plan.windows)
            .map(|_| {
                let current = Point::from_projective(&base);
                for _ in 0..plan.bits {
                    base.double_in_place();
                }
                current
            })
            .collect();
        let windows = bases.par_iter().zip(0..plan.windows);
        let tables = windows.map(|(&base, window)| multiples(base, plan.buckets(window).next_power_of_two())).collect();
        Self { plan, tables }
    }

    pub fn multiply(&self, scalars: &[Fr]) -> Vec<Point> {
        let digits = Digits::new(scalars, &self.plan);
        let mut out = vec![Point::INFINITY; scalars.len()];
        out.par_chunks_mut(BATCH).enumerate().for_each_init(Batch::default, |batch, (i, sums)| {
            let mut terms = vec![Point::INFINITY; sums.len()];
            let mut next = terms.clone();
            for (window, table) in self.tables.iter().enumerate() {
                for (j, term) in terms.iter_mut().enumerate() {
                    let d = digits.digit(i * BATCH + j, window as u32);
                    *term = match d {
                        0 => Point::INFINITY,
                        d if d > 0 => table[d as usize - 1],
                        d => table[d.unsigned_abs() as usize - 1].negated(),
                    };
                }
                batch::add(sums, &terms, &mut next, batch);
                sums.copy_from_slice(&next);
            }
            for sum in sums {
                *sum = sum.reduced();
            }
        });
        out
    }
}

/// base, 2 base, .., count base; count is a power of two.
fn multiples(base: Point, count: usize) -> Vec<Point> {
    let mut out = vec![base];
    let mut batch = Batch::default();
    while out.len() < count {
        let last = vec![out[out.len() - 1]; out.len().min(BATCH)];
        let known = out.len();
        for start in (0..known).step_by(BATCH) {
            let left = out[start..(start + BATCH).min(known)].to_vec();
            let mut sums = vec![Point::INFINITY; left.len()];
            batch::add(&left, &last[..left.len()], &mut sums, &mut batch);
            out.extend(sums);
        }
    }
    out
}

pub fn g2_powers(scalars: &[Fr]) -> Vec<G2Affine> {
    BatchMulPreprocessing::new(G2Projective::generator(), scalars.len()).batch_mul(scalars)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use ark_ff::Zero;

    #[test]
    fn agrees_with_double_and_add() {
        for total in [1, 40, 1 << 17] {
            let mut scalars = scalars(Fr::from(7u64), -Fr::from(5u64), 0, 40);
            scalars[3] = Fr::zero();
            scalars[4] = Fr::from(1u64);
            scalars[5] = -Fr::from(1u64);
            let points = G1Powers::new(total).multiply(&scalars);
            for (p, s) in points.iter().zip(&scalars) {
                let expected = (G1Projective::generator() * s).into_affine();
                assert_eq!(*p, Point::from_affine(&expected));
            }
        }
    }
}
