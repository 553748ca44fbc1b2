/**
 * The final verifier: a statement, a context and a proof's body against a verifying key. It accepts exactly what
 * zkllm/outer/verifier.py and the generated contract accept; docs/protocol.md, 5 and 6.
 */

import { WORD } from "../bytes.js";
import { GENERATOR, linearCombination, pairingProductIsOne } from "./curve.js";
import { mod } from "./field.js";
import { batch, denominatorsProduct, derive } from "./opening.js";
import { Refused } from "./refused.js";
import { statementOf } from "./statement.js";
import { INVERSE, decodeBody, drawChallenges, seedOf, statementDigest } from "./transcript.js";

/** @typedef {import("./key.js").VerifyingKey} VerifyingKey */
/** @typedef {import("./curve.js").Point} Point */

/**
 * Throws Refused, whose `check` is the name of the check that failed.
 * @param {VerifyingKey} key
 * @param {Uint8Array} context 32 bytes
 * @param {readonly bigint[]} words
 * @param {Uint8Array} body
 */
export function verify(key, context, words, body) {
  if (context.length !== WORD)
    throw new Refused("context", `it has ${context.length} bytes instead of ${WORD}`);
  checkWords(key, words);
  const { witness, encoded, scalars, points } = decodeBody(body, key.numWitness);
  const digest = statementDigest(key.verifierId, context, words, witness);
  const challenges = drawChallenges(key.verifierId, digest, encoded);
  if (mod(denominatorsProduct(key.domain, key.numPublic, challenges) * scalars[INVERSE]) !== 1n) {
    throw new Refused("inverse", "it is not that of the product of the denominators");
  }
  const derived = derive(key.domain, key.bLog2, words, seedOf(digest), scalars, challenges);
  if (!pairingProductIsOne(openingPairs(key, { ...scalars, ...derived }, points, challenges))) {
    throw new Refused("pairing", "the opening does not hold");
  }
}

/**
 * 1 <= k <= T <= N, ids of the vocabulary, the pad id after x_T; of a sealed statement, P below r.
 * @param {VerifyingKey} key
 * @param {readonly bigint[]} words
 */
export function checkWords(key, words) {
  const statement = statementOf(words, key.shape);
  const ids = statement.sealed
    ? statement.answer
    : [...statement.prompt, ...statement.answer, ...statement.padding];
  const largest = Math.max(...ids);
  if (largest >= key.vocabularySize) {
    throw new Refused("statement", `id ${largest} is not below the vocabulary's size ${key.vocabularySize}`);
  }
  if (!statement.sealed && statement.padding.some((id) => id !== key.padId)) {
    throw new Refused("statement", `an id after x_T is not the pad id ${key.padId}`);
  }
}

/**
 * The pairs of e(A, [1]_2) e(-W', [tau]_2) e(-omega C_q, [tau^b]_2) = 1, with
 * A = sum s_e C_e - (sum s_e rem_e(z)) G - W + z W' + omega (C_f - C_g + alpha C_q), C_f = sum theta^g C_g.
 * @param {VerifyingKey} key
 * @param {Readonly<Record<string, bigint>>} values what is sent and what is derived
 * @param {Readonly<Record<string, Point>>} points
 * @param {Readonly<Record<string, bigint>>} challenges
 * @returns {[Point, import("./curve.js").Point2][]}
 */
function openingPairs(key, values, points, challenges) {
  const { z, omega, alpha, theta } = challenges;
  const { weights, remainders } = batch(key.domain, values, challenges);
  /** @type {Readonly<Record<string, Point>>} */
  const commitments = { ...points, C0: key.points.c0 };
  /** @type {[bigint, Point][]} */
  const terms = Object.entries(weights).map(([name, weight]) => [weight, commitments[name]]);
  terms.push([-remainders, GENERATOR], [-1n, points.W], [z, points.W_prime]);
  terms.push([-omega, points.g], [omega * alpha, points.q]);
  let power = omega;
  const witness = Array.from({ length: key.numWitness }, (_, i) => points[`witness${i}`]);
  for (const column of [...key.points.fixed, ...witness]) {
    terms.push([power, column]);
    power = mod(power * theta);
  }
  return [
    [linearCombination(terms), key.points.g2],
    [points.W_prime.negate(), key.points.g2Tau],
    [linearCombination([[omega, points.q]]).negate(), key.points.g2TauB],
  ];
}
