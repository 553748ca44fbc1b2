//! Affine additions without vector instructions.

use super::batch::{self, Ahead, BATCH, Term};
use super::fq::{Carries, Multiply, Portable, Words, is_zero, negate_if, reduced, subtract};
use super::inverse::inverse;
use super::point::Point;
use ark_bn254::Fq;
use ark_ff::{BigInt, Field};

/// Scratch space for `add`.
pub struct Scratch {
    /// x2 - x1, or one where the addition is special, and the product of those before.
    pairs: Vec<(Words, Words)>,
    carries: Carries,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Carries::detect())
    }
}

impl Scratch {
    pub fn new(carries: Carries) -> Self {
        Self { pairs: Vec::with_capacity(BATCH), carries }
    }
}

/// *out[i] = left[i] + right[i], any points.
///
/// # Safety
/// As for `Batch::push`.
pub unsafe fn add(left: &[Term], right: &[Term], out: &[*mut Point], scratch: &mut Scratch, ahead: Ahead<'_>) {
    // SAFETY: as the caller says.
    unsafe {
        match scratch.carries {
            Carries::One => add_with::<Portable>(left, right, out, &mut scratch.pairs, ahead),
            #[cfg(target_arch = "x86_64")]
            Carries::Two => add_with::<super::fq::Adx>(left, right, out, &mut scratch.pairs, ahead),
        }
    }
}

unsafe fn add_with<M: Multiply>(
    left: &[Term],
    right: &[Term],
    out: &[*mut Point],
    pairs: &mut Vec<(Words, Words)>,
    ahead: Ahead<'_>,
) {
    // SAFETY: as the caller says.
    let operands = |i: usize| unsafe { (&*left[i].address(), &*right[i].address()) };
    let mut product = Fq::ONE.0.0;
    pairs.clear();
    for i in 0..out.len() {
        let (p, q) = operands(i);
        let mut difference = subtract(&q.x, &p.x);
        if p.is_infinity() || q.is_infinity() || is_zero(&difference) {
            difference = Fq::ONE.0.0;
        }
        pairs.push((difference, product));
        product = M::multiply(&product, &difference);
    }
    let product = Fq::new_unchecked(BigInt(reduced(&product)));
    let mut quotient = inverse(product).expect("differences are not zero").0.0;
    let share = ahead.share(out.len());
    for (i, (difference, prefix)) in pairs.iter().enumerate().rev() {
        ahead.fetch(i * share, share);
        let (p, q) = operands(i);
        let inverse = M::multiply(&quotient, prefix);
        quotient = M::multiply(&quotient, difference);
        // SAFETY: as the caller says.
        let sum = if *difference == Fq::ONE.0.0 {
            unsafe { batch::add_special(&left[i].read(), &right[i].read()) }
        } else {
            let y1 = negate_if(&p.y, left[i].is_negative());
            let y2 = negate_if(&q.y, right[i].is_negative());
            let slope = M::multiply(&subtract(&y2, &y1), &inverse);
            let x3 = subtract(&subtract(&M::multiply(&slope, &slope), &p.x), &q.x);
            let y3 = subtract(&M::multiply(&slope, &subtract(&p.x, &x3)), &y1);
            Point { x: reduced(&x3), y: reduced(&y3) }
        };
        // SAFETY: as the caller says.
        unsafe { *out[i] = sum };
    }
}
