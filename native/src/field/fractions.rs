//! Blocks of fractions p / d, as LogUp-GKR reads them: the children of a node are p0 / d0 and p1 / d1.
//!
//! Four values stand for a node, `[p0, d1, x1, d0]`, where x1 is p1, or w1 = p1 + lambda d1 once lambda is known:
//! the node is then p + lambda d = p0 d1 + w1 d0.

use super::lanes::{Lanes, Scalar};
use super::wide::{ProductSum, SmallSum, linear_form};
use super::{Fr, plain};
use ark_ff::{AdditiveGroup, Field};
use std::mem::MaybeUninit;

/// Elements of a block at most.
pub const BLOCK: usize = 128;
/// Integers of less than 52 bits in absolute value, each plus `OFFSET`.
pub type Column = [u64; BLOCK];
pub const OFFSET: u64 = 1 << 51;

/// The children of as many nodes as a lane has places.
pub type Quad<L> = [<L as FractionLanes>::Packed; 4];

pub trait FractionLanes: Lanes {
    /// A lane as it is kept in memory: 32 bytes for each element.
    type Packed: Copy + Send + Sync + 'static;
    /// An affine form in columns of integers.
    type Form: Send + Sync;
    /// A sum of products with integers.
    type Sum: Clone + Default + Send + Sync;

    /// Runs `f`, compiled for the instructions that this backend may use.
    fn compiled<T>(f: impl FnOnce() -> T) -> T;
    /// base + the sum of coefficient * columns[index].
    fn form(base: Fr, terms: &[(usize, Fr)]) -> Self::Form;
    fn eval(out: &mut [Self::Lane], form: &Self::Form, columns: &[Column]);
    fn fill(out: &mut [Self::Lane], x: &Fr);
    /// Adds the sum of weights times a column's integers; at most 2^10 lanes.
    fn sum_column(sum: &mut Self::Sum, weights: &[Self::Lane], a: &Column);
    /// Adds the sum of weights times products of two columns' integers, below 2^63, or 2^51 where `narrow`.
    fn sum_product(sum: &mut Self::Sum, weights: &[Self::Lane], a: &Column, b: &Column, narrow: bool);
    /// The value of a sum over weights that are 1 in all; `narrow`: that of its products, or true.
    fn finish(sum: &Self::Sum, narrow: bool) -> Fr;
    /// a += c b.
    fn add_scaled(a: &mut [Self::Lane], c: &Fr, b: &[Self::Lane]);
    /// The nodes [p, d] of children [p0, d1, p1, d0].
    fn parents(out: [&mut [Self::Lane]; 2], children: [&[Self::Lane]; 4]);
    fn pack(out: &mut [Quad<Self>], lanes: [&[Self::Lane]; 4]);
    /// Places without a node: the children are 0 / 1.
    fn missing(third: &Fr) -> Quad<Self>;
    /// The elements in order.
    fn unpack(quads: &[Quad<Self>]) -> Vec<[Fr; 4]>;

    /// The sum of weights times p0 d1 + x1 d0, divided by CORRECTION.
    fn sum_nodes(weights: &[Self::Lane], quad: [&[Self::Lane]; 4]) -> Fr;
    /// With f = p0 d1 + x1 d0: the sum of eq f over `low`, over `high` (if wanted), and of eq times the leading
    /// coefficient of f on the lines from `low` to `high`; all divided by CORRECTION.
    fn weigh(eq: &[Self::Lane], low: [&[Self::Lane]; 4], high: [&[Self::Lane]; 4], at_one: bool) -> [Fr; 3];
    /// Turns p1 into w1 and weighs; `high` may be shorter than `low`: what it lacks is missing.
    fn start(low: &mut [Quad<Self>], high: &mut [Quad<Self>], lambda: &Fr, eq: &[Self::Lane], at_one: bool) -> [Fr; 3];
    /// Sets `low` to low + c (high - low), pairwise, and weighs the two results; `high` may be shorter.
    fn step(
        low: [&mut [Quad<Self>]; 2],
        high: [&[Quad<Self>]; 2],
        lambda: &Fr,
        c: &Fr,
        eq: &[Self::Lane],
        at_one: bool,
    ) -> [Fr; 3];
    /// One layer up: the node of `children[i]` is a child of node i / 2. `p1` everywhere, not w1. Writes all of `out`.
    fn join(out: &mut [MaybeUninit<Quad<Self>>], children: &[Quad<Self>]);
}

/// A vector of n elements, or the error of `write`.
///
/// # Safety
/// Unless it fails, `write` must write all elements.
pub unsafe fn written<T, E>(n: usize, write: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<(), E>) -> Result<Vec<T>, E> {
    let mut out = Vec::with_capacity(n);
    write(&mut out.spare_capacity_mut()[..n])?;
    // SAFETY: the first n elements are written.
    unsafe { out.set_len(n) };
    Ok(out)
}

