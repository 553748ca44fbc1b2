/** The page in Chromium, on a real chain with real claims. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { check, host, lie, open, world } from "./browser.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env.ZKLLM_EXPLORER_PICTURES;
const HIDDEN = /[\u202a-\u202e\u2066-\u2069\u200b\ufeff\0\x1b\x07]/;

/** @type {string} */
let site;
before(async () => {
  site = await host(world.site);
});

/** @param {string} name */
const claim = (name) => `#/claim/${world.claims[name]}`;

const DEVICES = {
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1200, height: 800 } },
};
/** Told in one piece, which no line ends in. */
const COMMAND = "zkllm settle --request";
/** @type {Record<string, [string, string]>} route, and what shows that it is ready */
const PAGES = {
  claims: ["#/", "never"],
  claim: [claim("rewarded"), "Transaction"],
  hostile: [claim("hostile"), "Transaction"],
  models: ["#/models", "A toy with a ceremony of one"],
  model: [`#/model/${world.demoModel}`, "to the byte"],
  requests: ["#/requests", "0.01 ETH"],
  about: ["#/about", "the released contract"],
  nowhere: ["#/nowhere", "There is no such page"],
};

for (const [device, options] of Object.entries(DEVICES)) {
  test(`every page, ${device}, light and dark: nothing that axe-core finds, nothing beyond the edge`, async () => {
    const { page, problems, close } = await open(options);
    for (const [name, [route, ready]] of Object.entries(PAGES)) {
      await page.goto(site + route);
      await page.getByText(ready).first().waitFor();
      if (name === "claim") await check(page);
      if (name === "requests") assert.equal(await page.locator(".note .command").textContent(), COMMAND);
      if (name === "hostile")
        for (const summary of await page.locator("summary").all()) await summary.click();
      const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= window, `${name} is ${wide} wide on ${window}`);
      await page.evaluate(AXE);
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        await page.emulateMedia({ colorScheme });
        const found = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
        const violations = found.violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`);
        assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
        if (PICTURES) {
          mkdirSync(PICTURES, { recursive: true });
          await page.screenshot({ path: `${PICTURES}/${name}-${device}-${colorScheme}.png`, fullPage: true });
        }
      }
    }
    assert.deepEqual(problems, []);
    await close();
  });
}

test("claims, newest first, with prompts and answers as text", async () => {
  const { page, problems, close } = await open();
  await page.goto(site);
  await page.getByText("Better late than").waitFor();
  const answers = await page.locator(".claims .answer").allTextContents();
  assert.equal(answers.length, Object.keys(world.claims).length);
  assert.equal(answers.at(-1), " never");
  const cards = await page.locator(".claims > li").allTextContents();
  const of = (/** @type {string} */ text) => cards.find((card) => card.includes(text)) ?? "";
  assert.match(of("magic"), /indistinguishable from.*demo-gpt2.*0\.05 ETH/s);
  assert.match(cards.join(), /a sealed prompt/);
  assert.match(of("and enter"), /2 token ids, whose bytes this page does not have: 2, 1/);
  assert.deepEqual(problems, []);
  await close();
});

test("an address that searches reads the prompts it has to", async () => {
  const { page, problems, close } = await open();
  await page.goto(`${site}#/?q=speak`);
  await page.getByText("1 claim found.", { exact: true }).waitFor();
  await page.getByText("Speak, friend,").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a claim: who, what, when, for how much", async () => {
  const { page, close } = await open();
  await page.goto(site + claim("rewarded"));
  await page.getByText("Transaction", { exact: true }).waitFor();
  const text = (await page.locator("main").textContent()) ?? "";
  for (const said of [
    "indistinguishable from",
    " magic",
    "demo-gpt2",
    world.demoModel,
    "0.05 ETH",
    "16 positions, 1 certified token",
    "UTC",
  ]) {
    assert.ok(text.includes(said), said);
  }
  assert.match(text, /Gas[\d,]{7}, about 0\.000\d{1,4} ETH/);
  await page.goto(site + claim("together"));
  await page.getByText("for 2 claims together").waitFor();
  await page.goto(site + claim("long"));
  await page.getByText("4 certified tokens", { exact: true }).click();
  assert.equal(await page.locator(".tokens li").count(), 4);
  await page.goto(`${site}#/claim/0x${"12".repeat(32)}`);
  await page.getByText("has settled no such claim").waitFor();
  await close();
});

test("the page verifies every kind of claim itself, and says what is known", async () => {
  const { page, problems, close } = await open();
  const all = [
    "call",
    "proof",
    "tokens",
    "prompt",
    "stored",
    "call-verify",
    "verifier-code",
    "settlement-code",
  ];
  const good = Object.fromEntries(all.map((id) => [id, "holds"]));
  for (const [name, verdict, changed] of /** @type {[string, string, object][]} */ ([
    ["serious", "proved", {}],
    ["rewarded", "forgeable", {}],
    ["beside", "forgeable", {}],
    ["long", "forgeable", {}],
    ["hostile", "forgeable", {}],
    ["sealed", "forgeable", { prompt: "unknown" }],
    ["unknown", "open", { proof: "unknown", prompt: "unknown", "verifier-code": "unknown" }],
  ])) {
    await page.goto(site + claim(name));
    assert.deepEqual(await check(page), { outcomes: { ...good, ...changed }, verdict }, name);
  }
  await page.getByText("Use a verifying key of your own").click();
  await page.getByLabel("Verifying key (vk.json)").setInputFiles(world.unknownKey);
  await page.getByText("This is the key that the verifier names").waitFor();
  const { outcomes, verdict } = await check(page);
  assert.deepEqual([outcomes.proof, verdict], ["holds", "forgeable"]);
  assert.deepEqual(problems, []);
  await close();
});

test("a forged proof fails in the page, whichever bit is flipped, and at the verifier", async () => {
  const { page, close } = await open();
  await page.goto(site + claim("serious"));
  await page.getByText("See a forged proof fail").click();
  const input = page.locator("#bit");
  const bits = Number(await input.getAttribute("max")) + 1;
  for (const bit of [0, 23, 600, 1023, 1024, 5000, bits - 256, bits - 1]) {
    await input.fill(String(bit));
    await page.getByRole("button", { name: "Flip it" }).click();
    await page.getByText("The forged proof is refused.").waitFor();
    assert.equal(await page.locator(".check details .finding.fails").count(), 2);
  }
  await close();
});

/** Flips a bit of a proof in a call's data, which siblings and tokens of less than 30 words follow. @param {string} input */
const flipProof = (input) => {
  const at = input.length - 2 * 32 * 30;
  return input.slice(0, at) + (Number.parseInt(input[at], 16) ^ 1).toString(16) + input.slice(at + 1);
};

test("a node that lies is found out by what the page checks itself", async () => {
  /** @type {[string, (method: string, params: any[], result: any) => any, string][]} */
  const lies = [
    [
      "another proof",
      (m, _, r) => (m === "eth_getTransactionByHash" ? { ...r, input: flipProof(r.input) } : r),
      "proof",
    ],
    ["another answer", (m, _, r) => (m === "eth_getLogs" ? r.map(otherText) : r), "tokens"],
    ["another verifier", (m, _, r) => (m === "eth_getCode" ? `${r.slice(0, -2)}00` : r), "verifier-code"],
  ];
  for (const [name, change, id] of lies) {
    const { page, close } = await open();
    await lie(page, change);
    await page.goto(site + claim("serious"));
    const { outcomes, verdict } = await check(page);
    assert.deepEqual([outcomes[id], verdict], ["fails", "wrong"], name);
    await close();
  }
});

/** " and enter" in the announcement becomes " and entes". @param {{ data: string }} log */
const otherText = (log) => ({
  ...log,
  data: log.data.replace("20616e6420656e746572", "20616e6420656e746573"),
});

test("a node of another chain, or none, is named as what went wrong", async () => {
  const { page, close } = await open();
  await lie(page, (method, _, result) => (method === "eth_chainId" ? "0x1" : result));
  await page.goto(site);
  await page.getByText("the node is on chain 1, this page is of chain 31337").waitFor();
  await page.unroute(`${world.rpc}/**`);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Better late than").waitFor();
  await page.goto(`${site}#/about`);
  await page.getByLabel("URL of the node").fill("http://127.0.0.1:9/");
  await page.getByRole("button", { name: "Use them" }).click();
  await page.getByText("the node cannot be reached").waitFor();
  await page.getByRole("textbox", { name: "Settlement contract" }).fill("0x12");
  await page.getByRole("button", { name: "Use them" }).click();
  await page.getByText("The contract is no address").waitFor();
  await close();
});

test("hostile tokens are text: visible, in their place, and nothing runs", async () => {
  const { page, problems, close } = await open();
  for (const route of ["#/", claim("hostile"), "#/models", `#/model/${world.hostile}`]) {
    await page.goto(site + route);
    await page.getByText("<b>hostile</b>").first().waitFor();
    assert.doesNotMatch((await page.locator("body").textContent()) ?? "", HIDDEN);
    assert.doesNotMatch(await page.title(), HIDDEN);
    assert.equal(await page.locator("main img, main script, main b, main iframe").count(), 0);
  }
  await page.goto(site + claim("hostile"));
  const answer = page.locator(".dialogue .answer");
  await answer.waitFor();
  const text = (await answer.textContent()) ?? "";
  assert.ok(text.startsWith("<img src=x onerror=alert(1)><script>alert(2)</script>"));
  for (const shown of [
    "\\u{202E}",
    "\\u{0000}",
    "\\u{001B}",
    "\\xff",
    "\\xed",
    "&lt;b&gt;&amp;",
    "שלום",
    "😀",
    "W".repeat(128),
  ]) {
    assert.ok(text.includes(shown), shown);
  }
  const places = await answer
    .locator(".plain")
    .evaluateAll((spans) => spans.map((span) => span.getBoundingClientRect().right));
  assert.ok(Math.max(...places) <= (page.viewportSize()?.width ?? 0));
  assert.deepEqual(problems, []);
  await close();
});

test("the content security policy lets nothing in", async () => {
  const { page, close } = await open();
  await page.goto(site);
  const refused = await page.evaluate(async () => {
    /** @param {() => unknown} act */
    const fails = (act) => {
      try {
        act();
        return false;
      } catch {
        return true;
      }
    };
    const script = document.createElement("script");
    /** @type {string[]} */
    const violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      violations.push(event.effectiveDirective),
    );
    const button = document.createElement("button");
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.head.append(style);
    const image = new Image();
    image.src = "https://elsewhere.invalid/x.png";
    await new Promise((resolve) => setTimeout(resolve, 300));
    return {
      markup: fails(() => (document.body.innerHTML = "<p>")),
      inline: fails(() => (script.textContent = "globalThis.ran = true")),
      elsewhere: fails(() => (script.src = "https://elsewhere.invalid/x.js")),
      listener: fails(() => button.setAttribute("onclick", "globalThis.ran = true")),
      code: fails(() => (0, eval)("1")),
      ran: "ran" in globalThis,
      violations: [...new Set(violations)].sort(),
    };
  });
  const { violations, ...rest } = refused;
  assert.deepEqual(rest, {
    markup: true,
    inline: true,
    elsewhere: true,
    listener: true,
    code: true,
    ran: false,
  });
  for (const directive of ["img-src", "style-src-elem"]) assert.ok(violations.includes(directive), directive);
  await close();
});

