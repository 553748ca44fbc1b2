//! Affine additions in batches that share one inversion (Montgomery's trick): 5 products and a square each.

#[cfg(target_arch = "x86_64")]
use super::ifma;
use super::point::Point;
use ark_bn254::{Fq, G1Affine};
use ark_ff::{AdditiveGroup, Field};

/// Additions that share an inversion; a multiple of 8. Their operands stay in the second-level cache.
pub const BATCH: usize = 1024;

/// Scratch space for `add`.
pub struct Scratch {
    denominators: Vec<Fq>,
    prefixes: Vec<Fq>,
    #[cfg(target_arch = "x86_64")]
    vectors: Option<ifma::Scratch>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            denominators: vec![Fq::ZERO; BATCH],
            prefixes: vec![Fq::ZERO; BATCH],
            #[cfg(target_arch = "x86_64")]
            vectors: ifma::detected().then(ifma::Scratch::default),
        }
    }
}

/// out[i] = left[i] + right[i] for at most BATCH pairs, any points.
pub fn add(left: &[Point], right: &[Point], out: &mut [Point], scratch: &mut Scratch) {
    let n = left.len();
    debug_assert!(n <= BATCH && right.len() == n && out.len() == n);
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = &mut scratch.vectors {
        let whole = n / 8 * 8;
        // SAFETY: the scratch space exists only where the processor has the instructions.
        unsafe { ifma::add(&left[..whole], &right[..whole], &mut out[..whole], vectors) };
        if whole < n {
            let mut tail = [[Point::INFINITY; 8]; 3];
            tail[0][..n - whole].copy_from_slice(&left[whole..]);
            tail[1][..n - whole].copy_from_slice(&right[whole..]);
            let [l, r, o] = &mut tail;
            // SAFETY: as above.
            unsafe { ifma::add(l, r, o, vectors) };
            out[whole..].copy_from_slice(&o[..n - whole]);
        }
        return;
    }
    add_scalar(left, right, out, scratch);
}

/// The same without vector instructions.
fn add_scalar(left: &[Point], right: &[Point], out: &mut [Point], scratch: &mut Scratch) {
    let special = |p: &Point, q: &Point| p.x == q.x || p.is_infinity() || q.is_infinity();
    let mut product = Fq::ONE;
    for (i, (p, q)) in left.iter().zip(right).enumerate() {
        let denominator = if special(p, q) { Fq::ONE } else { q.coordinates().0 - p.coordinates().0 };
        scratch.denominators[i] = denominator;
        scratch.prefixes[i] = product;
        product *= denominator;
    }
    let mut inverse = product.inverse().expect("denominators are not zero");
    for (i, (p, q)) in left.iter().zip(right).enumerate().rev() {
        let inv = inverse * scratch.prefixes[i];
        inverse *= scratch.denominators[i];
        out[i] = if special(p, q) { add_special(p, q) } else { chord(p, q, inv) };
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

/// p + q for any points, with an inversion of its own where it needs one.
#[cold]
pub fn add_special(p: &Point, q: &Point) -> Point {
    if p.is_infinity() {
        return *q;
    }
    if q.is_infinity() {
        return *p;
    }
    Point::from_affine(&G1Affine::from(p.to_affine() + q.to_affine()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::powers::{self, G1Powers};
    use crate::field::Fr;

    #[test]
    fn scalar_additions_and_tails() {
        let points = G1Powers::new(64).multiply(&powers::scalars(Fr::from(3u64), Fr::from(1u64), 0, 64));
        let mut scratch = Scratch::default();
        for n in [0, 1, 7, 8, 9, 31] {
            let (mut left, mut right) = (points[..n].to_vec(), points[32..32 + n].to_vec());
            if n > 5 {
                right[2] = left[2];
                left[3] = Point::INFINITY;
                right[4] = Point::from_affine(&(-left[4].to_affine()));
            }
            let expected: Vec<Point> = left.iter().zip(&right).map(|(p, q)| add_special(p, q)).collect();
            let (mut out, mut out_scalar) = (vec![Point::INFINITY; n], vec![Point::INFINITY; n]);
            add(&left, &right, &mut out, &mut scratch);
            add_scalar(&left, &right, &mut out_scalar, &mut scratch);
            assert_eq!((out, out_scalar), (expected.clone(), expected), "{n}");
        }
    }
}
