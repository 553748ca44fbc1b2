//! Blocks of nodes computed from the leaves' integers, with the first variables bound.

use super::leaves::{Gathered, Leaves, Piece, Shape};
use crate::field::Fr;
use crate::field::fractions::FractionLanes;
use ark_ff::{AdditiveGroup, Field};

/// [p0, d1, w1, d0] of a block.
pub type Block<L> = [Vec<<L as crate::field::lanes::Lanes>::Lane>; 4];

/// The nodes whose children are 2^height leaves high, as functions of the unbound variables.
pub struct Blocks<'a> {
    pub leaves: &'a Leaves<'a>,
    pub height: usize,
    pub lambda: Fr,
    /// eq(challenges, x) for the bound variables x.
    pub weights: Vec<Fr>,
    /// Nodes for each x.
    pub stride: usize,
}

/// Numerator, denominator, and w = p + lambda d.
struct Ready<L: FractionLanes> {
    pieces: Vec<Piece>,
    shape: Option<Shape>,
    forms: [L::Form; 3],
}

/// One thread's buffers, and the forms of its last block.
pub struct Scratch<L: FractionLanes> {
    gathered: Gathered,
    ready: Option<Ready<L>>,
    parts: [Block<L>; 2],
    /// Of each x, where they have to be computed apart.
    apart: Vec<(Scratch<L>, Block<L>)>,
}

pub fn empty_block<L: FractionLanes>(len: usize) -> Block<L> {
    std::array::from_fn(|_| vec![L::Lane::default(); len.div_ceil(L::WIDTH)])
}

pub fn lanes_of<T>(block: &[Vec<T>; 4]) -> [&[T]; 4] {
    block.each_ref().map(|t| &t[..])
}

impl<L: FractionLanes> Scratch<L> {
    /// For blocks of `len` nodes.
    pub fn new(len: usize) -> Self {
        let parts = [empty_block::<L>(len), empty_block::<L>(len)];
        Self { gathered: Gathered::default(), ready: None, parts, apart: vec![] }
    }
}

impl Blocks<'_> {
    /// The first leaf under node `start` for the bound variables x.
    pub fn leaf(&self, x: usize, start: usize) -> usize {
        (x * self.stride + start) << (self.height + 1)
    }

    /// Where the leaves under nodes start .. start + len lie, for each x.
    pub fn pieces(&self, start: usize, len: usize) -> Vec<Piece> {
        let range = |x: usize| self.leaf(x, start)..self.leaf(x, start + len);
        (0..self.weights.len()).map(|x| self.leaves.piece(range(x))).collect()
    }

    /// Numerators and denominators of the children, in field arithmetic.
    pub fn nodes(&self, x: usize, start: usize, len: usize) -> (Vec<Fr>, Vec<Fr>) {
        self.leaves.nodes(2 * (x * self.stride + start), 2 * len, self.height)
    }

    /// Nodes start .. start + len.
    pub fn compute<L: FractionLanes>(&self, start: usize, len: usize, scratch: &mut Scratch<L>, out: &mut Block<L>) {
        let pieces = self.pieces(start, len);
        if scratch.ready.as_ref().is_none_or(|ready| ready.pieces != pieces) {
            scratch.ready = Some(self.prepare(pieces));
        }
        let Scratch { gathered, ready: Some(ready), parts, apart } = scratch else { unreachable!("it was prepared") };
        let Some(shape) = ready.shape else {
            return self.compute_in_field::<L>(start, len, out);
        };
        if shape.classes == 4 && self.weights.len() > 1 {
            return self.compute_apart::<L>(start, len, apart, out);
        }
        gathered.columns.iter_mut().for_each(Vec::clear);
        L::compiled(
            #[inline(always)]
            || {
                for (x, piece) in ready.pieces.iter().enumerate() {
                    self.leaves.gather(shape, *piece, self.leaf(x, start), len, gathered);
                }
            },
        );
        let ([p, d, w], columns) = (&ready.forms, &gathered.columns);
        let [p0, d1, w1, d0] = out;
        if shape.classes == 2 {
            L::eval(p0, p, &columns[0]);
            L::eval(d0, d, &columns[0]);
            L::eval(w1, w, &columns[1]);
            L::eval(d1, d, &columns[1]);
            return;
        }
        for (part, pair) in parts.iter_mut().zip(columns.chunks(2)) {
            let [p0, d1, p1, d0] = part;
            L::eval(p0, p, &pair[0]);
            L::eval(d0, d, &pair[0]);
            L::eval(p1, p, &pair[1]);
            L::eval(d1, d, &pair[1]);
        }
        L::parents([p0, d0], lanes_of(&parts[0]));
        L::parents([w1, d1], lanes_of(&parts[1]));
        L::add_scaled(w1, &self.lambda, d1);
    }

    /// Nodes that are products of forms: the weighted sum is of these, not of the forms.
    fn compute_apart<L: FractionLanes>(
        &self,
        start: usize,
        len: usize,
        apart: &mut Vec<(Scratch<L>, Block<L>)>,
        out: &mut Block<L>,
    ) {
        let single =
            Blocks { leaves: self.leaves, height: self.height, lambda: self.lambda, weights: vec![Fr::ONE], stride: 0 };
        let room = out[0].len() * L::WIDTH;
        apart.resize_with(self.weights.len(), || (Scratch::new(room), empty_block::<L>(room)));
        out.iter_mut().for_each(|t| L::fill(t, &Fr::ZERO));
        for (x, (w, (scratch, nodes))) in self.weights.iter().zip(apart).enumerate() {
            single.compute(x * self.stride + start, len, scratch, nodes);
            out.iter_mut().zip(&*nodes).for_each(|(sum, t)| L::add_scaled(sum, w, t));
        }
    }

    fn prepare<L: FractionLanes>(&self, pieces: Vec<Piece>) -> Ready<L> {
        let shape = self.leaves.shape(&pieces, self.height);
        let (mut base, mut coefs) = ([Fr::ZERO; 3], vec![]);
        if let Some(shape) = shape {
            let forms = self.leaves.forms(shape, &pieces, &self.weights);
            let third = |[p, d]: [Fr; 2]| [p, d, p + self.lambda * d];
            (base, coefs) = (third(forms.base), forms.coefs.into_iter().map(third).collect());
        }
        let forms = std::array::from_fn(|i| {
            let terms: Vec<(usize, Fr)> =
                coefs.iter().map(|c: &[Fr; 3]| c[i]).enumerate().filter(|(_, c)| *c != Fr::ZERO).collect();
            L::form(base[i], &terms)
        });
        Ready { pieces, shape, forms }
    }

    fn compute_in_field<L: FractionLanes>(&self, start: usize, len: usize, out: &mut Block<L>) {
        let mut sums: [Vec<Fr>; 4] = std::array::from_fn(|_| vec![Fr::ZERO; len]);
        for (x, w) in self.weights.iter().enumerate() {
            let (p, d) = self.nodes(x, start, len);
            for i in 0..len {
                let quad = [p[2 * i], d[2 * i + 1], p[2 * i + 1], d[2 * i]];
                sums.iter_mut().zip(quad).for_each(|(t, v)| t[i] += *w * v);
            }
        }
        let [_, d1, w1, _] = &mut sums;
        w1.iter_mut().zip(d1).for_each(|(w, d)| *w += self.lambda * *d);
        for (lanes, t) in out.iter_mut().zip(&sums) {
            L::load(lanes, t);
        }
    }
}
