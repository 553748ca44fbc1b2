//! Polynomials as coefficient vectors, lowest first. Twins: `zkllm/outer/naive.py`.

use crate::field::Fr;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;

/// sum X^j p_j(X^t) for t polynomials: coefficient i of p_j at i t + j.
pub fn pack(polys: &[&[Fr]]) -> Vec<Fr> {
    let t = polys.len();
    let n = polys.iter().map(|p| p.len()).max().unwrap_or(0);
    let mut out = vec![Fr::ZERO; t * n];
    out.par_chunks_mut(t).enumerate().for_each(|(i, row)| {
        for (x, p) in row.iter_mut().zip(polys) {
            *x = p.get(i).copied().unwrap_or(Fr::ZERO);
        }
    });
    out
}

/// f(x), by Horner on chunks.
pub fn evaluate(f: &[Fr], x: Fr) -> Fr {
    let step = x.pow([CHUNK as u64]);
    let parts: Vec<Fr> = f.par_chunks(CHUNK).map(|c| c.iter().rev().fold(Fr::ZERO, |acc, a| acc * x + a)).collect();
    parts.iter().rev().fold(Fr::ZERO, |acc, a| acc * step + a)
}

/// sum c_i f_i, as long as the longest.
pub fn combine(polys: &[&[Fr]], coefficients: &[Fr]) -> Vec<Fr> {
    let n = polys.iter().map(|p| p.len()).max().unwrap_or(0);
    let mut out = vec![Fr::ZERO; n];
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, chunk)| {
        let start = i * CHUNK;
        for (p, c) in polys.iter().zip(coefficients) {
            if start < p.len() {
                for (x, a) in chunk.iter_mut().zip(&p[start..]) {
                    *x += *a * c;
                }
            }
        }
    });
    out
}

/// Quotient and remainder of f by lead X^t - constant.
pub fn divide(f: &[Fr], t: usize, lead: Fr, constant: Fr) -> (Vec<Fr>, Vec<Fr>) {
    assert!(t > 0 && lead != Fr::ZERO, "a divisor of degree t > 0");
    let inv = lead.inverse().expect("lead is not zero");
    let ratio = constant * inv;
    let mut work = f.to_vec();
    if work.len() < t {
        work.resize(t, Fr::ZERO);
        return (Vec::new(), work);
    }
    // work[i] += ratio * work[i + t], from the top: column by column, each a Horner scheme of its own.
    let columns = |work: &mut [Fr]| {
        for i in (0..work.len() - t).rev() {
            let above = work[i + t];
            work[i] += ratio * above;
        }
    };
    if t < 64 {
        columns(&mut work);
    } else {
        horner_rows(&mut work, t, ratio);
    }
    let mut quotient = work.split_off(t);
    if inv != Fr::ONE {
        quotient.par_iter_mut().for_each(|x| *x *= inv);
    }
    (quotient, work)
}

/// The same recurrence for long rows: threads take ranges of columns.
fn horner_rows(work: &mut [Fr], t: usize, ratio: Fr) {
    const COLUMNS: usize = 64;
    let rows = work.len().div_ceil(t);
    let mut ranges: Vec<Vec<&mut [Fr]>> = (0..t.div_ceil(COLUMNS)).map(|_| Vec::with_capacity(rows)).collect();
    for row in work.chunks_mut(t) {
        for (range, part) in ranges.iter_mut().zip(row.chunks_mut(COLUMNS)) {
            range.push(part);
        }
    }
    ranges.par_iter_mut().for_each(|range| {
        for i in (0..range.len().saturating_sub(1)).rev() {
            let (low, high) = range.split_at_mut(i + 1);
            for (x, above) in low[i].iter_mut().zip(high[0].iter()) {
                *x += ratio * above;
            }
        }
    });
}

/// eq(., u) for all Boolean points, most significant bit first.
pub fn eq_polynomial(u: &[Fr]) -> Vec<Fr> {
    let mut out = vec![Fr::ONE];
    for c in u {
        let mut next = Vec::with_capacity(2 * out.len());
        for x in &out {
            let high = *x * c;
            next.push(*x - high);
            next.push(high);
        }
        out = next;
    }
    out
}

pub fn inner(a: &[Fr], b: &[Fr]) -> Fr {
    a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(x, y)| x.iter().zip(y).map(|(p, q)| *p * q).sum::<Fr>()).sum()
}
