//! Products of few rows: the weights are read as they lie, once, in long runs, and never packed.
//!
//! Packing writes each weight once more before it is used, which pays where many rows use it. Here a block of lines of
//! the matrix is walked along its columns while the next one is fetched; pairs of lines are interleaved in registers,
//! and what is loaded and stored for each block is the accumulators, a few int32 a column.
//!
//! Exact as packed products are: rows are split into halves of at most 2^7, so that a pair of products with int16 is at
//! most 2^23; after `PAIRS` = 2^7 pairs a lane is at most 2^30, and all lanes are widened to int64.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::split::{GROUP, PAIRS, Split, TILE};
use super::{Factors, Kernel};
use rayon::prelude::*;
use std::ops::Range;

/// Pairs of lines that are walked together. With more of them there are more streams than the processor follows, with
/// fewer the accumulators are loaded and stored more often.
const BLOCK: usize = 8;
/// Pairs of lines that a part of the matrix has at least, and columns.
const DEPTH: usize = 64;
const SPAN: usize = 512;
/// Parts for each thread.
const SHARE: usize = 2;

/// Accumulators of a tile and a row: of low and of high halves, each for `TILE` columns in the kernel's own order.
type Lanes = [[i32; TILE]; 2];
/// Low and high halves of a pair of entries, for each row of a group.
type Acts = [[u32; 2]; GROUP];

/// As `super::matmul`.
pub(super) fn matmul(kernel: Kernel, factors: Factors, out: &mut [i64]) {
    let Factors { a, w, bias, rows, inner, outer } = factors;
    let split = Split::new(a, rows, inner);
    // cut between lines, so that each is read to its end, which is fastest; between columns where threads want more
    let (pairs, tiles) = (inner.div_ceil(2), outer.div_ceil(TILE));
    let wanted = SHARE * rayon::current_num_threads();
    let parts = pairs.div_ceil(DEPTH).clamp(1, wanted);
    let spans = wanted.div_ceil(parts).min(outer.div_ceil(SPAN));
    let part = |i: usize| pairs * i / parts..pairs * (i + 1) / parts;
    let span = |i: usize| tiles * i / spans * TILE..(tiles * (i + 1) / spans * TILE).min(outer);
    let sums: Vec<Vec<i64>> = (0..parts * spans)
        .into_par_iter()
        .map_init(Vec::new, |lanes, i| {
            part_sums(kernel, &split, w, rows, outer, part(i % parts), span(i / parts), lanes)
        })
        .collect();
    for (t, row) in out.chunks_exact_mut(outer).enumerate() {
        row.copy_from_slice(bias);
        for (i, sums) in sums.iter().enumerate() {
            let columns = span(i / parts);
            let stride = columns.len().next_multiple_of(TILE);
            row[columns].iter_mut().zip(&sums[t * stride..]).for_each(|(x, sum)| *x += sum);
        }
    }
}

/// Sums over some pairs of lines, of some columns: rows x (their number rounded up to whole tiles). `lanes` is a buffer.
#[allow(clippy::too_many_arguments)]
fn part_sums(
    kernel: Kernel,
    a: &Split,
    w: &[i16],
    rows: usize,
    outer: usize,
    pairs: Range<usize>,
    columns: Range<usize>,
    lanes: &mut Vec<Lanes>,
) -> Vec<i64> {
    let tiles = columns.len().div_ceil(TILE);
    let mut sums = vec![0i64; rows * tiles * TILE];
    lanes.clear();
    lanes.resize(tiles * rows, [[0; TILE]; 2]);
    // the last columns, and the last line of an odd number; of what lies beside them, columns are dropped and a line is
    // multiplied by 0
    let mut padded = [0i16; 2 * BLOCK * TILE];
    for first in pairs.clone().step_by(PAIRS) {
        let last = pairs.end.min(first + PAIRS);
        for start in (first..last).step_by(BLOCK) {
            let count = BLOCK.min(last - start);
            let lines = &w[2 * start * outer..w.len().min(2 * (start + count) * outer)];
            for (tile, lanes) in lanes.chunks_exact_mut(rows).enumerate() {
                let column = columns.start + tile * TILE;
                let width = TILE.min(columns.end - column);
                let (lines, stride) = if width == TILE && lines.len() == 2 * count * outer {
                    (&lines[column..], outer)
                } else {
                    for (line, target) in lines.chunks_exact(outer).zip(padded.chunks_exact_mut(TILE)) {
                        target[..width].copy_from_slice(&line[column..column + width]);
                    }
                    (&padded[..], TILE)
                };
                for (group, lanes) in lanes.chunks_mut(GROUP).enumerate() {
                    let acts = a.group(group, start, count);
                    match kernel {
                        // SAFETY: the features were detected
                        #[cfg(target_arch = "x86_64")]
                        Kernel::Vnni => unsafe { x86::tile_vnni(acts, lines, stride, lanes) },
                        // SAFETY: as above
                        #[cfg(target_arch = "x86_64")]
                        Kernel::Avx2 => unsafe { x86::tile_avx2(acts, lines, stride, lanes) },
                        _ => portable::tile(acts, lines, stride, lanes),
                    }
                }
            }
        }
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let target = &mut sums[(i % rows * tiles + i / rows) * TILE..][..TILE];
            match kernel {
                Kernel::Vnni => widen::<4>(lanes, target),
                Kernel::Avx2 => widen::<2>(lanes, target),
                Kernel::Portable => widen::<1>(lanes, target),
            }
            *lanes = [[0; TILE]; 2];
        }
    }
    sums
}

/// sums += lanes, for kernels whose vectors have `PARTS` parts of 128 bits; with one of them columns lie in order.
/// Interleaved 16-bit columns 0..8, 8..16, .. of a vector become the parts of two: 0..4, 8..12, .. and 4..8, 12..16, ..
fn widen<const PARTS: usize>(lanes: &Lanes, sums: &mut [i64]) {
    for (i, sums) in sums.chunks_exact_mut(4).enumerate() {
        let (vector, part) = (i / (2 * PARTS), i % (2 * PARTS));
        let from = if PARTS == 1 { 4 * i } else { 8 * vector * PARTS + part % 2 * 4 * PARTS + part / 2 * 4 };
        for (j, x) in sums.iter_mut().enumerate() {
            *x += i64::from(lanes[0][from + j]) + (i64::from(lanes[1][from + j]) << 8);
        }
    }
}
