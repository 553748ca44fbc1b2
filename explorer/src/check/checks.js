/**
 * "Check it yourself": each check of a settled claim, one after the other. Some are made in the page from the call's
 * data alone, others rest on the node's word; `conclude` says which is which.
 */

import { Malformed, concat, equal, fromHex, keccak256, toHex, toInteger, toWord } from "../bytes.js";
import { verifyCall } from "../chain/abi.js";
import {
  codeAt,
  goesThrough,
  identityOf,
  initialOwnerOf,
  parametersOf,
  storedAnswer,
} from "../chain/contract.js";
import { RpcError } from "../chain/rpc.js";
import { SETTLEMENT_CREATION } from "../generated/settlement.js";
import { Refused } from "../protocol/refused.js";
import { contextOf, promptDigest } from "../protocol/statement.js";
import { verify } from "../protocol/verify.js";
import { answerText, isOfVocabulary } from "../protocol/vocabulary.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../chain/abi.js").Claim} Claim */
/** @typedef {import("../chain/abi.js").Settlement} Settlement */
/** @typedef {import("../chain/calls.js").SettlingCall} SettlingCall */
/** @typedef {"call" | "proof" | "tokens" | "prompt" | "stored" | "call-verify" | "verifier-code" | "settlement-code"} CheckId */
/** @typedef {"holds" | "fails" | "unknown"} Outcome */
/** @typedef {{ id: CheckId, title: string, outcome: Outcome, words: string }} Finding */

/** @type {Readonly<Record<CheckId, string>>} */
export const TITLES = {
  call: "The call's data are this claim's",
  proof: "The proof, verified in this page",
  tokens: "The answer's text, by the vocabulary's tree",
  prompt: "The prompt's text, by the whole vocabulary",
  stored: "What the contract stores",
  "call-verify": "The verifier contract, asked through the node",
  "verifier-code": "The verifier's code",
  "settlement-code": "The settlement contract's code",
};

const PROXY = fromHex("0x4e59b44847b379578588920ca78fbf26c0b4956c"); // of deterministic deployment, EIP-1014
const PROOF_CHECKS = /** @type {Readonly<Record<string, string>>} */ ({
  inverse: "the proof was made for another statement, context or model, or it was changed",
  pairing: "the pairing equation does not hold",
  "canonical scalar": "a number of the proof is out of range",
  "canonical point": "a commitment of the proof is out of range",
  "point on curve": "a commitment of the proof is not a point of the curve",
  statement: "the statement is not one of this shape",
  length: "the proof has another length",
});

/**
 * The subject of the checks: a claim, the call that settled it, and where.
 * @typedef {{ app: App, claim: Claim, call: SettlingCall, chainId: number, contract: string }} Subject
 */

/**
 * All checks in order, each finding as soon as it is there.
 * @param {Subject} subject
 * @param {() => Promise<void>} pause gives way to the browser
 * @returns {AsyncGenerator<Finding>}
 */
export async function* checks(subject, pause) {
  /** @type {[CheckId, () => Finding | Promise<Finding>][]} */
  const list = [
    ["call", () => checkCall(subject)],
    ["proof", () => checkProof(subject, subject.call.settlement)],
    ["tokens", () => checkTokens(subject)],
    ["prompt", () => checkPrompt(subject, pause)],
    ["stored", () => checkStored(subject)],
    ["call-verify", () => checkByNode(subject, subject.call.settlement)],
    ["verifier-code", () => checkVerifierCode(subject)],
    ["settlement-code", () => checkSettlementCode(subject)],
  ];
  for (const [id, check] of list) {
    await pause();
    yield await guarded(id, check);
  }
}

/**
 * What goes wrong with the node leaves a check open; what is malformed fails it.
 * @param {CheckId} id
 * @param {() => Finding | Promise<Finding>} check
 */
async function guarded(id, check) {
  try {
    return await check();
  } catch (error) {
    if (error instanceof RpcError) return finding(id, "unknown", `not checked: ${error.message}`);
    if (error instanceof Malformed || error instanceof Refused) return finding(id, "fails", error.message);
    throw error;
  }
}

/**
 * @param {CheckId} id
 * @param {Outcome} outcome
 * @param {string} words
 * @returns {Finding}
 */
const finding = (id, outcome, words) => ({ id, title: TITLES[id], outcome, words });

