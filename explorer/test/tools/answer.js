/**
 * Answers questions of the Python tests, one JSON object a line: {"proof": {vk, context, words, body}} with the check
 * that refuses it, or null; {"settlement": owner} with the contract's address.
 */

import { createInterface } from "node:readline";
import { fromHex, toHex } from "../../src/bytes.js";
import { settlementAddress } from "../../src/check/checks.js";
import { VerifyingKey } from "../../src/protocol/key.js";
import { Refused } from "../../src/protocol/refused.js";
import { verify } from "../../src/protocol/verify.js";

/** @param {{ vk: unknown, context: string, words: string[], body: string }} proof */
function refusal({ vk, context, words, body }) {
  try {
    verify(new VerifyingKey(vk), fromHex(context), words.map(BigInt), fromHex(body));
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.check;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { proof, settlement } = JSON.parse(line);
  console.log(JSON.stringify(proof ? refusal(proof) : toHex(settlementAddress(fromHex(settlement)))));
}
