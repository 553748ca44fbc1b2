//! Sums of a table over one of its axes with weights: the matrix-vector products of the protocol.

#[cfg(target_arch = "x86_64")]
use super::contract_ifma;
use super::table::{IntView, Table};
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::Fr;
use crate::field::slices;
use crate::field::wide::SmallSum;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

/// Output elements that are accumulated together.
const TILE: usize = 64;
/// Elements of a run that are converted together.
const BLOCK: usize = 1 << 10;

/// An integer table seen as [before, n, after].
pub struct View<'a> {
    pub table: &'a IntView<'a>,
    pub after: usize,
    /// Distance of neighbours along the summed axis.
    pub stride: isize,
    /// Whether what is read in a row lies in adjacent places: the columns, or the summed axis when after = 1.
    pub contiguous: bool,
}

impl<'a> View<'a> {
    fn new(table: &'a IntView<'a>, shape: &[usize], axis: usize) -> Self {
        let known = table.shape() == shape;
        let adjacent = |axes: std::ops::Range<usize>| {
            let mut expected = 1;
            axes.rev().all(|a| {
                let fits = shape[a] == 1 || table.strides()[a] == expected;
                expected *= shape[a] as isize;
                fits
            })
        };
        let after: usize = shape[axis + 1..].iter().product();
        let contiguous = known && if after == 1 { adjacent(axis..axis + 1) } else { adjacent(axis + 1..shape.len()) };
        Self { table, after, stride: if known { table.strides()[axis] } else { 0 }, contiguous }
    }
}

/// The table seen as [before, n, after]; out[b, a] = sum_i weights[i] t[b, i, a], row-major.
pub fn contract(
    table: &Table<'_>,
    shape: &[usize],
    axis: usize,
    weights: &[Fr],
    poll: Poll<'_>,
) -> Result<Vec<Fr>, Interrupted> {
    let (before, after): (usize, usize) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
    assert_eq!(shape[axis], weights.len());
    assert_eq!(table.len(), before * weights.len() * after);
    let mut out = vec![Fr::ZERO; before * after];
    if out.is_empty() || weights.is_empty() {
        return Ok(out);
    }
    #[cfg(target_arch = "x86_64")]
    if let Table::Ints(t) = table {
        let view = View::new(t, shape, axis);
        if contract_ifma::applies(&view) {
            contract_ifma::contract(&view, weights, &mut out, poll)?;
            return Ok(out);
        }
    }
    // tiles of the output; a tile never crosses a row of `after` elements unless after = 1
    let tile = if after == 1 { 1 } else { TILE.min(after) };
    let tiles_per_row = after.div_ceil(tile);
    let step = (POLL_INTERVAL / (weights.len() * tile)).max(1);
    let mut tiles: Vec<(usize, &mut [Fr])> =
        out.chunks_mut(after).flat_map(|row| row.chunks_mut(tile)).enumerate().collect();
    for chunk in tiles.chunks_mut(step) {
        check(poll)?;
        let min = (1 << 12) / (weights.len() * tile) + 1;
        chunk.par_iter_mut().with_min_len(min).for_each(|(i, out)| {
            let start = *i / tiles_per_row * weights.len() * after + *i % tiles_per_row * tile;
            match table {
                Table::Field(t) => field_tile(t, start, after, weights, out),
                Table::Ints(t) => int_tile(t, start, after, weights, out),
            }
        });
    }
    Ok(out)
}

fn field_tile(t: &[Fr], start: usize, after: usize, weights: &[Fr], out: &mut [Fr]) {
    if after == 1 {
        out[0] = slices::dot(&t[start..start + weights.len()], weights);
        return;
    }
    for (i, w) in weights.iter().enumerate() {
        let at = start + i * after;
        slices::add_scaled(out, w, &t[at..at + out.len()]);
    }
}

fn int_tile(t: &IntView<'_>, start: usize, after: usize, weights: &[Fr], out: &mut [Fr]) {
    let mut buffer = [0i64; BLOCK];
    if after == 1 {
        for (i, w) in weights.chunks(BLOCK).enumerate() {
            t.read(start + i * BLOCK, &mut buffer[..w.len()]);
            out[0] += slices::dot_small(w, &buffer[..w.len()]);
        }
        return;
    }
    let mut sums = [SmallSum::default(); TILE];
    for (i, w) in weights.iter().enumerate() {
        let values = &mut buffer[..out.len()];
        t.read(start + i * after, values);
        for (sum, &v) in sums.iter_mut().zip(&*values) {
            sum.add(w, v);
        }
    }
    for (x, sum) in out.iter_mut().zip(&sums) {
        *x = sum.reduce();
    }
}
