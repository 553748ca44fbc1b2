//! The sumcheck of one layer: from a claim on its nodes to values of their children.
//!
//! With D = 1 + q' and w1 = p1 + lambda D1, the summand p + lambda q' of the parent is
//! p0 D1 + w1 D0 - lambda: two products. A missing node (0, 0) has p0 = 0, D = 1, w1 = lambda and gives 0.
//! Only the value at 0 and the leading coefficient are summed; the value at 1 follows from the claim.

use crate::field::lanes::{Lanes, Scalar};
use crate::field::slices::with_lanes;
use crate::field::{Fr, slices};
use crate::sumcheck::instance::fold_in_place;
use crate::sumcheck::tensor::eq_table;
use crate::sumcheck::{Interrupted, POLL_INTERVAL, Poll, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// log2 of a block: the eq weights are a product of a weight for the block and one for the place in it.
const BLOCK_BITS: usize = 8;
const BLOCK: usize = 1 << BLOCK_BITS;

/// The four tables of a block: p0, D1, w1, D0.
type Quad = [Vec<Fr>; 4];

pub struct LayerSumcheck {
    z: Vec<Fr>,
    lambda: Fr,
    /// Number of bound variables.
    bound: usize,
    /// p0, D1, w1, D0, once the first variable is bound.
    tables: Option<Quad>,
    /// The sum that the coming round's polynomial must have, once known.
    claim: Option<Fr>,
    /// h(0), h(1), h(2) of the last `round`.
    last: Option<[Fr; 3]>,
}

/// The children of nodes start .. start + len, as far as they exist.
fn children_of<'a>(children: (&'a [Fr], &'a [Fr]), start: usize, len: usize) -> [&'a [Fr]; 2] {
    let clamp = |x: usize| (2 * x).min(children.0.len());
    let range = clamp(start)..clamp(start + len);
    [&children.0[range.clone()], &children.1[range]]
}

fn quad(n: usize) -> Quad {
    std::array::from_fn(|_| vec![Fr::ZERO; n])
}

/// Buffers of one thread: a block's two halves and their difference.
struct Scratch<L: Lanes> {
    low: [Vec<L::Lane>; 4],
    high: [Vec<L::Lane>; 4],
}

impl<L: Lanes> Scratch<L> {
    fn new(len: usize) -> Self {
        let lanes = || std::array::from_fn(|_| vec![L::Lane::default(); len.div_ceil(L::WIDTH)]);
        Self { low: lanes(), high: lanes() }
    }
}

/// Loads elements start .. start + len of the four tables.
fn load<L: Lanes>(tables: &Quad, start: usize, len: usize, out: &mut [Vec<L::Lane>; 4]) {
    for (lanes, t) in out.iter_mut().zip(tables) {
        L::load(lanes, &t[start..start + len]);
    }
}

fn slices_of<T>(a: &[Vec<T>; 4]) -> [&[T]; 4] {
    std::array::from_fn(|i| &a[i][..])
}

impl LayerSumcheck {
    /// `z`: the point of the layer's claim, most significant bit first; the claim is p(z) + lambda q'(z).
    pub fn new(z: Vec<Fr>, lambda: Fr) -> Self {
        Self { z, lambda, bound: 0, tables: None, claim: None, last: None }
    }

    pub fn remaining(&self) -> usize {
        self.z.len() - self.bound
    }

    /// Whether the children's tables are still needed.
    pub fn reads_children(&self) -> bool {
        self.tables.is_none()
    }

    /// h(0), h(1), h(2) with h(X) = sum_x eq(z_rest, x) (p + lambda q')(bound, X, x).
    pub fn round(&mut self, children: (&[Fr], &[Fr]), poll: Poll<'_>) -> Result<[Fr; 3], Interrupted> {
        let (rest, tau) = (&self.z[self.bound + 1..], self.z[self.bound]);
        let (outer, inner) = rest.split_at(rest.len().saturating_sub(BLOCK_BITS));
        let (outer_eq, inner_eq) = (eq_table(outer), eq_table(inner));
        let tau_inverse = self.claim.and_then(|_| tau.inverse());
        let sums = with_lanes!(L, self.block_sums::<L>(children, &outer_eq, &inner_eq, tau_inverse.is_none(), poll)?);
        // the summand is the products' sum minus lambda, and eq sums to 1
        let (h0, leading) = (sums[0] - self.lambda, sums[2]);
        let h1 = match (self.claim, tau_inverse) {
            (Some(claim), Some(inverse)) => (claim - (Fr::ONE - tau) * h0) * inverse,
            _ => sums[1] - self.lambda,
        };
        let h2 = h1.double() - h0 + leading.double();
        self.last = Some([h0, h1, h2]);
        Ok([h0, h1, h2])
    }

