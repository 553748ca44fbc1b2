//! Kernels on slices of field elements and machine integers, on the fastest backend of the processor.

use super::lanes::{Lanes, Scalar};
use super::wide::{ProductSum, SmallForm};
use super::{Fr, from_i64, plain};
use ark_ff::{AdditiveGroup, Field};
use std::sync::atomic::{AtomicU8, Ordering};

/// The instructions that all kernels may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// None beyond the target's own.
    Scalar = 1,
    /// AVX2 for integer products; field elements as with `Scalar`.
    Avx2 = 2,
    /// AVX-512 IFMA, and VNNI or AVX2 for integer products.
    Ifma = 3,
}

impl Backend {
    /// The best last.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Ifma];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Ifma => "avx512ifma",
        }
    }

    pub fn available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => super::ifma::detected(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// 0: not chosen yet.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The backend in use: the fastest available one unless `set_backend` chose another.
#[inline]
pub fn backend() -> Backend {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Backend::Scalar,
        2 => Backend::Avx2,
        3 => Backend::Ifma,
        _ => {
            let best = Backend::ALL.into_iter().rfind(|b| b.available()).expect("scalar is always available");
            CHOSEN.store(best as u8, Ordering::Relaxed);
            best
        }
    }
}

/// Chooses a backend for the whole process; false when the processor lacks it.
pub fn set_backend(backend: Backend) -> bool {
    let available = backend.available();
    if available {
        CHOSEN.store(backend as u8, Ordering::Relaxed);
    }
    available
}

/// Evaluates an expression with `$l` bound to the `Lanes` type of the backend in use.
macro_rules! with_lanes {
    ($l:ident, $body:expr) => {
        match $crate::field::slices::backend() {
            #[cfg(target_arch = "x86_64")]
            $crate::field::slices::Backend::Ifma => {
                type $l = $crate::field::ifma::Ifma;
                $body
            }
            _ => {
                type $l = $crate::field::lanes::Scalar;
                $body
            }
        }
    };
}
pub(crate) use with_lanes;

/// Elements from the front that the vector kernels take: whole groups of eight, or none.
#[inline]
fn vectorised(n: usize) -> usize {
    if cfg!(target_arch = "x86_64") && backend() == Backend::Ifma { n / 8 * 8 } else { 0 }
}

