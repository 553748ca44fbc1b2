/** The verifier on the vectors that the Python verifier was run on: honest proofs and damaged ones. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Malformed, concat, fromHex, toHex, toWord } from "../../src/bytes.js";
import { R } from "../../src/protocol/field.js";
import { VerifyingKey } from "../../src/protocol/key.js";
import { Refused } from "../../src/protocol/refused.js";
import { verify } from "../../src/protocol/verify.js";
import { FIXTURES, ROOT, read } from "./fixtures.js";

/** @param {string} text */
const hex = (text) => fromHex(`0x${text}`);

for (const file of readdirSync(new URL("tests/vectors/outer", ROOT))) {
  const vector = read(`tests/vectors/outer/${file}`);
  const key = new VerifyingKey(vector.vk);
  /** @param {{ words?: string[], context?: string, body: Uint8Array }} input */
  const run = ({ words = vector.words, context = vector.context, body }) =>
    verify(
      key,
      hex(context),
      words.map((/** @type {string} */ w) => BigInt(`0x${w}`)),
      body,
    );

  test(`${file}: the key's digest and the honest proof`, () => {
    assert.equal(toHex(key.verifierId), `0x${vector.verifier_id}`);
    assert.equal(toHex(toWord(key.domain.root)), `0x${vector.domain_root}`);
    run({ body: hex(vector.body) });
  });

  test(`${file}: damaged proofs are refused by the check that Python names`, () => {
    for (const bad of vector.invalid) {
      const body = hex(vector.body);
      if (bad.bytes !== undefined) body.set(hex(bad.bytes), bad.offset);
      assert.throws(
        () => run({ ...bad, body: bad.body === undefined ? body : hex(bad.body) }),
        (error) => error instanceof Refused && error.check === bad.check,
        `${bad.name}: ${bad.check}`,
      );
    }
  });
}

for (const [name, shape] of Object.entries(FIXTURES)) {
  const fixture = read(`contracts/test/fixtures/${name}.json`);
  const key = new VerifyingKey(read(`contracts/test/fixtures/${shape}.vk.json`));
  const words = fixture.words.map(BigInt);
  const body = concat(...fixture.proof.map(fromHex));
  const context = fromHex(fixture.context);

  test(`${name}: the proof of the contracts' tests, and single bits of it flipped`, () => {
    verify(key, context, words, body);
    for (let bit = 0; bit < 8 * body.length; bit += 997) {
      const flipped = body.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      assert.throws(() => verify(key, context, words, flipped), Refused, `bit ${bit}`);
    }
  });

  test(`${name}: no other context, statement or key will do`, () => {
    const other = context.slice();
    other[31] ^= 1;
    assert.throws(() => verify(key, other, words, body), Refused);
    assert.throws(() => verify(key, context.subarray(1), words, body), /context/);
    for (let i = 0; i < words.length; i++) {
      const changed = words.map((/** @type {bigint} */ w, /** @type {number} */ j) =>
        i === j ? w ^ (1n << 24n) : w,
      );
      assert.throws(() => verify(key, context, changed, body), Refused);
    }
    const model = `${"ab".repeat(32)}`;
    const foreign = new VerifyingKey({
      ...read(`contracts/test/fixtures/${shape}.vk.json`),
      model_id: model,
    });
    assert.throws(() => verify(foreign, context, words, body), Refused);
  });
}

/**
 * The words with a limb replaced: limb 0 is T, limb 1 + i is x_i.
 * @param {bigint[]} words
 * @param {number} limb
 * @param {number} value
 */
const withLimb = (words, limb, value) =>
  words.map((word, i) => {
    if (i !== Math.floor(limb / 10)) return word;
    const shift = 24n * BigInt(9 - (limb % 10));
    return (word & ~(0xffffffn << shift)) | (BigInt(value) << shift);
  });

test("a statement outside of the shape is refused as such, whatever the proof", () => {
  /** @param {string} name @param {string} why @param {(words: bigint[], fixture: any) => bigint[]} change */
  const refused = (name, why, change) => {
    const fixture = read(`contracts/test/fixtures/${name}.json`);
    const key = new VerifyingKey(read(`contracts/test/fixtures/${name}.vk.json`));
    const words = change(fixture.words.map(BigInt), fixture);
    assert.notDeepEqual(words, fixture.words.map(BigInt));
    assert.throws(
      () => verify(key, fromHex(fixture.context), words, concat(...fixture.proof.map(fromHex))),
      (error) => error instanceof Refused && error.check === "statement" && error.message.includes(why),
    );
  };
  refused("single", "vocabulary", (words, { vocabularySize }) => withLimb(words, 3, vocabularySize));
  refused("sealed", "vocabulary", ([P, ...rest], { vocabularySize }) => [
    P,
    ...withLimb(rest, 0, vocabularySize),
  ]);
  refused("multi", "pad id", (words, { ids }) => withLimb(words, 1 + ids.length, 1)); // behind x_T
  refused("multi", "T = 2", (words, { k }) => withLimb(words, 0, k - 1));
  refused("multi", "T = 41", (words, { N }) => withLimb(words, 0, N + 1));
  refused("sealed", "below r", ([P, ...rest]) => [P + R, ...rest]);
});

test("a key is refused where a field of it is out of range, or no point", () => {
  const good = read("contracts/test/fixtures/single.vk.json");
  const notOfTheGroup = `${"00".repeat(31)}01`.repeat(4);
  const bad = [
    { N: 0 },
    { k: 17 },
    { N: "16" },
    { num_words: 3 },
    { pad_id: good.vocab_size },
    { b_log2: good.mu },
    { n_log2: 2 },
    { num_witness_columns: 0 },
    { fixed_commitments: [] },
    { version: 1 },
    { sealed: 1 },
    { srs_kind: "mine" },
    { srs_kind: "ceremony" }, // whose tau is the development's
    { c0: `${"00".repeat(31)}01`.repeat(2) },
    { c0: "ff".repeat(64) },
    { g2_tau: "00".repeat(128) },
    { g2_tau: notOfTheGroup },
    { model_id: "00" },
  ];
  for (const change of bad) {
    assert.throws(() => new VerifyingKey({ ...good, ...change }), Malformed, JSON.stringify(change));
  }
  for (const nothing of [null, [], "key", 3]) assert.throws(() => new VerifyingKey(nothing), Malformed);
});
