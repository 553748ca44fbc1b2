//! Polynomials as coefficient vectors, lowest first. Twins: `zkllm/naive/polynomials.py`.

use crate::field::{Fr, slices};
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
                let len = chunk.len().min(p.len() - start);
                slices::add_scaled(&mut chunk[..len], c, &p[start..start + len]);
            }
        }
    });
    out
}

/// Quotient and remainder of f by lead X^t - constant.
pub fn divide(f: &[Fr], t: usize, lead: Fr, constant: Fr) -> (Vec<Fr>, Vec<Fr>) {
    assert!(t > 0 && lead != Fr::ZERO, "a divisor of degree t > 0");
    let inv = lead.inverse().expect("lead is not zero");
    let mut quotient = f.to_vec();
    let rest = divide_monic(&mut quotient, t, constant * inv);
    if inv != Fr::ONE {
        quotient.par_chunks_mut(CHUNK).for_each(|chunk| chunk.iter_mut().for_each(|x| *x *= inv));
    }
    (quotient, rest)
}

/// Replaces f by its quotient by X^t - c; returns the remainder.
pub fn divide_monic(f: &mut Vec<Fr>, t: usize, c: Fr) -> Vec<Fr> {
    assert!(t > 0, "a divisor of degree t > 0");
    let len = f.len().saturating_sub(t);
    let rest = if t < LONG_ROW { horner(f, t, &c) } else { horner_rows(f, t, &c) };
    f.truncate(len);
    rest
}

/// Rows of coefficients from this length on are handled as vectors.
const LONG_ROW: usize = 64;

/// q[i] = f[i + t] + c q[i + t] from the top, q in the place of f; returns the remainder.
fn horner(f: &mut [Fr], t: usize, c: &Fr) -> Vec<Fr> {
    let mut carries = vec![Fr::ZERO; t];
    for i in (0..f.len()).rev() {
        let carry = &mut carries[i % t];
        // what is carried out of place i is q[i - t], or the remainder at the lowest row
        let next = f[i] + *carry * c;
        f[i] = std::mem::replace(carry, next);
    }
    carries
}

/// The same for long rows: threads take ranges of columns.
fn horner_rows(f: &mut [Fr], t: usize, c: &Fr) -> Vec<Fr> {
    let rows = f.len().div_ceil(t);
    let mut ranges: Vec<Vec<&mut [Fr]>> = (0..t.div_ceil(LONG_ROW)).map(|_| Vec::with_capacity(rows)).collect();
    for row in f.chunks_mut(t) {
        for (range, part) in ranges.iter_mut().zip(row.chunks_mut(LONG_ROW)) {
            range.push(part);
        }
    }
    let mut carries = vec![Fr::ZERO; t];
    ranges.par_iter_mut().zip(carries.par_chunks_mut(LONG_ROW)).for_each(|(range, carries)| {
        for row in range.iter_mut().rev() {
            slices::carry_row(row, &mut carries[..row.len()], c);
        }
    });
    carries
}

pub fn inner(a: &[Fr], b: &[Fr]) -> Fr {
    a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(x, y)| slices::dot(x, y)).sum()
}
