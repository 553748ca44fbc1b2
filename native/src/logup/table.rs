//! The nodes of a layer during its sumcheck, bound variable by variable, most significant bit first.

use crate::field::Fr;
use crate::field::fractions::{BLOCK, FractionLanes, Quad};
use crate::field::lanes::Scalar;
use crate::sumcheck::tensor::eq_table;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

pub const BLOCK_BITS: usize = BLOCK.trailing_zeros() as usize;
/// Tables of so few variables are bound in plain arithmetic: a step needs a block in each quarter.
pub const SMALL: usize = BLOCK_BITS + 1;
/// Blocks that a thread takes at a time.
pub const TASK: usize = 8;

/// Sums at 0, at 1 (where it was asked for) and of the leading coefficient.
pub type Sums = [Fr; 3];

pub fn add(a: Sums, b: Sums) -> Sums {
    std::array::from_fn(|i| a[i] + b[i])
}

/// eq(point, x), a product of a weight for the block and one for the place in it.
pub struct Weights<L: FractionLanes> {
    /// Times CORRECTION.
    pub outer: Vec<Fr>,
    pub inner: Vec<L::Lane>,
    /// Elements of a block.
    pub len: usize,
}

impl<L: FractionLanes> Weights<L> {
    pub fn new(point: &[Fr]) -> Self {
        let (outer, inner) = point.split_at(point.len().saturating_sub(BLOCK_BITS));
        let len = 1usize << inner.len();
        let mut lanes = vec![L::Lane::default(); len.div_ceil(L::WIDTH)];
        L::load(&mut lanes, &eq_table(inner));
        let correction = Fr::from(L::CORRECTION);
        let mut outer = eq_table(outer);
        outer.par_iter_mut().with_min_len(1 << 12).for_each(|w| *w *= correction);
        Self { outer, inner: lanes, len }
    }

    /// What the sums of one block amount to.
    pub fn scale(&self, block: usize, sums: Sums) -> Sums {
        sums.map(|s| s * self.outer[block])
    }
}

/// Block i of a vector that may end before.
fn block<T>(t: &[T], i: usize, len: usize) -> &[T] {
    &t[(i * len).min(t.len())..((i + 1) * len).min(t.len())]
}

/// Turns p1 into w1 in the first nodes [p0, d1, p1, d0] of a layer, the others being missing; the sums for the first
/// of `bits` > 0 variables.
pub fn start<L: FractionLanes>(
    quads: &mut [Quad<L>],
    bits: usize,
    lambda: &Fr,
    weights: &Weights<L>,
    at_one: bool,
) -> Sums {
    let lanes = weights.len / L::WIDTH;
    let (low, high) = quads.split_at_mut((1 << (bits - 1)) / L::WIDTH);
    let mut highs: Vec<&mut [Quad<L>]> = high.chunks_mut(lanes).collect();
    highs.resize_with(weights.outer.len(), Default::default);
    low.par_chunks_mut(lanes)
        .zip(highs)
        .enumerate()
        .with_min_len(TASK)
        .map(|(i, (low, high))| weights.scale(i, L::start(low, high, lambda, &weights.inner, at_one)))
        .reduce(|| [Fr::ZERO; 3], add)
}

/// Binds the first of `bits` > 1 variables to c: leaves 2^(bits - 1) nodes; the sums for the next variable.
pub fn step<L: FractionLanes>(
    quads: &mut [Quad<L>],
    bits: usize,
    lambda: &Fr,
    c: &Fr,
    weights: &Weights<L>,
    at_one: bool,
) -> Sums {
    let (lanes, quarter) = (weights.len / L::WIDTH, (1 << (bits - 2)) / L::WIDTH);
    let (low, high) = quads.split_at_mut(2 * quarter);
    let (a, b) = low.split_at_mut(quarter);
    let (c0, c1) = high.split_at(quarter.min(high.len()));
    a.par_chunks_mut(lanes)
        .zip(b.par_chunks_mut(lanes))
        .enumerate()
        .with_min_len(TASK)
        .map(|(i, (a, b))| {
            let high = [block(c0, i, lanes), block(c1, i, lanes)];
            weights.scale(i, L::step([a, b], high, lambda, c, &weights.inner, at_one))
        })
        .reduce(|| [Fr::ZERO; 3], add)
}

/// Binds the last variable.
pub fn finish(quads: &mut [Quad<Scalar>], lambda: &Fr, c: &Fr) {
    let high = quads.get(1).copied().unwrap_or(Scalar::missing(lambda));
    for (x, y) in quads[0].iter_mut().zip(high) {
        *x += *c * (y - *x);
    }
}
