//! Affine additions in batches that share one inversion (Montgomery's trick): 5 products and a square each.
//!
//! Coordinates of operands and results are below 1.7 p with vector instructions, else below 2 p (`Point::reduced` gives
//! the unique ones); infinity is exactly (0, 0), as no point of the curve has x = 0.

#[cfg(target_arch = "x86_64")]
use super::ifma;
use super::point::Point;
use super::scalar;
use crate::field::slices;
use ark_bn254::G1Affine;

/// Additions that share an inversion. Their operands stay in the second-level cache.
pub const BATCH: usize = 1024;

/// Additions that the kernels take at once.
const GROUP: usize = 16;

/// A point to be added, or with `negative` subtracted: the address, the sign in its lowest bit.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Term(*const Point);

// SAFETY: whoever reads it vouches for the address.
unsafe impl Send for Term {}

impl Term {
    #[inline]
    pub fn new(point: *const Point, negative: bool) -> Self {
        Self(point.wrapping_byte_add(negative as usize))
    }

    #[inline]
    pub fn is_negative(self) -> bool {
        self.0.addr() & 1 == 1
    }

    #[inline]
    pub fn address(self) -> *const Point {
        self.0.map_addr(|a| a & !1)
    }

    /// The signed point.
    ///
    /// # Safety
    /// The point must be readable.
    #[inline]
    pub unsafe fn read(self) -> Point {
        // SAFETY: as the caller says.
        let point = unsafe { *self.address() };
        if self.is_negative() { point.negated() } else { point }
    }
}

/// Points soon to be operands, to be fetched while others are added.
#[derive(Clone, Copy)]
pub struct Ahead<'a> {
    pub points: &'a [Point],
    /// Indices in the low 31 bits.
    pub entries: &'a [u32],
}

impl Ahead<'_> {
    pub const NOTHING: Self = Self { points: &[], entries: &[] };

    /// The number of points in each of `parts` parts.
    pub fn share(&self, parts: usize) -> usize {
        self.entries.len().div_ceil(parts)
    }

    /// Fetches `count` points from entry `start`.
    #[inline]
    pub fn fetch(&self, start: usize, count: usize) {
        let part = self.entries.get(start..).unwrap_or_default();
        for entry in &part[..count.min(part.len())] {
            prefetch(self.points.as_ptr().wrapping_add((entry & (u32::MAX >> 1)) as usize));
        }
    }
}

#[inline]
fn prefetch(point: *const Point) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(point.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = point;
}

enum Kernel {
    Scalar(scalar::Scratch),
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Scratch),
}

/// Additions waiting to be done together.
pub struct Batch {
    count: usize,
    left: Box<[Term; BATCH]>,
    right: Box<[Term; BATCH]>,
    out: Box<[*mut Point; BATCH]>,
    kernel: Kernel,
}

// SAFETY: whoever pushes an addition vouches for its pointers until it is done.
unsafe impl Send for Batch {}

impl Default for Batch {
    fn default() -> Self {
        let kernel = match slices::backend() {
            #[cfg(target_arch = "x86_64")]
            slices::Backend::Ifma => Kernel::Ifma(ifma::Scratch::default()),
            _ => Kernel::Scalar(scalar::Scratch::default()),
        };
        let nothing = Term(std::ptr::null());
        Self {
            count: 0,
            left: Box::new([nothing; BATCH]),
            right: Box::new([nothing; BATCH]),
            out: Box::new([std::ptr::null_mut(); BATCH]),
            kernel,
        }
    }
}

impl Batch {
    pub fn is_full(&self) -> bool {
        self.count == BATCH
    }

    /// Later, out = left + right.
    ///
    /// # Safety
    /// The batch must not be full. Until `run`: the operands must stay readable and unchanged, `out` writable; it differs from those of the other
    /// additions and from their operands (it may be an operand of its own addition).
    #[inline]
    pub unsafe fn push(&mut self, left: Term, right: Term, out: *mut Point) {
        self.left[self.count] = left;
        self.right[self.count] = right;
        self.out[self.count] = out;
        self.count += 1;
    }

