//! G1 and G2 of BN254: encodings, powers of tau, multi-scalar multiplication.

pub mod batch;
pub mod buckets;
pub mod ceremony;
mod fq;
#[cfg(target_arch = "x86_64")]
mod fq8;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod inverse;
mod lines;
pub mod msm;
pub mod point;
mod pool;
pub mod powers;
#[cfg(target_arch = "x86_64")]
mod projective8;
mod scalar;
mod sort;
pub mod transform;
