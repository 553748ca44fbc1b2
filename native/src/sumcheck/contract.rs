//! Sums of a table over adjacent axes with weights: the matrix-vector products of the protocol.

use super::runs::Runs;
use super::table::{IntView, Table, with_type};
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::rows::{RowWeights, Rows, Small, TILE};
use crate::field::slices::{self, with_lanes};
use crate::field::{self, Fr};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use std::ops::Range;

/// Elements of rows that are multiplied together: their weights stay in the cache.
const CHUNK: usize = 512;
/// Shorter runs are copied together.
const SHORT_RUN: usize = 32;
/// Products with integers between two polls.
const STEP: usize = POLL_INTERVAL * 8;

/// out[b, a] = sum_i weights[i] t[b, i, a], where i runs over `axes` of `shape`, b over those before, a over those
/// behind; row-major.
pub fn contract(
    table: &Table<'_>,
    shape: &[usize],
    axes: Range<usize>,
    weights: &[Fr],
    poll: Poll<'_>,
) -> Result<Vec<Fr>, Interrupted> {
    let [before, n, after] = [0..axes.start, axes.clone(), axes.end..shape.len()].map(|r| shape[r].iter().product());
    assert!(weights.len() == n && table.len() == before * n * after);
    let mut out = field::zeros(before * after);
    if out.is_empty() || weights.is_empty() {
        return Ok(out);
    }
    match table {
        Table::Field(t) => fields(t, after, weights, &mut out, poll)?,
        Table::Ints(t) => {
            assert_eq!(t.shape(), shape);
            with_lanes!(L, {
                if t.is_below(L::LIMIT) {
                    let view = View::new(t, &axes);
                    with_type!(
                        t.dtype(),
                        T,
                        match after {
                            1 => view.rows::<T, L>(weights, &mut out, poll)?,
                            _ => view.columns::<T, L>(weights, &mut out, poll)?,
                        }
                    )
                } else {
                    let mut elements = vec![Fr::ZERO; t.len()];
                    table.write_to(&mut elements);
                    fields(&elements, after, weights, &mut out, poll)?
                }
            })
        }
    }
    Ok(out)
}

fn fields(t: &[Fr], after: usize, weights: &[Fr], out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
    // tiles of the output; a tile never crosses a row of `after` elements unless after = 1
    const TILE: usize = 64;
    let tile = if after == 1 { 1 } else { TILE.min(after) };
    let (n, tiles_per_row) = (weights.len(), after.div_ceil(tile));
    let mut tiles: Vec<(usize, &mut [Fr])> =
        out.chunks_mut(after).flat_map(|row| row.chunks_mut(tile)).enumerate().collect();
    for chunk in tiles.chunks_mut((POLL_INTERVAL / (n * tile)).max(1)) {
        check(poll)?;
        chunk.par_iter_mut().with_min_len((1 << 12) / (n * tile) + 1).for_each(|(i, out)| {
            let start = *i / tiles_per_row * n * after + *i % tiles_per_row * tile;
            if after == 1 {
                out[0] = slices::dot(&t[start..start + n], weights);
                return;
            }
            for (i, w) in weights.iter().enumerate() {
                slices::add_scaled(out, w, &t[start + i * after..start + i * after + out.len()]);
            }
        });
    }
    Ok(())
}

/// An integer table seen as [before, n, after].
struct View<'a> {
    table: &'a IntView<'a>,
    before: Runs,
    summed: Runs,
    after: Runs,
    /// Elements behind the summed axes.
    columns: usize,
}

impl<'a> View<'a> {
    fn new(table: &'a IntView<'a>, axes: &Range<usize>) -> Self {
        let (shape, strides) = (table.shape(), table.strides());
        let runs = |r: Range<usize>| Runs::new(&shape[r.clone()], &strides[r]);
        let behind = axes.end..shape.len();
        let columns = shape[behind.clone()].iter().product();
        Self { table, before: runs(0..axes.start), summed: runs(axes.clone()), after: runs(behind), columns }
    }

    fn base<T>(&self) -> *const T {
        self.table.base().cast()
    }

    /// Elements start .. start + out.len() along `runs` of what begins at `position`.
    ///
    /// # Safety
    /// They must be elements of the table of type T.
    unsafe fn copy<T: Small>(&self, runs: &Runs, position: isize, start: usize, out: &mut [i64]) {
        let mut done = 0;
        while done < out.len() {
            let (at, left) = runs.locate(start + done);
            let count = left.min(out.len() - done);
            for (k, x) in out[done..done + count].iter_mut().enumerate() {
                // SAFETY: by the caller's promise.
                *x = unsafe { *self.base::<T>().offset(position + at + k as isize) }.into();
            }
            done += count;
        }
    }

