//! Affine additions in batches that share one inversion (Montgomery's trick): 5 products and a square each.

use super::point::Point;
use ark_bn254::Fq;
use ark_ff::{AdditiveGroup, Field, Zero};

/// Additions that share an inversion; their operands stay in the second-level cache.
pub const BATCH: usize = 512;

/// Scratch space for `add`.
pub struct Scratch {
    denominators: Vec<Fq>,
    prefixes: Vec<Fq>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { denominators: vec![Fq::ZERO; BATCH], prefixes: vec![Fq::ZERO; BATCH] }
    }
}

/// out[i] = left[i] + right[i] for at most BATCH pairs, any points.
pub fn add(left: &[Point], right: &[Point], out: &mut [Point], scratch: &mut Scratch) {
    let n = left.len();
    debug_assert!(n <= BATCH && right.len() == n && out.len() == n);
    let mut product = Fq::ONE;
    for i in 0..n {
        let (p, q) = (&left[i], &right[i]);
        let (x1, y1) = p.coordinates();
        let (x2, _) = q.coordinates();
        let mut denominator = x2 - x1;
        if denominator.is_zero() || p.is_infinity() || q.is_infinity() {
            let doubling = *p == *q && !p.is_infinity();
            denominator = if doubling { y1.double() } else { Fq::ONE };
        }
        scratch.denominators[i] = denominator;
        scratch.prefixes[i] = product;
        product *= denominator;
    }
    let mut inverse = product.inverse().expect("denominators are not zero");
    for i in (0..n).rev() {
        let inv = inverse * scratch.prefixes[i];
        inverse *= scratch.denominators[i];
        let (p, q) = (&left[i], &right[i]);
        out[i] = if p.x == q.x || p.is_infinity() || q.is_infinity() { special(p, q, inv) } else { chord(p, q, inv) };
    }
}

/// p + q with distinct x, inv = 1 / (x2 - x1).
#[inline(always)]
fn chord(p: &Point, q: &Point, inv: Fq) -> Point {
    let (x1, y1) = p.coordinates();
    let (x2, y2) = q.coordinates();
    let slope = (y2 - y1) * inv;
    let x3 = slope.square() - x1 - x2;
    Point::from_coordinates(x3, slope * (x1 - x3) - y1)
}

/// Infinity among the operands, a doubling (inv = 1 / 2 y), or opposite points.
#[cold]
fn special(p: &Point, q: &Point, inv: Fq) -> Point {
    if p.is_infinity() {
        return *q;
    }
    if q.is_infinity() {
        return *p;
    }
    if p != q {
        return Point::INFINITY;
    }
    let (x, y) = p.coordinates();
    let square = x.square();
    let slope = (square.double() + square) * inv;
    let x3 = slope.square() - x.double();
    Point::from_coordinates(x3, slope * (x - x3) - y)
}