    /// Does all additions that wait, fetching what lies ahead meanwhile.
    pub fn run(&mut self, ahead: Ahead<'_>) {
        if self.count == 0 {
            ahead.fetch(0, usize::MAX);
            return;
        }
        // any two points with distinct x fill the last group
        let filling = [Point { x: [1, 0, 0, 0], y: [1; 4] }, Point { x: [2, 0, 0, 0], y: [1; 4] }];
        let mut nowhere = [Point::INFINITY; GROUP];
        let missing = self.count.next_multiple_of(GROUP) - self.count;
        let nowhere = nowhere.as_mut_ptr();
        for i in 0..missing {
            let out = nowhere.wrapping_add(i);
            // SAFETY: the places last until the additions are done.
            unsafe { self.push(Term::new(&filling[0], false), Term::new(&filling[1], false), out) };
        }
        let n = self.count;
        let (left, right, out) = (&self.left[..n], &self.right[..n], &self.out[..n]);
        // SAFETY: `push`'s callers vouch for the pointers; the vector kernel exists only where the processor has the
        // instructions.
        unsafe {
            match &mut self.kernel {
                Kernel::Scalar(scratch) => scalar::add(left, right, out, scratch, ahead),
                #[cfg(target_arch = "x86_64")]
                Kernel::Ifma(scratch) => ifma::add(left, right, out, scratch, ahead),
            }
        }
        self.count = 0;
    }
}

/// out[i] = left[i] + right[i], any points.
pub fn add(left: &[Point], right: &[Point], out: &mut [Point], batch: &mut Batch) {
    assert!(right.len() == left.len() && out.len() == left.len());
    let base = out.as_mut_ptr();
    for (i, (l, r)) in left.iter().zip(right).enumerate() {
        // SAFETY: the slices are borrowed until `run`, and do not overlap.
        unsafe { batch.push(Term::new(l, false), Term::new(r, false), base.add(i)) };
        if batch.is_full() {
            batch.run(Ahead::NOTHING);
        }
    }
    batch.run(Ahead::NOTHING);
}

/// left + right for any points, with an inversion of its own where it needs one.
#[cold]
pub fn add_special(left: &Point, right: &Point) -> Point {
    if left.is_infinity() {
        return *right;
    }
    if right.is_infinity() {
        return *left;
    }
    Point::from_affine(&G1Affine::from(left.to_affine() + right.to_affine()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::powers::{self, G1Powers};
    use crate::field::Fr;
    use crate::words::Carries;

    /// Runs additions of signed operands on a kernel and compares with arkworks.
    fn check(mut kernel: Kernel) {
        let n = BATCH + 37;
        let points = G1Powers::new(2 * n).multiply(&powers::scalars(Fr::from(3u64), Fr::from(1u64), 0, 2 * n));
        let (mut left, mut right) = (points[..n].to_vec(), points[n..].to_vec());
        // doublings, opposite points, infinity on either side and on both
        right[3] = left[3];
        right[17] = left[17].negated();
        left[20] = Point::INFINITY;
        right[21] = Point::INFINITY;
        (left[22], right[22]) = (Point::INFINITY, Point::INFINITY);
        for plain in [false, true] {
            for count in [1, 5, 16, 17, 100, BATCH] {
                let start = if plain { 40 } else { 0 };
                let batch_kernel = std::mem::replace(&mut kernel, Kernel::Scalar(scalar::Scratch::default()));
                let mut batch = Batch { kernel: batch_kernel, ..Batch::default() };
                let mut out = vec![Point::INFINITY; count.min(n - start)];
                let base = out.as_mut_ptr();
                let signs = |i: usize| (i % 3 == 1, i % 5 > 2);
                for i in 0..out.len() {
                    let (l, r) = signs(i);
                    let terms = (Term::new(&left[start + i], l), Term::new(&right[start + i], r));
                    unsafe { batch.push(terms.0, terms.1, base.add(i)) };
                }
                batch.run(Ahead { points: &points, entries: &[1, 2, 3] });
                for (i, sum) in out.iter().enumerate() {
                    let (l, r) = signs(i);
                    let signed = |p: &Point, minus: bool| if minus { -p.to_affine() } else { p.to_affine() };
                    let expected = (signed(&left[start + i], l) + signed(&right[start + i], r)).into();
                    assert_eq!(sum.reduced(), Point::from_affine(&expected), "{i} of {count}");
                }
                kernel = batch.kernel;
            }
        }
    }

    #[test]
    fn scalar_additions() {
        check(Kernel::Scalar(scalar::Scratch::default()));
        check(Kernel::Scalar(scalar::Scratch::new(Carries::One)));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn vector_additions() {
        if crate::field::ifma::detected() {
            check(Kernel::Ifma(ifma::Scratch::default()));
        }
    }
}
