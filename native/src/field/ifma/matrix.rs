//! Products of integer matrices with vectors of field elements.
//!
//! # Safety
//! Every function needs a processor for which `detected()` holds.

use super::lanes::{Lane, get};
use super::*;
use crate::field::wide::SmallSum;

/// Products that are summed before limbs are carried: a limb grows by less than 2^53 for each.
const PRODUCTS: usize = 512;
/// Integers are made unsigned by adding 2^51; callers take 2^51 times the sum of the weights off again.
pub const OFFSET_BITS: u32 = 51;
/// Rows, or vectors of eight columns, that share the weights' limbs in registers.
pub const GROUP: usize = 4;

/// Machine integers that can be widened eight at a time. Values must be below 2^51 in magnitude.
pub trait Small: Copy + Default {
    /// # Safety
    /// Eight integers must be readable at `p`.
    unsafe fn load8(p: *const Self) -> __m512i;
}

macro_rules! small {
    ($($t:ty, $load:ident, $cast:ty, $convert:ident;)*) => {$(
        impl Small for $t {
            #[inline]
            #[target_feature(enable = "avx512f,sse2,avx")]
            unsafe fn load8(p: *const Self) -> __m512i {
                // SAFETY: eight integers are readable.
                $convert(unsafe { $load(p.cast::<$cast>()) })
            }
        }
    )*};
}

#[inline]
#[target_feature(enable = "avx512f")]
fn same(x: __m512i) -> __m512i {
    x
}

small! {
    i8, _mm_loadl_epi64, __m128i, _mm512_cvtepi8_epi64;
    u8, _mm_loadl_epi64, __m128i, _mm512_cvtepu8_epi64;
    i16, _mm_loadu_si128, __m128i, _mm512_cvtepi16_epi64;
    u16, _mm_loadu_si128, __m128i, _mm512_cvtepu16_epi64;
    i32, _mm256_loadu_si256, __m256i, _mm512_cvtepi32_epi64;
    u32, _mm256_loadu_si256, __m256i, _mm512_cvtepu32_epi64;
    i64, _mm512_loadu_si512, __m512i, same;
}

/// Eight integers from the front of a shorter slice, zeros beyond.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn load_tail<T: Small>(p: *const T, len: usize) -> __m512i {
    let mut buffer = [T::default(); 8];
    // SAFETY: `len` < 8 integers are readable.
    unsafe {
        std::ptr::copy_nonoverlapping(p, buffer.as_mut_ptr(), len);
        T::load8(buffer.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_small(acc: &mut [__m512i; 7], w: &V, u: __m512i) {
    for i in 0..5 {
        acc[i] = _mm512_madd52lo_epu64(acc[i], w[i], u);
        acc[i + 1] = _mm512_madd52hi_epu64(acc[i + 1], w[i], u);
    }
}

/// For each row, the sum of weights (2^51 + row).
///
/// # Safety
/// `len` integers must be readable at each row; `weights` holds `len` elements and zeros beyond.
#[target_feature(enable = "avx512f,avx512ifma")]
pub unsafe fn dot_rows<T: Small>(weights: &[Lane], rows: [*const T; GROUP], len: usize) -> [Fr; GROUP] {
    let (zero, offset) = ([_mm512_setzero_si512(); 7], splat(1 << OFFSET_BITS));
    let mut sums = [Fr::default(); GROUP];
    for start in (0..len.div_ceil(8)).step_by(PRODUCTS) {
        let mut acc = [zero; GROUP];
        for (i, w) in weights[start..].iter().take(PRODUCTS).enumerate() {
            let (w, at) = (get(w), 8 * (start + i));
            for (acc, &row) in acc.iter_mut().zip(&rows) {
                // SAFETY: at most `len` integers are read.
                let v = unsafe { if at + 8 <= len { T::load8(row.add(at)) } else { load_tail(row.add(at), len - at) } };
                add_small(acc, &w, _mm512_add_epi64(v, offset));
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum += SmallSum::from_words(sum_lanes(acc)).reduce();
        }
    }
    sums
}

/// The weights of a column sum in the form that `sum_columns` broadcasts.
pub struct Weights(Vec<[u64; 5]>);

impl Weights {
    pub fn new(weights: &[Fr]) -> Self {
        // `reduce_small` divides by 2^104
        let shift = Fr::from(1u128 << 104);
        Self(weights.iter().map(|w| limbs((*w * shift).0.0)).collect())
    }
}

/// out[j] = base + sum_i weights[i] (2^51 + rows[i][j]), the rows being `stride` integers apart.
///
/// # Safety
/// `out.len()` integers must be readable in every row. `out` has at most 8 GROUP elements.
#[target_feature(enable = "avx512f,avx512ifma")]
pub unsafe fn sum_columns<T: Small>(weights: &Weights, base: &Fr, first: *const T, stride: isize, out: &mut [Fr]) {
    let (zero, offset, base) = (_mm512_setzero_si512(), splat(1 << OFFSET_BITS), broadcast(base));
    let (whole, tail) = (out.len() / 8, out.len() % 8);
    assert!(whole + (tail > 0) as usize <= GROUP);
    let mut acc = [[zero; 7]; GROUP];
    let mut row = first;
    for (i, w) in weights.0.iter().enumerate() {
        if i % PRODUCTS == PRODUCTS - 1 {
            for acc in &mut acc {
                carry_up(acc);
            }
        }
        let w = splat5(w);
        // SAFETY: the rows are readable.
        unsafe {
            if whole == GROUP {
                for (k, acc) in acc.iter_mut().enumerate() {
                    add_small(acc, &w, _mm512_add_epi64(T::load8(row.add(8 * k)), offset));
                }
            } else {
                for (k, acc) in acc.iter_mut().enumerate().take(whole) {
                    add_small(acc, &w, _mm512_add_epi64(T::load8(row.add(8 * k)), offset));
                }
                if tail > 0 {
                    let v = load_tail(row.add(8 * whole), tail);
                    add_small(&mut acc[whole], &w, _mm512_add_epi64(v, offset));
                }
            }
            row = row.wrapping_offset(stride);
        }
    }
    for (out, mut acc) in out.chunks_mut(8).zip(acc) {
        carry_up(&mut acc);
        let mut sum = add_limbs(&reduce_small(acc), &base);
        carry(&mut sum);
        let mut elements = [Fr::default(); 8];
        // SAFETY: eight elements.
        unsafe { store(elements.as_mut_ptr(), &canonical(&sum)) };
        out.copy_from_slice(&elements[..out.len()]);
    }
}

/// Carries unsigned limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry_up(x: &mut [__m512i; 7]) {
    for i in 0..6 {
        x[i + 1] = _mm512_add_epi64(x[i + 1], _mm512_srli_epi64::<52>(x[i]));
        x[i] = _mm512_and_si512(x[i], splat(MASK));
    }
}
