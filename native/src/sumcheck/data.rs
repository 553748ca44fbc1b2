//! What fills the columns: scaled tables at addresses, and their sums.

use super::runs::Runs;
use super::table::{IntType, IntView, Table, with_type};
use super::{Interrupted, Poll, check};
use crate::field::rows::{RowWeights, Rows, TILE};
use crate::field::slices::with_lanes;
use crate::field::{Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use std::sync::Arc;

/// Places whose parts are looked up together.
const CHUNK: usize = 1 << 12;
/// Chunks between two polls.
const STEP: usize = 128;
/// Slots that are multiplied together.
const SLOTS: usize = 8;
/// Shorter runs are copied together.
const SHORT_RUN: usize = 32;
/// Elements that are multiplied with weights that stay in the cache.
pub const BLOCK: usize = 512;

/// sum_c coefs[c] table[c, ..] at an address: integers with the packed slots as their first axis, or one table of
/// field elements.
#[derive(Clone)]
pub struct Data<'a> {
    pub address: usize,
    pub len: usize,
    coefs: Arc<Vec<Fr>>,
    table: Table<'a>,
    /// Distance of the slots, and the elements of one.
    slot_stride: isize,
    runs: Arc<Runs>,
}

impl<'a> Data<'a> {
    pub fn field(address: usize, coef: Fr, t: &'a [Fr]) -> Self {
        let runs = Arc::new(Runs::new(&[t.len()], &[1]));
        Self { address, len: t.len(), coefs: Arc::new(vec![coef]), table: Table::Field(t), slot_stride: 0, runs }
    }

    /// Integers below 2^51 in magnitude with axes (layer, slot, ..), the layers `stride` places apart.
    pub fn layers(address: usize, stride: usize, coefs: Vec<Fr>, t: &IntView<'a>) -> Vec<Self> {
        let (shape, strides) = (t.shape(), t.strides());
        assert_eq!(shape[1], coefs.len());
        let (coefs, runs) = (Arc::new(coefs), Arc::new(Runs::new(&shape[2..], &strides[2..])));
        let len = shape[2..].iter().product();
        (0..shape[0])
            .map(|l| Self {
                address: address + l * stride,
                len,
                coefs: coefs.clone(),
                table: Table::Ints(t.part(l)),
                slot_stride: strides[1],
                runs: runs.clone(),
            })
            .collect()
    }

    pub fn end(&self) -> usize {
        self.address + self.len
    }

    /// The sum of weights[x] times the data at place start + x, x < count <= `lanes::MAX_BLOCK`; `offset` is OFFSET
    /// times the sum of the weights.
    pub fn dot<L: Rows>(&self, weights: RowWeights<'_, L>, offset: &Fr, start: usize, count: usize) -> Fr {
        let (from, to) = (start.max(self.address), (start + count).min(self.end()));
        if from >= to {
            return Fr::ZERO;
        }
        match &self.table {
            Table::Field(t) => {
                let mut elements = vec![Fr::ZERO; count];
                elements[from - start..to - start].copy_from_slice(&t[from - self.address..to - self.address]);
                let mut lanes = vec![L::Lane::default(); count.div_ceil(L::WIDTH)];
                L::load(&mut lanes, &elements);
                self.coefs[0] * L::dot(weights.lanes(), &lanes)
            }
            Table::Ints(t) => {
                let mut sums = vec![L::Sum::default(); self.coefs.len()];
                for at in (0..count).step_by(BLOCK) {
                    let n = BLOCK.min(count - at);
                    self.add_dots::<L>(t, &mut sums, weights.skip(at), start + at, n);
                }
                sums.iter().zip(&*self.coefs).map(|(sum, c)| *c * (L::value(sum) - offset)).sum()
            }
        }
    }

    fn add_dots<L: Rows>(
        &self,
        t: &IntView<'_>,
        sums: &mut [L::Sum],
        weights: RowWeights<'_, L>,
        start: usize,
        count: usize,
    ) {
        let mut done = 0;
        let inside = start >= self.address && start + count <= self.end();
        while done < count {
            let (position, left) = if inside { self.runs.locate(start + done - self.address) } else { (0, 0) };
            let adjacent = left.min(count - done);
            let n = if done + adjacent == count { adjacent } else { adjacent / L::SPAN * L::SPAN };
            let weights = weights.skip(done);
            if n > 0 && (n >= SHORT_RUN || done + n == count) {
                with_type!(t.dtype(), T, {
                    let first = t.base().cast::<T>().wrapping_offset(position);
                    for (k, sums) in sums.chunks_mut(SLOTS).enumerate() {
                        let slot = |c: usize| first.wrapping_offset((k * SLOTS + c) as isize * self.slot_stride);
                        let rows: [*const T; SLOTS] = std::array::from_fn(slot);
                        // SAFETY: `n` adjacent elements of each slot.
                        unsafe { L::add_dots(sums, weights, &rows[..sums.len()], n) };
                    }
                });
                done += n;
                continue;
            }
            // the rest by copies, zeros where there are no data
            let n = count - done;
            let (from, to) = ((start + done).max(self.address), (start + count).min(self.end()));
            for (c, sum) in sums.iter_mut().enumerate() {
                let mut copy = [0i64; BLOCK];
                if from < to {
                    let out = &mut copy[from - start - done..to - start - done];
                    self.copy(t, c, from - self.address, out);
                }
                // SAFETY: the copy has `n` elements.
                unsafe { L::add_dots(std::slice::from_mut(sum), weights, &[copy.as_ptr()], n) };
            }
            return;
        }
    }

