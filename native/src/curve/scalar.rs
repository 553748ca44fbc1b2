//! Affine additions without vector instructions.

use super::batch::{self, Ahead, BATCH, Term};
use super::fq::{is_zero, multiply, negate_if, reduced, subtract};
use super::inverse::inverse;
use super::point::Point;
#[cfg(target_arch = "x86_64")]
use crate::words::Adx;
use crate::words::{Carries, Multiply, Portable, Words, equal};
use ark_bn254::Fq;
use ark_ff::{BigInt, Field};

/// Additions whose steps alternate, each in a chain of products of its own: a multiplication takes longer than what the
/// processor needs before it can begin the next.
const CHAINS: usize = 2;

const ONE: Words = Fq::ONE.0.0;

/// Evaluates an expression for each chain.
macro_rules! each {
    ($c:ident => $e:expr) => {
        std::array::from_fn::<_, CHAINS, _>(
            #[inline(always)]
            |$c| $e,
        )
    };
}

/// An addition of each chain.
#[derive(Clone, Copy)]
struct Row {
    /// x2 - x1, or one where the addition is special.
    difference: [Words; CHAINS],
    /// The product of the differences of the rows before.
    prefix: [Words; CHAINS],
}

/// Scratch space for `add`.
pub struct Scratch {
    /// One more than additions of a chain: the last one's prefix is the product of all.
    rows: Vec<Row>,
    carries: Carries,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Carries::detect())
    }
}

impl Scratch {
    pub fn new(carries: Carries) -> Self {
        let row = Row { difference: [ONE; CHAINS], prefix: [ONE; CHAINS] };
        Self { rows: vec![row; BATCH / CHAINS + 1], carries }
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
            Carries::One => add_with::<Portable>(left, right, out, &mut scratch.rows, ahead),
            #[cfg(target_arch = "x86_64")]
            Carries::Two => add_with::<Adx>(left, right, out, &mut scratch.rows, ahead),
        }
    }
}

unsafe fn add_with<M: Multiply>(left: &[Term], right: &[Term], out: &[*mut Point], rows: &mut [Row], ahead: Ahead<'_>) {
    let (left, right, out) = (left.as_chunks::<CHAINS>(), right.as_chunks::<CHAINS>(), out.as_chunks::<CHAINS>());
    assert!(left.1.is_empty() && right.0.len() == left.0.len() && out.0.len() == left.0.len());
    let (left, right, out) = (left.0, right.0, out.0);
    let rows = &mut rows[..left.len() + 1];
    rows[0].prefix = [ONE; CHAINS];
    for (i, (l, r)) in left.iter().zip(right).enumerate() {
        let [row, next] = &mut rows[i..i + 2] else { unreachable!() };
        // each in its place: copies of words that were just written would wait for them
        for c in 0..CHAINS {
            // SAFETY: as the caller says.
            row.difference[c] = unsafe { difference(&*l[c].address(), &*r[c].address()) };
        }
        for c in 0..CHAINS {
            next.prefix[c] = multiply::<M>(&row.prefix[c], &row.difference[c]);
        }
    }
    let mut inverses = inverses::<M>(&rows[left.len()].prefix);
    let share = ahead.share(left.len());
    for (i, row) in rows[..left.len()].iter().enumerate().rev() {
        ahead.fetch(i * share, share);
        let inverse = each!(c => multiply::<M>(&inverses[c], &row.prefix[c]));
        for c in 0..CHAINS {
            inverses[c] = multiply::<M>(&inverses[c], &row.difference[c]);
        }
        let (l, r) = (&left[i], &right[i]);
        // SAFETY: as the caller says.
        let (p, q) = unsafe { (each!(c => &*l[c].address()), each!(c => &*r[c].address())) };
        let y1 = each!(c => negate_if(&p[c].y, l[c].is_negative()));
        let rise = each!(c => subtract(&negate_if(&q[c].y, r[c].is_negative()), &y1[c]));
        let slope = each!(c => multiply::<M>(&rise[c], &inverse[c]));
        let square = each!(c => multiply::<M>(&slope[c], &slope[c]));
        let x3 = each!(c => subtract(&subtract(&square[c], &p[c].x), &q[c].x));
        let run = each!(c => subtract(&p[c].x, &x3[c]));
        let product = each!(c => multiply::<M>(&slope[c], &run[c]));
        let y3 = each!(c => subtract(&product[c], &y1[c]));
        for c in 0..CHAINS {
            // SAFETY: as the caller says; the results may take the operands' places, and each takes its own.
            unsafe {
                *out[i][c] = if equal(&row.difference[c], &ONE) {
                    batch::add_special(&l[c].read(), &r[c].read())
                } else {
                    Point { x: x3[c], y: y3[c] }
                };
            }
        }
    }
}

/// x2 - x1, or one where the addition is special.
#[inline(always)]
fn difference(p: &Point, q: &Point) -> Words {
    let difference = subtract(&q.x, &p.x);
    // infinity alone has x = 0
    if equal(&p.x, &[0; 4]) || equal(&q.x, &[0; 4]) || is_zero(&difference) { ONE } else { difference }
}

/// The inverse of each product, none of which is zero.
fn inverses<M: Multiply>(products: &[Words; CHAINS]) -> [Words; CHAINS] {
    let mut prefixes = [ONE; CHAINS];
    let mut product = ONE;
    for (prefix, factor) in prefixes.iter_mut().zip(products) {
        *prefix = product;
        product = multiply::<M>(&product, factor);
    }
    let product = Fq::new_unchecked(BigInt(reduced(&product)));
    let mut quotient = inverse(product).expect("differences are not zero").0.0;
    let mut out = prefixes;
    for (inverse, factor) in out.iter_mut().zip(products).rev() {
        *inverse = multiply::<M>(&quotient, inverse);
        quotient = multiply::<M>(&quotient, factor);
    }
    out
}
