/** The calls that settled claims: what was asked, which tokens answer, with which proof. */

import { Malformed, fromHex, toHex } from "../bytes.js";
import { Refused } from "../protocol/refused.js";
import { claimIdOf, statementOf } from "../protocol/statement.js";
import { settlementsOf, settlementsWithin } from "./abi.js";
import { parametersOf, transactionIn } from "./contract.js";
import { RpcError } from "./rpc.js";

/** @typedef {import("./abi.js").Claim} Claim */
/** @typedef {import("./abi.js").Settlement} Settlement */
/** @typedef {import("../protocol/statement.js").OpenStatement} OpenStatement */
/** @typedef {import("../protocol/statement.js").SealedStatement} SealedStatement */
/** @typedef {{ modelId: string, N: number, k: number, sealed: boolean }} Parameters of a verifier */

/**
 * The call that settled a claim. `direct`: the transaction called the settlement contract itself; else the call was
 * found among the data of a call of another contract.
 * @typedef {object} SettlingCall
 * @property {Settlement} settlement
 * @property {Parameters} parameters
 * @property {OpenStatement | SealedStatement} statement
 * @property {string} verifier
 * @property {boolean} direct
 * @property {number} together how many settlements the transaction's data hold
 */

/** Reads and keeps what was asked. */
export class Calls {
  /**
   * @param {import("./rpc.js").Rpc} rpc
   * @param {import("./history.js").History} history
   */
  constructor(rpc, history) {
    this.rpc = rpc;
    this.history = history;
    /** What is known of claims: of one whose call was not found, null. @type {Map<string, Omit<SettlingCall, "settlement"> | null>} */
    this.known = new Map();
    /** @type {Map<string, Promise<Parameters>>} */
    this.parameters = new Map();
  }

  /**
   * Reads the calls of claims that are not known yet.
   * @param {readonly Claim[]} claims
   */
  async load(claims) {
    const missing = claims.filter(({ id }) => !this.known.has(id));
    const hashes = [...new Set(missing.map(({ transaction }) => transaction))];
    /** @type {import("./rpc.js").Call[]} */
    const questions = hashes.map((hash) => ["eth_getTransactionByHash", hash]);
    const answers = await this.rpc.askAll(questions);
    for (const [i, hash] of hashes.entries()) {
      const calls = await this.callsIn(answers[i]); // once for all of a transaction's claims
      for (const claim of missing.filter(({ transaction }) => transaction === hash)) {
        const found = calls.get(claim.id);
        if (found === undefined) this.known.set(claim.id, null);
        else {
          const { settlement: _, ...rest } = found; // proofs are large: they are read again when they are needed
          this.known.set(claim.id, rest);
        }
      }
    }
  }

  /**
   * The call that settled a claim, proof included; null where the transaction's data do not hold it.
   * @param {Claim} claim
   */
  async read(claim) {
    const calls = await this.callsIn(await this.rpc.ask("eth_getTransactionByHash", claim.transaction));
    return calls.get(claim.id) ?? null;
  }

  /**
   * The calls in a transaction's data by the claims that they settle.
   * @param {unknown} answer
   * @returns {Promise<Map<string, SettlingCall>>}
   */
  async callsIn(answer) {
    /** @type {Map<string, SettlingCall>} */
    const found = new Map();
    if (answer === null) return found; // the node has dropped it
    const transaction = transactionIn(answer);
    const direct = transaction.to === this.history.contract;
    const settlements = direct ? decoded(transaction.input) : settlementsWithin(transaction.input);
    for (const settlement of settlements) {
      const verifier = toHex(settlement.verifier);
      try {
        const parameters = await this.parametersOf(verifier);
        const statement = statementOf(settlement.words, parameters);
        const id = toHex(claimIdOf(fromHex(parameters.modelId), parameters.k, statement));
        const together = settlements.length;
        if (!found.has(id)) found.set(id, { settlement, parameters, statement, verifier, direct, together });
      } catch (error) {
        const unreadable = error instanceof Refused || error instanceof Malformed;
        if (!unreadable && !(error instanceof RpcError && error.answered)) throw error;
      }
    }
    return found;
  }

  /**
   * Of a registered verifier, or what a contract says of itself.
   * @param {string} verifier
   */
  parametersOf(verifier) {
    const registered = this.history.verifiers.get(verifier);
    if (registered) return Promise.resolve(registered);
    const asked = this.parameters.get(verifier) ?? parametersOf(this.rpc, verifier);
    this.parameters.set(verifier, asked);
    asked.catch(() => this.parameters.delete(verifier));
    return asked;
  }
}

/** @param {Uint8Array} input */
function decoded(input) {
  try {
    return settlementsOf(input) ?? [];
  } catch (error) {
    if (error instanceof Malformed) return [];
    throw error;
  }
}
