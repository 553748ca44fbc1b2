//! Affine points and their encodings.
//!
//! Raw (files, memory maps): x then y, each four little-endian 64-bit limbs in Montgomery form, infinity all
//! zero; this is also what a .ptau file holds. Wire (proofs, keys, calldata): canonical, big-endian.

use super::fq;
use ark_bn254::{Fq, Fq2, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField, Zero};

pub const G1_BYTES: usize = 64;
pub const G2_BYTES: usize = 128;
const COORDINATE_BYTES: usize = 32;

/// A point of G1 in the raw encoding. Reading one from a file proves nothing: see `is_valid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Point {
    pub x: [u64; 4],
    pub y: [u64; 4],
}

impl Point {
    pub const INFINITY: Point = Point { x: [0; 4], y: [0; 4] };

    #[inline]
    pub fn is_infinity(&self) -> bool {
        *self == Self::INFINITY
    }

    /// The same point with coordinates below p, from coordinates below 2 p.
    #[inline]
    pub fn reduced(&self) -> Self {
        Self { x: fq::reduced(&self.x), y: fq::reduced(&self.y) }
    }

    /// The opposite point, for coordinates below 2 p.
    #[inline]
    pub fn negated(&self) -> Self {
        let Self { x, y } = self.reduced();
        if y == [0; 4] { Self { x, y } } else { Self { x, y: fq::complement(&y) } }
    }

    /// Coordinates below p.
    #[inline]
    pub fn coordinates(&self) -> (Fq, Fq) {
        (Fq::new_unchecked(BigInt(self.x)), Fq::new_unchecked(BigInt(self.y)))
    }

    #[inline]
    pub fn from_coordinates(x: Fq, y: Fq) -> Self {
        Self { x: x.0.0, y: y.0.0 }
    }

    pub fn to_affine(self) -> G1Affine {
        let (x, y) = self.reduced().coordinates();
        if self.is_infinity() { G1Affine::zero() } else { G1Affine::new_unchecked(x, y) }
    }

    pub fn from_affine(p: &G1Affine) -> Self {
        p.xy().map_or(Self::INFINITY, |(x, y)| Self::from_coordinates(x, y))
    }

    pub fn from_projective(p: &G1Projective) -> Self {
        Self::from_affine(&p.into_affine())
    }

    /// Limbs below p and y^2 = x^3 + 3, or infinity. The curve's order is r, so this is membership of G1.
    pub fn is_valid(&self) -> bool {
        if self.is_infinity() {
            return true;
        }
        let (x, y) = self.coordinates();
        x.0 < Fq::MODULUS && y.0 < Fq::MODULUS && self.to_affine().is_on_curve()
    }

    /// Decodes the wire encoding; `None` unless it is the one encoding of a point of G1.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != G1_BYTES {
            return None;
        }
        let (x, y) = (decode_coordinate(&bytes[..COORDINATE_BYTES])?, decode_coordinate(&bytes[COORDINATE_BYTES..])?);
        let point = Self::from_coordinates(x, y);
        point.is_valid().then_some(point)
    }

    pub fn to_wire(self) -> [u8; G1_BYTES] {
        let (x, y) = self.coordinates();
        let mut out = [0; G1_BYTES];
        encode_coordinate(&x, &mut out[..COORDINATE_BYTES]);
        encode_coordinate(&y, &mut out[COORDINATE_BYTES..]);
        out
    }
}

/// Views raw bytes, whose start must be aligned to 8 bytes, as points.
pub fn view(bytes: &[u8]) -> Option<&[Point]> {
    // Any bit pattern is a valid value of eight u64.
    let (head, points, tail) = unsafe { bytes.align_to::<Point>() };
    (head.is_empty() && tail.is_empty()).then_some(points)
}

/// The raw bytes of points (little-endian machines only, as is all of this module).
pub fn raw_bytes(points: &[Point]) -> &[u8] {
    unsafe { std::slice::from_raw_parts(points.as_ptr().cast::<u8>(), std::mem::size_of_val(points)) }
}

pub fn decode_coordinate(bytes: &[u8]) -> Option<Fq> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_be_bytes(chunk.try_into().expect("chunks of 8"));
    }
    Fq::from_bigint(BigInt(limbs))
}

fn encode_coordinate(x: &Fq, out: &mut [u8]) {
    out.copy_from_slice(&x.into_bigint().to_bytes_be());
}

/// G2: raw is x_real, x_imaginary, y_real, y_imaginary in Montgomery limbs; wire is EIP-197's order, big-endian.
pub fn g2_from_raw(bytes: &[u8]) -> Option<G2Affine> {
    if bytes.len() != G2_BYTES {
        return None;
    }
    let mut c = [Fq::ZERO; 4];
    for (value, chunk) in c.iter_mut().zip(bytes.chunks_exact(COORDINATE_BYTES)) {
        let mut limbs = [0u64; 4];
        for (limb, b) in limbs.iter_mut().zip(chunk.chunks_exact(8)) {
            *limb = u64::from_le_bytes(b.try_into().expect("chunks of 8"));
        }
        *value = Fq::new_unchecked(BigInt(limbs));
        if value.0 >= Fq::MODULUS {
            return None;
        }
    }
    if c.iter().all(|v| v.is_zero()) {
        return None;
    }
    let point = G2Affine::new_unchecked(Fq2::new(c[0], c[1]), Fq2::new(c[2], c[3]));
    (point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
}

pub fn g2_to_raw(p: &G2Affine) -> [u8; G2_BYTES] {
    let mut out = [0; G2_BYTES];
    if let Some((x, y)) = p.xy() {
        for (chunk, c) in out.chunks_exact_mut(COORDINATE_BYTES).zip([x.c0, x.c1, y.c0, y.c1]) {
            for (b, limb) in chunk.chunks_exact_mut(8).zip(c.0.0) {
                b.copy_from_slice(&limb.to_le_bytes());
            }
        }
    }
    out
}

pub fn g2_to_wire(p: &G2Affine) -> [u8; G2_BYTES] {
    let mut out = [0; G2_BYTES];
    if let Some((x, y)) = p.xy() {
        for (chunk, c) in out.chunks_exact_mut(COORDINATE_BYTES).zip([x.c1, x.c0, y.c1, y.c0]) {
            encode_coordinate(&c, chunk);
        }
    }
    out
}
