//! Affine additions without vector instructions.

use super::batch::{self, Ahead, BATCH, Term};
use super::fq::{Carries, Multiply, Portable, Words, is_zero, negate_if, reduced, subtract};
use super::inverse::inverse;
use super::point::Point;
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
        Self { rows: Vec::with_capacity(BATCH / CHAINS), carries }
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
            Carries::Two => add_with::<super::fq::Adx>(left, right, out, &mut scratch.rows, ahead),
        }
    }
}

unsafe fn add_with<M: Multiply>(
    left: &[Term],
    right: &[Term],
    out: &[*mut Point],
    rows: &mut Vec<Row>,
    ahead: Ahead<'_>,
) {
    let (left, right, out) = (left.as_chunks::<CHAINS>(), right.as_chunks::<CHAINS>(), out.as_chunks::<CHAINS>());
    assert!(left.1.is_empty() && right.0.len() == left.0.len() && out.0.len() == left.0.len());
    let (left, right, out) = (left.0, right.0, out.0);
    let mut products = [ONE; CHAINS];
    rows.clear();
    for (l, r) in left.iter().zip(right) {
        // SAFETY: as the caller says.
        let difference = each!(c => unsafe { difference(&*l[c].address(), &*r[c].address()) });
        rows.push(Row { difference, prefix: products });
        products = each!(c => M::multiply(&products[c], &difference[c]));
    }
    let mut inverses = inverses::<M>(&products);
    let share = ahead.share(rows.len());
    for (i, row) in rows.iter().enumerate().rev() {
        ahead.fetch(i * share, share);
        let inverse = each!(c => M::multiply(&inverses[c], &row.prefix[c]));
        inverses = each!(c => M::multiply(&inverses[c], &row.difference[c]));
        let (l, r) = (&left[i], &right[i]);
        // SAFETY: as the caller says.
        let (p, q) = unsafe { (each!(c => *l[c].address()), each!(c => *r[c].address())) };
        let y1 = each!(c => negate_if(&p[c].y, l[c].is_negative()));
        let rise = each!(c => subtract(&negate_if(&q[c].y, r[c].is_negative()), &y1[c]));
        let slope = each!(c => M::multiply(&rise[c], &inverse[c]));
        let square = each!(c => M::multiply(&slope[c], &slope[c]));
        let x3 = each!(c => subtract(&subtract(&square[c], &p[c].x), &q[c].x));
        let run = each!(c => subtract(&p[c].x, &x3[c]));
        let product = each!(c => M::multiply(&slope[c], &run[c]));
        let y3 = each!(c => subtract(&product[c], &y1[c]));
        for c in 0..CHAINS {
            // SAFETY: as the caller says; the results may take the operands' places, and each takes its own.
            unsafe {
                *out[i][c] = if row.difference[c] == ONE {
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
    if p.is_infinity() || q.is_infinity() || is_zero(&difference) { ONE } else { difference }
}

/// The inverse of each product, none of which is zero.
fn inverses<M: Multiply>(products: &[Words; CHAINS]) -> [Words; CHAINS] {
    let mut prefixes = [ONE; CHAINS];
    let mut product = ONE;
    for (prefix, factor) in prefixes.iter_mut().zip(products) {
        *prefix = product;
        product = M::multiply(&product, factor);
    }
    let product = Fq::new_unchecked(BigInt(reduced(&product)));
    let mut quotient = inverse(product).expect("differences are not zero").0.0;
    let mut out = prefixes;
    for (inverse, factor) in out.iter_mut().zip(products).rev() {
        *inverse = M::multiply(&quotient, inverse);
        quotient = M::multiply(&quotient, factor);
    }
    out
}
