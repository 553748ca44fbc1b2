//! Bucket sums by counting sort and pairwise trees: additions of one level are independent, so they can share
//! inversions however the digits are distributed.

use super::batch::{self, BATCH, Scratch};
use super::point::Point;
use ark_bn254::G1Projective;
use ark_ff::AdditiveGroup;

/// Marks an entry whose point is subtracted.
const NEGATIVE: u32 = 1 << 31;

/// Points are fetched this many entries ahead.
const PREFETCH: usize = 24;

/// buckets[d - 1] += sum of sign * points[index] over the entries (index, digit) with |digit| = d > 0.
///
/// The point of entry i < count is points[index(i)], its digit digit(i).
pub fn accumulate(
    points: &[Point],
    count: usize,
    index: impl Fn(usize) -> u32,
    digit: impl Fn(usize) -> i32,
    buckets: &mut [Point],
) {
    let digits: Vec<i32> = (0..count).map(digit).collect();
    let (entries, mut sizes) = sort(&digits, index, buckets.len());
    drop(digits);
    let load = |i: usize| {
        if let Some(&ahead) = entries.get(i + PREFETCH) {
            prefetch(&points[(ahead & !NEGATIVE) as usize]);
        }
        let entry = entries[i];
        let p = points[(entry & !NEGATIVE) as usize];
        // a select, not a branch: signs are random
        let minus = negate(&p);
        let sign = ((entry & NEGATIVE != 0) as u64).wrapping_neg();
        Point { x: p.x, y: std::array::from_fn(|j| p.y[j] ^ (p.y[j] ^ minus.y[j]) & sign) }
    };
    let mut level = reduce(load, &mut sizes);
    while sizes.iter().any(|&s| s > 1) {
        level = reduce(|i| level[i], &mut sizes);
    }
    // one point is left in each bucket that had any
    let mut occupied = Vec::new();
    for (b, sum) in (0..buckets.len()).filter(|&b| sizes[b] > 0).zip(level) {
        if buckets[b].is_infinity() {
            buckets[b] = sum;
        } else {
            occupied.push((b, sum));
        }
    }
    let mut scratch = Scratch::default();
    let mut out = vec![Point::INFINITY; BATCH];
    for chunk in occupied.chunks(BATCH) {
        let left: Vec<Point> = chunk.iter().map(|&(b, _)| buckets[b]).collect();
        let right: Vec<Point> = chunk.iter().map(|&(_, sum)| sum).collect();
        batch::add(&left, &right, &mut out[..chunk.len()], &mut scratch);
        for ((b, _), sum) in chunk.iter().zip(&out) {
            buckets[*b] = *sum;
        }
    }
}

/// Entries (index, sign) by |digit|, zero digits left out, and the number of entries of each digit from 1.
fn sort(digits: &[i32], index: impl Fn(usize) -> u32, buckets: usize) -> (Vec<u32>, Vec<u32>) {
    let mut sizes = vec![0u32; buckets + 1];
    for d in digits {
        sizes[d.unsigned_abs() as usize] += 1;
    }
    let mut next = Vec::with_capacity(buckets + 1);
    let mut total = 0;
    for (d, size) in sizes.iter().enumerate() {
        next.push(total);
        total += if d == 0 { 0 } else { *size };
    }
    let mut entries = vec![0u32; total as usize];
    for (i, &d) in digits.iter().enumerate() {
        if d != 0 {
            let slot = &mut next[d.unsigned_abs() as usize];
            entries[*slot as usize] = index(i) | if d < 0 { NEGATIVE } else { 0 };
            *slot += 1;
        }
    }
    sizes.remove(0);
    (entries, sizes)
}

#[inline]
fn prefetch(point: &Point) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; the address is that of a reference.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(point).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = point;
}

#[inline]
pub fn negate(p: &Point) -> Point {
    let (x, y) = p.coordinates();
    Point::from_coordinates(x, -y)
}

/// One level of the trees: halves every bucket's run of points (rounding up), keeping their order.
fn reduce(load: impl Fn(usize) -> Point, sizes: &mut [u32]) -> Vec<Point> {
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
        let mut level = reduce(|i| at(i / length, i % length), &mut sizes);
        while sizes[0] > 1 {
            level = reduce(|i| level[i], &mut sizes);
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
