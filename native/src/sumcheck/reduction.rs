//! The sumcheck of sum_g sum_x E_g(x) C_g(x) over 2^mu places without its dense tables.
//!
//! E_g is a sum of tensor products and C_g a sum of scaled tables, each at an address. The first k rounds need
//! only the inner products G[a][b] = sum_g <E_g[a], C_g[b]> of the columns' 2^k segments, because E_g and C_g are
//! linear in the challenges; they are computed in one pass over short chunks. Then the segments are folded, and
//! dense tables of 2^(mu - k) elements take over.

use super::instance::{Instance, Term};
use super::table::Table;
use super::tensor::{eq_table, tensor_product};
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::Fr;
use crate::field::lanes::Lanes;
use crate::field::slices::{self, with_lanes};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// Places that are handled together: the segments' chunks stay in the cache.
const CHUNK: usize = 512;
/// Rows of an outer product shorter than this are formed from more than one vector.
const MIN_ROW: usize = CHUNK;

/// coef * an outer product, as rows times one row.
pub struct Weight {
    address: usize,
    rows: Vec<Fr>,
    row: Vec<Fr>,
}

impl Weight {
    pub fn new(address: usize, coef: Fr, vectors: &[&[Fr]]) -> Self {
        let (mut split, mut row_len) = (vectors.len(), 1);
        while split > 0 && row_len < MIN_ROW {
            split -= 1;
            row_len *= vectors[split].len();
        }
        let (mut rows, row) = (tensor_product(&vectors[..split]), tensor_product(&vectors[split..]));
        rows.iter_mut().for_each(|x| *x *= coef);
        Self { address, rows, row }
    }

    pub fn end(&self) -> usize {
        self.address + self.rows.len() * self.row.len()
    }

    /// Adds scale * the weights of places start, start + 1, .. ; false when there are none.
    fn add(&self, scale: &Fr, start: usize, out: &mut [Fr]) -> bool {
        let (from, to) = (start.max(self.address), (start + out.len()).min(self.end()));
        let mut at = from;
        while at < to {
            let (i, j) = ((at - self.address) / self.row.len(), (at - self.address) % self.row.len());
            let count = (self.row.len() - j).min(to - at);
            let c = self.rows[i] * scale;
            slices::add_scaled(&mut out[at - start..at - start + count], &c, &self.row[j..j + count]);
            at += count;
        }
        from < to
    }
}

/// coefs[0] * tables[0] + coefs[1] * tables[1] + .. at one address. Only integer tables of equal length come in
/// numbers, at most `slices::MAX_SMALL`: the slots of a packed column.
#[derive(Clone)]
pub struct Data<'a> {
    pub address: usize,
    pub coefs: Vec<Fr>,
    pub tables: Vec<Table<'a>>,
}

impl<'a> Data<'a> {
    pub fn new(address: usize, coef: Fr, table: Table<'a>) -> Self {
        Self { address, coefs: vec![coef], tables: vec![table] }
    }

    /// Whether another table can be added together with these.
    pub fn accepts(&self, address: usize, table: &Table<'_>) -> bool {
        let ints = |t: &Table<'_>| matches!(t, Table::Ints(_));
        self.address == address
            && self.tables.len() < slices::MAX_SMALL
            && ints(&self.tables[0])
            && ints(table)
            && self.tables[0].len() == table.len()
    }

    /// Adds scale * the data of places start, start + 1, .. ; false when there are none.
    fn add(&self, scale: &Fr, start: usize, out: &mut [Fr]) -> bool {
        let (from, to) = (start.max(self.address), (start + out.len()).min(self.address + self.tables[0].len()));
        if from >= to {
            return false;
        }
        let coefs: Vec<Fr> = self.coefs.iter().map(|c| *c * scale).collect();
        let mut buffers = [[0; CHUNK]; slices::MAX_SMALL];
        for at in (from..to).step_by(CHUNK) {
            let (count, source) = (CHUNK.min(to - at), at - self.address);
            let out = &mut out[at - start..at - start + count];
            let mut ints: [&[i64]; slices::MAX_SMALL] = [&[]; slices::MAX_SMALL];
            for ((table, buffer), slot) in self.tables.iter().zip(&mut buffers).zip(&mut ints) {
                match table {
                    Table::Field(t) => slices::add_scaled(out, &coefs[0], &t[source..source + count]),
                    Table::Ints(t) => {
                        t.read(source, &mut buffer[..count]);
                        *slot = &buffer[..count];
                    }
                }
            }
            if let Table::Ints(_) = self.tables[0] {
                slices::add_scaled_small(out, &coefs, &ints[..coefs.len()]);
            }
        }
        true
    }
}

