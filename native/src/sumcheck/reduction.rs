//! The sumcheck of sum_g sum_x E_g(x) C_g(x) over 2^mu places without its dense tables.
//!
//! E_g is a sum of tensor products and C_g a sum of scaled tables, each at an address. The first k rounds need
//! only the inner products G[a][b] = sum_g <E_g[a], C_g[b]> of the columns' 2^k segments, because E_g and C_g are
//! linear in the challenges. A row of weights is multiplied with the integers of every segment before its factors
//! are: equal rows, which most segments have, cost one pass. Then the segments are folded, and dense tables of
//! 2^(mu - k) elements take over.

use super::data::{Data, Part, sum_parts};
use super::pairs::Pairs;
use super::tensor::eq_table;
use super::weight::{Piece, Weight, Weights};
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::lanes::MAX_BLOCK;
use crate::field::rows::{RowWeights, Rows};
use crate::field::slices::{self, with_lanes};
use crate::field::{self, Fr};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// Places that are handled together.
const CHUNK: usize = MAX_BLOCK;

pub struct Reduction {
    mu: usize,
    /// The columns' weights until they are folded.
    weights: Option<Weights>,
    /// G over the segments whose variables are unbound, 2^k x 2^k for k unbound segment variables.
    products: Vec<Fr>,
    segment_bits: usize,
    challenges: Vec<Fr>,
    dense: Option<Pairs>,
}

