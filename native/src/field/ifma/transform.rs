//! Fourier transforms, eight columns of a matrix at a time.
//!
//! n = rows columns. With i = r columns + c and k = k1 + rows k2,
//!     w^(i k) = (w^columns)^(r k1)  w^(c k1)  (w^rows)^(c k2):
//! transforms of the columns, factors, transforms of the rows (Bailey, 1990).

use super::lanes::{Lane, get, set};
use super::*;
use ark_ff::Field;
use rayon::prelude::*;

/// Shorter transforms have no eight columns and rows.
pub const SHORTEST: usize = 64;

/// out[k] = gain lift^k sum_i shift^i xs[i] root^(i k) for k < n, a power of two that is the root's order.
pub struct Twisted {
    pub root: Fr,
    pub shift: Fr,
    pub gain: Fr,
    pub lift: Fr,
}

/// Factors of the butterflies of one length, level by level, as `mul` takes them.
type Twiddles = Vec<Vec<[u64; 5]>>;

fn factor(x: Fr) -> [u64; 5] {
    limbs((x * Fr::from(16u64)).0.0)
}

/// Each level splits residues modulo X^2h - u^2 into those modulo X^h - u and X^h + u; first X^len - shift^len, last
/// X - shift root^i, i in reversed order of bits.
fn twiddles(root: Fr, shift: Fr, len: usize) -> Twiddles {
    let levels = len.trailing_zeros();
    let mut roots = vec![Fr::ONE];
    for level in 1..levels {
        let turn = root.pow([(len >> (level + 1)) as u64]);
        roots.extend_from_within(..);
        let half = roots.len() / 2;
        roots[half..].iter_mut().for_each(|x| *x *= turn);
    }
    let at = |level: u32| {
        let lift = shift.pow([(len >> (level + 1)) as u64]);
        roots[..1 << level].iter().map(|x| factor(*x * lift)).collect()
    };
    (0..levels).map(at).collect()
}

/// Values below 2r become values below 2r (levels + 1), in reversed order of bits.
#[target_feature(enable = "avx512f,avx512ifma")]
fn butterflies(values: &mut [Lane], twiddles: &Twiddles) {
    let r2 = splat5(&R2);
    for level in twiddles {
        let half = values.len() / level.len() / 2;
        for (block, factor) in values.chunks_exact_mut(2 * half).zip(level) {
            let factor = splat5(factor);
            let (low, high) = block.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                let (a, b) = (get(x), mul(&get(y), &factor));
                set(x, carry(&add_limbs(&a, &b)));
                set(y, carry(&add_limbs(&sub_limbs(&a, &b), &r2)));
            }
        }
    }
}

/// The columns c .. c + 8 of the first matrix: transformed, and as rows of the second one.
#[target_feature(enable = "avx512f,avx512ifma")]
fn transform_columns(xs: &[Fr], c: usize, of: &Twisted, sizes: [usize; 2], level: &Twiddles, out: &mut [Lane]) {
    let [rows, columns] = sizes;
    let mut values = vec![Lane::default(); rows];
    for (lane, row) in values.iter_mut().zip(xs.chunks_exact(columns)) {
        // SAFETY: a row has eight elements from c on.
        set(lane, unsafe { load(row[c..c + 8].as_ptr()) });
    }
    butterflies(&mut values, level);
    let turns: [Fr; 8] = std::array::from_fn(|i| of.root.pow([(c + i) as u64]) * of.lift * Fr::from(16u64));
    let first: [Fr; 8] = std::array::from_fn(|i| of.shift.pow([(c + i) as u64]) * of.gain * Fr::from(16u64));
    // SAFETY: arrays of eight.
    let (turn, mut factor) = unsafe { (load(turns.as_ptr()), load(first.as_ptr())) };
    let bits = rows.trailing_zeros();
    for j in 0..rows / 8 {
        let mut square = [zero5(); 8];
        for (i, x) in square.iter_mut().enumerate() {
            *x = mul(&get(&values[reversed(8 * j + i, bits)]), &factor);
            factor = mul(&factor, &turn);
        }
        for (i, x) in exchange(&square).into_iter().enumerate() {
            set(&mut out[i * (rows / 8) + j], x);
        }
    }
}

