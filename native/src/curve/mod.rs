//! G1 and G2 of BN254: encodings, powers of tau, multi-scalar multiplication.

pub mod batch;
pub mod buckets;
pub mod msm;
pub mod point;
pub mod powers;
