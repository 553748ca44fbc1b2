//! Kernels of the outer proof and of Mercury: polynomials, the circuit's witness, quotients.

pub mod circuit;
pub mod mercury;
pub mod ntt;
pub mod poly;
pub mod quotient;
