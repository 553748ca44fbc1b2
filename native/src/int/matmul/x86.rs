//! The vector kernels: AVX-512 VNNI (`vpdpwssd`, 32 products an instruction) and AVX2 (`vpmaddwd`, 16).

use super::Kernel;
use super::split::{GROUP, PAIRS, Split, TILE, halve, pair};
use std::arch::x86_64::*;
use std::ops::Range;

/// Sums of the columns of `span`, rows x (their number rounded up to whole tiles).
///
/// A block of the matrix is interleaved once, (w[2p][j], w[2p+1][j]) in one int32, and used by all rows.
///
/// # Safety
/// The processor must have the kernel's instructions.
pub unsafe fn columns(
    kernel: Kernel,
    a: &Split,
    w: &[i16],
    rows: usize,
    inner: usize,
    outer: usize,
    span: Range<usize>,
) -> Vec<i64> {
    let stride = span.len().next_multiple_of(TILE);
    let mut sums = vec![0i64; rows.next_multiple_of(GROUP) * stride];
    let mut packed = vec![0u32; PAIRS * stride];
    for first in (0..inner.div_ceil(2)).step_by(PAIRS) {
        let pairs = PAIRS.min(inner.div_ceil(2) - first);
        let lines = &w[2 * first * outer..inner.min(2 * (first + pairs)) * outer];
        match kernel {
            // SAFETY: as the caller says
            Kernel::Vnni => unsafe { pack_vnni(lines, outer, span.clone(), &mut packed) },
            // SAFETY: as above
            Kernel::Avx2 => unsafe { pack_avx2(lines, outer, span.clone(), &mut packed) },
            Kernel::Portable => unreachable!("portable products take another way"),
        }
        for group in 0..rows.div_ceil(GROUP) {
            let acts = a.group(group, first, pairs);
            for (tile, w) in packed[..pairs * stride].chunks_exact(pairs * TILE).enumerate() {
                let at = group * GROUP * stride + tile * TILE;
                let sums = &mut sums[at..];
                match kernel {
                    // SAFETY: as the caller says
                    Kernel::Vnni => unsafe { tile_vnni(acts, w, sums, stride) },
                    // SAFETY: as above
                    Kernel::Avx2 => unsafe { tile_avx2(acts, w, sums, stride) },
                    Kernel::Portable => unreachable!("portable products take another way"),
                }
            }
        }
    }
    sums
}

/// Pair p of every column, into tiles x pairs x TILE. `lower` is empty below the last row of an odd matrix.
#[inline(always)]
fn interleave(upper: &[i16], lower: &[i16], p: usize, pairs: usize, packed: &mut [u32]) {
    for (tile, upper) in upper.chunks(TILE).enumerate() {
        let target = &mut packed[(tile * pairs + p) * TILE..][..TILE];
        match (upper.len(), lower.get(tile * TILE..(tile + 1) * TILE)) {
            (TILE, Some(lower)) => {
                for i in 0..TILE {
                    target[i] = pair(upper[i], lower[i]);
                }
            }
            _ => {
                target.fill(0);
                for (i, x) in upper.iter().enumerate() {
                    target[i] = pair(*x, lower.get(tile * TILE + i).copied().unwrap_or(0));
                }
            }
        }
    }
}

/// `interleave`, in whole vectors, for the pairs of consecutive rows in `w` (2 pairs x outer, of which `span` is
/// taken; the last row may be missing).
///
/// # Safety
/// The processor must have AVX-512 F and BW.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_vnni(w: &[i16], outer: usize, span: Range<usize>, packed: &mut [u32]) {
    const AHEAD: usize = 8; // pairs that are fetched before they are needed
    let (rows, pairs) = (w.len() / outer, w.len().div_ceil(2 * outer));
    let whole = span.len() / TILE;
    let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for p in 0..pairs {
        let upper = &w[2 * p * outer..][span.clone()];
        if 2 * p + 1 == rows {
            interleave(upper, &[], p, pairs, packed);
            continue;
        }
        let lower = &w[(2 * p + 1) * outer..][span.clone()];
        let (a, b) = (upper.as_ptr(), lower.as_ptr());
        for tile in 0..whole {
            let target = packed[(tile * pairs + p) * TILE..][..TILE].as_mut_ptr();
            // SAFETY: TILE int16 are readable at both, TILE int32 writable at the target; prefetches cannot fault
            unsafe {
                let (a, b) = (a.add(tile * TILE), b.add(tile * TILE));
                _mm_prefetch::<_MM_HINT_T0>(a.wrapping_add(2 * AHEAD * outer).cast());
                _mm_prefetch::<_MM_HINT_T0>(b.wrapping_add(2 * AHEAD * outer).cast());
                let (a, b) = (_mm512_loadu_si512(a.cast()), _mm512_loadu_si512(b.cast()));
                // 128-bit parts of columns 0.., 8.., 16.., 24.. and 4.., 12.., 20.., 28..
                let (low, high) = (_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b));
                let target = target.cast::<__m512i>();
                _mm512_storeu_si512(target, _mm512_permutex2var_epi64(low, first, high));
                _mm512_storeu_si512(target.add(1), _mm512_permutex2var_epi64(low, second, high));
            }
        }
        let done = whole * TILE;
        interleave(&upper[done..], &lower[done..], p, pairs, &mut packed[whole * pairs * TILE..]);
    }
}

