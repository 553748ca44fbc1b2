//! G1 and G2 of BN254: encodings, powers of tau, multi-scalar multiplication.

pub mod batch;
pub mod buckets;
#[cfg(target_arch = "x86_64")]
mod ifma;
pub mod msm;
pub mod point;
pub mod powers;
