/** Numbers, digests and texts as the page shows them. */

import { keccak256, toHex, utf8 } from "./bytes.js";
import { h } from "./dom.js";
import { visible } from "./text/visible.js";

const WEI = 10n ** 18n;
const FIRST_SHOWN = 4000;

/** @param {bigint | number} value */
export const grouped = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * @param {number} count
 * @param {string} one
 */
export const several = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

/** @param {bigint} wei */
export function ether(wei) {
  const fraction = (wei % WEI).toString().padStart(18, "0").replace(/0+$/, "");
  return `${grouped(wei / WEI)}${fraction ? `.${fraction}` : ""} ETH`;
}

/** Digits of an amount of ether that is only told roughly. */
const ROUGH_DIGITS = 4;

/**
 * What was paid for gas: the first digits, rounded down.
 * @param {bigint} wei
 */
export function roughEther(wei) {
  const digits = wei.toString().length;
  const unit = 10n ** BigInt(Math.max(0, digits - ROUGH_DIGITS));
  const rough = (wei / unit) * unit;
  return `${rough === wei ? "" : "about "}${ether(rough)}`;
}

const COMMAND = /(zkllm (?:setup|prove|key|settle)(?: --[a-z]+| (?:show|reclaim)\b)?)/;

/**
 * Our own words, with the commands in them as code that is not broken at its hyphens.
 * @param {string} text
 */
export const withCommands = (text) =>
  text.split(COMMAND).map((part, i) => (i % 2 ? h("code", { class: "command" }, part) : part));

/**
 * Unix time as an element, in UTC.
 * @param {number | bigint} seconds
 */
export function time(seconds) {
  const milliseconds = 1000 * Number(seconds);
  if (!(milliseconds < 8.64e15)) return h("span", {}, "beyond all time");
  const text = new Date(milliseconds).toISOString();
  return h("time", { datetime: text }, `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`);
}

/**
 * A digest or an address, in full for who copies it, short on screen where `short`.
 * @param {string} hex
 */
export function digest(hex, short = false) {
  const text = short ? `${hex.slice(0, 10)}…${hex.slice(-4)}` : hex;
  return h("code", { class: "digest", title: short ? hex : false }, text);
}

/**
 * An address with its checksum (EIP-55), in full for who copies it.
 * @param {string} hex lower case
 */
export function account(hex, short = false) {
  const hash = toHex(keccak256(utf8(hex.slice(2)))).slice(2);
  const digits = [...hex.slice(2)].map((digit, i) => (hash[i] >= "8" ? digit.toUpperCase() : digit));
  return digest(`0x${digits.join("")}`, short);
}

/**
 * Bytes as visible text, kept apart from the direction of what is around.
 * @param {Uint8Array} bytes
 * @param {{ most?: number, label?: string, whole?: boolean }} options `whole`: a button shows what is beyond `most`
 * code points
 */
export function said(bytes, { most = FIRST_SHOWN, label = "", whole = true } = {}) {
  const { segments, rest } = visible(bytes, most);
  const text = h("bdi", {
    class: "said",
    dir: "ltr",
    "aria-label": label || false,
    role: label ? "group" : false,
  });
  for (const segment of segments) {
    if (!segment.escape) text.append(h("span", { class: "plain" }, segment.text));
    else {
      text.append(h("span", { class: "escape", title: segment.title }, segment.text));
      if (segment.breaks) text.append(h("br"));
    }
  }
  if (bytes.length === 0) text.append(h("span", { class: "nothing" }, "(no bytes)"));
  if (rest && !whole) text.append("…");
  if (rest && whole) {
    const more = h("button", { type: "button", class: "more" }, `show all ${grouped(bytes.length)} bytes`);
    more.addEventListener("click", () =>
      text.replaceWith(said(bytes, { most: Number.POSITIVE_INFINITY, label })),
    );
    text.append("… ", more);
  }
  return text;
}

/**
 * A name that somebody chose.
 * @param {string} text
 */
export const named = (text) => said(utf8(text));

/**
 * Ids for want of bytes.
 * @param {readonly number[]} ids
 * @param {number} most
 */
export function idsOnly(ids, most = 200) {
  const shown = ids.slice(0, most).join(", ") + (ids.length > most ? ", …" : "");
  return h(
    "span",
    { class: "ids" },
    h("span", { class: "note" }, `${several(ids.length, "token id")}, whose bytes this page does not have: `),
    h("code", {}, shown),
  );
}
