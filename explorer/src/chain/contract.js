/** What the contracts and the chain say when they are asked. Nothing of it is believed without the node's word. */

import { WORD, fromHex, toHex, toInteger } from "../bytes.js";
import { Reader, call } from "./abi.js";
import { RpcError, bytesIn, digestIn, integerIn, numberIn, objectIn, quantity } from "./rpc.js";

/** @typedef {import("./rpc.js").Rpc} Rpc */

/**
 * Data that a view function returns.
 * @param {Rpc} rpc
 * @param {string} address
 * @param {Uint8Array} data
 */
export const view = async (rpc, address, data) =>
  bytesIn(await rpc.ask("eth_call", { to: address, data: toHex(data) }, "latest"));

/**
 * Whether a call that returns nothing goes through; RpcError where the node does not say.
 * @param {Rpc} rpc
 * @param {string} address
 * @param {Uint8Array} data
 * @returns {Promise<{ reverted: boolean, data: string }>}
 */
export async function goesThrough(rpc, address, data) {
  try {
    await view(rpc, address, data);
    return { reverted: false, data: "0x" };
  } catch (error) {
    // an error without data may be anything: a node without this state, a gateway's limit
    if (error instanceof RpcError && error.data !== null && error.data.length >= 10)
      return { reverted: true, data: error.data };
    throw error;
  }
}

/**
 * The code at an address; empty where there is none.
 * @param {Rpc} rpc
 * @param {string} address
 */
export const codeAt = async (rpc, address) => bytesIn(await rpc.ask("eth_getCode", address, "latest"));

/**
 * What a verifier says about itself.
 * @param {Rpc} rpc
 * @param {string} address
 */
export async function parametersOf(rpc, address) {
  const reader = new Reader(await view(rpc, address, call("parameters()")));
  return {
    modelId: toHex(reader.word(0)),
    vocabularyRoot: reader.word(WORD),
    vocabularySize: Number(reader.integer(2 * WORD)),
    N: Number(reader.integer(3 * WORD)),
    k: Number(reader.integer(4 * WORD)),
    sealed: reader.boolean(5 * WORD),
  };
}

/**
 * VERIFIER_ID, and whether the SRS is a development one, as a verifier says.
 * @param {Rpc} rpc
 * @param {string} address
 */
export async function identityOf(rpc, address) {
  const [id, development] = await Promise.all([
    view(rpc, address, call("VERIFIER_ID()")),
    view(rpc, address, call("DEVELOPMENT_SRS()")),
  ]);
  return { verifierId: toHex(new Reader(id).word(0)), developmentSrs: new Reader(development).boolean(0) };
}

/**
 * The settled answer as it is stored; null where the claim is not settled.
 * @param {Rpc} rpc
 * @param {string} contract
 * @param {string} claimId
 */
export async function storedAnswer(rpc, contract, claimId) {
  const id = fromHex(claimId);
  const settled = new Reader(await view(rpc, contract, call("isSettled(bytes32)", id))).boolean(0);
  if (!settled) return null;
  const [ids, text] = await Promise.all([
    view(rpc, contract, call("tokensOf(bytes32)", id)),
    view(rpc, contract, call("textOf(bytes32)", id)),
  ]);
  const [idReader, textReader] = [new Reader(ids), new Reader(text)];
  return {
    ids: idReader.words(idReader.size(0)).map((word) => Number(toInteger(word))),
    text: textReader.bytes(textReader.size(0)),
  };
}

/**
 * The first owner of a settlement contract, from which its address follows.
 * @param {Rpc} rpc
 * @param {string} contract
 */
export const initialOwnerOf = async (rpc, contract) =>
  new Reader(await view(rpc, contract, call("INITIAL_OWNER()"))).address(0);

/**
 * Its owner now; 20 zero bytes where the ownership was given up.
 * @param {Rpc} rpc
 * @param {string} contract
 */
export const ownerOf = async (rpc, contract) =>
  new Reader(await view(rpc, contract, call("owner()"))).address(0);

/** @param {Rpc} rpc */
export const chainIdOf = async (rpc) => numberIn(await rpc.ask("eth_chainId"));

/**
 * A transaction's data, and who sent it where.
 * @typedef {{ to: string | null, from: string, input: Uint8Array }} Transaction
 */

/**
 * @param {unknown} value as a node gives it
 * @returns {Transaction}
 */
export function transactionIn(value) {
  const fields = objectIn(value);
  return {
    to: fields.to === null || fields.to === undefined ? null : digestIn(fields.to, 20),
    from: digestIn(fields.from, 20),
    input: bytesIn(fields.input ?? fields.data),
  };
}

/**
 * What a mined transaction cost.
 * @param {Rpc} rpc
 * @param {string} hash
 */
export async function costOf(rpc, hash) {
  const fields = objectIn(await rpc.ask("eth_getTransactionReceipt", hash));
  return {
    gas: integerIn(fields.gasUsed),
    price: fields.effectiveGasPrice === undefined ? null : integerIn(fields.effectiveGasPrice),
  };
}

/**
 * Unix time of each block.
 * @param {Rpc} rpc
 * @param {readonly number[]} blocks
 * @returns {Promise<number[]>}
 */
export async function timesOf(rpc, blocks) {
  /** @type {import("./rpc.js").Call[]} */
  const calls = blocks.map((block) => ["eth_getBlockByNumber", quantity(block), false]);
  return (await rpc.askAll(calls)).map((block) => numberIn(objectIn(block).timestamp));
}
