/** What this page is of, whom it trusts, and the choice of node and contract. */

import { toHex } from "../bytes.js";
import { chainIdOf, initialOwnerOf, ownerOf } from "../chain/contract.js";
import { Rpc, RpcError } from "../chain/rpc.js";
import { settlementAddress } from "../check/checks.js";
import { facts, fill, h } from "../dom.js";
import { account, digest, named } from "../format.js";
import { address } from "../site.js";
import { show } from "./parts.js";

/** @typedef {import("./parts.js").Context} Context */

/** @param {Context} context */
export function aboutView(context) {
  const { app, main } = context;
  const contract = h("div");
  show(
    main,
    "About this page",
    h(
      "p",
      {},
      "It shows what language models were proved to have said. It asks one Ethereum node, and nobody else; everything is computed in your browser. Nothing is stored but your choice below, for this tab.",
    ),
    h(
      "section",
      { "aria-labelledby": "contract" },
      h("h2", { id: "contract" }, "The settlement contract"),
      contract,
    ),
    choiceForm(context),
    h(
      "section",
      { "aria-labelledby": "keys" },
      h("h2", { id: "keys" }, "Verifying keys of this page"),
      app.site.keys.size
        ? h("ul", {}, ...[...app.site.keys.values()].map((known) => keyItem(app, known)))
        : h("p", {}, "None: proofs can be verified here with a key that you give, on a claim's page."),
    ),
    h(
      "p",
      { class: "note" },
      app.site.version
        ? `Exported by zkllm ${app.site.version}.`
        : "This page was exported without any data.",
    ),
  );
  void describe(context, contract);
}

/**
 * @param {import("../app.js").App} app
 * @param {import("../site.js").KnownKey} known
 */
function keyItem(app, { key, given }) {
  const { N, k, sealed } = key.shape;
  const model = app.site.nameOf(toHex(key.modelId)) ?? "an unnamed model";
  return h(
    "li",
    {},
    named(model),
    `, N = ${N}, k = ${k}${sealed ? ", sealed" : ""}${given ? " (given by you)" : ""}: VERIFIER_ID `,
    digest(toHex(key.verifierId)),
  );
}

/**
 * @param {Context} context
 * @param {HTMLElement} place
 */
async function describe({ app, signal }, place) {
  const { site, rpc, contract } = app;
  /** @type {[string, string | HTMLElement | (string | HTMLElement)[]][]} */
  const rows = [
    [
      "Chain",
      site.chainId === null ? "not fixed by this page" : `${site.network} (chain id ${site.chainId})`,
    ],
    ["Address", contract === null ? "none is chosen" : account(contract)],
  ];
  fill(place, facts(rows));
  if (rpc === null || contract === null) return;
  try {
    await app.chainId();
    const [first, owner] = await Promise.all([initialOwnerOf(rpc, contract), ownerOf(rpc, contract)]);
    if (signal.aborted) return;
    const released = toHex(settlementAddress(first)) === contract;
    rows.push(
      ["First owner", account(toHex(first))],
      [
        "Owner",
        owner.some((byte) => byte)
          ? [account(toHex(owner)), ": trusted to register only verifiers that do not lie"]
          : "nobody: no verifier is added or frozen any more",
      ],
      [
        "Code",
        released
          ? "the released contract: its address follows from that code and the first owner"
          : "NOT the contract that this version releases: its address does not follow from that code",
      ],
    );
    fill(place, facts(rows));
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (!signal.aborted)
      place.append(
        h("p", { class: "problem", role: "alert" }, `The node did not say more: ${error.message}.`),
      );
  }
}

/** @param {Context} context */
function choiceForm({ app, reader }) {
  const url = h("input", {
    type: "url",
    id: "rpc",
    placeholder: "https://…",
    value: app.choice.rpcUrl ?? app.site.rpcUrl ?? "",
    autocomplete: "off",
    spellcheck: "false",
  });
  const contract = h("input", {
    type: "text",
    id: "address",
    placeholder: "0x…",
    value: app.contract ?? "",
    autocomplete: "off",
    spellcheck: "false",
  });
  const answer = h("p", { role: "status" });
  const form = h(
    "form",
    { "aria-labelledby": "choice" },
    h("h2", { id: "choice" }, "Your own node"),
    h(
      "p",
      {},
      "The node's word counts for what a proof does not show. Ask one that you trust: your own, or two, one after the other.",
    ),
    h("label", { for: "rpc" }, "URL of the node (JSON-RPC)"),
    url,
    h("label", { for: "address" }, "Settlement contract"),
    contract,
    h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, "Use them")),
    answer,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = address(contract.value.trim());
    if (chosen === null) {
      answer.textContent = "The contract is no address: 0x and 40 hexadecimal digits.";
      return;
    }
    answer.textContent = "Asking the node …";
    try {
      const id = await chainIdOf(new Rpc(url.value.trim()));
      app.choose({ rpcUrl: url.value.trim(), contract: chosen });
      answer.textContent = `The node is on chain ${id}. Reading from it now.`;
      void reader.run();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      answer.textContent = `Not taken: ${error.message}.`;
    }
  });
  return form;
}
