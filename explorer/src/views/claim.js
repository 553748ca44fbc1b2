/** A settled claim: what was asked and answered, by whom, at what cost; and "Check it yourself". */

import { costOf } from "../chain/contract.js";
import { RpcError } from "../chain/rpc.js";
import { facts, fill, h, link } from "../dom.js";
import { account, digest, ether, grouped, idsOnly, said, roughEther, several, time } from "../format.js";
import { checkPanel } from "./check.js";
import { follow, modelLink, progress, promptOf, show, transactionLink } from "./parts.js";

/** @typedef {import("../chain/abi.js").Claim} Claim */
/** @typedef {import("../chain/calls.js").SettlingCall} SettlingCall */
/** @typedef {import("./parts.js").Context} Context */

/**
 * @param {Context} context
 * @param {string} id
 */
export function claimView(context, id) {
  const { app, reader, main, signal } = context;
  const status = h("div");
  show(main, "Claim", h("p", {}, digest(id)), status);
  let found = false;
  const present = (/** @type {Claim} */ claim) => {
    if (found || signal.aborted) return;
    found = true;
    void presentClaim(context, claim);
  };
  follow(context, () => {
    if (found) return;
    const claim = app.history?.claimsById.get(id);
    if (claim) {
      present(claim);
      return;
    }
    fill(status, progress(app, reader));
    if (app.history?.complete)
      status.append(
        h(
          "p",
          {},
          "This contract has settled no such claim. Perhaps it is asked for: ",
          link("/requests", "open requests"),
          ".",
        ),
      );
  });
  // a node that searches the whole chain finds it at once
  app.history?.lookUp(id).then(
    (claim) => claim && present(claim),
    (error) => {
      if (!(error instanceof RpcError)) throw error;
    },
  );
}

/**
 * @param {Context} context
 * @param {Claim} claim
 */
async function presentClaim(context, claim) {
  const { app, main, signal } = context;
  const question = h(
    "div",
    { class: "dialogue" },
    h("h2", {}, "Prompt"),
    h("p", { class: "prompt" }, h("span", { class: "note" }, "reading …")),
  );
  const answer = h(
    "div",
    { class: "dialogue" },
    h("h2", {}, "Answer"),
    h("p", { class: "answer" }, said(claim.text, { label: "answer" })),
  );
  const details = h(
    "section",
    { "aria-labelledby": "details" },
    h("h2", { id: "details" }, "Details"),
    h("p", { class: "note" }, "reading …"),
  );
  const panel = h("div");
  show(main, "Claim", question, answer, details, panel).focus({ preventScroll: true });
  try {
    const call = await app.connection().calls.read(claim);
    if (signal.aborted) return;
    question.lastElementChild?.replaceChildren(await promptText(app, claim, call));
    if (call) answer.append(await tokensOf(app, claim, call));
    const [cost] = await Promise.all([
      costOf(app.connection().rpc, claim.transaction),
      app.loadTimes([claim.block]),
    ]);
    if (signal.aborted) return;
    details.replaceChildren(h("h2", { id: "details" }, "Details"), factsOf(app, claim, call, cost));
    panel.replaceWith(checkPanel(context, claim, call));
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    details.append(h("p", { class: "problem" }, `Not everything could be read: ${error.message}.`));
  }
}

/**
 * @param {import("../app.js").App} app
 * @param {Claim} claim
 * @param {SettlingCall | null} call
 */
async function promptText(app, claim, call) {
  if (call === null) {
    return h(
      "span",
      { class: "note" },
      "The call that settled this claim is not in its transaction's data (another contract made it): the prompt cannot be shown. Its digest is ",
      digest(claim.promptDigest),
      ".",
    );
  }
  if (call.statement.sealed) {
    return h(
      "span",
      { class: "note" },
      "The prompt is sealed: P = ",
      digest(claim.promptDigest),
      " stands for it, and only who has its salt can tell which it is.",
    );
  }
  return promptOf(app, claim.modelId, call.statement.prompt, { label: "prompt" });
}

/**
 * The answer, token by token.
 * @param {import("../app.js").App} app
 * @param {Claim} claim
 * @param {SettlingCall} call
 */
async function tokensOf(app, claim, call) {
  const ids = call.statement.answer;
  const distinct = [...new Set(ids)].sort((a, b) => a - b);
  const rows = ids.map((id) =>
    h(
      "li",
      {},
      h("code", {}, String(id)),
      " ",
      said(call.settlement.tokens[distinct.indexOf(id)] ?? new Uint8Array()),
    ),
  );
  const prompt = call.statement.sealed ? null : call.statement.prompt;
  const vocabulary = await app.vocabulary(claim.modelId);
  return h(
    "details",
    {},
    h("summary", {}, several(ids.length, "certified token")),
    h("ol", { class: "tokens" }, rows),
    prompt &&
      h(
        "p",
        {},
        h("span", { class: "note" }, `The prompt's ${several(prompt.length, "id")}: `),
        vocabulary ? h("code", {}, prompt.join(", ")) : idsOnly(prompt),
      ),
  );
}

/**
 * @param {import("../app.js").App} app
 * @param {Claim} claim
 * @param {SettlingCall | null} call
 * @param {{ gas: bigint, price: bigint | null }} cost
 */
function factsOf(app, claim, call, cost) {
  const { history } = app.connection();
  const depth = (history.head ?? claim.block) - claim.block + 1;
  const final =
    depth >= app.site.confirmations
      ? ""
      : ` (${depth} of ${app.site.confirmations} blocks deep: it may still be undone)`;
  const shape =
    call &&
    `${several(call.parameters.N, "position")}, ${several(call.parameters.k, "certified token")}${call.parameters.sealed ? ", sealed prompts" : ""}`;
  const price = cost.price === null ? "" : `, ${roughEther(cost.gas * cost.price)}`;
  const together = call && call.together > 1 ? ` for ${several(call.together, "claim")} together` : "";
  const request = claim.requestId;
  return facts([
    ["Model", [modelLink(app, claim.modelId), " ", digest(claim.modelId)]],
    ["Settled", [time(app.times.get(claim.block) ?? 0), `, block ${grouped(claim.block)}${final}`]],
    ["Settled by", account(claim.settler)],
    [
      "Reward",
      request === null
        ? "none: not settled in the name of a request"
        : [ether(claim.reward), ", request ", digest(request)],
    ],
    ["Gas", `${grouped(cost.gas)}${price}${together}`],
    ["Verifier", call ? [account(call.verifier), ` ${shape}`] : "not known"],
    ["Proof", call ? `${several(call.settlement.proof.length, "byte")}` : "not in the transaction's data"],
    ["Transaction", transactionLink(app, claim.transaction)],
    ["Claim id", digest(claim.id)],
    [call?.statement.sealed ? "Sealed prompt P" : "Prompt's digest", digest(claim.promptDigest)],
  ]);
}
