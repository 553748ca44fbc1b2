//! Blocks of elements that are kept in limb form between operations.

use super::*;
use crate::field::lanes::Lanes;
use crate::field::wide::{ProductSum, SmallSum};
use ark_ff::AdditiveGroup;

/// The backend of processors with AVX-512 IFMA. Its functions must only be reached when `detected()`.
pub struct Ifma;

/// Eight elements in limb form.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Lane([[u64; 8]; 5]);

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn get(x: &Lane) -> V {
    let p = x.0.as_ptr().cast::<__m512i>();
    // SAFETY: a lane is five aligned vectors.
    unsafe { [0, 1, 2, 3, 4].map(|i| _mm512_load_si512(p.add(i))) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn set(x: &mut Lane, v: V) {
    let p = x.0.as_mut_ptr().cast::<__m512i>();
    for (i, limb) in v.into_iter().enumerate() {
        // SAFETY: a lane is five aligned vectors.
        unsafe { _mm512_store_si512(p.add(i), limb) };
    }
}

/// 2^256 in limb form times 2^260: multiplying an integer by it gives Montgomery form.
pub(super) fn montgomery_factor() -> Fr {
    // `Fr::from(x)` holds x 2^256, so this holds 2^256 2^260
    Fr::from(1u128 << 127) * Fr::from(1u128 << 127) * Fr::from(64u64)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn load_block(out: &mut [Lane], src: &[Fr]) {
    let whole = src.len() / 8;
    for (i, lane) in out.iter_mut().take(whole).enumerate() {
        // SAFETY: whole groups of eight.
        set(lane, unsafe { load(src.as_ptr().add(8 * i)) });
    }
    if !src.len().is_multiple_of(8) {
        let mut tail = [Fr::ZERO; 8];
        tail[..src.len() % 8].copy_from_slice(&src[8 * whole..]);
        // SAFETY: `tail` has eight elements.
        set(&mut out[whole], unsafe { load(tail.as_ptr()) });
    }
}

/// Eight integers in Montgomery form.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn from_small(v: __m512i, factor: &V) -> V {
    let (zero, magnitude) = (_mm512_setzero_si512(), _mm512_abs_epi64(v));
    let low = _mm512_and_si512(magnitude, splat(MASK));
    let high = _mm512_srli_epi64::<52>(magnitude);
    let x = canonical(&mul(&[low, high, zero, zero, zero], factor));
    let negative = _mm512_cmplt_epi64_mask(v, zero);
    let mut minus = sub_limbs(&splat5(&R), &x);
    minus = carry(&minus);
    let mut out = x;
    for i in 0..5 {
        out[i] = _mm512_mask_mov_epi64(x[i], negative, minus[i]);
    }
    out // r for a negative zero is impossible: zero is not negative
}

/// Up to eight integers, zeros beyond.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_small(src: &[i64]) -> __m512i {
    let mask = if src.len() >= 8 { 0xff } else { (1u8 << src.len()) - 1 };
    // SAFETY: masked lanes are not read.
    unsafe { _mm512_maskz_loadu_epi64(mask, src.as_ptr()) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn load_small_block(out: &mut [Lane], src: &[i64]) {
    let factor = broadcast(&montgomery_factor());
    for (lane, v) in out.iter_mut().zip(src.chunks(8)) {
        set(lane, from_small(load_small(v), &factor));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn sub_block(a: &mut [Lane], b: &[Lane]) {
    for (x, y) in a.iter_mut().zip(b) {
        set(x, sub(&get(x), &get(y)));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn add_block(a: &mut [Lane], b: &[Lane]) {
    for (x, y) in a.iter_mut().zip(b) {
        set(x, add(&get(x), &get(y)));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn mul_block(a: &mut [Lane], b: &[Lane]) {
    for (x, y) in a.iter_mut().zip(b) {
        set(x, mul(&get(x), &get(y)));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn scale_block(a: &mut [Lane], c: &Fr) {
    let c = constant(c);
    for x in a {
        set(x, mul(&get(x), &c));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn store_block(out: &mut [Fr], a: &[Lane]) {
    for (part, x) in out.chunks_mut(8).zip(a) {
        let mut eight = [Fr::ZERO; 8];
        // SAFETY: eight elements.
        unsafe { store(eight.as_mut_ptr(), &canonical(&get(x))) };
        part.copy_from_slice(&eight[..part.len()]);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn dot_block(a: &[Lane], b: &[Lane]) -> Fr {
    let mut acc = [_mm512_setzero_si512(); 10];
    for (x, y) in a.iter().zip(b) {
        add_product(&mut acc, &get(x), &get(y));
    }
    ProductSum::from_words(sum_lanes(acc)).reduce()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn sum_block(a: &[Lane]) -> Fr {
    let mut acc = [_mm512_setzero_si512(); 6];
    for x in a {
        for (s, limb) in acc.iter_mut().zip(get(x)) {
            *s = _mm512_add_epi64(*s, limb);
        }
    }
    SmallSum::from_words(sum_lanes(acc)).reduce()
}

/// Sums of products with integers: the integers are made unsigned by an offset, which is taken off at the end.
pub(super) struct SmallAccumulator {
    products: [__m512i; 7],
    sum: [__m512i; 6],
}

impl SmallAccumulator {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new() -> Self {
        Self { products: [_mm512_setzero_si512(); 7], sum: [_mm512_setzero_si512(); 6] }
    }

    /// Adds x v for |v| < 2^51. A lane overflows after 2^10 products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add_narrow(&mut self, x: &V, v: __m512i) {
        let u = _mm512_add_epi64(v, splat(1 << 51));
        for i in 0..5 {
            self.products[i] = _mm512_madd52lo_epu64(self.products[i], x[i], u);
            self.products[i + 1] = _mm512_madd52hi_epu64(self.products[i + 1], x[i], u);
            self.sum[i] = _mm512_add_epi64(self.sum[i], x[i]);
        }
    }

    /// Adds x v for any v.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add_any(&mut self, x: &V, v: __m512i) {
        let u = _mm512_xor_si512(v, splat(1 << 63));
        let high = _mm512_srli_epi64::<52>(u);
        for i in 0..5 {
            self.products[i] = _mm512_madd52lo_epu64(self.products[i], x[i], u);
            self.products[i + 1] = _mm512_madd52hi_epu64(self.products[i + 1], x[i], u);
            self.products[i + 1] = _mm512_madd52lo_epu64(self.products[i + 1], x[i], high);
            self.products[i + 2] = _mm512_madd52hi_epu64(self.products[i + 2], x[i], high);
            self.sum[i] = _mm512_add_epi64(self.sum[i], x[i]);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn finish(self, offset_bits: u32) -> Fr {
        let products = SmallSum::from_words(sum_lanes(self.products)).reduce();
        let sum = SmallSum::from_words(sum_lanes(self.sum)).reduce();
        products - sum * Fr::from(1u64 << offset_bits)
    }
}

/// Whether all |v| < 2^51.
pub(super) fn is_narrow(vs: &[i64]) -> bool {
    vs.iter().fold(0, |bits, &v| bits | (v ^ (v >> 63))) >> 51 == 0
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn dot_small_block(a: &[Lane], vs: &[i64]) -> Fr {
    let mut acc = SmallAccumulator::new();
    if is_narrow(vs) {
        for (x, v) in a.iter().zip(vs.chunks(8)) {
            acc.add_narrow(&get(x), load_small(v));
        }
        return acc.finish(51);
    }
    for (x, v) in a.iter().zip(vs.chunks(8)) {
        acc.add_any(&get(x), load_small(v));
    }
    acc.finish(63)
}

// SAFETY of all calls: the type is only used when `detected()`.
impl Lanes for Ifma {
    type Lane = Lane;
    const WIDTH: usize = 8;
    const CORRECTION: u64 = 16;

    fn load(out: &mut [Lane], src: &[Fr]) {
        unsafe { load_block(out, src) }
    }
    fn load_small(out: &mut [Lane], src: &[i64]) {
        unsafe { load_small_block(out, src) }
    }
    fn sub_assign(a: &mut [Lane], b: &[Lane]) {
        unsafe { sub_block(a, b) }
    }
    fn add_assign(a: &mut [Lane], b: &[Lane]) {
        unsafe { add_block(a, b) }
    }
    fn mul_assign(a: &mut [Lane], b: &[Lane]) {
        unsafe { mul_block(a, b) }
    }
    fn scale_assign(a: &mut [Lane], c: &Fr) {
        unsafe { scale_block(a, c) }
    }
    fn store(out: &mut [Fr], a: &[Lane]) {
        unsafe { store_block(out, a) }
    }
    fn dot(a: &[Lane], b: &[Lane]) -> Fr {
        unsafe { dot_block(a, b) }
    }
    fn dot_small(a: &[Lane], vs: &[i64]) -> Fr {
        unsafe { dot_small_block(a, vs) }
    }
    fn sum(a: &[Lane]) -> Fr {
        unsafe { sum_block(a) }
    }
}
