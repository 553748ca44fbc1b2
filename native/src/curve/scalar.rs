//! Affine additions without vector instructions.

use super::batch::{self, Ahead, BATCH, Term};
use super::inverse::inverse;
use super::point::Point;
use ark_bn254::Fq;
use ark_ff::Field;

/// Scratch space for `add`: x2 - x1 and the product of those before.
pub struct Scratch {
    pairs: Vec<(Fq, Fq)>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { pairs: Vec::with_capacity(BATCH) }
    }
}

/// *out[i] = left[i] + right[i], any points.
///
/// # Safety
/// As for `Batch::push`.
pub unsafe fn add(left: &[Term], right: &[Term], out: &[*mut Point], scratch: &mut Scratch, ahead: Ahead<'_>) {
    let special = |p: &Point, q: &Point| p.x == q.x || p.is_infinity() || q.is_infinity();
    // SAFETY: as the caller says.
    let operands = |i: usize| unsafe { (left[i].read().reduced(), right[i].read().reduced()) };
    let mut product = Fq::ONE;
    scratch.pairs.clear();
    for i in 0..out.len() {
        let (p, q) = operands(i);
        let difference = if special(&p, &q) { Fq::ONE } else { q.coordinates().0 - p.coordinates().0 };
        scratch.pairs.push((difference, product));
        product *= difference;
    }
    let mut quotient = inverse(product).expect("differences are not zero");
    for (i, (difference, prefix)) in scratch.pairs.iter().enumerate().rev() {
        ahead.fetch(i, out.len());
        let (p, q) = operands(i);
        let inv = quotient * prefix;
        quotient *= difference;
        let sum = if special(&p, &q) { batch::add_special(&p, &q) } else { chord(&p, &q, inv) };
        // SAFETY: as the caller says.
        unsafe { *out[i] = sum };
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
