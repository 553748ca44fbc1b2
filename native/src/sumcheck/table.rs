//! Tables of small integers that stay where they are (memory-mapped, strided), and tables of field elements.

use crate::field::{Fr, slices};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Machine integer types of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
}

/// Evaluates an expression with `$t` bound to the Rust type of an `IntType`.
macro_rules! with_type {
    ($dtype:expr, $t:ident, $body:expr) => {
        match $dtype {
            $crate::sumcheck::table::IntType::I8 => {
                type $t = i8;
                $body
            }
            $crate::sumcheck::table::IntType::U8 => {
                type $t = u8;
                $body
            }
            $crate::sumcheck::table::IntType::I16 => {
                type $t = i16;
                $body
            }
            $crate::sumcheck::table::IntType::U16 => {
                type $t = u16;
                $body
            }
            $crate::sumcheck::table::IntType::I32 => {
                type $t = i32;
                $body
            }
            $crate::sumcheck::table::IntType::U32 => {
                type $t = u32;
                $body
            }
            $crate::sumcheck::table::IntType::I64 => {
                type $t = i64;
                $body
            }
        }
    };
}
pub(crate) use with_type;

impl IntType {
    /// Bytes of an integer.
    pub fn size(self) -> usize {
        with_type!(self, T, size_of::<T>())
    }
}

/// A borrowed, strided, read-only array of machine integers (a numpy array's memory).
#[derive(Clone)]
pub struct IntView<'a> {
    base: *const u8,
    dtype: IntType,
    shape: Vec<usize>,
    /// Distances in elements.
    strides: Vec<isize>,
    lifetime: PhantomData<&'a [u8]>,
}

// SAFETY: the memory is borrowed for 'a and only read.
unsafe impl Send for IntView<'_> {}
unsafe impl Sync for IntView<'_> {}

impl<'a> IntView<'a> {
    /// # Safety
    /// Every element that `shape` and `strides` (in elements) reach from `base` must be a readable, aligned
    /// integer of type `dtype` for the lifetime 'a, and must not be written during it.
    pub unsafe fn new(base: *const u8, dtype: IntType, shape: Vec<usize>, strides: Vec<isize>) -> Self {
        assert_eq!(shape.len(), strides.len());
        Self { base, dtype, shape, strides, lifetime: PhantomData }
    }

    /// A contiguous slice as a table of one axis.
    pub fn from_slice(values: &'a [i64]) -> Self {
        // SAFETY: the slice is borrowed for 'a.
        unsafe { Self::new(values.as_ptr().cast(), IntType::I64, vec![values.len()], vec![1]) }
    }

    /// The table at an index of the first axis.
    pub fn part(&self, index: usize) -> Self {
        assert!(index < self.shape[0]);
        let bytes = index as isize * self.strides[0] * self.dtype.size() as isize;
        Self {
            base: self.base.wrapping_offset(bytes),
            dtype: self.dtype,
            shape: self.shape[1..].to_vec(),
            strides: self.strides[1..].to_vec(),
            lifetime: PhantomData,
        }
    }

