//! Multi-scalar multiplication (Pippenger) with signed digits. Twin: `zkllm/pcs/naive.py`.
//!
//! A window's buckets are filled block by block, so memory stays bounded and a caller can stop between blocks. For full-
//! width scalars, from 2^22 on: 135 MB of buckets, 64 MB for a copy of a block's points, 59 MB of digits, and for each
//! thread some 14 MB to sort and add in. Integers of at most 17 bits: 4 MB of buckets and 14 MB for each thread.

use super::buckets::{self, Space};
use super::lines::Lines;
use super::point::Point;
use super::pool::Pool;
use super::sort::{self, Sorted};
use crate::field::Fr;
use ark_bn254::G1Projective;
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Points per block.
pub const BLOCK: usize = 1 << 20;

/// Points that a thread copies at once.
const COPY: usize = 1 << 14;

/// Bits of a field element in the symmetric range, at most (r - 1) / 2 in magnitude.
const FIELD_BITS: u32 = 253;

/// Bits of a window at most, whose buckets are to stay near.
const WIDEST_BITS: u32 = 18;

/// The highest window's largest digit at most.
const HIGHEST: usize = 1 << 19;

/// Windows of `bits` bits; `splits` sets of buckets for each, so that every thread has work.
pub struct Plan {
    pub bits: u32,
    pub windows: u32,
    /// The largest digit of the highest window. Those of the others are at most 2^(bits - 1).
    pub top: usize,
    pub splits: usize,
}

impl Plan {
    /// For `count` integers of `scalar_bits` bits, sign included: fewest additions, bucket sums included.
    pub fn integers(count: usize, scalar_bits: u32) -> Self {
        let plans = (2..=WIDEST_BITS).map(|bits| {
            let bits = bits.min(scalar_bits);
            (bits, scalar_bits.div_ceil(bits), 1 << (bits - 1))
        });
        Self::cheapest(count, plans)
    }

    /// The same for `count` field elements and windows of at most `widest` bits, but for the highest: one window fewer,
    /// with more buckets in it, may take less.
    pub fn field(count: usize, widest: u32) -> Self {
        Self::cheapest(count, Self::of_field(widest))
    }

    /// Bits, windows and the largest digit of the highest, for field elements.
    fn of_field(widest: u32) -> impl Iterator<Item = (u32, u32, usize)> {
        let plans = (2..=widest).flat_map(|bits| {
            let windows = FIELD_BITS.div_ceil(bits);
            [windows - 1, windows].map(|windows| (bits, windows, highest((windows - 1) * bits)))
        });
        plans.filter(|&(.., top)| top <= HIGHEST)
    }

    fn cheapest(count: usize, plans: impl Iterator<Item = (u32, u32, usize)>) -> Self {
        let plans = plans.map(|(bits, windows, top)| Self { bits, windows, top, splits: 1 });
        let plan = plans.min_by_key(|plan| {
            // every bucket is added twice in the end
            plan.windows as usize * count + 2 * (0..plan.windows).map(|window| plan.buckets(window)).sum::<usize>()
        });
        let plan = plan.expect("not empty");
        let splits = rayon::current_num_threads().div_ceil(plan.windows as usize);
        Self { splits: if count < 1 << 12 { 1 } else { splits }, ..plan }
    }

    /// Buckets of a window, as many as `Sorted` can take.
    pub fn buckets(&self, window: u32) -> usize {
        if window + 1 < self.windows {
            1 << (self.bits - 1)
        } else if self.top <= sort::PART {
            self.top.next_power_of_two()
        } else {
            self.top.next_multiple_of(sort::PART)
        }
    }
}

/// A bound of the digit of the window from bit `low` on, in magnitude: the windows below may carry one.
fn highest(low: u32) -> usize {
    let words = Fr::MODULUS_MINUS_ONE_DIV_TWO.0;
    let (word, bit) = ((low / 64) as usize, low % 64);
    let above =
        words[word..].iter().rev().fold(0u128, |value, &w| value.saturating_mul(1 << 64).saturating_add(w as u128));
    usize::try_from(above >> bit).unwrap_or(usize::MAX - 1) + 1
}

/// A sum under construction.
pub struct Accumulator {
    plan: Plan,
    /// [window * splits + split][|digit| - 1]
    buckets: Vec<Lines>,
    sorted: Pool<Sorted>,
    trees: Pool<Space>,
}

impl Accumulator {
    pub fn new(plan: Plan) -> Self {
        let sets = (0..plan.windows).flat_map(|window| std::iter::repeat_n(plan.buckets(window), plan.splits));
        let buckets = sets.map(Lines::infinity).collect();
        Self { plan, buckets, sorted: Pool::default(), trees: Pool::default() }
    }

