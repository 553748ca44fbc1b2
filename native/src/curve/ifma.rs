//! Affine additions eight at a time with AVX-512 IFMA (five limbs of 52 bits, a vector for each limb).
//!
//! Coordinates keep the form x 2^256 that they have in memory, while a product here divides by 2^260. So a stored
//! coordinate stands for x / 16 in the form y 2^260. A slope is computed as slope / 4: its square then stands for
//! slope^2 / 16, which is what x3 = slope^2 - x1 - x2 needs, and y3 multiplies by 4 again.

use super::batch;
use super::point::Point;
use ark_bn254::Fq;
use ark_ff::{BigInt, Field, PrimeField};
use std::arch::x86_64::*;

const MASK: u64 = (1 << 52) - 1;
const P: [u64; 5] = limbs(Fq::MODULUS.0);
const P2: [u64; 5] = limbs(doubled(Fq::MODULUS.0));
/// -1/p modulo 2^52.
const MINUS_INVERSE: u64 = minus_inverse(Fq::MODULUS.0[0]);

/// Independent chains of products, to cover the latency of a multiplication.
const CHAINS: usize = 2;
const WIDTH: usize = 8;

type V = [__m512i; 5];

const fn limbs(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & MASK,
        (w[0] >> 52 | w[1] << 12) & MASK,
        (w[1] >> 40 | w[2] << 24) & MASK,
        (w[2] >> 28 | w[3] << 36) & MASK,
        w[3] >> 16,
    ]
}

const fn doubled(w: [u64; 4]) -> [u64; 4] {
    [w[0] << 1, w[1] << 1 | w[0] >> 63, w[2] << 1 | w[1] >> 63, w[3] << 1 | w[2] >> 63]
}

