//! Bucket sums by counting sort and pairwise trees: additions of one level are independent, so they can share
//! inversions however the digits are distributed.

use super::batch::{self, BATCH, Scratch};
use super::point::Point;
use ark_bn254::G1Projective;
use ark_ff::AdditiveGroup;

/// Marks an entry whose point is subtracted.
const NEGATIVE: u32 = 1 << 31;

/// buckets[d - 1] += sum of sign * points[index] over the entries (index, digit) with |digit| = d > 0.
///
/// `digit(i)` is called twice for each i < count; the entry's point is points[index(i)].
pub fn accumulate(
    points: &[Point],
    count: usize,
    index: impl Fn(usize) -> u32,
    digit: impl Fn(usize) -> i32,
    buckets: &mut [Point],
) {
    let mut starts = vec![0u32; buckets.len() + 1];
    for i in 0..count {
        starts[digit(i).unsigned_abs() as usize] += 1;
    }
    // entries of bucket d - 1 follow those of the smaller digits; zero digits are left out
    let mut total = 0;
    for (d, start) in starts.iter_mut().enumerate() {
        let entries = if d == 0 { 0 } else { *start };
        *start = total;
        total += entries;
    }
    let mut entries = vec![0u32; total as usize];
    let mut next = starts.clone();
    for i in 0..count {
        let d = digit(i);
        if d != 0 {
            let slot = &mut next[d.unsigned_abs() as usize];
            entries[*slot as usize] = index(i) | if d < 0 { NEGATIVE } else { 0 };
            *slot += 1;
        }
    }
    // sizes[b]: the points left in bucket b
    let mut sizes: Vec<u32> = (0..buckets.len()).map(|b| next[b + 1] - starts[b + 1]).collect();
    drop((starts, next));
    let load = |entry: u32| {
        let p = points[(entry & !NEGATIVE) as usize];
        if entry & NEGATIVE != 0 { negate(p) } else { p }
    };
    let mut level = reduce(entries.len(), |i| load(entries[i]), &mut sizes);
    while sizes.iter().any(|&s| s > 1) {
        level = reduce(level.len(), |i| level[i], &mut sizes);
    }
    // one point is left in each bucket that had any: add it to what the bucket held
    let mut sums = level.into_iter();
    let filled: Vec<usize> = (0..buckets.len()).filter(|&b| sizes[b] > 0).collect();
    let mut scratch = Scratch::default();
    let mut out = vec![Point::INFINITY; BATCH];
    for chunk in filled.chunks(BATCH) {
        let left: Vec<Point> = chunk.iter().map(|&b| buckets[b]).collect();
        let right: Vec<Point> = sums.by_ref().take(chunk.len()).collect();
        batch::add(&left, &right, &mut out[..chunk.len()], &mut scratch);
        for (&b, sum) in chunk.iter().zip(&out) {
            buckets[b] = *sum;
        }
    }
}

#[inline]
fn negate(p: Point) -> Point {
    let (x, y) = p.coordinates();
    Point::from_coordinates(x, -y)
}

/// One level of the trees: halves every bucket's run of points (rounding up), keeping their order.
fn reduce(count: usize, load: impl Fn(usize) -> Point, sizes: &mut [u32]) -> Vec<Point> {
    let halved: usize = sizes.iter().map(|&s| s.div_ceil(2) as usize).sum();
    let mut out: Vec<Point> = Vec::with_capacity(halved);
    let mut left = [Point::INFINITY; BATCH];
    let mut right = [Point::INFINITY; BATCH];
    let mut sums = [Point::INFINITY; BATCH];
    let mut targets = [0usize; BATCH];
    let mut pending = 0;
    let mut scratch = Scratch::default();
    let mut flush = |pending: &mut usize, out: &mut Vec<Point>, left: &[Point], right: &[Point], targets: &[usize]| {
        let n = *pending;
        batch::add(&left[..n], &right[..n], &mut sums[..n], &mut scratch);
        for (&target, sum) in targets[..n].iter().zip(&sums) {
            out[target] = *sum;
        }
        *pending = 0;
    };
    let mut position = 0;
    for size in sizes.iter_mut() {
        for _ in 0..*size / 2 {
            left[pending] = load(position);
            right[pending] = load(position + 1);
            targets[pending] = out.len();
            out.push(Point::INFINITY);
            position += 2;
            pending += 1;
            if pending == BATCH {
                flush(&mut pending, &mut out, &left, &right, &targets);
            }
        }
        if *size % 2 == 1 {
            out.push(load(position));
            position += 1;
        }
        *size = size.div_ceil(2);
    }
    flush(&mut pending, &mut out, &left, &right, &targets);
    debug_assert_eq!(position, count);
    out
}

/// sum d buckets[d - 1]. With d = high 2^k + low the sum splits into sums over rows and over columns of the
/// buckets, which are again independent additions.
pub fn weighted_sum(buckets: &[Point]) -> G1Projective {
    let bits = usize::BITS - buckets.len().leading_zeros(); // digits up to buckets.len() < 2^bits
    let low_bits = bits / 2;
    let (rows, columns) = ((buckets.len() >> low_bits) + 1, 1usize << low_bits);
    let at = |d: usize| if d == 0 || d > buckets.len() { Point::INFINITY } else { buckets[d - 1] };
    let line_sums = |lines: usize, length: usize, at: &dyn Fn(usize, usize) -> Point| {
        let mut sizes = vec![length as u32; lines];
        let mut level = reduce(lines * length, |i| at(i / length, i % length), &mut sizes);
        while sizes[0] > 1 {
            level = reduce(level.len(), |i| level[i], &mut sizes);
        }
        level
    };
    let row_sums = line_sums(rows, columns, &|r, c| at(r * columns + c));
    let column_sums = line_sums(columns, rows, &|c, r| at(r * columns + c));
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
