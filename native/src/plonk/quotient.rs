//! The quotients by Z_H = X^n - 1 of the gate and permutation identities. Twins: `zkllm/naive/circuit.py`.

use super::circuit::{Circuit, NUM_SELECTORS, NUM_WIRES};
use super::ntt;
use crate::field::column::{Column, Element};
use crate::field::lanes::Lanes;
use crate::field::slices::{self, with_lanes};
use crate::field::{self, Fr};
use crate::hash::poseidon2::{external_matrix, internal_matrix};
use ark_ff::{AdditiveGroup, FftField, Field};
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

/// A quotient of fewer than 5 n coefficients is fixed by its values on five cosets of H. Without what blinds z, Tp
/// would have fewer than 4 n.
pub const COSETS: usize = 5;

pub struct Challenges {
    pub beta: Fr,
    pub gamma: Fr,
    pub alpha: Fr,
}

/// (Tp, Tg), of 5 n coefficients. wires, z: coefficients; public: the values of the first rows.
///
/// On the coset s H, Z_H is the constant s^n - 1 and "the next row" is the next element. Recovering T from its
/// residues modulo X^n - s_i^n takes one small Vandermonde system for each residue class of coefficients.
pub fn quotients(
    circuit: &Circuit,
    wires: &[&[Fr]],
    z: &[Fr],
    public: &[Fr],
    challenges: &Challenges,
) -> (Vec<Fr>, Vec<Fr>) {
    let n = circuit.size();
    let mut public_column = field::zeros(n);
    for (x, p) in public_column.iter_mut().zip(public) {
        *x = -*p;
    }
    let public_poly = ntt::inverse(&circuit.domain, &public_column);
    let step = ntt::domain(8 * n).group_gen();
    let shifts: Vec<Fr> = (0..COSETS).map(|i| Fr::GENERATOR * step.pow([i as u64])).collect();

    let mut polys: Vec<&[Fr]> = circuit.preprocessed.iter().map(|p| p.as_slice()).collect();
    polys.extend(wires);
    polys.extend([public_poly.as_slice(), z]);
    let mut gate = Vec::new();
    let mut permutation = Vec::new();
    for &shift in &shifts {
        let on_coset = |p: &&[Fr]| {
            let mut values = ntt::coset(&circuit.domain, p, shift);
            values.push(values[0]); // the last row's next one
            values
        };
        let values: Vec<Vec<Fr>> = polys.par_iter().map(on_coset).collect();
        let (gates, products) = with_lanes!(L, sums::<L>(circuit, &values, shift, challenges));
        gate.push(ntt::inverse_coset(&circuit.domain, &gates, shift));
        permutation.push(ntt::inverse_coset(&circuit.domain, &products, shift));
    }
    let powers: Vec<Fr> = shifts.iter().map(|s| s.pow([n as u64])).collect();
    (interpolate(&permutation, &powers), interpolate(&gate, &powers))
}

/// Rows that are computed together.
const BLOCK: usize = 256;

/// The gates' and the permutation's sums over Z_H, row by row of a coset.
fn sums<L: Lanes>(circuit: &Circuit, values: &[Vec<Fr>], shift: Fr, challenges: &Challenges) -> (Vec<Fr>, Vec<Fr>) {
    let n = circuit.size();
    let inverse = (shift.pow([n as u64]) - Fr::ONE).inverse().expect("a proper coset");
    let (mut gates, mut products) = (field::zeros(n), field::zeros(n));
    let blocks = gates.par_chunks_mut(BLOCK).zip(products.par_chunks_mut(BLOCK));
    blocks.enumerate().for_each(|(i, (gate, product))| {
        let rows = i * BLOCK..i * BLOCK + gate.len();
        let on = |column: usize| Column::<L>::new(&values[column][rows.clone()]);
        let next = |column: usize| Column::<L>::new(&values[column][rows.start + 1..rows.end + 1]);
        let (sigma, wires) = (NUM_SELECTORS, NUM_SELECTORS + NUM_WIRES);
        let (public, z) = (wires + NUM_WIRES, wires + NUM_WIRES + 1);
        let w: [Column<L>; NUM_WIRES] = std::array::from_fn(|j| on(wires + j));
        let w_next: [Column<L>; NUM_WIRES] = std::array::from_fn(|j| next(wires + j));
        let q: [Column<L>; NUM_SELECTORS] = std::array::from_fn(on);
        gate_sum(&q, &w, &w_next, on(public), &challenges.alpha).write(&inverse, gate);

        let gamma = Column::<L>::new(&[challenges.gamma; BLOCK][..gate.len()]);
        let points = Column::<L>::new(&circuit.points[rows.clone()]).times(&(challenges.beta * shift));
        let (mut left, mut right) = (on(z), next(z));
        for (j, w) in w.into_iter().enumerate() {
            let shifted = w + gamma.clone();
            left = left * (shifted.clone() + points.times(&circuit.shifts[j]));
            right = right * (shifted + on(sigma + j).times(&challenges.beta));
        }
        (left - right).write(&inverse, product);
    });
    (gates, products)
}

