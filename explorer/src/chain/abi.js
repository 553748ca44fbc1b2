/** Calls, answers and events of the contracts. What nodes give is checked: each place lies inside of the data. */

import { Malformed, WORD, concat, keccak256, toHex, toInteger, toWord, utf8 } from "../bytes.js";

/** @param {string} signature */
export const selector = (signature) => keccak256(utf8(signature)).subarray(0, 4);
/** @param {string} signature */
const topic = (signature) => toHex(keccak256(utf8(signature)));

const SETTLE_TYPES = "(address,bytes32,uint256[],uint256[],bytes32[],bytes[])";
export const SETTLE = selector(`settle${SETTLE_TYPES}`);
export const SETTLE_MANY = selector(`settleMany(${SETTLE_TYPES}[])`);
const VERIFY = selector("verify(bytes32,uint256[],uint256[])");

/** Bytes of which the ABI's values are read. */
export class Reader {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
  }

  /** @param {number} at */
  word(at) {
    if (!Number.isSafeInteger(at) || at < 0 || at + WORD > this.data.length)
      throw new Malformed("the data end too early");
    return this.data.subarray(at, at + WORD);
  }

  /** @param {number} at */
  integer(at) {
    return toInteger(this.word(at));
  }

  /**
   * An integer that counts or places something in the data.
   * @param {number} at
   */
  size(at) {
    const value = this.integer(at);
    if (value > BigInt(this.data.length)) throw new Malformed("a length or a place is beyond the data");
    return Number(value);
  }

  /** @param {number} at */
  address(at) {
    const word = this.word(at);
    if (word.subarray(0, 12).some((byte) => byte)) throw new Malformed("an address has more than 20 bytes");
    return word.subarray(12);
  }

  /** @param {number} at */
  boolean(at) {
    const value = this.integer(at);
    if (value > 1n) throw new Malformed("a boolean is neither 0 nor 1");
    return value === 1n;
  }

  /**
   * The words of an array whose length is at `at`.
   * @param {number} at
   */
  words(at) {
    const count = this.size(at);
    return Array.from({ length: count }, (_, i) => this.word(at + WORD * (1 + i)));
  }

  /**
   * The bytes whose length is at `at`.
   * @param {number} at
   */
  bytes(at) {
    const start = at + WORD;
    const end = start + this.size(at);
    if (end > this.data.length) throw new Malformed("the data end too early");
    return this.data.subarray(start, end);
  }

  /**
   * Several of them, each with its place relative to the first place.
   * @param {number} at
   */
  manyBytes(at) {
    const count = this.size(at);
    if (count * WORD > this.data.length) throw new Malformed("a length is beyond the data");
    return Array.from({ length: count }, (_, i) => this.bytes(at + WORD + this.size(at + WORD * (1 + i))));
  }
}

/**
 * Arguments of `settle`.
 * @typedef {object} Settlement
 * @property {Uint8Array} verifier address
 * @property {Uint8Array} requestId
 * @property {bigint[]} words
 * @property {Uint8Array} proof the words of the proof's body, end to end
 * @property {Uint8Array[]} siblings
 * @property {Uint8Array[]} tokens
 */

/**
 * @param {Reader} reader
 * @param {number} start of the head
 * @returns {Settlement}
 */
function settlementAt(reader, start) {
  /** @param {number} i */
  const place = (i) => start + reader.size(start + WORD * i);
  return {
    verifier: reader.address(start),
    requestId: reader.word(start + WORD),
    words: reader.words(place(2)).map(toInteger),
    proof: concat(...reader.words(place(3))),
    siblings: reader.words(place(4)),
    tokens: reader.manyBytes(place(5)),
  };
}

/**
 * The settlements that a call asks for: `settle` or `settleMany`; null where it is another call.
 * @param {Uint8Array} data
 * @returns {Settlement[] | null}
 */
export function settlementsOf(data) {
  const called = toHex(data.subarray(0, 4));
  const reader = new Reader(data.subarray(4));
  if (called === toHex(SETTLE)) return [settlementAt(reader, 0)];
  if (called !== toHex(SETTLE_MANY)) return null;
  const list = reader.size(0);
  const count = reader.size(list);
  const first = list + WORD;
  if (count * WORD > reader.data.length) throw new Malformed("a length is beyond the data");
  return Array.from({ length: count }, (_, i) => settlementAt(reader, first + reader.size(first + WORD * i)));
}

/**
 * Every settlement in the data of a transaction: of the call itself, or where another contract was called, of the
 * calls that its data hold. Where data only look like one they are passed over.
 * @param {Uint8Array} data
 * @returns {Settlement[]}
 */
