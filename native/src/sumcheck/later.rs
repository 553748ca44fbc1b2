//! Large tables of integers that are folded only once their first axis is bound.
//!
//! A folded table has 32 bytes for each entry, its integers a few. Until the variables of the first axis are bound,
//! a round folds one slab of the second axis after the other into memory that the next one uses again, and forgets
//! it: the sum over all slabs is the round's polynomial. Each such round reads all integers, whatever is bound.

use super::instance::Instance;
use super::plan::Plan;
use super::table::{IntView, Table};
use super::tensor::eq_table;
use super::{Interrupted, Poll, check, round};
use crate::field::rows::MAX_MAGNITUDE;
use crate::field::{self, Fr, slices};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use std::ops::Range;

/// Entries from which on a table waits.
pub const LARGE: usize = 1 << 24;
/// Entries of a slab's folded tables, at least one row of the second axis.
pub const SLAB: usize = 1 << 21;
const CHUNK: usize = 1 << 12;
/// Elements that are left out together where they are all 0.
const PART: usize = 1 << 7;

/// Which factors wait: tables of at least `large` integers over the first two axes, the first of which has variables
/// left after a fold.
pub fn waiting(
    sizes: &[usize],
    bits: &[usize],
    factors: &[Vec<usize>],
    max_abs: &[u64],
    sources: &[Option<Table<'_>>],
    large: usize,
) -> Vec<bool> {
    (0..factors.len())
        .map(|f| {
            sizes.len() > 1
                && bits[0] > 1
                && factors[f].starts_with(&[0, 1])
                && max_abs[f] < MAX_MAGNITUDE
                && matches!(&sources[f], Some(Table::Ints(t)) if t.len() >= large)
        })
        .collect()
}

/// sum_p weights[p] t[p count + x, ..] for x < count; t is 0 beyond its first axis.
pub fn fold_first(t: &IntView<'_>, weights: &[Fr], count: usize) -> Vec<Fr> {
    let (len, size) = (t.len(), count * (t.len() / t.shape()[0]));
    let mut out = field::zeros(size);
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let mut buffers = [[0i64; CHUNK]; slices::MAX_SMALL];
        for (k, weights) in weights.chunks(slices::MAX_SMALL).enumerate() {
            let mut used = 0;
            for (p, buffer) in buffers[..weights.len()].iter_mut().enumerate() {
                let start = (k * slices::MAX_SMALL + p) * size + i * CHUNK;
                let n = len.saturating_sub(start).min(out.len());
                if n == 0 {
                    break;
                }
                t.read(start, &mut buffer[..n]);
                buffer[n..].fill(0);
                used = p + 1;
            }
            for (i, out) in out.chunks_mut(PART).enumerate() {
                let part = i * PART..i * PART + out.len();
                let rows: [&[i64]; slices::MAX_SMALL] = std::array::from_fn(|p| &buffers[p][part.clone()]);
                // sparse tensors: zeros cost no product, and their pages of the output are never touched
                if rows[..used].iter().any(|row| row.iter().any(|v| *v != 0)) {
                    slices::add_scaled_small(out, &weights[..used], &rows[..used]);
                }
            }
        }
    });
    out
}

