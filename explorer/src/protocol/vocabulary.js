/**
 * The bytes that token ids stand for, and the Merkle tree that ties them to VOCABULARY_ROOT;
 * zkllm/model/vocabulary.py, contracts/src/libraries/VocabularyProof.sol.
 */

import { Malformed, concat, equal, keccak256, toWord } from "../bytes.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const EMPTY = new Uint8Array(32);
const PAUSE_EVERY = 2048;

/**
 * keccak256(0x00 | uint32 id | bytes).
 * @param {number} id
 * @param {Uint8Array} bytes
 */
const leafOf = (id, bytes) => keccak256(LEAF, toWord(id, 4), bytes);

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
const nodeOf = (left, right) => keccak256(NODE, left, right);

/**
 * Levels of a tree over so many leaves.
 * @param {number} size
 */
const depthOf = (size) => (size <= 1 ? 0 : 32 - Math.clz32(size - 1));

/** The bytes of every id of a model. */
export class Vocabulary {
  /**
   * @param {Uint8Array} packed for each id the length of its bytes (LEB128), then the bytes
   * @param {number} size how many ids
   */
  constructor(packed, size) {
    this.packed = packed;
    this.size = size;
    /** Where the bytes of each id begin and end. */
    this.places = new Uint32Array(2 * size);
    let at = 0;
    for (let id = 0; id < size; id++) {
      let length = 0;
      for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
        byte = packed[at++]; // beyond the end nothing, which ends the length
        length |= (byte & 0x7f) << shift;
      }
      this.places[2 * id] = at;
      this.places[2 * id + 1] = at += length;
    }
    if (at !== packed.length) throw new Malformed("the vocabulary's file is damaged");
  }

  /**
   * What an id stands for.
   * @param {number} id below `size`
   */
  bytesOf(id) {
    return this.packed.subarray(this.places[2 * id], this.places[2 * id + 1]);
  }

  /**
   * What ids stand for, together; null where one is not of the vocabulary.
   * @param {readonly number[]} ids
   */
  textOf(ids) {
    return ids.every((id) => id < this.size) ? concat(...ids.map((id) => this.bytesOf(id))) : null;
  }

  /**
   * Root of the tree over all ids. Takes a second for 50,000: gives way in between.
   * @param {() => Promise<void>} pause
   */
  async root(pause) {
    let level = [];
    for (let id = 0; id < this.size; id++) {
      level.push(leafOf(id, this.bytesOf(id)));
      if (id % PAUSE_EVERY === PAUSE_EVERY - 1) await pause();
    }
    let padding = EMPTY; // the root of a subtree of padding leaves
    for (let depth = depthOf(this.size); depth > 0; depth--) {
      if (level.length % 2) level.push(padding);
      const above = [];
      for (let i = 0; i < level.length; i += 2) {
        above.push(nodeOf(level[i], level[i + 1]));
        if (i % (2 * PAUSE_EVERY) === 0) await pause();
      }
      level = above;
      padding = nodeOf(padding, padding);
    }
    return level[0];
  }
}

/**
 * Whether tokens are what the tree says that ids stand for: as the settlement contract checks it.
 * @param {Uint8Array} root
 * @param {number} size of the vocabulary
 * @param {readonly number[]} ids the answer's
 * @param {readonly Uint8Array[]} tokens bytes of the distinct ids, ascending
 * @param {readonly Uint8Array[]} siblings level by level from the leaves, each that cannot be computed
 */
export function isOfVocabulary(root, size, ids, tokens, siblings) {
  const distinct = [...new Set(ids)].sort((a, b) => a - b);
  if (distinct.length !== tokens.length || distinct.some((id) => id >= size)) return false;
  let nodes = distinct.map((id, i) => ({ at: id, value: leafOf(id, tokens[i]) }));
  let used = 0;
  for (let depth = depthOf(size); depth > 0; depth--) {
    const above = [];
    for (let i = 0; i < nodes.length; i++) {
      const { at, value } = nodes[i];
      const together = at % 2 === 0 && i + 1 < nodes.length && nodes[i + 1].at === at + 1;
      const other = together ? nodes[++i].value : siblings[used++];
      if (other === undefined) return false;
      above.push({ at: at >> 1, value: at % 2 ? nodeOf(other, value) : nodeOf(value, other) });
    }
    nodes = above;
  }
  return used === siblings.length && equal(nodes[0].value, root);
}

/**
 * The answer's bytes from those of its distinct ids.
 * @param {readonly number[]} ids
 * @param {readonly Uint8Array[]} tokens of the distinct ids, ascending
 */
export function answerText(ids, tokens) {
  const distinct = [...new Set(ids)].sort((a, b) => a - b);
  return concat(...ids.map((id) => tokens[distinct.indexOf(id)] ?? new Uint8Array()));
}
