/** What the page's parts share: the site's data, the node, and what was read from it. */

import { Calls } from "./chain/calls.js";
import { chainIdOf, timesOf } from "./chain/contract.js";
import { History } from "./chain/history.js";
import { Rpc, RpcError } from "./chain/rpc.js";
import { loadVocabulary } from "./site.js";

/** @typedef {import("./protocol/vocabulary.js").Vocabulary} Vocabulary */

const CHOICE = "zkllm-explorer";

/**
 * The visitor's own choice of node and contract, for this tab alone: a node's URL may hold a key.
 * @typedef {{ rpcUrl: string | null, contract: string | null }} Choice
 */

/** A site, and a node that is asked about it. */
export class App {
  /** @param {import("./site.js").Site} site */
  constructor(site) {
    this.site = site;
    /** @type {Map<string, Promise<Vocabulary | null>>} */
    this.vocabularies = new Map();
    /** @type {Choice} */
    this.choice = { rpcUrl: null, contract: null };
    /** @type {string | null} */
    this.contract = null;
    /** @type {Rpc | null} */
    this.rpc = null;
    /** Null, as `calls` is, where no node or no contract is chosen. @type {History | null} */
    this.history = null;
    /** @type {Calls | null} */
    this.calls = null;
    /** Unix times by block. @type {Map<number, number>} */
    this.times = new Map();
    /** @type {Promise<number> | null} */
    this.chain = null;
    this.connect(savedChoice());
  }

  /**
   * Begins anew with another node or contract.
   * @param {Choice} choice
   */
  connect(choice) {
    this.choice = choice;
    this.contract = choice.contract ?? this.site.contract;
    const url = choice.rpcUrl ?? this.site.rpcUrl;
    this.rpc = url === null ? null : new Rpc(url);
    const first = this.contract === this.site.contract ? this.site.firstBlock : 0;
    this.history = this.rpc && this.contract ? new History(this.rpc, this.contract, first) : null;
    this.calls = this.rpc && this.history ? new Calls(this.rpc, this.history) : null;
    this.times = new Map();
    this.chain = null;
  }

  /** @param {Choice} choice */
  choose(choice) {
    try {
      sessionStorage.setItem(CHOICE, JSON.stringify(choice));
    } catch {
      // a browser that keeps nothing: the choice lasts until the page is left
    }
    this.connect(choice);
  }

  /**
   * What reading needs.
   * @returns {{ rpc: Rpc, history: History, calls: Calls, contract: string }}
   */
  connection() {
    const { rpc, history, calls, contract } = this;
    if (!rpc || !history || !calls || !contract) throw new RpcError("no node or no contract is chosen");
    return { rpc, history, calls, contract };
  }

  /** The node's chain id; RpcError where the site is of another chain. */
  chainId() {
    this.chain ??= this.askChain();
    this.chain.catch(() => (this.chain = null));
    return this.chain;
  }

  async askChain() {
    const id = await chainIdOf(this.connection().rpc);
    const { chainId, network } = this.site;
    if (chainId !== null && id !== chainId && this.contract === this.site.contract) {
      throw new RpcError(`the node is on chain ${id}, this page is of chain ${chainId} (${network})`);
    }
    return id;
  }

  /**
   * The bytes of a model's ids; null where the page does not have them.
   * @param {string} modelId
   */
  vocabulary(modelId) {
    const model = this.site.models.get(modelId);
    if (!model) return Promise.resolve(null);
    const loading = this.vocabularies.get(modelId) ?? loadVocabulary(model);
    this.vocabularies.set(modelId, loading);
    return loading;
  }

  /**
   * Unix times of blocks.
   * @param {readonly number[]} blocks
   */
  async loadTimes(blocks) {
    const missing = [...new Set(blocks)].filter((block) => !this.times.has(block));
    const times = await timesOf(this.connection().rpc, missing);
    missing.forEach((block, i) => this.times.set(block, times[i]));
  }
}

/** @returns {Choice} */
function savedChoice() {
  try {
    const saved = JSON.parse(sessionStorage.getItem(CHOICE) ?? "{}");
    return { rpcUrl: saved.rpcUrl ?? null, contract: saved.contract ?? null };
  } catch {
    return { rpcUrl: null, contract: null };
  }
}