    /// The products' sums at 0, at 1 (if wanted) and their leading coefficient.
    fn block_sums<L: Lanes>(
        &self,
        children: (&[Fr], &[Fr]),
        outer_eq: &[Fr],
        inner_eq: &[Fr],
        at_one: bool,
        poll: Poll<'_>,
    ) -> Result<[Fr; 3], Interrupted> {
        let (len, half) = (inner_eq.len(), inner_eq.len() * outer_eq.len());
        let mut eq = vec![L::Lane::default(); len.div_ceil(L::WIDTH)];
        L::load(&mut eq, inner_eq);
        let block = |s: &mut Scratch<L>, i: usize| -> [Fr; 3] {
            match &self.tables {
                Some(t) => {
                    load::<L>(t, i * len, len, &mut s.low);
                    load::<L>(t, half + i * len, len, &mut s.high);
                }
                None => {
                    for (start, lanes) in [(i * len, &mut s.low), (half + i * len, &mut s.high)] {
                        let [p, q] = children_of(children, start, len);
                        L::load_children(lanes.each_mut().map(|l| &mut l[..]), p, q, &self.lambda);
                    }
                }
            }
            let at_0 = L::weighted(&eq, slices_of(&s.low));
            let at_1 = if at_one { L::weighted(&eq, slices_of(&s.high)) } else { Fr::ZERO };
            for (high, low) in s.high.iter_mut().zip(&s.low) {
                L::sub_assign(high, low);
            }
            let leading = L::weighted(&eq, slices_of(&s.high));
            [at_0, at_1, leading].map(|sum| sum * outer_eq[i])
        };
        let add = |a: [Fr; 3], b: [Fr; 3]| std::array::from_fn(|i| a[i] + b[i]);
        let mut sums = [Fr::ZERO; 3];
        let step = POLL_INTERVAL / (16 * BLOCK);
        for start in (0..outer_eq.len()).step_by(step) {
            check(poll)?;
            let end = (start + step).min(outer_eq.len());
            let part = (start..end)
                .into_par_iter()
                .with_min_len(4)
                .map_init(|| Scratch::<L>::new(len), block)
                .reduce(|| [Fr::ZERO; 3], add);
            sums = add(sums, part);
        }
        let correction = Fr::from(L::CORRECTION);
        Ok(sums.map(|sum| sum * correction))
    }

    /// Sets the current variable to c.
    pub fn bind(&mut self, c: Fr, children: (&[Fr], &[Fr]), poll: Poll<'_>) -> Result<(), Interrupted> {
        check(poll)?;
        let half = 1usize << (self.remaining() - 1);
        match &mut self.tables {
            Some(tables) => tables.iter_mut().for_each(|t| fold_in_place(t, half, &c)),
            None => self.tables = Some(self.fold_children(c, children, half)),
        }
        self.claim = self.last.take().map(|[h0, h1, h2]| {
            let leading = (h2 - h1.double() + h0) * Fr::from(2u64).inverse().expect("2 is not 0");
            h0 + c * (h1 - h0 + (c - Fr::ONE) * leading)
        });
        self.bound += 1;
        Ok(())
    }

    fn fold_children(&self, c: Fr, children: (&[Fr], &[Fr]), half: usize) -> Quad {
        let mut tables = quad(half);
        let [a, b, e, d] = &mut tables;
        a.par_chunks_mut(BLOCK)
            .zip(b.par_chunks_mut(BLOCK))
            .zip(e.par_chunks_mut(BLOCK).zip(d.par_chunks_mut(BLOCK)))
            .enumerate()
            .for_each(|(i, ((a, b), (e, d)))| {
                let (start, len) = (i * BLOCK, a.len());
                let (low, high) = (children_of(children, start, len), children_of(children, half + start, len));
                slices::fold_children([a, b, e, d], low, high, &self.lambda, &c);
            });
        tables
    }

    /// p0, p1, q0', q1' at the point that the challenges have fixed.
    pub fn values(&self, children: (&[Fr], &[Fr])) -> [Fr; 4] {
        let [p0, d1, w1, d0] = match &self.tables {
            Some(t) => std::array::from_fn(|i| t[i][0]),
            None => {
                let [p, q] = children_of(children, 0, 1);
                let mut out = quad(1);
                Scalar::load_children(out.each_mut().map(|t| &mut t[..]), p, q, &self.lambda);
                std::array::from_fn(|i| out[i][0])
            }
        };
        [p0, w1 - self.lambda * d1, d0 - Fr::ONE, d1 - Fr::ONE]
    }
}
