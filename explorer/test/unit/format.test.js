/** Amounts as the page shows them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ether, roughEther } from "../../src/format.js";

test("amounts of ether: exact where they are owed, the first digits where they were spent", () => {
  for (const [wei, exact, rough] of /** @type {[bigint, string, string][]} */ ([
    [0n, "0 ETH", "0 ETH"],
    [1n, "0.000000000000000001 ETH", "0.000000000000000001 ETH"],
    [50_000_000_000_000_000n, "0.05 ETH", "0.05 ETH"],
    [437_363_150_095_284n, "0.000437363150095284 ETH", "about 0.0004373 ETH"],
    [12_345_678_900_000_000_000_000n, "12,345.6789 ETH", "about 12,340 ETH"],
    [99_999n, "0.000000000000099999 ETH", "about 0.00000000000009999 ETH"],
  ])) {
    assert.equal(ether(wei), exact);
    assert.equal(roughEther(wei), rough);
  }
});
