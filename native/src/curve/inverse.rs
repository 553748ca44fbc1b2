//! Inverses in the base field by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular
//! inversion", 2019), in the variable-time form of libsecp256k1: 62 steps at a time on the lowest words, then one
//! linear update of the long numbers, which are signed limbs of 62 bits. Nothing here is secret.

use ark_bn254::{Fq, FqConfig};
use ark_ff::{BigInt, MontConfig, PrimeField, Zero};

type Limbs = [i64; 5];

const BITS: u32 = 62;
const MASK: u64 = (1 << BITS) - 1;
const P: Limbs = limbs(Fq::MODULUS.0);
/// 1/p modulo 2^62; `INV` is -1/p modulo 2^64.
const P_INVERSE: u64 = FqConfig::INV.wrapping_neg() & MASK;

const fn limbs(w: [u64; 4]) -> Limbs {
    [
        (w[0] & MASK) as i64,
        ((w[0] >> 62 | w[1] << 2) & MASK) as i64,
        ((w[1] >> 60 | w[2] << 4) & MASK) as i64,
        ((w[2] >> 58 | w[3] << 6) & MASK) as i64,
        (w[3] >> 56) as i64,
    ]
}

/// Words of a number whose limbs are not negative.
fn words(x: &Limbs) -> [u64; 4] {
    let x = x.map(|limb| limb as u64);
    [x[0] | x[1] << 62, x[1] >> 2 | x[2] << 60, x[2] >> 4 | x[3] << 58, x[3] >> 6 | x[4] << 56]
}

/// 1/x; `None` for zero.
pub fn inverse(x: Fq) -> Option<Fq> {
    if x.is_zero() {
        return None;
    }
    let (mut d, mut e) = ([0; 5], [1, 0, 0, 0, 0]);
    let (mut f, mut g) = (P, limbs(x.0.0));
    let mut eta = -1;
    // f = d x and g = e x modulo p, up to powers of two that the updates divide out
    while g != [0; 5] {
        let t;
        (eta, t) = steps(eta, low(&f), low(&g));
        (d, e) = combine_modulo_p(&t, &d, &e);
        (f, g) = combine(&t, &f, &g);
    }
    // f is 1 or -1
    let inverse = Fq::new_unchecked(BigInt(words(&normal(d, f[4] < 0))));
    // 1/(x R), where x R is what is in memory, times R^3 / R
    let r2 = Fq::new_unchecked(FqConfig::R2);
    Some(inverse * (r2 * r2))
}

fn low(x: &Limbs) -> u64 {
    x[0] as u64 | (x[1] as u64) << BITS
}

/// 62 division steps on the lowest bits of f and g: the new delta (negated: eta) and the rows (u, v), (q, r) of the
/// transition times 2^62.
fn steps(mut eta: i64, mut f: u64, mut g: u64) -> (i64, [[i64; 2]; 2]) {
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    let mut left = BITS;
    loop {
        let zeros = (g | u64::MAX << left).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        eta -= zeros as i64;
        left -= zeros;
        if left == 0 {
            return (eta, [[u as i64, v as i64], [q as i64, r as i64]]);
        }
        // both are odd: add a multiple of f to g that clears as many of its low bits as the steps left allow
        let w;
        if eta < 0 {
            eta = -eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
            let clear = (eta as u64 + 1).min(left as u64);
            w = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2)) & (u64::MAX >> (64 - clear)) & 63;
        } else {
            let clear = (eta as u64 + 1).min(left as u64);
            let minus_inverse = f.wrapping_add((f.wrapping_add(1) & 4) << 1).wrapping_neg();
            w = minus_inverse.wrapping_mul(g) & (u64::MAX >> (64 - clear)) & 15;
        }
        g = g.wrapping_add(f.wrapping_mul(w));
        q = q.wrapping_add(u.wrapping_mul(w));
        r = r.wrapping_add(v.wrapping_mul(w));
    }
}

/// (t (f, g)) / 2^62, which is exact.
fn combine(t: &[[i64; 2]; 2], f: &Limbs, g: &Limbs) -> (Limbs, Limbs) {
    let row = |[a, b]: [i64; 2]| {
        let mut out = [0; 5];
        let mut sum = (a as i128 * f[0] as i128 + b as i128 * g[0] as i128) >> BITS;
        for i in 1..5 {
            sum += a as i128 * f[i] as i128 + b as i128 * g[i] as i128;
            out[i - 1] = (sum as u64 & MASK) as i64;
            sum >>= BITS;
        }
        out[4] = sum as i64;
        out
    };
    (row(t[0]), row(t[1]))
}

/// (t (d, e)) / 2^62 modulo p; d and e stay in (-2 p, p).
fn combine_modulo_p(t: &[[i64; 2]; 2], d: &Limbs, e: &Limbs) -> (Limbs, Limbs) {
    let (d_sign, e_sign) = (d[4] >> 63, e[4] >> 63);
    let row = |[a, b]: [i64; 2]| {
        // p times `multiple` makes negative numbers positive and the lowest limb zero
        let mut multiple = (a & d_sign) + (b & e_sign);
        let mut sum = a as i128 * d[0] as i128 + b as i128 * e[0] as i128;
        multiple -= (P_INVERSE.wrapping_mul(sum as u64).wrapping_add(multiple as u64) & MASK) as i64;
        sum = (sum + P[0] as i128 * multiple as i128) >> BITS;
        let mut out = [0; 5];
        for i in 1..5 {
            sum += a as i128 * d[i] as i128 + b as i128 * e[i] as i128 + P[i] as i128 * multiple as i128;
            out[i - 1] = (sum as u64 & MASK) as i64;
            sum >>= BITS;
        }
        out[4] = sum as i64;
        out
    };
    (row(t[0]), row(t[1]))
}

/// x or -x in [0, p), for x in (-2 p, p).
fn normal(mut x: Limbs, negate: bool) -> Limbs {
    let carried = |x: Limbs| {
        let (mut out, mut carry) = (x, 0);
        for limb in &mut out[..4] {
            let sum = *limb + carry;
            *limb = sum & MASK as i64;
            carry = sum >> BITS;
        }
        out[4] += carry;
        out
    };
    let plus_p = |x: Limbs| carried(std::array::from_fn(|i| x[i] + P[i]));
    if x[4] < 0 {
        x = plus_p(x);
    }
    if negate {
        x = carried(x.map(|limb| -limb));
    }
    if x[4] < 0 { plus_p(x) } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;

    #[test]
    fn agrees_with_arkworks() {
        assert_eq!(inverse(Fq::from(0u64)), None);
        let mut x = Fq::from(3u64);
        for i in 0..2000u64 {
            for y in [x, -x, Fq::from(i + 1), -Fq::from(i + 1), Fq::from(2u64).pow([i])] {
                assert_eq!(inverse(y), y.inverse());
            }
            x = x.square() + Fq::from(i);
        }
        for raw in [1u64, 2, u64::MAX] {
            let y = Fq::new_unchecked(BigInt([raw, 0, 0, 0]));
            assert_eq!(inverse(y), y.inverse());
        }
    }
}
