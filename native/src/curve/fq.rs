//! BN254's base field, one element at a time: four words in Montgomery form, in [0, 2 p) between operations.

use crate::words::{self, Modulus, Multiply, Words, difference, equal};
use ark_bn254::{Fq, FqConfig};
use ark_ff::{MontConfig, PrimeField};

const P: Words = Fq::MODULUS.0;
const P2: Words = [P[0] << 1, P[1] << 1 | P[0] >> 63, P[2] << 1 | P[1] >> 63, P[3] << 1 | P[2] >> 63];

/// The field's modulus p.
struct Base;

impl Modulus for Base {
    const P: &'static Words = &P;
    const MINUS_INVERSE: u64 = FqConfig::INV;
}

/// x y / 2^256, below 1.8 p.
#[inline(always)]
pub fn multiply<M: Multiply>(x: &Words, y: &Words) -> Words {
    M::multiply::<Base>(x, y)
}

/// a - b in [0, 2 p).
#[inline(always)]
pub fn subtract(a: &Words, b: &Words) -> Words {
    words::subtract(a, b, &P2)
}

/// Whether a is zero modulo p.
#[inline(always)]
pub fn is_zero(a: &Words) -> bool {
    equal(a, &[0; 4]) || equal(a, &P)
}

/// 2 p - a where `negate`, else a; not infinity's zero.
#[inline(always)]
pub fn negate_if(a: &Words, negate: bool) -> Words {
    let (minus, _) = difference(&P2, a);
    let mask = (negate as u64).wrapping_neg();
    std::array::from_fn(|i| a[i] ^ (a[i] ^ minus[i]) & mask)
}

/// p - a, for a <= p.
#[inline(always)]
pub fn complement(a: &Words) -> Words {
    difference(&P, a).0
}

/// The same element below p.
#[inline(always)]
pub fn reduced(a: &Words) -> Words {
    words::reduce(a, &P)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Portable;
    #[cfg(target_arch = "x86_64")]
    use crate::words::{Adx, Carries};
    use ark_ff::{AdditiveGroup, BigInt, Field};

    fn element(words: Words) -> Fq {
        Fq::new_unchecked(BigInt(reduced(&words)))
    }

    fn check<M: Multiply>() {
        let plus_p = |x: Fq| {
            let mut carry = 0u128;
            std::array::from_fn(|i| {
                carry += x.0.0[i] as u128 + P[i] as u128;
                let word = carry as u64;
                carry >>= 64;
                word
            })
        };
        let mut values = vec![Fq::ZERO, Fq::ONE, -Fq::ONE, Fq::from(2u64)];
        for i in 0..40 {
            let x = values[values.len() - 1];
            values.push(x.square() - Fq::from(i as u64));
        }
        values.push(Fq::new_unchecked(BigInt([u64::MAX, u64::MAX, u64::MAX, P[3] - 1])));
        for &x in &values {
            for &y in &values {
                for (a, b) in [(x.0.0, y.0.0), (plus_p(x), y.0.0), (plus_p(x), plus_p(y))] {
                    let product = multiply::<M>(&a, &b);
                    assert!(difference(&product, &P2).1);
                    assert_eq!(element(product), x * y);
                    assert_eq!(element(subtract(&a, &b)), x - y);
                    assert!(difference(&subtract(&a, &b), &P2).1);
                }
            }
            if x != Fq::ZERO {
                assert_eq!(element(negate_if(&x.0.0, true)), -x);
                assert_eq!(negate_if(&plus_p(x), false), plus_p(x));
            }
        }
    }

    #[test]
    fn agrees_with_arkworks() {
        check::<Portable>();
        #[cfg(target_arch = "x86_64")]
        if Carries::detect() == Carries::Two {
            check::<Adx>();
        }
    }
}