/// Calls a kernel of `ifma::slices`.
macro_rules! ifma {
    ($f:ident($($arg:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `vectorised` gave elements, so this backend was found available.
        unsafe {
            super::ifma::slices::$f($($arg),*)
        }
        #[cfg(not(target_arch = "x86_64"))]
        unreachable!("no elements are vectorised")
    }};
}

/// The sum of products.
pub fn dot(xs: &[Fr], ys: &[Fr]) -> Fr {
    assert_eq!(xs.len(), ys.len());
    let n = vectorised(xs.len());
    let vectors = if n > 0 { ifma!(dot(&xs[..n], &ys[..n])) } else { Fr::ZERO };
    vectors + Scalar::dot(&xs[n..], &ys[n..])
}

/// The sum of products of field elements and integers.
pub fn dot_small(xs: &[Fr], vs: &[i64]) -> Fr {
    assert_eq!(xs.len(), vs.len());
    let n = vectorised(xs.len());
    let vectors = if n > 0 { ifma!(dot_small(&xs[..n], &vs[..n])) } else { Fr::ZERO };
    vectors + Scalar::dot_small(&xs[n..], &vs[n..])
}

/// xs += ys.
pub fn add_assign(xs: &mut [Fr], ys: &[Fr]) {
    assert_eq!(xs.len(), ys.len());
    for (x, y) in xs.iter_mut().zip(ys) {
        *x = plain::add(x, y);
    }
}

/// xs += c ys.
pub fn add_scaled(xs: &mut [Fr], c: &Fr, ys: &[Fr]) {
    assert_eq!(xs.len(), ys.len());
    let n = vectorised(xs.len());
    if n > 0 {
        ifma!(add_scaled(&mut xs[..n], c, &ys[..n]));
    }
    for (x, y) in xs[n..].iter_mut().zip(&ys[n..]) {
        *x = plain::mul_add(x, c, y);
    }
}

/// Slices that `sum_scaled` takes at most: products are summed before they are reduced.
pub const MAX_SUM: usize = 32;

/// out = sum_k cs[k] rows[k].
pub fn sum_scaled(out: &mut [Fr], cs: &[Fr], rows: &[&[Fr]]) {
    assert!(cs.len() == rows.len() && rows.len() <= MAX_SUM && rows.iter().all(|row| row.len() == out.len()));
    let n = vectorised(out.len());
    if n > 0 {
        ifma!(sum_scaled(&mut out[..n], cs, rows));
    }
    for (i, x) in out.iter_mut().enumerate().skip(n) {
        let mut sum = ProductSum::default();
        cs.iter().zip(rows).for_each(|(c, row)| sum.add(c, &row[i]));
        *x = sum.reduce();
    }
}

/// out = c xs.
pub fn scale(out: &mut [Fr], c: &Fr, xs: &[Fr]) {
    assert_eq!(out.len(), xs.len());
    let n = vectorised(xs.len());
    if n > 0 {
        ifma!(scale(&mut out[..n], c, &xs[..n]));
    }
    for (y, x) in out[n..].iter_mut().zip(&xs[n..]) {
        *y = plain::mul(c, x);
    }
}

/// upper = c low, then low -= upper: prepends a bit to an eq table.
pub fn split(low: &mut [Fr], upper: &mut [Fr], c: &Fr) {
    assert_eq!(low.len(), upper.len());
    let n = vectorised(low.len());
    if n > 0 {
        ifma!(split(&mut low[..n], &mut upper[..n], c));
    }
    for (x, y) in low[n..].iter_mut().zip(&mut upper[n..]) {
        *y = plain::mul(c, x);
        *x = plain::sub(x, y);
    }
}

/// lo += c (hi - lo), with hi = 0 beyond its length.
pub fn fold(lo: &mut [Fr], hi: &[Fr], c: &Fr) {
    let (pairs, alone) = lo.split_at_mut(hi.len());
    let n = vectorised(pairs.len());
    if n > 0 {
        ifma!(fold(&mut pairs[..n], &hi[..n], c));
    }
    for (x, y) in pairs[n..].iter_mut().zip(&hi[n..]) {
        *x = plain::mul_add(x, c, &plain::sub(y, x));
    }
    if !alone.is_empty() {
        let rest = Fr::ONE - c;
        for x in alone {
            *x = plain::mul(x, &rest);
        }
    }
}

/// (row, carry) = (carry, row + c carry): a step of the division by X^t - c.
pub fn carry_row(row: &mut [Fr], carry: &mut [Fr], c: &Fr) {
    assert_eq!(row.len(), carry.len());
    let n = vectorised(row.len());
    if n > 0 {
        ifma!(carry_row(&mut row[..n], &mut carry[..n], c));
    }
    for (x, y) in row[n..].iter_mut().zip(&mut carry[n..]) {
        let next = plain::mul_add(x, c, y);
        *x = std::mem::replace(y, next);
    }
}

/// Integers as field elements.
pub fn convert(out: &mut [Fr], vs: &[i64]) {
    assert_eq!(out.len(), vs.len());
    let n = vectorised(out.len());
    if n > 0 {
        ifma!(convert(&mut out[..n], &vs[..n]));
    }
    for (x, &v) in out[n..].iter_mut().zip(&vs[n..]) {
        *x = from_i64(v);
    }
}

/// out = base + a s + b t for integers s and t.
pub fn small_form(out: &mut [Fr], base: &Fr, [a, b]: [&Fr; 2], s: &[i64], t: &[i64]) {
    assert!(out.len() == s.len() && out.len() == t.len());
    let narrow = s.iter().chain(t).fold(0, |bits, &v| bits | (v ^ (v >> 63))) >> 51 == 0;
    let n = if narrow { vectorised(out.len()) } else { 0 };
    if n > 0 {
        ifma!(small_form(&mut out[..n], base, [a, b], &s[..n], &t[..n]));
    }
    if n < out.len() {
        let form = SmallForm::new(*a, *b);
        for (x, (&s, &t)) in out[n..].iter_mut().zip(s[n..].iter().zip(&t[n..])) {
            *x = plain::add(base, &form.eval(s, t));
        }
    }
}

/// Slices of integers that `add_scaled_small` takes at most.
pub const MAX_SMALL: usize = 8;

/// xs += sum_k cs[k] vs[k] for slices of integers vs.
pub fn add_scaled_small(xs: &mut [Fr], cs: &[Fr], vs: &[&[i64]]) {
    assert!(cs.len() == vs.len() && vs.len() <= MAX_SMALL && vs.iter().all(|v| v.len() == xs.len()));
    let narrow = vs.iter().copied().flatten().fold(0, |bits, &v| bits | (v ^ (v >> 63))) >> 51 == 0;
    let n = if narrow { vectorised(xs.len()) } else { 0 };
    if n > 0 {
        ifma!(add_scaled_small(&mut xs[..n], cs, vs));
    }
    if n < xs.len() {
        for (c, vs) in cs.iter().zip(vs) {
            let form = SmallForm::new(*c, Fr::ZERO);
            for (x, &v) in xs[n..].iter_mut().zip(&vs[n..]) {
                *x = plain::add(x, &form.eval(v, 0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::lanes::MAX_BLOCK;

    fn element(seed: u64) -> Fr {
        let x = Fr::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let edge = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64).inverse().unwrap(), Fr::from(1u128 << 104)];
        if seed % 7 < 3 { edge[seed as usize % edge.len()] } else { x * x * x * x * x }
    }

    fn vector(seed: u64, n: usize) -> Vec<Fr> {
        (0..n as u64).map(|i| element(seed * 1000 + i)).collect()
    }

    fn ints(seed: u64, n: usize, wide: bool) -> Vec<i64> {
        let edge = [0, 1, -1, (1 << 51) - 1, -(1 << 51), 77, -12345];
        (0..n as u64)
            .map(|i| match (i + seed) % 9 {
                k if k < 7 => edge[k as usize],
                7 if wide => i64::MAX,
                8 if wide => i64::MIN,
                _ => ((i * i * i) as i64) << 7,
            })
            .collect()
    }

    const LENGTHS: [usize; 8] = [0, 1, 7, 8, 9, 31, 64, 2048];

    /// Every kernel against plain arithmetic on elements; the vector part is the larger one from 8 on.
    #[test]
    fn slices_equal_plain_arithmetic() {
        for n in LENGTHS {
            let (xs, ys, c) = (vector(1, n), vector(2, n), element(5));
            let pairs = || xs.iter().zip(&ys);
            assert_eq!(dot(&xs, &ys), pairs().map(|(x, y)| *x * y).sum::<Fr>());
            let mut out = xs.clone();
            add_scaled(&mut out, &c, &ys);
            assert_eq!(out, pairs().map(|(x, y)| *x + c * y).collect::<Vec<_>>());
            scale(&mut out, &c, &xs);
            assert_eq!(out, xs.iter().map(|x| c * x).collect::<Vec<_>>());
            let mut sums = vec![Fr::ONE; n];
            sum_scaled(&mut sums, &[c, -Fr::ONE, c], &[&xs, &ys, &ys]);
            assert_eq!(sums, pairs().map(|(x, y)| c * x + (c - Fr::ONE) * y).collect::<Vec<_>>());
            sum_scaled(&mut sums, &[-Fr::ONE; MAX_SUM], &[xs.as_slice(); MAX_SUM]);
            assert_eq!(sums, xs.iter().map(|x| -Fr::from(MAX_SUM as u64) * x).collect::<Vec<_>>());
            let (mut row, mut carried) = (xs.clone(), ys.clone());
            carry_row(&mut row, &mut carried, &c);
            assert_eq!(row, ys);
            assert_eq!(carried, pairs().map(|(x, y)| *x + c * y).collect::<Vec<_>>());
            let (mut low, mut upper) = (xs.clone(), ys.clone());
            split(&mut low, &mut upper, &c);
            assert_eq!(upper, out);
            assert_eq!(low, xs.iter().map(|x| *x - c * x).collect::<Vec<_>>());
            for alone in [0, n / 3] {
                let mut out = xs.clone();
                fold(&mut out, &ys[alone..], &c);
                let expected = |i: usize| xs[i] + c * (ys.get(alone + i).copied().unwrap_or(Fr::ZERO) - xs[i]);
                assert_eq!(out, (0..n).map(expected).collect::<Vec<_>>());
            }
            for wide in [false, true] {
                let (s, t) = (ints(1, n, wide), ints(4, n, wide));
                assert_eq!(dot_small(&xs, &s), xs.iter().zip(&s).map(|(x, &v)| *x * from_i64(v)).sum::<Fr>());
                let mut added = ys.clone();
                add_scaled_small(&mut added, &[c, -Fr::ONE, xs.first().copied().unwrap_or(c)], &[&s, &t, &s]);
                let first = c + xs.first().copied().unwrap_or(c);
                let expected = |i: usize| ys[i] + first * from_i64(s[i]) - from_i64(t[i]);
                assert_eq!(added, (0..n).map(expected).collect::<Vec<_>>());
                convert(&mut out, &s);
                assert_eq!(out, s.iter().map(|&v| from_i64(v)).collect::<Vec<_>>());
                for a in [element(8), -Fr::ONE, Fr::ZERO] {
                    let (b, base) = (element(12), -Fr::ONE);
                    small_form(&mut out, &base, [&a, &b], &s, &t);
                    let expected = |(&s, &t): (&i64, &i64)| base + a * from_i64(s) + b * from_i64(t);
                    assert_eq!(out, s.iter().zip(&t).map(expected).collect::<Vec<_>>());
                }
            }
        }
    }

    fn check_lanes<L: Lanes>() {
        let correction = Fr::from(L::CORRECTION);
        for n in LENGTHS.into_iter().filter(|&n| n <= MAX_BLOCK) {
            let block = || vec![L::Lane::default(); n.div_ceil(L::WIDTH)];
            let load = |x: &[Fr]| {
                let mut out = block();
                L::load(&mut out, x);
                out
            };
            let (xs, ys, zs, ws) = (vector(1, n), vector(2, n), vector(3, n), vector(4, n));
            let (a, b, c, d) = (load(&xs), load(&ys), load(&zs), load(&ws));
            let sum = |f: &dyn Fn(usize) -> Fr| (0..n).map(f).sum::<Fr>();
            assert_eq!(L::sum(&a), sum(&|i| xs[i]));
            assert_eq!(L::dot(&a, &b), sum(&|i| xs[i] * ys[i]));
            let mut difference = a.clone();
            L::sub_assign(&mut difference, &b);
            let mut sum_of = difference.clone();
            for _ in 0..3 {
                L::add_assign(&mut sum_of, &difference); // 4 (x - y)
            }
            let mut product = sum_of.clone();
            L::mul_assign(&mut product, &c);
            let four = Fr::from(4u64);
            assert_eq!(L::sum(&product) * correction, sum(&|i| four * (xs[i] - ys[i]) * zs[i]));
            L::mul_assign(&mut product, &sum_of);
            let scaled = correction * correction;
            assert_eq!(L::dot(&product, &d) * scaled, {
                sum(&|i| four * four * (xs[i] - ys[i]) * (xs[i] - ys[i]) * zs[i] * ws[i])
            });
            for wide in [false, true] {
                let v = ints(2, n, wide);
                assert_eq!(L::dot_small(&sum_of, &v), sum(&|i| four * (xs[i] - ys[i]) * from_i64(v[i])));
                let mut loaded = block();
                L::load_small(&mut loaded, &v);
                assert_eq!(L::dot(&loaded, &a), sum(&|i| xs[i] * from_i64(v[i])));
            }
        }
    }

    #[test]
    fn lanes_equal_plain_arithmetic() {
        check_lanes::<Scalar>();
        #[cfg(target_arch = "x86_64")]
        if Backend::Ifma.available() {
            check_lanes::<crate::field::ifma::Ifma>();
        }
    }
}
