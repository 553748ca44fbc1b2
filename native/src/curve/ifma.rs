//! Affine additions eight at a time with AVX-512 IFMA.
//!
//! Coordinates keep the form x 2^256 that they have in memory, while a product here divides by 2^260. So a stored
//! coordinate stands for x / 16 in the form y 2^260. A slope is computed as slope / 4: its square then stands for
//! slope^2 / 16, which is what x3 = slope^2 - x1 - x2 needs, and y3 multiplies by 4 again.
//!
//! Stored coordinates lie below 1.65 p (`settle`), products below 1.2 p.

use super::batch::{self, Ahead, BATCH, Term};
use super::fq8::*;
use super::inverse::inverse;
use super::point::Point;
use ark_bn254::Fq;
use ark_ff::{BigInt, Field};
use std::arch::x86_64::*;

/// Groups of eight whose steps alternate, to cover the latency of a multiplication.
const CHAINS: usize = 2;

/// Evaluates an expression for each chain.
macro_rules! each {
    ($c:ident => $e:expr) => {
        [
            {
                let $c = 0;
                $e
            },
            {
                let $c = 1;
                $e
            },
        ]
    };
}

/// Scratch space for `add`.
pub struct Scratch {
    rows: Vec<Row>,
}

impl Default for Scratch {
    fn default() -> Self {
        // SAFETY: all zeros are integers.
        Self { rows: vec![unsafe { std::mem::zeroed() }; BATCH / (CHAINS * WIDTH)] }
    }
}

/// A group of eight pairs of each chain.
#[derive(Clone, Copy)]
struct Row {
    x1: [V; CHAINS],
    /// x2 - x1, or one where the addition is special.
    difference: [V; CHAINS],
    /// The product of the differences of the rows before.
    prefix: [V; CHAINS],
    special: [__mmask8; CHAINS],
}

/// *out[i] = left[i] + right[i], any points; the number of pairs is a multiple of sixteen.
///
/// # Safety
/// As for `Batch::push`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub unsafe fn add(left: &[Term], right: &[Term], out: &[*mut Point], scratch: &mut Scratch, ahead: Ahead<'_>) {
    let n = out.len();
    assert!(n.is_multiple_of(CHAINS * WIDTH) && left.len() == n && right.len() == n);
    // SAFETY: as the caller says.
    unsafe {
        let inverses = match quarter_inverses(&differences::<false>(left, right, scratch)) {
            Some(inverses) => inverses,
            None => quarter_inverses(&differences::<true>(left, right, scratch)).expect("differences are not zero"),
        };
        chords(left, right, out, &scratch.rows[..n / (CHAINS * WIDTH)], inverses, ahead);
    }
}

/// The products of the differences, by chain. Equal abscissae are looked for only with `EQUAL`: they are so rare that
/// a product of zero may tell.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn differences<const EQUAL: bool>(left: &[Term], right: &[Term], scratch: &mut Scratch) -> [V; CHAINS] {
    let one = splat5(&ONE);
    let mut products = [one; CHAINS];
    let (left, right) = (left.as_chunks::<WIDTH>().0, right.as_chunks::<WIDTH>().0);
    let (left, right) = (left.as_chunks::<CHAINS>().0, right.as_chunks::<CHAINS>().0);
    for ((l, r), row) in left.iter().zip(right).zip(&mut scratch.rows) {
        // SAFETY: as the caller says.
        let words = unsafe { each!(c => [load::<0>(&l[c]), load::<0>(&r[c])]) };
        let x1 = each!(c => limbs_of(&words[c][0]));
        let x2 = each!(c => limbs_of(&words[c][1]));
        let mut special = each!(c => zero(&words[c][0]) | zero(&words[c][1]));
        if EQUAL {
            special = each!(c => special[c] | equal(&canonical(&x1[c]), &canonical(&x2[c])));
        }
        let mut difference = each!(c => plus_p(&sub_limbs(&x2[c], &x1[c]), 2)); // below 3.7 p
        if special != [0; CHAINS] {
            for (d, o) in (0..5).flat_map(|i| [(0, i), (1, i)]) {
                difference[d][o] = _mm512_mask_mov_epi64(difference[d][o], special[d], one[o]);
            }
        }
        // field by field, so that nothing is put together elsewhere first
        row.x1 = x1;
        row.difference = difference;
        row.prefix = products;
        row.special = special;
        products = each!(c => mul(&products[c], &difference[c]));
    }
    products
}

