//! Points each in one line of the cache. In an ordinary vector, which may start anywhere, each lies in two.

use super::point::Point;
use std::ops::{Deref, DerefMut};

const LINE_BYTES: usize = 64;

/// A fixed number of points; its memory is first touched when they are used.
pub struct Lines {
    words: Vec<[u64; 8]>,
    count: usize,
}

impl Lines {
    /// Points at infinity, which is all zeros.
    pub fn infinity(count: usize) -> Self {
        Self { words: vec![[0; 8]; count + 1], count }
    }

    fn skipped_bytes(&self) -> usize {
        self.words.as_ptr().addr().next_multiple_of(LINE_BYTES) - self.words.as_ptr().addr()
    }
}

impl Deref for Lines {
    type Target = [Point];

    fn deref(&self) -> &[Point] {
        // SAFETY: a point is eight words; less than one of the points that were allocated is skipped.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().byte_add(self.skipped_bytes()).cast(), self.count) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [Point] {
        let skipped = self.skipped_bytes();
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.words.as_mut_ptr().byte_add(skipped).cast(), self.count) }
    }
}
