//! Large blocks of memory: on huge pages, and used again instead of returned.
//!
//! The kernels stream through tables of gigabytes that live for a stage or less. A fresh page has to be cleared by the
//! system when it is touched, which costs as much as the arithmetic (most of all in virtual machines); so blocks come
//! from one range of addresses, the lowest first, and pages of up to `KEPT` bytes of freed ones stay until `release`.

use std::alloc::{GlobalAlloc, Layout, System};

pub use arena::release;

/// Asks for the line of the cache at an address that is read soon: rows that lie apart come where the processor does not
/// expect them. A hint, for any address.
#[inline(always)]
pub fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; every x86-64 has SSE.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Blocks from this size on come from the arena.
const LARGE: usize = 1 << 22;

/// The system's allocator, but for large blocks.
pub struct LargeBlocks;

// SAFETY: a request goes to the arena or, unchanged, to the system's allocator, and a block back to where it came from.
unsafe impl GlobalAlloc for LargeBlocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= LARGE
            && let Some((block, _)) = arena::take(layout)
        {
            return block;
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= LARGE
            && let Some((block, used)) = arena::take(layout)
        {
            // SAFETY: the block has at least `size` bytes; those that were never used are zero.
            unsafe { block.write_bytes(0, used.min(layout.size())) };
            return block;
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size < LARGE && !arena::owns(block) {
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises a size that fits.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: two blocks of at least these sizes.
            unsafe { new.copy_from_nonoverlapping(block, layout.size().min(size)) };
            unsafe { self.dealloc(block, layout) };
        }
        new
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if arena::owns(block) { arena::give_back(block, layout) } else { unsafe { System.dealloc(block, layout) } }
    }
}

#[cfg(target_os = "linux")]
mod arena {
    use super::Layout;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

    const HUGE_PAGE: usize = 1 << 21;
    /// Of free blocks, at most: more would only be there when other things need the memory. `zkllm/memory.py` counts
    /// on it.
    const KEPT: usize = 1 << 32;
    /// Addresses, not memory: far more than any machine has.
    const RESERVED: usize = 1 << 40;

    struct Arena {
        start: usize,
        /// Nothing from here on was ever used.
        fresh: usize,
        /// Free ranges below `fresh`, no two of them adjacent, by address.
        free: BTreeMap<usize, Range>,
        /// Bytes of free ranges whose pages are there.
        kept: usize,
    }

    /// How long it is, and of how much of it pages are there: where, is forgotten.
    #[derive(Clone, Copy)]
    struct Range {
        size: usize,
        kept: usize,
    }

    /// None where the system does not reserve as many addresses.
    static ARENA: OnceLock<Option<(usize, Mutex<Arena>)>> = OnceLock::new();