fn node([p0, d1, x1, d0]: &[Fr; 4]) -> Fr {
    let mut sum = ProductSum::default();
    sum.add(p0, d1);
    sum.add(x1, d0);
    sum.reduce_few()
}

/// Weighted sums at 0, at 1 and of the leading coefficient.
#[derive(Default)]
struct Sums([ProductSum; 3]);

impl Sums {
    #[inline]
    fn add(&mut self, w: &Fr, low: &[Fr; 4], high: &[Fr; 4], at_one: bool) {
        self.0[0].add(w, &node(low));
        if at_one {
            self.0[1].add(w, &node(high));
        }
        self.0[2].add(w, &node(&std::array::from_fn(|t| plain::sub(&high[t], &low[t]))));
    }

    fn reduce(&self) -> [Fr; 3] {
        std::array::from_fn(|i| self.0[i].reduce())
    }
}

/// The form's base, and its terms with coefficients divided by 2^-64.
pub struct ScalarForm {
    base: Fr,
    terms: Vec<(usize, [u64; 4])>,
}

/// The base of a form whose columns carry `OFFSET`.
pub(super) fn shifted_base(base: Fr, terms: &[(usize, Fr)]) -> Fr {
    base - terms.iter().map(|(_, c)| c).sum::<Fr>() * Fr::from(OFFSET)
}

impl FractionLanes for Scalar {
    type Packed = Fr;
    type Form = ScalarForm;
    type Sum = SmallSum;

    #[inline(always)]
    fn compiled<T>(f: impl FnOnce() -> T) -> T {
        f()
    }

    fn form(base: Fr, terms: &[(usize, Fr)]) -> ScalarForm {
        let shift = Fr::from(1u128 << 64);
        ScalarForm {
            base: shifted_base(base, terms),
            terms: terms.iter().map(|(i, c)| (*i, (*c * shift).0.0)).collect(),
        }
    }

    fn eval(out: &mut [Fr], form: &ScalarForm, columns: &[Column]) {
        for (i, x) in out.iter_mut().enumerate() {
            *x = plain::add(&form.base, &linear_form(form.terms.iter().map(|(at, c)| (c, columns[*at][i]))));
        }
    }

    fn fill(out: &mut [Fr], x: &Fr) {
        out.fill(*x);
    }

    fn sum_column(sum: &mut SmallSum, weights: &[Fr], a: &Column) {
        for (w, x) in weights.iter().zip(a) {
            sum.add(w, x.wrapping_sub(OFFSET) as i64);
        }
    }

    fn sum_product(sum: &mut SmallSum, weights: &[Fr], a: &Column, b: &Column, _: bool) {
        for (w, (x, y)) in weights.iter().zip(a.iter().zip(b)) {
            sum.add(w, x.wrapping_sub(OFFSET).wrapping_mul(y.wrapping_sub(OFFSET)) as i64);
        }
    }

    fn finish(sum: &SmallSum, _: bool) -> Fr {
        sum.reduce()
    }

    fn add_scaled(a: &mut [Fr], c: &Fr, b: &[Fr]) {
        for (x, y) in a.iter_mut().zip(b) {
            *x = plain::mul_add(x, c, y);
        }
    }

    fn parents([p, d]: [&mut [Fr]; 2], [p0, d1, p1, d0]: [&[Fr]; 4]) {
        for i in 0..p.len() {
            (p[i], d[i]) = (node(&[p0[i], d1[i], p1[i], d0[i]]), plain::mul(&d0[i], &d1[i]));
        }
    }

    fn pack(out: &mut [[Fr; 4]], lanes: [&[Fr]; 4]) {
        for (i, quad) in out.iter_mut().enumerate() {
            *quad = std::array::from_fn(|t| lanes[t][i]);
        }
    }

    fn missing(third: &Fr) -> [Fr; 4] {
        [Fr::ZERO, Fr::ONE, *third, Fr::ONE]
    }

    fn unpack(quads: &[[Fr; 4]]) -> Vec<[Fr; 4]> {
        quads.to_vec()
    }

    fn sum_nodes(weights: &[Fr], quad: [&[Fr]; 4]) -> Fr {
        let mut sum = ProductSum::default();
        for (i, w) in weights.iter().enumerate() {
            sum.add(w, &node(&quad.map(|t| t[i])));
        }
        sum.reduce()
    }

    fn weigh(eq: &[Fr], low: [&[Fr]; 4], high: [&[Fr]; 4], at_one: bool) -> [Fr; 3] {
        let mut sums = Sums::default();
        for (i, w) in eq.iter().enumerate() {
            sums.add(w, &low.map(|t| t[i]), &high.map(|t| t[i]), at_one);
        }
        sums.reduce()
    }

