//! Exact sums of products of field elements and integers of at most 16 bits, by digits of the elements.
//!
//! A word of an element's Montgomery form is six digits: five of 11 bits and the 9 bits above. With signs they are at
//! most 2^10 in magnitude, so 31 pairs of products with integers below 2^15 (or -2^15) fit 32 bits. Two products and
//! their sum are one step of vector instructions that every x86-64 has, for four digits at a time.

use super::Fr;

/// Digits of an element.
pub const DIGITS: usize = 24;
const PER_WORD: usize = 6;
const BITS: u32 = 11;
/// Digits of a vector of 32-bit sums.
const LANES: usize = 4;
const VECTORS: usize = DIGITS / LANES;

/// Pairs of products whose sum fits 32 bits.
pub const MAX_PAIRS: usize = 31;

/// Half of what each digit of a word may be. The element plus these has digits without sign.
const BIAS: u64 = {
    let (mut bias, mut i) = (0, 0);
    while i < PER_WORD as u32 {
        bias |= half(i) << (i * BITS);
        i += 1;
    }
    bias
};

const fn half(i: u32) -> u64 {
    if i + 1 < PER_WORD as u32 { 1 << (BITS - 1) } else { 1 << (64 - i * BITS - 1) }
}

/// The signed digits of an element: it is sum_w 2^(64 w) sum_i 2^(11 i) digits[6 w + i].
pub fn of(x: &Fr) -> [i16; DIGITS] {
    let mut out = [0; DIGITS];
    let mut carry = false;
    for (&word, out) in x.0.0.iter().zip(out.as_chunks_mut::<PER_WORD>().0) {
        let (sum, over) = word.overflowing_add(BIAS);
        let (sum, again) = sum.overflowing_add(carry as u64);
        carry = over | again; // none of the last word: r + BIAS (1 + 2^64 + ..) < 2^256
        for (i, digit) in (0..).zip(out) {
            let window =
                if i + 1 < PER_WORD as u32 { sum >> (i * BITS) & ((1 << BITS) - 1) } else { sum >> (i * BITS) };
            *digit = window as i16 - half(i) as i16;
        }
    }
    out
}

/// The digits of two elements side by side.
#[derive(Clone, Copy, Default)]
#[repr(C, align(16))]
pub struct Pair([[[i16; 2]; LANES]; VECTORS]);

impl Pair {
    #[inline]
    pub fn new(first: &[i16; DIGITS], second: &[i16; DIGITS]) -> Self {
        let mut out = Self::default();
        for (pair, (x, y)) in out.0.as_flattened_mut().iter_mut().zip(first.iter().zip(second)) {
            *pair = [*x, *y];
        }
        out
    }
}

/// A sum of up to 2^32 products, by digits.
#[derive(Clone, Copy, Default)]
pub struct DigitSum([i64; DIGITS]);

impl DigitSum {
    /// Six words in two's complement.
    pub fn words(&self) -> [u64; 6] {
        let (mut out, mut carry) = ([0; 6], 0i128);
        for (word, sums) in out.iter_mut().zip(self.0.as_chunks::<PER_WORD>().0) {
            carry += sums.iter().rev().fold(0, |value, &sum| (value << BITS) + sum as i128); // below 2^120
            *word = carry as u64;
            carry >>= 64;
        }
        (out[4], out[5]) = (carry as u64, (carry >> 64) as u64);
        out
    }
}

