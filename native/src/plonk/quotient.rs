//! The quotients by Z_H = X^n - 1 of the gate and permutation identities. Twins: `zkllm/naive/circuit.py`.

use super::circuit::{Circuit, NUM_SELECTORS, NUM_WIRES};
use super::ntt;
use crate::field::Fr;
use crate::hash::poseidon2::{external_matrix, fifth_power, internal_matrix};
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
    let mut public_column = vec![Fr::ZERO; n];
    for (x, p) in public_column.iter_mut().zip(public) {
        *x = -*p;
    }
    let public_poly = ntt::inverse(&circuit.domain, &public_column);
    let step = ntt::domain(8 * n).group_gen();
    let shifts: Vec<Fr> = (0..COSETS).map(|i| Fr::GENERATOR * step.pow([i as u64])).collect();

    let mut gate = Vec::new();
    let mut permutation = Vec::new();
    for &shift in &shifts {
        let mut polys: Vec<&[Fr]> = circuit.preprocessed.iter().map(|p| p.as_slice()).collect();
        polys.extend(wires);
        polys.extend([public_poly.as_slice(), z]);
        let values: Vec<Vec<Fr>> = polys.par_iter().map(|p| ntt::coset(&circuit.domain, p, shift)).collect();
        let (selectors, rest) = values.split_at(NUM_SELECTORS);
        let (sigma, rest) = rest.split_at(NUM_WIRES);
        let (wire_values, rest) = rest.split_at(NUM_WIRES);
        let [public_values, z_values] = rest else { unreachable!("two polynomials are left") };
        let inv = (shift.pow([n as u64]) - Fr::ONE).inverse().expect("a proper coset");
        let shift_inverse = shift.inverse().expect("not zero");

        let gates: Vec<Fr> = (0..n)
            .into_par_iter()
            .map(|row| {
                let next = (row + 1) % n;
                let q: [Fr; NUM_SELECTORS] = std::array::from_fn(|k| selectors[k][row]);
                let w: [Fr; NUM_WIRES] = std::array::from_fn(|j| wire_values[j][row]);
                let w_next: [Fr; NUM_WIRES] = std::array::from_fn(|j| wire_values[j][next]);
                gate_sum(&q, &w, &w_next, public_values[row], challenges.alpha) * inv
            })
            .collect();
        gate.push(ntt::scale(&ntt::inverse(&circuit.domain, &gates), shift_inverse));

        let products: Vec<Fr> = (0..n)
            .into_par_iter()
            .map(|row| {
                let bx = challenges.beta * shift * circuit.points[row];
                let (mut left, mut right) = (z_values[row], z_values[(row + 1) % n]);
                for j in 0..NUM_WIRES {
                    let w = wire_values[j][row] + challenges.gamma;
                    left *= w + bx * circuit.shifts[j];
                    right *= w + challenges.beta * sigma[j][row];
                }
                (left - right) * inv
            })
            .collect();
        permutation.push(ntt::scale(&ntt::inverse(&circuit.domain, &products), shift_inverse));
    }
    let powers: Vec<Fr> = shifts.iter().map(|s| s.pow([n as u64])).collect();
    (interpolate(&permutation, &powers), interpolate(&gate, &powers))
}

/// sum alpha^i G_i, docs/protocol.md, 5.
#[inline]
fn gate_sum(q: &[Fr; NUM_SELECTORS], w: &[Fr; NUM_WIRES], w_next: &[Fr; NUM_WIRES], public: Fr, alpha: Fr) -> Fr {
    let (full, partial, first) = (q[6], q[7], q[8]);
    let flags = full + partial + first;
    let arithmetic = q[0] * w[0] + q[1] * w[1] + q[2] * w[2] + q[3] * w[3] + q[4] * w[0] * w[1] + q[5];
    let u: [Fr; NUM_WIRES] = std::array::from_fn(|i| fifth_power(w[i] + q[i]));
    // M4 is linear, so that qE M4 u + qL M4 w takes one product with it
    let mixed = external_matrix(&std::array::from_fn(|i| full * u[i] + first * w[i]));
    let inner = internal_matrix(&[u[0], w[1], w[2], w[3]]);
    let mut sum = Fr::ZERO;
    for i in (0..NUM_WIRES).rev() {
        sum = (sum + flags * w_next[i] - mixed[i] - partial * inner[i]) * alpha;
    }
    sum + (Fr::ONE - flags) * arithmetic + public
}

/// T = sum X^(j n) T_j from residues[i] = sum_j powers[i]^j T_j.
fn interpolate(residues: &[Vec<Fr>], powers: &[Fr]) -> Vec<Fr> {
    let k = residues.len();
    let n = residues[0].len();
    let inverse = inverse_vandermonde(powers);
    let mut out = vec![Fr::ZERO; k * n];
    out.par_chunks_mut(n).enumerate().for_each(|(j, part)| {
        for (i, x) in part.iter_mut().enumerate() {
            *x = residues.iter().zip(&inverse[j]).map(|(r, c)| r[i] * c).sum();
        }
    });
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