    fn start(low: &mut [[Fr; 4]], high: &mut [[Fr; 4]], lambda: &Fr, eq: &[Fr], at_one: bool) -> [Fr; 3] {
        let (mut sums, missing) = (Sums::default(), Self::missing(lambda));
        for (i, (w, low)) in eq.iter().zip(low).enumerate() {
            low[2] = plain::mul_add(&low[2], &low[1], lambda);
            let high = high.get_mut(i).map_or(missing, |high| {
                high[2] = plain::mul_add(&high[2], &high[1], lambda);
                *high
            });
            sums.add(w, low, &high, at_one);
        }
        sums.reduce()
    }

    fn step(
        [a, b]: [&mut [[Fr; 4]]; 2],
        high: [&[[Fr; 4]]; 2],
        lambda: &Fr,
        c: &Fr,
        eq: &[Fr],
        at_one: bool,
    ) -> [Fr; 3] {
        let (mut sums, missing) = (Sums::default(), Self::missing(lambda));
        for (i, (w, (a, b))) in eq.iter().zip(a.iter_mut().zip(b)).enumerate() {
            for (x, high) in [&mut *a, &mut *b].into_iter().zip(high) {
                let y = high.get(i).unwrap_or(&missing);
                for t in 0..4 {
                    x[t] = plain::mul_add(&x[t], c, &plain::sub(&y[t], &x[t]));
                }
            }
            sums.add(w, a, b, at_one);
        }
        sums.reduce()
    }

