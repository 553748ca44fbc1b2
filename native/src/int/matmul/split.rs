//! The forms in which the vector kernels read their factors: pairs of int16 in an int32.

/// Columns of a tile of the product.
pub const TILE: usize = 32;
/// Rows of a tile of the product.
pub const GROUP: usize = 4;
/// Pairs of products that are accumulated in int32 before they are widened: 2 * 2^22 * PAIRS < 2^31.
pub const PAIRS: usize = 128;

/// x = 2^8 high + low, low in [-2^7, 2^7), high in [-2^7, 2^7].
#[inline(always)]
pub fn halve(x: i16) -> (i16, i16) {
    let low = i16::from(x as i8);
    (low, ((i32::from(x) - i32::from(low)) >> 8) as i16)
}

#[inline(always)]
pub fn pair(x: i16, y: i16) -> u32 {
    u32::from(x as u16) | u32::from(y as u16) << 16
}

/// The rows of a matrix, pairs of low halves and pairs of high halves: groups of `GROUP` rows x pairs x rows x
/// (low, high); missing rows and the missing half of a last pair are 0.
#[derive(Default)]
pub struct Split {
    pairs: usize,
    values: Vec<[[u32; 2]; GROUP]>,
}

impl Split {
    pub fn new(a: &[i16], rows: usize, inner: usize) -> Self {
        let pairs = inner.div_ceil(2);
        let mut values = vec![[[0; 2]; GROUP]; rows.div_ceil(GROUP) * pairs];
        for (t, row) in a.chunks_exact(inner).enumerate() {
            let group = &mut values[t / GROUP * pairs..][..pairs];
            for (x, target) in row.chunks(2).zip(group) {
                let (low, high) = halve(x[0]);
                let (low1, high1) = x.get(1).map_or((0, 0), |y| halve(*y));
                target[t % GROUP] = [pair(low, low1), pair(high, high1)];
            }
        }
        Self { pairs, values }
    }

    pub fn group(&self, group: usize, first: usize, pairs: usize) -> &[[[u32; 2]; GROUP]] {
        &self.values[group * self.pairs + first..][..pairs]
    }
}
