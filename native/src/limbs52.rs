//! Eight 256-bit numbers at a time with AVX-512: five limbs of 52 bits, a vector for each limb. What does not depend on
//! a modulus; `field::ifma` and `curve::fq8` multiply modulo r and p.

use std::arch::x86_64::*;

pub const MASK: u64 = (1 << 52) - 1;

/// Five limbs of eight numbers.
pub type V = [__m512i; 5];

pub const fn limbs(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & MASK,
        (w[0] >> 52 | w[1] << 12) & MASK,
        (w[1] >> 40 | w[2] << 24) & MASK,
        (w[2] >> 28 | w[3] << 36) & MASK,
        w[3] >> 16,
    ]
}

/// w 2^n, 0 < n < 64.
pub const fn shift_left(w: [u64; 4], n: u32) -> [u64; 4] {
    let k = 64 - n;
    [w[0] << n, w[1] << n | w[0] >> k, w[2] << n | w[1] >> k, w[3] << n | w[2] >> k]
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn splat5(x: &[u64; 5]) -> V {
    [splat(x[0]), splat(x[1]), splat(x[2]), splat(x[3]), splat(x[4])]
}

/// Index patterns that exchange the word and element order of a pair of vectors; their own inverses.
#[inline]
#[target_feature(enable = "avx512f")]
fn patterns() -> (__m512i, __m512i) {
    (_mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13), _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15))
}

/// From two numbers of four words in each vector to a vector for each word.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn transpose(z: [__m512i; 4]) -> [__m512i; 4] {
    let (first, second) = patterns();
    let t0 = _mm512_permutex2var_epi64(z[0], first, z[1]);
    let t1 = _mm512_permutex2var_epi64(z[0], second, z[1]);
    let t2 = _mm512_permutex2var_epi64(z[2], first, z[3]);
    let t3 = _mm512_permutex2var_epi64(z[2], second, z[3]);
    [
        _mm512_shuffle_i64x2::<0x44>(t0, t2),
        _mm512_shuffle_i64x2::<0xee>(t0, t2),
        _mm512_shuffle_i64x2::<0x44>(t1, t3),
        _mm512_shuffle_i64x2::<0xee>(t1, t3),
    ]
}

/// The inverse of `transpose`.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn transpose_back(w: [__m512i; 4]) -> [__m512i; 4] {
    let (first, second) = patterns();
    let t0 = _mm512_shuffle_i64x2::<0x44>(w[0], w[1]);
    let t1 = _mm512_shuffle_i64x2::<0x44>(w[2], w[3]);
    let t2 = _mm512_shuffle_i64x2::<0xee>(w[0], w[1]);
    let t3 = _mm512_shuffle_i64x2::<0xee>(w[2], w[3]);
    [
        _mm512_permutex2var_epi64(t0, first, t1),
        _mm512_permutex2var_epi64(t0, second, t1),
        _mm512_permutex2var_epi64(t2, first, t3),
        _mm512_permutex2var_epi64(t2, second, t3),
    ]
}

/// From a vector for each word of 64 bits to limbs.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn limbs_of(w: &[__m512i; 4]) -> V {
    let mask = splat(MASK);
    // 0xa8: (a | b) & c
    let cut = |a, b| _mm512_ternarylogic_epi64::<0xa8>(a, b, mask);
    [
        _mm512_and_si512(w[0], mask),
        cut(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
        cut(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
        cut(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
        _mm512_srli_epi64::<16>(w[3]),
    ]
}

/// From limbs below 2^52 of values below 2^256 to a vector for each word.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn words_of(x: &V) -> [__m512i; 4] {
    [
        _mm512_or_si512(x[0], _mm512_slli_epi64::<52>(x[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(x[1]), _mm512_slli_epi64::<40>(x[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(x[2]), _mm512_slli_epi64::<28>(x[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(x[3]), _mm512_slli_epi64::<16>(x[4])),
    ]
}

/// Limb by limb.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn add_limbs(a: &V, b: &V) -> V {
    let mut out = *a;
    for i in 0..5 {
        out[i] = _mm512_add_epi64(a[i], b[i]);
    }
    out
}

/// Limb by limb: may leave negative limbs.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn sub_limbs(a: &V, b: &V) -> V {
    let mut out = *a;
    for i in 0..5 {
        out[i] = _mm512_sub_epi64(a[i], b[i]);
    }
    out
}

/// Brings signed limbs into [0, 2^52), all but the last, which keeps the sign.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn carry(x: &V) -> V {
    let mask = splat(MASK);
    let mut out = *x;
    for i in 0..4 {
        out[i + 1] = _mm512_add_epi64(out[i + 1], _mm512_srai_epi64::<52>(out[i]));
        out[i] = _mm512_and_si512(out[i], mask);
    }
    out
}

/// x - m where that is not negative, else x; x has normal limbs.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn subtract_if_not_below(x: &V, m: &V) -> V {
    let mut out = carry(&sub_limbs(x, m));
    let below = _mm512_cmplt_epi64_mask(out[4], _mm512_setzero_si512());
    for i in 0..5 {
        out[i] = _mm512_mask_mov_epi64(out[i], below, x[i]);
    }
    out
}
