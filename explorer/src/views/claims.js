/** Settled claims, newest first, a page at a time, and the search among them. */

import { fill, h, link } from "../dom.js";
import { account, digest, ether, grouped, idsOnly, said, several, time } from "../format.js";
import { RpcError } from "../chain/rpc.js";
import { Index, parse } from "../search.js";
import { breathe, follow, modelLink, progress, show } from "./parts.js";

/** @typedef {import("../chain/abi.js").Claim} Claim */
/** @typedef {import("./parts.js").Context} Context */

const PAGE = 25;
const SHOWN = 280;
/** Claims whose prompts are read together while searching. */
const CHUNK = 500;
const TYPING_MS = 200;

/** One for each connection: the prompts that were read stay searchable. @type {WeakMap<object, Index>} */
const indices = new WeakMap();

/** @param {Context} context */
export function claimsView(context) {
  const { app, reader, main, parameters, signal } = context;
  const index = indices.get(app.calls ?? app) ?? new Index((id) => app.site.nameOf(id));
  indices.set(app.calls ?? app, index);
  let query = parse(parameters.get("q") ?? "");
  let page = Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1);
  /** @type {Claim[]} */
  let shown = [];
  let searching = 0; // number of the search that runs

  const input = h("input", {
    type: "search",
    id: "search",
    name: "q",
    value: parameters.get("q") ?? "",
    autocomplete: "off",
    spellcheck: "false",
  });
  const form = h(
    "form",
    { role: "search", class: "search" },
    h("label", { for: "search" }, "Search by prompt, answer, model or id"),
    h("div", { class: "row" }, input, h("button", { type: "submit" }, "Search")),
  );
  const status = h("div");
  const found = h("p", { class: "status", role: "status" });
  const list = h("ol", { class: "claims" });
  const pager = h("nav", { class: "pager", "aria-label": "Pages of claims" });
  show(main, "Settled claims", form, status, found, list, pager);

  const matching = () => app.history?.claims.filter((claim) => index.matches(claim, query)) ?? [];

  const update = () => {
    fill(status, progress(app, reader));
    const claims = matching();
    const pages = Math.max(1, Math.ceil(claims.length / PAGE));
    const current = Math.min(page, pages);
    const slice = claims.slice((current - 1) * PAGE, current * PAGE);
    if (query.kind !== "all" && !searching) found.textContent = `${several(claims.length, "claim")} found.`;
    fill(pager, ...pagerOf(current, pages, input.value));
    if (
      slice.length === shown.length &&
      slice.every((claim, i) => claim.id === shown[i].id && claim.block === shown[i].block)
    )
      return;
    shown = slice;
    list.start = (current - 1) * PAGE + 1;
    fill(list, ...slice.map((claim) => cardOf(context, claim)));
    void complete(context, slice, list);
  };

  const search = async () => {
    query = parse(input.value);
    const mine = (searching = query.kind === "text" || query.kind === "ids" ? searching + 1 : 0);
    found.textContent = "";
    update();
    if (!mine) return;
    for (let read = 0; read < (app.history?.claims.length ?? 0); read += CHUNK) {
      const some = (app.history?.claims ?? []).slice(read, read + CHUNK);
      if (some.some(({ id }) => !index.prompts.has(id))) {
        found.textContent = `Searched the prompts of ${grouped(read)} of ${several(app.history?.claims.length ?? 0, "claim")} …`;
        await indexPrompts(context, index, some);
        await breathe();
      }
      if (signal.aborted || mine !== searching) return;
      update();
    }
    searching = 0;
    update();
  };
  const started = () =>
    search().catch((error) => {
      searching = 0;
      if (!(error instanceof RpcError)) throw error;
      found.textContent = `Prompts could not be searched: ${error.message}.`;
    });

  let typing = 0;
  input.addEventListener("input", () => {
    clearTimeout(typing);
    typing = window.setTimeout(() => {
      page = 1;
      history.replaceState(null, "", routeOf(1, input.value));
      void started();
    }, TYPING_MS);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  signal.addEventListener("abort", () => clearTimeout(typing));
  follow(context, update);
  if (query.kind !== "all") void started();
}

/**
 * @param {number} page
 * @param {string} query
 */
function routeOf(page, query) {
  const parameters = new URLSearchParams();
  if (query) parameters.set("q", query);
  if (page > 1) parameters.set("page", String(page));
  const text = parameters.toString();
  return `#/${text ? `?${text}` : ""}`;
}

/**
 * @param {number} current
 * @param {number} pages
 * @param {string} query
 */
function pagerOf(current, pages, query) {
  if (pages === 1) return [];
  /** @param {number} page @param {string} text */
  const to = (page, text) =>
    page < 1 || page > pages || page === current
      ? h("span", { class: "nowhere" }, text)
      : h("a", { href: routeOf(page, query) }, text);
  return [
    ...[to(1, "Newest"), to(current - 1, "Newer")],
    h("span", {}, `Page ${grouped(current)} of ${grouped(pages)}`),
    ...[to(current + 1, "Older"), to(pages, "Oldest")],
  ];
}

/**
 * @param {Context} context
 * @param {Claim} claim
 */
function cardOf({ app }, claim) {
  return h(
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
}

/**
 * Puts prompts and times into cards.
 * @param {Context} context
 * @param {readonly Claim[]} claims
 * @param {HTMLElement} list
 */
async function complete({ app, signal }, claims, list) {
  const { calls } = app.connection();
  /** @param {Claim} claim @param {string} part */
  const partOf = (claim, part) => list.querySelector(`[data-claim="${claim.id}"] .${part}`);
  try {
    await Promise.all([calls.load(claims), app.loadTimes(claims.map(({ block }) => block))]);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    for (const claim of claims)
      partOf(claim, "prompt")?.replaceChildren(
        h("span", { class: "note" }, `the prompt could not be read: ${error.message}`),
      );
    return;
  }
  for (const claim of claims) {
    const prompt = await cardPrompt(app, claim);
    if (signal.aborted) return;
    partOf(claim, "prompt")?.replaceChildren(prompt);
    partOf(claim, "when")?.replaceChildren(", ", time(app.times.get(claim.block) ?? 0));
  }
}

/**
 * @param {import("../app.js").App} app
 * @param {Claim} claim
 */
async function cardPrompt(app, claim) {
  const call = app.calls?.known.get(claim.id) ?? null;
  if (call === null) return h("span", { class: "note" }, "the prompt is not in the transaction's data");
  if (call.statement.sealed) return h("span", { class: "note" }, "a sealed prompt");
  const text = (await app.vocabulary(claim.modelId))?.textOf(call.statement.prompt) ?? null;
  return text === null ? idsOnly(call.statement.prompt, 30) : said(text, { most: SHOWN, whole: false });
}

/**
 * @param {Context} context
 * @param {Index} index
 * @param {readonly Claim[]} claims
 */
async function indexPrompts({ app }, index, claims) {
  await app.connection().calls.load(claims);
  for (const claim of claims) {
    const statement = app.calls?.known.get(claim.id)?.statement;
    const open = statement && !statement.sealed ? statement.prompt : null;
    const bytes = open && (await app.vocabulary(claim.modelId))?.textOf(open);
    if (bytes) index.addPrompt(claim.id, bytes);
    else index.prompts.set(claim.id, open ? open.join(",") : "");
  }
}
