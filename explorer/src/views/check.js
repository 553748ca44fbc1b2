/** "Check it yourself": runs the checks, says what they mean, and lets one see that they can fail. */

import { Malformed } from "../bytes.js";
import { bitsOf, checkByNode, checkProof, checks, flipped, keyOf } from "../check/checks.js";
import { conclude, srsInWords } from "../check/conclusion.js";
import { identityOf } from "../chain/contract.js";
import { RpcError } from "../chain/rpc.js";
import { fill, h } from "../dom.js";
import { grouped, withCommands } from "../format.js";
import { breathe } from "./parts.js";

/** @typedef {import("../check/checks.js").Finding} Finding */
/** @typedef {import("../check/checks.js").Subject} Subject */
/** @typedef {import("../chain/calls.js").SettlingCall} SettlingCall */
/** @typedef {import("./parts.js").Context} Context */

const MARKS = { holds: "✓", fails: "✗", unknown: "–" };
const OUTCOMES = { holds: "holds", fails: "fails", unknown: "not checked" };

/**
 * @param {Context} context
 * @param {import("../chain/abi.js").Claim} claim
 * @param {SettlingCall | null} call
 */
export function checkPanel(context, claim, call) {
  const heading = h("h2", { id: "check" }, "Check it yourself");
  const panel = h("section", { class: "check", "aria-labelledby": "check" }, heading);
  if (call === null) {
    panel.append(
      h(
        "p",
        {},
        "There is nothing to check here: the call that settled this claim, with its proof, is not in the transaction's data.",
      ),
    );
    return panel;
  }
  const findings = h("ol", { class: "findings" });
  const conclusion = h("div", { class: "conclusion", role: "status" });
  const start = h("button", { type: "button", class: "primary" }, "Check this claim");
  const problem = h("p", { class: "problem", role: "alert" });
  panel.append(
    h(
      "p",
      {},
      "The proof is verified here, in your browser, from the transaction's data; then the node is asked what the contracts say.",
    ),
    start,
    problem,
    findings,
    conclusion,
    damagePanel(context, claim, call),
    keyPanel(context, call),
  );
  start.addEventListener("click", async () => {
    start.disabled = true;
    problem.textContent = "";
    fill(findings);
    fill(conclusion);
    try {
      const subject = await subjectOf(context, claim, call);
      /** @type {Finding[]} */
      const all = [];
      for await (const finding of checks(subject, breathe)) {
        if (context.signal.aborted) return;
        all.push(finding);
        findings.append(rowOf(finding));
      }
      const known = await keyOf(context.app, call.verifier, context.app.connection().rpc);
      const said = await developmentOf(context, call, known);
      fill(
        conclusion,
        ...conclusionOf(
          all,
          {
            developmentSrs: known ? known.key.developmentSrs : null,
            givenKey: known?.given ?? false,
            sealed: call.statement.sealed,
          },
          said,
        ),
      );
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      problem.textContent = `The checks were not made: ${error.message}.`;
    } finally {
      start.disabled = false;
    }
  });
  return panel;
}

/**
 * @param {Context} context
 * @param {import("../chain/abi.js").Claim} claim
 * @param {SettlingCall} call
 * @returns {Promise<Subject>}
 */
const subjectOf = async ({ app }, claim, call) => ({
  app,
  claim,
  call,
  chainId: await app.chainId(),
  contract: app.connection().contract,
});

/**
 * What is said of the SRS: by the page's key, else by the verifier contract.
 * @param {Context} context
 * @param {SettlingCall} call
 * @param {import("../site.js").KnownKey | null} known
 */
async function developmentOf({ app }, call, known) {
  if (known) return `The SRS: ${srsInWords(known.key.developmentSrs)}`;
  const { developmentSrs } = await identityOf(app.connection().rpc, call.verifier);
  return `The SRS, as the verifier contract says: ${srsInWords(developmentSrs)}`;
}

/** @param {Finding} finding */
const rowOf = ({ id, title, outcome, words }) =>
  h(
    "li",
    { class: `finding ${outcome}`, "data-check": id },
    h("span", { class: "mark", "aria-hidden": "true" }, MARKS[outcome]),
    h(
      "div",
      {},
      h("strong", {}, title),
      h("span", { class: "outcome" }, `: ${OUTCOMES[outcome]}`),
      h("p", {}, withCommands(words)),
    ),
  );

