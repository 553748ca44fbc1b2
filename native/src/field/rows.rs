//! Rows of machine integers times field elements: inner products of rows, and sums of rows.
//!
//! The products are summed exactly; only the sums are reduced modulo r.

use super::digits::{self, DIGITS, DigitSum, MAX_PAIRS, Pair, add_products};
#[cfg(target_arch = "x86_64")]
pub use super::ifma::matrix::Widen;
use super::lanes::{Lanes, Scalar};
use super::wide::SmallSum;
use super::{Fr, lanes::MAX_BLOCK};
use crate::memory::prefetch;

/// What the vector backend needs of an integer type.
#[cfg(not(target_arch = "x86_64"))]
pub trait Widen {}
#[cfg(not(target_arch = "x86_64"))]
impl<T> Widen for T {}

/// Machine integers of a table.
pub trait Small: Copy + Default + Send + Sync + Into<i64> + Widen {
    /// Whether every value is one of an i16.
    const NARROW: bool;
}

macro_rules! small {
    ($($t:ty: $narrow:literal),*) => {$(
        impl Small for $t {
            const NARROW: bool = $narrow;
        }
    )*};
}
small!(i8: true, u8: true, i16: true, u16: false, i32: false, u32: false, i64: false);

/// Columns that are summed together.
pub const TILE: usize = 32;
/// Elements of a row that one call of `add_dots` takes at most.
pub const MAX_ROW: usize = MAX_BLOCK;

/// Rows that are fetched between two pairs of columns.
const AHEAD: usize = (2 * MAX_PAIRS).div_ceil(TILE / 2);

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
    /// Pieces of a row begin at multiples of so many elements.
    const SPAN: usize;
    /// What `add_dots` reads of `SPAN` weights beside their lanes.
    type Prepared: Copy + Send + Sync;
    /// A sum of products.
    type Sum: Copy + Default + Send + Sync;
    /// A factor of a row.
    type Coef: Copy + Send + Sync;
    /// `TILE` sums of products.
    type Tile: Default + Send;

    /// Appends what `add_dots` reads of the weights.
    fn prepare(weights: &[Self::Lane], out: &mut Vec<Self::Prepared>);
    /// sums[k] += sum_x weights[x] (OFFSET + rows[k][x]) over x < len; the lanes' places beyond len are zero.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add_dots<T: Small>(sums: &mut [Self::Sum], weights: RowWeights<'_, Self>, rows: &[*const T], len: usize);
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

/// The weights of a row's elements, prepared once for many rows.
pub struct RowWeights<'a, L: Rows + ?Sized> {
    lanes: &'a [L::Lane],
    prepared: &'a [L::Prepared],
}

impl<L: Rows + ?Sized> Clone for RowWeights<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Rows + ?Sized> Copy for RowWeights<'_, L> {}

impl<'a, L: Rows> RowWeights<'a, L> {
    pub fn new(lanes: &'a [L::Lane], space: &'a mut Vec<L::Prepared>) -> Self {
        space.clear();
        L::prepare(lanes, space);
        Self { lanes, prepared: space }
    }

    pub fn lanes(&self) -> &'a [L::Lane] {
        self.lanes
    }

    /// Those of the elements from `start` on, which is a multiple of `SPAN`.
    pub fn skip(&self, start: usize) -> Self {
        assert!(start.is_multiple_of(L::SPAN));
        Self { lanes: &self.lanes[start / L::WIDTH..], prepared: &self.prepared[start / L::SPAN..] }
    }
}

/// `Scalar`'s sum: products with integers of 16 bits by digits, the others as they are.
#[derive(Clone, Copy, Default)]
pub struct ScalarSum {
    narrow: DigitSum,
    wide: SmallSum,
}

impl ScalarSum {
    fn value(&self) -> Fr {
        SmallSum::from_words(self.narrow.words()).reduce() + self.wide.reduce()
    }
}

/// `Scalar`'s factor of a row, and its digits.
#[derive(Clone, Copy)]
pub struct ScalarCoef {
    element: Fr,
    digits: [i16; DIGITS],
}

/// `Scalar`'s tile.
pub struct ScalarTile([ScalarSum; TILE]);

impl Default for ScalarTile {
    fn default() -> Self {
        Self([ScalarSum::default(); TILE])
    }
}

/// An integer of a type that is `NARROW`.
///
/// # Safety
/// It must be readable.
#[inline(always)]
unsafe fn narrow<T: Small>(p: *const T) -> i16 {
    // SAFETY: as the caller says.
    let x: i64 = unsafe { *p }.into();
    x as i16
}

impl Rows for Scalar {
    const LIMIT: u64 = u64::MAX;
    const OFFSET: u64 = 0;
    const SPAN: usize = 2;
    type Prepared = Pair;
    type Sum = ScalarSum;
    type Coef = ScalarCoef;
    type Tile = ScalarTile;

