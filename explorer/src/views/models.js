/** The models of a contract, and the verifiers of each. */

import { keccak256, toHex } from "../bytes.js";
import { srsInWords } from "../check/conclusion.js";
import { codeAt, identityOf } from "../chain/contract.js";
import { RpcError } from "../chain/rpc.js";
import { facts, fill, h, link } from "../dom.js";
import { account, digest, grouped, named, several } from "../format.js";
import { follow, progress, show } from "./parts.js";

/** @typedef {import("./parts.js").Context} Context */
/** @typedef {import("../chain/history.js").Verifier} Verifier */

const UNKNOWN = "A model that this page does not know";

/** @param {Context} context */
export function modelsView(context) {
  const { app, reader, main } = context;
  const status = h("div");
  const list = h("ul", { class: "cards" });
  show(main, "Models", status, list);
  let shown = -1;
  follow(context, () => {
    fill(status, progress(app, reader));
    const models = byModel(app);
    const size = app.history?.entries.length ?? 0;
    if (size === shown) return;
    shown = size;
    fill(list, ...[...models].map(([id, verifiers]) => cardOf(app, id, verifiers)));
    if (!models.size && app.history?.complete) list.append(h("li", {}, "No verifier is registered."));
  });
}

/**
 * Verifiers by model, in the order in which they were registered.
 * @param {import("../app.js").App} app
 */
function byModel(app) {
  /** @type {Map<string, Verifier[]>} */
  const models = new Map();
  for (const verifier of app.history?.verifiers.values() ?? []) {
    models.set(verifier.modelId, [...(models.get(verifier.modelId) ?? []), verifier]);
  }
  return models;
}

/**
 * @param {import("../app.js").App} app
 * @param {string} id
 * @param {readonly Verifier[]} verifiers
 */
function cardOf(app, id, verifiers) {
  const claims = app.history?.claims.filter(({ modelId }) => modelId === id).length ?? 0;
  return h(
    "li",
    { class: "card" },
    h("h2", {}, link(`/model/${id}`, named(app.site.nameOf(id) ?? UNKNOWN))),
    h("p", {}, digest(id)),
    h(
      "p",
      { class: "meta" },
      h("span", {}, several(verifiers.length, "verifier")),
      link(`/?q=${id}`, several(claims, "settled claim")),
    ),
  );
}

/**
 * @param {Context} context
 * @param {string} id
 */
export function modelView(context, id) {
  const { app, reader, main } = context;
  const status = h("div");
  const list = h("ul", { class: "cards" });
  const model = app.site.models.get(id);
  show(
    main,
    model?.name ?? UNKNOWN,
    facts([
      ["model_id", digest(id)],
      [
        "Vocabulary",
        model
          ? `${grouped(model.vocabularySize)} tokens${model.vocabulary ? "" : ", whose bytes this page does not have"}`
          : "not known to this page",
      ],
      ["Claims", link(`/?q=${id}`, "those of this model")],
    ]),
    h("h2", {}, "Verifiers, by length"),
    status,
    list,
  );
  let shown = "";
  follow(context, () => {
    const verifiers = (byModel(app).get(id) ?? []).sort(
      (a, b) => a.N - b.N || a.k - b.k || Number(a.sealed) - Number(b.sealed),
    );
    fill(status, progress(app, reader));
    const state = verifiers.map(({ address, frozen }) => `${address} ${frozen}`).join();
    if (state === shown) return;
    shown = state;
    fill(list, ...verifiers.map((verifier) => verifierCard(context, verifier)));
  });
}

/**
 * @param {Context} context
 * @param {Verifier} verifier
 */
function verifierCard(context, { address, N, k, sealed, frozen }) {
  const details = h("div", {}, h("p", { class: "note" }, "asking the node …"));
  const card = h(
    "li",
    { class: "card verifier", "data-verifier": address },
    h(
      "h3",
      {},
      `Up to ${several(N, "position")}, ${several(k, "certified token")}${sealed ? ", sealed prompts" : ""}`,
    ),
    facts([
      ["Address", account(address)],
      ["State", frozen ? "frozen: it settles nothing any more; what it settled stays" : "active"],
    ]),
    details,
  );
  describe(context, address).then(
    (rows) => fill(details, rows),
    (error) => {
      if (!(error instanceof RpcError)) throw error;
      fill(details, h("p", { class: "problem" }, `The node did not say more: ${error.message}.`));
    },
  );
  return card;
}

/**
 * @param {Context} context
 * @param {string} address
 */
async function describe({ app }, address) {
  const { rpc } = app.connection();
  const [{ verifierId, developmentSrs }, code] = await Promise.all([
    identityOf(rpc, address),
    codeAt(rpc, address),
  ]);
  const known = app.site.keys.get(verifierId);
  const same = known?.codeDigest === toHex(keccak256(code));
  return facts([
    ["VERIFIER_ID", digest(verifierId)],
    ["SRS", srsInWords(known ? known.key.developmentSrs : developmentSrs)],
    [
      "Code",
      known?.codeDigest
        ? h(
            "span",
            { class: same ? "holds" : "fails" },
            same
              ? "what is generated from this page's verifying key, to the byte"
              : "NOT what is generated from this page's verifying key: do not rely on it",
          )
        : "not compared: this page has no digest of it",
    ],
    ["Code's keccak256", digest(toHex(keccak256(code)))],
  ]);
}
