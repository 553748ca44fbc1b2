/** What is claimed, and the digests that name it; docs/protocol.md, 1. */

import { concat, keccak256, toWord, utf8 } from "../bytes.js";
import { R } from "./field.js";
import { Refused } from "./refused.js";

const LIMB_BITS = 24n;
const LIMBS_PER_WORD = 10;
const SEALED_TAG = keccak256(utf8("zkllm.v2.sealed claim"));
const LIMB = (1n << LIMB_BITS) - 1n;

/** @typedef {{ N: number, k: number, sealed: boolean }} Shape */
/**
 * `ids`: x_0..x_T of an open prompt; of a sealed one the answer alone, and P stands for the prompt.
 * @typedef {{ sealed: false, prompt: number[], answer: number[], padding: number[] }} OpenStatement
 * @typedef {{ sealed: true, sealedPrompt: bigint, answer: number[] }} SealedStatement
 */

/** @param {number} limbs */
const numLimbWords = (limbs) => Math.ceil(limbs / LIMBS_PER_WORD);

/**
 * Words of a statement: T and N + 1 ids; of a sealed one P, and k ids.
 * @param {Shape} shape
 */
export const numWords = ({ N, k, sealed }) => (sealed ? 1 + numLimbWords(k) : numLimbWords(N + 2));

/**
 * `count` limbs of 24 bits, the first on top of the first word. Refuses words that are no packed limbs.
 * @param {readonly bigint[]} words
 * @param {number} count
 */
function unpackLimbs(words, count) {
  const expected = numLimbWords(count);
  if (words.length !== expected || words.some((w) => w < 0n || w >> (LIMB_BITS * BigInt(LIMBS_PER_WORD)))) {
    throw new Refused("statement", `it has not ${expected} words below 2^240`);
  }
  const limbs = words.flatMap((w) =>
    Array.from({ length: LIMBS_PER_WORD }, (_, i) =>
      Number((w >> (LIMB_BITS * BigInt(LIMBS_PER_WORD - 1 - i))) & LIMB),
    ),
  );
  if (limbs.slice(count).some((limb) => limb !== 0))
    throw new Refused("statement", "limbs after the last id are not 0");
  return limbs.slice(0, count);
}

/**
 * What the words of a shape say.
 * @param {readonly bigint[]} words
 * @param {Shape} shape
 * @returns {OpenStatement | SealedStatement}
 */
export function statementOf(words, { N, k, sealed }) {
  if (sealed) {
    if (words.length === 0 || words[0] >= R) throw new Refused("statement", "P is not below r");
    return { sealed, sealedPrompt: words[0], answer: unpackLimbs(words.slice(1), k) };
  }
  const [T, ...ids] = unpackLimbs(words, N + 2);
  if (T < k || T > N) throw new Refused("statement", `T = ${T} is not between k = ${k} and N = ${N}`);
  return {
    sealed,
    prompt: ids.slice(0, T - k + 1),
    answer: ids.slice(T - k + 1, T + 1),
    padding: ids.slice(T + 1),
  };
}

/**
 * keccak256(abi.encodePacked(uint32[] prompt)): a word for each id.
 * @param {readonly number[]} prompt
 */
export const promptDigest = (prompt) => keccak256(...prompt.map((id) => toWord(id)));

/**
 * The id of a question about a model.
 * @param {Uint8Array} modelId
 * @param {number} k
 * @param {Uint8Array} digest
 */
export const claimId = (modelId, k, digest) => keccak256(modelId, toWord(k), digest);

/**
 * The same of a sealed prompt.
 * @param {Uint8Array} modelId
 * @param {number} k
 * @param {bigint} sealedPrompt
 */
export const sealedClaimId = (modelId, k, sealedPrompt) =>
  keccak256(SEALED_TAG, modelId, toWord(k), toWord(sealedPrompt));

/**
 * Of what a statement claims.
 * @param {Uint8Array} modelId
 * @param {number} k
 * @param {OpenStatement | SealedStatement} statement
 */
export const claimIdOf = (modelId, k, statement) =>
  statement.sealed
    ? sealedClaimId(modelId, k, statement.sealedPrompt)
    : claimId(modelId, k, promptDigest(statement.prompt));

/**
 * What a proof is bound to: keccak256(abi.encode(uint256 chain id, address contract, address sender, bytes32 request)).
 * @param {bigint} chainId
 * @param {Uint8Array} contract
 * @param {Uint8Array} sender
 * @param {Uint8Array} requestId
 */
export const contextOf = (chainId, contract, sender, requestId) =>
  keccak256(toWord(chainId), padded(contract), padded(sender), requestId);

/** @param {Uint8Array} address */
const padded = (address) => concat(new Uint8Array(12), address);