/** @param {Subject} subject */
function checkCall({ claim, call }) {
  // `Calls` found the call by the claim's id, computed from its model, prompt and length
  const { statement } = call;
  const digest = statement.sealed ? toWord(statement.sealedPrompt) : promptDigest(statement.prompt);
  if (call.parameters.modelId !== claim.modelId || toHex(digest) !== claim.promptDigest) {
    return finding("call", "fails", "the announcement names another model or prompt than the call");
  }
  const how = call.direct ? "" : " It was called by another contract, and found among that call's data.";
  return finding(
    "call",
    "holds",
    `The claim's id is the digest of the model, the prompt and the answer's length in the call's data.${how}`,
  );
}

/**
 * @param {Subject} subject
 * @param {Settlement} settlement
 */
export async function checkProof({ app, claim, call, chainId, contract }, settlement) {
  const { rpc } = app.connection();
  const known = await keyOf(app, call.verifier, rpc);
  if (known === null) {
    return finding(
      "proof",
      "unknown",
      "This page has no verifying key of the verifier that settled the claim. Give its vk.json below.",
    );
  }
  const { key } = known;
  const { N, k, sealed } = call.parameters;
  if (
    toHex(key.modelId) !== claim.modelId ||
    key.shape.N !== N ||
    key.shape.k !== k ||
    key.shape.sealed !== sealed
  ) {
    return finding("proof", "fails", "The verifier names a key of another model or shape.");
  }
  const started = performance.now();
  try {
    verify(key, contextFor({ claim, chainId, contract }, settlement), settlement.words, settlement.proof);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return finding(
      "proof",
      "fails",
      `Refused: ${PROOF_CHECKS[error.check] ?? error.check} (${error.message}).`,
    );
  }
  const taken = Math.round(performance.now() - started);
  const whose = known.given ? "the key that you gave" : "the key of this page";
  return finding(
    "proof",
    "holds",
    `Accepted in ${taken} ms under ${whose}, for this chain, contract, sender and request.`,
  );
}

/**
 * @param {Pick<Subject, "claim" | "chainId" | "contract">} where
 * @param {Settlement} settlement
 */
const contextFor = ({ claim, chainId, contract }, settlement) =>
  contextOf(BigInt(chainId), fromHex(contract), fromHex(claim.settler), settlement.requestId);

/**
 * The page's key with the VERIFIER_ID that a verifier names; null where it has none.
 * @param {App} app
 * @param {string} verifier
 * @param {import("../chain/rpc.js").Rpc} rpc
 */
export async function keyOf(app, verifier, rpc) {
  const { verifierId } = await identityOf(rpc, verifier);
  return app.site.keys.get(verifierId) ?? null;
}

/** @param {Subject} subject */
async function checkTokens({ app, claim, call }) {
  const { answer } = call.statement;
  const { tokens, siblings } = call.settlement;
  const { rpc } = app.connection();
  const known = await keyOf(app, call.verifier, rpc);
  const said = known
    ? { root: known.key.vocabularyRoot, size: known.key.vocabularySize }
    : await parametersOf(rpc, call.verifier).then((p) => ({
        root: p.vocabularyRoot,
        size: p.vocabularySize,
      }));
  if (!isOfVocabulary(said.root, said.size, answer, tokens, siblings)) {
    return finding(
      "tokens",
      "fails",
      "The bytes in the call are not those of the answer's ids in the vocabulary.",
    );
  }
  if (!equal(answerText(answer, tokens), claim.text)) {
    return finding("tokens", "fails", "The announced text is not that of the answer's ids.");
  }
  const whose = known ? "to which the verifying key commits" : "that the verifier contract names";
  return finding(
    "tokens",
    "holds",
    `The bytes shown are those of the token ${answer.length === 1 ? "id" : "ids"} ${answer.join(", ")} under the vocabulary root ${whose}.`,
  );
}

/**
 * @param {Subject} subject
 * @param {() => Promise<void>} pause
 */
async function checkPrompt({ app, claim, call }, pause) {
  if (call.statement.sealed) {
    return finding(
      "prompt",
      "unknown",
      "The prompt is sealed: only who has its salt can tell which it is (zkllm settle show).",
    );
  }
  const vocabulary = await app.vocabulary(claim.modelId);
  if (vocabulary === null) {
    return finding(
      "prompt",
      "unknown",
      "This page does not have the model's vocabulary: only the prompt's ids are known.",
    );
  }
  const known = await keyOf(app, call.verifier, app.connection().rpc);
  const root =
    known?.key.vocabularyRoot ?? (await parametersOf(app.connection().rpc, call.verifier)).vocabularyRoot;
  if (!equal(await vocabulary.root(pause), root)) {
    return finding(
      "prompt",
      "fails",
      "This page's vocabulary is not the one to which the verifier commits: do not believe the prompt's text.",
    );
  }
  return finding(
    "prompt",
    "holds",
    `The tree over all ${vocabulary.size} tokens of this page has the verifier's vocabulary root.`,
  );
}