test("from a disk, without any host", async () => {
  const { page, problems, close } = await open();
  await page.goto(`${pathToFileURL(world.site)}/index.html`);
  await page.getByText("Better late than").waitFor();
  await page.goto(`${pathToFileURL(world.site)}/index.html${claim("serious")}`);
  assert.equal((await check(page)).verdict, "proved");
  assert.deepEqual(problems, []);
  await close();
});

test("without data it asks for a node and a contract, and shows ids", async () => {
  const { page, close } = await open();
  await page.goto(await host(world.bare));
  await page.getByLabel("URL of the node").fill(world.rpc);
  await page.getByRole("textbox", { name: "Settlement contract" }).fill(world.contract);
  await page.getByRole("button", { name: "Use them" }).click();
  await page.getByText("Reading from it now").waitFor();
  await page.getByRole("link", { name: "Claims" }).click();
  await page
    .getByText(`7 token ids, whose bytes this page does not have: ${world.promptIds.join(", ")}`)
    .waitFor();
  assert.equal(await page.locator(".claims > li").count(), Object.keys(world.claims).length);
  await page.reload();
  await page.getByText(world.promptIds.join(", ")).waitFor(); // the choice is kept for this tab
  await close();
});

test("by keyboard alone: skip, search, open, check, see a forged proof fail", async () => {
  const { page, close } = await open();
  await page.goto(site);
  await page.getByText("Better late than").waitFor();
  const focused = () =>
    page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.id);
  /** @param {string | RegExp} wanted */
  const tabTo = async (wanted) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if ((await focused())?.match(wanted)) return;
    }
    assert.fail(`${wanted} cannot be reached`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  assert.ok(
    await page.locator(".skip").evaluate((link) => link.getBoundingClientRect().left >= 0),
    "it shows",
  );
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "Settled claims");
  await tabTo(/^search$/);
  await page.keyboard.type("indistinguishable");
  await page.getByText("1 claim found.").waitFor();
  await tabTo(/^Claim 0x/);
  const outline = await page.evaluate(
    () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
  );
  assert.equal(outline, "solid");
  await page.keyboard.press("Enter");
  await page.getByText("Transaction", { exact: true }).waitFor();
  assert.equal(await focused(), "Claim");
  await tabTo(/^Check this claim$/);
  await page.keyboard.press("Space");
  await page.locator("[data-verdict]").waitFor();
  await tabTo(/^See a forged proof fail$/);
  await page.keyboard.press("Enter");
  await tabTo(/^bit$/);
  await page.keyboard.press("Enter");
  await page.getByText("The forged proof is refused.").waitFor();
  await close();
});

test("searching by prompt, ids, model and id", async () => {
  const { page, close } = await open();
  await page.goto(site);
  await page.getByText("Better late than").waitFor();
  /** @type {[string, string][]} */
  const searches = [
    ["Knowledge IS", "1 claim found."],
    [world.promptIds.join(","), "1 claim found."],
    [world.claims.long, "1 claim found."],
    [world.demoModel, "6 claims found."],
    ["demo-gpt2", "6 claims found."],
    ["no such words", "0 claims found."],
  ];
  for (const [text, found] of searches) {
    await page.locator("#search").fill(text);
    await page.getByText(found, { exact: true }).waitFor();
  }
  // what was typed is in the address, and in the field of the page that it leads to
  assert.equal(new URL(page.url()).hash, "#/?q=no+such+words");
  await page.reload();
  await page.getByText("0 claims found.", { exact: true }).waitFor();
  assert.equal(await page.locator("#search").inputValue(), "no such words");
  await page.locator("#search").fill("");
  await page.getByText("Better late than").waitFor();
  await page.goto(`${site}#/?q=magic`);
  await page.getByText("1 claim found.").waitFor();
  await close();
});
