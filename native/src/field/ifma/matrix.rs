//! Rows of machine integers times field elements, eight columns at a time.
//!
//! # Safety
//! Every function needs a processor for which `detected()` holds.

use super::lanes::{Ifma, Lane, get};
use super::*;
use crate::field::rows::{RowWeights, Rows, Small, TILE};
use crate::field::wide::SmallSum;
use crate::memory::prefetch;

/// Products that are summed before limbs are carried: a limb grows by less than 2^53 for each.
const PRODUCTS: usize = 512;
/// Integers are made unsigned by adding 2^51.
const OFFSET_BITS: u32 = 51;
/// Rows that share the weights' limbs in registers.
const GROUP: usize = 4;
/// Vectors of eight columns that share a row's coefficient in registers: with more, sums leave the registers.
const PAIR: usize = 2;

/// Rows that are fetched before they are needed.
const AHEAD: usize = 24;
const CACHE_LINE: usize = 64;

/// Machine integers that can be widened eight at a time.
pub trait Widen: Sized {
    /// # Safety
    /// Eight integers must be readable at `p`.
    unsafe fn load8(p: *const Self) -> __m512i;
}

macro_rules! widen {
    ($($t:ty, $load:ident, $cast:ty, $convert:ident;)*) => {$(
        impl Widen for $t {
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

widen! {
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

type Acc = [__m512i; 7];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_small(acc: &mut Acc, w: &V, u: __m512i) {
    for i in 0..5 {
        acc[i] = _mm512_madd52lo_epu64(acc[i], w[i], u);
        acc[i + 1] = _mm512_madd52hi_epu64(acc[i + 1], w[i], u);
    }
}

/// Carries unsigned limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry_up(x: &mut Acc) {
    for i in 0..6 {
        x[i + 1] = _mm512_add_epi64(x[i + 1], _mm512_srli_epi64::<52>(x[i]));
        x[i] = _mm512_and_si512(x[i], splat(MASK));
    }
}

/// Eight partial sums of products; the limbs are carried between calls.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Sums([[u64; 8]; 7]);

impl Sums {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn get(&self) -> Acc {
        let p = self.0.as_ptr().cast::<__m512i>();
        // SAFETY: seven aligned vectors.
        unsafe { std::array::from_fn(|i| _mm512_load_si512(p.add(i))) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn set(&mut self, mut acc: Acc) {
        carry_up(&mut acc);
        let p = self.0.as_mut_ptr().cast::<__m512i>();
        for (i, limb) in acc.into_iter().enumerate() {
            // SAFETY: seven aligned vectors.
            unsafe { _mm512_store_si512(p.add(i), limb) };
        }
    }
}

/// sums[k] += weights (2^51 + rows[k]) over `len` elements, at most 8 PRODUCTS; `next` rows come after these.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn dots<T: Small, const N: usize>(
    sums: &mut [Sums],
    weights: &[Lane],
    rows: &[*const T],
    next: &[*const T],
    len: usize,
) {
    let offset = splat(1 << OFFSET_BITS);
    let rows: [*const T; N] = rows.try_into().expect("N rows");
    let mut acc: [Acc; N] = std::array::from_fn(|k| sums[k].get());
    for (i, w) in weights[..len / 8].iter().enumerate() {
        let w = get(w);
        if (8 * i * size_of::<T>()).is_multiple_of(CACHE_LINE) {
            next.iter().for_each(|row| prefetch(row.wrapping_add(8 * i)));
        }
        for (acc, &row) in acc.iter_mut().zip(&rows) {
            // SAFETY: at most `len` integers are read.
            add_small(acc, &w, _mm512_add_epi64(unsafe { T::load8(row.add(8 * i)) }, offset));
        }
    }
    if !len.is_multiple_of(8) {
        let (w, at) = (get(&weights[len / 8]), len / 8 * 8);
        for (acc, &row) in acc.iter_mut().zip(&rows) {
            // SAFETY: the row ends at `len`.
            add_small(acc, &w, _mm512_add_epi64(unsafe { load_tail(row.add(at), len - at) }, offset));
        }
    }
    for (sum, acc) in sums.iter_mut().zip(acc) {
        sum.set(acc);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn all_dots<T: Small>(sums: &mut [Sums], weights: &[Lane], rows: &[*const T], len: usize) {
    let following = rows.chunks(GROUP).skip(1).chain([&rows[..0]]);
    for ((sums, rows), next) in sums.chunks_mut(GROUP).zip(rows.chunks(GROUP)).zip(following) {
        // SAFETY: by the caller's promise.
        unsafe {
            match rows.len() {
                1 => dots::<T, 1>(sums, weights, rows, next, len),
                2 => dots::<T, 2>(sums, weights, rows, next, len),
                3 => dots::<T, 3>(sums, weights, rows, next, len),
                _ => dots::<T, 4>(sums, weights, rows, next, len),
            }
        }
    }
}

/// Adds to 8 PAIR columns; `width` of them exist.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn columns<T: Small>(sums: &mut [Sums], coefs: &[[u64; 5]], rows: &[*const T], first: usize, width: usize) {
    let offset = splat(1 << OFFSET_BITS);
    let mut acc: [Acc; PAIR] = std::array::from_fn(|k| sums[k].get());
    for (i, (c, &row)) in coefs.iter().zip(rows).enumerate() {
        if let Some(row) = rows.get(i + AHEAD) {
            prefetch(row.wrapping_add(first));
        }
        let (c, row) = (splat5(c), row.wrapping_add(first));
        // SAFETY: `width` integers are readable from there on.
        unsafe {
            if width == 8 * PAIR {
                for (k, acc) in acc.iter_mut().enumerate() {
                    add_small(acc, &c, _mm512_add_epi64(T::load8(row.add(8 * k)), offset));
                }
                continue;
            }
            for (k, acc) in acc.iter_mut().enumerate().take(width.div_ceil(8)) {
                let row = row.add(8 * k);
                let v = if 8 * k + 8 <= width { T::load8(row) } else { load_tail(row, width - 8 * k) };
                add_small(acc, &c, _mm512_add_epi64(v, offset));
            }
        }
    }
    for (sums, acc) in sums.iter_mut().zip(acc) {
        sums.set(acc);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn rows_sum<T: Small>(tile: &mut [Sums; TILE / 8], coefs: &[[u64; 5]], rows: &[*const T], width: usize) {
    for (coefs, rows) in coefs.chunks(PRODUCTS).zip(rows.chunks(PRODUCTS)) {
        for first in (0..width).step_by(8 * PAIR) {
            let sums = &mut tile[first / 8..first / 8 + PAIR];
            // SAFETY: `width` integers are readable in every row.
            unsafe { columns(sums, coefs, rows, first, (width - first).min(8 * PAIR)) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn store_sums(tile: &[Sums; TILE / 8], base: &Fr, out: &mut [Fr]) {
    let base = broadcast(base);
    for (out, sums) in out.chunks_mut(8).zip(tile) {
        // sums are below 2^48 r (offset included), so this is below r + 2^-56 r
        let mut sum = add_limbs(&reduce_small(sums.get()), &base);
        sum = carry(&sum);
        let sum = canonical(&sum);
        if out.len() == 8 {
            // SAFETY: eight elements.
            unsafe { store(out.as_mut_ptr(), &sum) };
        } else {
            let mut elements = [Fr::default(); 8];
            // SAFETY: eight elements.
            unsafe { store(elements.as_mut_ptr(), &sum) };
            out.copy_from_slice(&elements[..out.len()]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn value_of(sum: &Sums) -> Fr {
    SmallSum::from_words(sum_lanes(sum.get())).reduce()
}

// SAFETY of all calls: the type is only used when `detected()`.
impl Rows for Ifma {
    const LIMIT: u64 = 1 << OFFSET_BITS;
    const OFFSET: u64 = 1 << OFFSET_BITS;
    const SPAN: usize = 8;
    type Prepared = ();
    type Sum = Sums;
    type Coef = [u64; 5];
    type Tile = [Sums; TILE / 8];

    fn prepare(weights: &[Lane], out: &mut Vec<()>) {
        out.resize(out.len() + weights.len(), ());
    }

    unsafe fn add_dots<T: Small>(sums: &mut [Sums], weights: RowWeights<'_, Self>, rows: &[*const T], len: usize) {
        assert!(sums.len() == rows.len() && len <= 8 * PRODUCTS);
        unsafe { all_dots(sums, weights.lanes(), rows, len) }
    }

    fn value(sum: &Sums) -> Fr {
        unsafe { value_of(sum) }
    }

    fn coef(c: &Fr) -> [u64; 5] {
        // `reduce_small` divides by 2^104
        limbs((*c * Fr::from(1u128 << 104)).0.0)
    }

    unsafe fn add_rows<T: Small>(tile: &mut [Sums; TILE / 8], coefs: &[[u64; 5]], rows: &[*const T], width: usize) {
        assert!(coefs.len() == rows.len() && width <= TILE);
        unsafe { rows_sum(tile, coefs, rows, width) }
    }

    fn finish(tile: &[Sums; TILE / 8], base: &Fr, out: &mut [Fr]) {
        unsafe { store_sums(tile, base, out) }
    }
}
