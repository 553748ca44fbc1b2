//! Rows of machine integers times field elements: inner products of rows, and sums of rows.
//!
//! The products are summed exactly; only the sums are reduced modulo r.

#[cfg(target_arch = "x86_64")]
pub use super::ifma::matrix::Widen;
use super::lanes::{Lanes, Scalar};
use super::wide::SmallSum;
use super::{Fr, lanes::MAX_BLOCK};

/// What the vector backend needs of an integer type.
#[cfg(not(target_arch = "x86_64"))]
pub trait Widen {}
#[cfg(not(target_arch = "x86_64"))]
impl<T> Widen for T {}

/// Machine integers of a table.
pub trait Small: Copy + Default + Send + Sync + Into<i64> + Widen {}
impl<T: Copy + Default + Send + Sync + Into<i64> + Widen> Small for T {}

/// Columns that are summed together.
pub const TILE: usize = 32;
/// Elements of a row that one call of `add_dots` takes at most.
pub const MAX_ROW: usize = MAX_BLOCK;

/// Integers below this in magnitude are allowed on every backend.
pub const MAX_MAGNITUDE: u64 = 1 << 51;

/// The kernels of a backend. Integers must be below `LIMIT` in magnitude; `OFFSET` is added to each of them, so that
/// they are unsigned, and callers take OFFSET times the sum of the weights off again.
///
/// # Safety
/// The rows' elements that a function names must be readable.
pub trait Rows: Lanes {
    const LIMIT: u64;
    const OFFSET: u64;
    /// A sum of products.
    type Sum: Copy + Default + Send + Sync;
    /// A factor of a row.
    type Coef: Copy + Send + Sync;
    /// `TILE` sums of products.
    type Tile: Default + Send;

    /// sums[k] += sum_x weights[x] (OFFSET + rows[k][x]) over x < len; the weights beyond len are zero.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add_dots<T: Small>(sums: &mut [Self::Sum], weights: &[Self::Lane], rows: &[*const T], len: usize);
    fn value(sum: &Self::Sum) -> Fr;

    fn coef(c: &Fr) -> Self::Coef;
    /// tile[x] += sum_k coefs[k] (OFFSET + rows[k][x]) over x < width <= TILE.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add_rows<T: Small>(tile: &mut Self::Tile, coefs: &[Self::Coef], rows: &[*const T], width: usize);
    /// out[x] = base + tile[x].
    fn finish(tile: &Self::Tile, base: &Fr, out: &mut [Fr]);
}

/// `Scalar`'s tile.
pub struct ScalarTile([SmallSum; TILE]);

impl Default for ScalarTile {
    fn default() -> Self {
        Self([SmallSum::default(); TILE])
    }
}

impl Rows for Scalar {
    const LIMIT: u64 = u64::MAX;
    const OFFSET: u64 = 0;
    type Sum = SmallSum;
    type Coef = Fr;
    type Tile = ScalarTile;

    unsafe fn add_dots<T: Small>(sums: &mut [SmallSum], weights: &[Fr], rows: &[*const T], len: usize) {
        for (sum, &row) in sums.iter_mut().zip(rows) {
            for (x, w) in weights[..len].iter().enumerate() {
                // SAFETY: `len` elements are readable.
                sum.add(w, unsafe { *row.add(x) }.into());
            }
        }
    }

    fn value(sum: &SmallSum) -> Fr {
        sum.reduce()
    }

    fn coef(c: &Fr) -> Fr {
        *c
    }

    unsafe fn add_rows<T: Small>(tile: &mut ScalarTile, coefs: &[Fr], rows: &[*const T], width: usize) {
        for (c, &row) in coefs.iter().zip(rows) {
            for (x, sum) in tile.0[..width].iter_mut().enumerate() {
                // SAFETY: `width` elements are readable.
                sum.add(c, unsafe { *row.add(x) }.into());
            }
        }
    }