export function settlementsWithin(data) {
  /** @type {Settlement[]} */
  const found = [];
  for (let at = 0; at + 4 <= data.length; at++) {
    const here = data.subarray(at, at + 4);
    if (![SETTLE, SETTLE_MANY].some((s) => s.every((byte, i) => byte === here[i]))) continue;
    try {
      found.push(...(settlementsOf(data.subarray(at)) ?? []));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  return found;
}

/**
 * Data of `verify(context, words, proof)` of a verifier.
 * @param {Uint8Array} context
 * @param {readonly bigint[]} words
 * @param {Uint8Array} proof
 */
export const verifyCall = (context, words, proof) =>
  concat(
    ...[VERIFY, context, toWord(3 * WORD), toWord((4 + words.length) * WORD)],
    ...[toWord(words.length), ...words.map((w) => toWord(w))],
    ...[toWord(proof.length / WORD), proof],
  );

/**
 * Data of a call whose arguments are words.
 * @param {string} signature
 * @param {readonly Uint8Array[]} words
 */
export const call = (signature, ...words) => concat(selector(signature), ...words.map(padded));

/** @param {Uint8Array} value at most a word */
const padded = (value) => concat(new Uint8Array(WORD - value.length), value);

// ---- events

const TOPICS = {
  settled: topic("Settled(bytes32,bytes32,address,bytes32,bytes)"),
  requested: topic("Requested(bytes32,bytes32,address,bytes32,uint256,uint256,uint256,uint32[])"),
  fulfilled: topic("Fulfilled(bytes32,bytes32,address,uint256)"),
  returned: topic("Returned(bytes32,bytes32,uint256)"),
  registered: topic("VerifierRegistered(bytes32,address,uint256,uint256,bool)"),
  frozen: topic("VerifierFrozen(address)"),
  owner: topic("OwnershipTransferred(address,address)"),
};

/**
 * @typedef {object} Log
 * @property {string[]} topics
 * @property {Uint8Array} data
 * @property {number} block
 * @property {number} index of the log in its block
 * @property {string} transaction
 */
/**
 * @typedef {object} Claim a settled one, as it was announced
 * @property {string} id
 * @property {string} modelId
 * @property {string} settler
 * @property {string} promptDigest of the prompt, or P where it is sealed
 * @property {Uint8Array} text
 * @property {number} block
 * @property {number} index
 * @property {string} transaction
 * @property {string | null} requestId
 * @property {bigint} reward wei
 */
/**
 * @typedef {object} Request
 * @property {string} id
 * @property {string} claimId
 * @property {string} requester
 * @property {string} modelId
 * @property {number} k
 * @property {bigint} reward
 * @property {bigint} deadline seconds since 1970
 * @property {number[]} prompt empty where only its digest was given, or it is sealed
 * @property {number} block
 */
/** @typedef {{ address: string, modelId: string, N: number, k: number, sealed: boolean }} Verifier */

/**
 * @param {Log} log
 * @param {number} i
 */
function topicOf(log, i) {
  const found = log.topics[i];
  if (found === undefined) throw new Malformed("an event lacks a topic");
  return found;
}

/** @param {string} word */
const addressOf = (word) => `0x${word.slice(26)}`;

/** @param {Log} log @returns {Claim} */
function claimOf(log) {
  const reader = new Reader(log.data);
  return {
    id: topicOf(log, 1),
    modelId: topicOf(log, 2),
    settler: addressOf(topicOf(log, 3)),
    promptDigest: toHex(reader.word(0)),
    text: reader.bytes(reader.size(WORD)),
    block: log.block,
    index: log.index,
    transaction: log.transaction,
    requestId: null,
    reward: 0n,
  };
}

/** @param {Log} log @returns {Request} */
function requestOf(log) {
  const reader = new Reader(log.data);
  return {
    id: topicOf(log, 1),
    claimId: topicOf(log, 2),
    requester: addressOf(topicOf(log, 3)),
    modelId: toHex(reader.word(0)),
    k: number(reader.integer(WORD)),
    reward: reader.integer(2 * WORD),
    deadline: reader.integer(3 * WORD),
    prompt: reader.words(reader.size(4 * WORD)).map((word) => number(toInteger(word))),
    block: log.block,
  };
}

/** @param {Log} log */
const fulfilmentOf = (log) => ({
  requestId: topicOf(log, 1),
  claimId: topicOf(log, 2),
  reward: new Reader(log.data).integer(0),
});

/** @param {Log} log @returns {Verifier} */
function registeredOf(log) {
  const reader = new Reader(log.data);
  return {
    modelId: topicOf(log, 1),
    address: addressOf(topicOf(log, 2)),
    N: number(reader.integer(0)),
    k: number(reader.integer(WORD)),
    sealed: reader.boolean(2 * WORD),
  };
}

/** @param {Log} log */
const frozenOf = (log) => addressOf(topicOf(log, 1));

/**
 * Whether it is what a settlement contract's constructor announces.
 * @param {Log} log
 */
const isCreation = (log) => log.topics[0] === TOPICS.owner && /^0x0{64}$/.test(log.topics[1] ?? "");

/** @param {bigint} value */
function number(value) {
  if (value >= 1n << 32n) throw new Malformed("a number is beyond all measure");
  return Number(value);
}

/**
 * What a log says. `created`: the contract has no earlier event; `other`: nothing that matters here.
 * @typedef {(
 *   | { kind: "settled", claim: Claim }
 *   | { kind: "requested", request: Request }
 *   | { kind: "fulfilled", requestId: string, claimId: string, reward: bigint }
 *   | { kind: "returned", requestId: string }
 *   | { kind: "registered", verifier: Verifier }
 *   | { kind: "frozen", address: string }
 *   | { kind: "created" | "other" | "malformed" }
 * )} Event
 */

/**
 * @param {Log} log
 * @returns {Event}
 */
export function eventOf(log) {
  try {
    switch (log.topics[0]) {
      case TOPICS.settled:
        return { kind: "settled", claim: claimOf(log) };
      case TOPICS.requested:
        return { kind: "requested", request: requestOf(log) };
      case TOPICS.fulfilled:
        return { kind: "fulfilled", ...fulfilmentOf(log) };
      case TOPICS.returned:
        return { kind: "returned", requestId: topicOf(log, 1) };
      case TOPICS.registered:
        return { kind: "registered", verifier: registeredOf(log) };
      case TOPICS.frozen:
        return { kind: "frozen", address: frozenOf(log) };
      default:
        return { kind: isCreation(log) ? "created" : "other" };
    }
  } catch (error) {
    if (error instanceof Malformed) return { kind: "malformed" };
    throw error;
  }
}