    fn reserve() -> Option<(usize, Mutex<Arena>)> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new range at an address of the system's choice.
        let block =
            unsafe { libc::mmap(std::ptr::null_mut(), RESERVED, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if block == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the range just made. A refused hint does no harm; a dump without these pages is small.
        unsafe {
            libc::madvise(block, RESERVED, libc::MADV_HUGEPAGE);
            libc::madvise(block, RESERVED, libc::MADV_DONTDUMP);
        }
        let start = (block as usize).next_multiple_of(HUGE_PAGE);
        Some((start, Mutex::new(Arena { start, fresh: start, free: BTreeMap::new(), kept: 0 })))
    }

    fn locked(arena: &Mutex<Arena>) -> MutexGuard<'_, Arena> {
        arena.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block, and how many of its bytes may be other than zero.
    pub fn take(layout: Layout) -> Option<(*mut u8, usize)> {
        if layout.align() > HUGE_PAGE || layout.size() > RESERVED / 4 {
            return None;
        }
        let (_, arena) = ARENA.get_or_init(reserve).as_ref()?;
        let (address, used) = locked(arena).take(layout.size().next_multiple_of(HUGE_PAGE))?;
        Some((address as *mut u8, used))
    }

    pub fn owns(block: *mut u8) -> bool {
        let start = ARENA.get().and_then(|arena| arena.as_ref().map(|(start, _)| *start));
        start.is_some_and(|start| (block as usize).wrapping_sub(start) < RESERVED - HUGE_PAGE)
    }

    pub fn give_back(block: *mut u8, layout: Layout) {
        if let Some(Some((_, arena))) = ARENA.get() {
            locked(arena).give_back(block as usize, layout.size().next_multiple_of(HUGE_PAGE));
        }
    }

    /// Returns the pages of free blocks to the system.
    pub fn release() {
        if let Some(Some((_, arena))) = ARENA.get() {
            let mut arena = locked(arena);
            for (&address, range) in &mut arena.free {
                drop_pages(address, range.size);
                range.kept = 0;
            }
            arena.kept = 0;
            arena.lower();
        }
    }

    /// Of a free range.
    fn drop_pages(address: usize, size: usize) {
        // SAFETY: nobody has these pages.
        unsafe { libc::madvise(address as *mut _, size, libc::MADV_DONTNEED) };
    }

    impl Arena {
        fn take(&mut self, size: usize) -> Option<(usize, usize)> {
            if let Some((&address, &found)) = self.free.iter().find(|(_, found)| found.size >= size) {
                self.free.remove(&address);
                let kept = found.kept.min(size);
                self.kept -= kept;
                if found.size > size {
                    self.free.insert(address + size, Range { size: found.size - size, kept: found.kept - kept });
                }
                return Some((address, size));
            }
            let last = self.free.last_key_value().filter(|(address, found)| **address + found.size == self.fresh);
            let (address, last) = last.map_or((self.fresh, Range { size: 0, kept: 0 }), |(a, range)| (*a, *range));
            if address + size > self.start + RESERVED - HUGE_PAGE {
                return None;
            }
            self.free.remove(&address);
            self.kept -= last.kept;
            self.fresh = address + size;
            Some((address, last.size))
        }

        fn give_back(&mut self, mut address: usize, size: usize) {
            // the lowest are kept: blocks are taken from there
            let mut range = Range { size, kept: size.min(KEPT - self.kept) };
            if range.kept < size {
                drop_pages(address + range.kept, size - range.kept);
            }
            self.kept += range.kept;
            if let Some((&before, &other)) = self.free.range(..address).next_back()
                && before + other.size == address
            {
                (address, range) = (before, range.with(other));
            }
            if let Some(other) = self.free.remove(&(address + range.size)) {
                range = range.with(other);
            }
            self.free.insert(address, range);
        }

        /// The topmost range, whose pages are no longer there, counts as never used.
        fn lower(&mut self) {
            if let Some((&address, &range)) = self.free.last_key_value()
                && address + range.size == self.fresh
            {
                self.free.remove(&address);
                self.fresh = address;
            }
        }
    }

    /// Bytes that are kept, as counted and range by range.
    #[cfg(test)]
    pub fn kept() -> (usize, usize) {
        let arena = locked(&ARENA.get().and_then(Option::as_ref).expect("reserved").1);
        assert!(arena.free.values().all(|range| range.kept <= range.size) && arena.kept <= KEPT);
        (arena.kept, arena.free.values().map(|range| range.kept).sum())
    }

    impl Range {
        fn with(self, other: Self) -> Self {
            Self { size: self.size + other.size, kept: self.kept + other.kept }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod arena {
    use super::Layout;

    pub fn take(_layout: Layout) -> Option<(*mut u8, usize)> {
        None
    }

    pub fn owns(_block: *mut u8) -> bool {
        false
    }

    pub fn give_back(_block: *mut u8, _layout: Layout) {}

    pub fn release() {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Tests of the arena share it with every other test of the process: they look at blocks of their own alone.
    fn block(size: usize, zeroed: bool) -> (*mut u8, Layout) {
        let layout = Layout::from_size_align(size, 32).unwrap();
        // SAFETY: the layout is not empty.
        let block = unsafe { if zeroed { LargeBlocks.alloc_zeroed(layout) } else { LargeBlocks.alloc(layout) } };
        assert!(!block.is_null() && (block as usize).is_multiple_of(32));
        (block, layout)
    }

    fn bytes<'a>(block: *mut u8, size: usize) -> &'a mut [u8] {
        // SAFETY: the tests ask for bytes of blocks that they hold.
        unsafe { std::slice::from_raw_parts_mut(block, size) }
    }

    #[test]
    fn blocks_are_apart_and_zeroed_where_asked() {
        let sizes = [LARGE, LARGE + 1, 3 * LARGE + 4097, LARGE - 1, 5 * LARGE, LARGE];
        for round in 0..4u8 {
            let blocks: Vec<_> = sizes.iter().map(|&size| block(size, round % 2 == 1)).collect();
            for (i, (address, layout)) in blocks.iter().enumerate() {
                let held = bytes(*address, layout.size());
                assert!(round % 2 == 0 || held.iter().all(|&x| x == 0), "a zeroed block has what was there before");
                held.fill(16 * round + i as u8 + 1);
            }
            for (i, (address, layout)) in blocks.iter().enumerate() {
                assert!(
                    bytes(*address, layout.size()).iter().all(|&x| x == 16 * round + i as u8 + 1),
                    "blocks overlap"
                );
            }
            // every other one first: neighbours are joined from either side
            for (address, layout) in blocks.iter().step_by(2).chain(blocks.iter().skip(1).step_by(2)) {
                unsafe { LargeBlocks.dealloc(*address, *layout) };
            }
            release();
        }
    }

    /// Blocks of more than is kept, none of which is touched.
    #[test]
    fn what_is_kept_is_counted() {
        let (large, mut seed) = (1usize << 28, 7usize);
        for _ in 0..4 {
            let mut held: Vec<_> = (1..9).map(|i| block(large / i, false)).collect();
            while !held.is_empty() {
                seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
                let (address, layout) = held.swap_remove((seed >> 33) % held.len());
                unsafe { LargeBlocks.dealloc(address, layout) };
                let (counted, found) = arena::kept();
                assert_eq!(counted, found);
            }
        }
    }

    #[test]
    fn blocks_grow_and_shrink_across_the_limit() {
        let (mut address, mut layout) = block(1000, false);
        bytes(address, 1000).fill(7);
        for size in [LARGE, 9 * LARGE, LARGE - 5, 2 * LARGE, 2000] {
            // SAFETY: a block of this layout, which stays the block's.
            address = unsafe { LargeBlocks.realloc(address, layout, size) };
            layout = Layout::from_size_align(size, 32).unwrap();
            assert!(bytes(address, 1000).iter().all(|&x| x == 7));
            assert_eq!(arena::owns(address), size >= LARGE);
        }
        unsafe { LargeBlocks.dealloc(address, layout) };
    }
}