    /// Adds sum scalar_i points[i] for i < count, digit(i, window) being scalar_i's digits.
    pub fn add(&mut self, points: &[Point], count: usize, digit: impl Fn(usize, u32) -> i32 + Sync) {
        let splits = self.plan.splits;
        let share = count.div_ceil(splits);
        let (sorted, trees) = (&self.sorted, &self.trees);
        self.buckets.par_iter_mut().enumerate().for_each(|(set, buckets)| {
            let (window, split) = ((set / splits) as u32, set % splits);
            let start = (split * share).min(count);
            let length = share.min(count - start);
            sorted.with(|sorted| {
                sorted.sort(length, |i| digit(start + i, window), buckets.len());
                buckets::accumulate(&points[start..], &sorted.entries, &sorted.sizes, buckets, trees);
            });
        });
    }

    pub fn finish(self) -> G1Projective {
        let sums: Vec<G1Projective> = self.buckets.par_iter().map(|b| buckets::weighted_sum(b, &self.trees)).collect();
        let mut total = G1Projective::default();
        for window in sums.chunks(self.plan.splits).rev() {
            for _ in 0..self.plan.bits {
                total.double_in_place();
            }
            total += window.iter().sum::<G1Projective>();
        }
        total
    }
}

/// Scalars whose digits lie together.
const DIGITS: usize = 1 << 12;

/// The signed digits of field elements, of s or of -s, whichever is at most (r - 1) / 2: with 2^(bits - 1) added in
/// every window but the highest, a digit needs no carry. It is the window minus 2^(bits - 1), and in the highest
/// window all that is left.
pub struct Digits {
    /// [i / DIGITS][window][i % DIGITS]
    digits: Vec<i32>,
    bits: u32,
    windows: usize,
}

impl Digits {
    pub fn new(scalars: &[Fr], plan: &Plan) -> Self {
        let mut digits = Self { digits: Vec::new(), bits: plan.bits, windows: plan.windows as usize };
        digits.replace(scalars);
        digits
    }

    /// The same for other scalars.
    pub fn replace(&mut self, scalars: &[Fr]) {
        let bits = self.bits as usize;
        let mut offset = [0u64; 4];
        for window in 1..self.windows {
            let position = window * bits - 1;
            offset[position / 64] |= 1 << (position % 64);
        }
        self.digits.resize(scalars.len().div_ceil(DIGITS) * DIGITS * self.windows, 0);
        let chunks = self.digits.par_chunks_exact_mut(DIGITS * self.windows);
        chunks.zip(scalars.par_chunks(DIGITS)).for_each(|(digits, scalars)| {
            for (i, s) in scalars.iter().enumerate() {
                let (mut magnitude, mut sign) = (s.into_bigint(), 1);
                if magnitude > Fr::MODULUS_MINUS_ONE_DIV_TWO {
                    (magnitude, sign) = ((-*s).into_bigint(), -1);
                }
                let mut words = [0u64; 5];
                let mut carry = 0u64;
                for ((word, limb), o) in words.iter_mut().zip(magnitude.0).zip(offset) {
                    let sum = limb as u128 + o as u128 + carry as u128;
                    (*word, carry) = (sum as u64, (sum >> 64) as u64);
                }
                for (window, column) in digits.chunks_exact_mut(DIGITS).enumerate() {
                    let position = window * bits;
                    let pair = words[position / 64] as u128 | (words[position / 64 + 1] as u128) << 64;
                    let rest = (pair >> (position % 64)) as u64;
                    column[i] = sign
                        * if window + 1 == self.windows {
                            rest as i32
                        } else {
                            (rest & ((1 << bits) - 1)) as i32 - (1 << (bits - 1))
                        };
                }
            }
        });
    }

    #[inline]
    pub fn digit(&self, i: usize, window: u32) -> i32 {
        self.digits[(i / DIGITS * self.windows + window as usize) * DIGITS + i % DIGITS]
    }
}

