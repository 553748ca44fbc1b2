//! The scalar field F of BN254 and its canonical byte encoding.

pub mod column;
mod digits;
pub mod fractions;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod lanes;
pub mod rows;
pub mod slices;
pub mod wide;

pub use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

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

/// A vector of zeros on fresh pages, which are not touched before they are written.
pub fn zeros(n: usize) -> Vec<Fr> {
    use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
    if n == 0 {
        return vec![];
    }
    let layout = Layout::array::<Fr>(n).expect("a size that fits");
    // SAFETY: the layout is not empty, and the element of all zero words is the element zero.
    unsafe {
        let block = alloc_zeroed(layout).cast::<Fr>();
        if block.is_null() {
            handle_alloc_error(layout);
        }
        Vec::from_raw_parts(block, n, n)
    }
}
