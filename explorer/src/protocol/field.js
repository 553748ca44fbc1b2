/** The scalar field F of BN254, in plain integers; docs/protocol.md, Notation. */

import { bn254_Fr } from "@noble/curves/bn254.js";

/** Order of the curve's groups: the modulus of F. */
export const R = bn254_Fr.ORDER;

/** @param {bigint} x */
export const mod = (x) => bn254_Fr.create(x);

/**
 * x^exponent.
 * @param {bigint} x
 * @param {bigint} exponent
 */
export const pow = (x, exponent) => bn254_Fr.pow(mod(x), exponent);

/**
 * 1/x; x is not 0.
 * @param {bigint} x
 */
export const inverse = (x) => bn254_Fr.inv(mod(x));

/**
 * The product of all, 1 of none.
 * @param {readonly bigint[]} values
 */
export const product = (values) => values.reduce((total, x) => mod(total * x), 1n);

/**
 * sum challenge^i terms_i.
 * @param {readonly bigint[]} terms
 * @param {bigint} challenge
 */
export const combine = (terms, challenge) => terms.reduceRight((total, t) => mod(total * challenge + t), 0n);

const GENERATOR = 5n;

/**
 * The primitive 2^log2-th root of unity 5^((r-1)/2^log2).
 * @param {number} log2
 */
export const rootOfUnity = (log2) => pow(GENERATOR, (R - 1n) >> BigInt(log2));
