/** Finding claims by prompt, answer, model or id. */

import { toHex } from "./bytes.js";
import { promptDigest } from "./protocol/statement.js";
import { searchable } from "./text/visible.js";

/** @typedef {import("./chain/abi.js").Claim} Claim */
/**
 * What is looked for. `hex`: an id, an address, or how it begins; `ids`: a prompt's token ids; else text.
 * @typedef {{ kind: "all" } | { kind: "hex", hex: string } | { kind: "ids", digest: string, text: string } | { kind: "text", text: string }} Query
 */

/**
 * @param {string} given
 * @returns {Query}
 */
export function parse(given) {
  const text = given.trim();
  if (text === "") return { kind: "all" };
  if (/^0x[0-9a-f]{2,64}$/i.test(text)) return { kind: "hex", hex: text.toLowerCase() };
  if (/^\d{1,8}(\s*,\s*\d{1,8})+$/.test(text)) {
    return {
      kind: "ids",
      digest: toHex(promptDigest(text.split(",").map(Number))),
      text: text.toLowerCase(),
    };
  }
  return { kind: "text", text: given.trim().toLowerCase() };
}

/** Texts to search in, made once for each claim. */
export class Index {
  /** @param {(modelId: string) => string | null} nameOf */
  constructor(nameOf) {
    this.nameOf = nameOf;
    /** @type {WeakMap<Uint8Array, string>} */
    this.texts = new WeakMap();
    /** By claim. @type {Map<string, string>} */
    this.prompts = new Map();
  }

  /**
   * @param {string} claimId
   * @param {readonly number[]} ids none where the prompt is not known
   * @param {Uint8Array | null} text what they stand for
   */
  addPrompt(claimId, ids, text) {
    this.prompts.set(claimId, text === null ? ids.join(",") : searchable(text));
  }

  /** @param {Uint8Array} bytes */
  textOf(bytes) {
    const text = this.texts.get(bytes) ?? searchable(bytes);
    this.texts.set(bytes, text);
    return text;
  }

  /**
   * @param {Claim} claim
   * @param {Query} query
   */
  matches(claim, query) {
    switch (query.kind) {
      case "all":
        return true;
      case "hex":
        return [
          claim.id,
          claim.modelId,
          claim.promptDigest,
          claim.transaction,
          claim.settler,
          claim.requestId ?? "",
        ].some((id) => id.startsWith(query.hex));
      case "ids":
        return claim.promptDigest === query.digest || this.hasText(claim, query.text);
      case "text":
        return this.hasText(claim, query.text);
    }
  }

  /**
   * @param {Claim} claim
   * @param {string} text lower case
   */
  hasText(claim, text) {
    const name = this.nameOf(claim.modelId) ?? "";
    return [this.textOf(claim.text), this.prompts.get(claim.id) ?? "", name.toLowerCase()].some((t) =>
      t.includes(text),
    );
  }
}
