/** Pictures for the documents, in $ZKLLM_EXPLORER_PICTURES; started by scripts/explorer/pictures.py. */

import { test } from "node:test";
import { check, host, open, world } from "./browser.js";

const folder = process.env.ZKLLM_EXPLORER_PICTURES ?? "";
const DESKTOP = { viewport: { width: 820, height: 640 } };
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/** @param {string} name */
const claim = (name) => `#/claim/${world.claims[name]}`;

/** @typedef {import("playwright-core").Page} Page */
/**
 * Name, device, colours, route, what shows that it is ready, what is done then, and what of it is taken: the window
 * unless that is named.
 * @type {[string, object, "light" | "dark", string, string, ((page: Page) => Promise<unknown>)?, string?][]}
 */
const PICTURES = [
  ["claims", DESKTOP, "light", "#/?q=demo-gpt2", "Better late than"],
  ["check", DESKTOP, "light", claim("serious"), "Transaction", check, ".check"],
  ["model", DESKTOP, "dark", `#/model/${world.demoModel}`, "to the byte"],
  ["hostile", DESKTOP, "dark", claim("hostile"), "Transaction"],
  ["about", DESKTOP, "light", "#/about", "the released contract"],
  ["phone-claims", PHONE, "light", "#/?q=demo-gpt2", "Better late than"],
  ["phone-claim", PHONE, "dark", claim("rewarded"), "Transaction"],
  ["phone-requests", PHONE, "light", "#/requests", "0.01 ETH"],
];

test("pictures for the documents", async () => {
  const site = await host(world.site);
  for (const [name, device, colorScheme, route, ready, act, part] of PICTURES) {
    const { page, close } = await open({ ...device, colorScheme });
    await page.goto(site + route);
    await page.getByText(ready).first().waitFor();
    await act?.(page);
    await page
      .locator(part ?? "body")
      .first()
      .waitFor();
    const path = `${folder}/${name}.png`;
    await (part === undefined ? page.screenshot({ path }) : page.locator(part).screenshot({ path }));
    await close();
  }
});