    fn finish(tile: &ScalarTile, base: &Fr, out: &mut [Fr]) {
        for (x, sum) in out.iter_mut().zip(&tile.0) {
            *x = *base + sum.reduce();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_i64;
    use crate::field::slices::Backend;

    fn element(seed: usize) -> Fr {
        let x = Fr::from((seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        if seed.is_multiple_of(5) { -Fr::from(seed as u64 % 3) } else { x * x * x * x * x }
    }

    fn check<L: Rows, T: Small>(int: impl Fn(usize) -> T) {
        let v = |x: T| from_i64(x.into());
        for len in [1, 7, 8, 9, 31, 32, 64, 1000, MAX_ROW] {
            for n in [1, 2, 3, 4, 5, 9] {
                let weights: Vec<Fr> = (0..len).map(element).collect();
                let table: Vec<T> = (0..n * len + 3).map(&int).collect();
                let rows: Vec<*const T> = (0..n).map(|k| table[k * len + 3..].as_ptr()).collect();
                let mut lanes = vec![L::Lane::default(); len.div_ceil(L::WIDTH)];
                L::load(&mut lanes, &weights);
                let mut sums = vec![L::Sum::default(); n];
                for _ in 0..3 {
                    // SAFETY: the rows have `len` elements.
                    unsafe { L::add_dots(&mut sums, &lanes, &rows, len) };
                }
                let offset = weights.iter().sum::<Fr>() * Fr::from(L::OFFSET);
                for (k, sum) in sums.iter().enumerate() {
                    let expected: Fr = (0..len).map(|x| weights[x] * (v(table[k * len + 3 + x]))).sum();
                    assert_eq!(L::value(sum), Fr::from(3u64) * (expected + offset));
                }
            }
        }
        for width in [1, 7, 8, 9, 24, 31, TILE] {
            for n in [1, 2, 5, 700] {
                let cs: Vec<Fr> = (0..n).map(element).collect();
                let coefs: Vec<L::Coef> = cs.iter().map(L::coef).collect();
                let table: Vec<T> = (0..n * width).map(&int).collect();
                let rows: Vec<*const T> = (0..n).map(|k| table[k * width..].as_ptr()).collect();
                let mut tile = L::Tile::default();
                for _ in 0..2 {
                    // SAFETY: the rows have `width` elements.
                    unsafe { L::add_rows(&mut tile, &coefs, &rows, width) };
                }
                let offset = cs.iter().sum::<Fr>() * Fr::from(L::OFFSET);
                let mut out = vec![element(3); width];
                L::finish(&tile, &(-Fr::from(2u64) * offset - element(1)), &mut out);
                for (x, value) in out.iter().enumerate() {
                    let sum: Fr = (0..n).map(|k| cs[k] * v(table[k * width + x])).sum();
                    assert_eq!(*value, sum + sum - element(1));
                }
            }
        }
    }

    fn check_types<L: Rows>() {
        check::<L, i8>(|i| (i * 37) as i8);
        check::<L, u8>(|i| (i * 37) as u8);
        check::<L, i16>(|i| if i % 9 == 0 { i16::MIN } else { (i * 7919) as i16 });
        check::<L, u16>(|i| if i % 9 == 0 { u16::MAX } else { (i * 7919) as u16 });
        check::<L, i32>(|i| if i % 9 == 0 { i32::MIN } else { (i * 1_000_003) as i32 });
        check::<L, u32>(|i| if i % 9 == 0 { u32::MAX } else { (i * 1_000_003) as u32 });
        check::<L, i64>(|i| if i % 9 == 0 { 1 - (1 << 51) } else { ((i * 1_000_003 % (1 << 25)) as i64) << 25 });
    }

    #[test]
    fn rows_equal_plain_arithmetic() {
        check_types::<Scalar>();
        #[cfg(target_arch = "x86_64")]
        if Backend::Ifma.available() {
            check_types::<crate::field::ifma::Ifma>();
        }
    }
}
