/** The outer circuit's identities at a point; docs/protocol.md, 5. */

import { mod, pow } from "./field.js";
import { DIAGONAL } from "../generated/poseidon2.js";

export const SELECTORS = ["q1", "q2", "q3", "q4", "qM", "qC", "qE", "qI", "qL"];
export const WIRES = ["a", "b", "c", "d"];
/** k_j: the cosets k_j H are disjoint. */
const COSET_SHIFTS = [1n, 5n, 7n, 11n];

/** Poseidon2's M4 times four elements. */
const EXTERNAL = [
  [5n, 7n, 1n, 3n],
  [4n, 6n, 1n, 1n],
  [1n, 3n, 5n, 7n],
  [1n, 1n, 4n, 6n],
];

/** @param {readonly bigint[]} s */
const external = (s) => EXTERNAL.map((row) => row.reduce((total, m, i) => total + m * s[i], 0n));

/**
 * Poseidon2's M_I = J + diagonal, J all ones.
 * @param {readonly bigint[]} s
 */
function internal(s) {
  const total = s.reduce((sum, x) => sum + x, 0n);
  return s.map((x, i) => total + DIAGONAL[i] * x);
}

/**
 * G_0..G_4, without the public inputs' polynomial in G_0.
 * @param {readonly bigint[]} selectors the nine
 * @param {readonly bigint[]} wires of this row
 * @param {readonly bigint[]} next of the next row
 */
export function gateTerms(selectors, wires, next) {
  const [q1, q2, q3, q4, qM, qC, qE, qI, qL] = selectors;
  const [a, b, c, d] = wires;
  const flags = qE + qI + qL;
  const arithmetic = (1n - flags) * (q1 * a + q2 * b + q3 * c + q4 * d + qM * a * b + qC);
  const u = [q1, q2, q3, q4].map((q, i) => pow(wires[i] + q, 5n));
  const full = external(u);
  const partial = internal([u[0], b, c, d]);
  const first = external(wires);
  const rounds = next.map((w, i) => flags * w - qE * full[i] - qI * partial[i] - qL * first[i]);
  return [arithmetic, ...rounds].map(mod);
}

/**
 * z prod(w_j + beta k_j x + gamma) - z(w x) prod(w_j + beta sigma_j + gamma).
 * @param {readonly bigint[]} wires
 * @param {readonly bigint[]} sigma
 * @param {bigint} x
 * @param {bigint} grand z at x
 * @param {bigint} grandNext z at w x
 * @param {bigint} beta
 * @param {bigint} gamma
 */
export function permutationNumerator(wires, sigma, x, grand, grandNext, beta, gamma) {
  let left = grand;
  let right = grandNext;
  wires.forEach((w, j) => {
    left = mod(left * (w + beta * COSET_SHIFTS[j] * x + gamma));
    right = mod(right * (w + beta * sigma[j] + gamma));
  });
  return mod(left - right);
}

/**
 * z = 1 + (X - 1) z' at x.
 * @param {bigint} x
 * @param {bigint} reduced z'(x)
 */
export const grandProduct = (x, reduced) => mod(1n + (x - 1n) * reduced);
