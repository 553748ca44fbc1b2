//! The weights of a column: sums of outer products at addresses.

use super::tensor::tensor_product;
use crate::field::{Fr, slices};
use ark_ff::AdditiveGroup;
use std::collections::HashMap;

/// Rows of an outer product shorter than this are formed from more than one vector,
const MIN_ROW: usize = 2048;
/// unless they are at least this long, and a row of one more vector would be longer than `MAX_ROW`.
const SHORT_ROW: usize = 256;
const MAX_ROW: usize = 1 << 15;

/// coef * an outer product, as factors (coef included) times one row, the outer product of the last vectors.
pub struct Weight {
    address: usize,
    factors: Vec<Fr>,
    row: Vec<Vec<Fr>>,
}

impl Weight {
    pub fn new(address: usize, coef: Fr, vectors: &[&[Fr]]) -> Self {
        let (mut split, mut row_len) = (vectors.len(), 1);
        while split > 0 && row_len < MIN_ROW {
            if row_len >= SHORT_ROW && row_len * vectors[split - 1].len() > MAX_ROW {
                break;
            }
            split -= 1;
            row_len *= vectors[split].len();
        }
        let mut factors = tensor_product(&vectors[..split]);
        factors.iter_mut().for_each(|x| *x *= coef);
        Self { address, factors, row: vectors[split..].iter().map(|v| v.to_vec()).collect() }
    }
}

/// factor * row[first .. first + count] at places at .. at + count of a chunk.
#[derive(Clone, Copy)]
pub struct Piece {
    pub row: usize,
    pub first: usize,
    pub at: usize,
    pub count: usize,
    pub segment: usize,
    pub factor: Fr,
}

impl Piece {
    /// What is the same for pieces that differ in factor and segment alone.
    pub fn key(&self) -> (usize, usize, usize, usize) {
        (self.row, self.first, self.at, self.count)
    }
}

/// The weights of several columns. Equal rows, which claims at one point have, are kept once.
pub struct Weights {
    rows: Vec<Vec<Fr>>,
    /// (address, factors of the rows, the row's number) of each weight, by column.
    columns: Vec<Vec<(usize, Vec<Fr>, usize)>>,
}

impl Weights {
    pub fn new(columns: Vec<Vec<Weight>>) -> Self {
        let (mut rows, mut numbers) = (vec![], HashMap::<Vec<Vec<Fr>>, usize>::new());
        let mut number = |vectors: Vec<Vec<Fr>>| match numbers.get(&vectors) {
            Some(&number) => number,
            None => {
                rows.push(tensor_product(&vectors.iter().map(Vec::as_slice).collect::<Vec<_>>()));
                numbers.insert(vectors, rows.len() - 1);
                rows.len() - 1
            }
        };
        let columns = columns
            .into_iter()
            .map(|column| column.into_iter().map(|w| (w.address, w.factors, number(w.row))).collect())
            .collect();
        Self { rows, columns }
    }

    pub fn row(&self, piece: &Piece) -> &[Fr] {
        &self.rows[piece.row][piece.first..piece.first + piece.count]
    }

    /// Appends the pieces of a column at places start .. start + len of its address that are not zero.
    pub fn pieces(&self, column: usize, segment: usize, start: usize, len: usize, out: &mut Vec<Piece>) {
        for &(address, ref factors, row) in &self.columns[column] {
            let row_len = self.rows[row].len();
            let (mut from, to) = (start.max(address), (start + len).min(address + factors.len() * row_len));
            while from < to {
                let (i, first) = ((from - address) / row_len, (from - address) % row_len);
                let count = (row_len - first).min(to - from);
                if factors[i] != Fr::ZERO {
                    out.push(Piece { row, first, at: from - start, count, segment, factor: factors[i] });
                }
                from += count;
            }
        }
    }

    /// out = the sum of the pieces.
    pub fn sum(&self, pieces: &[Piece], out: &mut [Fr]) {
        let mut cuts: Vec<usize> = pieces.iter().flat_map(|p| [p.at, p.at + p.count]).chain([0, out.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let (mut factors, mut rows): (Vec<Fr>, Vec<&[Fr]>) = (vec![], vec![]);
        for cut in cuts.windows(2) {
            let (from, to) = (cut[0], cut[1]);
            factors.clear();
            rows.clear();
            for p in pieces.iter().filter(|p| p.at <= from && to <= p.at + p.count) {
                factors.push(p.factor);
                rows.push(&self.row(p)[from - p.at..to - p.at]);
            }
            let out = &mut out[from..to];
            let first = rows.len().min(slices::MAX_SUM);
            slices::sum_scaled(out, &factors[..first], &rows[..first]);
            for (c, row) in factors.iter().zip(&rows).skip(first) {
                slices::add_scaled(out, c, row);
            }
        }
    }
}
