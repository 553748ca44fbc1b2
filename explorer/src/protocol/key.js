/** The verifying key of a shape (N, k) of a model, as `zkllm` writes it (vk.json). */

import { Malformed, fromHex, keccak256, toInteger, toWord, utf8 } from "../bytes.js";
import { GENERATOR_2, decodeG1, decodeG2 } from "./curve.js";
import { mod, rootOfUnity } from "./field.js";
import { Domain } from "./opening.js";
import { numWords } from "./statement.js";
import { publicInputNames } from "./transcript.js";

const VERSION = 2;
const TAG = keccak256(utf8("zkllm.v2.verifier"));
export const SRS_KINDS = ["development", "ceremony"];
const INTEGERS = /** @type {const} */ ([
  ...["version", "N", "k", "n_log2", "num_words", "num_witness_columns", "mu", "b_log2"],
  ...["vocab_size", "pad_id", "n_ctx"],
]);
// Bounds of zkllm/limits.py; tests/explorer/test_verifier.py holds both to the same keys.
const MAX_POSITIONS = (1 << 16) - 1;
const MAX_MU = 26;
const MAX_CIRCUIT_LOG2 = 25;
const MAX_VOCABULARY = 1 << 24;
const MAX_COLUMNS = 1 << 8;

/**
 * Whether [tau]_2 is the development SRS's, whose tau everybody knows.
 * @param {Uint8Array} g2Tau
 */
const isDevelopment = (g2Tau) =>
  GENERATOR_2.multiply(
    mod(toInteger(keccak256(utf8("zkllm development SRS v1: insecure, tau is public")))),
  ).equals(decodeG2(g2Tau));

/** Everything that a verifier needs beside statement and proof. Checked; `verifierId` is computed from all of it. */
export class VerifyingKey {
  /** @param {unknown} data what vk.json holds */
  constructor(data) {
    const fields = record(data);
    for (const name of INTEGERS) {
      const value = fields[name];
      if (!Number.isInteger(value) || Number(value) < 0 || Number(value) >= 2 ** 32) {
        throw new Malformed(`the key's ${name} is no number`);
      }
    }
    /** @param {string} name */
    const integer = (name) => Number(fields[name]);
    /** @param {string} name @param {number} size */
    const bytes = (name, size) => bytesOf(fields[name], name, size);
    if (typeof fields.sealed !== "boolean") throw new Malformed("the key's sealed is not true or false");
    if (!Array.isArray(fields.fixed_commitments)) throw new Malformed("the key has no commitments");
    this.version = integer("version");
    this.shape = { N: integer("N"), k: integer("k"), sealed: fields.sealed };
    this.nLog2 = integer("n_log2");
    this.numWords = integer("num_words");
    this.numWitness = integer("num_witness_columns");
    this.mu = integer("mu");
    this.bLog2 = integer("b_log2");
    this.vocabularySize = integer("vocab_size");
    this.padId = integer("pad_id");
    this.nCtx = integer("n_ctx");
    this.modelId = bytes("model_id", 32);
    this.configDigest = bytes("config_digest", 32);
    this.vocabularyRoot = bytes("vocabulary_root", 32);
    this.srsDigest = bytes("srs_digest", 32);
    this.srsKind = String(fields.srs_kind);
    this.c0 = bytes("c0", 64);
    this.g2Tau = bytes("g2_tau", 128);
    this.g2TauB = bytes("g2_tau_b", 128);
    this.fixedCommitments = fields.fixed_commitments.map((c) => bytesOf(c, "commitment", 64));
    this.check();
    this.points = {
      c0: decodeG1(this.c0),
      fixed: this.fixedCommitments.map(decodeG1),
      g2: GENERATOR_2,
      g2Tau: decodeG2(this.g2Tau),
      g2TauB: decodeG2(this.g2TauB),
    };
    this.domain = new Domain(this.nLog2, rootOfUnity(this.nLog2));
    this.numPublic = publicInputNames(this.numWords).length;
    this.verifierId = this.digest();
  }

  /** Ranges, in an order in which each bounds what the later ones compute. */
  check() {
    const { N, k } = this.shape;
    /** @type {[string, boolean][]} */
    const conditions = [
      ["1 <= k <= N <= n_ctx", 1 <= k && k <= N && N <= this.nCtx && this.nCtx <= MAX_POSITIONS],
      ["num_words", this.numWords === numWords(this.shape)],
      ["vocab_size", this.padId < this.vocabularySize && this.vocabularySize <= MAX_VOCABULARY],
      ["mu", 0 < this.bLog2 && this.bLog2 < this.mu && this.mu <= MAX_MU && this.nLog2 <= MAX_CIRCUIT_LOG2],
      ["rows", publicInputNames(this.numWords).length < 2 ** this.nLog2],
      ["columns", [this.numWitness, this.fixedCommitments.length].every((n) => 1 <= n && n <= MAX_COLUMNS)],
      ["version", this.version === VERSION],
      ["srs_kind", SRS_KINDS.includes(this.srsKind)],
      [
        "srs_kind (a development SRS that calls itself a ceremony's)",
        this.developmentSrs || !isDevelopment(this.g2Tau),
      ],
    ];
    for (const [name, holds] of conditions) {
      if (!holds) throw new Malformed(`the key's ${name} is out of range`);
    }
  }

  /** Whether anyone can forge under it. */
  get developmentSrs() {
    return this.srsKind === "development";
  }

  /** VERIFIER_ID: of the tag, the integers as words, the digests and the points. */
  digest() {
    const { N, k, sealed } = this.shape;
    const integers = [
      ...[
        this.version,
        N,
        k,
        Number(sealed),
        this.nLog2,
        this.numWords,
        this.numWitness,
        this.mu,
        this.bLog2,
      ],
      ...[
        this.vocabularySize,
        this.padId,
        this.nCtx,
        SRS_KINDS.indexOf(this.srsKind),
        this.fixedCommitments.length,
      ],
    ];
    return keccak256(
      TAG,
      ...integers.map((x) => toWord(x)),
      ...[this.modelId, this.configDigest, this.vocabularyRoot, this.srsDigest],
      ...[this.g2Tau, this.g2TauB, this.c0],
      ...this.fixedCommitments,
    );
  }
}

/**
 * @param {unknown} data
 * @returns {Record<string, unknown>}
 */
function record(data) {
  if (typeof data !== "object" || data === null || Array.isArray(data))
    throw new Malformed("it is no verifying key");
  return /** @type {Record<string, unknown>} */ (data);
}

/**
 * @param {unknown} text hexadecimal
 * @param {string} name
 * @param {number} size
 */
function bytesOf(text, name, size) {
  if (typeof text !== "string" || text.length !== 2 * size)
    throw new Malformed(`the key's ${name} has another length`);
  return fromHex(`0x${text}`);
}
