/** The one opening of the outer and Mercury's polynomials, and what the verifier derives; docs/protocol.md, 5.2, 5.3. */

import { combine, inverse, mod, pow, product } from "./field.js";
import { SELECTORS, WIRES, gateTerms, grandProduct, permutationNumerator } from "./gates.js";
import { PREPROCESSED, SIGMAS, WIRES_NEXT, publicInputNames } from "./transcript.js";

/**
 * A claim by names: the commitment's polynomial is, modulo Z = X^d - point, what the remainder's d coefficients
 * say; inverted: Z = point X^d - 1, for the point's inverse.
 * @typedef {{ commitment: string, point: string, remainder: string[], inverted?: boolean }} Opening
 */

/**
 * The batch, in order: entry e has weight beta^e. Coefficients are evaluations of the proof, or derived.
 * @type {Opening[]}
 */
export const OPENINGS = [
  { commitment: "C0", point: "y", remainder: PREPROCESSED },
  { commitment: "C1", point: "y", remainder: WIRES },
  { commitment: "C1", point: "y_next", remainder: WIRES_NEXT },
  { commitment: "C2", point: "y", remainder: ["z", "Tp", "Tg"] },
  { commitment: "C2", point: "y_next", remainder: ["z_next", "Tp_next", "Tg_next"] },
  { commitment: "g", point: "zeta", remainder: ["g_zeta"] },
  { commitment: "g", point: "zeta", remainder: ["g_zeta_inv"], inverted: true },
  { commitment: "h", point: "zeta", remainder: ["h_zeta"] },
  { commitment: "h", point: "zeta", remainder: ["h_zeta_inv"], inverted: true },
  { commitment: "h", point: "alpha", remainder: ["h_alpha"] },
  { commitment: "SD", point: "zeta", remainder: ["S_zeta", "D_zeta"] },
  { commitment: "SD", point: "zeta", remainder: ["S_zeta_inv", "D_zeta_inv"], inverted: true },
];

/** The subgroup of order 2^log2Size that `root` generates. */
export class Domain {
  /**
   * @param {number} log2Size
   * @param {bigint} root
   */
  constructor(log2Size, root) {
    this.size = 1n << BigInt(log2Size);
    this.root = root;
  }

  /**
   * Where a polynomial has the value that it has on the next row at x.
   * @param {bigint} x
   */
  next(x) {
    return mod(x * this.root);
  }

  /** @param {bigint} x */
  vanishingAt(x) {
    return mod(pow(x, this.size) - 1n);
  }
}

/** @typedef {Readonly<Record<string, bigint>>} Values by name */

/**
 * Z at z.
 * @param {Opening} opening
 * @param {bigint} z
 * @param {Values} at
 */
function modulusAt({ point, remainder, inverted }, z, at) {
  const power = pow(z, BigInt(remainder.length));
  return inverted ? mod(at[point] * power - 1n) : mod(power - at[point]);
}

/**
 * Challenges by name, and y of the next row.
 * @param {Domain} domain
 * @param {Values} challenges
 * @returns {Values}
 */
const pointsOf = (domain, challenges) => ({ ...challenges, y_next: domain.next(challenges.y) });

/** @param {Opening} o */
const modulusName = (o) => `${o.remainder.length} ${o.point} ${o.inverted ?? false}`;

/**
 * The product of all that the verifier divides by: y^n - 1, zeta, y - w^i (public rows), the distinct Z_e(z).
 * @param {Domain} domain
 * @param {number} numPublic
 * @param {Values} challenges
 */
export function denominatorsProduct(domain, numPublic, challenges) {
  const { y, z, zeta } = challenges;
  const at = pointsOf(domain, challenges);
  const values = [domain.vanishingAt(y), zeta];
  for (let i = 0, w = 1n; i < numPublic; i++, w = domain.next(w)) values.push(mod(y - w));
  const distinct = new Map(OPENINGS.map((o) => [modulusName(o), o]));
  for (const opening of distinct.values()) values.push(modulusAt(opening, z, at));
  return product(values);
}

/**
 * PI(y) / (y^n - 1), PI(w^i) = -public_i: minus sum public_i w^i / (n (y - w^i)).
 * @param {Domain} domain
 * @param {readonly bigint[]} inputs
 * @param {bigint} y
 */
function publicPolynomialOverVanishing(domain, inputs, y) {
  let total = 0n;
  let w = 1n;
  for (const value of inputs) {
    total += value * w * inverse(y - w);
    w = domain.next(w);
  }
  return mod(-mod(total) * inverse(domain.size));
}

/**
 * Tp and Tg at y, h(alpha), D at zeta and 1/zeta: the values that no message carries. No denominator is zero.
 * @param {Domain} domain
 * @param {number} bLog2
 * @param {readonly bigint[]} words
 * @param {bigint} seed
 * @param {Values} scalars
 * @param {Values} challenges
 */
export function derive(domain, bLog2, words, seed, scalars, challenges) {
  const { y, zeta, gamma } = challenges;
  const e = scalars;
  /** @type {Values} */
  const named = {
    ...scalars,
    ...challenges,
    seed,
    ...Object.fromEntries(words.map((w, i) => [`word${i}`, w])),
  };
  const inputs = publicInputNames(words.length).map((name) => named[name]);
  const vanishingInverse = inverse(domain.vanishingAt(y));
  /** @param {readonly string[]} names */
  const values = (names) => names.map((name) => e[name]);
  const [wires, next] = [values(WIRES), values(WIRES_NEXT)];

  const gates = combine(gateTerms(values(SELECTORS), wires, next), challenges.alpha_p);
  const numerator = permutationNumerator(
    wires,
    values(SIGMAS),
    y,
    grandProduct(y, e.z),
    grandProduct(domain.next(y), e.z_next),
    challenges.beta_p,
    challenges.gamma_p,
  );
  const zetaInverse = inverse(zeta);
  const twice =
    e.g_zeta * e.pci +
    e.g_zeta_inv * e.pc +
    gamma * (e.h_zeta * e.pri + e.h_zeta_inv * e.pr - 2n * e.v) -
    zeta * e.S_zeta -
    zetaInverse * e.S_zeta_inv;
  const last = (1n << BigInt(bLog2)) - 1n; // the highest power of a polynomial with b coefficients
  return {
    Tg: mod(gates * vanishingInverse + publicPolynomialOverVanishing(domain, inputs, y)),
    Tp: mod(numerator * vanishingInverse),
    h_alpha: mod(twice * inverse(2n)),
    D_zeta: mod(pow(zeta, last) * e.g_zeta_inv),
    D_zeta_inv: mod(pow(zetaInverse, last) * e.g_zeta),
  };
}

/**
 * sum s_e by commitment, and sum s_e remainder_e(z), where s_e = beta^e / Z_e(z).
 * @param {Domain} domain
 * @param {Values} values scalars and what is derived
 * @param {Values} challenges
 */
export function batch(domain, values, challenges) {
  const { z, beta } = challenges;
  const at = pointsOf(domain, challenges);
  /** @type {Record<string, bigint>} */
  const weights = {};
  let remainders = 0n;
  let power = 1n;
  for (const opening of OPENINGS) {
    const s = mod(power * inverse(modulusAt(opening, z, at)));
    const remainder = combine(
      opening.remainder.map((name) => values[name]),
      z,
    );
    weights[opening.commitment] = mod((weights[opening.commitment] ?? 0n) + s);
    remainders = mod(remainders + s * remainder);
    power = mod(power * beta);
  }
  return { weights, remainders };
}
