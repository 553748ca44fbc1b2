//! The first rounds of a computed layer, all from one pass over the leaves' integers.
//!
//! With the first k variables b split off, the summand is bilinear in what lies at b on the left child and at b' on
//! the right: f = p0[b] d1[b'] + w1[b'] d0[b]. The matrix G[b, b'] of its sums over the other variables, weighted by
//! eq, gives the messages of the first k rounds whatever the challenges. Numerators and denominators being affine
//! forms in integers, G needs only sums of eq times integers and products of two integers.

use super::blocks::{Block, Blocks, Scratch, empty_block};
use super::leaves::{Forms, Gathered, Piece, Shape};
use super::table::{BLOCK_BITS, Sums};
use crate::field::Fr;
use crate::field::fractions::{BLOCK, FractionLanes};
use crate::sumcheck::tensor::eq_table;
use crate::sumcheck::{Interrupted, Poll, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// log2 of the places that are summed before a reduction; a lane takes 2^10 products.
const GROUP_BITS: usize = BLOCK_BITS + 2;
/// Groups between two polls, and groups that a thread takes at a time.
const POLLED: usize = 1 << 10;
const TASK: usize = 4;

pub struct Gram {
    variables: usize,
    entries: Vec<Fr>,
}

impl Gram {
    /// `blocks` with nothing bound, 2^variables of them, `stride` apart; `point`: the coordinates of the other
    /// variables.
    pub fn new<L: FractionLanes>(
        blocks: &Blocks<'_>,
        variables: usize,
        point: &[Fr],
        poll: Poll<'_>,
    ) -> Result<Self, Interrupted> {
        let (outer, inner) = point.split_at(point.len().saturating_sub(GROUP_BITS));
        let (outer, inner) = (eq_table(outer), eq_table(inner));
        let mut eq = vec![L::Lane::default(); inner.len().div_ceil(L::WIDTH)];
        L::load(&mut eq, &inner);
        let size = 1 << (2 * variables);
        let zero = || vec![Fr::ZERO; size];
        let add = |mut a: Vec<Fr>, b: Vec<Fr>| {
            a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
            a
        };
        let mut entries = zero();
        for first in (0..outer.len()).step_by(POLLED) {
            check(poll)?;
            let part = (first..(first + POLLED).min(outer.len()))
                .into_par_iter()
                .with_min_len(TASK)
                .fold(
                    || Summer::<L> {
                        blocks,
                        eq: &eq,
                        len: inner.len(),
                        gathered: Gathered::default(),
                        nodes: vec![],
                        run: None,
                        out: zero(),
                    },
                    |mut summer, i| {
                        summer.add(i * inner.len(), &outer[i]);
                        summer
                    },
                )
                .map(Summer::finish)
                .reduce(zero, add);
            entries = add(entries, part);
        }
        Ok(Self { variables, entries })
    }

    /// The sums for the variable after `challenges`; `z`: coordinates of all variables.
    pub fn sums(&self, challenges: &[Fr], z: &[Fr]) -> Sums {
        let bound = eq_table(challenges);
        let rest = eq_table(&z[challenges.len() + 1..self.variables]);
        let side = 1 << self.variables;
        let form = |low: Fr, high: Fr| {
            let mut sum = Fr::ZERO;
            for (s, w) in rest.iter().enumerate() {
                let at = |i: usize| i * rest.len() + s;
                let line: Vec<Fr> = bound.iter().flat_map(|x| [*x * low, *x * high]).collect();
                for (i, x) in line.iter().enumerate() {
                    for (j, y) in line.iter().enumerate() {
                        sum += *w * x * y * self.entries[at(i) * side + at(j)];
                    }
                }
            }
            sum
        };
        [form(Fr::ONE, Fr::ZERO), form(Fr::ZERO, Fr::ONE), form(-Fr::ONE, Fr::ONE)]
    }
}

/// Groups whose pieces lie in the same segments: their sums have the same coefficients.
struct Run<L: FractionLanes> {
    pieces: Vec<Piece>,
    shape: Shape,
    /// Of each piece.
    forms: Vec<Forms>,
    /// The left and the right column of each product, and whether it is below 2^51.
    products: Vec<(usize, usize, bool)>,
    /// Columns on a side.
    columns: usize,
    /// Left columns, right columns, products: of the current group, and of all.
    sums: Vec<L::Sum>,
    totals: Vec<Fr>,
    /// The weight of all groups.
    mass: Fr,
}

struct Summer<'a, L: FractionLanes> {
    blocks: &'a Blocks<'a>,
    /// Weights of `len` places, 1 in all.
    eq: &'a [L::Lane],
    len: usize,
    gathered: Gathered,
    nodes: Vec<(Scratch<L>, Block<L>)>,
    run: Option<Run<L>>,
    out: Vec<Fr>,
}