/// sum alpha^i G_i, docs/protocol.md, 5.
fn gate_sum<T: Element>(
    q: &[T; NUM_SELECTORS],
    w: &[T; NUM_WIRES],
    w_next: &[T; NUM_WIRES],
    public: T,
    alpha: &Fr,
) -> T {
    let product = |a: &T, b: &T| a.clone() * b.clone();
    let (full, partial, first) = (&q[6], &q[7], &q[8]);
    let flags = full.clone() + partial.clone() + first.clone();
    let linear = |j: usize| product(&q[j], &w[j]);
    let arithmetic =
        linear(0) + linear(1) + linear(2) + linear(3) + product(&q[4], &w[0]) * w[1].clone() + q[5].clone();
    let u: [T; NUM_WIRES] = std::array::from_fn(|i| (w[i].clone() + q[i].clone()).fifth_power());
    // M4 is linear, so that qE M4 u + qL M4 w takes one product with it
    let mixed = external_matrix(&std::array::from_fn(|i| product(full, &u[i]) + product(first, &w[i])));
    let inner = internal_matrix(&[u[0].clone(), w[1].clone(), w[2].clone(), w[3].clone()]);
    let term = |i: usize| product(&flags, &w_next[i]) - mixed[i].clone() - product(partial, &inner[i]);
    let mut sum = term(NUM_WIRES - 1).times(alpha);
    for i in (0..NUM_WIRES - 1).rev() {
        sum = (sum + term(i)).times(alpha);
    }
    sum + arithmetic.clone() - flags * arithmetic + public
}

/// T = sum X^(j n) T_j from residues[i] = sum_j powers[i]^j T_j.
fn interpolate(residues: &[Vec<Fr>], powers: &[Fr]) -> Vec<Fr> {
    let k = residues.len();
    let n = residues[0].len();
    let inverse = inverse_vandermonde(powers);
    let mut out = field::zeros(k * n);
    let residues: Vec<&[Fr]> = residues.iter().map(Vec::as_slice).collect();
    out.par_chunks_mut(n).zip(&inverse).for_each(|(part, row)| slices::sum_scaled(part, row, &residues));
    out
}

/// Rows j: the coefficients of X^j in the Lagrange polynomials of the points.
fn inverse_vandermonde(points: &[Fr]) -> Vec<Vec<Fr>> {
    let k = points.len();
    let mut rows = vec![vec![Fr::ZERO; k]; k];
    for (i, p) in points.iter().enumerate() {
        let mut poly = vec![Fr::ONE];
        let mut scale = Fr::ONE;
        for (m, other) in points.iter().enumerate() {
            if m != i {
                scale *= *p - other;
                let mut next = vec![Fr::ZERO; poly.len() + 1];
                for (d, c) in poly.iter().enumerate() {
                    next[d + 1] += c;
                    next[d] -= *c * other;
                }
                poly = next;
            }
        }
        let inv = scale.inverse().expect("distinct points");
        for (row, c) in rows.iter_mut().zip(poly) {
            row[i] = c * inv;
        }
    }
    rows
}
