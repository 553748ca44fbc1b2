//! Kernels of the zkLLM prover. No protocol logic lives here: Python decides what is computed and in which
//! order, and owns the transcript. Every kernel has a naive Python twin (`zkllm/naive/`, or the
//! reference functions named in its doc comment) that the tests compare it with.

#![allow(clippy::needless_range_loop)] // limb arithmetic names the limbs of several numbers by one index

pub mod curve;
pub mod field;
pub mod hash;
pub mod int;
#[cfg(target_arch = "x86_64")]
mod limbs52;
pub mod logup;
pub mod memory;
pub mod plonk;
pub mod sumcheck;
mod words;

#[cfg(feature = "python")]
mod python;

#[global_allocator]
static ALLOCATOR: memory::LargeBlocks = memory::LargeBlocks;
