//! Kernels on slices of `Fr` in memory. Each works on whole groups of eight; `field::slices` does the rest.
//!
//! # Safety
//! Every function needs a processor for which `detected()` holds.

#![allow(clippy::missing_safety_doc)] // the same for all: above

use super::lanes::{SmallAccumulator, from_small, is_narrow, load_small};
use super::*;
use crate::field::slices::MAX_SMALL;
use crate::field::wide::ProductSum;
use ark_ff::AdditiveGroup;

/// Groups of eight whose products are summed before a lane could overflow.
const GROUPS: usize = 256;

#[inline]
fn eight(x: &[Fr], i: usize) -> *const Fr {
    x[8 * i..8 * i + 8].as_ptr()
}

#[inline]
fn eight_mut(x: &mut [Fr], i: usize) -> *mut Fr {
    x[8 * i..8 * i + 8].as_mut_ptr()
}

/// lo += c (hi - lo).
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn fold(lo: &mut [Fr], hi: &[Fr], c: &Fr) {
    let (c, r) = (constant(c), splat5(&R));
    for i in 0..lo.len() / 8 {
        // SAFETY: `eight` checks the bounds.
        let (x, y) = unsafe { (load(eight(lo, i)), load(eight(hi, i))) };
        let mut difference = add_limbs(&sub_limbs(&y, &x), &r);
        difference = carry(&difference);
        let mut sum = add_limbs(&mul(&difference, &c), &x);
        sum = carry(&sum);
        unsafe { store(eight_mut(lo, i), &canonical(&sum)) };
    }
}

/// xs += c ys.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn add_scaled(xs: &mut [Fr], c: &Fr, ys: &[Fr]) {
    let c = constant(c);
    for i in 0..xs.len() / 8 {
        // SAFETY: `eight` checks the bounds.
        let (x, y) = unsafe { (load(eight(xs, i)), load(eight(ys, i))) };
        let mut sum = add_limbs(&mul(&y, &c), &x);
        sum = carry(&sum);
        unsafe { store(eight_mut(xs, i), &canonical(&sum)) };
    }
}

/// out = sum_k cs[k] rows[k] for at most `MAX_SUM` rows.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn sum_scaled(out: &mut [Fr], cs: &[Fr], rows: &[&[Fr]]) {
    // `reduce` divides by 2^260; 32 products are below 2^5 r^2 < r 2^260
    let cs: Vec<[u64; 5]> = cs.iter().map(|c| limbs((*c * Fr::from(16u64)).0.0)).collect();
    for i in 0..out.len() / 8 {
        let mut acc = [_mm512_setzero_si512(); 10];
        for (c, row) in cs.iter().zip(rows) {
            // SAFETY: `eight` checks the bounds.
            add_product(&mut acc, &unsafe { load(eight(row, i)) }, &splat5(c));
        }
        // SAFETY: `eight` checks the bounds.
        unsafe { store(eight_mut(out, i), &canonical(&reduce(acc))) };
    }
}

/// (row, carry) = (carry, row + c carry).
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn carry_row(row: &mut [Fr], carries: &mut [Fr], c: &Fr) {
    let c = constant(c);
    for i in 0..row.len() / 8 {
        // SAFETY: `eight` checks the bounds.
        let (x, y) = unsafe { (load(eight(row, i)), load(eight(carries, i))) };
        let mut sum = add_limbs(&mul(&y, &c), &x);
        sum = carry(&sum);
        row[8 * i..8 * i + 8].copy_from_slice(&carries[8 * i..8 * i + 8]);
        unsafe { store(eight_mut(carries, i), &canonical(&sum)) };
    }
}

/// out = c xs.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn scale(out: &mut [Fr], c: &Fr, xs: &[Fr]) {
    let c = constant(c);
    for i in 0..out.len() / 8 {
        // SAFETY: `eight` checks the bounds.
        let x = unsafe { load(eight(xs, i)) };
        unsafe { store(eight_mut(out, i), &canonical(&mul(&x, &c))) };
    }
}

/// upper = c low, low -= c low.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn split(low: &mut [Fr], upper: &mut [Fr], c: &Fr) {
    let c = constant(c);
    for i in 0..low.len() / 8 {
        // SAFETY: `eight` checks the bounds.
        let x = unsafe { load(eight(low, i)) };
        let up = canonical(&mul(&x, &c));
        unsafe { store(eight_mut(upper, i), &up) };
        unsafe { store(eight_mut(low, i), &canonical(&sub(&x, &up))) };
    }
}

