/**
 * What `zkllm explorer` wrote beside the page: which contract on which chain, the models' keys and names, digests of
 * code. Files of data are scripts that call `zkllmExplorer`, since a page that is opened from a disk may load
 * nothing else.
 */

import { Malformed, fromHex, toHex } from "./bytes.js";
import { VerifyingKey } from "./protocol/key.js";
import { Vocabulary } from "./protocol/vocabulary.js";

/** @typedef {{ key: VerifyingKey, codeDigest: string | null, given: boolean }} KnownKey `given`: by the visitor */
/** @typedef {{ id: string, name: string, vocabulary: string | null, vocabularySize: number }} Model */

/** What a page knows before it has asked anybody. */
export class Site {
  /** @param {unknown} data of data/site.js; undefined where there is none */
  constructor(data) {
    const given = record(data ?? {});
    const network = record(given.network ?? {});
    this.version = text(given.version, 40);
    this.network = text(network.name, 60);
    this.chainId = typeof network.chain_id === "number" ? network.chain_id : null;
    this.explorer = webAddress(network.explorer);
    this.confirmations = typeof network.confirmations === "number" ? network.confirmations : 1;
    this.rpcUrl = webAddress(given.rpc_url);
    this.contract = address(given.contract);
    this.firstBlock = typeof given.first_block === "number" ? given.first_block : 0;
    /** @type {Map<string, Model>} */
    this.models = new Map();
    /** @type {Map<string, KnownKey>} by VERIFIER_ID */
    this.keys = new Map();
    for (const model of list(given.models)) this.addModel(record(model));
  }

  /** @param {Record<string, unknown>} model */
  addModel(model) {
    const id = digest(model.model_id);
    this.models.set(id, {
      id,
      name: text(model.name, 100),
      vocabulary:
        typeof model.vocabulary === "string" && DATA_FILE.test(model.vocabulary) ? model.vocabulary : null,
      vocabularySize: Number(model.vocabulary_size),
    });
    for (const verifier of list(model.verifiers)) {
      const { key, code_digest: code } = record(verifier);
      this.addKey(key, code === null ? null : digest(code), false);
    }
  }

  /**
   * @param {unknown} data what vk.json holds
   * @param {string | null} codeDigest keccak256 of the verifier's code that is generated from it
   * @param {boolean} given
   */
  addKey(data, codeDigest, given) {
    const key = new VerifyingKey(data);
    const id = toHex(key.verifierId);
    if (!this.keys.has(id)) this.keys.set(id, { key, codeDigest, given });
    return key;
  }

  /** @param {string} modelId */
  nameOf(modelId) {
    return this.models.get(modelId)?.name ?? null;
  }
}

const DATA_FILE = /^data\/[0-9a-f]{64}\.js$/;

/** @param {unknown} value @returns {Record<string, unknown>} */
function record(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Malformed("the page's data are damaged");
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {unknown} value */
const list = (value) => (Array.isArray(value) ? value : []);
/** @param {unknown} value @param {number} most */
const text = (value, most) => (typeof value === "string" ? value.slice(0, most) : "");
/** @param {unknown} value */
const webAddress = (value) => (typeof value === "string" && /^https?:\/\/[^/]/.test(value) ? value : null);

/** @param {unknown} value */
function digest(value) {
  if (typeof value !== "string" || fromHex(value).length !== 32)
    throw new Malformed("the page's data are damaged");
  return value.toLowerCase();
}

/**
 * An address in lower case; null where it is none.
 * @param {unknown} value
 */
export const address = (value) =>
  typeof value === "string" && /^0x[0-9a-f]{40}$/i.test(value) ? value.toLowerCase() : null;

// ---- files of data

/** @type {unknown} */
let siteData;
/** @type {Map<string, (data: string) => void>} by file */
const awaited = new Map();

/** What the files of data call. */
export const door = Object.freeze({
  /** @param {unknown} data */
  site(data) {
    siteData = data;
  },
  /** @param {string} file @param {string} base64 */
  vocabulary(file, base64) {
    awaited.get(file)?.(base64);
  },
});

/** Of data/site.js, once scripts have run. */
export const readSite = () => new Site(siteData);

/** Only the page's own files of data become scripts. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("zkllm-data", {
  /** @param {string} url */
  createScriptURL(url) {
    if (!DATA_FILE.test(url)) throw new TypeError("not a file of data");
    return url;
  },
});

/**
 * The vocabulary in a file of data.
 * @param {Model} model
 * @returns {Promise<Vocabulary | null>} null where the page has none, or the file is missing or damaged
 */
export function loadVocabulary({ vocabulary: file, vocabularySize }) {
  if (file === null) return Promise.resolve(null);
  return new Promise((resolve) => {
    const script = document.createElement("script");
    const end = (/** @type {Vocabulary | null} */ found) => {
      awaited.delete(file);
      script.remove();
      resolve(found);
    };
    awaited.set(file, (base64) => {
      try {
        const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        end(new Vocabulary(packed, vocabularySize));
      } catch {
        end(null);
      }
    });
    script.addEventListener("error", () => end(null));
    script.addEventListener("load", () => end(null)); // where it called nothing; no matter where it did
    script.src = policy ? policy.createScriptURL(file) : file;
    document.head.append(script);
  });
}
