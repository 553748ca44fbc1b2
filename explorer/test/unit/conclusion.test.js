/** What is said after the checks: never more than they have shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { TITLES } from "../../src/check/checks.js";
import { conclude } from "../../src/check/conclusion.js";
import { utf8 } from "../../src/bytes.js";
import { Index, parse } from "../../src/search.js";

/** @typedef {import("../../src/check/checks.js").Finding} Finding */
const IDS = /** @type {import("../../src/check/checks.js").CheckId[]} */ (Object.keys(TITLES));
/** @param {Partial<Record<string, Finding["outcome"]>>} changed @returns {Finding[]} */
const findings = (changed = {}) =>
  IDS.map((id) => ({ id, title: TITLES[id], outcome: changed[id] ?? "holds", words: "" }));
const CEREMONY = { developmentSrs: false, givenKey: false, sealed: false };

test("only a proof that this page verified, under a ceremony's SRS, proves", () => {
  assert.equal(conclude(findings(), CEREMONY).verdict, "proved");
  assert.match(conclude(findings(), CEREMONY).known[0], /The model answers this prompt/);
  assert.equal(conclude(findings({ proof: "unknown" }), CEREMONY).verdict, "open");
  for (const developmentSrs of [true, null]) {
    const { verdict, known } = conclude(findings(), { ...CEREMONY, developmentSrs });
    assert.equal(verdict, "forgeable");
    assert.ok(!known.some((text) => text.startsWith("The model answers")));
  }
});

test("one check that fails is enough to say so", () => {
  for (const id of IDS) {
    const { verdict, headline } = conclude(findings({ [id]: "fails" }), CEREMONY);
    assert.equal(verdict, "wrong");
    assert.ok(headline.includes(TITLES[id]));
  }
});

test("what was not checked is not said to be known", () => {
  for (const id of IDS.filter((name) => name !== "call" && name !== "stored" && name !== "call-verify")) {
    const all = conclude(findings(), CEREMONY).known.length;
    assert.ok(conclude(findings({ [id]: "unknown" }), CEREMONY).known.length < all || id === "proof", id);
  }
  const none = conclude(findings(Object.fromEntries(IDS.map((id) => [id, "unknown"]))), CEREMONY);
  assert.deepEqual([none.verdict, none.known], ["open", []]);
});

test("whose word is relied on is said", () => {
  const trusted = (/** @type {any} */ changed, facts = CEREMONY) =>
    conclude(findings(changed), facts).trusted.join(" ");
  assert.match(trusted({}), /The node, for what is said above/);
  assert.doesNotMatch(
    trusted({ stored: "unknown", "call-verify": "unknown", "verifier-code": "unknown" }),
    /The node, for/,
  );
  assert.match(trusted({}, { ...CEREMONY, givenKey: true }), /key that you gave/);
});

test("searching by id, ids and text", () => {
  const index = new Index((id) => (id === `0x${"22".repeat(32)}` ? "Demo" : null));
  const claim = {
    ...{
      id: `0x${"11".repeat(32)}`,
      modelId: `0x${"22".repeat(32)}`,
      settler: `0x${"33".repeat(20)}`,
      requestId: null,
    },
    ...{
      promptDigest: `0x${"44".repeat(32)}`,
      text: utf8(" Magic"),
      block: 1,
      index: 0,
      transaction: `0x${"55".repeat(32)}`,
      reward: 0n,
    },
  };
  const finds = (/** @type {string} */ text) => index.matches(claim, parse(text));
  for (const text of [
    "",
    " ",
    "0x1111",
    `0x${"11".repeat(32)}`,
    "0x2222",
    "0x3333",
    "0x5555",
    "magic",
    "DEMO",
  ])
    assert.ok(finds(text), text);
  for (const text of ["0x6666", "science", "1,2,3", "upon"]) assert.ok(!finds(text), text);
  index.addPrompt(claim.id, [1, 2], utf8("Once upon a"));
  assert.ok(finds("Upon A"));
  assert.equal(parse("1, 2,3").kind, "ids");
  assert.equal(parse("12").kind, "text");
});