/// The sum of products.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn dot(xs: &[Fr], ys: &[Fr]) -> Fr {
    let mut total = Fr::ZERO;
    for (xs, ys) in xs.chunks(8 * GROUPS).zip(ys.chunks(8 * GROUPS)) {
        let mut acc = [_mm512_setzero_si512(); 10];
        for i in 0..xs.len() / 8 {
            // SAFETY: `eight` checks the bounds.
            let (x, y) = unsafe { (load(eight(xs, i)), load(eight(ys, i))) };
            add_product(&mut acc, &x, &y);
        }
        total += ProductSum::from_words(sum_lanes(acc)).reduce();
    }
    total
}

/// The sum of products with integers.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn dot_small(xs: &[Fr], vs: &[i64]) -> Fr {
    let mut total = Fr::ZERO;
    for (xs, vs) in xs.chunks(8 * GROUPS).zip(vs.chunks(8 * GROUPS)) {
        let (mut acc, narrow) = (SmallAccumulator::new(), is_narrow(vs));
        for i in 0..xs.len() / 8 {
            // SAFETY: `eight` checks the bounds.
            let (x, v) = (unsafe { load(eight(xs, i)) }, load_small(&vs[8 * i..]));
            if narrow { acc.add_narrow(&x, v) } else { acc.add_any(&x, v) }
        }
        total += acc.finish(if narrow { 51 } else { 63 });
    }
    total
}

/// Integers as field elements.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn convert(out: &mut [Fr], vs: &[i64]) {
    let factor = broadcast(&super::lanes::montgomery_factor());
    for i in 0..out.len() / 8 {
        let x = from_small(load_small(&vs[8 * i..]), &factor);
        // SAFETY: `eight` checks the bounds.
        unsafe { store(eight_mut(out, i), &x) };
    }
}

/// out = base + a s + b t for |s|, |t| < 2^51.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn small_form(out: &mut [Fr], base: &Fr, [a, b]: [&Fr; 2], s: &[i64], t: &[i64]) {
    // `reduce_small` divides by 2^104
    let shift = Fr::from(1u128 << 104);
    let offset = Fr::from(1u64 << 51);
    let (base, a8, b8) = (broadcast(&(*base - (*a + b) * offset)), broadcast(&(*a * shift)), broadcast(&(*b * shift)));
    let zero = _mm512_setzero_si512();
    for i in 0..out.len() / 8 {
        let u = _mm512_add_epi64(load_small(&s[8 * i..]), splat(1 << 51));
        let v = _mm512_add_epi64(load_small(&t[8 * i..]), splat(1 << 51));
        let mut x = [zero; 7];
        for j in 0..5 {
            x[j] = _mm512_madd52lo_epu64(_mm512_madd52lo_epu64(x[j], a8[j], u), b8[j], v);
            x[j + 1] = _mm512_madd52hi_epu64(_mm512_madd52hi_epu64(x[j + 1], a8[j], u), b8[j], v);
        }
        // below r + 2^-48 r, and below 3r with the base
        let mut sum = add_limbs(&reduce_small(x), &base);
        sum = carry(&sum);
        // SAFETY: `eight` checks the bounds.
        unsafe { store(eight_mut(out, i), &canonical(&sum)) };
    }
}

/// xs += sum_k cs[k] vs[k] for |v| < 2^51 and at most `MAX_SMALL` slices.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn add_scaled_small(xs: &mut [Fr], cs: &[Fr], vs: &[&[i64]]) {
    // `reduce_small` divides by 2^104
    let (shift, zero) = (Fr::from(1u128 << 104), _mm512_setzero_si512());
    let offset = broadcast(&(-cs.iter().sum::<Fr>() * Fr::from(1u64 << 51)));
    let mut coefs = [[zero; 5]; MAX_SMALL];
    for (out, c) in coefs.iter_mut().zip(cs) {
        *out = broadcast(&(*c * shift));
    }
    let r = splat5(&R);
    for i in 0..xs.len() / 8 {
        let mut x = [zero; 7];
        for (c, v) in coefs.iter().zip(vs) {
            let u = _mm512_add_epi64(load_small(&v[8 * i..]), splat(1 << 51));
            for j in 0..5 {
                x[j] = _mm512_madd52lo_epu64(x[j], c[j], u);
                x[j + 1] = _mm512_madd52hi_epu64(x[j + 1], c[j], u);
            }
        }
        let mut sum = add_limbs(&reduce_small(x), &offset);
        sum = carry(&sum);
        // SAFETY: `eight` checks the bounds.
        let old = unsafe { load(eight(xs, i)) };
        let mut sum = add_limbs(&subtract_if_not_below(&sum, &r), &old);
        sum = carry(&sum);
        unsafe { store(eight_mut(xs, i), &canonical(&sum)) };
    }
}
