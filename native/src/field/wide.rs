//! Sums of products whose reduction modulo r is put off to the end, and products with machine integers.
//!
//! An `Fr` holds x 2^256 mod r in four words (Montgomery form). A product with an integer stays in that form,
//! so it needs no Montgomery reduction, only a reduction of the sum.

use super::{Fr, plain};
use ark_bn254::FrConfig;
use ark_ff::{BigInt, Field, MontConfig, PrimeField};

pub const MODULUS: [u64; 4] = Fr::MODULUS.0;
/// -r^-1 mod 2^64.
pub const MINUS_INVERSE: u64 = <FrConfig as MontConfig<4>>::INV;

/// acc + a b + carry as (low word, high word).
#[inline(always)]
fn mac(acc: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let t = acc as u128 + a as u128 * b as u128 + carry as u128;
    (t as u64, (t >> 64) as u64)
}

#[inline(always)]
fn add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let t = a as u128 + b as u128 + carry as u128;
    (t as u64, (t >> 64) as u64)
}

#[inline(always)]
fn sub(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let t = (a as u128).wrapping_sub(b as u128).wrapping_sub(borrow as u128);
    (t as u64, (t >> 64) as u64 & 1)
}

/// The element whose Montgomery form is `words` + `high` 2^256 modulo r.
#[inline]
pub fn from_words(words: [u64; 4], high: u128) -> Fr {
    let low = plain::from_any(&words);
    if high == 0 { low } else { low + Fr::from(high) }
}

/// The exact sum of up to 2^64 products (field element) x (i64), a two's complement number of 384 bits.
#[derive(Clone, Copy, Default)]
pub struct SmallSum([u64; 6]);

impl SmallSum {
    pub fn from_words(words: [u64; 6]) -> Self {
        Self(words)
    }

    #[inline(always)]
    pub fn add(&mut self, x: &Fr, v: i64) {
        let (acc, x, word) = (&mut self.0, &x.0.0, v as u64);
        let mut carry = 0;
        for i in 0..4 {
            (acc[i], carry) = mac(acc[i], x[i], word, carry);
        }
        (acc[4], carry) = add(acc[4], carry, 0);
        acc[5] = acc[5].wrapping_add(carry);
        // the word of a negative v is v + 2^64
        let mask = (v >> 63) as u64;
        let mut borrow = 0;
        for i in 0..4 {
            (acc[i + 1], borrow) = sub(acc[i + 1], x[i] & mask, borrow);
        }
        acc[5] = acc[5].wrapping_sub(borrow);
    }

    /// The sum as a field element.
    pub fn reduce(&self) -> Fr {
        let mut acc = self.0;
        let negative = acc[5] >> 63 == 1;
        if negative {
            let mut carry = 1;
            for word in &mut acc {
                (*word, carry) = add(!*word, carry, 0);
            }
        }
        let sum = from_words([acc[0], acc[1], acc[2], acc[3]], acc[4] as u128 | (acc[5] as u128) << 64);
        if negative { -sum } else { sum }
    }
}

/// The exact sum of up to 2^64 products of two field elements (576 bits).
#[derive(Clone, Copy, Default)]
pub struct ProductSum([u64; 9]);

impl ProductSum {
    pub fn from_words(words: [u64; 9]) -> Self {
        Self(words)
    }

    #[inline(always)]
    pub fn add(&mut self, x: &Fr, y: &Fr) {
        let (acc, x, y) = (&mut self.0, &x.0.0, &y.0.0);
        let mut product = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                (product[i + j], carry) = mac(product[i + j], x[i], y[j], carry);
            }
            product[i + 4] = carry;
        }
        let mut carry = 0;
        for i in 0..8 {
            (acc[i], carry) = add(acc[i], product[i], carry);
        }
        acc[8] += carry;
    }

    /// The sum as a field element: one Montgomery reduction.
    pub fn reduce(&self) -> Fr {
        let (words, high) = self.montgomery();
        from_words(words, high as u128)
    }

    /// The same of at most four products, which are below 2 r once they are divided.
    #[inline(always)]
    pub fn reduce_few(&self) -> Fr {
        plain::from_twice(&self.montgomery().0)
    }

    /// The sum divided by 2^256 modulo r, not yet reduced: four words and what is above them.
    #[inline(always)]
    fn montgomery(&self) -> ([u64; 4], u64) {
        let mut t = self.0;
        for i in 0..4 {
            let m = t[i].wrapping_mul(MINUS_INVERSE);
            let mut carry = 0;
            for j in 0..4 {
                (t[i + j], carry) = mac(t[i + j], m, MODULUS[j], carry);
            }
            for word in &mut t[i + 4..] {
                (*word, carry) = add(*word, carry, 0);
            }
        }
        ([t[4], t[5], t[6], t[7]], t[8])
    }
}