impl Reduction {
    /// `first_rounds`: how many variables are bound before dense tables exist.
    pub fn new(
        mu: usize,
        first_rounds: usize,
        weights: Vec<Vec<Weight>>,
        data: &[Vec<Data<'_>>],
        poll: Poll<'_>,
    ) -> Result<Self, Interrupted> {
        assert!(weights.len() == data.len() && first_rounds <= mu);
        let mut reduction = Self {
            mu,
            weights: Some(Weights::new(weights)),
            products: vec![],
            segment_bits: first_rounds,
            challenges: vec![],
            dense: None,
        };
        if first_rounds == 0 {
            reduction.fold(data, None, poll)?;
        } else {
            reduction.products = with_lanes!(L, reduction.segment_products::<L>(data, poll)?);
        }
        Ok(reduction)
    }

    /// Whether the data are still needed.
    pub fn reads_data(&self) -> bool {
        self.dense.is_none()
    }

    pub fn remaining(&self) -> usize {
        self.dense.as_ref().map_or(self.mu - self.challenges.len(), Pairs::remaining)
    }

    fn segment_size(&self) -> usize {
        1 << (self.mu - self.segment_bits)
    }

    /// The pieces of a column's weights at places at .. at + len of every segment, equal keys side by side.
    fn pieces(&self, column: usize, at: usize, len: usize) -> Vec<Piece> {
        let (weights, mut pieces) = (self.weights.as_ref().expect("not folded yet"), vec![]);
        for segment in 0..1 << self.segment_bits {
            weights.pieces(column, segment, segment * self.segment_size() + at, len, &mut pieces);
        }
        pieces.sort_by_key(Piece::key);
        pieces
    }

    /// G[a][b] = sum_g <E_g[a], C_g[b]>.
    fn segment_products<L: Rows>(&self, data: &[Vec<Data<'_>>], poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        let (segments, size) = (1usize << self.segment_bits, self.segment_size());
        let len = CHUNK.min(size);
        let chunks = size / len;
        let zero = || vec![Fr::ZERO; segments * segments];
        let mut total = zero();
        let step = (POLL_INTERVAL / (len * segments)).max(2);
        for start in (0..chunks * data.len()).step_by(step) {
            check(poll)?;
            let part = (start..(start + step).min(chunks * data.len()))
                .into_par_iter()
                .fold(
                    || (zero(), vec![L::Lane::default(); len.div_ceil(L::WIDTH)]),
                    |(mut sums, mut lanes), item| {
                        let (column, at) = (item / chunks, item % chunks * len);
                        self.chunk_products::<L>(column, at, len, &data[column], &mut lanes, &mut sums);
                        (sums, lanes)
                    },
                )
                .map(|(sums, _)| sums)
                .reduce(zero, |mut a, b| {
                    slices::add_assign(&mut a, &b);
                    a
                });
            slices::add_assign(&mut total, &part);
        }
        Ok(total)
    }

    /// Adds what places at .. at + len of a column's segments contribute.
    fn chunk_products<L: Rows>(
        &self,
        column: usize,
        at: usize,
        len: usize,
        data: &[Data<'_>],
        lanes: &mut [L::Lane],
        sums: &mut [Fr],
    ) {
        let (segments, size) = (1usize << self.segment_bits, self.segment_size());
        let (pieces, weights) = (self.pieces(column, at, len), self.weights.as_ref().expect("not folded yet"));
        if pieces.is_empty() {
            return;
        }
        let present: Vec<(usize, &Data<'_>)> = (0..segments)
            .flat_map(|b| data.iter().map(move |d| (b, d)))
            .filter(|(b, d)| d.address < b * size + at + len && b * size + at < d.end())
            .collect();
        let mut space = vec![];
        for same in pieces.chunk_by(|a, b| a.key() == b.key()) {
            let piece = &same[0];
            let lanes = &mut lanes[..piece.count.div_ceil(L::WIDTH)];
            L::load(lanes, weights.row(piece));
            let offset = L::sum(lanes) * Fr::from(L::OFFSET);
            let lanes = RowWeights::<L>::new(lanes, &mut space);
            for &(b, d) in &present {
                let value = d.dot::<L>(lanes, &offset, b * size + at + piece.at, piece.count);
                if value != Fr::ZERO {
                    same.iter().for_each(|p| sums[p.segment * segments + b] += p.factor * value);
                }
            }
        }
    }

    /// h(0), h(1), h(2).
    pub fn round(&mut self, poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        if let Some(dense) = &mut self.dense {
            return Ok(dense.round(poll)?.to_vec());
        }
        let n = 1usize << (self.segment_bits - self.challenges.len());
        let half = n / 2;
        let trace = |row: usize, column: usize| -> Fr {
            (0..half).map(|y| self.products[(row * half + y) * n + column * half + y]).sum()
        };
        let (low, high, mixed) = (trace(0, 0), trace(1, 1), trace(0, 1) + trace(1, 0));
        // E(2) = 2 E(1) - E(0), and so for C
        Ok(vec![low, high, high.double().double() - mixed.double() + low])
    }

    /// Sets the current variable to c.
    pub fn bind(&mut self, c: Fr, data: &[Vec<Data<'_>>], poll: Poll<'_>) -> Result<(), Interrupted> {
        if let Some(dense) = &mut self.dense {
            return dense.bind(c, poll);
        }
        let n = 1usize << (self.segment_bits - self.challenges.len());
        let (half, rest) = (n / 2, Fr::ONE - c);
        let g = &self.products;
        let folded: Vec<Fr> = (0..half * half)
            .map(|i| {
                let (y, x) = (i / half, i % half);
                let row = |y: usize| rest * g[y * n + x] + c * g[y * n + half + x];
                rest * row(y) + c * row(half + y)
            })
            .collect();
        self.challenges.push(c);
        if self.challenges.len() == self.segment_bits
            && let Err(stopped) = self.fold(data, Some(folded[0]), poll)
        {
            self.challenges.pop();
            return Err(stopped);
        }
        self.products = folded;
        Ok(())
    }

    /// Builds the dense tables at the segment variables' challenges. `claim`: the sum, if known.
    fn fold(&mut self, data: &[Vec<Data<'_>>], claim: Option<Fr>, poll: Poll<'_>) -> Result<(), Interrupted> {
        let scales = eq_table(&self.challenges);
        let mut tables = vec![];
        for (column, data) in data.iter().enumerate() {
            let weights = self.fold_weights(column, &scales, poll)?;
            let mut sum = field::zeros(self.segment_size());
            sum_parts(0, &mut sum, &self.parts(data, &scales), poll)?;
            tables.push([weights, sum]);
        }
        self.dense = Some(Pairs::new(tables, self.mu - self.segment_bits, claim));
        self.weights = None;
        Ok(())
    }

    /// sum_s scales[s] E[s].
    fn fold_weights(&self, column: usize, scales: &[Fr], poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        let mut out = field::zeros(self.segment_size());
        let step = POLL_INTERVAL / (4 * CHUNK) * CHUNK;
        for (k, out) in out.chunks_mut(step).enumerate() {
            check(poll)?;
            out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
                let mut pieces = self.pieces(column, k * step + i * CHUNK, out.len());
                pieces.iter_mut().for_each(|p| p.factor *= scales[p.segment]);
                pieces.dedup_by(|p, first| {
                    let same = p.key() == first.key();
                    if same {
                        first.factor += p.factor;
                    }
                    same
                });
                self.weights.as_ref().expect("not folded yet").sum(&pieces, out);
            });
        }
        Ok(out)
    }

    /// The data of every segment as parts of sum_s scales[s] C[s].
    fn parts<'d, 'a>(&self, data: &'d [Data<'a>], scales: &[Fr]) -> Vec<Part<'d, 'a>> {
        let (size, mut parts) = (self.segment_size(), vec![]);
        for data in data {
            for segment in data.address / size..data.end().div_ceil(size) {
                let (from, to) = (data.address.max(segment * size), data.end().min((segment + 1) * size));
                parts.push(Part {
                    data,
                    address: from - segment * size,
                    first: from - data.address,
                    len: to - from,
                    scale: scales[segment],
                });
            }
        }
        parts
    }

    /// E_0, C_0, E_1, C_1, .. at the point, once every variable is bound.
    pub fn values(&self) -> Vec<Fr> {
        self.dense.as_ref().expect("every variable is bound").values()
    }
}
