//! The sumcheck of one layer: from a claim on its nodes to values of their children.
//!
//! With w1 = p1 + lambda d1, the summand p + lambda q' of a node is p0 d1 + w1 d0 - lambda: two products. A missing
//! node has p0 = 0, d = 1, w1 = lambda and gives 0. Only the value at 0 and the leading coefficient are summed; the
//! value at 1 follows from the claim. A table is bound and summed for the next variable in one pass.

use super::blocks::{Block, Blocks, Scratch, empty_block, lanes_of};
use super::gram::Gram;
use super::leaves::{COMPUTED, Leaves};
use super::table::{self, SMALL, Sums, TASK, Weights, add};
use crate::field::Fr;
use crate::field::fractions::{BLOCK, FractionLanes, Quad};
use crate::field::lanes::Scalar;
use crate::sumcheck::tensor::eq_table;
use crate::sumcheck::{Interrupted, Poll, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// Variables that are bound before a table of the nodes is made, by the height of their children. The table of the
/// lowest layer then has an eighth of the entries that its first variable would leave.
const BOUND_BEFORE: [usize; 3] = [3, 2, 0];
/// The same of a streamed tree: every table has half of the entries at most, the highest one a quarter.
const BOUND_BEFORE_STREAMED: [usize; 3] = [4, 3, 2];
fn bound_before(height: usize, variables: usize, streamed: bool) -> usize {
    (if streamed { BOUND_BEFORE_STREAMED } else { BOUND_BEFORE })[height].min(variables)
}

/// Lanes of the table that is made of a computed layer of 2^variables nodes at most.
pub fn table_lanes<L: FractionLanes>(leaves: usize, variables: usize, height: usize, streamed: bool) -> usize {
    let unbound = variables - bound_before(height, variables, streamed);
    // all nodes exist once a variable is bound
    leaves.div_ceil(2 << height).min(1 << unbound).div_ceil(L::WIDTH)
}

/// Blocks between two polls.
const POLLED: usize = 1 << 12;

/// Where the children come from.
pub enum Children {
    /// The lanes of the memory that hold them.
    Stored(Range<usize>),
    /// 2^height leaves high.
    Computed(usize),
}

enum State {
    /// The height of the children, and the challenges so far.
    Computed(usize, Vec<Fr>),
    /// In these lanes of the memory.
    Table(Range<usize>),
    Small(Vec<Quad<Scalar>>),
}

/// Every call gets the same memory, which is left to this sumcheck.
pub struct LayerSumcheck<L: FractionLanes> {
    z: Vec<Fr>,
    lambda: Fr,
    /// Whether computed layers are bound further before they have a table.
    streamed: bool,
    /// Number of bound variables.
    bound: usize,
    state: State,
    lanes: PhantomData<L>,
    /// The first messages of a computed layer, once one is asked for.
    gram: Option<Gram>,
    /// The sum that the coming round's polynomial must have, if known.
    claim: Option<Fr>,
    /// h(0), h(1), h(2) of the coming round, once computed.
    message: Option<[Fr; 3]>,
}

impl<L: FractionLanes> LayerSumcheck<L> {
    /// `z`: the point of the layer's claim p(z) + lambda q'(z), most significant bit first; `claim`: its value, which
    /// saves work. `leaves` are needed while `reads_leaves`.
    #[allow(clippy::too_many_arguments)] // the protocol's, and where the numbers are
    pub fn new(
        z: Vec<Fr>,
        lambda: Fr,
        claim: Option<Fr>,
        children: Children,
        streamed: bool,
        memory: &mut [Quad<L>],
        leaves: Option<&Leaves<'_>>,
        poll: Poll<'_>,
    ) -> Result<Self, Interrupted> {
        let bits = z.len();
        let (state, stored) = match children {
            Children::Stored(range) => (State::Table(range), true),
            Children::Computed(height) => (State::Computed(height, vec![]), false),
        };
        let (bound, gram, message) = (0, None, None);
        let mut sumcheck = Self { z, lambda, streamed, bound, state, lanes: PhantomData, gram, claim, message };
        if !stored {
            sumcheck.materialise(memory, leaves, poll)?;
            return Ok(sumcheck);
        }
        sumcheck.shrink(memory);
        let at_one = sumcheck.at_one(claim, 0);
        let rest = sumcheck.z.get(1..).unwrap_or_default();
        let sums = match &mut sumcheck.state {
            State::Table(range) => {
                Some(table::start::<L>(&mut memory[range.clone()], bits, &lambda, &Weights::new(rest), at_one))
            }
            State::Small(quads) if bits > 0 => {
                Some(table::start::<Scalar>(quads, bits, &lambda, &Weights::new(rest), at_one))
            }
            State::Small(quads) => {
                let [_, d1, p1, _] = &mut quads[0];
                *p1 += *d1 * lambda;
                None
            }
            State::Computed(..) => None,
        };
        sumcheck.message = sums.map(|sums| sumcheck.message_of(sums));
        Ok(sumcheck)
    }

    pub fn remaining(&self) -> usize {
        self.z.len() - self.bound
    }

    pub fn reads_leaves(&self) -> bool {
        matches!(self.state, State::Computed(..))
    }

    /// Whether the sum at 1 is needed for variable `at`, given the claim.
    fn at_one(&self, claim: Option<Fr>, at: usize) -> bool {
        claim.is_none() || self.z.get(at).is_some_and(|tau| *tau == Fr::ZERO)
    }

    /// h(0), h(1), h(2) of the current variable.
    fn message_of(&self, sums: Sums) -> [Fr; 3] {
        let tau = self.z[self.bound];
        // the summand is the products' sum minus lambda, and eq sums to 1
        let (h0, leading) = (sums[0] - self.lambda, sums[2]);
        let h1 = match (self.claim, tau.inverse()) {
            (Some(claim), Some(inverse)) => (claim - (Fr::ONE - tau) * h0) * inverse,
            _ => sums[1] - self.lambda,
        };
        [h0, h1, h1.double() - h0 + leading.double()]
    }

    /// h(0), h(1), h(2) with h(X) = sum_x eq(z_rest, x) (p + lambda q')(bound, X, x).
    pub fn round(&mut self, leaves: Option<&Leaves<'_>>, poll: Poll<'_>) -> Result<[Fr; 3], Interrupted> {
        if let Some(message) = self.message {
            return Ok(message);
        }
        let State::Computed(height, challenges) = &self.state else { unreachable!("tables are summed when bound") };
        if *height == COMPUTED - 1 {
            // its products are no products of integers: the nodes are computed and forgotten
            let (blocks, at_one) = (self.blocks(*height, challenges, leaves), self.at_one(self.claim, self.bound));
            let message = self.message_of(self.pass(&blocks, at_one, poll)?);
            self.message = Some(message);
            return Ok(message);
        }
        if self.gram.is_none() {
            let variables = bound_before(*height, self.z.len(), self.streamed);
            let blocks = Blocks {
                leaves: leaves.expect("given while they are read"),
                height: *height,
                lambda: self.lambda,
                weights: vec![Fr::ZERO; 1 << variables],
                stride: 1 << (self.z.len() - variables),
            };
            self.gram = Some(Gram::new::<L>(&blocks, variables, &self.z[variables..], poll)?);
        }
        let sums = self.gram.as_ref().map(|gram| gram.sums(challenges, &self.z));
        let message = self.message_of(sums.unwrap_or_default());
        self.message = Some(message);
        Ok(message)
    }

    /// Sets the current variable to c.
    pub fn bind(
        &mut self,
        c: Fr,
        memory: &mut [Quad<L>],
        leaves: Option<&Leaves<'_>>,
        poll: Poll<'_>,
    ) -> Result<(), Interrupted> {
        check(poll)?;
        let claim = self.message.map(|[h0, h1, h2]| {
            let leading = (h2 - h1.double() + h0) * Fr::from(2u64).inverse().expect("2 is not 0");
            h0 + c * (h1 - h0 + (c - Fr::ONE) * leading)
        });
        let (bits, at_one) = (self.remaining(), self.at_one(claim, self.bound + 1));
        let rest = self.z.get(self.bound + 2..).unwrap_or_default();
        let sums = match &mut self.state {
            State::Computed(_, challenges) => {
                challenges.push(c);
                (self.bound, self.claim, self.message) = (self.bound + 1, claim, None);
                return self.materialise(memory, leaves, poll);
            }
            State::Table(range) => {
                let quads = &mut memory[range.clone()];
                range.end = range.start + (1 << (bits - 1)) / L::WIDTH;
                Some(table::step::<L>(quads, bits, &self.lambda, &c, &Weights::new(rest), at_one))
            }
            State::Small(quads) if bits > 1 => {
                let sums = table::step::<Scalar>(quads, bits, &self.lambda, &c, &Weights::new(rest), at_one);
                quads.truncate(1 << (bits - 1));
                Some(sums)
            }
            State::Small(quads) => {
                table::finish(quads, &self.lambda, &c);
                None
            }
        };
        (self.bound, self.claim) = (self.bound + 1, claim);
        self.message = sums.map(|sums| self.message_of(sums));
        self.shrink(memory);
        Ok(())
    }

    /// Goes on in plain arithmetic once few nodes are left.
    fn shrink(&mut self, memory: &[Quad<L>]) {
        if let State::Table(range) = &self.state
            && self.remaining() <= SMALL
        {
            let mut quads = L::unpack(&memory[range.clone()]);
            quads.truncate(1 << self.remaining());
            self.state = State::Small(quads);
        }
    }

    fn blocks<'a>(&self, height: usize, challenges: &[Fr], leaves: Option<&'a Leaves<'a>>) -> Blocks<'a> {
        Blocks {
            leaves: leaves.expect("given while they are read"),
            height,
            lambda: self.lambda,
            weights: eq_table(challenges),
            stride: 1 << self.remaining(),
        }
    }

    /// The sums for the current variable, of nodes that are computed and forgotten.
    fn pass(&self, blocks: &Blocks<'_>, at_one: bool, poll: Poll<'_>) -> Result<Sums, Interrupted> {
        let weights = Weights::<L>::new(&self.z[self.bound + 1..]);
        let (half, len, count) = (1usize << (self.remaining() - 1), weights.len, weights.outer.len());
        let mut sums = [Fr::ZERO; 3];
        for start in (0..count).step_by(POLLED) {
            check(poll)?;
            let part = (start..(start + POLLED).min(count))
                .into_par_iter()
                .with_min_len(TASK)
                .map_init(
                    || Pair::new(len),
                    |pair, i| {
                        pair.compute(blocks, i * len, half, len);
                        weights.scale(i, pair.weigh(&weights, at_one))
                    },
                )
                .reduce(|| [Fr::ZERO; 3], add);
            sums = add(sums, part);
        }
        Ok(sums)
    }

    /// Makes the table, and the sums for the coming round, once enough variables are bound.
    fn materialise(
        &mut self,
        memory: &mut [Quad<L>],
        leaves: Option<&Leaves<'_>>,
        poll: Poll<'_>,
    ) -> Result<(), Interrupted> {
        let State::Computed(height, challenges) = &self.state else { return Ok(()) };
        if self.bound < bound_before(*height, self.z.len(), self.streamed) {
            return Ok(());
        }
        let (blocks, at_one) = (self.blocks(*height, challenges, leaves), self.at_one(self.claim, self.bound));
        if self.remaining() == 0 {
            let mut pair = Pair::<Scalar>::new(1);
            blocks.compute(0, 1, &mut pair.scratch[0], &mut pair.low);
            self.state = State::Small(vec![std::array::from_fn(|t| pair.low[t][0])]);
            return Ok(());
        }
        let out = &mut memory[..table_lanes::<L>(blocks.leaves.total(), self.z.len(), *height, self.streamed)];
        let lanes = out.len();
        let weights = Weights::<L>::new(&self.z[self.bound + 1..]);
        let (half, len) = (1usize << (self.remaining() - 1), weights.len);
        let (low, high) = out.split_at_mut(half / L::WIDTH);
        let mut highs: Vec<&mut [Quad<L>]> = high.chunks_mut(len / L::WIDTH).collect();
        highs.resize_with(weights.outer.len(), Default::default);
        let mut sums = [Fr::ZERO; 3];
        let steps = low.chunks_mut(len / L::WIDTH * POLLED).zip(highs.chunks_mut(POLLED));
        for (step, (low, highs)) in steps.enumerate() {
            check(poll)?;
            let part = low
                .par_chunks_mut(len / L::WIDTH)
                .zip(highs)
                .enumerate()
                .with_min_len(TASK)
                .map_init(
                    || Pair::new(len),
                    |pair, (i, (low, high))| {
                        let i = step * POLLED + i;
                        pair.compute(&blocks, i * len, half, len);
                        L::pack(low, lanes_of(&pair.low));
                        L::pack(high, lanes_of(&pair.high));
                        weights.scale(i, pair.weigh(&weights, at_one))
                    },
                )
                .reduce(|| [Fr::ZERO; 3], add);
            sums = add(sums, part);
        }
        self.message = Some(self.message_of(sums));
        self.state = State::Table(0..lanes);
        self.shrink(memory);
        Ok(())
    }

    /// p0, p1, q0', q1' of every node that the unbound variables tell apart.
    pub fn children(&self, memory: &[Quad<L>], leaves: Option<&Leaves<'_>>) -> [Vec<Fr>; 4] {
        let count = 1usize << self.remaining();
        let mut quads = match &self.state {
            State::Small(quads) => quads.clone(),
            State::Table(range) => L::unpack(&memory[range.clone()]),
            State::Computed(height, challenges) => {
                let (blocks, len) = (self.blocks(*height, challenges, leaves), count.min(BLOCK));
                let (mut scratch, mut block) = (Scratch::<Scalar>::new(len), empty_block::<Scalar>(len));
                let mut nodes = |start| {
                    blocks.compute(start, len, &mut scratch, &mut block);
                    (0..len).map(|i| std::array::from_fn(|t| block[t][i])).collect::<Vec<[Fr; 4]>>()
                };
                (0..count).step_by(len).flat_map(&mut nodes).collect()
            }
        };
        quads.resize(count, Scalar::missing(&self.lambda));
        let mut out = std::array::from_fn(|_| Vec::with_capacity(count));
        for [p0, d1, w1, d0] in quads {
            let values = [p0, w1 - self.lambda * d1, d0 - Fr::ONE, d1 - Fr::ONE];
            out.iter_mut().zip(values).for_each(|(t, x): (&mut Vec<Fr>, Fr)| t.push(x));
        }
        out
    }

    /// p0, p1, q0', q1' at the point that the challenges have fixed.
    pub fn values(&self) -> [Fr; 4] {
        let State::Small(quads) = &self.state else { unreachable!("no variable is left") };
        let [p0, d1, w1, d0] = quads[0];
        [p0, w1 - self.lambda * d1, d0 - Fr::ONE, d1 - Fr::ONE]
    }
}

/// Two blocks half a table apart.
struct Pair<L: FractionLanes> {
    scratch: [Scratch<L>; 2],
    low: Block<L>,
    high: Block<L>,
}

impl<L: FractionLanes> Pair<L> {
    fn new(len: usize) -> Self {
        Self {
            scratch: [Scratch::new(len), Scratch::new(len)],
            low: empty_block::<L>(len),
            high: empty_block::<L>(len),
        }
    }

    fn compute(&mut self, blocks: &Blocks<'_>, start: usize, half: usize, len: usize) {
        blocks.compute(start, len, &mut self.scratch[0], &mut self.low);
        blocks.compute(half + start, len, &mut self.scratch[1], &mut self.high);
    }

    fn weigh(&self, weights: &Weights<L>, at_one: bool) -> Sums {
        L::weigh(&weights.inner, lanes_of(&self.low), lanes_of(&self.high), at_one)
    }
}