/// The columns 8 j .. 8 j + 8 of the second matrix, each multiplied with `lifts`.
#[target_feature(enable = "avx512f,avx512ifma")]
fn transform_rows(
    matrix: &[Lane],
    j: usize,
    width: usize,
    level: &Twiddles,
    lifts: &[[u64; 5]],
    out: &mut [&mut [Fr]],
) {
    let mut values: Vec<Lane> = matrix.iter().skip(j).step_by(width).copied().collect();
    butterflies(&mut values, level);
    let bits = values.len().trailing_zeros();
    for (k, (lift, part)) in lifts.iter().zip(out).enumerate() {
        let x = canonical(&mul(&get(&values[reversed(k, bits)]), &splat5(lift)));
        // SAFETY: the slice has eight elements.
        unsafe { store(part[..8].as_mut_ptr(), &x) };
    }
}

fn reversed(i: usize, bits: u32) -> usize {
    i.reverse_bits() >> (usize::BITS - bits)
}

/// Element i of lane j and element j of lane i change places.
#[inline]
#[target_feature(enable = "avx512f")]
fn exchange(x: &[V; 8]) -> [V; 8] {
    let mut out = [zero5(); 8];
    for limb in 0..5 {
        let pairs = |i: usize| {
            let (a, b) = (x[i][limb], x[i + 1][limb]);
            [_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)]
        };
        let p = [pairs(0), pairs(2), pairs(4), pairs(6)];
        for odd in 0..2 {
            // of lanes 0 to 3 and of lanes 4 to 7: elements `odd` and 4 + odd, then 2 + odd and 6 + odd
            let low = _mm512_shuffle_i64x2::<0x88>(p[0][odd], p[1][odd]);
            let low_next = _mm512_shuffle_i64x2::<0xdd>(p[0][odd], p[1][odd]);
            let high = _mm512_shuffle_i64x2::<0x88>(p[2][odd], p[3][odd]);
            let high_next = _mm512_shuffle_i64x2::<0xdd>(p[2][odd], p[3][odd]);
            out[odd][limb] = _mm512_shuffle_i64x2::<0x88>(low, high);
            out[4 + odd][limb] = _mm512_shuffle_i64x2::<0xdd>(low, high);
            out[2 + odd][limb] = _mm512_shuffle_i64x2::<0x88>(low_next, high_next);
            out[6 + odd][limb] = _mm512_shuffle_i64x2::<0xdd>(low_next, high_next);
        }
    }
    out
}

impl Twisted {
    /// The n = xs.len() values, n at least `SHORTEST`. Only on a processor for which `detected()` holds.
    pub fn apply(&self, xs: &[Fr]) -> Vec<Fr> {
        let n = xs.len();
        assert!(n.is_power_of_two() && n >= SHORTEST && detected());
        let columns = 1usize << (n.trailing_zeros() / 2);
        let rows = n / columns;
        let power = |x: Fr, e: usize| x.pow([e as u64]);
        let down = twiddles(power(self.root, columns), power(self.shift, columns), rows);
        let across = twiddles(power(self.root, rows), Fr::ONE, columns);
        let lift = power(self.lift, rows);
        let lifts: Vec<[u64; 5]> =
            std::iter::successors(Some(Fr::ONE), |x| Some(*x * lift)).take(columns).map(factor).collect();

        let mut matrix = vec![Lane::default(); n / 8];
        matrix.par_chunks_mut(rows).enumerate().for_each(|(i, part)| {
            // SAFETY: `detected`, and eight columns from 8 i on.
            unsafe { transform_columns(xs, 8 * i, self, [rows, columns], &down, part) }
        });
        let mut out = crate::field::zeros(n);
        let mut strips: Vec<Vec<&mut [Fr]>> = (0..rows / 8).map(|_| Vec::with_capacity(columns)).collect();
        for row in out.chunks_mut(rows) {
            for (strip, part) in strips.iter_mut().zip(row.chunks_mut(8)) {
                strip.push(part);
            }
        }
        strips.par_iter_mut().enumerate().for_each(|(j, strip)| {
            // SAFETY: `detected`.
            unsafe { transform_rows(&matrix, j, rows / 8, &across, &lifts, strip) }
        });
        out
    }
}
