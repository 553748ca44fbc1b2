//! Eight elements of BN254's base field at a time with AVX-512 IFMA: five limbs of 52 bits, a vector for each limb.

use ark_bn254::Fq;
use ark_ff::{Field, PrimeField};
use std::arch::x86_64::*;

const MASK: u64 = (1 << 52) - 1;
pub const P: [u64; 5] = limbs(Fq::MODULUS.0);
const P2: [u64; 5] = limbs(doubled(Fq::MODULUS.0));
/// -1/p modulo 2^52.
const MINUS_INVERSE: u64 = minus_inverse(Fq::MODULUS.0[0]);

/// Elements in a vector.
pub const WIDTH: usize = 8;

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

const fn doubled(w: [u64; 4]) -> [u64; 4] {
    [w[0] << 1, w[1] << 1 | w[0] >> 63, w[2] << 1 | w[1] >> 63, w[3] << 1 | w[2] >> 63]
}

const fn minus_inverse(p: u64) -> u64 {
    let mut inverse = 1u64; // Newton: doubles the correct bits
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// 2^260 mod p: one.
pub const ONE: [u64; 5] = {
    // Fq::ONE holds 2^256; four doublings
    let mut one = Fq::ONE.0.0;
    let mut i = 0;
    while i < 4 {
        one = reduced(doubled(one));
        i += 1;
    }
    limbs(one)
};

/// x - p where x >= p, for x < 2 p.
const fn reduced(x: [u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    let mut borrow = false;
    let mut i = 0;
    while i < 4 {
        let (d, b1) = x[i].overflowing_sub(Fq::MODULUS.0[i]);
        let (d, b2) = d.overflowing_sub(borrow as u64);
        out[i] = d;
        borrow = b1 | b2;
        i += 1;
    }
    if borrow { x } else { out }
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

/// From two elements of four words in each vector to a vector for each word.
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

/// From four words of 64 bits to limbs.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn split(w: &[__m512i; 4]) -> V {
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

/// From limbs to four words of 64 bits, for values below 2^256.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn join(x: &V) -> [__m512i; 4] {
    [
        _mm512_or_si512(x[0], _mm512_slli_epi64::<52>(x[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(x[1]), _mm512_slli_epi64::<40>(x[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(x[2]), _mm512_slli_epi64::<28>(x[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(x[3]), _mm512_slli_epi64::<16>(x[4])),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn to_words(x: &V) -> [[u64; 4]; WIDTH] {
    let z = transpose_back(join(x));
    let mut out = [[0u64; 4]; WIDTH];
    for (pair, z) in out.chunks_exact_mut(2).zip(z) {
        // SAFETY: eight words are a vector.
        unsafe { _mm512_storeu_si512(pair.as_mut_ptr().cast(), z) };
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn from_words(words: &[[u64; 4]; WIDTH]) -> V {
    // SAFETY: eight words are a vector.
    split(&transpose([0, 1, 2, 3].map(|k| unsafe { _mm512_loadu_si512(words[2 * k].as_ptr().cast()) })))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn equal(a: &V, b: &V) -> __mmask8 {
    (0..5).fold(0xff, |mask, i| mask & _mm512_cmpeq_epi64_mask(a[i], b[i]))
}

/// Where all words are zero.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn zero(w: &[__m512i; 4]) -> __mmask8 {
    let any = _mm512_or_si512(_mm512_or_si512(w[0], w[1]), _mm512_or_si512(w[2], w[3]));
    _mm512_testn_epi64_mask(any, any)
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
pub fn sub(a: &V, b: &V) -> V {
    let mut out = *a;
    for i in 0..5 {
        out[i] = _mm512_sub_epi64(a[i], b[i]);
    }
    out
}

/// x + count p with limbs in [0, 2^52); the sum must not be negative.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn plus_p(x: &V, count: u64) -> V {
    let mut out = *x;
    for i in 0..5 {
        out[i] = _mm512_add_epi64(x[i], splat(P[i] * count));
    }
    carry(&out)
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

/// The value below p of x below 4 p.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn canonical(x: &V) -> V {
    subtract_if_not_below(&subtract_if_not_below(x, &P2), &P)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn subtract_if_not_below(x: &V, m: &[u64; 5]) -> V {
    let difference = carry(&sub(x, &splat5(m)));
    let below = _mm512_cmplt_epi64_mask(difference[4], _mm512_setzero_si512());
    let mut out = difference;
    for i in 0..5 {
        out[i] = _mm512_mask_mov_epi64(difference[i], below, x[i]);
    }
    out
}

/// x y / 2^260 modulo p, below p + x y / 2^260; 2^260 is 84 p.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn mul(x: &V, y: &V) -> V {
    let mut t = [_mm512_setzero_si512(); 10];
    for i in 0..5 {
        for j in 0..5 {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], x[i], y[j]);
        }
        for j in 0..5 {
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], x[i], y[j]);
        }
    }
    reduce(t)
}

/// mul(x, x).
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn square(x: &V) -> V {
    let mut t = [_mm512_setzero_si512(); 10];
    for i in 0..5 {
        for j in i + 1..5 {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], x[i], x[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], x[i], x[j]);
        }
    }
    for limb in &mut t[1..9] {
        *limb = _mm512_add_epi64(*limb, *limb);
    }
    for i in 0..5 {
        t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], x[i], x[i]);
        t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], x[i], x[i]);
    }
    reduce(t)
}

/// Montgomery reduction by 2^260.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(mut t: [__m512i; 10]) -> V {
    let (p, minus_inverse, mask) = (splat5(&P), splat(MINUS_INVERSE), splat(MASK));
    for i in 0..5 {
        let m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[i], minus_inverse);
        // t[i] + low(m p[0]) is the next multiple of 2^52 from t[i] upwards
        let up = _mm512_srli_epi64::<52>(_mm512_add_epi64(t[i], mask));
        t[i + 1] = _mm512_add_epi64(t[i + 1], up);
        for j in 1..5 {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, p[j]);
        }
        for j in 0..5 {
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, p[j]);
        }
    }
    carry(&[t[5], t[6], t[7], t[8], t[9]])
}
