/**
 * Answers questions of the Python tests, one JSON object a line: {"proof": {vk, context, words, body}} with the check
 * that refuses it, or null; {"key": vk} with its VERIFIER_ID, null where it is refused; {"settlement": owner} with the
 * contract's address.
 */

import { createInterface } from "node:readline";
import { Malformed, fromHex, toHex } from "../../src/bytes.js";
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

/** @param {unknown} vk */
function verifierId(vk) {
  try {
    return toHex(new VerifyingKey(vk).verifierId);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/** @param {{ proof?: any, key?: unknown, settlement: string }} question */
function answer({ proof, key, settlement }) {
  if (proof) return refusal(proof);
  return key ? verifierId(key) : toHex(settlementAddress(fromHex(settlement)));
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