/// sum scalars[i] points[i]; `between` is called after each block and may stop the sum.
pub fn msm<E>(
    points: &[Point],
    scalars: &[Fr],
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<G1Projective, E> {
    let mut accumulator = Accumulator::new(Plan::field(scalars.len(), WIDEST_BITS));
    let mut digits = Digits::new(&[], &accumulator.plan);
    // a copy on huge pages: addresses of mapped files are slow to translate
    let mut near = Lines::infinity(BLOCK.min(scalars.len()));
    for (block, (block_points, block_scalars)) in points.chunks(BLOCK).zip(scalars.chunks(BLOCK)).enumerate() {
        let parts = near.par_chunks_mut(COPY).zip(block_points.par_chunks(COPY));
        parts.for_each(|(near, points)| near[..points.len()].copy_from_slice(points));
        digits.replace(block_scalars);
        accumulator.add(&near, block_scalars.len(), |i, window| digits.digit(i, window));
        between(block * BLOCK + block_scalars.len())?;
    }
    Ok(accumulator.finish())
}

/// Integers of one type, contiguous.
#[derive(Clone, Copy)]
pub enum Ints<'a> {
    I8(&'a [i8]),
    U8(&'a [u8]),
    I16(&'a [i16]),
    U16(&'a [u16]),
    I32(&'a [i32]),
    U32(&'a [u32]),
    I64(&'a [i64]),
}

macro_rules! each {
    ($self:ident, $a:ident => $e:expr) => {
        match $self {
            Ints::I8($a) => $e,
            Ints::U8($a) => $e,
            Ints::I16($a) => $e,
            Ints::U16($a) => $e,
            Ints::I32($a) => $e,
            Ints::U32($a) => $e,
            Ints::I64($a) => $e,
        }
    };
}

impl<'a> Ints<'a> {
    pub fn len(self) -> usize {
        each!(self, a => a.len())
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn range(self, start: usize, stop: usize) -> Ints<'a> {
        match self {
            Ints::I8(a) => Ints::I8(&a[start..stop]),
            Ints::U8(a) => Ints::U8(&a[start..stop]),
            Ints::I16(a) => Ints::I16(&a[start..stop]),
            Ints::U16(a) => Ints::U16(&a[start..stop]),
            Ints::I32(a) => Ints::I32(&a[start..stop]),
            Ints::U32(a) => Ints::U32(&a[start..stop]),
            Ints::I64(a) => Ints::I64(&a[start..stop]),
        }
    }

    /// Bits of the widest value, sign included; 0 when all are zero.
    #[allow(clippy::unnecessary_cast)] // for one of the types
    fn bits(self) -> u32 {
        let widest = each!(self, a => a.par_iter().map(|&x| (x as i64).unsigned_abs()).max()).unwrap_or(0);
        if widest == 0 { 0 } else { 65 - widest.leading_zeros() }
    }
}

/// Bits of the widest window that pays for as many scalars as come in one sum.
const WIDE: u32 = 17;

/// sum over segments of sum_i values[i] points[offset + i]. Values that need the same number of windows share them.
pub fn msm_ints<E>(
    points: &[Point],
    segments: &[(usize, Ints<'_>)],
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<G1Projective, E> {
    // pieces of at most a block: by number of windows, with the bits of the widest
    let mut classes: BTreeMap<u32, (u32, Vec<(usize, Ints<'_>)>)> = BTreeMap::new();
    for &(offset, values) in segments {
        for start in (0..values.len()).step_by(BLOCK) {
            let piece = values.range(start, (start + BLOCK).min(values.len()));
            let bits = piece.bits();
            if bits > 0 {
                let (widest, pieces) = classes.entry(bits.div_ceil(WIDE)).or_default();
                *widest = bits.max(*widest);
                pieces.push((offset + start, piece));
            }
        }
    }
    let mut total = G1Projective::default();
    let mut done = 0;
    for (bits, pieces) in classes.into_values() {
        let count = pieces.iter().map(|(_, values)| values.len()).sum();
        let mut plan = Plan::integers(count, bits);
        if plan.windows > 1 {
            plan = Plan::integers(count, bits + 1); // room for the offset below
        }
        let (width, half) = (plan.bits, 1i128 << (plan.bits - 1));
        let shift: i128 = (0..plan.windows).map(|w| half << (w * width)).sum();
        let single = plan.windows == 1;
        let digit = |value: i64, window: u32| {
            (((value as i128 + shift) >> (window * width)) as i64 & ((1 << width) - 1)) as i32 - half as i32
        };
        let mut accumulator = Accumulator::new(plan);
        for (offset, values) in pieces {
            let points = &points[offset..];
            #[allow(clippy::unnecessary_cast)] // for one of the types
            if single {
                each!(values, a => accumulator.add(points, a.len(), |i, _| a[i] as i32));
            } else {
                each!(values, a => accumulator.add(points, a.len(), |i, window| digit(a[i] as i64, window)));
            }
            done += values.len();
            between(done)?;
        }
        total += accumulator.finish();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::powers::{self, G1Powers};
    use ark_bn254::G1Affine;
    use ark_ec::{CurveGroup, VariableBaseMSM};
    use std::convert::Infallible;

    fn powers_of_tau(n: usize) -> Vec<Point> {
        G1Powers::new(n).multiply(&powers::scalars(Fr::from(12345u64), Fr::from(1u64), 0, n))
    }

    fn pseudorandom(n: usize) -> Vec<Fr> {
        powers::scalars(-Fr::from(7u64), Fr::from(3u64), 5, n)
    }

    fn reference(points: &[Point], scalars: &[Fr]) -> G1Projective {
        let bases: Vec<G1Affine> = points.iter().map(|p| p.to_affine()).collect();
        G1Projective::msm_unchecked(&bases, scalars)
    }

    fn ok<T>(x: Result<T, Infallible>) -> T {
        x.unwrap_or_else(|e| match e {})
    }

    #[test]
    fn agrees_with_arkworks() {
        for n in [0, 1, 2, 3, 31, 257, 5000] {
            let (points, scalars) = (powers_of_tau(n), pseudorandom(n));
            assert_eq!(ok(msm(&points, &scalars, |_| Ok(()))), reference(&points, &scalars), "{n}");
        }
    }

    #[test]
    fn every_width_of_window_and_extreme_scalars() {
        let points = powers_of_tau(64);
        let mut scalars = pseudorandom(64);
        scalars[..6].copy_from_slice(&[0u64, 1, 2, 65535, 32768, 32767].map(Fr::from));
        scalars[6] = -Fr::from(1u64);
        scalars[7] = -Fr::from(1u64 << 40);
        let expected = reference(&points, &scalars);
        for (bits, windows, top) in Plan::of_field(WIDEST_BITS) {
            let plan = Plan { bits, windows, top, splits: 1 + bits as usize % 3 };
            let digits = Digits::new(&scalars, &plan);
            let mut accumulator = Accumulator::new(plan);
            for half in [0, 32] {
                accumulator.add(&points[half..], 32, |i, window| digits.digit(half + i, window));
            }
            assert_eq!(accumulator.finish(), expected, "{bits} bits, {windows} windows");
        }
    }

    #[test]
    fn repeated_and_opposite_points_and_infinity() {
        let p = powers_of_tau(2);
        let minus = p[1].negated();
        let points = [p[0], p[1], p[1], p[1], minus, minus, Point::INFINITY, p[0]];
        for scalars in [[1i16, 1, 1, 1, 1, 1, 1, 1], [-1, 1, 1, 1, 1, 1, 5, 1], [3, 3, -3, 2, 2, 2, 2, -3]] {
            let wide: Vec<Fr> = scalars.iter().map(|&s| crate::field::from_i64(s as i64)).collect();
            let expected = reference(&points, &wide);
            assert_eq!(ok(msm(&points, &wide, |_| Ok(()))), expected);
            assert_eq!(ok(msm_ints(&points, &[(0, Ints::I16(&scalars))], |_| Ok(()))), expected);
        }
    }

    #[test]
    #[allow(clippy::unnecessary_cast)] // for one of the types
    fn integers_of_every_type() {
        let points = powers_of_tau(3000);
        let wide: Vec<i64> = (0..700i64).map(|i| (i * 0x0123_4567_89ab_cdef).wrapping_mul(i | 1)).collect();
        let narrow: Vec<i8> = (0..900).map(|i| (i * 37) as i8).collect();
        let short: Vec<u16> = (0..500).map(|i| (i * 1999) as u16).collect();
        let extreme = [i64::MIN, i64::MAX, -1, 0, 1];
        let segments =
            [(0, Ints::I64(&wide)), (800, Ints::I8(&narrow)), (1750, Ints::U16(&short)), (2900, Ints::I64(&extreme))];
        let mut scalars = vec![Fr::from(0u64); 3000];
        for (offset, values) in segments {
            for i in 0..values.len() {
                scalars[offset + i] = crate::field::from_i64(each!(values, a => a[i] as i64));
            }
        }
        let expected = reference(&points, &scalars).into_affine();
        assert_eq!(ok(msm_ints(&points, &segments, |_| Ok(()))).into_affine(), expected);
    }

    #[test]
    fn concentrated_digits() {
        let points = powers_of_tau(4096);
        let mut values = vec![1i32; 4096];
        values[77] = 1 << 20;
        let scalars: Vec<Fr> = values.iter().map(|&v| crate::field::from_i64(v as i64)).collect();
        assert_eq!(ok(msm_ints(&points, &[(0, Ints::I32(&values))], |_| Ok(()))), reference(&points, &scalars));
    }
}
