//! Limbs of integers, each in the narrowest type. Twin: `zkllm/naive/integers.py`.

use crate::sumcheck::table::IntView;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

const CHUNK: usize = 1 << 13;

/// out = values >> shift, of which `width` keeps that many low bits. False where one does not fit.
pub fn limbs<T>(values: &IntView<'_>, shift: u32, width: Option<u32>, out: &mut [T]) -> bool
where
    T: Copy + Send + TryFrom<i64>,
{
    assert!(out.len() == values.len() && shift < 64 && width.is_none_or(|width| width < 64));
    let mask = width.map_or(-1, |width| (1i64 << width) - 1);
    let all = AtomicBool::new(true);
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let mut buffer = [0i64; CHUNK];
        let part = &mut buffer[..out.len()];
        values.read(i * CHUNK, part);
        for (x, &value) in out.iter_mut().zip(&*part) {
            match T::try_from(value >> shift & mask) {
                Ok(limb) => *x = limb,
                Err(_) => return all.store(false, Ordering::Relaxed),
            }
        }
    });
    all.into_inner()
}
