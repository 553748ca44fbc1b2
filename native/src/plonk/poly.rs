//! Polynomials as coefficient vectors, lowest first. Twins: `zkllm/naive/polynomials.py`.

use crate::field::{self, Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;

/// sum X^j p_j(X^t) for t polynomials: coefficient i of p_j at i t + j.
pub fn pack(polys: &[&[Fr]]) -> Vec<Fr> {
    let t = polys.len();
    let n = polys.iter().map(|p| p.len()).max().unwrap_or(0);
    let mut out = field::zeros(t * n);
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
    let mut out = field::zeros(n);
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
    let mut quotient = field::copied(f);
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
    let rest = if t < LONG_ROW { horner_blocks(f, t, &c) } else { horner_rows(f, t, &c) };
    f.truncate(len);
    rest
}

/// Rows of coefficients from this length on are handled as vectors.
const LONG_ROW: usize = 64;

/// q[i] = f[i + t] + c q[i + t] from the top, q in the place of f, whose length is a multiple of t but at the top.
/// `carries` are q beyond f, and then q's t elements before f.
fn horner(f: &mut [Fr], carries: &mut [Fr], c: &Fr) {
    for row in f.chunks_mut(carries.len()).rev() {
        for (x, carry) in row.iter_mut().zip(&mut *carries) {
            let next = *x + *carry * c;
            *x = std::mem::replace(carry, next);
        }
    }
}

/// The same on all threads, for short rows; returns the remainder. The remainders of blocks of rows, which are sums
/// of products with powers of c, say what is carried into each block.
fn horner_blocks(f: &mut [Fr], t: usize, c: &Fr) -> Vec<Fr> {
    const ROWS: usize = 1 << 10;
    let block = ROWS * t;
    let mut carries = vec![Fr::ZERO; f.len().div_ceil(block).max(1) * t];
    if f.len() > block && rayon::current_num_threads() > 1 {
        let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |power| Some(*power * c)).take(ROWS + 1).collect();
        f[block..].par_chunks(block).zip(carries.par_chunks_mut(t)).for_each(|(part, rest)| {
            for (j, x) in rest.iter_mut().enumerate() {
                let column: Vec<Fr> = part.iter().skip(j).step_by(t).copied().collect();
                *x = slices::dot(&column, &powers[..column.len()]);
            }
        });
        for i in (0..carries.len() - 2 * t).rev() {
            let above = carries[i + t];
            carries[i] += above * powers[ROWS];
        }
        f.par_chunks_mut(block).zip(carries.par_chunks_mut(t)).for_each(|(part, carries)| horner(part, carries, c));
    } else {
        carries.truncate(t);
        horner(f, &mut carries, c);
    }
    carries.truncate(t);
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
