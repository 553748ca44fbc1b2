/** Reading a contract's events from nodes that limit what they answer, lie, or drop blocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, keccak256, toHex, toWord, utf8 } from "../../src/bytes.js";
import { History } from "../../src/chain/history.js";
import { Rpc, RpcError } from "../../src/chain/rpc.js";

const CONTRACT = `0x${"5e".repeat(20)}`;
const MODEL = keccak256(utf8("model"));
/** @param {string} signature */
const topic = (signature) => toHex(keccak256(utf8(signature)));
/** @param {number} i */
const id = (i) => toHex(keccak256(toWord(i)));

/**
 * @param {number} block
 * @param {string[]} topics
 * @param {Uint8Array} data
 */
const log = (block, topics, data, index = 0) => ({
  address: CONTRACT,
  topics,
  data: toHex(data),
  blockNumber: `0x${block.toString(16)}`,
  logIndex: `0x${index.toString(16)}`,
  transactionHash: id(1000 + block),
});
const SETTLED = topic("Settled(bytes32,bytes32,address,bytes32,bytes)");
const settler = toHex(toWord(7));
/** @param {number} block @param {number} i */
const settled = (block, i, text = "hi") =>
  log(
    block,
    [SETTLED, id(i), toHex(MODEL), settler],
    concat(toWord(0), toWord(64), toWord(text.length), utf8(text), new Uint8Array(30)),
    i,
  );
/** @param {number} block */
const created = (block) =>
  log(block, [topic("OwnershipTransferred(address,address)"), toHex(toWord(0)), settler], new Uint8Array());
/** @param {number} block @param {number} i */
const requested = (block, i) =>
  log(
    block,
    [
      topic("Requested(bytes32,bytes32,address,bytes32,uint256,uint256,uint256,uint32[])"),
      id(500 + i),
      id(i),
      settler,
    ],
    concat(MODEL, toWord(1), toWord(10), toWord(99), toWord(160), toWord(2), toWord(3), toWord(4)),
    100 + i,
  );

/** A node whose answers to eth_getLogs are these, with a limit. */
class Node {
  /** @param {ReturnType<typeof log>[]} logs */
  constructor(logs, { head = 100_000, most = Number.POSITIVE_INFINITY } = {}) {
    Object.assign(this, { logs, head, most });
    this.logs = logs;
    this.head = head;
    this.most = most;
    /** @type {[number, number][]} */
    this.ranges = [];
  }

  /** @type {typeof fetch} */
  fetch = async (_, init) => {
    const { id: number, method, params } = JSON.parse(String(init?.body));
    return Response.json({ jsonrpc: "2.0", id: number, ...this.answer(method, params) });
  };

  /** @param {string} method @param {any[]} params */
  answer(method, params) {
    if (method === "eth_blockNumber") return { result: `0x${this.head.toString(16)}` };
    const [from, to] = [Number(params[0].fromBlock), Number(params[0].toBlock)];
    this.ranges.push([from, to]);
    if (to - from + 1 > this.most) return { error: { code: -32000, message: "query exceeds the range" } };
    return { result: this.logs.filter((l) => Number(l.blockNumber) >= from && Number(l.blockNumber) <= to) };
  }
}

/** @param {Node} node */
const historyOf = (node, first = 0) => new History(new Rpc("http://node", node.fetch), CONTRACT, first);

/** @param {History} history */
async function readAll(history) {
  for (let i = 0; i < 1000 && !history.complete; i++) await history.readOlder();
  assert.ok(history.complete);
  return history;
}

test("everything is read once, newest first, whatever range the node takes", async () => {
  const logs = [created(50_000), ...Array.from({ length: 40 }, (_, i) => settled(50_001 + 1000 * i, i))];
  for (const most of [Number.POSITIVE_INFINITY, 10_000, 1700, 333]) {
    const node = new Node(logs, { most });
    const history = await readAll(historyOf(node));
    assert.deepEqual(
      history.claims.map((claim) => claim.id),
      Array.from({ length: 40 }, (_, i) => id(39 - i)),
    );
    assert.ok(
      node.ranges.every(([from]) => from > 30_000 || most > 333),
      "it does not read on behind the creation",
    );
    assert.equal(new TextDecoder().decode(history.claims[0].text), "hi");
    assert.equal(history.claims[0].settler, `0x${"0".repeat(38)}07`);
  }
});

test("the first block that is given is the last that is read", async () => {
  const node = new Node([settled(99_000, 1)]);
  await readAll(historyOf(node, 98_000));
  assert.equal(Math.min(...node.ranges.map(([from]) => from)), 98_000);
});

