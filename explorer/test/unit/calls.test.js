/** Claim ids, contexts, vocabulary proofs and calldata, on the fixtures of the contracts' tests. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Malformed, concat, equal, fromHex, keccak256, toHex, toWord, utf8 } from "../../src/bytes.js";
import {
  Reader,
  SETTLE,
  SETTLE_MANY,
  settlementsOf,
  settlementsWithin,
  verifyCall,
} from "../../src/chain/abi.js";
import { bitsOf, flipped } from "../../src/check/checks.js";
import { claimIdOf, contextOf, statementOf } from "../../src/protocol/statement.js";
import { Vocabulary, answerText, isOfVocabulary } from "../../src/protocol/vocabulary.js";
import { FIXTURES, read } from "./fixtures.js";

const VERIFIER = fromHex(`0x${"be".repeat(20)}`);

/** @param {number | bigint} x */
const word = (x) => toWord(x);

/**
 * The ABI's encoding of (address, bytes32, uint256[], uint256[], bytes32[], bytes[]).
 * @param {any} fixture
 */
function encoded(fixture) {
  const arrays = [fixture.words, fixture.proof, fixture.siblings].map((list) =>
    concat(word(list.length), ...list.map((/** @type {string} */ x) => fromHex(x))),
  );
  const tokens = fixture.tokens.map((/** @type {string} */ token) => {
    const bytes = fromHex(token);
    return concat(word(bytes.length), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
  });
  let at = 32 * tokens.length;
  const places = tokens.map((/** @type {Uint8Array} */ token) => word((at += token.length) - token.length));
  arrays.push(concat(word(tokens.length), ...places, ...tokens));
  let end = 6 * 32;
  const heads = arrays.map((array) => word((end += array.length) - array.length));
  return concat(new Uint8Array(12), VERIFIER, fromHex(fixture.requestId), ...heads, ...arrays);
}

/** @param {Uint8Array[]} structs */
function many(structs) {
  let at = 32 * structs.length;
  const places = structs.map((struct) => word((at += struct.length) - struct.length));
  return concat(SETTLE_MANY, word(32), word(structs.length), ...places, ...structs);
}

/** Bytes of an id of the fixtures' vocabularies. @param {any} fixture @param {number} id */
const tokenOf = (fixture, id) => {
  const distinct = [...new Set(answerOf(fixture))].sort((a, b) => a - b);
  const place = distinct.indexOf(id);
  return place >= 0 ? fromHex(fixture.tokens[place]) : utf8(`<${id}>`);
};
/** @param {any} fixture @returns {number[]} */
const answerOf = (fixture) => fixture.ids.slice(-fixture.k);

for (const name of Object.keys(FIXTURES)) {
  const fixture = read(`contracts/test/fixtures/${name}.json`);
  const statement = statementOf(fixture.words.map(BigInt), fixture);

  test(`${name}: claim id, context, answer`, () => {
    assert.equal(toHex(claimIdOf(fromHex(fixture.modelId), fixture.k, statement)), fixture.claimId);
    const [contract, sender, request] = [fixture.settlement, fixture.sender, fixture.requestId].map(fromHex);
    assert.equal(toHex(contextOf(BigInt(fixture.chainId), contract, sender, request)), fixture.context);
    assert.deepEqual(statement.answer, answerOf(fixture));
    if (!statement.sealed) assert.deepEqual([...statement.prompt, ...statement.answer], fixture.ids);
  });

  test(`${name}: the answer's tokens are the vocabulary's, and no others are`, () => {
    const [tokens, siblings] = [fixture.tokens.map(fromHex), fixture.siblings.map(fromHex)];
    const root = fromHex(fixture.vocabularyRoot);
    const holds = (
      /** @type {any} */ t,
      /** @type {any} */ s,
      ids = statement.answer,
      size = fixture.vocabularySize,
    ) => isOfVocabulary(root, size, ids, t, s);
    assert.ok(holds(tokens, siblings));
    assert.equal(toHex(answerText(statement.answer, tokens)), fixture.text);
    for (let i = 0; i < tokens.length; i++) {
      assert.ok(!holds(tokens.with(i, concat(tokens[i], Uint8Array.of(0))), siblings));
    }
    for (let i = 0; i < siblings.length; i++) {
      assert.ok(!holds(tokens, siblings.with(i, keccak256(siblings[i]))));
      assert.ok(!holds(tokens, siblings.toSpliced(i, 1)));
    }
    assert.ok(!holds(tokens, [...siblings, new Uint8Array(32)]));
    assert.ok(!holds([...tokens, tokens[0]], siblings));
    assert.ok(!holds(tokens, siblings, [...statement.answer.slice(1), fixture.vocabularySize]));
  });

  test(`${name}: a call is read as it was encoded, alone, with others, and inside of another call`, () => {
    const struct = encoded(fixture);
    const alone = concat(SETTLE, struct);
    for (const data of [alone, many([struct]), many([struct, struct])]) {
      for (const settlement of /** @type {NonNullable<ReturnType<typeof settlementsOf>>} */ (
        settlementsOf(data)
      )) {
        assert.deepEqual(settlement.words, fixture.words.map(BigInt));
        assert.equal(
          toHex(settlement.proof),
          `0x${fixture.proof.map((/** @type {string} */ w) => w.slice(2)).join("")}`,
        );
        assert.deepEqual(settlement.tokens.map(toHex), fixture.tokens);
        assert.deepEqual(settlement.siblings.map(toHex), fixture.siblings);
        assert.equal(toHex(settlement.requestId), fixture.requestId);
        assert.ok(equal(settlement.verifier, VERIFIER));
      }
    }
    const wrapped = concat(utf8("call"), word(7), SETTLE, utf8("no call"), alone, word(1));
    assert.equal(settlementsWithin(wrapped).length, 1);
    assert.equal(settlementsOf(wrapped), null);
    for (let end = 4; end < alone.length - 32; end += 211) {
      assert.throws(() => settlementsOf(alone.subarray(0, end)), /end too early|beyond the data/);
    }
  });
}

test("an id beyond the vocabulary is none of it, even where the tree has a leaf there", () => {
  const leaf = (/** @type {number} */ id) => keccak256(Uint8Array.of(0), toWord(id, 4), utf8("x"));
  const node = (/** @type {Uint8Array} */ a, /** @type {Uint8Array} */ b) =>
    keccak256(Uint8Array.of(1), a, b);
  const root = node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3)));
  const siblings = [leaf(2), node(leaf(0), leaf(1))];
  assert.ok(isOfVocabulary(root, 4, [3], [utf8("x")], siblings));
  assert.ok(!isOfVocabulary(root, 3, [3], [utf8("x")], siblings));
});

