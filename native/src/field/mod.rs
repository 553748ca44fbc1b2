//! The scalar field F of BN254 and its canonical byte encoding.

pub mod column;
mod digits;
pub mod fractions;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod lanes;
pub mod plain;
pub mod rows;
pub mod slices;
pub mod wide;

pub use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Bytes of one canonical field element (little-endian, value < r).
pub const BYTES: usize = 32;

/// Canonical little-endian encoding.
pub fn to_bytes(x: &Fr) -> [u8; BYTES] {
    let mut out = [0u8; BYTES];
    out.copy_from_slice(&x.into_bigint().to_bytes_le());
    out
}

/// Decodes a canonical little-endian encoding; `None` when the value is not below r.
pub fn from_bytes(bytes: &[u8; BYTES]) -> Option<Fr> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(chunk.try_into().expect("chunks of 8"));
    }
    Fr::from_bigint(ark_ff::BigInt(limbs))
}

/// A signed integer as a field element.
#[inline]
pub fn from_i64(x: i64) -> Fr {
    if x >= 0 { Fr::from(x as u64) } else { -Fr::from(x.unsigned_abs()) }
}

/// Elements that a thread writes at once.
const PART: usize = 1 << 16;

/// A vector of zeros. A long one is written on all threads: its pages may have to be made first, which takes longer.
pub fn zeros(n: usize) -> Vec<Fr> {
    let mut out = Vec::with_capacity(n);
    let parts = out.spare_capacity_mut()[..n].par_chunks_mut(PART);
    parts.for_each(|part| part.fill(MaybeUninit::new(Fr::ZERO)));
    // SAFETY: the first n elements are written.
    unsafe { out.set_len(n) };
    out
}

/// A copy, made as `zeros` are.
pub fn copied(elements: &[Fr]) -> Vec<Fr> {
    let mut out = zeros(elements.len());
    out.par_chunks_mut(PART).zip(elements.par_chunks(PART)).for_each(|(out, part)| out.copy_from_slice(part));
    out
}
