/**
 * What a settlement contract has announced, read from the newest block to the one that made the contract. All of its
 * events are asked for together, in ranges of blocks that grow as long as the node answers and shrink where it
 * does not.
 */

import { eventOf } from "./abi.js";
import { RpcError, bytesIn, digestIn, numberIn, objectIn, quantity } from "./rpc.js";

/** @typedef {import("./abi.js").Claim} Claim */
/** @typedef {import("./abi.js").Request & { state: "open" | "fulfilled" | "returned" }} Request */
/** @typedef {import("./abi.js").Verifier & { frozen: boolean }} Verifier */
/** @typedef {import("./abi.js").Event & { block: number, index: number }} Entry */

const FIRST_SPAN = 10_000;
const LARGEST_SPAN = 1 << 24;
const GROWTH = 4;
/** Newest blocks that are read anew each time: they may have been replaced. */
const UNSETTLED_BLOCKS = 64;

/** The events of a contract, so far as they were read, and what follows from them. */
export class History {
  /**
   * @param {import("./rpc.js").Rpc} rpc
   * @param {string} contract
   * @param {number} firstBlock no event is older
   */
  constructor(rpc, contract, firstBlock = 0) {
    this.rpc = rpc;
    this.contract = contract.toLowerCase();
    this.firstBlock = firstBlock;
    this.span = FIRST_SPAN;
    /** The newest block that was read, and the oldest; null before the first reading. @type {number | null} */
    this.head = null;
    this.oldest = 0;
    this.complete = false;
    /** @type {Entry[]} newest first */
    this.entries = [];
    /** @type {Claim[]} newest first */
    this.claims = [];
    /** @type {Map<string, Claim>} */
    this.claimsById = new Map();
    /** @type {Map<string, Request>} */
    this.requests = new Map();
    /** @type {Map<string, Verifier>} by address */
    this.verifiers = new Map();
    /** Events that could not be read. */
    this.malformed = 0;
  }

  /** Reads the next older range; the newest at first. Nothing where all was read. */
  async readOlder() {
    if (this.complete) return;
    if (this.head === null) {
      this.head = numberIn(await this.rpc.ask("eth_blockNumber"));
      this.oldest = this.head + 1;
    }
    const [entries, from] = await this.readRange(this.oldest - 1);
    this.oldest = from;
    this.complete = from <= this.firstBlock || entries.some(({ kind }) => kind === "created");
    if (entries.length) this.keep([...this.entries, ...entries]);
  }

  /** Reads what is new, and the newest blocks anew. */
  async readNewer() {
    if (this.head === null) {
      await this.readOlder();
      return;
    }
    const head = numberIn(await this.rpc.ask("eth_blockNumber"));
    const from = Math.max(this.oldest, Math.min(head, this.head) + 1 - UNSETTLED_BLOCKS);
    const entries = from <= head ? await this.entriesOf(from, head) : [];
    this.head = head;
    this.keep([...entries, ...this.entries.filter(({ block }) => block < from)]);
  }

  /**
   * A claim that a node finds without reading everything; null where it finds none. Nodes may refuse.
   * @param {string} id
   */
  async lookUp(id) {
    const range = { fromBlock: quantity(this.firstBlock), toBlock: "latest" };
    const [settled, fulfilled] = await Promise.all([
      this.ask({ ...range, topics: [null, id] }, Number.MAX_SAFE_INTEGER),
      this.ask({ ...range, topics: [null, null, id] }, Number.MAX_SAFE_INTEGER),
    ]);
    const found = new History(this.rpc, this.contract);
    found.keep([...fulfilled, ...settled]);
    return found.claimsById.get(id) ?? null;
  }

  /**
   * Entries of a range that ends at `to`, and where it begins.
   * @param {number} to
   * @returns {Promise<[Entry[], number]>}
   */
  async readRange(to) {
    for (;;) {
      const from = Math.max(this.firstBlock, to + 1 - this.span);
      try {
        const entries = await this.entriesOf(from, to);
        this.span = Math.min(LARGEST_SPAN, this.span * GROWTH);
        return [entries, from];
      } catch (error) {
        // nodes limit blocks, answers or time, each in words of its own
        if (!(error instanceof RpcError) || !error.answered || from === to) throw error;
        this.span = Math.max(1, Math.floor((to + 1 - from) / GROWTH));
      }
    }
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  entriesOf(from, to) {
    return this.ask({ fromBlock: quantity(from), toBlock: quantity(to) }, to, from);
  }

  /**
   * @param {Readonly<Record<string, unknown>>} filter
   * @param {number} to
   * @returns {Promise<Entry[]>} newest first
   */
  async ask(filter, to, from = this.firstBlock) {
    const answer = await this.rpc.ask("eth_getLogs", { address: this.contract, ...filter });
    if (!Array.isArray(answer)) throw new RpcError("the node's answer is malformed");
    const entries = answer.flatMap((value) => this.entryOf(value));
    if (entries.some(({ block }) => block < from || block > to)) {
      throw new RpcError("the node gave events that were not asked for");
    }
    return entries.sort((a, b) => b.block - a.block || b.index - a.index);
  }

  /**
   * A log as a node gives it; nothing for one whose block was dropped.
   * @param {unknown} value
   * @returns {Entry[]}
   */
  entryOf(value) {
    const fields = objectIn(value);
    if (fields.removed === true) return [];
    if (!Array.isArray(fields.topics)) throw new RpcError("the node's answer is malformed");
    if (digestIn(fields.address, 20) !== this.contract)
      throw new RpcError("the node gave events of another contract");
    const log = {
      topics: fields.topics.map((topic) => digestIn(topic)),
      data: bytesIn(fields.data),
      block: numberIn(fields.blockNumber),
      index: numberIn(fields.logIndex),
      transaction: digestIn(fields.transactionHash),
    };
    return [{ ...eventOf(log), block: log.block, index: log.index }];
  }

  /**
   * Derives everything from the entries.
   * @param {Entry[]} entries newest first
   */
  keep(entries) {
    this.entries = entries;
    this.claimsById = new Map();
    this.requests = new Map();
    this.verifiers = new Map();
    this.malformed = 0;
    for (let i = entries.length - 1; i >= 0; i--) this.take(entries[i]);
    this.claims = [...this.claimsById.values()].reverse();
  }

  /** @param {Entry} event */
  take(event) {
    switch (event.kind) {
      case "settled":
        this.claimsById.set(event.claim.id, event.claim);
        break;
      case "requested":
        this.requests.set(event.request.id, { ...event.request, state: "open" });
        break;
      case "fulfilled": {
        const { requestId, claimId, reward } = event;
        const claim = this.claimsById.get(claimId);
        if (claim) Object.assign(claim, { requestId, reward });
        this.close(requestId, "fulfilled");
        break;
      }
      case "returned":
        this.close(event.requestId, "returned");
        break;
      case "registered":
        this.verifiers.set(event.verifier.address, { ...event.verifier, frozen: false });
        break;
      case "frozen": {
        const verifier = this.verifiers.get(event.address);
        if (verifier) verifier.frozen = true;
        break;
      }
      case "malformed":
        this.malformed++;
        break;
      default: // of no interest here
    }
  }

  /**
   * @param {string} id
   * @param {"fulfilled" | "returned"} state
   */
  close(id, state) {
    const request = this.requests.get(id);
    if (request) request.state = state;
  }
}
