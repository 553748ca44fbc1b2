/** Each check of a claim: holds on what is so, fails on the one lie that it is for, stays open where nobody says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, keccak256, toHex, toWord, utf8 } from "../../src/bytes.js";
import { selector } from "../../src/chain/abi.js";
import { RpcError } from "../../src/chain/rpc.js";
import { checkByNode, checkProof, checks, flipped, settlementAddress } from "../../src/check/checks.js";
import { statementOf } from "../../src/protocol/statement.js";
import { Vocabulary } from "../../src/protocol/vocabulary.js";
import { Site } from "../../src/site.js";
import { read } from "./fixtures.js";

const VERIFIER = `0x${"be".repeat(20)}`;
const CODE = utf8("code of the verifier");
/** @param {string} signature */
const named = (signature) => toHex(selector(signature));
/** @param {Uint8Array} bytes */
const dynamic = (bytes) =>
  concat(toWord(32), toWord(bytes.length), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));

/**
 * A claim of the contracts' fixtures, and a chain that says of it what is so. `answers`: by selector, or method.
 * @param {string} name
 */
function scene(name) {
  const fixture = read(`contracts/test/fixtures/${name}.json`);
  const key = read(`contracts/test/fixtures/${name}.vk.json`);
  const words = fixture.words.map(BigInt);
  const statement = statementOf(words, fixture);
  const parameters = { modelId: fixture.modelId, N: fixture.N, k: fixture.k, sealed: fixture.sealed };
  const digest = statement.sealed
    ? toHex(toWord(statement.sealedPrompt))
    : toHex(keccak256(...statement.prompt.map((id) => toWord(id))));
  /** @type {Record<string, Uint8Array | (() => Uint8Array)>} */
  const answers = {
    [named("VERIFIER_ID()")]: fromHex(fixture.verifierId),
    [named("DEVELOPMENT_SRS()")]: toWord(1),
    [named("parameters()")]: concat(
      ...[fixture.modelId, fixture.vocabularyRoot].map(fromHex),
      ...[fixture.vocabularySize, fixture.N, fixture.k, Number(fixture.sealed)].map((x) => toWord(x)),
    ),
    [named("isSettled(bytes32)")]: toWord(1),
    [named("tokensOf(bytes32)")]: concat(
      toWord(32),
      toWord(fixture.k),
      ...statement.answer.map((id) => toWord(id)),
    ),
    [named("textOf(bytes32)")]: dynamic(fromHex(fixture.text)),
    [named("verify(bytes32,uint256[],uint256[])")]: new Uint8Array(),
    [named("INITIAL_OWNER()")]: toWord(7),
    eth_getCode: CODE,
  };
  const rpc = {
    /** @param {string} method @param {any} call */
    async ask(method, call) {
      const answer = answers[method === "eth_call" ? call.data.slice(0, 10) : method];
      return toHex(typeof answer === "function" ? answer() : answer);
    },
  };
  const special = Object.fromEntries(
    [...new Set(statement.answer)].sort((a, b) => a - b).map((id, i) => [id, fromHex(fixture.tokens[i])]),
  );
  const tokens = Array.from({ length: fixture.vocabularySize }, (_, id) => special[id] ?? utf8(`<${id}>`));
  const vocabulary = new Vocabulary(
    concat(...tokens.flatMap((t) => [Uint8Array.of(t.length), t])),
    tokens.length,
  );
  const verifiers = [{ key, code_digest: toHex(keccak256(CODE)) }];
  const models = [
    { model_id: fixture.modelId, name: "toy", vocabulary: null, vocabulary_size: 1, verifiers },
  ];
  const app = {
    site: new Site({ models }),
    connection: () => ({ rpc }),
    vocabulary: async () => /** @type {Vocabulary | null} */ (vocabulary),
  };
  const claim = {
    ...{ id: fixture.claimId, modelId: fixture.modelId, settler: fixture.sender, promptDigest: digest },
    ...{ text: fromHex(fixture.text), block: 1, index: 0, transaction: "", requestId: null, reward: 0n },
  };
  const settlement = {
    ...{ verifier: fromHex(VERIFIER), requestId: fromHex(fixture.requestId), words },
    ...{ proof: concat(...fixture.proof.map(fromHex)) },
    ...{ siblings: fixture.siblings.map(fromHex), tokens: fixture.tokens.map(fromHex) },
  };
  const call = { settlement, parameters, statement, verifier: VERIFIER, direct: true, together: 1 };
  const subject = /** @type {any} */ ({
    app,
    claim,
    call,
    chainId: fixture.chainId,
    contract: fixture.settlement,
  });
  return { fixture, answers, subject, app };
}

/** @param {any} subject */
async function outcomes(subject) {
  /** @type {Record<string, string>} */
  const found = {};
  for await (const { id, outcome } of checks(subject, async () => {})) found[id] = outcome;
  return found;
}

/** Of the fixtures' contract, whose address follows from no code. */
const SO = {
  ...{ call: "holds", proof: "holds", tokens: "holds", prompt: "holds", stored: "holds" },
  ...{ "call-verify": "holds", "verifier-code": "holds", "settlement-code": "fails" },
};

test("what is so holds", async () => {
  assert.deepEqual(await outcomes(scene("single").subject), SO);
  assert.deepEqual(await outcomes(scene("sealed").subject), { ...SO, prompt: "unknown" });
});