    fn prepare(weights: &[Fr], out: &mut Vec<Pair>) {
        out.extend(weights.chunks(2).map(|pair| {
            let second = pair.get(1).map_or([0; DIGITS], digits::of);
            Pair::new(&digits::of(&pair[0]), &second)
        }));
    }

    unsafe fn add_dots<T: Small>(sums: &mut [ScalarSum], weights: RowWeights<'_, Self>, rows: &[*const T], len: usize) {
        assert_eq!(sums.len(), rows.len());
        // SAFETY of all reads: `len` elements are readable.
        let mut done = 0;
        if T::NARROW {
            let pairs = &weights.prepared[..len / 2];
            for (sums, rows) in sums.chunks_mut(2).zip(rows.chunks(2)) {
                let pair = |k: usize, p: usize| unsafe { [narrow(rows[k].add(2 * p)), narrow(rows[k].add(2 * p + 1))] };
                match sums {
                    [a, b] => add_products([&mut a.narrow, &mut b.narrow], pairs, pair),
                    sums => add_products([&mut sums[0].narrow], pairs, pair),
                }
            }
            done = len / 2 * 2;
        }
        for (sum, &row) in sums.iter_mut().zip(rows) {
            for (x, w) in (done..).zip(&weights.lanes[done..len]) {
                sum.wide.add(w, unsafe { *row.add(x) }.into());
            }
        }
    }

    fn value(sum: &ScalarSum) -> Fr {
        sum.value()
    }

    fn coef(c: &Fr) -> ScalarCoef {
        ScalarCoef { element: *c, digits: digits::of(c) }
    }

    unsafe fn add_rows<T: Small>(tile: &mut ScalarTile, coefs: &[ScalarCoef], rows: &[*const T], width: usize) {
        assert!(coefs.len() == rows.len() && width <= TILE);
        if T::NARROW {
            let following = rows.chunks(2 * MAX_PAIRS).skip(1).chain([&rows[..0]]);
            let chunks = coefs.chunks(2 * MAX_PAIRS).zip(rows.chunks(2 * MAX_PAIRS));
            for ((coefs, rows), next) in chunks.zip(following) {
                // SAFETY: `width` elements are readable.
                unsafe { add_narrow_rows(tile, coefs, rows, next, width) };
            }
            return;
        }
        for (c, &row) in coefs.iter().zip(rows) {
            for (x, sum) in tile.0[..width].iter_mut().enumerate() {
                // SAFETY: `width` elements are readable.
                sum.wide.add(&c.element, unsafe { *row.add(x) }.into());
            }
        }
    }

    fn finish(tile: &ScalarTile, base: &Fr, out: &mut [Fr]) {
        for (x, sum) in out.iter_mut().zip(&tile.0) {
            *x = *base + sum.value();
        }
    }
}

/// `add_rows` for at most 2 MAX_PAIRS rows of integers of 16 bits; `next` rows come after these.
///
/// # Safety
/// `width` elements must be readable.
unsafe fn add_narrow_rows<T: Small>(
    tile: &mut ScalarTile,
    coefs: &[ScalarCoef],
    rows: &[*const T],
    next: &[*const T],
    width: usize,
) {
    let mut pairs = [Pair::default(); MAX_PAIRS];
    let mut values = [[[0; 2]; TILE]; MAX_PAIRS];
    for (p, (coefs, rows)) in coefs.chunks(2).zip(rows.chunks(2)).enumerate() {
        pairs[p] = Pair::new(&coefs[0].digits, coefs.get(1).map_or(&[0; DIGITS], |c| &c.digits));
        // SAFETY: as the caller says.
        let value = |row: *const T, x: usize| unsafe { narrow(row.add(x)) };
        let values = values[p][..width].iter_mut().enumerate();
        match *rows {
            [a, b] => values.for_each(|(x, pair)| *pair = [value(a, x), value(b, x)]),
            _ => values.for_each(|(x, pair)| *pair = [value(rows[0], x), 0]),
        }
    }
    let pairs = &pairs[..coefs.len().div_ceil(2)];
    for (x, sums) in tile.0[..width.next_multiple_of(2)].as_chunks_mut::<2>().0.iter_mut().enumerate() {
        // a few at a time: the processor has a limited number of misses under way
        next.iter().skip(x * AHEAD).take(AHEAD).for_each(|row| prefetch(*row));
        let [a, b] = sums;
        add_products([&mut a.narrow, &mut b.narrow], pairs, |k, p| values[p][2 * x + k]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_i64;

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
                let mut space = vec![];
                let weights_of_rows = RowWeights::<L>::new(&lanes, &mut space);
                let mut sums = vec![L::Sum::default(); n];
                for _ in 0..3 {
                    // SAFETY: the rows have `len` elements.
                    unsafe { L::add_dots(&mut sums, weights_of_rows, &rows, len) };
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
        if crate::field::ifma::detected() {
            check_types::<crate::field::ifma::Ifma>();
        }
    }
}
