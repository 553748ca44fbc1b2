//! With AVX-512 VNNI and with AVX2: pairs of lines are interleaved in registers.

use super::{Acts, BLOCK, Lanes, TILE};
use std::arch::x86_64::*;

/// lanes[r] += products of a tile's columns with row r of a group; lines are `stride` apart.
///
/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn tile_vnni(acts: &[Acts], lines: &[i16], stride: usize, lanes: &mut [Lanes]) {
    match lanes.len() {
        1 => rows_vnni::<1>(acts, lines, stride, lanes),
        2 => rows_vnni::<2>(acts, lines, stride, lanes),
        3 => rows_vnni::<3>(acts, lines, stride, lanes),
        4 => rows_vnni::<4>(acts, lines, stride, lanes),
        _ => unreachable!("a group has 1 to 4 rows"),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn rows_vnni<const R: usize>(acts: &[Acts], lines: &[i16], stride: usize, lanes: &mut [Lanes]) {
    assert!(lanes.len() == R && lines.len() >= (2 * acts.len() - 1) * stride + TILE);
    // SAFETY: lanes of a row and half are two vectors
    let mut acc: [[[__m512i; 2]; 2]; R] = std::array::from_fn(|r| {
        std::array::from_fn(|half| {
            std::array::from_fn(|c| unsafe { _mm512_loadu_si512(lanes[r][half].as_ptr().add(16 * c).cast()) })
        })
    });
    for (p, a) in acts.iter().enumerate() {
        // SAFETY: TILE int16 of both lines are readable, as was asserted; prefetches, of the block below, cannot fault
        let (upper, lower) = unsafe {
            let upper = lines.as_ptr().add(2 * p * stride);
            _mm_prefetch::<_MM_HINT_T0>(upper.wrapping_add(2 * BLOCK * stride).cast());
            _mm_prefetch::<_MM_HINT_T0>(upper.wrapping_add((2 * BLOCK + 1) * stride).cast());
            (_mm512_loadu_si512(upper.cast()), _mm512_loadu_si512(upper.add(stride).cast()))
        };
        let pairs = [_mm512_unpacklo_epi16(upper, lower), _mm512_unpackhi_epi16(upper, lower)];
        for r in 0..R {
            for half in 0..2 {
                let x = _mm512_set1_epi32(a[r][half] as i32);
                for (acc, pairs) in acc[r][half].iter_mut().zip(pairs) {
                    *acc = _mm512_dpwssd_epi32(*acc, pairs, x);
                }
            }
        }
    }
    for (lanes, acc) in lanes.iter_mut().flatten().zip(acc.into_iter().flatten()) {
        for (c, acc) in acc.into_iter().enumerate() {
            // SAFETY: as they were loaded
            unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().add(16 * c).cast(), acc) };
        }
    }
}

/// The same with AVX2.
///
/// # Safety
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn tile_avx2(acts: &[Acts], lines: &[i16], stride: usize, lanes: &mut [Lanes]) {
    for (i, lanes) in lanes.chunks_mut(2).enumerate() {
        match lanes.len() {
            1 => rows_avx2::<1>(acts, 2 * i, lines, stride, lanes),
            _ => rows_avx2::<2>(acts, 2 * i, lines, stride, lanes),
        }
    }
}

#[target_feature(enable = "avx2")]
fn rows_avx2<const R: usize>(acts: &[Acts], first: usize, lines: &[i16], stride: usize, lanes: &mut [Lanes]) {
    assert!(lanes.len() == R && lines.len() >= (2 * acts.len() - 1) * stride + TILE);
    for part in (0..TILE).step_by(16) {
        // SAFETY: lanes of a row and half are two vectors for each part of a tile
        let mut acc: [[[__m256i; 2]; 2]; R] = std::array::from_fn(|r| {
            std::array::from_fn(|half| {
                std::array::from_fn(|c| unsafe { _mm256_loadu_si256(lanes[r][half].as_ptr().add(part + 8 * c).cast()) })
            })
        });
        for (p, a) in acts.iter().enumerate() {
            // SAFETY: as above
            let (upper, lower) = unsafe {
                let upper = lines.as_ptr().add(2 * p * stride + part);
                (_mm256_loadu_si256(upper.cast()), _mm256_loadu_si256(upper.add(stride).cast()))
            };
            let pairs = [_mm256_unpacklo_epi16(upper, lower), _mm256_unpackhi_epi16(upper, lower)];
            for r in 0..R {
                for half in 0..2 {
                    let x = _mm256_set1_epi32(a[first + r][half] as i32);
                    for (acc, pairs) in acc[r][half].iter_mut().zip(pairs) {
                        *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(pairs, x));
                    }
                }
            }
        }
        for (lanes, acc) in lanes.iter_mut().flatten().zip(acc.into_iter().flatten()) {
            for (c, acc) in acc.into_iter().enumerate() {
                // SAFETY: as they were loaded
                unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().add(part + 8 * c).cast(), acc) };
            }
        }
    }
}
