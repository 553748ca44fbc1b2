//! Numbers of four 64-bit words modulo a prime below 2^254, in Montgomery form. No jump depends on a value: half of
//! those jumps would be foreseen wrongly.

pub type Words = [u64; 4];

/// A prime below 2^254.
pub trait Modulus {
    const P: &'static Words;
    /// -1/p modulo 2^64.
    const MINUS_INVERSE: u64;
}

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

/// A multiplication.
pub trait Multiply {
    /// x y / 2^256: below p + x y / 2^256, which is 1.8 p for operands below 2 p.
    fn multiply<M: Modulus>(x: &Words, y: &Words) -> Words;
}

/// On any processor.
pub struct Portable;

impl Multiply for Portable {
    #[inline(always)]
    fn multiply<M: Modulus>(x: &Words, y: &Words) -> Words {
        // a sum t < y + p needs no fifth word, as y + p < 2^256
        let mut t = [0u64; 4];
        for &digit in x {
            let (low, mut carry) = step(t[0], digit, y[0], 0);
            let m = low.wrapping_mul(M::MINUS_INVERSE);
            let (_, mut borrow) = step(low, m, M::P[0], 0);
            for j in 1..4 {
                let (sum, high) = step(t[j], digit, y[j], carry);
                carry = high;
                (t[j - 1], borrow) = step(sum, m, M::P[j], borrow);
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
    fn multiply<M: Modulus>(x: &Words, y: &Words) -> Words {
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
                p = in(reg) M::P.as_ptr(),
                minus_inverse = in(reg) M::MINUS_INVERSE,
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

/// a - b, plus `m` where that is negative.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn subtract(a: &Words, b: &Words, m: &'static Words) -> Words {
    let [mut d0, mut d1, mut d2, mut d3] = *a;
    // SAFETY: reads four words of b and of m, and writes registers. In assembly, as the compiler makes a jump of it.
    unsafe {
        std::arch::asm!(
            "sub {d0}, [{b}]
             sbb {d1}, [{b} + 8]
             sbb {d2}, [{b} + 16]
             sbb {d3}, [{b} + 24]
             sbb {m0}, {m0}
             mov {m1}, {m0}
             mov {m2}, {m0}
             mov {m3}, {m0}
             and {m0}, [{m}]
             and {m1}, [{m} + 8]
             and {m2}, [{m} + 16]
             and {m3}, [{m} + 24]
             add {d0}, {m0}
             adc {d1}, {m1}
             adc {d2}, {m2}
             adc {d3}, {m3}",
            b = in(reg) b.as_ptr(),
            m = in(reg) m.as_ptr(),
            d0 = inout(reg) d0,
            d1 = inout(reg) d1,
            d2 = inout(reg) d2,
            d3 = inout(reg) d3,
            m0 = out(reg) _,
            m1 = out(reg) _,
            m2 = out(reg) _,
            m3 = out(reg) _,
            options(pure, readonly, nostack)
        );
    }
    [d0, d1, d2, d3]
}

/// a - b, plus `m` where that is negative.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn subtract(a: &Words, b: &Words, m: &'static Words) -> Words {
    let (d, negative) = difference(a, b);
    let mask = (negative as u64).wrapping_neg();
    let mut carry = 0;
    std::array::from_fn(|i| {
        let sum = d[i] as u128 + (m[i] & mask) as u128 + carry as u128;
        carry = (sum >> 64) as u64;
        sum as u64
    })
}

/// a - m, or a where that is negative.
#[inline(always)]
pub fn reduce(a: &Words, m: &'static Words) -> Words {
    subtract(a, m, m)
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

/// a + b modulo 2^256.
#[inline(always)]
pub fn sum(a: &Words, b: &Words) -> Words {
    let mut carry = 0;
    std::array::from_fn(|i| {
        let sum = a[i] as u128 + b[i] as u128 + carry as u128;
        carry = (sum >> 64) as u64;
        sum as u64
    })
}

/// Whether a = b, word for word: a comparison of arrays would wait until words that were just written are in memory.
#[inline(always)]
pub fn equal(a: &Words, b: &Words) -> bool {
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
}
