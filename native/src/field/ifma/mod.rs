//! Eight field elements at a time with AVX-512 IFMA: five limbs of 52 bits, one vector for each limb.
//!
//! Between operations a value lies in [0, 2r) and its limbs are below 2^52. Elements keep the form x 2^256 that
//! `Fr` has in memory, while a multiplication here divides by 2^260: it returns x y 2^252. Callers either give
//! one operand 16 times too large (`Constant`) or correct the sum by a power of 16 (`Lanes::CORRECTION`).

pub mod fractions;
mod lanes;
pub mod matrix;
pub mod slices;
pub mod transform;

pub use lanes::{Ifma, Lane};

use super::Fr;
use super::wide::{MINUS_INVERSE, MODULUS};
use crate::limbs52::*;
use std::arch::x86_64::*;

const R: [u64; 5] = limbs(MODULUS);
const R2: [u64; 5] = limbs(shift_left(MODULUS, 1));
const R4: [u64; 5] = limbs(shift_left(MODULUS, 2));

/// A double-width sum of products.
pub(super) type Wide = [__m512i; 10];

/// Whether this processor can run the functions of this module.
pub fn detected() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[inline]
#[target_feature(enable = "avx512f")]
fn zero5() -> V {
    [_mm512_setzero_si512(); 5]
}

/// The same element in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast(x: &Fr) -> V {
    splat5(&limbs(x.0.0))
}

/// A constant factor times 16, so that `mul` by it keeps the form x 2^256.
#[inline]
#[target_feature(enable = "avx512f")]
fn constant(x: &Fr) -> V {
    broadcast(&(*x * Fr::from(16u64)))
}

/// # Safety
/// Eight elements must be readable at `src`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(src: *const Fr) -> V {
    let p = src.cast::<__m512i>();
    // SAFETY: 4 x 64 bytes are eight elements.
    limbs_of(&transpose(unsafe { [0, 1, 2, 3].map(|i| _mm512_loadu_si512(p.add(i))) }))
}

/// Stores values below r.
///
/// # Safety
/// Eight elements must be writable at `dst`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store(dst: *mut Fr, x: &V) {
    let p = dst.cast::<__m512i>();
    for (i, z) in transpose_back(words_of(x)).into_iter().enumerate() {
        // SAFETY: 4 x 64 bytes are eight elements.
        unsafe { _mm512_storeu_si512(p.add(i), z) };
    }
}

/// a + b in [0, 2r).
#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: &V, b: &V) -> V {
    let mut x = add_limbs(a, b);
    x = carry(&x);
    subtract_if_not_below(&x, &splat5(&R2))
}

/// a - b in [0, 2r).
#[inline]
#[target_feature(enable = "avx512f")]
fn sub(a: &V, b: &V) -> V {
    let mut x = sub_limbs(a, b);
    x = carry(&x);
    let negative = _mm512_cmplt_epi64_mask(x[4], _mm512_setzero_si512());
    let modulus = splat5(&R2);
    for i in 0..5 {
        x[i] = _mm512_mask_add_epi64(x[i], negative, x[i], modulus[i]);
    }
    x = carry(&x);
    x
}

/// The representative in [0, r) of a value below 3r with normal limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn canonical(x: &V) -> V {
    let r = splat5(&R);
    subtract_if_not_below(&subtract_if_not_below(x, &r), &r)
}

/// a b / 2^260 for normal limbs and a b < r 2^260; the result is below 2r.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(a: &V, b: &V) -> V {
    let (zero, minus_inverse, r) = (_mm512_setzero_si512(), splat(MINUS_INVERSE & MASK), splat5(&R));
    let mut t = zero5();
    for i in 0..5 {
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], a[i], b[j]);
        }
        let m = _mm512_madd52lo_epu64(zero, t[0], minus_inverse);
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], m, r[j]);
        }
        let high = _mm512_srli_epi64::<52>(t[0]);
        t = [_mm512_add_epi64(t[1], high), t[2], t[3], t[4], zero];
        for j in 0..5 {
            t[j] = _mm512_madd52hi_epu64(t[j], a[i], b[j]);
            t[j] = _mm512_madd52hi_epu64(t[j], m, r[j]);
        }
    }
    t = carry(&t);
    t
}

/// 16 x, below 2^259, as a factor that keeps the form x 2^256: 16 (2r) (2r) < r 2^260.
#[inline]
#[target_feature(enable = "avx512f")]
fn times_16(x: &V) -> V {
    let mask = splat(MASK);
    let mut out = *x;
    for j in 0..5 {
        out[j] = _mm512_slli_epi64::<4>(x[j]);
        if j > 0 {
            out[j] = _mm512_or_si512(out[j], _mm512_srli_epi64::<48>(x[j - 1]));
        }
        out[j] = _mm512_and_si512(out[j], mask);
    }
    out
}

/// acc += a b. A lane overflows after 390 products.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_product(acc: &mut Wide, a: &V, b: &V) {
    for i in 0..5 {
        for j in 0..5 {
            acc[i + j] = _mm512_madd52lo_epu64(acc[i + j], a[i], b[j]);
            acc[i + j + 1] = _mm512_madd52hi_epu64(acc[i + j + 1], a[i], b[j]);
        }
    }
}

/// acc / 2^260, below 2r, for acc < r 2^260.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(mut t: Wide) -> V {
    let (zero, minus_inverse, r) = (_mm512_setzero_si512(), splat(MINUS_INVERSE & MASK), splat5(&R));
    for i in 0..5 {
        let m = _mm512_madd52lo_epu64(zero, t[i], minus_inverse);
        for j in 0..5 {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, r[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, r[j]);
        }
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<52>(t[i]));
    }
    let mut out = [t[5], t[6], t[7], t[8], t[9]];
    out = carry(&out);
    out
}

/// x / 2^104 + less than r: two limbs of Montgomery reduction. The limbs of the result are not carried.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce_small(mut x: [__m512i; 7]) -> V {
    let (zero, minus_inverse, r) = (_mm512_setzero_si512(), splat(MINUS_INVERSE & MASK), splat5(&R));
    for k in 0..2 {
        let m = _mm512_madd52lo_epu64(zero, x[k], minus_inverse);
        for j in 0..5 {
            x[k + j] = _mm512_madd52lo_epu64(x[k + j], m, r[j]);
            x[k + j + 1] = _mm512_madd52hi_epu64(x[k + j + 1], m, r[j]);
        }
        x[k + 1] = _mm512_add_epi64(x[k + 1], _mm512_srli_epi64::<52>(x[k]));
    }
    [x[2], x[3], x[4], x[5], x[6]]
}

/// The sum over the lanes of an unsigned multi-limb number, as 64-bit words.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_lanes<const N: usize, const W: usize>(mut acc: [__m512i; N]) -> [u64; W] {
    let mask = splat(MASK);
    for i in 0..N - 1 {
        acc[i + 1] = _mm512_add_epi64(acc[i + 1], _mm512_srli_epi64::<52>(acc[i]));
        acc[i] = _mm512_and_si512(acc[i], mask);
    }
    let (mut out, mut word, mut bits, mut k) = ([0u64; W], 0u128, 0, 0);
    for limb in acc {
        word += (_mm512_reduce_add_epi64(limb) as u64 as u128) << bits;
        bits += 52;
        if bits >= 64 {
            out[k] = word as u64;
            (word, bits, k) = (word >> 64, bits - 64, k + 1);
        }
    }
    for x in &mut out[k..] {
        *x = word as u64;
        word >>= 64;
    }
    out
}
