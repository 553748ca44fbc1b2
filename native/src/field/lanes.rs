//! Blocks of field elements in the form in which a backend computes fastest.

use super::wide::{ProductSum, SmallSum};
use super::{Fr, from_i64, plain};
use ark_ff::AdditiveGroup;

/// Operations on blocks of at most `MAX_BLOCK` elements. A block of n elements has n / WIDTH lanes, rounded up;
/// the places beyond n are zero after a load.
pub trait Lanes: Send + Sync + 'static {
    type Lane: Copy + Default + Send + Sync;
    const WIDTH: usize;
    /// `mul_assign` gives its result divided by this.
    const CORRECTION: u64;

    fn load(out: &mut [Self::Lane], src: &[Fr]);
    fn load_small(out: &mut [Self::Lane], src: &[i64]);
    /// a = a - b.
    fn sub_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    fn add_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    /// a = a b / CORRECTION.
    fn mul_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    /// a = c a.
    fn scale_assign(a: &mut [Self::Lane], c: &Fr);
    /// The elements, as many as `out` has.
    fn store(out: &mut [Fr], a: &[Self::Lane]);
    fn dot(a: &[Self::Lane], b: &[Self::Lane]) -> Fr;
    fn dot_small(a: &[Self::Lane], vs: &[i64]) -> Fr;
    fn sum(a: &[Self::Lane]) -> Fr;
}

/// Sums of products over longer blocks may overflow.
pub const MAX_BLOCK: usize = 2048;

/// Plain 64-bit arithmetic.
pub struct Scalar;

impl Lanes for Scalar {
    type Lane = Fr;
    const WIDTH: usize = 1;
    const CORRECTION: u64 = 1;

    fn load(out: &mut [Fr], src: &[Fr]) {
        out[..src.len()].copy_from_slice(src);
    }
    fn load_small(out: &mut [Fr], src: &[i64]) {
        for (x, &v) in out.iter_mut().zip(src) {
            *x = from_i64(v);
        }
    }
    fn sub_assign(a: &mut [Fr], b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x = plain::sub(x, y);
        }
    }
    fn add_assign(a: &mut [Fr], b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x = plain::add(x, y);
        }
    }
    fn mul_assign(a: &mut [Fr], b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x = plain::mul(x, y);
        }
    }
    fn scale_assign(a: &mut [Fr], c: &Fr) {
        for x in a {
            *x = plain::mul(x, c);
        }
    }
    fn store(out: &mut [Fr], a: &[Fr]) {
        out.copy_from_slice(&a[..out.len()]);
    }
    fn dot(a: &[Fr], b: &[Fr]) -> Fr {
        let mut sum = ProductSum::default();
        for (x, y) in a.iter().zip(b) {
            sum.add(x, y);
        }
        sum.reduce()
    }
    fn dot_small(a: &[Fr], vs: &[i64]) -> Fr {
        let mut sum = SmallSum::default();
        for (x, &v) in a.iter().zip(vs) {
            sum.add(x, v);
        }
        sum.reduce()
    }
    fn sum(a: &[Fr]) -> Fr {
        a.iter().fold(Fr::ZERO, |sum, x| plain::add(&sum, x))
    }
}
