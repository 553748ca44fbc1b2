//! Hashes over F.

pub mod poseidon2;
mod poseidon2_constants;
