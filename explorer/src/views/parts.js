/** Parts that several views share. */

import { utf8 } from "../bytes.js";
import { h, link, outside } from "../dom.js";
import { digest, grouped, idsOnly, named, said, several } from "../format.js";
import { oneLine } from "../text/visible.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../reader.js").Reader} Reader */
/**
 * What a view is given. `signal` fires when it is left.
 * @typedef {object} Context
 * @property {App} app
 * @property {Reader} reader
 * @property {AbortSignal} signal
 * @property {HTMLElement} main where it goes
 * @property {URLSearchParams} parameters of the route
 */

const LONGEST_TITLE = 80;

/** Puts off what follows until the browser has drawn. */
export const breathe = () =>
  new Promise((/** @type {(value?: undefined) => void} */ resolve) => setTimeout(resolve));

/**
 * A model by its name, if the page has one, and its id.
 * @param {App} app
 * @param {string} modelId
 */
export function modelLink(app, modelId) {
  const name = app.site.nameOf(modelId);
  return link(`/model/${modelId}`, name === null ? digest(modelId, true) : named(name));
}

/**
 * A prompt's ids as text where the page has the model's vocabulary.
 * @param {App} app
 * @param {string} modelId
 * @param {readonly number[]} ids
 * @param {Parameters<typeof said>[1]} options
 */
export async function promptOf(app, modelId, ids, options = {}) {
  const text = (await app.vocabulary(modelId))?.textOf(ids) ?? null;
  return text === null ? idsOnly(ids) : said(text, options);
}

/**
 * How far the history was read.
 * @param {App} app
 * @param {Reader} reader
 */
export function progress(app, reader) {
  const { history } = app;
  const status = h("p", { class: "status", role: "status" });
  if (history === null) {
    status.append("No node is chosen. ", link("/about", "Choose one"), " to read the chain.");
  } else if (reader.error !== null) {
    const again = h("button", { type: "button", onclick: () => void reader.run() }, "Try again");
    status.append(
      h("strong", {}, "Reading stopped: "),
      `${reader.error}. `,
      again,
      " ",
      link("/about", "Choose another node"),
    );
  } else if (history.head === null) {
    status.append("Asking the node …");
  } else {
    const read = `${several(history.claims.length, "claim")} in blocks ${grouped(history.oldest)} to ${grouped(history.head)}`;
    status.append(history.complete ? `${read}: all there are.` : `${read}; reading older blocks …`);
  }
  if (history?.malformed) status.append(` ${several(history.malformed, "event")} could not be read.`);
  return status;
}

/**
 * A transaction's hash, with a link to a block explorer where the page has one.
 * @param {App} app
 * @param {string} hash
 */
export const transactionLink = (app, hash) => [
  digest(hash),
  ...(app.site.explorer ? [" ", outside(`${app.site.explorer}/tx/${hash}`, "on the block explorer")] : []),
];

/**
 * Shows a view's heading and moves the focus there, so that screen readers say where one is.
 * @param {HTMLElement} main
 * @param {string} title
 * @param {readonly (Node | string)[]} rest
 */
export function show(main, title, ...rest) {
  const heading = h("h1", { tabindex: -1 }, named(title));
  main.replaceChildren(heading, ...rest);
  document.title = `${oneLine(utf8(title), LONGEST_TITLE)} · zkLLM explorer`;
  return heading;
}

/**
 * Calls back now, whenever more was read, and never after the view was left.
 * @param {Context} context
 * @param {() => void} update
 */
export function follow({ reader, signal }, update) {
  reader.addEventListener("change", update, { signal });
  update();
}

/** @param {string} text */
export const isDigest = (text) => /^0x[0-9a-f]{64}$/.test(text);
