//! Bucket sums by pairwise trees: additions of one level are independent, so they can share inversions however the
//! entries are distributed.

use super::batch::{Ahead, BATCH, Batch, Term};
use super::lines::Lines;
use super::point::Point;
use super::pool::Pool;
use super::sort::NEGATIVE;
use ark_bn254::G1Projective;
use ark_ff::AdditiveGroup;

/// Terms whose trees are summed level by level together.
const TERMS: usize = 1 << 13;

/// Points fetched beyond those of the next batch.
const SLACK: usize = 256;

/// Entries that are worth a thread.
const TASK: usize = 1 << 16;

/// buckets[b] += the sum of the signed points of its run of entries; sizes[b] is the run's length.
pub fn accumulate(points: &[Point], entries: &[u32], sizes: &[u32], buckets: &mut [Point], spaces: &Pool<Space>) {
    if entries.len() >= 2 * TASK && buckets.len() > 1 {
        let mut position = 0;
        let mut middle = 0;
        while middle < buckets.len() - 1 && (middle == 0 || position < entries.len() / 2) {
            position += sizes[middle] as usize;
            middle += 1;
        }
        let (entries, sizes) = (entries.split_at(position), sizes.split_at(middle));
        let (low, high) = buckets.split_at_mut(middle);
        rayon::join(
            || accumulate(points, entries.0, sizes.0, low, spaces),
            || accumulate(points, entries.1, sizes.1, high, spaces),
        );
    } else if !entries.is_empty() {
        let fetch = Fetch { points, entries, done: 0 };
        spaces.with(|space| Trees { fetch, buckets, space }.sum(sizes));
    }
}

/// Terms of one bucket that are to be summed.
pub struct Run {
    bucket: usize,
    length: usize,
}

/// Working space of a thread.
pub struct Space {
    /// Sums of the lower levels.
    sums: Lines,
    terms: Vec<Term>,
    runs: Vec<Run>,
    batch: Batch,
}

impl Default for Space {
    fn default() -> Self {
        let terms = Vec::with_capacity(TERMS);
        Self { sums: Lines::infinity(TERMS), terms, runs: Vec::new(), batch: Batch::default() }
    }
}

/// Entries whose points are fetched in time.
struct Fetch<'a> {
    points: &'a [Point],
    entries: &'a [u32],
    /// Entries whose points were fetched.
    done: usize,
}

impl<'a> Fetch<'a> {
    /// The points that the next batch takes, of the entries from `position`, unless they were fetched.
    fn ahead(&mut self, position: usize) -> Ahead<'a> {
        let until = (position + 2 * BATCH + SLACK).clamp(self.done, self.entries.len());
        let entries = &self.entries[self.done..until];
        self.done = until;
        Ahead { points: self.points, entries }
    }
}

struct Trees<'a> {
    fetch: Fetch<'a>,
    buckets: &'a mut [Point],
    space: &'a mut Space,
}

