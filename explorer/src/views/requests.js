/** Requests that are open: what somebody wants answered, and for how much. */

import { facts, fill, h, link } from "../dom.js";
import { account, digest, ether, several, time, withCommands } from "../format.js";
import { follow, modelLink, progress, promptOf, show } from "./parts.js";

/** @typedef {import("./parts.js").Context} Context */
/** @typedef {import("../chain/history.js").Request} Request */

/** @param {Context} context */
export function requestsView(context) {
  const { app, reader, main } = context;
  const status = h("div");
  const list = h("ul", { class: "cards" });
  const note = h(
    "p",
    { class: "note" },
    withCommands(
      "Whoever settles the claim in the request's name before its deadline is credited with the reward (zkllm settle --request).",
    ),
  );
  show(main, "Open requests", note, status, list);
  let shown = "?";
  follow(context, () => {
    fill(status, progress(app, reader));
    const open = [...(app.history?.requests.values() ?? [])]
      .filter(({ state }) => state === "open")
      .reverse();
    const state = open.map(({ id, claimId }) => `${id}${app.history?.claimsById.has(claimId)}`).join();
    if (state === shown) return;
    shown = state;
    fill(list, ...open.map((request) => cardOf(app, request)));
    if (!open.length && app.history?.complete) list.append(h("li", {}, "No request is open."));
  });
}

/**
 * @param {import("../app.js").App} app
 * @param {Request} request
 */
function cardOf(app, request) {
  const prompt = h("p", { class: "prompt" }, h("span", { class: "note" }, "reading …"));
  if (request.prompt.length) {
    void promptOf(app, request.modelId, request.prompt).then((text) => prompt.replaceChildren(text));
  } else {
    fill(
      prompt,
      h(
        "span",
        { class: "note" },
        "The prompt is not told: only its digest, or what it is sealed with, was posted.",
      ),
    );
  }
  return h(
    "li",
    { class: "card", "data-request": request.id },
    prompt,
    facts([
      ["Reward", ether(request.reward)],
      ["Asked of", [modelLink(app, request.modelId), `, ${several(request.k, "token")}`]],
      ["Until", [time(request.deadline), ...stateOf(app, request)]],
      ["Requested by", account(request.requester)],
      ["Claim", link(`/claim/${request.claimId}`, digest(request.claimId))],
      ["Request", digest(request.id)],
    ]),
  );
}

/**
 * @param {import("../app.js").App} app
 * @param {Request} request
 */
function stateOf(app, request) {
  if (app.history?.claimsById.has(request.claimId))
    return withCommands(": answered without it; the reward can be given back (zkllm settle reclaim)");
  if (request.deadline * 1000n < BigInt(Date.now()))
    return withCommands(": expired; the reward can be given back (zkllm settle reclaim)");
  return [];
}
