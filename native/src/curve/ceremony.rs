//! Powers of tau as ceremonies handle them: multiplied by a contribution, checked, and encoded for hashing.

use super::point::{self, G2_BYTES, Point};
use crate::field::Fr;
use ark_bn254::{Bn254, Fq, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{PrimeField, Zero};
use rayon::prelude::*;

/// Points that share an inversion.
const BATCH: usize = 256;

/// scalars[i] points[i].
pub fn multiply_g1(points: &[Point], scalars: &[Fr]) -> Vec<Point> {
    points
        .par_chunks(BATCH)
        .zip(scalars.par_chunks(BATCH))
        .flat_map_iter(|(points, scalars)| {
            let products: Vec<G1Projective> = points.iter().zip(scalars).map(|(p, s)| p.to_affine() * s).collect();
            G1Projective::normalize_batch(&products).into_iter().map(|p| Point::from_affine(&p))
        })
        .collect()
}

/// scalars[i] points[i].
pub fn multiply_g2(points: &[G2Affine], scalars: &[Fr]) -> Vec<G2Affine> {
    points
        .par_chunks(BATCH)
        .zip(scalars.par_chunks(BATCH))
        .flat_map_iter(|(points, scalars)| {
            let products: Vec<G2Projective> = points.iter().zip(scalars).map(|(p, s)| *p * s).collect();
            G2Projective::normalize_batch(&products)
        })
        .collect()
}

/// sum scalars[i] points[i].
pub fn msm_g2(points: &[G2Affine], scalars: &[Fr]) -> G2Affine {
    G2Projective::msm_unchecked(points, scalars).into_affine()
}

/// Points of G2 from their raw bytes, or the index of the first that is none.
pub fn decode_g2(data: &[u8]) -> Result<Vec<G2Affine>, usize> {
    let decoded: Vec<Option<G2Affine>> = data.par_chunks(G2_BYTES).map(point::g2_from_raw).collect();
    match decoded.iter().position(Option::is_none) {
        Some(i) => Err(i),
        None => Ok(decoded.into_iter().flatten().collect()),
    }
}

/// Whether prod e(P, Q) is one.
pub fn pairing_product_is_one(g1: &[G1Affine], g2: &[G2Affine]) -> bool {
    Bn254::multi_pairing(g1, g2) == PairingOutput::zero()
}

fn is_upper(y: &Fq) -> bool {
    y.into_bigint() > Fq::MODULUS_MINUS_ONE_DIV_TWO
}

const UPPER: u8 = 0x80;
const INFINITY: u8 = 0x40;

/// x, big-endian, with the highest bit saying that y is above (p - 1) / 2.
pub fn compressed_g1(p: &Point) -> [u8; 32] {
    let mut out = [0; 32];
    if p.is_infinity() {
        out[0] = INFINITY;
        return out;
    }
    out.copy_from_slice(&p.to_wire()[..32]);
    out[0] |= if is_upper(&p.coordinates().1) { UPPER } else { 0 };
    out
}

/// The same for x's imaginary, then real part; y's sign is that of its imaginary part unless that is zero.
pub fn compressed_g2(p: &G2Affine) -> [u8; 64] {
    let mut out = [0; 64];
    let Some((_, y)) = p.xy() else {
        out[0] = INFINITY;
        return out;
    };
    out.copy_from_slice(&point::g2_to_wire(p)[..64]);
    let upper = if y.c1.is_zero() { is_upper(&y.c0) } else { is_upper(&y.c1) };
    out[0] |= if upper { UPPER } else { 0 };
    out
}

/// A point of G2 from the wire encoding: on the twist, in the subgroup, not infinity.
pub fn g2_from_wire(bytes: &[u8]) -> Option<G2Affine> {
    let (x_imaginary, x_real) = (point::decode_coordinate(&bytes[..32])?, point::decode_coordinate(&bytes[32..64])?);
    let (y_imaginary, y_real) = (point::decode_coordinate(&bytes[64..96])?, point::decode_coordinate(&bytes[96..])?);
    let raw: Vec<u8> = [x_real, x_imaginary, y_real, y_imaginary]
        .iter()
        .flat_map(|c| c.0.0.into_iter().flat_map(u64::to_le_bytes))
        .collect();
    point::g2_from_raw(&raw)
}