/**
 * @param {readonly Finding[]} findings
 * @param {Parameters<typeof conclude>[1]} facts
 * @param {string} srs
 */
function conclusionOf(findings, facts, srs) {
  const { verdict, headline, known, trusted } = conclude(findings, facts);
  return [
    h("p", { class: `verdict ${verdict}`, "data-verdict": verdict }, headline),
    h("p", { class: "srs" }, srs),
    h("h3", {}, "What is known now"),
    known.length
      ? h("ul", {}, ...known.map((text) => h("li", {}, withCommands(text))))
      : h("p", {}, "Nothing."),
    h("h3", {}, "What is trusted all the same"),
    h("ul", {}, ...trusted.map((text) => h("li", {}, withCommands(text)))),
  ];
}

/**
 * Flips a bit of the call's data and checks again.
 * @param {Context} context
 * @param {import("../chain/abi.js").Claim} claim
 * @param {SettlingCall} call
 */
function damagePanel(context, claim, call) {
  const bits = bitsOf(call.settlement);
  const input = h("input", {
    type: "number",
    id: "bit",
    min: 0,
    max: bits - 1,
    step: 1,
    value: Math.floor(Math.random() * bits),
  });
  const results = h("ol", { class: "findings" });
  const verdict = h("p", { role: "status", class: "refused" });
  const button = h("button", { type: "submit" }, "Flip it, and check again");
  const form = h(
    "form",
    { class: "damage" },
    h("label", { for: "bit" }, `One of the ${grouped(bits)} bits of statement and proof`),
    h("div", { class: "row" }, input, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const bit = input.valueAsNumber;
    if (!Number.isInteger(bit) || bit < 0 || bit >= bits) return;
    button.disabled = true;
    fill(results);
    verdict.textContent = "";
    try {
      const subject = await subjectOf(context, claim, call);
      const damaged = flipped(call.settlement, bit);
      const found = [await checkProof(subject, damaged), await checkByNode(subject, damaged)];
      fill(results, ...found.map(rowOf));
      verdict.textContent = damageVerdict(found.map(({ outcome }) => outcome));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      verdict.textContent = `Not checked: ${error.message}.`;
    } finally {
      button.disabled = false;
    }
  });
  return h(
    "details",
    {},
    h("summary", {}, "See a forged proof fail"),
    h(
      "p",
      {},
      "A check that cannot fail checks nothing. Change one bit of what was proved, or of the proof:",
    ),
    form,
    results,
    verdict,
  );
}

/** @param {readonly import("../check/checks.js").Outcome[]} outcomes */
function damageVerdict(outcomes) {
  if (outcomes.includes("holds"))
    return "A FORGED PROOF WAS ACCEPTED: do not rely on this page, this key or this verifier.";
  return outcomes.includes("fails") ? "The forged proof is refused." : "Not checked.";
}

/**
 * Takes a verifying key that the page does not have.
 * @param {Context} context
 * @param {SettlingCall} call
 */
function keyPanel({ app }, call) {
  const answer = h("p", { role: "status" });
  const input = h("input", { type: "file", id: "key", accept: ".json,application/json" });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    try {
      const key = app.site.addKey(JSON.parse(await file.text()), null, true);
      const known = await keyOf(app, call.verifier, app.connection().rpc);
      answer.textContent =
        known?.key === key
          ? "This is the key that the verifier names. Check the claim now."
          : known
            ? "The page has the verifier's key already."
            : "This is the key of another verifier.";
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof SyntaxError || error instanceof RpcError))
        throw error;
      answer.textContent = `Not taken: ${error.message}.`;
    }
  });
  return h(
    "details",
    {},
    h("summary", {}, "Use a verifying key of your own"),
    h(
      "p",
      {},
      withCommands("zkllm setup, zkllm prove and zkllm key write one (vk.json). It stays in this tab."),
    ),
    h("label", { for: "key" }, "Verifying key (vk.json)"),
    h("div", { class: "row" }, input),
    answer,
  );
}