/** @type {Record<string, [string, (scene: ReturnType<typeof scene>) => void]>} what is false -> the check, the lie */
const LIES = {
  "the announced prompt": ["call", ({ subject }) => (subject.claim.promptDigest = toHex(toWord(1)))],
  "the announced model": ["call", ({ subject }) => (subject.claim.modelId = toHex(toWord(1)))],
  "the model of the proof": ["proof", ({ subject }) => (subject.claim.modelId = toHex(toWord(1)))],
  "the chain": ["proof", ({ subject }) => (subject.chainId = 1)],
  "the contract": ["proof", ({ subject }) => (subject.contract = VERIFIER)],
  "the sender": ["proof", ({ subject }) => (subject.claim.settler = VERIFIER)],
  "the request": ["proof", ({ subject }) => (subject.call.settlement.requestId = toWord(1))],
  "a bit of the proof": [
    "proof",
    ({ subject }) => (subject.call.settlement = flipped(subject.call.settlement, 5000)),
  ],
  "the shape": ["proof", ({ subject }) => (subject.call.parameters.N = 17)],
  "the answer's bytes": ["tokens", ({ subject }) => (subject.call.settlement.tokens = [utf8(" other")])],
  "the answer's bytes, announced too": [
    "tokens",
    ({ subject }) => {
      subject.call.settlement.tokens = [utf8(" other")];
      subject.claim.text = utf8(" other");
    },
  ],
  "the announced text": ["tokens", ({ subject }) => (subject.claim.text = utf8(" other"))],
  "the vocabulary": [
    "prompt",
    ({ app }) => (app.vocabulary = async () => new Vocabulary(Uint8Array.of(1, 65, 1, 66), 2)),
  ],
  "that it is settled": ["stored", ({ answers }) => (answers[named("isSettled(bytes32)")] = toWord(0))],
  "the stored ids": [
    "stored",
    ({ answers }) => (answers[named("tokensOf(bytes32)")] = concat(toWord(32), toWord(1), toWord(5))),
  ],
  "the stored text": [
    "stored",
    ({ answers }) => (answers[named("textOf(bytes32)")] = dynamic(utf8(" other"))),
  ],
  "the verifier's word": [
    "call-verify",
    ({ answers }) =>
      (answers[named("verify(bytes32,uint256[],uint256[])")] = () => {
        throw new RpcError("reverted", named("PairingFailed()"), true);
      }),
  ],
  "the verifier's code": ["verifier-code", ({ answers }) => (answers.eth_getCode = utf8("other code"))],
};

for (const [what, [id, lie]] of Object.entries(LIES)) {
  test(`a lie about ${what} fails the check that is for it`, async () => {
    const made = scene("single");
    lie(made);
    assert.equal((await outcomes(made.subject))[id], "fails");
  });
}

test("a lie of the vocabulary's root is no use where the page has the key", async () => {
  const made = scene("single");
  made.answers[named("parameters()")] = concat(...Array.from({ length: 6 }, () => toWord(1)));
  assert.deepEqual(await outcomes(made.subject), SO);
});

test("what nobody says stays open", async () => {
  const silent = () => {
    throw new RpcError("the node does not answer");
  };
  const made = scene("single");
  for (const name of Object.keys(made.answers)) {
    if (name !== named("VERIFIER_ID()") && name !== named("DEVELOPMENT_SRS()")) made.answers[name] = silent;
  }
  const open = {
    stored: "unknown",
    "call-verify": "unknown",
    "verifier-code": "unknown",
    "settlement-code": "unknown",
  };
  assert.deepEqual(await outcomes(made.subject), { ...SO, ...open });
  const keyless = scene("single");
  keyless.app.site = new Site({});
  keyless.app.vocabulary = async () => null;
  const few = { proof: "unknown", prompt: "unknown", "verifier-code": "unknown" };
  assert.deepEqual(await outcomes(keyless.subject), { ...SO, ...few });
});

test("what is malformed fails", async () => {
  const made = scene("single");
  made.answers[named("tokensOf(bytes32)")] = toWord(1n << 200n);
  assert.equal((await outcomes(made.subject)).stored, "fails");
});

test("an error without data is no verdict of the verifier", async () => {
  const made = scene("single");
  made.answers[named("verify(bytes32,uint256[],uint256[])")] = () => {
    throw new RpcError("header not found", null, true);
  };
  assert.equal((await outcomes(made.subject))["call-verify"], "unknown");
});

test("the contract of the released code holds, with its first owner alone", async () => {
  const made = scene("single");
  const owner = toWord(7).subarray(12);
  made.subject.contract = toHex(settlementAddress(owner));
  assert.equal((await outcomes(made.subject))["settlement-code"], "holds");
  made.answers[named("INITIAL_OWNER()")] = toWord(8);
  assert.equal((await outcomes(made.subject))["settlement-code"], "fails");
});

test("a flipped bit is refused in the page and told to the verifier", async () => {
  const { subject, answers } = scene("single");
  const sent = named("verify(bytes32,uint256[],uint256[])");
  for (const bit of [3, 300, 2000]) {
    const damaged = flipped(subject.call.settlement, bit);
    assert.equal((await checkProof(subject, damaged)).outcome, "fails");
    answers[sent] = () => {
      throw new RpcError("reverted", named("InverseMismatch()"), true);
    };
    const { outcome, words } = await checkByNode(subject, damaged);
    assert.deepEqual([outcome, words.includes("InverseMismatch")], ["fails", true]);
  }
});
