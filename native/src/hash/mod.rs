//! Hashes: Poseidon2 over F, BLAKE2b over bytes.

pub mod blake2b;
pub mod poseidon2;
mod poseidon2_constants;
