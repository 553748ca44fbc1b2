/** Bytes, hexadecimal and integers; keccak256. Everything else builds on these. */

import { keccak_256 } from "@noble/hashes/sha3.js";

export const WORD = 32;

/**
 * The bytes of 0x.. with an even number of digits.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function fromHex(text) {
  if (typeof text !== "string" || !/^0x([0-9a-f]{2})*$/i.test(text))
    throw new Malformed("it is not hexadecimal");
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

const DIGITS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/**
 * 0x and lower-case digits.
 * @param {Uint8Array} bytes
 */
export function toHex(bytes) {
  let text = "0x";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

/**
 * The integer that the bytes are, most significant first.
 * @param {Uint8Array} bytes
 */
export const toInteger = (bytes) => BigInt(toHex(bytes) === "0x" ? 0 : toHex(bytes));

/**
 * A word of 32 bytes, or of `size`.
 * @param {bigint | number} value not negative
 */
export function toWord(value, size = WORD) {
  const digits = BigInt(value)
    .toString(16)
    .padStart(2 * size, "0");
  if (digits.length > 2 * size) throw new RangeError("the integer needs more bytes");
  return fromHex(`0x${digits}`);
}

/** @param {readonly Uint8Array[]} parts */
export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/**
 * Of the concatenation of the parts: Ethereum's hash.
 * @param {readonly Uint8Array[]} parts
 */
export const keccak256 = (...parts) => keccak_256(concat(...parts));

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** What somebody else gave is not of the form that it must have. */
export class Malformed extends Error {}
