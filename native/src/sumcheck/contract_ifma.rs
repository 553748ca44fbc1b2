//! Contraction of integer tables with AVX-512 IFMA.

use super::contract::View;
use super::table::{IntType, with_type};
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::Fr;
use crate::field::ifma::matrix::{self, GROUP, OFFSET_BITS, Weights};
use crate::field::ifma::{Ifma, Lane};
use crate::field::lanes::Lanes;
use rayon::prelude::*;

/// Columns that are summed together.
const TILE: usize = 8 * GROUP;

/// Whether `contract` below can be used.
pub fn applies(view: &View<'_>) -> bool {
    use crate::field::slices::{Backend, backend};
    backend() == Backend::Ifma && (view.table.dtype() != IntType::I64 || view.table.max_abs() < 1 << OFFSET_BITS)
}

/// out[b, a] = sum_i weights[i] t[b, i, a].
pub fn contract(view: &View<'_>, weights: &[Fr], out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
    let offset = weights.iter().sum::<Fr>() * Fr::from(1u64 << OFFSET_BITS);
    if view.after == 1 { rows(view, weights, offset, out, poll) } else { columns(view, weights, offset, out, poll) }
}

/// One inner product for each row.
fn rows(view: &View<'_>, weights: &[Fr], offset: Fr, out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
    let n = weights.len();
    let mut lanes = vec![Lane::default(); n.div_ceil(8)];
    Ifma::load(&mut lanes, weights);
    let step = (POLL_INTERVAL * 4 / n).max(1).next_multiple_of(GROUP);
    for (part, out) in out.chunks_mut(step).enumerate() {
        check(poll)?;
        out.par_chunks_mut(GROUP).with_min_len((1 << 12) / n + 1).enumerate().for_each(|(i, out)| {
            let row = |k: usize| (part * step + i * GROUP + k.min(out.len() - 1)) * n;
            let sums = if view.contiguous {
                let at: [isize; GROUP] = std::array::from_fn(|k| view.table.position(row(k)));
                // SAFETY: rows of n integers, adjacent because the view is contiguous; the backend is available.
                with_type!(view.table.dtype(), T, unsafe {
                    let base = view.table.base().cast::<T>();
                    matrix::dot_rows::<T>(&lanes, at.map(|at| base.offset(at)), n)
                })
            } else {
                let mut copy = vec![0i64; GROUP * n];
                copy.chunks_mut(n).enumerate().for_each(|(k, out)| view.table.read(row(k), out));
                // SAFETY: `copy` has GROUP rows of n integers.
                unsafe { matrix::dot_rows::<i64>(&lanes, std::array::from_fn(|k| copy[k * n..].as_ptr()), n) }
            };
            for (x, sum) in out.iter_mut().zip(sums) {
                *x = sum - offset;
            }
        });
    }
    Ok(())
}

/// Sums of rows, a tile of columns at a time.
fn columns(view: &View<'_>, weights: &[Fr], offset: Fr, out: &mut [Fr], poll: Poll<'_>) -> Result<(), Interrupted> {
    let (n, after, base) = (weights.len(), view.after, -offset);
    let weights = Weights::new(weights);
    let tiles_per_row = after.div_ceil(TILE);
    let mut tiles: Vec<(usize, &mut [Fr])> =
        out.chunks_mut(after).flat_map(|row| row.chunks_mut(TILE)).enumerate().collect();
    for tiles in tiles.chunks_mut((POLL_INTERVAL * 4 / (n * TILE)).max(1)) {
        check(poll)?;
        tiles.par_iter_mut().with_min_len((1 << 12) / (n * TILE) + 1).for_each(|(i, out)| {
            let start = *i / tiles_per_row * n * after + *i % tiles_per_row * TILE;
            if view.contiguous {
                let at = view.table.position(start);
                // SAFETY: n rows, `stride` apart, whose columns are adjacent because the view is contiguous.
                with_type!(view.table.dtype(), T, unsafe {
                    let first = view.table.base().cast::<T>().offset(at);
                    matrix::sum_columns::<T>(&weights, &base, first, view.stride, out)
                });
            } else {
                let width = out.len();
                let mut copy = vec![0i64; n * width];
                for (k, row) in copy.chunks_mut(width).enumerate() {
                    view.table.read(start + k * after, row);
                }
                // SAFETY: `copy` has n rows of `width` integers.
                unsafe { matrix::sum_columns::<i64>(&weights, &base, copy.as_ptr(), width as isize, out) };
            }
        });
    }
    Ok(())
}
