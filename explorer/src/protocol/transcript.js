/**
 * The order of messages between the outer prover and verifier, and the keccak256 chain; docs/protocol.md, 5.1.
 * The proof's body is the witness commitments, the rounds' messages, and the inverse of all denominators.
 */

import { WORD, concat, keccak256, toInteger, toWord, utf8 } from "../bytes.js";
import { G1_BYTES, OffCurve, decodeG1 } from "./curve.js";
import { R, mod } from "./field.js";
import { SELECTORS, WIRES } from "./gates.js";
import { Refused } from "./refused.js";

const STATEMENT_TAG = keccak256(utf8("zkllm.v2.statement"));

export const SIGMAS = ["sigma1", "sigma2", "sigma3", "sigma4"];
export const PREPROCESSED = [...SELECTORS, ...SIGMAS];
export const WIRES_NEXT = WIRES.map((w) => `${w}_next`);
const EVALUATIONS = [
  ...PREPROCESSED, // at y
  ...WIRES, // at y
  ...WIRES_NEXT, // at w y
  "z", // z'(y)
  ...["z_next", "Tp_next", "Tg_next"], // z', Tp, Tg at w y
  ...["g_zeta", "g_zeta_inv", "h_zeta", "h_zeta_inv", "S_zeta", "S_zeta_inv"],
];

/** @typedef {{ name: string, point: boolean }} Message */
/** @typedef {{ challenge: string, messages: Message[] }} Round */

/** @param {readonly string[]} names */
const points = (...names) => names.map((name) => ({ name, point: true }));
/** @param {readonly string[]} names */
const scalars = (...names) => names.map((name) => ({ name, point: false }));

/**
 * Each round's messages, and the challenge drawn after them.
 * @type {Round[]}
 */
export const SCHEDULE = [
  { challenge: "theta", messages: scalars("delta") },
  { challenge: "alpha", messages: [...scalars("v"), ...points("h")] },
  { challenge: "gamma", messages: points("q", "g") },
  { challenge: "zeta", messages: points("SD") },
  { challenge: "beta_p", messages: [...scalars("pc", "pci", "pr", "pri"), ...points("C1")] },
  { challenge: "gamma_p", messages: [] },
  { challenge: "alpha_p", messages: [] },
  { challenge: "y", messages: points("C2") },
  { challenge: "beta", messages: scalars(...EVALUATIONS) },
  { challenge: "z", messages: points("W") },
  { challenge: "omega", messages: points("W_prime") },
];
export const INVERSE = "inverse";

/**
 * Public inputs of the circuit, in the order of its first rows.
 * @param {number} numWords
 */
export const publicInputNames = (numWords) => [
  "seed",
  ...Array.from({ length: numWords }, (_, i) => `word${i}`),
  ...["delta", "theta", "zeta", "v", "pc", "pci", "pr", "pri"],
];

/**
 * H, which binds the statement, the context and the witness commitments before the first challenge.
 * @param {Uint8Array} verifierId
 * @param {Uint8Array} context
 * @param {readonly bigint[]} words
 * @param {readonly Uint8Array[]} witness
 */
export const statementDigest = (verifierId, context, words, witness) =>
  keccak256(STATEMENT_TAG, verifierId, context, ...words.map((w) => toWord(w)), ...witness);

/**
 * What the inner protocol's sponge starts from: H without its last 8 bits, hence below r.
 * @param {Uint8Array} digest
 */
export const seedOf = (digest) => toInteger(digest) >> 8n;

/**
 * All challenges by name: s <- keccak256(s | messages), s = VERIFIER_ID | H at first; a challenge is s mod r.
 * @param {Uint8Array} verifierId
 * @param {Uint8Array} digest
 * @param {Readonly<Record<string, Uint8Array>>} encoded every message
 */
export function drawChallenges(verifierId, digest, encoded) {
  /** @type {Record<string, bigint>} */
  const challenges = {};
  let state = concat(verifierId, digest);
  for (const { challenge, messages } of SCHEDULE) {
    state = keccak256(state, ...messages.map(({ name }) => encoded[name]));
    challenges[challenge] = mod(toInteger(state));
  }
  return challenges;
}

/**
 * Each element of the body, in order.
 * @param {number} numWitness
 * @returns {Message[]}
 */
export const bodyElements = (numWitness) => [
  ...points(...Array.from({ length: numWitness }, (_, i) => `witness${i}`)),
  ...SCHEDULE.flatMap(({ messages }) => messages),
  { name: INVERSE, point: false },
];

/** @param {Message} message */
const bytesOf = ({ point }) => (point ? G1_BYTES : WORD);

/**
 * @typedef {object} Body
 * @property {Uint8Array[]} witness commitments, as they are encoded
 * @property {Record<string, Uint8Array>} encoded every other element, as it is encoded
 * @property {Record<string, bigint>} scalars
 * @property {Record<string, import("./curve.js").Point>} points witness commitments included
 */

/**
 * Refuses every encoding but the canonical one.
 * @param {Uint8Array} body
 * @param {number} numWitness
 * @returns {Body}
 */
export function decodeBody(body, numWitness) {
  const elements = bodyElements(numWitness);
  const expected = elements.reduce((total, element) => total + bytesOf(element), 0);
  if (body.length !== expected) {
    throw new Refused("length", `the proof's body has ${body.length} bytes instead of ${expected}`);
  }
  /** @type {Body} */
  const decoded = { witness: [], encoded: {}, scalars: {}, points: {} };
  let at = 0;
  for (const element of elements) {
    const data = body.subarray(at, (at += bytesOf(element)));
    if (element.point) {
      decoded.points[element.name] = point(element.name, data);
    } else {
      const value = toInteger(data);
      if (value >= R) throw new Refused("canonical scalar", `${element.name} is not below r`);
      decoded.scalars[element.name] = value;
    }
    if (element.name.startsWith("witness")) decoded.witness.push(data);
    else decoded.encoded[element.name] = data;
  }
  return decoded;
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 */
function point(name, data) {
  try {
    return decodeG1(data);
  } catch (error) {
    if (error instanceof OffCurve) throw new Refused("point on curve", `${name} is not a point of G1`);
    throw new Refused("canonical point", `a coordinate of ${name} is not below p`);
  }
}
