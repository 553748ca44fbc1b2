//! Blocks of fractions; in memory a lane is four vectors of words.
//!
//! Values are below 2.1 r between operations: `trim` compares top limbs only.

use super::lanes::{Ifma, Lane, get, set};
use super::*;
use crate::field::fractions::{Column, FractionLanes, OFFSET, Quad, shifted_base};
use crate::field::wide::{ProductSum, SmallSum};
use ark_ff::{AdditiveGroup, Field};
use std::mem::MaybeUninit;

/// The words of eight elements.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Words([[u64; 8]; 4]);

/// The base, and the terms with coefficients times 2^104, by which `reduce_small` divides.
pub struct Form {
    base: [u64; 5],
    terms: Vec<(usize, [u64; 5])>,
}

type Fraction = [V; 4];

#[inline]
#[target_feature(enable = "avx512f")]
fn unpack(x: &Words) -> V {
    let p = x.0.as_ptr().cast::<__m512i>();
    // SAFETY: four aligned vectors.
    limbs_of(&unsafe { [0, 1, 2, 3].map(|i| _mm512_load_si512(p.add(i))) })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pack(out: &mut Words, x: &V) {
    // SAFETY: a valid place.
    unsafe { write(out, x) };
}

/// # Safety
/// `out` must be a place for a lane.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn write(out: *mut Words, x: &V) {
    for (i, w) in words_of(x).into_iter().enumerate() {
        // SAFETY: four aligned vectors.
        unsafe { _mm512_store_si512(out.cast::<__m512i>().add(i), w) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn write_quad(out: &mut MaybeUninit<Quad<Ifma>>, x: &Fraction) {
    for (t, v) in x.iter().enumerate() {
        // SAFETY: a quad is four lanes.
        unsafe { write(out.as_mut_ptr().cast::<Words>().add(t), v) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn unpack_quad(x: &Quad<Ifma>) -> Fraction {
    [unpack(&x[0]), unpack(&x[1]), unpack(&x[2]), unpack(&x[3])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pack_quad(out: &mut Quad<Ifma>, x: &Fraction) {
    for (words, v) in out.iter_mut().zip(x) {
        pack(words, v);
    }
}

/// x with normal limbs, minus 2r where it is clearly not below; x is below 4r with limbs below 2^54.
#[inline]
#[target_feature(enable = "avx512f")]
fn trim(mut x: V) -> V {
    let modulus = splat5(&R2);
    let above = _mm512_cmpgt_epi64_mask(x[4], modulus[4]);
    for i in 0..5 {
        x[i] = _mm512_mask_sub_epi64(x[i], above, x[i], modulus[i]);
    }
    x = carry(&x);
    x
}

/// y - x + 4r.
#[inline]
#[target_feature(enable = "avx512f")]
fn difference(x: &V, y: &V) -> V {
    let mut out = add_limbs(&sub_limbs(y, x), &splat5(&R4));
    out = carry(&out);
    out
}

/// x + c (y - x) for a `constant` c.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn line(x: &V, y: &V, c: &V) -> V {
    trim(add_limbs(&mul(&difference(x, y), c), x))
}

/// a0 a1 + a2 a3, divided by 16; factors below 6.1 r.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn node(a: &Fraction) -> V {
    let mut products = [_mm512_setzero_si512(); 10];
    add_product(&mut products, &a[0], &a[1]);
    add_product(&mut products, &a[2], &a[3]);
    reduce(products)
}

/// Sums at 0, at 1 and of the leading coefficient, as long as a lane does not overflow (390 products).
struct Sums {
    acc: [Wide; 3],
    at_one: bool,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(at_one: bool) -> Self {
        Self { acc: [[_mm512_setzero_si512(); 10]; 3], at_one }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add(&mut self, eq: &V, low: &Fraction, high: &Fraction) {
        add_product(&mut self.acc[0], eq, &node(low));
        if self.at_one {
            add_product(&mut self.acc[1], eq, &node(high));
        }
        let mut leading = *low;
        for t in 0..4 {
            leading[t] = difference(&low[t], &high[t]);
        }
        add_product(&mut self.acc[2], eq, &node(&leading));
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn finish(self) -> [Fr; 3] {
        let mut out = [Fr::ZERO; 3];
        for (i, acc) in self.acc.into_iter().enumerate() {
            if i != 1 || self.at_one {
                out[i] = ProductSum::from_words(sum_lanes(acc)).reduce();
            }
        }
        out
    }
}

#[target_feature(enable = "avx512f,avx512ifma,avx512bw,avx512dq,avx512vl")]
fn run<T>(f: impl FnOnce() -> T) -> T {
    f()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn eval_block(out: &mut [Lane], form: &Form, columns: &[Column]) {
    let zero = _mm512_setzero_si512();
    let base = splat5(&form.base);
    for (i, lane) in out.iter_mut().enumerate() {
        let mut x = [zero; 7];
        for (at, c) in &form.terms {
            let u = column_lane(&columns[*at], i);
            for j in 0..5 {
                x[j] = _mm512_madd52lo_epu64(x[j], splat(c[j]), u);
                x[j + 1] = _mm512_madd52hi_epu64(x[j + 1], splat(c[j]), u);
            }
        }
        // below r (1 + terms / 2^52), and below 2.1 r with the base
        let mut sum = add_limbs(&reduce_small(x), &base);
        sum = carry(&sum);
        set(lane, sum);
    }
}

/// A sum of products with integers that carry an offset.
#[derive(Clone, Default)]
#[repr(C, align(64))]
pub struct IntSum([[u64; 8]; 7]);

impl IntSum {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn get(&self) -> [__m512i; 7] {
        // SAFETY: seven vectors.
        [0, 1, 2, 3, 4, 5, 6].map(|i| unsafe { _mm512_load_si512(self.0[i].as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn set(&mut self, x: [__m512i; 7]) {
        for (row, v) in self.0.iter_mut().zip(x) {
            // SAFETY: a vector.
            unsafe { _mm512_store_si512(row.as_mut_ptr().cast(), v) };
        }
    }
}

/// acc += x u at limb `at`, for u below 2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_multiple(acc: &mut [__m512i; 7], at: usize, x: &V, u: __m512i) {
    for i in 0..5 {
        acc[at + i] = _mm512_madd52lo_epu64(acc[at + i], x[i], u);
        acc[at + i + 1] = _mm512_madd52hi_epu64(acc[at + i + 1], x[i], u);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn column_lane(column: &Column, i: usize) -> __m512i {
    let eight: &[u64; 8] = column[8 * i..8 * i + 8].try_into().expect("eight");
    // SAFETY: eight integers.
    unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn sum_column_block(sum: &mut IntSum, weights: &[Lane], a: &Column) {
    let mut acc = sum.get();
    for (i, w) in weights.iter().enumerate() {
        add_multiple(&mut acc, 0, &get(w), column_lane(a, i));
    }
    sum.set(acc);
}

#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn sum_product_block(sum: &mut IntSum, weights: &[Lane], a: &Column, b: &Column, narrow: bool) {
    let (mut acc, offset) = (sum.get(), splat(OFFSET));
    let product = |i: usize| {
        let (x, y) = (column_lane(a, i), column_lane(b, i));
        _mm512_mullo_epi64(_mm512_sub_epi64(x, offset), _mm512_sub_epi64(y, offset))
    };
    if narrow {
        for (i, w) in weights.iter().enumerate() {
            add_multiple(&mut acc, 0, &get(w), _mm512_add_epi64(product(i), offset));
        }
    } else {
        for (i, w) in weights.iter().enumerate() {
            // the offset is 2^63; the multiplier takes the low 52 bits
            let (x, u) = (get(w), _mm512_xor_si512(product(i), splat(1 << 63)));
            add_multiple(&mut acc, 0, &x, u);
            add_multiple(&mut acc, 1, &x, _mm512_srli_epi64::<52>(u));
        }
    }
    sum.set(acc);
}

#[target_feature(enable = "avx512f")]
fn finish_sum(sum: &IntSum, narrow: bool) -> Fr {
    let total = SmallSum::from_words(sum_lanes(sum.get())).reduce();
    total - Fr::from(if narrow { OFFSET } else { 1 << 63 })
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn fill_block(out: &mut [Lane], x: &Fr) {
    let x = broadcast(x);
    for lane in out {
        set(lane, x);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn add_scaled_block(a: &mut [Lane], c: &Fr, b: &[Lane]) {
    let c = constant(c);
    for (x, y) in a.iter_mut().zip(b) {
        set(x, trim(add_limbs(&mul(&get(y), &c), &get(x))));
    }
}

/// Numerator and denominator of a node.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn parent([p0, d1, p1, d0]: &Fraction) -> [V; 2] {
    let (mut sum, d1) = ([_mm512_setzero_si512(); 10], times_16(d1));
    add_product(&mut sum, p0, &d1);
    add_product(&mut sum, p1, &times_16(d0));
    // the sum of products is below 2 x 16 (2.1 r)^2 < 142 r^2, reduced below 2.7 r; d below 1.9 r
    [trim(reduce(sum)), mul(d0, &d1)]
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn parents_block([p, d]: [&mut [Lane]; 2], children: [&[Lane]; 4]) {
    for i in 0..p.len() {
        let quad = [get(&children[0][i]), get(&children[1][i]), get(&children[2][i]), get(&children[3][i])];
        let [x, y] = parent(&quad);
        set(&mut p[i], x);
        set(&mut d[i], y);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn pack_block(out: &mut [Quad<Ifma>], lanes: [&[Lane]; 4]) {
    for (i, quad) in out.iter_mut().enumerate() {
        pack_quad(quad, &[get(&lanes[0][i]), get(&lanes[1][i]), get(&lanes[2][i]), get(&lanes[3][i])]);
    }
}

#[target_feature(enable = "avx512f")]
fn missing_lane(third: &Fr) -> Quad<Ifma> {
    let mut out = [Words([[0; 8]; 4]); 4];
    for (words, x) in out.iter_mut().zip([&Fr::ZERO, &Fr::ONE, third, &Fr::ONE]) {
        pack(words, &broadcast(x));
    }
    out
}

#[target_feature(enable = "avx512f")]
fn unpack_all(quads: &[Quad<Ifma>]) -> Vec<[Fr; 4]> {
    let mut out = vec![[Fr::ZERO; 4]; 8 * quads.len()];
    let mut row = [Fr::ZERO; 8];
    for (quad, out) in quads.iter().zip(out.chunks_exact_mut(8)) {
        for (t, words) in quad.iter().enumerate() {
            // SAFETY: eight elements.
            unsafe { store(row.as_mut_ptr(), &canonical(&unpack(words))) };
            for (x, y) in out.iter_mut().zip(&row) {
                x[t] = *y;
            }
        }
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn sum_nodes_block(weights: &[Lane], quad: [&[Lane]; 4]) -> Fr {
    let mut acc = [_mm512_setzero_si512(); 10];
    for (i, w) in weights.iter().enumerate() {
        let a = [get(&quad[0][i]), get(&quad[1][i]), get(&quad[2][i]), get(&quad[3][i])];
        add_product(&mut acc, &get(w), &node(&a));
    }
    ProductSum::from_words(sum_lanes(acc)).reduce()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn weigh_block(eq: &[Lane], low: [&[Lane]; 4], high: [&[Lane]; 4], at_one: bool) -> [Fr; 3] {
    let mut sums = Sums::new(at_one);
    for (i, w) in eq.iter().enumerate() {
        let a = [get(&low[0][i]), get(&low[1][i]), get(&low[2][i]), get(&low[3][i])];
        let b = [get(&high[0][i]), get(&high[1][i]), get(&high[2][i]), get(&high[3][i])];
        sums.add(&get(w), &a, &b);
    }
    sums.finish()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn start_block(low: &mut [Quad<Ifma>], high: &mut [Quad<Ifma>], lambda: &Fr, eq: &[Lane], at_one: bool) -> [Fr; 3] {
    let (mut sums, absent, lambda) = (Sums::new(at_one), unpack_quad(&missing_lane(lambda)), constant(lambda));
    for (i, (w, low)) in eq.iter().zip(low).enumerate() {
        let (mut a, mut b) = (unpack_quad(low), absent);
        a[2] = trim(add_limbs(&mul(&a[1], &lambda), &a[2]));
        pack(&mut low[2], &a[2]);
        if let Some(high) = high.get_mut(i) {
            b = unpack_quad(high);
            b[2] = trim(add_limbs(&mul(&b[1], &lambda), &b[2]));
            pack(&mut high[2], &b[2]);
        }
        sums.add(&get(w), &a, &b);
    }
    sums.finish()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn step_block(
    [a, b]: [&mut [Quad<Ifma>]; 2],
    [c, d]: [&[Quad<Ifma>]; 2],
    lambda: &Fr,
    challenge: &Fr,
    eq: &[Lane],
    at_one: bool,
) -> [Fr; 3] {
    let (mut sums, absent, challenge) = (Sums::new(at_one), missing_lane(lambda), constant(challenge));
    for (i, w) in eq.iter().enumerate() {
        let (y, z) = (c.get(i).unwrap_or(&absent), d.get(i).unwrap_or(&absent));
        let (mut low, mut high) = ([zero5(); 4], [zero5(); 4]);
        for t in 0..4 {
            low[t] = line(&unpack(&a[i][t]), &unpack(&y[t]), &challenge);
            high[t] = line(&unpack(&b[i][t]), &unpack(&z[t]), &challenge);
        }
        pack_quad(&mut a[i], &low);
        pack_quad(&mut b[i], &high);
        sums.add(&get(w), &low, &high);
    }
    sums.finish()
}

/// The elements at even and at odd places of two lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn split(a: &V, b: &V) -> [V; 2] {
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    let (mut x, mut y) = (*a, *b);
    for i in 0..5 {
        x[i] = _mm512_permutex2var_epi64(a[i], even, b[i]);
        y[i] = _mm512_permutex2var_epi64(a[i], odd, b[i]);
    }
    [x, y]
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn join_block(out: &mut [MaybeUninit<Quad<Ifma>>], children: &[Quad<Ifma>]) {
    let absent = missing_lane(&Fr::ZERO);
    for (i, quad) in out.iter_mut().enumerate() {
        let [p, d] = parent(&unpack_quad(&children[2 * i]));
        let [q, e] = parent(&unpack_quad(children.get(2 * i + 1).unwrap_or(&absent)));
        let ([p0, p1], [d0, d1]) = (split(&p, &q), split(&d, &e));
        write_quad(quad, &[p0, d1, p1, d0]);
    }
}

// SAFETY of all calls: the type is only used when `detected()`.
impl FractionLanes for Ifma {
    type Packed = Words;
    type Form = Form;
    type Sum = IntSum;

    #[inline(always)]
    fn compiled<T>(f: impl FnOnce() -> T) -> T {
        unsafe { run(f) }
    }
    fn form(base: Fr, terms: &[(usize, Fr)]) -> Form {
        let shift = Fr::from(1u128 << 104);
        Form {
            base: limbs(shifted_base(base, terms).0.0),
            terms: terms.iter().map(|(at, c)| (*at, limbs((*c * shift).0.0))).collect(),
        }
    }
    fn eval(out: &mut [Lane], form: &Form, columns: &[Column]) {
        unsafe { eval_block(out, form, columns) }
    }
    fn fill(out: &mut [Lane], x: &Fr) {
        unsafe { fill_block(out, x) }
    }
    fn sum_column(sum: &mut IntSum, weights: &[Lane], a: &Column) {
        unsafe { sum_column_block(sum, weights, a) }
    }
    fn sum_product(sum: &mut IntSum, weights: &[Lane], a: &Column, b: &Column, narrow: bool) {
        unsafe { sum_product_block(sum, weights, a, b, narrow) }
    }
    fn finish(sum: &IntSum, narrow: bool) -> Fr {
        unsafe { finish_sum(sum, narrow) }
    }
    fn add_scaled(a: &mut [Lane], c: &Fr, b: &[Lane]) {
        unsafe { add_scaled_block(a, c, b) }
    }
    fn parents(out: [&mut [Lane]; 2], children: [&[Lane]; 4]) {
        unsafe { parents_block(out, children) }
    }
    fn pack(out: &mut [Quad<Self>], lanes: [&[Lane]; 4]) {
        unsafe { pack_block(out, lanes) }
    }
    fn missing(third: &Fr) -> Quad<Self> {
        unsafe { missing_lane(third) }
    }
    fn unpack(quads: &[Quad<Self>]) -> Vec<[Fr; 4]> {
        unsafe { unpack_all(quads) }
    }
    fn sum_nodes(weights: &[Lane], quad: [&[Lane]; 4]) -> Fr {
        unsafe { sum_nodes_block(weights, quad) }
    }
    fn weigh(eq: &[Lane], low: [&[Lane]; 4], high: [&[Lane]; 4], at_one: bool) -> [Fr; 3] {
        unsafe { weigh_block(eq, low, high, at_one) }
    }
    fn start(low: &mut [Quad<Self>], high: &mut [Quad<Self>], lambda: &Fr, eq: &[Lane], at_one: bool) -> [Fr; 3] {
        unsafe { start_block(low, high, lambda, eq, at_one) }
    }
    fn step(
        low: [&mut [Quad<Self>]; 2],
        high: [&[Quad<Self>]; 2],
        lambda: &Fr,
        c: &Fr,
        eq: &[Lane],
        at_one: bool,
    ) -> [Fr; 3] {
        unsafe { step_block(low, high, lambda, c, eq, at_one) }
    }
    fn join(out: &mut [MaybeUninit<Quad<Self>>], children: &[Quad<Self>]) {
        unsafe { join_block(out, children) }
    }
}