const fn minus_inverse(p: u64) -> u64 {
    let mut inverse = 1u64; // Newton: doubles the correct bits
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// Whether this processor can run `add`.
pub fn detected() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// Scratch space for `add`: x2 - x1 and the product of those before, for each group of eight pairs.
#[derive(Default)]
pub struct Scratch {
    groups: Vec<Group>,
}

#[derive(Clone, Copy)]
struct Group {
    difference: V,
    prefix: V,
    special: __mmask8,
}

/// out[i] = left[i] + right[i], any points; the number of pairs is a multiple of eight.
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn add(left: &[Point], right: &[Point], out: &mut [Point], scratch: &mut Scratch) {
    let n = left.len();
    assert!(n.is_multiple_of(WIDTH) && right.len() == n && out.len() == n);
    let one = splat5(&limbs(ONE));
    let mut products = [one; CHAINS];
    scratch.groups.clear();
    for i in 0..n / WIDTH {
        let (x1, y1) = load(&left[WIDTH * i..]);
        let (x2, y2) = load(&right[WIDTH * i..]);
        let special = equal(&x1, &x2) | (zero(&x1) & zero(&y1)) | (zero(&x2) & zero(&y2));
        let mut difference = plus_p(&sub(&x2, &x1), 1);
        if special != 0 {
            for (d, o) in difference.iter_mut().zip(&one) {
                *d = _mm512_mask_mov_epi64(*d, special, *o);
            }
        }
        let product = &mut products[i % CHAINS];
        scratch.groups.push(Group { difference, prefix: *product, special });
        *product = mul(product, &difference);
    }
    let mut inverses = quarter_inverses(&products);
    for i in (0..n / WIDTH).rev() {
        let Group { difference, prefix, special } = scratch.groups[i];
        let inverse = mul(&inverses[i % CHAINS], &prefix);
        inverses[i % CHAINS] = mul(&inverses[i % CHAINS], &difference);
        let (x1, y1) = load(&left[WIDTH * i..]);
        let (x2, y2) = load(&right[WIDTH * i..]);
        let slope = mul(&plus_p(&sub(&y2, &y1), 1), &inverse);
        let x3 = plus_p(&sub(&sub(&mul(&slope, &slope), &x1), &x2), 2); // below 4 p
        let run = plus_p(&sub(&x1, &x3).map(|limb| _mm512_slli_epi64::<2>(limb)), 16); // below 20 p
        let y3 = plus_p(&sub(&mul(&slope, &run), &y1), 1); // below 3 p
        store(&mut out[WIDTH * i..], &canonical(&x3), &canonical(&y3));
        if special != 0 {
            for j in (0..WIDTH).filter(|j| special >> j & 1 == 1).map(|j| WIDTH * i + j) {
                out[j] = batch::add_special(&left[j], &right[j]);
            }
        }
    }
}

/// 2^260 mod p: one.
const ONE: [u64; 4] = {
    // Fq::ONE holds 2^256; four doublings
    let mut one = Fq::ONE.0.0;
    let mut i = 0;
    while i < 4 {
        one = reduced(doubled(one));
        i += 1;
    }
    one
};

/// x - p where x >= p, for x < 2 p.
const fn reduced(x: [u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    let mut borrow = false;
    let mut i = 0;
    while i < 4 {
        let (d, b1) = x[i].overflowing_sub(Fq::MODULUS.0[i]);
        let (d, b2) = d.overflowing_sub(borrow as u64);
        out[i] = d;
        borrow = b1 | b2;
        i += 1;
    }
    if borrow { x } else { out }
}

/// 1/4 of the inverse of each lane of each product.
#[target_feature(enable = "avx512f,avx512ifma")]
fn quarter_inverses(products: &[V; CHAINS]) -> [V; CHAINS] {
    let mut values = [Fq::ONE; CHAINS * WIDTH];
    for (chunk, product) in values.chunks_exact_mut(WIDTH).zip(products) {
        let words = to_words(&canonical(product));
        for (j, value) in chunk.iter_mut().enumerate() {
            *value = Fq::new_unchecked(BigInt(words[j]));
        }
    }
    // the value t 2^260 is read as the element 16 t; 1/(16 t) in the form 2^256 times 64 is 1/(4 t) in the form 2^260
    let mut prefixes = [Fq::ONE; CHAINS * WIDTH];
    let mut product = Fq::ONE;
    for (prefix, value) in prefixes.iter_mut().zip(&values) {
        *prefix = product;
        product *= value;
    }
    let mut inverse = product.inverse().expect("differences are not zero") * Fq::from(64u64);
    for (prefix, value) in prefixes.iter().zip(&mut values).rev() {
        let next = inverse * *value;
        *value = inverse * prefix;
        inverse = next;
    }
    let mut out = [splat5(&[0; 5]); CHAINS];
    for (chunk, inverse) in values.chunks_exact(WIDTH).zip(&mut out) {
        let l: [[u64; 5]; WIDTH] = std::array::from_fn(|j| limbs(chunk[j].0.0));
        for (k, limb) in inverse.iter_mut().enumerate() {
            let column: [u64; WIDTH] = std::array::from_fn(|j| l[j][k]);
            // SAFETY: eight words are a vector.
            *limb = unsafe { _mm512_loadu_si512(column.as_ptr().cast()) };
        }
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_words(x: &V) -> [[u64; 4]; WIDTH] {
    let w = join(x);
    let mut columns = [[0u64; WIDTH]; 4];
    for (column, v) in columns.iter_mut().zip(w) {
        // SAFETY: eight words are a vector.
        unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), v) };
    }
    std::array::from_fn(|j| std::array::from_fn(|k| columns[k][j]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat5(x: &[u64; 5]) -> V {
    [splat(x[0]), splat(x[1]), splat(x[2]), splat(x[3]), splat(x[4])]
}

/// Eight vectors as the rows of an 8 x 8 matrix of words, transposed.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    let mut pairs = r; // 2 x 2 blocks
    for i in 0..4 {
        pairs[2 * i] = _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]);
    }
    let mut out = r;
    for odd in 0..2 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| pairs[2 * i + odd]);
        let (low, high) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        let (low2, high2) = (_mm512_shuffle_i64x2::<0x88>(c, d), _mm512_shuffle_i64x2::<0xdd>(c, d));
        out[odd] = _mm512_shuffle_i64x2::<0x88>(low, low2);
        out[2 + odd] = _mm512_shuffle_i64x2::<0x88>(high, high2);
        out[4 + odd] = _mm512_shuffle_i64x2::<0xdd>(low, low2);
        out[6 + odd] = _mm512_shuffle_i64x2::<0xdd>(high, high2);
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn split(w: [__m512i; 4]) -> V {
    let mask = splat(MASK);
    let cut = |a, b| _mm512_and_si512(_mm512_or_si512(a, b), mask);
    [
        _mm512_and_si512(w[0], mask),
        cut(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
        cut(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
        cut(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
        _mm512_srli_epi64::<16>(w[3]),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn join(x: &V) -> [__m512i; 4] {
    [
        _mm512_or_si512(x[0], _mm512_slli_epi64::<52>(x[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(x[1]), _mm512_slli_epi64::<40>(x[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(x[2]), _mm512_slli_epi64::<28>(x[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(x[3]), _mm512_slli_epi64::<16>(x[4])),
    ]
}

/// Coordinates of the first eight points.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(points: &[Point]) -> (V, V) {
    let p = points[..WIDTH].as_ptr().cast::<__m512i>();
    // SAFETY: a point has the size of a vector.
    let w = transpose(unsafe { std::array::from_fn(|i| _mm512_loadu_si512(p.add(i))) });
    (split([w[0], w[1], w[2], w[3]]), split([w[4], w[5], w[6], w[7]]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(points: &mut [Point], x: &V, y: &V) {
    let (x, y) = (join(x), join(y));
    let p = points[..WIDTH].as_mut_ptr().cast::<__m512i>();
    for (i, v) in transpose([x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3]]).into_iter().enumerate() {
        // SAFETY: a point has the size of a vector.
        unsafe { _mm512_storeu_si512(p.add(i), v) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn equal(a: &V, b: &V) -> __mmask8 {
    (0..5).fold(0xff, |mask, i| mask & _mm512_cmpeq_epi64_mask(a[i], b[i]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn zero(a: &V) -> __mmask8 {
    let any = (1..5).fold(a[0], |any, i| _mm512_or_si512(any, a[i]));
    _mm512_testn_epi64_mask(any, any)
}

/// Limb by limb: may leave negative limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn sub(a: &V, b: &V) -> V {
    let mut out = *a;
    for i in 0..5 {
        out[i] = _mm512_sub_epi64(a[i], b[i]);
    }
    out
}

/// x + count p with limbs in [0, 2^52); the sum must not be negative.
#[inline]
#[target_feature(enable = "avx512f")]
fn plus_p(x: &V, count: u64) -> V {
    let mut out = *x;
    for i in 0..5 {
        out[i] = _mm512_add_epi64(x[i], splat(P[i] * count));
    }
    carry(&out)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn carry(x: &V) -> V {
    let mask = splat(MASK);
    let mut out = *x;
    for i in 0..4 {
        out[i + 1] = _mm512_add_epi64(out[i + 1], _mm512_srai_epi64::<52>(out[i]));
        out[i] = _mm512_and_si512(out[i], mask);
    }
    out
}

/// The value below p of x below 4 p.
#[inline]
#[target_feature(enable = "avx512f")]
fn canonical(x: &V) -> V {
    subtract_if_not_below(&subtract_if_not_below(x, &P2), &P)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn subtract_if_not_below(x: &V, m: &[u64; 5]) -> V {
    let difference = carry(&sub(x, &splat5(m)));
    let below = _mm512_cmplt_epi64_mask(difference[4], _mm512_setzero_si512());
    let mut out = difference;
    for i in 0..5 {
        out[i] = _mm512_mask_mov_epi64(difference[i], below, x[i]);
    }
    out
}

/// x y / 2^260 modulo p, below p + x y / 2^260; x y below 84 p^2 gives less than 2 p.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(x: &V, y: &V) -> V {
    let nothing = _mm512_setzero_si512();
    let p = splat5(&P);
    let mut t = [nothing; 6];
    for &digit in x {
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], digit, y[j]);
        }
        let m = _mm512_madd52lo_epu64(nothing, t[0], splat(MINUS_INVERSE));
        for j in 0..5 {
            t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], digit, y[j]);
        }
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], m, p[j]);
        }
        t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64::<52>(t[0]));
        for j in 0..5 {
            t[j] = _mm512_madd52hi_epu64(t[j + 1], m, p[j]);
        }
        t[5] = nothing;
    }
    carry(&[t[0], t[1], t[2], t[3], t[4]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::batch::{BATCH, add_special};
    use crate::curve::powers::{self, G1Powers};
    use crate::field::Fr;

    #[test]
    fn agrees_with_scalar_additions() {
        if !detected() {
            return;
        }
        let n = 2 * BATCH;
        let points = G1Powers::new(n).multiply(&powers::scalars(Fr::from(3u64), Fr::from(1u64), 0, n));
        let (mut left, mut right) = (points[..n / 2].to_vec(), points[n / 2..n].to_vec());
        // doublings, opposite points, infinity on either side and on both
        right[3] = left[3];
        right[17] = Point::from_affine(&(-left[17].to_affine()));
        left[20] = Point::INFINITY;
        right[21] = Point::INFINITY;
        (left[22], right[22]) = (Point::INFINITY, Point::INFINITY);
        let mut out = vec![Point::INFINITY; n / 2];
        // SAFETY: the processor was asked.
        unsafe { add(&left, &right, &mut out, &mut Scratch::default()) };
        for i in 0..n / 2 {
            let expected = (left[i].to_affine() + right[i].to_affine()).into();
            assert_eq!(out[i], Point::from_affine(&expected), "{i}");
            assert_eq!(add_special(&left[i], &right[i]), out[i], "{i}");
        }
    }
}
