/** Settled claims, newest first, a page at a time, and the search among them. */

import { RpcError } from "../chain/rpc.js";
import { fill, h } from "../dom.js";
import { grouped, several } from "../format.js";
import { Index, parse } from "../search.js";
import { cardOf, complete } from "./card.js";
import { breathe, follow, progress, show } from "./parts.js";

/** @typedef {import("../chain/abi.js").Claim} Claim */
/** @typedef {import("./parts.js").Context} Context */

const PAGE = 25;
/** Claims whose prompts are read together, and as many as are read for a search without being asked. */
const CHUNK = 500;
const TYPING_MS = 200;

/** One for each connection: the prompts that were read stay searchable. @type {WeakMap<object, Index>} */
const indices = new WeakMap();

/** @param {Context} context */
export function claimsView(context) {
  new ClaimsView(context).start();
}

class ClaimsView {
  /** @param {Context} context */
  constructor(context) {
    const { app, parameters } = context;
    this.context = context;
    this.app = app;
    this.index = indices.get(app.calls ?? app) ?? new Index((id) => app.site.nameOf(id));
    indices.set(app.calls ?? app, this.index);
    const words = parameters.get("q") ?? "";
    this.query = parse(words);
    this.page = Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1);
    /** @type {readonly Claim[]} */
    this.shown = [];
    /** Whether the prompts of all claims are being read. */
    this.reading = false;

    this.input = h("input", {
      ...{ type: "search", id: "search", name: "q", value: words, autocomplete: "off", spellcheck: "false" },
    });
    this.status = h("div");
    this.found = h("div", { class: "status", role: "status" });
    this.list = h("ol", { class: "claims" });
    this.pager = h("nav", { class: "pager", "aria-label": "Pages of claims" });
  }

  start() {
    const { main, signal } = this.context;
    const form = h(
      "form",
      { role: "search", class: "search" },
      h("label", { for: "search" }, "Search by prompt, answer, model or id"),
      h("div", { class: "row" }, this.input, h("button", { type: "submit" }, "Search")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    let typing = 0;
    this.input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => this.search(), TYPING_MS);
    });
    signal.addEventListener("abort", () => clearTimeout(typing));
    show(main, "Settled claims", form, this.status, this.found, this.list, this.pager);
    follow(this.context, () => {
      this.update();
      if (this.app.history?.complete) void this.readPrompts(false); // of a search that the address asks for
    });
  }

  /** Begins the search that the field asks for. */
  search() {
    this.page = 1;
    this.query = parse(this.input.value);
    history.replaceState(null, "", routeOf(1, this.input.value));
    this.update();
    void this.readPrompts(false);
  }

  get claims() {
    return this.app.history?.claims ?? [];
  }

  /** Whether what is looked for may be in a prompt. */
  get wantsPrompts() {
    return this.query.kind === "text" || this.query.kind === "ids";
  }

  /** Shows what there is now; cards that stay are left alone. */
  update() {
    fill(this.status, progress(this.app, this.context.reader));
    const claims = this.claims.filter((claim) => this.index.matches(claim, this.query));
    const pages = Math.max(1, Math.ceil(claims.length / PAGE));
    const current = Math.min(this.page, pages);
    fill(this.found, ...this.outcome(claims.length));
    fill(this.pager, ...pagerOf(current, pages, this.input.value));
    const slice = claims.slice((current - 1) * PAGE, current * PAGE);
    if (slice.length === this.shown.length && slice.every((claim, i) => isSame(claim, this.shown[i]))) return;
    this.shown = slice;
    this.list.start = (current - 1) * PAGE + 1;
    fill(this.list, ...slice.map((claim) => cardOf(this.app, claim)));
    void complete(this.app, slice, this.list, this.context.signal);
  }

  /**
   * What was found, and whether more prompts can be searched.
   * @param {number} count
   */
  outcome(count) {
    if (this.query.kind === "all") return [];
    const words = `${several(count, "claim")} found.`;
    const unread = this.wantsPrompts ? this.claims.filter(({ id }) => !this.index.prompts.has(id)).length : 0;
    if (unread === 0) return [words];
    if (this.reading) return [`${words} Reading prompts: ${grouped(unread)} are left …`];
    const more = h("button", { type: "button" }, `Search ${several(unread, "more prompt")}`);
    more.addEventListener("click", () => void this.readPrompts(true));
    return [words, " ", more, " (reads their transactions)"];
  }

  /**
   * Reads the prompts of claims, newest first, so that they can be searched.
   * @param {boolean} all however many there are
   */
  async readPrompts(all) {
    if (!this.wantsPrompts || this.reading) return;
    const unread = this.claims.filter(({ id }) => !this.index.prompts.has(id));
    if (unread.length === 0 || (unread.length > CHUNK && !all)) return;
    this.reading = true;
    try {
      for (let start = 0; start < unread.length && !this.context.signal.aborted; start += CHUNK) {
        this.update();
        await this.indexPrompts(unread.slice(start, start + CHUNK));
        await breathe();
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.reading = false;
      this.update();
      this.found.append(` Prompts could not be read: ${error.message}.`);
      return;
    }
    this.reading = false;
    if (!this.context.signal.aborted) this.update();
  }

  /** @param {readonly Claim[]} claims */
  async indexPrompts(claims) {
    const { calls } = this.app.connection();
    await calls.load(claims);
    for (const claim of claims) {
      const statement = calls.known.get(claim.id)?.statement;
      const prompt = statement && !statement.sealed ? statement.prompt : [];
      const text = (await this.app.vocabulary(claim.modelId))?.textOf(prompt);
      this.index.addPrompt(claim.id, prompt, text ?? null);
    }
  }
}

/**
 * @param {Claim} a
 * @param {Claim} b
 */
const isSame = (a, b) => a.id === b.id && a.block === b.block && a.reward === b.reward;

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
