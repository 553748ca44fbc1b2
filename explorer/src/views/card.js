/** A claim in a list: prompt and answer, cut where they are long, and where to see more. */

import { RpcError } from "../chain/rpc.js";
import { h, link } from "../dom.js";
import { account, digest, ether, grouped, idsOnly, said, time } from "../format.js";
import { modelLink } from "./parts.js";

/** @typedef {import("../chain/abi.js").Claim} Claim */
/** @typedef {import("../app.js").App} App */

/** Code points of a text, and ids of a prompt, that a card shows. */
const SHOWN = 280;
const SHOWN_IDS = 30;

/**
 * @param {App} app
 * @param {Claim} claim
 */
export const cardOf = (app, claim) =>
  h(
    "li",
    { class: "card", "data-claim": claim.id },
    h("p", { class: "prompt" }, h("span", { class: "note" }, "reading the prompt …")),
    h("p", { class: "answer" }, said(claim.text, { most: SHOWN, whole: false })),
    h(
      "p",
      { class: "meta" },
      modelLink(app, claim.modelId),
      h("span", {}, "block ", grouped(claim.block), h("span", { class: "when" })),
      h("span", {}, "by ", account(claim.settler, true)),
      claim.reward > 0n && h("span", {}, "for ", ether(claim.reward)),
      link(`/claim/${claim.id}`, "Claim ", digest(claim.id, true)),
    ),
  );

/**
 * Puts prompts and times into the cards of a list, as the node tells them.
 * @param {App} app
 * @param {readonly Claim[]} claims
 * @param {HTMLElement} list
 * @param {AbortSignal} signal
 */
export async function complete(app, claims, list, signal) {
  const { calls } = app.connection();
  /** @param {Claim} claim @param {string} part */
  const partOf = (claim, part) => list.querySelector(`[data-claim="${claim.id}"] .${part}`);
  try {
    await Promise.all([calls.load(claims), app.loadTimes(claims.map(({ block }) => block))]);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const words = `the prompt could not be read: ${error.message}`;
    for (const claim of claims) partOf(claim, "prompt")?.replaceChildren(h("span", { class: "note" }, words));
    return;
  }
  for (const claim of claims) {
    const prompt = await promptOf(app, claim);
    if (signal.aborted) return;
    partOf(claim, "prompt")?.replaceChildren(prompt);
    partOf(claim, "when")?.replaceChildren(", ", time(app.times.get(claim.block) ?? 0));
  }
}

/**
 * @param {App} app
 * @param {Claim} claim
 */
async function promptOf(app, claim) {
  const call = app.calls?.known.get(claim.id) ?? null;
  if (call === null) return h("span", { class: "note" }, "the prompt is not in the transaction's data");
  if (call.statement.sealed) return h("span", { class: "note" }, "a sealed prompt");
  const text = (await app.vocabulary(claim.modelId))?.textOf(call.statement.prompt) ?? null;
  return text === null
    ? idsOnly(call.statement.prompt, SHOWN_IDS)
    : said(text, { most: SHOWN, whole: false });
}