impl Trees<'_> {
    fn sum(mut self, sizes: &[u32]) {
        self.space.batch.run(self.fetch.ahead(0));
        let mut position = 0;
        for (bucket, &size) in sizes.iter().enumerate() {
            let mut left = size as usize;
            while left > 0 {
                // the bucket's own value is one of the terms
                let length = left.min(TERMS - self.space.terms.len() - 1);
                self.take(bucket, &self.fetch.entries[position..position + length]);
                position += length;
                left -= length;
                if self.space.terms.len() + 2 > TERMS {
                    self.reduce(position);
                }
            }
        }
        self.reduce(position);
    }

    /// Adds a bucket's entries to the terms.
    fn take(&mut self, bucket: usize, entries: &[u32]) {
        let points = self.fetch.points;
        let term = |entry: u32| Term::new(&points[(entry & !NEGATIVE) as usize], entry & NEGATIVE != 0);
        let occupied = !self.buckets[bucket].is_infinity();
        if occupied {
            self.space.terms.push(Term::new(&self.buckets[bucket], false));
        } else if let [entry] = entries {
            // SAFETY: the term is that of a borrowed point.
            self.buckets[bucket] = unsafe { term(*entry).read() };
            return;
        }
        self.space.terms.extend(entries.iter().map(|&entry| term(entry)));
        self.space.runs.push(Run { bucket, length: entries.len() + occupied as usize });
    }

    /// Sums the runs, all of two terms at least, into the buckets. `position` entries were taken.
    fn reduce(&mut self, position: usize) {
        let buckets = self.buckets.as_mut_ptr();
        let Space { sums, terms, runs, batch } = &mut *self.space;
        let mut sum = sums.as_mut_ptr();
        // in the first level, some of the entries that were taken are still to come
        let mut to_come = terms.len();
        while !runs.is_empty() {
            let (mut from, mut to, mut kept) = (0, 0, 0);
            for r in 0..runs.len() {
                let Run { bucket, length } = runs[r];
                let run = from..from + length;
                from = run.end;
                if length == 2 {
                    // SAFETY: the operands are points, buckets, or sums of lower levels. A bucket's value is a term of
                    // its own run alone and changes in that run's last addition, which is this.
                    unsafe { batch.push(terms[run.start], terms[run.start + 1], buckets.add(bucket)) };
                    if batch.is_full() {
                        batch.run(self.fetch.ahead(position - to_come.saturating_sub(from).min(position)));
                    }
                    continue;
                }
                for i in run.clone().step_by(2).take(length / 2) {
                    // SAFETY: as above. Each sum has a place of its own: a run of n terms takes fewer than n.
                    unsafe { batch.push(terms[i], terms[i + 1], sum) };
                    terms[to] = Term::new(sum, false);
                    to += 1;
                    sum = sum.wrapping_add(1);
                    if batch.is_full() {
                        batch.run(self.fetch.ahead(position - to_come.saturating_sub(i).min(position)));
                    }
                }
                if length % 2 == 1 {
                    terms[to] = terms[run.end - 1];
                    to += 1;
                }
                runs[kept] = Run { bucket, length: length.div_ceil(2) };
                kept += 1;
            }
            to_come = 0;
            batch.run(self.fetch.ahead(position));
            terms.truncate(to);
            runs.truncate(kept);
        }
        terms.clear();
    }
}

/// sum d buckets[d - 1]. With d = high 2^k + low the sum splits into sums over rows and over columns of the
/// buckets, which are again independent additions.
pub fn weighted_sum(buckets: &[Point], spaces: &Pool<Space>) -> G1Projective {
    let bits = usize::BITS - buckets.len().leading_zeros(); // digits up to buckets.len() < 2^bits
    let low_bits = bits / 2;
    let (rows, columns) = ((buckets.len() >> low_bits) + 1, 1usize << low_bits);
    let line_sums = |lines: usize, length: usize, digit: &dyn Fn(usize, usize) -> usize| {
        let mut entries = Vec::with_capacity(buckets.len());
        let mut sizes = Vec::with_capacity(lines);
        for line in 0..lines {
            let before = entries.len();
            let digits = (0..length).map(|i| digit(line, i)).filter(|&d| d > 0 && d <= buckets.len());
            entries.extend(digits.filter(|&d| !buckets[d - 1].is_infinity()).map(|d| d as u32 - 1));
            sizes.push((entries.len() - before) as u32);
        }
        let mut sums = Lines::infinity(lines);
        accumulate(buckets, &entries, &sizes, &mut sums, spaces);
        sums
    };
    let row_sums = line_sums(rows, columns, &|r, c| r * columns + c);
    let column_sums = line_sums(columns, rows, &|c, r| r * columns + c);
    let mut total = running_sum(&row_sums);
    for _ in 0..low_bits {
        total.double_in_place();
    }
    total + running_sum(&column_sums)
}

/// sum i points[i].
fn running_sum(points: &[Point]) -> G1Projective {
    let mut suffix = G1Projective::default();
    let mut total = G1Projective::default();
    for p in points[1..].iter().rev() {
        suffix += p.to_affine();
        total += suffix;
    }
    total
}
