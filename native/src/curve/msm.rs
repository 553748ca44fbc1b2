//! Multi-scalar multiplication.

use super::point::Point;
use crate::field::Fr;
use ark_bn254::{G1Affine, G1Projective};
use ark_ec::VariableBaseMSM;
use rayon::prelude::*;

/// sum scalars[i] points[i].
pub fn msm(points: &[Point], scalars: &[Fr]) -> G1Projective {
    let bases: Vec<G1Affine> = points[..scalars.len()].par_iter().map(|p| p.to_affine()).collect();
    G1Projective::msm_unchecked(&bases, scalars)
}