/** @param {Subject} subject */
async function checkStored({ app, claim, call, contract }) {
  const stored = await storedAnswer(app.connection().rpc, contract, claim.id);
  if (stored === null)
    return finding("stored", "fails", "The node says that the contract has no such claim.");
  const { answer } = call.statement;
  const same = stored.ids.length === answer.length && stored.ids.every((id, i) => id === answer[i]);
  if (!same || !equal(stored.text, claim.text)) {
    return finding("stored", "fails", "The contract stores another answer than the call's.");
  }
  return finding("stored", "holds", "The node says that the claim is settled with this answer.");
}

/**
 * @param {Subject} subject
 * @param {Settlement} settlement
 */
export async function checkByNode(subject, settlement) {
  const { app, call } = subject;
  const data = verifyCall(contextFor(subject, settlement), settlement.words, settlement.proof);
  const { reverted, data: error } = await goesThrough(app.connection().rpc, call.verifier, data);
  return reverted
    ? finding(
        "call-verify",
        "fails",
        `The verifier contract rejects it (${ERRORS[error.slice(0, 10)] ?? error.slice(0, 10)}).`,
      )
    : finding("call-verify", "holds", "The node says that the verifier contract accepts the proof.");
}

/** Errors of generated verifiers by selector. @type {Readonly<Record<string, string>>} */
const ERRORS = Object.fromEntries(
  [
    "InvalidCalldata",
    "WordOutOfRange",
    "ScalarOutOfRange",
    "InvalidPoint",
    "InverseMismatch",
    "PrecompileFailed",
    "PairingFailed",
  ].map((name) => [toHex(keccak256(new TextEncoder().encode(`${name}()`)).subarray(0, 4)), name]),
);

/** @param {Subject} subject */
async function checkVerifierCode({ app, call }) {
  const { rpc } = app.connection();
  const [code, known] = await Promise.all([codeAt(rpc, call.verifier), keyOf(app, call.verifier, rpc)]);
  if (known === null || known.codeDigest === null) {
    return finding(
      "verifier-code",
      "unknown",
      "This page has no digest of the code that is generated for this verifier.",
    );
  }
  return toHex(keccak256(code)) === known.codeDigest
    ? finding(
        "verifier-code",
        "holds",
        "The node says that the verifier's code is, to the byte, what is generated from the verifying key.",
      )
    : finding(
        "verifier-code",
        "fails",
        "The verifier's code is NOT what is generated from the verifying key: it may accept anything.",
      );
}

/** @param {Subject} subject */
async function checkSettlementCode({ app, contract }) {
  const owner = await initialOwnerOf(app.connection().rpc, contract);
  return contract === toHex(settlementAddress(owner))
    ? finding(
        "settlement-code",
        "holds",
        "The contract's address follows from the released code and its first owner: it is that code, and its storage began empty.",
      )
    : finding(
        "settlement-code",
        "fails",
        "The contract's address does not follow from the code that this version releases: it may be anything.",
      );
}

/**
 * Where the deployment proxy puts the released settlement contract for a first owner (CREATE2, salt 0).
 * @param {Uint8Array} owner
 */
export function settlementAddress(owner) {
  const initCode = concat(SETTLEMENT_CREATION(), new Uint8Array(12), owner);
  return keccak256(Uint8Array.of(0xff), PROXY, new Uint8Array(32), keccak256(initCode)).subarray(12);
}

// ---- damage, to see that checks can fail

/**
 * Bits of the statement and the proof in a call's data.
 * @param {Settlement} settlement
 */
export const bitsOf = (settlement) => 8 * (32 * settlement.words.length + settlement.proof.length);

/**
 * The settlement with one bit flipped: of the statement's words, then of the proof.
 * @param {Settlement} settlement
 * @param {number} bit
 * @returns {Settlement}
 */
export function flipped(settlement, bit) {
  const words = settlement.words.map((word) => toWord(word));
  const data = concat(...words, settlement.proof);
  data[bit >> 3] ^= 0x80 >> (bit & 7);
  const at = 32 * words.length;
  return {
    ...settlement,
    words: words.map((_, i) => toInteger(data.subarray(32 * i, 32 * (i + 1)))),
    proof: data.subarray(at),
  };
}
