//! Hashes: Poseidon2 over F; BLAKE2b and keccak256 over bytes.

pub mod blake2b;
pub mod keccak;
pub mod poseidon2;
mod poseidon2_constants;