/// sums[k] += sum_p pairs[p] . pair(k, p), where each `pair` is two integers of 16 bits with signs.
#[inline(always)]
pub fn add_products<const N: usize>(sums: [&mut DigitSum; N], pairs: &[Pair], pair: impl Fn(usize, usize) -> [i16; 2]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE2.
    unsafe {
        x86::add_products(sums, pairs, pair)
    }
    #[cfg(not(target_arch = "x86_64"))]
    portable::add_products(sums, pairs, pair);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::{DIGITS, DigitSum, MAX_PAIRS, Pair};

    #[inline(always)]
    pub fn add_products<const N: usize>(
        sums: [&mut DigitSum; N],
        pairs: &[Pair],
        pair: impl Fn(usize, usize) -> [i16; 2],
    ) {
        for (chunk, pairs) in pairs.chunks(MAX_PAIRS).enumerate() {
            let mut acc = [[0i32; DIGITS]; N];
            for (p, digits) in pairs.iter().enumerate() {
                for (k, acc) in acc.iter_mut().enumerate() {
                    let [a, b] = pair(k, chunk * MAX_PAIRS + p).map(i32::from);
                    for (x, [s, t]) in acc.iter_mut().zip(digits.0.as_flattened()) {
                        *x += i32::from(*s) * a + i32::from(*t) * b;
                    }
                }
            }
            for k in 0..N {
                sums[k].0.iter_mut().zip(acc[k]).for_each(|(sum, x)| *sum += i64::from(x));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{DigitSum, LANES, MAX_PAIRS, Pair, VECTORS};
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "sse2")]
    pub fn add_products<const N: usize>(
        mut sums: [&mut DigitSum; N],
        pairs: &[Pair],
        pair: impl Fn(usize, usize) -> [i16; 2],
    ) {
        for (chunk, pairs) in pairs.chunks(MAX_PAIRS).enumerate() {
            let mut acc = [[_mm_setzero_si128(); VECTORS]; N];
            for (p, digits) in pairs.iter().enumerate() {
                let values: [_; N] = std::array::from_fn(|k| broadcast(pair(k, chunk * MAX_PAIRS + p)));
                for v in 0..VECTORS {
                    // SAFETY: an aligned vector of eight digits.
                    let digits = unsafe { _mm_load_si128(digits.0[v].as_ptr().cast()) };
                    for (acc, value) in acc.iter_mut().zip(&values) {
                        acc[v] = _mm_add_epi32(acc[v], _mm_madd_epi16(digits, *value));
                    }
                }
            }
            for (sum, acc) in sums.iter_mut().zip(acc) {
                widen(sum, acc);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn broadcast([a, b]: [i16; 2]) -> __m128i {
        _mm_set1_epi32(i32::from(a) & 0xffff | i32::from(b) << 16)
    }

    /// Adds 32-bit sums.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn widen(sum: &mut DigitSum, acc: [__m128i; VECTORS]) {
        for (out, x) in sum.0.as_chunks_mut::<LANES>().0.iter_mut().zip(acc) {
            let sign = _mm_srai_epi32::<31>(x);
            for (out, x) in
                out.as_chunks_mut::<2>().0.iter_mut().zip([_mm_unpacklo_epi32(x, sign), _mm_unpackhi_epi32(x, sign)])
            {
                let out = out.as_mut_ptr().cast::<__m128i>();
                // SAFETY: two sums.
                unsafe { _mm_storeu_si128(out, _mm_add_epi64(_mm_loadu_si128(out), x)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::wide::SmallSum;
    use crate::field::{from_i64, wide};
    use ark_ff::{AdditiveGroup, BigInt, Field};

    /// Zero, one, r - 1, and Montgomery forms whose digits are extreme.
    fn elements() -> Vec<Fr> {
        let raw = |words| Fr::new_unchecked(BigInt(words));
        let mut out = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64).inverse().unwrap()];
        out.push(raw([BIAS, BIAS, BIAS, BIAS >> 3]));
        out.push(raw([BIAS - 1, BIAS - 1, BIAS - 1, (BIAS >> 3) - 1]));
        out.push(raw([u64::MAX, u64::MAX, u64::MAX, wide::MODULUS[3] - 1]));
        out.push(raw([wide::MODULUS[0] - 1, wide::MODULUS[1], wide::MODULUS[2], wide::MODULUS[3]]));
        for i in 0..40 {
            let x = out[out.len() - 1];
            out.push(x.square() - Fr::from(i as u64));
        }
        out
    }

    #[test]
    fn digits_are_small_and_are_the_element() {
        for x in elements() {
            let digits = of(&x);
            assert!(digits.iter().all(|d| d.unsigned_abs() <= 1 << (BITS - 1)));
            let sum = DigitSum(digits.map(i64::from));
            assert_eq!(sum.words(), [x.0.0[0], x.0.0[1], x.0.0[2], x.0.0[3], 0, 0]);
        }
        assert!(of(&elements()[4]).iter().any(|d| d.unsigned_abs() == 1 << (BITS - 1)));
    }

    type Add = fn([&mut DigitSum; 2], &[Pair], &[[[i16; 2]; 2]]);

    fn check(add: Add) {
        let elements = elements();
        let values = [i16::MIN, i16::MAX, 0, 1, -1, 12345];
        for (count, extreme) in
            [(0, true), (1, true), (MAX_PAIRS, true), (MAX_PAIRS + 1, false), (500, true), (500, false)]
        {
            let element = |i: usize| if extreme { elements[4] } else { elements[i * 7 % elements.len()] };
            let value = |i: usize| if extreme { i16::MIN } else { values[i * i % values.len()] };
            let pairs: Vec<Pair> =
                (0..count).map(|p| Pair::new(&of(&element(2 * p)), &of(&element(2 * p + 1)))).collect();
            let integers: Vec<[[i16; 2]; 2]> =
                (0..count).map(|p| [0, 1].map(|k| [value(4 * p + k), value(4 * p + k + 2)])).collect();
            let mut sums = [DigitSum::default(); 2];
            for _ in 0..2 {
                let [a, b] = &mut sums;
                add([a, b], &pairs, &integers);
            }
            for k in 0..2 {
                let product = |p: usize, j: usize| element(2 * p + j) * from_i64(integers[p][k][j].into());
                let sum: Fr = (0..count).map(|p| product(p, 0) + product(p, 1)).sum();
                assert_eq!(SmallSum::from_words(sums[k].words()).reduce(), sum.double(), "{count} pairs, {extreme}");
            }
        }
    }

    #[test]
    fn sums_are_exact() {
        check(|sums, pairs, integers| portable::add_products(sums, pairs, |k, p| integers[p][k]));
        check(|sums, pairs, integers| add_products(sums, pairs, |k, p| integers[p][k]));
    }
}
