/** The page: reads what was exported with it, connects, and shows the view that the address names. */

import { App } from "./app.js";
import { h, link } from "./dom.js";
import { Malformed } from "./bytes.js";
import { Reader } from "./reader.js";
import { Site, door, readSite } from "./site.js";
import { aboutView } from "./views/about.js";
import { claimView } from "./views/claim.js";
import { claimsView } from "./views/claims.js";
import { modelView, modelsView } from "./views/models.js";
import { isDigest, show } from "./views/parts.js";
import { requestsView } from "./views/requests.js";

/** @typedef {import("./views/parts.js").Context} Context */

Object.defineProperty(globalThis, "zkllmExplorer", { value: door });

const NOWHERE = "The address names nothing that this page shows. What it shows begins with: ";

/** Views by the first part of a route; those of a claim and a model take an id. @type {Readonly<Record<string, (context: Context, id: string) => void>>} */
const VIEWS = {
  "": claimsView,
  claim: claimView,
  models: modelsView,
  model: modelView,
  requests: requestsView,
  about: aboutView,
};
const WITH_ID = ["claim", "model"];

function start() {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  let problem = null;
  let site = new Site(undefined);
  try {
    site = readSite();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    problem = error.message;
  }
  const app = new App(site);
  const reader = new Reader(app);
  let left = new AbortController();

  const route = (/** @type {boolean} */ moved) => {
    left.abort();
    left = new AbortController();
    const [path, query] = location.hash.replace(/^#?\/?/, "").split("?");
    const [name, id = "", ...rest] = path.split("/");
    const context = { app, reader, main, signal: left.signal, parameters: new URLSearchParams(query) };
    for (const link of document.querySelectorAll("header nav a")) {
      if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const view = Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
    const fits = WITH_ID.includes(name) ? isDigest(id) : id === "";
    if (view && fits && !rest.length) view(context, id);
    else show(main, "There is no such page", h("p", {}, NOWHERE, link("/", "Settled claims"), "."));
    if (moved) main.querySelector("h1")?.focus();
    window.scrollTo(0, 0);
  };
  addEventListener("hashchange", () => route(true));
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault(); // the address is the route's
    main.querySelector("h1")?.focus();
  });
  route(false);
  if (problem)
    main.prepend(
      h("p", { class: "problem", role: "alert" }, `data/site.js: ${problem}; export the page again.`),
    );
  if (app.history === null && location.hash === "") location.hash = "/about";
  void reader.run();
}

addEventListener("DOMContentLoaded", start);
