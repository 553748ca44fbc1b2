/** Times what a visitor of a page with many claims waits for; started by scripts/explorer/bench.py. Milliseconds. */

import { pathToFileURL } from "node:url";
import { launch } from "./chromium.js";

const { site, claims, realClaim, realModel, promptIds, slowdown } = JSON.parse(
  process.env.ZKLLM_EXPLORER_MEASURE ?? "",
);
const address = `${pathToFileURL(site)}/index.html`;
const all = claims.toLocaleString("en");

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
page.setDefaultTimeout(300_000);
const session = await page.context().newCDPSession(page);
await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
await session.send("Performance.enable");

/** @type {Record<string, number>} */
const figures = {};
let started = performance.now();
const begin = () => (started = performance.now());
/** @param {string} name */
const note = (name) => (figures[name] = Math.round(performance.now() - started));
const prompts = () => page.locator(".claims > li:last-child .prompt .plain").first().waitFor();

begin();
await page.goto(address);
await page.locator(".claims > li").first().waitFor();
note("first_cards_ms");
await prompts();
note("first_prompts_ms");
await page.getByText(`${all} claims in blocks`).waitFor();
note("all_events_read_ms");
figures.elements = await page.locator("*").count();

begin();
await page.getByRole("link", { name: "Oldest" }).click();
await page.locator(".claims > li").first().waitFor();
await prompts();
note("last_page_ms");

await page.getByRole("link", { name: "Claims" }).click();
begin();
await page.locator("#search").fill(realClaim);
await page.getByText("1 claim found.").waitFor();
note("search_by_id_ms");
begin();
await page.locator("#search").fill(realModel);
await page.getByText("1 claim found.").waitFor();
note("search_by_model_id_ms");
begin();
await page.locator("#search").fill("many"); // the other model's name
await page.getByText(`${(claims - 1).toLocaleString("en")} claims found.`).waitFor();
note("search_by_model_name_ms");
begin();
await page.locator("#search").fill(promptIds.join(","));
await page.getByText(/^1 claim found\./).waitFor();
note("search_by_prompt_ids_ms");
begin();
await page.locator("#search").fill("Knowledge is");
if (claims > 1000) await page.getByRole("button", { name: "more prompts" }).click(); // few are read unasked
await page.getByText(/^\d+ claims? found\.$/).waitFor();
note("search_all_prompts_ms");
begin();
await page.locator("#search").fill("magic");
await page.getByText(/^\d+ claims? found\.$/).waitFor();
note("search_again_ms");
const { metrics } = await session.send("Performance.getMetrics");
figures.heap_mb = Math.round((metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0) / 1e6);

await page.goto(`${address}#/claim/${realClaim}`);
await page.reload();
await page.getByRole("button", { name: "Check this claim" }).click();
const words = (await page.locator("[data-check=proof] p").textContent()) ?? "";
figures.verify_proof_ms = Number(/Accepted in (\d+) ms/.exec(words)?.[1]);
await browser.close();
console.log(JSON.stringify(figures));
