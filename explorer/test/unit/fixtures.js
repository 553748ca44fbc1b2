/** Files of the repository that the tests share with the contracts' and the Python verifier's. */

import { readFileSync } from "node:fs";

export const ROOT = new URL("../../../", import.meta.url);

/** @param {string} path */
export const read = (path) => JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));

/** Proofs of contracts/test/fixtures, and the names of their keys. */
export const FIXTURES = {
  single: "single",
  second: "single",
  third: "single",
  multi: "multi",
  wide: "wide",
  sealed: "sealed",
  veiled: "sealed",
};