/// The same with AVX2.
///
/// # Safety
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
unsafe fn pack_avx2(w: &[i16], outer: usize, span: Range<usize>, packed: &mut [u32]) {
    let (rows, pairs) = (w.len() / outer, w.len().div_ceil(2 * outer));
    for p in 0..pairs {
        let lower = if 2 * p + 1 < rows { &w[(2 * p + 1) * outer..][span.clone()] } else { &[] };
        interleave(&w[2 * p * outer..][span.clone()], lower, p, pairs, packed);
    }
}

/// sums[r][j] += a tile's products, for GROUP rows and TILE columns; rows of `sums` are `stride` apart.
///
/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn tile_vnni(acts: &[[[u32; 2]; GROUP]], w: &[u32], sums: &mut [i64], stride: usize) {
    const VECTORS: usize = TILE / 16;
    assert!(w.len() == acts.len() * TILE && sums.len() >= (GROUP - 1) * stride + TILE);
    let mut acc = [[[_mm512_setzero_si512(); VECTORS]; 2]; GROUP];
    for (a, w) in acts.iter().zip(w.chunks_exact(TILE)) {
        // SAFETY: TILE int32 are readable
        let w: [__m512i; VECTORS] =
            std::array::from_fn(|c| unsafe { _mm512_loadu_si512(w.as_ptr().add(16 * c).cast()) });
        for r in 0..GROUP {
            for half in 0..2 {
                let x = _mm512_set1_epi32(a[r][half] as i32);
                for c in 0..VECTORS {
                    acc[r][half][c] = _mm512_dpwssd_epi32(acc[r][half][c], w[c], x);
                }
            }
        }
    }
    for r in 0..GROUP {
        for c in 0..VECTORS {
            let (low, high) = (acc[r][0][c], acc[r][1][c]);
            for (i, (low, high)) in [
                (_mm512_castsi512_si256(low), _mm512_castsi512_si256(high)),
                (_mm512_extracti64x4_epi64::<1>(low), _mm512_extracti64x4_epi64::<1>(high)),
            ]
            .into_iter()
            .enumerate()
            {
                let sum =
                    _mm512_add_epi64(_mm512_cvtepi32_epi64(low), _mm512_slli_epi64::<8>(_mm512_cvtepi32_epi64(high)));
                let target = sums[r * stride + 16 * c + 8 * i..][..8].as_mut_ptr().cast::<__m512i>();
                // SAFETY: 8 int64 are readable and writable
                unsafe { _mm512_storeu_si512(target, _mm512_add_epi64(_mm512_loadu_si512(target), sum)) };
            }
        }
    }
}

/// The same with AVX2.
///
/// # Safety
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
unsafe fn tile_avx2(acts: &[[[u32; 2]; GROUP]], w: &[u32], sums: &mut [i64], stride: usize) {
    assert!(w.len() == acts.len() * TILE && sums.len() >= (GROUP - 1) * stride + TILE);
    for c in 0..TILE / 8 {
        let mut acc = [[_mm256_setzero_si256(); 2]; GROUP];
        for (a, w) in acts.iter().zip(w.chunks_exact(TILE)) {
            // SAFETY: 8 int32 are readable
            let w = unsafe { _mm256_loadu_si256(w[8 * c..][..8].as_ptr().cast()) };
            for r in 0..GROUP {
                for half in 0..2 {
                    let x = _mm256_set1_epi32(a[r][half] as i32);
                    acc[r][half] = _mm256_add_epi32(acc[r][half], _mm256_madd_epi16(w, x));
                }
            }
        }
        for r in 0..GROUP {
            let mut lanes = [[0i32; 8]; 2];
            for half in 0..2 {
                // SAFETY: 8 int32 are writable
                unsafe { _mm256_storeu_si256(lanes[half].as_mut_ptr().cast(), acc[r][half]) };
            }
            for (i, sum) in sums[r * stride + 8 * c..][..8].iter_mut().enumerate() {
                *sum += i64::from(lanes[0][i]) + (i64::from(lanes[1][i]) << 8);
            }
        }
    }
}