#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn chords(
    left: &[Term],
    right: &[Term],
    out: &[*mut Point],
    rows: &[Row],
    mut inverses: [V; CHAINS],
    ahead: Ahead<'_>,
) {
    let (left, right, out) = (left.as_chunks::<WIDTH>().0, right.as_chunks::<WIDTH>().0, out.as_chunks::<WIDTH>().0);
    let (left, right, out) = (left.as_chunks::<CHAINS>().0, right.as_chunks::<CHAINS>().0, out.as_chunks::<CHAINS>().0);
    let share = ahead.share(4 * rows.len());
    for (i, row) in rows.iter().enumerate().rev() {
        // a few at a time: the processor has a limited number of misses under way
        let fetch = |quarter: usize| ahead.fetch((4 * i + quarter) * share, share);
        let (l, r, o) = (&left[i], &right[i], &out[i]);
        let inverse = each!(c => mul(&inverses[c], &row.prefix[c]));
        inverses = each!(c => mul(&inverses[c], &row.difference[c]));
        fetch(0);
        // SAFETY: as the caller says.
        let y1 = unsafe { each!(c => signed(&limbs_of(&load::<4>(&l[c])), &l[c])) };
        let y2 = unsafe { each!(c => signed(&limbs_of(&load::<4>(&r[c])), &r[c])) };
        let slope = each!(c => mul(&plus_p(&sub_limbs(&y2[c], &y1[c]), 4), &inverse[c])); // factors below 7.3 p and 1.2 p
        fetch(1);
        // x1 + x2 + 2 p
        let abscissae = each!(c => add_limbs(&add_limbs(&row.x1[c], &row.x1[c]), &row.difference[c]));
        let squares = each!(c => square(&slope[c]));
        let x3 = each!(c => settle(&sub_limbs(&squares[c], &abscissae[c]), &ABOVE_MINUS_6P));
        fetch(2);
        // 4 (x1 - x3), below 14.6 p
        let run = each!(c => plus_p(&sub_limbs(&row.x1[c], &x3[c]).map(|limb| _mm512_slli_epi64::<2>(limb)), 8));
        let rise = each!(c => mul(&slope[c], &run[c]));
        let y3 = each!(c => settle(&sub_limbs(&rise[c], &y1[c]), &ABOVE_MINUS_2P));
        fetch(3);
        for c in 0..CHAINS {
            // SAFETY: as the caller says.
            unsafe {
                if row.special[c] == 0 {
                    store(&o[c], &x3[c], &y3[c]);
                } else {
                    // first, as the results may take the operands' places
                    let special = special_sums(&l[c], &r[c], row.special[c]);
                    store(&o[c], &x3[c], &y3[c]);
                    for (j, sum) in special {
                        *o[c][j] = sum;
                    }
                }
            }
        }
    }
}

/// The sums that the formula does not give, with their lanes.
#[cold]
unsafe fn special_sums(left: &[Term; WIDTH], right: &[Term; WIDTH], special: __mmask8) -> Vec<(usize, Point)> {
    let lanes = (0..WIDTH).filter(|j| special >> j & 1 == 1);
    // SAFETY: as the caller says.
    lanes.map(|j| (j, unsafe { batch::add_special(&left[j].read(), &right[j].read()) })).collect()
}

/// y, negated where the term is.
#[inline]
#[target_feature(enable = "avx512f")]
fn signed(y: &V, terms: &[Term; WIDTH]) -> V {
    // SAFETY: eight addresses are a vector.
    let addresses = unsafe { _mm512_loadu_si512(terms.as_ptr().cast()) };
    let negative = _mm512_test_epi64_mask(addresses, splat(1));
    y.map(|limb| _mm512_mask_sub_epi64(limb, negative, _mm512_setzero_si512(), limb))
}

