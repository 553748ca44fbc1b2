//! BN254's base field, one element at a time: four words in Montgomery form, in [0, 2 p) between operations.

use ark_bn254::{Fq, FqConfig};
use ark_ff::{MontConfig, PrimeField};

pub type Words = [u64; 4];

const P: Words = Fq::MODULUS.0;
const P2: Words = [P[0] << 1, P[1] << 1 | P[0] >> 63, P[2] << 1 | P[1] >> 63, P[3] << 1 | P[2] >> 63];
/// -1/p modulo 2^64.
const MINUS_INVERSE: u64 = FqConfig::INV;

/// Whether this processor has two carry chains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carries {
    One,
    #[cfg(target_arch = "x86_64")]
    Two,
}

impl Carries {
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("adx") {
            return Self::Two;
        }
        Self::One
    }
}

/// A multiplication of the field.
pub trait Multiply {
    /// x y / 2^256: below p + x y / 2^256, which is 1.8 p for operands below 2 p.
    fn multiply(x: &Words, y: &Words) -> Words;
}

/// On any processor.
pub struct Portable;

impl Multiply for Portable {
    #[inline(always)]
    fn multiply(x: &Words, y: &Words) -> Words {
        // a sum t < y + p needs no fifth word, as y + p < 2^256
        let mut t = [0u64; 4];
        for &digit in x {
            let (low, mut carry) = step(t[0], digit, y[0], 0);
            let m = low.wrapping_mul(MINUS_INVERSE);
            let (_, mut borrow) = step(low, m, P[0], 0);
            for j in 1..4 {
                let (sum, high) = step(t[j], digit, y[j], carry);
                carry = high;
                (t[j - 1], borrow) = step(sum, m, P[j], borrow);
            }
            t[3] = carry + borrow;
        }
        t
    }
}

/// a + b c + d: low and high word.
#[inline(always)]
fn step(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 * c as u128 + d as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// With BMI2 and ADX, which add the low and the high words of a row of products in two chains of carries.
#[cfg(target_arch = "x86_64")]
pub struct Adx;

/// t = (t + low product of the modulus) / 2^64.
#[cfg(target_arch = "x86_64")]
macro_rules! reduce_row {
    () => {
        "mov rdx, {minus_inverse}
         imul rdx, {t0}
         xor {a:e}, {a:e}
         mulx {b}, {a}, [{p}]
         adcx {a}, {t0}
         mov {t0}, {b}
         adcx {t0}, {t1}
         mulx {t1}, {a}, [{p} + 8]
         adox {t0}, {a}
         adcx {t1}, {t2}
         mulx {t2}, {a}, [{p} + 16]
         adox {t1}, {a}
         adcx {t2}, {t3}
         mulx {t3}, {a}, [{p} + 24]
         adox {t2}, {a}
         mov {a:e}, 0
         adcx {t3}, {a}
         adox {t3}, {top}"
    };
}

/// t += a word of x times y; `top` is the fifth word.
#[cfg(target_arch = "x86_64")]
macro_rules! product_row {
    ($offset:literal) => {
        concat!(
            "mov rdx, [{x} + ",
            $offset,
            "]
             xor {a:e}, {a:e}
             mulx {top}, {a}, [{y}]
             adox {t0}, {a}
             adcx {t1}, {top}
             mulx {top}, {a}, [{y} + 8]
             adox {t1}, {a}
             adcx {t2}, {top}
             mulx {top}, {a}, [{y} + 16]
             adox {t2}, {a}
             adcx {t3}, {top}
             mulx {top}, {a}, [{y} + 24]
             adox {t3}, {a}
             mov {a:e}, 0
             adcx {top}, {a}
             adox {top}, {a}"
        )
    };
}

#[cfg(target_arch = "x86_64")]
impl Multiply for Adx {
    #[inline(always)]
    fn multiply(x: &Words, y: &Words) -> Words {
        let (t0, t1, t2, t3): (u64, u64, u64, u64);
        // SAFETY: reads four words of each operand and writes registers; this type is used only where the processor has
        // the instructions (`Carries::detect`).
        unsafe {
            std::arch::asm!(
                "mov rdx, [{x}]
                 xor {a:e}, {a:e}
                 mulx {t1}, {t0}, [{y}]
                 mulx {t2}, {a}, [{y} + 8]
                 adox {t1}, {a}
                 mulx {t3}, {a}, [{y} + 16]
                 adox {t2}, {a}
                 mulx {top}, {a}, [{y} + 24]
                 adox {t3}, {a}
                 mov {a:e}, 0
                 adox {top}, {a}",
                reduce_row!(),
                product_row!("8"),
                reduce_row!(),
                product_row!("16"),
                reduce_row!(),
                product_row!("24"),
                reduce_row!(),
                x = in(reg) x.as_ptr(),
                y = in(reg) y.as_ptr(),
                p = in(reg) P_IN_MEMORY.as_ptr(),
                minus_inverse = in(reg) MINUS_INVERSE,
                a = out(reg) _,
                b = out(reg) _,
                top = out(reg) _,
                t0 = out(reg) t0,
                t1 = out(reg) t1,
                t2 = out(reg) t2,
                t3 = out(reg) t3,
                out("rdx") _,
                options(pure, readonly, nostack)
            );
        }
        [t0, t1, t2, t3]
    }
}

#[cfg(target_arch = "x86_64")]
static P_IN_MEMORY: Words = P;

/// a - b in [0, 2 p).
#[inline(always)]
pub fn subtract(a: &Words, b: &Words) -> Words {
    let (d, negative) = difference(a, b);
    let mask = (negative as u64).wrapping_neg();
    let mut carry = 0;
    std::array::from_fn(|i| {
        let sum = d[i] as u128 + (P2[i] & mask) as u128 + carry as u128;
        carry = (sum >> 64) as u64;
        sum as u64
    })
}

/// Whether a is zero modulo p.
#[inline(always)]
pub fn is_zero(a: &Words) -> bool {
    *a == [0; 4] || *a == P
}

/// 2 p - a where `negate`, else a; not infinity's zero.
#[inline(always)]
pub fn negate_if(a: &Words, negate: bool) -> Words {
    let (minus, _) = difference(&P2, a);
    let mask = (negate as u64).wrapping_neg();
    std::array::from_fn(|i| a[i] ^ (a[i] ^ minus[i]) & mask)
}

/// a - b modulo 2^256, and whether a < b.
#[inline(always)]
pub fn difference(a: &Words, b: &Words) -> (Words, bool) {
    let mut borrow = false;
    let out = std::array::from_fn(|i| {
        let (d, b1) = a[i].overflowing_sub(b[i]);
        let (d, b2) = d.overflowing_sub(borrow as u64);
        borrow = b1 | b2;
        d
    });
    (out, borrow)
}

/// p - a, for a <= p.
#[inline(always)]
pub fn complement(a: &Words) -> Words {
    difference(&P, a).0
}

/// The same element below p.
#[inline(always)]
pub fn reduced(a: &Words) -> Words {
    let (d, below) = difference(a, &P);
    let mask = (below as u64).wrapping_neg();
    std::array::from_fn(|i| d[i] ^ (d[i] ^ a[i]) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
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
                    let product = M::multiply(&a, &b);
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