impl<L: FractionLanes> Summer<'_, L> {
    /// Adds the nodes start .. start + len of each block, weighted by `weight` and `eq`.
    fn add(&mut self, start: usize, weight: &Fr) {
        let (blocks, len) = (self.blocks, self.len);
        let pieces = blocks.pieces(start, len);
        if self.run.as_ref().is_none_or(|run| run.pieces != pieces) {
            self.flush();
            match self.blocks.leaves.bilinear(&pieces, blocks.height) {
                Some(shape) => self.run = Some(Run::new(blocks, pieces, shape)),
                None => return self.add_nodes(start, weight),
            }
        }
        let Some(run) = &mut self.run else { return };
        run.sums.fill(L::Sum::default());
        let n = len.min(BLOCK);
        for (part, eq) in self.eq.chunks(n.div_ceil(L::WIDTH)).enumerate() {
            self.gathered.columns.iter_mut().for_each(Vec::clear);
            let gathered = &mut self.gathered;
            L::compiled(
                #[inline(always)]
                || {
                    for (x, piece) in run.pieces.iter().enumerate() {
                        blocks.leaves.gather(run.shape, *piece, blocks.leaf(x, start + part * n), n, gathered);
                    }
                },
            );
            let [left, right, ..] = &self.gathered.columns;
            let (linear, products) = run.sums.split_at_mut(2 * run.columns);
            for (sum, column) in linear.iter_mut().zip(left.iter().chain(right)) {
                L::sum_column(sum, eq, column);
            }
            for (sum, (i, j, narrow)) in products.iter_mut().zip(&run.products) {
                L::sum_product(sum, eq, &left[*i], &right[*j], *narrow);
            }
        }
        let narrow = std::iter::repeat_n(true, 2 * run.columns).chain(run.products.iter().map(|p| p.2));
        for ((total, sum), narrow) in run.totals.iter_mut().zip(&run.sums).zip(narrow) {
            *total += *weight * L::finish(sum, narrow);
        }
        run.mass += weight;
    }

    /// The same from the nodes, which takes 4^variables field products for each place.
    fn add_nodes(&mut self, start: usize, weight: &Fr) {
        let (blocks, side) = (self.blocks, self.blocks.weights.len());
        let (n, weight) = (self.len.min(BLOCK), *weight * Fr::from(L::CORRECTION));
        self.nodes.resize_with(side, || (Scratch::new(n), empty_block::<L>(n)));
        let single = Blocks { weights: vec![Fr::ONE], stride: 0, ..*blocks };
        for (part, eq) in self.eq.chunks(n.div_ceil(L::WIDTH)).enumerate() {
            for (x, (scratch, nodes)) in self.nodes.iter_mut().enumerate() {
                single.compute(x * blocks.stride + start + part * n, n, scratch, nodes);
            }
            for (x, (_, [p0, _, _, d0])) in self.nodes.iter().enumerate() {
                for (y, (_, [_, d1, w1, _])) in self.nodes.iter().enumerate() {
                    self.out[x * side + y] += weight * L::sum_nodes(eq, [p0, d1, w1, d0]);
                }
            }
        }
    }

    /// Turns the run's sums into entries.
    fn flush(&mut self) {
        let Some(run) = self.run.take() else { return };
        let (side, lambda) = (run.forms.len(), self.blocks.lambda);
        // f for pairs of coefficients of numerator and denominator
        let f = |[p0, d0]: [Fr; 2], [p1, d1]: [Fr; 2]| p0 * d1 + (p1 + lambda * d1) * d0;
        let owners = run.owners();
        let coefs = |column: usize| {
            let (piece, at) = owners[column];
            (piece, run.forms[piece].coefs[at])
        };
        for (x, a) in run.forms.iter().enumerate() {
            for (y, b) in run.forms.iter().enumerate() {
                self.out[x * side + y] += run.mass * f(a.base, b.base);
            }
        }
        let (left, rest) = run.totals.split_at(run.columns);
        let (right, products) = rest.split_at(run.columns);
        for (column, (l, r)) in left.iter().zip(right).enumerate() {
            let (x, c) = coefs(column);
            for (y, other) in run.forms.iter().enumerate() {
                self.out[x * side + y] += *l * f(c, other.base);
                self.out[y * side + x] += *r * f(other.base, c);
            }
        }
        for (total, (i, j, _)) in products.iter().zip(&run.products) {
            let ((x, c), (y, e)) = (coefs(*i), coefs(*j));
            self.out[x * side + y] += *total * f(c, e);
        }
    }

    fn finish(mut self) -> Vec<Fr> {
        self.flush();
        self.out
    }
}

impl<L: FractionLanes> Run<L> {
    fn new(blocks: &Blocks<'_>, pieces: Vec<Piece>, shape: Shape) -> Self {
        let forms: Vec<Forms> = pieces.iter().map(|p| blocks.leaves.forms(shape, &[*p], &[Fr::ONE])).collect();
        let columns = forms.iter().map(|f| f.coefs.len()).sum();
        let bounds: Vec<u64> = pieces.iter().flat_map(|p| blocks.leaves.bounds(*p, shape.height)).copied().collect();
        let mut run =
            Self { pieces, shape, forms, products: vec![], columns, sums: vec![], totals: vec![], mass: Fr::ZERO };
        let owners = run.owners();
        let denominator = |i: usize| run.forms[owners[i].0].coefs[owners[i].1][1] != Fr::ZERO;
        let products = (0..columns).flat_map(|i| (0..columns).map(move |j| (i, j)));
        run.products = products
            .filter(|(i, j)| denominator(*i) || denominator(*j))
            .map(|(i, j)| (i, j, bounds[i] as u128 * (bounds[j] as u128) < 1 << 51))
            .collect();
        let count = 2 * columns + run.products.len();
        (run.sums, run.totals) = (vec![L::Sum::default(); count], vec![Fr::ZERO; count]);
        run
    }

    /// The piece of each column, and its place there.
    fn owners(&self) -> Vec<(usize, usize)> {
        let of = |(piece, f): (usize, &Forms)| (0..f.coefs.len()).map(move |at| (piece, at)).collect::<Vec<_>>();
        self.forms.iter().enumerate().flat_map(of).collect()
    }
}
