//! Blocks of field elements in the form in which a backend computes fastest.

use super::wide::{ProductSum, SmallSum};
use super::{Fr, from_i64};
use ark_ff::{AdditiveGroup, Field};

/// Operations on blocks of at most `MAX_BLOCK` elements. A block of n elements has n / WIDTH lanes, rounded up;
/// the places beyond n are zero after a load.
pub trait Lanes: Send + Sync + 'static {
    type Lane: Copy + Default + Send + Sync;
    const WIDTH: usize;
    /// `mul_assign` and `weighted` give their result divided by this.
    const CORRECTION: u64;

    fn load(out: &mut [Self::Lane], src: &[Fr]);
    fn load_small(out: &mut [Self::Lane], src: &[i64]);
    /// a = a - b.
    fn sub_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    fn add_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    /// a = a b / CORRECTION.
    fn mul_assign(a: &mut [Self::Lane], b: &[Self::Lane]);
    fn dot(a: &[Self::Lane], b: &[Self::Lane]) -> Fr;
    fn dot_small(a: &[Self::Lane], vs: &[i64]) -> Fr;
    fn sum(a: &[Self::Lane]) -> Fr;
    /// Loads nodes (p, q) of a LogUp layer that alternate between even and odd children, as
    /// [p even, q odd + 1, p odd + lambda (q odd + 1), q even + 1]; missing nodes are (0, 0).
    fn load_children(out: [&mut [Self::Lane]; 4], p: &[Fr], q: &[Fr], lambda: &Fr);
    /// sum_i w[i] (a0 a1 + a2 a3)[i] / CORRECTION.
    fn weighted(w: &[Self::Lane], a: [&[Self::Lane]; 4]) -> Fr;
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
            *x -= y;
        }
    }
    fn add_assign(a: &mut [Fr], b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x += y;
        }
    }
    fn mul_assign(a: &mut [Fr], b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x *= y;
        }
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
        a.iter().sum()
    }
    fn load_children([p0, d1, w1, d0]: [&mut [Fr]; 4], p: &[Fr], q: &[Fr], lambda: &Fr) {
        let get = |t: &[Fr], at: usize| t.get(at).copied().unwrap_or(Fr::ZERO);
        for i in 0..p0.len() {
            (p0[i], d0[i], d1[i]) = (get(p, 2 * i), get(q, 2 * i) + Fr::ONE, get(q, 2 * i + 1) + Fr::ONE);
            w1[i] = get(p, 2 * i + 1) + d1[i] * lambda;
        }
    }
    fn weighted(w: &[Fr], a: [&[Fr]; 4]) -> Fr {
        let mut sum = ProductSum::default();
        for (i, w) in w.iter().enumerate() {
            let mut products = ProductSum::default();
            products.add(&a[0][i], &a[1][i]);
            products.add(&a[2][i], &a[3][i]);
            sum.add(w, &products.reduce());
        }
        sum.reduce()
    }
}
