/** A real Chromium, and the chain and the page that scripts/explorer/world.py has made. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before } from "node:test";
import { launch } from "./chromium.js";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/**
 * What scripts/explorer/world.py says.
 * @typedef {object} World
 * @property {string} rpc
 * @property {string} contract
 * @property {string} site folder of the page
 * @property {string} bare folder of the page without data
 * @property {Record<string, string>} claims
 * @property {string} demoModel
 * @property {string} hostile model
 * @property {number[]} promptIds
 * @property {string} unknownKey file
 */

/** @returns {World} */
function readWorld() {
  const said = process.env.ZKLLM_EXPLORER_WORLD;
  if (!said)
    throw new Error("these tests are started by python -m scripts.explorer.test (make test-explorer)");
  return JSON.parse(said);
}

export const world = readWorld();

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {ReturnType<typeof createServer>[]} */
const servers = [];

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const server of servers) server.close();
});

/**
 * A static host of a folder; its URL.
 * @param {string} folder
 * @returns {Promise<string>}
 */
export function host(folder) {
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").split(/[?#]/)[0].replace(/\/$/, "/index.html");
    try {
      const data = readFileSync(join(folder, name));
      response.writeHead(200, {
        "Content-Type": TYPES[/** @type {keyof typeof TYPES} */ (extname(name))] ?? "text/plain",
      });
      response.end(data);
    } catch {
      response.writeHead(404).end();
    }
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      assert.ok(address && typeof address === "object");
      resolve(`http://127.0.0.1:${address.port}/`);
    });
  });
}

/**
 * A page in a browser of its own. What goes wrong in it is in `problems`: errors of scripts, of the content security
 * policy, dialogs.
 * @param {import("playwright-core").BrowserContextOptions} options
 */
export async function open(options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  /** @type {string[]} */
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("dialog", (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, problems, close: () => context.close() };
}

/**
 * Answers of the node, changed on the way: `change` gets a method, its parameters and the result.
 * @param {import("playwright-core").Page} page
 * @param {(method: string, params: any[], result: any) => any} change
 */
export async function lie(page, change) {
  await page.route(`${world.rpc}/**`, async (route) => {
    const asked = route.request().postDataJSON();
    const response = await route.fetch();
    const answered = await response.json();
    const [questions, answers] = [[asked].flat(), [answered].flat()];
    for (const answer of answers) {
      const question = questions.find(({ id }) => id === answer.id);
      answer.result = change(question.method, question.params, answer.result);
    }
    await route.fulfill({ response, json: answered });
  });
}

/**
 * Checks the claim that the page shows; the outcome of each check by its id, and the verdict.
 * @param {import("playwright-core").Page} page
 */
export async function check(page) {
  await page.getByRole("button", { name: "Check this claim" }).click();
  await page.locator("[data-verdict]").waitFor();
  const findings = await page.locator(".check > .findings > .finding").all();
  /** @type {Record<string, string>} */
  const outcomes = {};
  for (const finding of findings) {
    const kind = (await finding.getAttribute("class"))?.replace("finding ", "") ?? "";
    outcomes[(await finding.getAttribute("data-check")) ?? ""] = kind;
  }
  return { outcomes, verdict: await page.locator("[data-verdict]").getAttribute("data-verdict") };
}
