//! Field elements with plain 64-bit arithmetic, as `Fr`'s own operations, but without jumps that depend on values.

use super::Fr;
use super::wide::{MINUS_INVERSE, MODULUS};
#[cfg(target_arch = "x86_64")]
use crate::words::Adx;
use crate::words::{self, Carries, Modulus, Multiply, Portable, Words};
use ark_ff::BigInt;

struct R;

impl Modulus for R {
    const P: &'static Words = &MODULUS;
    const MINUS_INVERSE: u64 = MINUS_INVERSE;
}

const fn multiple(k: u64) -> Words {
    let (mut out, mut carry, mut i) = ([0; 4], 0, 0);
    while i < 4 {
        let product = MODULUS[i] as u128 * k as u128 + carry;
        (out[i], carry) = (product as u64, product >> 64);
        i += 1;
    }
    out
}

/// 2 r and 4 r.
const R2: Words = multiple(2);
const R4: Words = multiple(4);

/// The element whose Montgomery form is `x` modulo r, for x < 2 r.
#[inline(always)]
pub fn from_twice(x: &Words) -> Fr {
    Fr::new_unchecked(BigInt(words::reduce(x, &MODULUS)))
}

/// The element whose Montgomery form is `x` modulo r.
#[inline(always)]
pub fn from_any(x: &Words) -> Fr {
    // 2^256 < 6 r
    from_twice(&words::reduce(&words::reduce(x, &R4), &R2))
}

#[inline(always)]
pub fn add(a: &Fr, b: &Fr) -> Fr {
    from_twice(&words::sum(&a.0.0, &b.0.0))
}

#[inline(always)]
pub fn sub(a: &Fr, b: &Fr) -> Fr {
    Fr::new_unchecked(BigInt(words::subtract(&a.0.0, &b.0.0, &MODULUS)))
}

#[inline(always)]
pub fn mul(a: &Fr, b: &Fr) -> Fr {
    let (a, b) = (&a.0.0, &b.0.0);
    from_twice(&match Carries::detect() {
        Carries::One => Portable::multiply::<R>(a, b),
        #[cfg(target_arch = "x86_64")]
        Carries::Two => Adx::multiply::<R>(a, b),
    })
}

/// a + b c.
#[inline(always)]
pub fn mul_add(a: &Fr, b: &Fr, c: &Fr) -> Fr {
    add(a, &mul(b, c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field, PrimeField};

    #[test]
    fn agrees_with_arkworks() {
        let mut values = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64), -Fr::from(1u64 << 40)];
        for i in 0..60 {
            let x = values[values.len() - 1];
            values.push(x.square() - Fr::from(i as u64));
        }
        for a in &values {
            for b in &values {
                assert_eq!((add(a, b), sub(a, b), mul(a, b)), (*a + b, *a - b, *a * b));
                assert_eq!(mul_add(a, b, a), *a + *b * a);
            }
        }
    }

    #[test]
    fn any_words() {
        for top in [0, 1, MODULUS[3] - 1, MODULUS[3], MODULUS[3] + 1, R2[3], R4[3], R4[3] + MODULUS[3], u64::MAX] {
            for low in [0, 1, MODULUS[0], MODULUS[0].wrapping_sub(1), u64::MAX] {
                for middle in [0, MODULUS[1], u64::MAX] {
                    let x = [low, middle, MODULUS[2], top];
                    // x / 2^256 in Montgomery form is x
                    let bytes: Vec<u8> = x.iter().flat_map(|word| word.to_le_bytes()).collect();
                    let two = Fr::from(2u64).pow([256]);
                    assert_eq!(from_any(&x) * two, Fr::from_le_bytes_mod_order(&bytes));
                }
            }
        }
    }
}
