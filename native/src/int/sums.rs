//! Sums of integer tables, and of squares. Twin: `zkllm/naive/integers.py`.

use crate::sumcheck::table::IntView;
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;
/// Integers that sums are written as.
pub trait Sum: Copy + Send {
    /// Magnitudes of sums stay below.
    const LIMIT: u128;
    /// A value within the limit.
    fn of(value: i64) -> Self;
}

impl Sum for i32 {
    const LIMIT: u128 = 1 << 31;
    fn of(value: i64) -> Self {
        value as i32
    }
}

impl Sum for i64 {
    const LIMIT: u128 = 1 << 62;
    fn of(value: i64) -> Self {
        value
    }
}

/// out = sum of coefficient * table, all of one shape; false, with nothing written, unless magnitudes certainly stay
/// below the limit.
pub fn sum<T: Sum>(terms: &[(i64, IntView<'_>)], out: &mut [T]) -> bool {
    assert!(terms.iter().all(|(_, table)| table.len() == out.len()));
    let largest = |(c, table): &(i64, IntView<'_>)| c.unsigned_abs() as u128 * table.max_abs() as u128;
    if terms.iter().map(largest).fold(0, u128::saturating_add) >= T::LIMIT {
        return false;
    }
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let (mut buffer, mut total) = ([0i64; CHUNK], [0i64; CHUNK]);
        let (part, total) = (&mut buffer[..out.len()], &mut total[..out.len()]);
        for (c, table) in terms {
            table.read(i * CHUNK, part);
            total.iter_mut().zip(&*part).for_each(|(x, y)| *x += c * y);
        }
        out.iter_mut().zip(&*total).for_each(|(x, y)| *x = T::of(*y));
    });
    true
}

/// The sum of squares of each row of a table of two axes, as three words, the lowest first.
pub fn squares(table: &IntView<'_>) -> Vec<[u64; 3]> {
    let &[rows, length] = table.shape() else { panic!("a table of two axes") };
    let row = |i: usize| {
        let (mut low, mut high, mut buffer) = (0u128, 0u128, [0i64; CHUNK]);
        for start in (0..length).step_by(CHUNK) {
            let part = &mut buffer[..CHUNK.min(length - start)];
            table.read(i * length + start, part);
            for x in part {
                let square = x.unsigned_abs() as u128 * x.unsigned_abs() as u128;
                low += square as u64 as u128;
                high += square >> 64;
            }
        }
        high += low >> 64;
        [low as u64, high as u64, (high >> 64) as u64]
    };
    (0..rows).into_par_iter().map(row).collect()
}