test("values that are none of their type are refused", () => {
  const reader = new Reader(concat(toWord(1n << 160n), toWord(2), toWord(65), toWord(1)));
  assert.throws(() => reader.address(0), Malformed);
  assert.throws(() => reader.boolean(32), Malformed);
  assert.throws(() => reader.bytes(64), Malformed);
  assert.throws(() => reader.words(64), Malformed);
  assert.throws(() => reader.word(97), Malformed);
  assert.throws(() => reader.word(-1), Malformed);
  assert.equal(reader.boolean(96), true);
});

test("data of verify are the ABI's encoding", () => {
  const data = verifyCall(keccak256(), [1n, 2n], concat(word(3), word(4), word(5)));
  const reader = new Reader(data.subarray(4));
  assert.equal(
    toHex(data.subarray(0, 4)),
    toHex(keccak256(utf8("verify(bytes32,uint256[],uint256[])")).subarray(0, 4)),
  );
  assert.equal(data.length, 4 + 32 * (3 + 3 + 4));
  assert.deepEqual(
    reader.words(reader.size(32)).map((w) => w.at(-1)),
    [1, 2],
  );
  assert.deepEqual(
    reader.words(reader.size(64)).map((w) => w.at(-1)),
    [3, 4, 5],
  );
});

test("flipping a bit changes that bit of statement and proof, and nothing else", () => {
  const fixture = read("contracts/test/fixtures/multi.json");
  const [settlement] = settlementsOf(concat(SETTLE, encoded(fixture))) ?? assert.fail();
  const data = (/** @type {typeof settlement} */ s) => concat(...s.words.map((w) => toWord(w)), s.proof);
  for (const bit of [
    0,
    7,
    8 * 32 * settlement.words.length - 1,
    8 * 32 * settlement.words.length,
    bitsOf(settlement) - 1,
  ]) {
    const [before, after] = [data(settlement), data(flipped(settlement, bit))];
    const different = [...before.keys()].filter((i) => before[i] !== after[i]);
    assert.deepEqual(different, [bit >> 3]);
    assert.equal(before[bit >> 3] ^ after[bit >> 3], 0x80 >> (bit & 7));
  }
});

test("a packed vocabulary has the root of the contracts' tests, and damaged ones are refused", async () => {
  const fixture = read("contracts/test/fixtures/single.json");
  const size = fixture.vocabularySize;
  const tokens = Array.from({ length: size }, (_, id) => tokenOf(fixture, id));
  const packed = concat(...tokens.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes]));
  const vocabulary = new Vocabulary(packed, size);
  assert.equal(toHex(await vocabulary.root(async () => {})), fixture.vocabularyRoot);
  assert.equal(toHex(vocabulary.textOf([77, 0]) ?? assert.fail()), toHex(utf8(" magic<0>")));
  assert.equal(vocabulary.textOf([size]), null);
  for (const [bytes, count] of /** @type {[Uint8Array, number][]} */ ([
    [packed.subarray(1), size],
    [packed.subarray(0, -1), size],
    [packed, size + 1],
    [packed, size - 1],
    [Uint8Array.of(0x80, 0x80, 0x80, 0x80, 1), 1],
  ])) {
    assert.throws(() => new Vocabulary(bytes, count), /damaged/);
  }
  const long = concat(Uint8Array.of(0xc8, 0x01), new Uint8Array(200).fill(7)); // 200 = 0xc8 0x01 in LEB128
  assert.equal(new Vocabulary(long, 1).bytesOf(0).length, 200);
});