    /// One inner product for each row.
    fn rows<T: Small, L: Rows>(&self, weights: &[Fr], out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
        let n = weights.len();
        let offset = weights.iter().sum::<Fr>() * Fr::from(L::OFFSET);
        // a task: some rows, some chunks of them
        let height = ((1 << 18) / n).clamp(32, 256).min(out.len());
        let chunks = n.div_ceil(CHUNK);
        let width = ((1 << 20) / (height * CHUNK)).max(32).min(chunks);
        let widths = chunks.div_ceil(width);
        let tasks = out.len().div_ceil(height) * widths;
        let step = (STEP / (height * width * CHUNK)).max(2);
        for start in (0..tasks).step_by(step) {
            check(poll)?;
            let parts: Vec<Vec<Fr>> = (start..(start + step).min(tasks))
                .into_par_iter()
                .map(|task| {
                    let (row, chunk) = (task / widths * height, task % widths * width);
                    let rows = row..(row + height).min(out.len());
                    self.row_task::<T, L>(weights, rows, chunk * CHUNK..((chunk + width) * CHUNK).min(n))
                })
                .collect();
            for (task, part) in (start..).zip(parts) {
                let row = task / widths * height;
                slices::add_assign(&mut out[row..row + part.len()], &part);
            }
        }
        out.iter_mut().for_each(|x| *x -= offset);
        Ok(())
    }

    fn row_task<T: Small, L: Rows>(&self, weights: &[Fr], rows: Range<usize>, elements: Range<usize>) -> Vec<Fr> {
        let positions: Vec<isize> = rows.map(|row| self.before.locate(row).0).collect();
        let mut sums = vec![L::Sum::default(); positions.len()];
        let mut pointers: Vec<*const T> = vec![std::ptr::null(); positions.len()];
        let mut block = vec![L::Lane::default(); CHUNK.div_ceil(L::WIDTH)];
        let mut space = Vec::with_capacity(CHUNK / L::SPAN);
        for start in elements.clone().step_by(CHUNK) {
            let len = CHUNK.min(elements.end - start);
            let lanes = &mut block[..len.div_ceil(L::WIDTH)];
            L::load(lanes, &weights[start..start + len]);
            let weights = RowWeights::<L>::new(lanes, &mut space);
            let mut done = 0;
            while done < len {
                let (at, left) = self.summed.locate(start + done);
                let adjacent = left.min(len - done);
                let weights = weights.skip(done);
                let count = if done + adjacent == len { adjacent } else { adjacent / L::SPAN * L::SPAN };
                if done + count == len || count >= SHORT_RUN {
                    for (pointer, position) in pointers.iter_mut().zip(&positions) {
                        *pointer = self.base::<T>().wrapping_offset(position + at);
                    }
                    // SAFETY: `count` adjacent elements of each row.
                    unsafe { L::add_dots(&mut sums, weights, &pointers, count) };
                    done += count;
                    continue;
                }
                let mut copy = [0i64; CHUNK];
                for (sum, &position) in sums.iter_mut().zip(&positions) {
                    // SAFETY: elements of the row.
                    unsafe {
                        self.copy::<T>(&self.summed, position, start + done, &mut copy[..len - done]);
                        L::add_dots(std::slice::from_mut(sum), weights, &[copy.as_ptr()], len - done);
                    }
                }
                done = len;
            }
        }
        sums.iter().map(L::value).collect()
    }

    /// Sums of rows, a tile of columns at a time.
    fn columns<T: Small, L: Rows>(&self, weights: &[Fr], out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
        let n = weights.len();
        let base = -weights.iter().sum::<Fr>() * Fr::from(L::OFFSET);
        let coefs: Vec<L::Coef> = weights.iter().map(L::coef).collect();
        let rows: Vec<isize> = (0..n).map(|i| self.summed.locate(i).0).collect();
        let tiles_per_row = self.columns.div_ceil(TILE);
        let mut tiles: Vec<(usize, &mut [Fr])> =
            out.chunks_mut(self.columns).flat_map(|row| row.chunks_mut(TILE)).enumerate().collect();
        for tiles in tiles.chunks_mut((STEP / (n * TILE)).max(1)) {
            check(poll)?;
            tiles.par_iter_mut().with_min_len((1 << 12) / (n * TILE) + 1).for_each(|(i, out)| {
                let (b, start) = (*i / tiles_per_row, *i % tiles_per_row * TILE);
                let first = self.before.locate(b).0;
                let (at, left) = self.after.locate(start);
                let (mut tile, width) = (L::Tile::default(), out.len());
                let mut pointers = [std::ptr::null::<T>(); CHUNK];
                let mut copies = vec![];
                for (coefs, rows) in coefs.chunks(CHUNK).zip(rows.chunks(CHUNK)) {
                    if left >= width {
                        for (pointer, row) in pointers.iter_mut().zip(rows) {
                            *pointer = self.base::<T>().wrapping_offset(first + at + row);
                        }
                        // SAFETY: `width` adjacent elements of each row.
                        unsafe { L::add_rows(&mut tile, coefs, &pointers[..rows.len()], width) };
                        continue;
                    }
                    copies.resize(rows.len() * width, 0i64);
                    for (copy, row) in copies.chunks_mut(width).zip(rows) {
                        // SAFETY: elements of the row.
                        unsafe { self.copy::<T>(&self.after, first + row, start, copy) };
                    }
                    let pointers: Vec<*const i64> = copies.chunks(width).map(<[i64]>::as_ptr).collect();
                    // SAFETY: `width` elements of each copy.
                    unsafe { L::add_rows(&mut tile, coefs, &pointers, width) };
                }
                L::finish(&tile, &base, out);
            });
        }
        Ok(())
    }
}