    /// Elements first, first + 1, .. of a slot.
    fn copy(&self, t: &IntView<'_>, slot: usize, first: usize, out: &mut [i64]) {
        let mut done = 0;
        while done < out.len() {
            let (position, left) = self.runs.locate(first + done);
            let count = left.min(out.len() - done);
            let at = position + slot as isize * self.slot_stride;
            // SAFETY: the runs hold elements of the table.
            unsafe { t.load(at, 1, &mut out[done..done + count]) };
            done += count;
        }
    }
}

/// scale * data[first ..] at places address .. address + len.
pub struct Part<'d, 'a> {
    pub data: &'d Data<'a>,
    pub address: usize,
    pub first: usize,
    pub len: usize,
    pub scale: Fr,
}

impl<'d, 'a> Part<'d, 'a> {
    pub fn whole(data: &'d Data<'a>) -> Self {
        Self { data, address: data.address, first: 0, len: data.len, scale: Fr::ONE }
    }

    fn end(&self) -> usize {
        self.address + self.len
    }
}

/// out = the sum of the parts at places start, start + 1, ..; `out` holds zeros.
pub fn sum_parts(start: usize, out: &mut [Fr], parts: &[Part<'_, '_>], poll: Poll<'_>) -> Result<(), Interrupted> {
    // the parts in each chunk
    let mut present: Vec<Vec<usize>> = vec![vec![]; out.len().div_ceil(CHUNK)];
    for (i, part) in parts.iter().enumerate() {
        assert!(part.first + part.len <= part.data.len);
        let (from, to) = (part.address.max(start), part.end().min(start + out.len()));
        if from < to {
            ((from - start) / CHUNK..=(to - 1 - start) / CHUNK).for_each(|chunk| present[chunk].push(i));
        }
    }
    with_lanes!(L, {
        let scaled: Vec<Scaled<'_, '_, L>> = parts.iter().map(Scaled::new).collect();
        for (step, (out, present)) in out.chunks_mut(STEP * CHUNK).zip(present.chunks(STEP)).enumerate() {
            check(poll)?;
            out.par_chunks_mut(CHUNK).zip(present).enumerate().for_each(|(i, (out, present))| {
                let parts: Vec<&Scaled<'_, '_, L>> = present.iter().map(|&i| &scaled[i]).collect();
                sum_chunk(&parts, start + (step * STEP + i) * CHUNK, out);
            });
        }
    });
    Ok(())
}

struct Scaled<'p, 'a, L: Rows> {
    part: &'p Part<'p, 'a>,
    coefs: Vec<L::Coef>,
    /// What the rows' offset adds to each place.
    offset: Fr,
}

impl<'p, 'a, L: Rows> Scaled<'p, 'a, L> {
    fn new(part: &'p Part<'p, 'a>) -> Self {
        let coefs: Vec<Fr> = part.data.coefs.iter().map(|c| *c * part.scale).collect();
        let offset = coefs.iter().sum::<Fr>() * Fr::from(L::OFFSET);
        Self { part, coefs: coefs.iter().map(L::coef).collect(), offset }
    }
}

/// Rows of integers of one type.
struct RowList<C> {
    dtype: IntType,
    coefs: Vec<C>,
    rows: Vec<*const u8>,
}

fn sum_chunk<L: Rows>(parts: &[&Scaled<'_, '_, L>], start: usize, out: &mut [Fr]) {
    let (mut at, end) = (start, start + out.len());
    let mut lists: Vec<RowList<L::Coef>> = vec![];
    let mut fields: Vec<(Fr, &[Fr])> = vec![];
    while at < end {
        // what lies at `at`, and up to where it lies evenly
        let (mut until, mut base) = (end, Fr::ZERO);
        lists.iter_mut().for_each(|list| {
            list.coefs.clear();
            list.rows.clear();
        });
        fields.clear();
        for scaled in parts {
            let part = scaled.part;
            if at < part.address {
                until = until.min(part.address);
            }
            if at < part.address || at >= part.end() {
                continue;
            }
            until = until.min(part.end());
            let index = part.first + at - part.address;
            match &part.data.table {
                Table::Field(t) => fields.push((part.data.coefs[0] * part.scale, &t[index..])),
                Table::Ints(t) => {
                    let (position, left) = part.data.runs.locate(index);
                    until = until.min(at + left);
                    base -= scaled.offset;
                    let list = match lists.iter_mut().position(|list| list.dtype == t.dtype()) {
                        Some(i) => &mut lists[i],
                        None => {
                            lists.push(RowList { dtype: t.dtype(), coefs: vec![], rows: vec![] });
                            lists.last_mut().expect("just pushed")
                        }
                    };
                    list.coefs.extend_from_slice(&scaled.coefs);
                    let size = t.dtype().size() as isize;
                    let first = t.base().wrapping_offset(position * size);
                    let step = part.data.slot_stride * size;
                    list.rows.extend((0..scaled.coefs.len()).map(|c| first.wrapping_offset(c as isize * step)));
                }
            }
        }
        let from = at;
        while at < until && lists.iter().any(|list| !list.rows.is_empty()) {
            let width = TILE.min(until - at);
            let mut tile = L::Tile::default();
            for list in lists.iter_mut().filter(|list| !list.rows.is_empty()) {
                with_type!(list.dtype, T, {
                    // SAFETY: pointers to T; `width` adjacent elements of each row.
                    unsafe {
                        let rows = std::slice::from_raw_parts(list.rows.as_ptr().cast::<*const T>(), list.rows.len());
                        L::add_rows(&mut tile, &list.coefs, rows, width);
                    }
                    list.rows.iter_mut().for_each(|row| *row = row.wrapping_add(width * size_of::<T>()));
                });
            }
            L::finish(&tile, &base, &mut out[at - start..at - start + width]);
            at += width;
        }
        at = until;
        for (c, t) in &fields {
            slices::add_scaled(&mut out[from - start..until - start], c, &t[..until - from]);
        }
    }
}
