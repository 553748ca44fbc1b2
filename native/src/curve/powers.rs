//! Powers of a known tau times a generator: the development SRS.

use super::point::Point;
use crate::field::Fr;
use ark_bn254::{G1Projective, G2Affine, G2Projective};
use ark_ec::PrimeGroup;
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ff::Field;

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

/// Fixed-base tables of the generator of G1, sized for `total` multiplications.
pub struct G1Powers(BatchMulPreprocessing<G1Projective>);

impl G1Powers {
    pub fn new(total: usize) -> Self {
        Self(BatchMulPreprocessing::new(G1Projective::generator(), total))
    }

    pub fn multiply(&self, scalars: &[Fr]) -> Vec<Point> {
        self.0.batch_mul(scalars).iter().map(Point::from_affine).collect()
    }
}

pub fn g2_powers(scalars: &[Fr]) -> Vec<G2Affine> {
    BatchMulPreprocessing::new(G2Projective::generator(), scalars.len()).batch_mul(scalars)
}