/// Fixed field elements a, b as an integer-linear form: (s, t) -> a s + b t for machine integers s, t.
///
/// The coefficients are stored times 2^64; the sum of the two products then needs a single word of
/// Montgomery reduction.
#[derive(Clone, Copy)]
pub struct SmallForm([[u64; 4]; 2]);

impl SmallForm {
    pub fn new(a: Fr, b: Fr) -> Self {
        let shift = Fr::from(1u128 << 64);
        Self([(a * shift).0.0, (b * shift).0.0])
    }

    /// The form of a linear interpolation: t(c) = (1 - c) t(0) + c t(1).
    pub fn line(c: Fr) -> Self {
        Self::new(Fr::ONE - c, c)
    }

    #[inline(always)]
    pub fn eval(&self, s: i64, t: i64) -> Fr {
        let mut sum = SmallSum::default();
        sum.add(&Fr::new_unchecked(BigInt(self.0[0])), s);
        sum.add(&Fr::new_unchecked(BigInt(self.0[1])), t);
        let mut acc = sum.0;
        let m = acc[0].wrapping_mul(MINUS_INVERSE);
        let mut carry = 0;
        for i in 0..4 {
            (acc[i], carry) = mac(acc[i], m, MODULUS[i], carry);
        }
        (acc[4], carry) = add(acc[4], carry, 0);
        acc[5] = acc[5].wrapping_add(carry);
        // |a s + b t| < 2^318, so the shifted value lies strictly between -2r and 3r
        let mut x = [acc[1], acc[2], acc[3], acc[4]];
        let mut top = acc[5] as i64;
        while top < 0 {
            let mut carry = 0;
            for i in 0..4 {
                (x[i], carry) = add(x[i], MODULUS[i], carry);
            }
            top += carry as i64;
        }
        from_words(x, 0)
    }
}

/// The sum of (coefficient, integer) products modulo r, where the coefficients are field elements times 2^64 and
/// there are at most 2^10 products with integers below 2^52: a single word of Montgomery reduction.
#[inline(always)]
pub fn linear_form<'a>(terms: impl Iterator<Item = (&'a [u64; 4], u64)>) -> Fr {
    let mut acc = [0u64; 5];
    for (coefficient, u) in terms {
        let mut carry = 0;
        for i in 0..4 {
            (acc[i], carry) = mac(acc[i], coefficient[i], u, carry);
        }
        acc[4] += carry;
    }
    let m = acc[0].wrapping_mul(MINUS_INVERSE);
    let mut carry = 0;
    for i in 0..4 {
        (acc[i], carry) = mac(acc[i], m, MODULUS[i], carry);
    }
    // (sum + m r) / 2^64 < 2^253 + r, which fits in four words
    from_words([acc[1], acc[2], acc[3], acc[4] + carry], 0)
}

/// A signed 128-bit integer as a field element.
pub fn from_i128(x: i128) -> Fr {
    let magnitude = Fr::from(x.unsigned_abs());
    if x < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_i64;
    use ark_ff::AdditiveGroup;

    fn element(seed: u64) -> Fr {
        let x = Fr::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        x * x * x * x * x
    }

    const INTS: [i64; 7] = [0, 1, -1, i64::MAX, i64::MIN, -123_456_789, 1 << 40];

    #[test]
    fn small_sums_are_exact() {
        let (mut sum, mut expected) = (SmallSum::default(), Fr::ZERO);
        for i in 0..500 {
            let (x, v) = (if i % 9 == 0 { -Fr::ONE } else { element(i) }, INTS[i as usize % INTS.len()]);
            sum.add(&x, v);
            expected += x * from_i64(v);
            assert_eq!(sum.reduce(), expected);
        }
    }

    #[test]
    fn product_sums_are_exact() {
        let (mut sum, mut expected) = (ProductSum::default(), Fr::ZERO);
        for i in 0..500 {
            let (x, y) = if i % 5 == 0 { (-Fr::ONE, -Fr::ONE) } else { (element(i), element(i + 7)) };
            sum.add(&x, &y);
            expected += x * y;
            assert_eq!(sum.reduce(), expected);
        }
    }

    #[test]
    fn small_forms_are_exact() {
        for (i, c) in [Fr::ZERO, Fr::ONE, -Fr::ONE, element(1), element(2)].into_iter().enumerate() {
            let form = SmallForm::new(c, element(i as u64));
            for s in INTS {
                for t in INTS {
                    assert_eq!(form.eval(s, t), c * from_i64(s) + element(i as u64) * from_i64(t));
                }
            }
        }
    }
}