test("requests, rewards, verifiers", async () => {
  const [model, verifier] = [toHex(MODEL), toHex(concat(new Uint8Array(12), new Uint8Array(20).fill(9)))];
  const fulfilled = log(
    5,
    [topic("Fulfilled(bytes32,bytes32,address,uint256)"), id(501), id(1), settler],
    toWord(10),
    50,
  );
  const returned = log(6, [topic("Returned(bytes32,bytes32,uint256)"), id(502), id(2)], toWord(10), 51);
  const registered = log(
    2,
    [topic("VerifierRegistered(bytes32,address,uint256,uint256,bool)"), model, verifier],
    concat(toWord(16), toWord(2), toWord(1)),
  );
  const frozen = log(7, [topic("VerifierFrozen(address)"), verifier], new Uint8Array(), 52);
  const node = new Node(
    [
      registered,
      requested(3, 1),
      requested(3, 2),
      requested(4, 3),
      settled(5, 1),
      fulfilled,
      returned,
      frozen,
    ],
    { head: 9 },
  );
  const history = await readAll(historyOf(node));
  assert.deepEqual(
    [...history.requests.values()].map(({ state }) => state),
    ["fulfilled", "returned", "open"],
  );
  assert.deepEqual(history.requests.get(id(503))?.prompt, [3, 4]);
  assert.deepEqual([history.claims[0].requestId, history.claims[0].reward], [id(501), 10n]);
  assert.deepEqual(
    [...history.verifiers.values()],
    [{ modelId: model, address: `0x${"09".repeat(20)}`, N: 16, k: 2, sealed: true, frozen: true }],
  );
});

test("new claims are found, and those of dropped blocks are forgotten", async () => {
  const node = new Node([created(1), settled(90, 1), settled(99, 2)], { head: 100 });
  const history = await readAll(historyOf(node));
  node.logs = [created(1), settled(90, 1), settled(99, 3), settled(101, 4)];
  node.head = 102;
  await history.readNewer();
  assert.deepEqual(
    history.claims.map((claim) => claim.id),
    [id(4), id(3), id(1)],
  );
  assert.equal(history.claimsById.get(id(2)), undefined);
});

test("events of blocks that were dropped are passed over", async () => {
  const dropped = { ...settled(5, 1), removed: true };
  const history = await readAll(historyOf(new Node([dropped, settled(6, 2)], { head: 9 })));
  assert.deepEqual(
    history.claims.map((claim) => claim.id),
    [id(2)],
  );
});

test("a claim is looked up by its id", async () => {
  const node = new Node([settled(5, 1), settled(6, 2)], { head: 9 });
  node.answer = (_, [filter]) => ({
    result: filter.topics[1] ? node.logs.filter((l) => l.topics[1] === filter.topics[1]) : [],
  });
  assert.equal((await historyOf(node).lookUp(id(2)))?.block, 6);
  assert.equal(await historyOf(node).lookUp(id(3)), null);
});

test("events that cannot be read are counted, and hide nothing else", async () => {
  const cut = { ...settled(5, 1), data: "0x00" };
  const far = { ...settled(5, 2), data: toHex(concat(toWord(0), toWord(1n << 200n))) };
  const long = { ...settled(5, 3), data: toHex(concat(toWord(0), toWord(64), toWord(99))) };
  const history = await readAll(historyOf(new Node([cut, far, long, settled(6, 4)], { head: 9 })));
  assert.deepEqual([history.malformed, history.claims.length], [3, 1]);
});

test("a node that answers something else is not believed", async () => {
  const wrong = [
    { ...settled(5, 1), address: `0x${"aa".repeat(20)}` },
    settled(100, 1),
    { ...settled(5, 1), topics: ["0x12"] },
    { ...settled(5, 1), blockNumber: "5" },
    { ...settled(5, 1), data: 7 },
    null,
  ];
  for (const bad of wrong) {
    const node = new Node([], { head: 9 });
    node.answer = (method) => ({ result: method === "eth_blockNumber" ? "0x9" : [bad] });
    await assert.rejects(historyOf(node).readOlder(), RpcError);
  }
});

test("calls go together where the node takes that, and one by one where it does not", async () => {
  for (const takes of [true, false]) {
    let posts = 0;
    const rpc = new Rpc("http://node", async (_, init) => {
      posts++;
      const body = JSON.parse(String(init?.body));
      if (!Array.isArray(body)) return Response.json({ id: body.id, result: body.params[0] });
      if (!takes) return Response.json({ id: null, error: { code: -32600, message: "no batches" } });
      return Response.json(
        body.map(({ id: number, params }) => ({ id: number, result: params[0] })).reverse(),
      );
    });
    const calls = Array.from({ length: 120 }, (_, i) => /** @type {const} */ (["eth_call", i]));
    assert.deepEqual(
      await rpc.askAll(calls),
      calls.map(([, i]) => i),
    );
    assert.ok(takes ? posts === 3 : posts >= 120);
  }
});

test("what a node says is cut, and its URL is never told", async () => {
  const rpc = new Rpc("http://node/secret", async () =>
    Response.json({ id: 1, error: { message: "x".repeat(1000), data: "0xzz" } }),
  );
  await assert.rejects(
    rpc.ask("eth_chainId"),
    (/** @type {RpcError} */ e) => e.message.length < 250 && e.data === null && e.answered,
  );
  const gone = new Rpc("http://node/secret", () =>
    Promise.reject(new TypeError("http://node/secret failed")),
  );
  await assert.rejects(
    gone.ask("eth_chainId"),
    (/** @type {RpcError} */ e) => !e.message.includes("secret") && !e.answered,
  );
  assert.throws(() => new Rpc("javascript:alert(1)"), RpcError);
  assert.throws(() => fromHex("0xzz"));
});