impl Instance {
    /// Folds the tables that waited, once the first axis is bound.
    pub(super) fn fold_waiting(&mut self, sources: &[Option<Table<'_>>], poll: Poll<'_>) -> Result<(), Interrupted> {
        let weights = eq_table(&self.first);
        let mut folded = vec![];
        for f in (0..self.factors.len()).filter(|&f| self.waits[f]) {
            check(poll)?;
            let Some(Table::Ints(t)) = &sources[f] else { unreachable!("integers wait") };
            folded.push((f, fold_first(t, &weights, 1)));
        }
        for (f, table) in folded {
            self.folded[f] = Some(table);
            self.waits[f] = false;
        }
        Ok(())
    }

    /// The round polynomial's values, slab by slab.
    pub(super) fn evaluate_slabs(
        &self,
        sources: &[Option<Table<'_>>],
        skip_one: bool,
        poll: Poll<'_>,
    ) -> Result<Vec<Fr>, Interrupted> {
        let weights = eq_table(&self.first);
        let rest = |axes: &[usize]| axes[2..].iter().map(|&a| self.sizes[a]).product::<usize>();
        let waiting = self.factors.iter().zip(&self.waits).filter(|(_, waits)| **waits);
        let row: usize = waiting.map(|(axes, _)| self.sizes[0] * rest(axes)).sum();
        let (rows, step) = (self.sizes[1], (self.slab / row).max(1));
        let mut total = vec![Fr::ZERO; self.degree() + 1];
        for from in (0..rows).step_by(step) {
            let (slab, tables) = self.slab(from..(from + step).min(rows), &weights, sources);
            let values = round::evaluate(&mut Plan::new(&slab, &tables), skip_one, poll)?;
            slices::add_assign(&mut total, &values);
        }
        Ok(total)
    }

    /// The instance on some indices of the second axis, and its tables.
    fn slab<'a>(
        &'a self,
        rows: Range<usize>,
        weights: &[Fr],
        sources: &[Option<Table<'a>>],
    ) -> (Instance, Vec<Option<Table<'a>>>) {
        let (mut folded, mut tables) = (vec![None; self.factors.len()], vec![None; self.factors.len()]);
        for (f, axes) in self.factors.iter().enumerate() {
            let table = self.table(f, sources);
            let Some(position) = axes.iter().position(|&a| a == 1) else {
                tables[f] = Some(table);
                continue;
            };
            match table {
                Table::Ints(t) => {
                    let part = t.narrowed(position, rows.clone());
                    if self.waits[f] {
                        folded[f] = Some(fold_first(&part, weights, self.sizes[0]));
                    } else {
                        tables[f] = Some(Table::Ints(part));
                    }
                }
                Table::Field(t) => {
                    let inner: usize = axes[position + 1..].iter().map(|&a| self.sizes[a]).product();
                    let stride = self.sizes[1] * inner;
                    let runs = t.chunks(stride).flat_map(|run| &run[rows.start * inner..rows.end * inner]);
                    folded[f] = Some(runs.copied().collect());
                }
            }
        }
        let mut sizes = self.sizes.clone();
        sizes[1] = rows.len();
        let eq = self.eq.clone().map(|mut eq| {
            eq[1] = eq[1][rows].to_vec();
            // an axis of one index is no axis to a plan: the row's weight goes to the first one's
            if let [weight] = eq[1][..] {
                eq[0].iter_mut().for_each(|x| *x *= weight);
            }
            eq
        });
        (self.part(sizes, eq, folded), tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sumcheck::instance::Term;
    use crate::sumcheck::table::IntType;
    use ark_ff::Field;

    fn ints(seed: i64, n: usize) -> Vec<i64> {
        (0..n as i64).map(|i| (i * 7919 + seed * 104_729) % 2001 - 1000).collect()
    }

    fn fields(seed: u64, n: usize) -> Vec<Fr> {
        (0..n as u64).map(|i| Fr::from(i * i + 3 * seed + 1).pow([11 + seed])).collect()
    }

    /// The rounds of an instance with every kind of table, and its factors' values at the end.
    fn run(sizes: &[usize], large: usize, slab: usize, weighted: bool) -> Vec<Vec<Fr>> {
        let count = |axes: &[usize]| axes.iter().map(|&a| sizes[a]).product::<usize>();
        let factors: Vec<Vec<usize>> =
            vec![vec![0, 1, 2, 3], vec![0, 1, 3], vec![1, 3], vec![0, 1, 2, 3], vec![0, 2], vec![0, 1, 2], vec![0, 1]];
        let own: Vec<Vec<i64>> = factors.iter().enumerate().map(|(i, f)| ints(i as i64, count(f))).collect();
        let (dense, bare) = (fields(1, count(&factors[3])), fields(2, count(&factors[4])));
        let view = |i: usize| {
            let shape: Vec<usize> = factors[i].iter().map(|&a| sizes[a]).collect();
            let mut strides = vec![1isize; shape.len()];
            for k in (1..shape.len()).rev() {
                strides[k - 1] = strides[k] * shape[k] as isize;
            }
            // SAFETY: the shape is that of the vector.
            Some(Table::Ints(unsafe { IntView::new(own[i].as_ptr().cast(), IntType::I64, shape, strides) }))
        };
        let sources: Vec<Option<Table<'_>>> = (0..factors.len())
            .map(|i| match i {
                3 => Some(Table::Field(&dense)),
                4 => Some(Table::Field(&bare)),
                _ => view(i),
            })
            .collect();
        let term = |coef: u64, factors: &[usize]| Term { coef: Fr::from(coef), factors: factors.to_vec() };
        let terms = vec![term(3, &[0, 1]), term(5, &[0, 2, 5]), term(1, &[3, 0]), term(2, &[3, 4, 6])];
        let bits: Vec<usize> = sizes.iter().map(|&n| crate::sumcheck::bits(n)).collect();
        let tau = weighted.then(|| bits.iter().map(|&b| fields(9, b)).collect());
        let mut instance = Instance::new(sizes.to_vec(), factors.clone(), terms, tau, &sources, large).unwrap();
        instance.slab = slab;
        let (mut found, go) = (vec![], || false);
        while instance.remaining() > 0 {
            let h = instance.round(&sources, &go).unwrap();
            instance.bind(Fr::from(1234 + found.len() as u64), &sources, &go).unwrap();
            found.push(h);
        }
        found.push(instance.values(&sources));
        found
    }

    #[test]
    fn folding_leaves_out_zeros_alone() {
        for (rows, length) in [(1, 5), (3, 128), (5, 300), (12, 4097), (20, 1000)] {
            for count in [1, 2, 4] {
                let mut values = ints(3, rows * length);
                // whole rows, stretches, and all but one value of a part
                values
                    .iter_mut()
                    .enumerate()
                    .filter(|(i, _)| i / 64 % 5 < 3 || i % length > 700)
                    .for_each(|(_, v)| *v = 0);
                // SAFETY: the shape is that of the vector.
                let view = unsafe {
                    IntView::new(values.as_ptr().cast(), IntType::I64, vec![rows, length], vec![length as isize, 1])
                };
                let weights = fields(4, rows.div_ceil(count));
                let expected: Vec<Fr> = (0..count * length)
                    .map(|x| {
                        let at = |p: usize| values.get(p * count * length + x).copied().unwrap_or(0);
                        weights.iter().enumerate().map(|(p, w)| *w * field::from_i64(at(p))).sum()
                    })
                    .collect();
                assert_eq!(fold_first(&view, &weights, count), expected, "{rows} {length} {count}");
            }
        }
    }

    #[test]
    fn waiting_changes_nothing() {
        for sizes in [[12, 5, 2, 3], [5, 3, 1, 8], [2, 4, 3, 2], [3, 1, 2, 2], [8, 2, 2, 1], [1, 4, 2, 2]] {
            for weighted in [false, true] {
                let expected = run(&sizes, usize::MAX, SLAB, weighted);
                // slabs of one row, of several, one that is left over, and one slab
                for slab in [1, 40, 70, 100, 150, 1000, SLAB] {
                    assert_eq!(run(&sizes, 1, slab, weighted), expected, "{sizes:?} {slab} {weighted}");
                }
            }
        }
    }
}
