//! Large blocks of memory on huge pages.
//!
//! The kernels stream through tables of gigabytes; with pages of 4 KiB, the page faults of fresh tables cost as
//! much as the arithmetic (most of all in virtual machines).

use std::alloc::{GlobalAlloc, Layout, System};

/// Blocks from this size on are worth a system call.
const LARGE: usize = 1 << 22;

/// The system's allocator, with a hint to the kernel for large blocks.
pub struct HugePages;

#[cfg(target_os = "linux")]
fn advise(block: *mut u8, size: usize) {
    unsafe extern "C" {
        fn madvise(address: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
    }
    const MADV_HUGEPAGE: i32 = 14;
    const PAGE: usize = 1 << 12;
    if size >= LARGE && !block.is_null() {
        let start = (block as usize).next_multiple_of(PAGE);
        let length = (block as usize + size - start) & !(PAGE - 1);
        // SAFETY: the pages lie in a block that was just allocated. A refused hint does no harm.
        unsafe { madvise(start as *mut _, length, MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_block: *mut u8, _size: usize) {}

// SAFETY: every request goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { System.alloc(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { System.alloc_zeroed(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let block = unsafe { System.realloc(block, layout, size) };
        advise(block, size);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
