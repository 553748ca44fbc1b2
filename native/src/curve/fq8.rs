//! Eight elements of BN254's base field at a time with AVX-512 IFMA, in limbs of 52 bits.

pub use crate::limbs52::*;
use ark_bn254::Fq;
use ark_ff::{Field, PrimeField};
use std::arch::x86_64::*;

pub const P: [u64; 5] = limbs(Fq::MODULUS.0);
const P2: [u64; 5] = limbs(shift_left(Fq::MODULUS.0, 1));
/// -1/p modulo 2^52.
const MINUS_INVERSE: u64 = minus_inverse(Fq::MODULUS.0[0]);

/// Elements in a vector.
pub const WIDTH: usize = 8;

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
        one = reduced(shift_left(one, 1));
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
pub fn to_words(x: &V) -> [[u64; 4]; WIDTH] {
    let z = transpose_back(words_of(x));
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
    limbs_of(&transpose([0, 1, 2, 3].map(|k| unsafe { _mm512_loadu_si512(words[2 * k].as_ptr().cast()) })))
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

/// The value below p of x below 4 p.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn canonical(x: &V) -> V {
    subtract_if_not_below(&subtract_if_not_below(x, &splat5(&P2)), &splat5(&P))
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
