//! Sumcheck over named axes of real (unpadded) sizes, and the tensor kernels around it.

pub mod contract;
pub mod data;
pub mod instance;
pub mod later;
mod pairs;
mod plan;
pub mod reduction;
mod round;
mod runs;
pub mod table;
pub mod tensor;
pub mod weight;

/// What a long kernel calls between chunks, on the thread that called it; `true` asks it to stop.
pub type Poll<'a> = &'a dyn Fn() -> bool;

/// A kernel was stopped by its `Poll`; nothing was changed.
#[derive(Debug)]
pub struct Interrupted;

/// Field operations between two polls: tens of milliseconds of work.
pub const POLL_INTERVAL: usize = 1 << 22;

pub fn check(poll: Poll<'_>) -> Result<(), Interrupted> {
    if poll() { Err(Interrupted) } else { Ok(()) }
}

/// The number of bits that index an axis of `size` elements: ceil(log2(size)).
pub fn bits(size: usize) -> usize {
    size.next_power_of_two().trailing_zeros() as usize
}
