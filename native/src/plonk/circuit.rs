//! The circuit's witness and its preprocessed polynomials. Twin: `zkllm/naive/circuit.py`.

use super::ntt::{self, Domain};
use crate::field::Fr;
use crate::hash::poseidon2::{State, external_matrix, full_round, partial_round};
use ark_ff::{AdditiveGroup, Field, batch_inversion};
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

pub const NUM_SELECTORS: usize = 9;
pub const NUM_WIRES: usize = 4;

/// Row i holds wires[j][i], j < 4. Selectors in the order q1..q4, qM, qC, qE, qI, qL.
pub struct Circuit {
    pub domain: Domain,
    pub num_rows: usize,
    pub num_variables: usize,
    pub inputs: Vec<u32>,
    pub own_wires: Vec<u32>,
    pub wires: Vec<u32>,
    pub defines: Vec<u8>,
    /// Evaluations on H.
    pub selectors: Vec<Vec<Fr>>,
    /// Evaluations on H: k_j w^i of the position that follows in its cycle.
    pub sigma: Vec<Vec<Fr>>,
    /// Coefficients of the 9 selectors and the 4 sigmas.
    pub preprocessed: Vec<Vec<Fr>>,
    pub shifts: [Fr; NUM_WIRES],
    /// The elements of H.
    pub points: Vec<Fr>,
}

impl Circuit {
    pub fn size(&self) -> usize {
        self.domain.size()
    }

    /// sigma and the coefficients of the 13 preprocessed polynomials.
    pub fn preprocess(&mut self, permutation: &[u32]) {
        let n = self.size();
        self.points = self.domain.elements().collect();
        self.sigma = permutation
            .chunks(n)
            .map(|column| {
                column.par_iter().map(|&p| self.shifts[p as usize / n] * self.points[p as usize % n]).collect()
            })
            .collect();
        self.preprocessed = self
            .selectors
            .par_iter()
            .chain(self.sigma.par_iter())
            .map(|evaluations| ntt::inverse(&self.domain, evaluations))
            .collect();
    }

    /// The value of every variable. Nothing is asserted.
    pub fn solve(&self, public: &[Fr], inputs: &[Fr]) -> Vec<Fr> {
        let n = self.size();
        let q = |name: usize, row: usize| self.selectors[name][row];
        let mut values = vec![Fr::ZERO; self.num_variables];
        for (i, x) in public.iter().enumerate() {
            values[self.own_wires[i] as usize] = *x;
        }
        for (v, x) in self.inputs.iter().zip(inputs) {
            values[*v as usize] = *x;
        }
        for i in 0..self.num_rows {
            let [a, b, c, d]: State = [0, 1, 2, 3].map(|j| values[self.own_wires[j * n + i] as usize]);
            let constants = [q(0, i), q(1, i), q(2, i), q(3, i)];
            let next = if q(6, i) != Fr::ZERO {
                full_round(&[a, b, c, d], &constants)
            } else if q(7, i) != Fr::ZERO {
                partial_round(&[a, b, c, d], constants[0])
            } else if q(8, i) != Fr::ZERO {
                external_matrix(&[a, b, c, d])
            } else {
                if self.defines[i] != 0 {
                    let mut sum = constants[0] * a + constants[1] * b + constants[2] * c + q(5, i);
                    if q(4, i) != Fr::ZERO {
                        sum += q(4, i) * a * b;
                    }
                    values[self.own_wires[3 * n + i] as usize] = sum;
                }
                continue;
            };
            for (j, x) in next.into_iter().enumerate() {
                values[self.own_wires[j * n + i + 1] as usize] = x;
            }
        }
        values
    }

    /// The four wire columns on H.
    pub fn columns(&self, values: &[Fr]) -> Vec<Vec<Fr>> {
        self.wires.chunks(self.size()).map(|w| w.par_iter().map(|&v| values[v as usize]).collect()).collect()
    }

    /// z on H: z(1) = 1, z(w x) = z(x) prod (w_j + beta k_j x + gamma) / prod (w_j + beta sigma_j + gamma).
    pub fn grand_product(&self, columns: &[Vec<Fr>], beta: Fr, gamma: Fr) -> Vec<Fr> {
        let n = self.size();
        let (numerators, mut denominators): (Vec<Fr>, Vec<Fr>) = (0..n)
            .into_par_iter()
            .map(|i| {
                let bx = beta * self.points[i];
                let mut ratio = (Fr::ONE, Fr::ONE);
                for ((column, sigma), shift) in columns.iter().zip(&self.sigma).zip(&self.shifts) {
                    let w = column[i] + gamma;
                    ratio.0 *= w + bx * shift;
                    ratio.1 *= w + beta * sigma[i];
                }
                ratio
            })
            .unzip();
        batch_inversion(&mut denominators);
        let mut z = Vec::with_capacity(n);
        let mut value = Fr::ONE;
        for (numerator, denominator) in numerators.iter().zip(&denominators) {
            z.push(value);
            value *= *numerator * denominator;
        }
        z
    }
}
