//! The integer program: the exact execution that is proved (`docs/protocol.md`, section 2).
//!
//! Bit-identical to the readable twin `zkllm/model/reference.py`. Values that leave their declared width are
//! an error, never clamped.

pub mod attention;
pub mod limbs;
pub mod linear;
pub mod matmul;
pub mod norm;
pub mod quantise;
pub mod range;
pub mod sums;
