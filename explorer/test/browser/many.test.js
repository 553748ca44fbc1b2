/** Ten thousand claims: what the page holds and does stays small. Their node is played here. */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { host, open, world } from "./browser.js";

const MANY = 10_000;
const NODES = 2_000;
/** From the last key to the outcome, typing's pause of 200 ms and a busy machine included. */
const QUICK_MS = 3_000;

/** @param {number} i */
const hash = (i) => `0x${"ab".repeat(28)}${(i + 1).toString(16).padStart(8, "0")}`;

/** @type {string} */
let site;
before(async () => {
  site = await host(world.site);
});

/**
 * Answers of a node whose chain has all of the claims, ten a block.
 * @param {any} log of the real chain, to be repeated
 * @param {any} transaction that settled it, whose data are those of one claim alone
 */
function node(log, transaction) {
  const logs = Array.from({ length: MANY }, (_, i) => ({
    ...log,
    topics: [log.topics[0], hash(i), log.topics[2], log.topics[3]],
    blockNumber: `0x${(1 + Math.floor(i / 10)).toString(16)}`,
    logIndex: `0x${(i % 10).toString(16)}`,
    transactionHash: hash(i),
  }));
  return (/** @type {string} */ method, /** @type {any[]} */ params) => {
    switch (method) {
      case "eth_chainId":
        return "0x7a69";
      case "eth_blockNumber":
        return `0x${(MANY / 10).toString(16)}`;
      case "eth_getLogs":
        return params[0].topics ? [] : logs;
      case "eth_getBlockByNumber":
        return { timestamp: `0x${(1_700_000_000 + 12 * Number(params[0])).toString(16)}` };
      case "eth_getTransactionByHash":
        return transaction;
      default:
        return null;
    }
  };
}

test("ten thousand claims: a bounded page, paging, searching", async (t) => {
  const ask = async (/** @type {string} */ method, /** @type {any[]} */ ...params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    return (
      await (
        await fetch(world.rpc, { method: "POST", headers: { "Content-Type": "application/json" }, body })
      ).json()
    ).result;
  };
  const logs = await ask("eth_getLogs", {
    address: world.contract,
    fromBlock: "0x0",
    toBlock: "latest",
    topics: [null, world.claims.first],
  });
  const answer = node(logs[0], await ask("eth_getTransactionByHash", logs[0].transactionHash));
  const { page, problems, close } = await open();
  await page.route(`${world.rpc}/**`, async (route) => {
    const asked = route.request().postDataJSON();
    const one = ({ id, method, params }) => ({ jsonrpc: "2.0", id, result: answer(method, params) });
    await route.fulfill({
      json: Array.isArray(asked) ? asked.map(one) : one(asked),
      headers: { "Access-Control-Allow-Origin": "*" },
    });
  });
  const started = performance.now();
  const timed = (/** @type {string} */ what) =>
    t.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms after the start`);
  await page.goto(site);
  await page.getByText("10,000 claims in blocks").waitFor();
  await page.getByText("Page 1 of 400").waitFor();
  timed("the first page");
  assert.equal(await page.locator(".claims > li").count(), 25);
  assert.ok((await page.locator("*").count()) < NODES);
  await page.getByRole("link", { name: "Oldest" }).click();
  await page.getByText("Page 400 of 400").waitFor();
  await page.locator(`[data-claim="${hash(0)}"]`).waitFor();
  timed("the last page");
  await page.getByRole("link", { name: "Claims" }).click();
  await page.getByText("Page 1 of 400").waitFor(); // the field is that of a new page
  /** @param {string} words @param {string} outcome what the page says then, and did not before */
  const search = async (words, outcome) => {
    const began = performance.now();
    await page.locator("#search").fill(words);
    await page.getByText(outcome).waitFor();
    const took = Math.round(performance.now() - began);
    t.diagnostic(`${words.slice(0, 14)}: ${outcome} ${took} ms`);
    assert.ok(took < QUICK_MS, `the search for ${words} took ${took} ms`);
  };
  await search(hash(5_678), "1 claim found.");
  await search(hash(5_678).slice(0, -2), "256 claims found.");
  await page.getByRole("link", { name: "Older" }).click();
  await page.getByText("Page 2 of 11").waitFor();
  await page.getByText("256 claims found.").waitFor();
  await search(world.demoModel, "10,000 claims found.");
  await search("no such answer", "0 claims found."); // not before one wants to are ten thousand prompts read
  await page.getByRole("button", { name: "more prompts" }).waitFor();
  await search("demo-GPT2", "10,000 claims found."); // the model's name
  await search(world.promptIds.join(","), "0 claims found."); // by the digest; no claim here is of that prompt
  assert.ok((await page.locator("*").count()) < NODES);
  assert.deepEqual(problems, []);
  await close();
});