    /// Some indices of an axis.
    pub fn narrowed(&self, axis: usize, range: std::ops::Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.shape[axis]);
        let bytes = range.start as isize * self.strides[axis] * self.dtype.size() as isize;
        let mut part = Self { base: self.base.wrapping_offset(bytes), ..self.clone() };
        part.shape[axis] = range.len();
        part
    }

    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn dtype(&self) -> IntType {
        self.dtype
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// The first element's address, for kernels that are generic over the integer type.
    pub fn base(&self) -> *const u8 {
        self.base
    }

    /// `out.len()` elements `stride` apart, the first one `offset` elements from the base.
    ///
    /// # Safety
    /// All of them must be elements of the table.
    #[inline]
    #[allow(clippy::unnecessary_cast)] // for one of the types
    pub unsafe fn load(&self, offset: isize, stride: isize, out: &mut [i64]) {
        with_type!(self.dtype, T, {
            // SAFETY: within the table by the caller's promise.
            unsafe {
                let (first, len) = (self.base.cast::<T>().offset(offset), out.len());
                if stride == 1 {
                    for (x, &v) in out.iter_mut().zip(std::slice::from_raw_parts(first, len)) {
                        *x = v as i64;
                    }
                } else {
                    for (i, x) in out.iter_mut().enumerate() {
                        *x = *first.offset(i as isize * stride) as i64;
                    }
                }
            }
        })
    }

    /// Elements start .. start + out.len() in row-major order.
    pub fn read(&self, start: usize, out: &mut [i64]) {
        assert!(start + out.len() <= self.len());
        if out.is_empty() {
            return;
        }
        // trailing axes that lie contiguously in one run of `run` elements, `stride` apart
        let (mut outer, mut run, mut stride) = (self.shape.len(), 1, 1);
        if outer > 0 {
            outer -= 1;
            (run, stride) = (self.shape[outer], self.strides[outer]);
        }
        while outer > 0 && self.strides[outer - 1] == run as isize * stride {
            outer -= 1;
            run *= self.shape[outer];
        }
        let (mut row, mut column, mut done) = (start / run, start % run, 0);
        while done < out.len() {
            let (mut offset, mut rest) = (0, row);
            for (n, s) in self.shape[..outer].iter().zip(&self.strides[..outer]).rev() {
                offset += (rest % n) as isize * s;
                rest /= n;
            }
            let count = (run - column).min(out.len() - done);
            // SAFETY: row and column index elements of the table, since start + out.len() <= len.
            unsafe { self.load(offset + column as isize * stride, stride, &mut out[done..done + count]) };
            done += count;
            (row, column) = (row + 1, 0);
        }
    }

    /// Distance from the base of the element with a row-major index.
    pub fn position(&self, index: usize) -> isize {
        let (mut position, mut rest) = (0, index);
        for (n, s) in self.shape.iter().zip(&self.strides).rev() {
            position += (rest % n) as isize * s;
            rest /= n;
        }
        position
    }

    /// Whether all absolute values are below a limit above 2^32.
    pub fn is_below(&self, limit: u64) -> bool {
        self.dtype != IntType::I64 || self.max_abs() < limit
    }

    /// A bound on the absolute values: the type's for 8 and 16 bits, the exact maximum otherwise.
    pub fn max_abs(&self) -> u64 {
        const CHUNK: usize = 1 << 14;
        match self.dtype {
            IntType::I8 => 1 << 7,
            IntType::U8 => (1 << 8) - 1,
            IntType::I16 => 1 << 15,
            IntType::U16 => (1 << 16) - 1,
            _ => (0..self.len().div_ceil(CHUNK))
                .into_par_iter()
                .map(|i| {
                    let mut buffer = [0i64; CHUNK];
                    let out = &mut buffer[..CHUNK.min(self.len() - i * CHUNK)];
                    self.read(i * CHUNK, out);
                    out.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0)
                })
                .max()
                .unwrap_or(0),
        }
    }
}

/// A table as a kernel reads it.
#[derive(Clone)]
pub enum Table<'a> {
    Field(&'a [Fr]),
    Ints(IntView<'a>),
}

impl Table<'_> {
    pub fn len(&self) -> usize {
        match self {
            Table::Field(t) => t.len(),
            Table::Ints(t) => t.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All elements in row-major order.
    pub fn write_to(&self, out: &mut [Fr]) {
        const CHUNK: usize = 1 << 12;
        assert_eq!(out.len(), self.len());
        match self {
            Table::Field(t) => {
                let parts = out.par_chunks_mut(CHUNK).zip(t.par_chunks(CHUNK));
                parts.for_each(|(out, t)| out.copy_from_slice(t));
            }
            Table::Ints(t) => {
                out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
                    let mut buffer = [0i64; CHUNK];
                    let ints = &mut buffer[..out.len()];
                    t.read(i * CHUNK, ints);
                    slices::convert(out, ints);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strided_reads_are_row_major() {
        let values: Vec<i64> = (0..210).collect();
        for (shape, strides) in [
            (vec![5, 6, 7], vec![42isize, 7, 1]),
            (vec![7, 6, 5], vec![1, 7, 42]),
            (vec![5, 7, 6], vec![42, 1, 7]),
            (vec![3, 2, 7], vec![84, 7, 1]),
            (vec![4, 1, 3], vec![0, 9, 2]),
            (vec![], vec![]),
        ] {
            // SAFETY: the shapes above stay within `values`.
            let view = unsafe { IntView::new(values.as_ptr().cast(), IntType::I64, shape.clone(), strides.clone()) };
            let expected: Vec<i64> = (0..view.len())
                .map(|flat| {
                    let (mut at, mut rest) = (0, flat);
                    for (n, s) in shape.iter().zip(&strides).rev() {
                        at += (rest % n) as isize * s;
                        rest /= n;
                    }
                    values[at as usize]
                })
                .collect();
            for start in 0..view.len() {
                let mut out = vec![0; (view.len() - start).min(11)];
                view.read(start, &mut out);
                assert_eq!(out, expected[start..start + out.len()]);
            }
        }
    }
}
