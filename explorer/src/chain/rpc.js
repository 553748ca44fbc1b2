/** JSON-RPC over HTTP with one node. Its URL may hold an access key, so it is in no message. */

import { fromHex } from "../bytes.js";

const TIMEOUT_MS = 30_000;
const MOST_TRIES = 4;
const LONGEST_PAUSE_MS = 10_000;
const LONGEST_MESSAGE = 200;
/** Calls that go to the node in one request, and requests that are under way together. */
const TOGETHER = 50;
const AT_ONCE = 4;

/** The node did not answer, or answered with an error. */
export class RpcError extends Error {
  /**
   * @param {string} message
   * @param {string | null} data of a revert, 0x..
   * @param {boolean} answered whether the node gave the error itself
   */
  constructor(message, data = null, answered = false) {
    super(message);
    this.data = data;
    this.answered = answered;
  }
}

/** @typedef {readonly [method: string, ...params: unknown[]]} Call */
/** @typedef {{ id?: unknown, result?: unknown, error?: { message?: unknown, data?: unknown } }} Answer */

/** A node. */
export class Rpc {
  /**
   * @param {string} url http or https
   * @param {typeof fetch} request
   */
  constructor(url, request = (input, init) => fetch(input, init)) {
    if (!/^https?:\/\/[^/]/.test(url)) throw new RpcError("a node's URL begins with http:// or https://");
    this.url = url;
    this.request = request;
    this.number = 0;
    this.takesBatches = true;
  }

  /**
   * The result of one call.
   * @param {Call} call
   */
  async ask(...call) {
    return resultOf(await this.post(this.encode(call)));
  }

  /**
   * Results of several calls, in order; RpcError where one has none.
   * @param {readonly Call[]} calls
   * @returns {Promise<unknown[]>}
   */
  async askAll(calls) {
    /** @type {unknown[]} */
    const results = new Array(calls.length);
    let next = 0;
    const worker = async () => {
      while (next < calls.length) {
        const start = next;
        const some = calls.slice(start, (next += this.takesBatches ? TOGETHER : 1));
        for (const [i, result] of (await this.batch(some)).entries()) results[start + i] = result;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return results;
  }

  /**
   * @param {readonly Call[]} calls
   * @returns {Promise<unknown[]>}
   */
  async batch(calls) {
    if (calls.length === 1) return [await this.ask(...calls[0])];
    if (this.takesBatches) {
      const encoded = calls.map((call) => this.encode(call));
      const answers = await this.post(encoded).catch((error) => {
        if (error instanceof RpcError && !error.answered) throw error;
        return null;
      });
      if (Array.isArray(answers) && answers.length === calls.length) {
        const byId = new Map(answers.map((answer) => [answer?.id, answer]));
        return encoded.map(({ id }) => resultOf(byId.get(id)));
      }
      this.takesBatches = false; // the node takes one call at a time
    }
    const results = [];
    for (const call of calls) results.push(await this.ask(...call));
    return results;
  }

  /** @param {Call} call */
  encode([method, ...params]) {
    return { jsonrpc: "2.0", id: ++this.number, method, params };
  }

  /**
   * The JSON that comes back; asked again where the node is busy.
   * @param {unknown} body
   * @returns {Promise<unknown>}
   */
  async post(body) {
    for (let tries = 1; ; tries++) {
      const response = await this.send(JSON.stringify(body));
      if ([429, 502, 503].includes(response.status) && tries < MOST_TRIES) {
        const wanted = 1000 * Number(response.headers.get("Retry-After") ?? 2 ** tries);
        await pause(Math.min(Number.isFinite(wanted) ? wanted : LONGEST_PAUSE_MS, LONGEST_PAUSE_MS));
        continue;
      }
      try {
        return await response.json();
      } catch {
        if (!response.ok)
          throw new RpcError(`the node answered HTTP ${response.status}`, null, response.status < 500);
        throw new RpcError("the node's answer is not JSON");
      }
    }
  }

  /** @param {string} body */
  async send(body) {
    try {
      return await this.request(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError")
        throw new RpcError("the node does not answer");
      throw new RpcError("the node cannot be reached, or does not let web pages ask it (CORS)");
    }
  }
}

/** @param {unknown} answer */
function resultOf(answer) {
  if (typeof answer !== "object" || answer === null) throw new RpcError("the node's answer is malformed");
  const { result, error } = /** @type {Answer} */ (answer);
  if (error !== undefined && error !== null) {
    const data = typeof error.data === "string" && /^0x([0-9a-f]{2})*$/i.test(error.data) ? error.data : null;
    throw new RpcError(`the node says: ${String(error.message).slice(0, LONGEST_MESSAGE)}`, data, true);
  }
  if (result === undefined) throw new RpcError("the node's answer has no result");
  return result;
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- what results have to be

/**
 * @param {unknown} value
 * @returns {Uint8Array}
 */
export function bytesIn(value) {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/i.test(value))
    throw new RpcError("the node's answer is malformed");
  return fromHex(value);
}

/**
 * 0x and 2 * size lower-case digits.
 * @param {unknown} value
 * @param {number} size
 */
export function digestIn(value, size = 32) {
  if (bytesIn(value).length !== size) throw new RpcError("the node's answer is malformed");
  return String(value).toLowerCase();
}

/** @param {unknown} value */
export function integerIn(value) {
  if (typeof value !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(value))
    throw new RpcError("the node's answer is malformed");
  return BigInt(value);
}

/** @param {unknown} value */
export function numberIn(value) {
  const number = Number(integerIn(value));
  if (!Number.isSafeInteger(number)) throw new RpcError("the node's answer is malformed");
  return number;
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
export function objectIn(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RpcError("the node's answer is malformed");
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {number} value */
export const quantity = (value) => `0x${value.toString(16)}`;