    fn join(out: &mut [MaybeUninit<[Fr; 4]>], children: &[[Fr; 4]]) {
        let missing = Self::missing(&Fr::ZERO);
        for (i, quad) in out.iter_mut().enumerate() {
            let (a, b) = (&children[2 * i], children.get(2 * i + 1).unwrap_or(&missing));
            quad.write([node(a), plain::mul(&b[1], &b[3]), node(b), plain::mul(&a[1], &a[3])]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_i64;

    fn element(seed: u64) -> Fr {
        let x = Fr::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        match seed % 7 {
            0 => Fr::ZERO,
            1 => -Fr::ONE,
            _ => x * x * x * x * x,
        }
    }

    fn vector(seed: u64, n: usize) -> Vec<Fr> {
        (0..n as u64).map(|i| element(1000 * seed + i)).collect()
    }

    fn load<L: Lanes>(x: &[Fr]) -> Vec<L::Lane> {
        let mut out = vec![L::Lane::default(); x.len().div_ceil(L::WIDTH)];
        L::load(&mut out, x);
        out
    }

    fn made<T>(n: usize, write: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
        // SAFETY: `join` writes all of its output.
        let result = unsafe {
            written(n, |out| {
                write(out);
                Ok::<_, ()>(())
            })
        };
        result.expect("no error")
    }

    /// `pack` of four vectors.
    fn quads<L: FractionLanes>(x: &[Vec<Fr>; 4]) -> Vec<Quad<L>> {
        let lanes: [_; 4] = std::array::from_fn(|t| load::<L>(&x[t]));
        let mut out = vec![L::missing(&Fr::ZERO); lanes[0].len()];
        L::pack(&mut out, lanes.each_ref().map(|l| &l[..]));
        out
    }

    fn check<L: FractionLanes>() {
        let (n, lambda, c, correction) = (64, element(5), element(12), Fr::from(L::CORRECTION));
        let x: [[Vec<Fr>; 4]; 4] = std::array::from_fn(|k| std::array::from_fn(|t| vector(10 + (4 * k + t) as u64, n)));
        let plain = |k: usize| -> Vec<[Fr; 4]> { (0..n).map(|i| std::array::from_fn(|t| x[k][t][i])).collect() };
        let weights = vector(3, n);
        let eq = load::<L>(&weights);
        let packed: [Vec<Quad<L>>; 4] = std::array::from_fn(|k| quads::<L>(&x[k]));
        assert_eq!(L::unpack(&packed[1]), plain(1));

        let joined = made(n / L::WIDTH / 2, |out| L::join(out, &packed[0]));
        assert_eq!(L::unpack(&joined), made(n / 2, |out| Scalar::join(out, &plain(0))));

        for (short, at_one) in [(0, true), (n / 2, false), (n, true)] {
            let (have, lanes) = (n - short, (n - short) / L::WIDTH);
            let (mut low, mut high) = (packed[0].clone(), packed[1].clone());
            let sums = L::start(&mut low, &mut high[..lanes], &lambda, &eq, at_one);
            let (mut plain_low, mut plain_high) = (plain(0), plain(1));
            let expected = Scalar::start(&mut plain_low, &mut plain_high[..have], &lambda, &weights, at_one);
            assert_eq!(sums.map(|s| s * correction), expected);
            assert_eq!((L::unpack(&low), L::unpack(&high)), (plain_low.clone(), plain_high));

            let mut other = packed[1].clone();
            let upper = [&packed[2][..lanes], &packed[3][..lanes / 2]];
            let sums = L::step([&mut low, &mut other], upper, &lambda, &c, &eq, at_one);
            let (mut plain_other, plain_upper) = (plain(1), [plain(2), plain(3)]);
            let upper = [&plain_upper[0][..have], &plain_upper[1][..lanes / 2 * L::WIDTH]];
            let expected = Scalar::step([&mut plain_low, &mut plain_other], upper, &lambda, &c, &weights, at_one);
            assert_eq!(sums.map(|s| s * correction), expected);
            assert_eq!((L::unpack(&low), L::unpack(&other)), (plain_low, plain_other));
        }

        let [a, b]: [[Vec<L::Lane>; 4]; 2] = [0, 1].map(|k| std::array::from_fn(|t| load::<L>(&x[k][t])));
        let [a, b] = [&a, &b].map(|l| l.each_ref().map(|l| &l[..]));
        let sums = L::weigh(&eq, a, b, true).map(|s| s * correction);
        let [low, high] = [0, 1].map(|k| x[k].each_ref().map(|t| &t[..]));
        assert_eq!(sums, Scalar::weigh(&weights, low, high, true));
        assert_eq!(L::sum_nodes(&eq, a) * correction, sums[0]);
        let (mut p, mut d) = (eq.clone(), eq.clone());
        L::parents([&mut p, &mut d], a);
        L::add_scaled(&mut p, &c, &d);
        assert_eq!(
            L::dot(&p, &eq),
            (0..n).map(|i| weights[i] * (node(&plain(0)[i]) + c * x[0][1][i] * x[0][3][i])).sum()
        );
    }

    fn check_forms<L: FractionLanes>() {
        let edge = [0, OFFSET - 1, OFFSET, OFFSET + 1, 2 * OFFSET - 1, 12345];
        let columns: Vec<Column> =
            (0..40).map(|k| std::array::from_fn(|i| edge[(i * (k + 1) + k) % edge.len()])).collect();
        for terms in [0usize, 1, 2, 40] {
            let coefs: Vec<(usize, Fr)> = (0..terms).map(|k| (k, element(k as u64 + 1))).collect();
            let base = element(77);
            let mut out = vec![L::Lane::default(); BLOCK / L::WIDTH];
            L::eval(&mut out, &L::form(base, &coefs), &columns);
            let value = |i: usize| {
                base + coefs.iter().map(|(k, c)| *c * (Fr::from(columns[*k][i]) - Fr::from(OFFSET))).sum::<Fr>()
            };
            for i in 0..BLOCK {
                let mut unit = vec![Fr::ZERO; BLOCK];
                unit[i] = Fr::ONE;
                assert_eq!(L::dot(&out, &load::<L>(&unit)), value(i), "{terms} terms");
            }
            let weights = [vector(9, BLOCK - 1), vec![Fr::ONE - vector(9, BLOCK - 1).iter().sum::<Fr>()]].concat();
            let eq = load::<L>(&weights);
            let int = |k: usize, i: usize| columns[k][i].wrapping_sub(OFFSET) as i64;
            let weighted = |f: &dyn Fn(usize) -> i64| (0..BLOCK).map(|i| weights[i] * from_i64(f(i))).sum::<Fr>();
            let mut sum = L::Sum::default();
            L::sum_column(&mut sum, &eq, &columns[2]);
            assert_eq!(L::finish(&sum, true), weighted(&|i| int(2, i)));
            let small: [Column; 2] =
                [3, 4].map(|k| columns[k].map(|u| (u.wrapping_sub(OFFSET) as i64 >> 27) as u64 + OFFSET));
            for (a, b, narrow) in [(&small[0], &small[1], true), (&columns[1], &[OFFSET - 2048; BLOCK], false)] {
                let mut sum = L::Sum::default();
                L::sum_product(&mut sum, &eq, a, b, narrow);
                let int = |c: &Column, i: usize| c[i].wrapping_sub(OFFSET) as i64;
                assert_eq!(L::finish(&sum, narrow), weighted(&|i| int(a, i) * int(b, i)));
            }
            L::fill(&mut out, &base);
            assert_eq!(L::sum(&out), base * Fr::from(BLOCK as u64));
        }
    }

    #[test]
    fn blocks_equal_plain_arithmetic() {
        check::<Scalar>();
        check_forms::<Scalar>();
        #[cfg(target_arch = "x86_64")]
        if super::super::ifma::detected() {
            check::<super::super::ifma::Ifma>();
            check_forms::<super::super::ifma::Ifma>();
        }
    }
}