/// out[address + i] += coefs[0] tables[0][i] + .., for each of the data.
pub fn add_tables(out: &mut [Fr], data: &[Data<'_>], poll: Poll<'_>) -> Result<(), Interrupted> {
    for data in data {
        check(poll)?;
        let range = &mut out[data.address..data.address + data.tables[0].len()];
        range.par_chunks_mut(8 * CHUNK).enumerate().for_each(|(i, out)| {
            data.add(&Fr::ONE, data.address + i * 8 * CHUNK, out);
        });
    }
    Ok(())
}

pub struct Reduction {
    mu: usize,
    /// The weights of each column, until they are folded.
    weights: Vec<Vec<Weight>>,
    /// G over the segments whose variables are unbound, 2^k x 2^k for k unbound segment variables.
    products: Vec<Fr>,
    segment_bits: usize,
    challenges: Vec<Fr>,
    dense: Option<Instance>,
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
        let mut reduction =
            Self { mu, weights, products: vec![], segment_bits: first_rounds, challenges: vec![], dense: None };
        if first_rounds == 0 {
            reduction.fold(data, poll)?;
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
        self.dense.as_ref().map_or(self.mu - self.challenges.len(), Instance::remaining)
    }

    /// G[a][b] = sum_g <E_g[a], C_g[b]>.
    fn segment_products<L: Lanes>(&self, data: &[Vec<Data<'_>>], poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        let (segments, size) = (1usize << self.segment_bits, 1usize << (self.mu - self.segment_bits));
        let len = CHUNK.min(size);
        let chunks = size / len;
        let zero = || vec![Fr::ZERO; segments * segments];
        let mut total = zero();
        let lanes = || vec![vec![L::Lane::default(); len.div_ceil(L::WIDTH)]; segments];
        let step = POLL_INTERVAL / (4 * len * segments);
        for start in (0..chunks * data.len()).step_by(step) {
            check(poll)?;
            let part = (start..(start + step).min(chunks * data.len()))
                .into_par_iter()
                .fold(
                    || (zero(), vec![Fr::ZERO; len], lanes(), lanes()),
                    |(mut sums, mut buffer, mut e, mut c), item| {
                        let (g, at) = (item / chunks, item % chunks * len);
                        let (mut e_real, mut c_real) = (vec![false; segments], vec![false; segments]);
                        for s in 0..segments {
                            buffer.fill(Fr::ZERO);
                            for w in &self.weights[g] {
                                e_real[s] |= w.add(&Fr::ONE, s * size + at, &mut buffer);
                            }
                            if e_real[s] {
                                L::load(&mut e[s], &buffer);
                                buffer.fill(Fr::ZERO);
                            }
                            for d in &data[g] {
                                c_real[s] |= d.add(&Fr::ONE, s * size + at, &mut buffer);
                            }
                            if c_real[s] {
                                L::load(&mut c[s], &buffer);
                            }
                        }
                        for a in (0..segments).filter(|&a| e_real[a]) {
                            for b in (0..segments).filter(|&b| c_real[b]) {
                                sums[a * segments + b] += L::dot(&e[a], &c[b]);
                            }
                        }
                        (sums, buffer, e, c)
                    },
                )
                .map(|(sums, ..)| sums)
                .reduce(zero, |mut a, b| {
                    slices::add_assign(&mut a, &b);
                    a
                });
            slices::add_assign(&mut total, &part);
        }
        Ok(total)
    }

    /// h(0), h(1), h(2).
    pub fn round(&mut self, poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        if let Some(dense) = &mut self.dense {
            return dense.round(&vec![None; 2 * self.weights.len()], poll);
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
            return dense.bind(c, &vec![None; 2 * self.weights.len()], poll);
        }
        let n = 1usize << (self.segment_bits - self.challenges.len());
        let (half, rest) = (n / 2, Fr::ONE - c);
        let g = &self.products;
        let folded = (0..half * half)
            .map(|i| {
                let (y, x) = (i / half, i % half);
                let row = |y: usize| rest * g[y * n + x] + c * g[y * n + half + x];
                rest * row(y) + c * row(half + y)
            })
            .collect();
        self.challenges.push(c);
        if self.challenges.len() == self.segment_bits
            && let Err(stopped) = self.fold(data, poll)
        {
            self.challenges.pop();
            return Err(stopped);
        }
        self.products = folded;
        Ok(())
    }

    /// Builds the dense tables at the segment variables' challenges.
    fn fold(&mut self, data: &[Vec<Data<'_>>], poll: Poll<'_>) -> Result<(), Interrupted> {
        let size = 1usize << (self.mu - self.segment_bits);
        let scales = eq_table(&self.challenges);
        let mut tables = vec![];
        for (weights, data) in self.weights.iter().zip(data) {
            let (mut e, mut c) = (vec![Fr::ZERO; size], vec![Fr::ZERO; size]);
            check(poll)?;
            for (s, scale) in scales.iter().enumerate() {
                e.par_chunks_mut(CHUNK).zip(c.par_chunks_mut(CHUNK)).with_min_len(8).enumerate().for_each(
                    |(i, (e, c))| {
                        let start = s * size + i * CHUNK;
                        weights.iter().for_each(|w| {
                            w.add(scale, start, e);
                        });
                        data.iter().for_each(|d| {
                            d.add(scale, start, c);
                        });
                    },
                );
            }
            tables.push(e);
            tables.push(c);
        }
        let terms = (0..data.len()).map(|g| Term { coef: Fr::ONE, factors: vec![2 * g, 2 * g + 1] }).collect();
        self.dense = Some(Instance::from_tables(size, tables, terms));
        self.weights.iter_mut().for_each(|w| *w = vec![]);
        Ok(())
    }

    /// E_0, C_0, E_1, C_1, .. at the point, once every variable is bound.
    pub fn values(&self) -> Vec<Fr> {
        let dense = self.dense.as_ref().expect("every variable is bound");
        dense.values(&vec![None; 2 * self.weights.len()])
    }
}
