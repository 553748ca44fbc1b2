/**
 * Makes zkllm/explorer/static, what the package ships: the sources of src/ as one script, and the files of page/. One
 * classic script, since a page that is opened from a disk may load no modules; not minified, so that it can be read.
 */

import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const target = here("../zkllm/explorer/static/");

mkdirSync(target, { recursive: true });
await build({
  entryPoints: [here("src/main.js")],
  outfile: `${target}explorer.js`,
  bundle: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  logLevel: "warning",
});
for (const name of readdirSync(here("page"))) copyFileSync(here(`page/${name}`), target + name);