/// The low and the high halves of all values.
pub fn halves(a: &[i16]) -> (Vec<i16>, Vec<i16>) {
    a.iter().map(|x| halve(*x)).unzip()
}

/// Elements of a row between widenings: 2 products a lane and step, fewer than 2^9 - 2.
const DEPTH_VNNI: usize = 32 * 254;
const DEPTH_AVX2: usize = 16 * 254;
/// Rows of w that share the loads of a row of a.
const LINES: usize = 4;

/// Products of every row of a = 2^8 high + low with every row of w, rows of a x rows of w.
///
/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn rows_vnni(low: &[i16], high: &[i16], w: &[i16], inner: usize) -> Vec<i64> {
    let lines = w.len() / inner;
    let mut out = vec![0i64; low.len() / inner * lines];
    for first in (0..lines).step_by(LINES) {
        let count = LINES.min(lines - first);
        for (t, (low, high)) in low.chunks_exact(inner).zip(high.chunks_exact(inner)).enumerate() {
            for start in (0..inner).step_by(DEPTH_VNNI) {
                let end = inner.min(start + DEPTH_VNNI);
                let mut acc = [[_mm512_setzero_si512(); 2]; LINES];
                for k in (start..end).step_by(32) {
                    let mask = u32::MAX >> (32 - (end - k).min(32));
                    // SAFETY: the lanes of the mask lie in the rows; a line past the last one repeats it
                    unsafe {
                        let x = _mm512_maskz_loadu_epi16(mask, low.as_ptr().add(k));
                        let y = _mm512_maskz_loadu_epi16(mask, high.as_ptr().add(k));
                        for (i, acc) in acc.iter_mut().enumerate() {
                            let line = first + i.min(count - 1);
                            let w = _mm512_maskz_loadu_epi16(mask, w.as_ptr().add(line * inner + k));
                            acc[0] = _mm512_dpwssd_epi32(acc[0], w, x);
                            acc[1] = _mm512_dpwssd_epi32(acc[1], w, y);
                        }
                    }
                }
                for (i, acc) in acc[..count].iter().enumerate() {
                    let [low, high] = acc.map(|v| {
                        let (a, b) = (_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64::<1>(v));
                        _mm512_add_epi64(_mm512_cvtepi32_epi64(a), _mm512_cvtepi32_epi64(b))
                    });
                    let sum = _mm512_add_epi64(low, _mm512_slli_epi64::<8>(high));
                    out[t * lines + first + i] += _mm512_reduce_add_epi64(sum);
                }
            }
        }
    }
    out
}

/// The same with AVX2.
///
/// # Safety
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn rows_avx2(low: &[i16], high: &[i16], w: &[i16], inner: usize) -> Vec<i64> {
    let lines = w.len() / inner;
    let mut out = vec![0i64; low.len() / inner * lines];
    for first in (0..lines).step_by(LINES) {
        let count = LINES.min(lines - first);
        for (t, (low, high)) in low.chunks_exact(inner).zip(high.chunks_exact(inner)).enumerate() {
            for start in (0..inner).step_by(DEPTH_AVX2) {
                let end = inner.min(start + DEPTH_AVX2);
                let whole = start + (end - start) / 16 * 16;
                let mut acc = [[_mm256_setzero_si256(); 2]; LINES];
                for k in (start..whole).step_by(16) {
                    // SAFETY: 16 int16 of each row are readable; a line past the last one repeats it
                    unsafe {
                        let x = _mm256_loadu_si256(low.as_ptr().add(k).cast());
                        let y = _mm256_loadu_si256(high.as_ptr().add(k).cast());
                        for (i, acc) in acc.iter_mut().enumerate() {
                            let line = first + i.min(count - 1);
                            let w = _mm256_loadu_si256(w.as_ptr().add(line * inner + k).cast());
                            acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(w, x));
                            acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(w, y));
                        }
                    }
                }
                for (i, acc) in acc[..count].iter().enumerate() {
                    let [mut a, mut b] = acc.map(|v| {
                        let mut lanes = [0i32; 8];
                        // SAFETY: 8 int32 are writable
                        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), v) };
                        lanes.iter().map(|x| i64::from(*x)).sum::<i64>()
                    });
                    for k in whole..end {
                        let w = i64::from(w[(first + i) * inner + k]);
                        a += w * i64::from(low[k]);
                        b += w * i64::from(high[k]);
                    }
                    out[t * lines + first + i] += a + (b << 8);
                }
            }
        }
    }
    out
}