/// 1/4 of the inverse of each lane of each product; `None` where a product is zero.
#[target_feature(enable = "avx512f,avx512ifma")]
fn quarter_inverses(products: &[V; CHAINS]) -> Option<[V; CHAINS]> {
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
    let mut quotient = inverse(product)? * Fq::from(64u64);
    for (prefix, value) in prefixes.iter().zip(&mut values).rev() {
        let next = quotient * *value;
        *value = quotient * prefix;
        quotient = next;
    }
    let mut out = [splat5(&[0; 5]); CHAINS];
    for (chunk, inverse) in values.chunks_exact(WIDTH).zip(&mut out) {
        *inverse = from_words(&std::array::from_fn(|j| chunk[j].0.0));
    }
    Some(out)
}

/// Multiples of p, by the eighth of 2^256 in which a value lies, that bring it to [0, 1.65 p).
struct Steps {
    /// Added to the highest limb to get the eighth.
    bias: i64,
    /// [limb][eighth]
    multiples: [[i64; 8]; 5],
}

impl Steps {
    /// For values in [-count p, (5.2 - count) p).
    const fn above_minus(count: i64) -> Self {
        let mut multiples = [[0; 8]; 5];
        let mut k = 0;
        while k < 8 {
            // floor(k 2^253 / p): no k 2^253 lies within a millionth above a multiple of p
            let quotient = (k as i64 * (1 << 45)) / (P[4] as i64);
            let mut limb = 0;
            while limb < 5 {
                multiples[limb][k] = P[limb] as i64 * (count - quotient);
                limb += 1;
            }
            k += 1;
        }
        Self { bias: P[4] as i64 * count, multiples }
    }
}

static ABOVE_MINUS_6P: Steps = Steps::above_minus(6);
static ABOVE_MINUS_2P: Steps = Steps::above_minus(2);

/// x modulo p in [0, 1.65 p), limbs in [0, 2^52). Limbs of x below 2^56 in absolute value move the eighth's bounds by
/// less than p / 2^40; x + count p must be farther than that from 0.
#[inline]
#[target_feature(enable = "avx512f")]
fn settle(x: &V, steps: &Steps) -> V {
    let eighth = _mm512_srai_epi64::<45>(_mm512_add_epi64(x[4], splat(steps.bias as u64)));
    let mut out = *x;
    for i in 0..5 {
        // SAFETY: eight words are a vector.
        let multiples = unsafe { _mm512_loadu_si512(steps.multiples[i].as_ptr().cast()) };
        out[i] = _mm512_add_epi64(x[i], _mm512_permutexvar_epi64(eighth, multiples));
    }
    carry(&out)
}

/// Four words, from word `FIRST`, of eight points.
///
/// # Safety
/// The points must be readable.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load<const FIRST: usize>(terms: &[Term; WIDTH]) -> [__m512i; 4] {
    let half = |term: Term| {
        let words = term.address().cast::<u64>();
        // SAFETY: as the caller says; a point has eight words.
        unsafe { _mm256_loadu_si256(words.add(FIRST).cast()) }
    };
    transpose(
        [0, 1, 2, 3]
            .map(|k| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(half(terms[2 * k])), half(terms[2 * k + 1]))),
    )
}

/// # Safety
/// The points must be writable.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store(out: &[*mut Point; WIDTH], x: &V, y: &V) {
    for (first, z) in [(0, transpose_back(words_of(x))), (4, transpose_back(words_of(y)))] {
        for k in 0..4 {
            // SAFETY: as the caller says; a point has eight words.
            unsafe {
                let (even, odd) = (out[2 * k].cast::<u64>().add(first), out[2 * k + 1].cast::<u64>().add(first));
                _mm256_storeu_si256(even.cast(), _mm512_castsi512_si256(z[k]));
                _mm256_storeu_si256(odd.cast(), _mm512_extracti64x4_epi64::<1>(z[k]));
            }
        }
    }
}
