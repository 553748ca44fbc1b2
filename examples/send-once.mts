// Sends a transaction once, whatever ends the program meanwhile: what is signed is stored before it is sent, and the next
// run goes on with the same bytes, or, where the node takes them no more, with others under their nonce. Of all that an
// account signs under a nonce the chain takes one.
import {
  encodeFunctionData,
  keccak256,
  TransactionReceiptNotFoundError,
  type Abi,
  type Address,
  type Hex,
  type LocalAccount,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from "viem";

/** Keeps what was signed until it is mined: a browser's `localStorage`, or file-store.mjs in Node. What `setItem` was given
 * has to be there after a crash. An account needs one store, wherever it sends from. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Sender {
  reader: PublicClient;
  writer: WalletClient;
  account: LocalAccount;
  store: Store;
  /** Blocks, the transaction's own included, after which it counts. */
  confirmations: number;
}

/** A transaction that was signed, and perhaps sent. */
interface Signed {
  hash: Hex;
  nonce: number;
  bytes: Hex;
}

export interface Call {
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  value?: bigint;
}

/** Signs, stores, sends and waits; throws if it failed. What is to be sent once has one name, and is to be resumed first. */
export async function sendOnce(sender: Sender, name: string, call: Call): Promise<void> {
  const { reader, writer, account, store } = sender;
  const { address, value } = call;
  const chainId = await reader.getChainId();
  const key = keyOf(chainId, sender, name);
  const data = encodeFunctionData(call);
  const nonce = read(store, key)?.nonce;
  const request = { account, chain: null, to: address, data, value, nonce };
  const fields = await writer.prepareTransactionRequest(request);
  const bytes = await account.signTransaction({ ...fields, chainId } as Parameters<
    LocalAccount["signTransaction"]
  >[0]);
  const signed: Signed = { hash: keccak256(bytes), nonce: fields.nonce, bytes };
  store.setItem(key, JSON.stringify(signed));
  await writer.sendRawTransaction({ serializedTransaction: bytes });
  const succeeded = await mined(sender, signed);
  store.removeItem(key);
  if (!succeeded) throw new Error(`the transaction ${signed.hash} failed, or another one took its place`);
}

/** Goes on with the transaction of this name that an earlier run signed, until it is mined, or another one under its nonce;
 * what came of it is on the chain. Where the node refuses it, `sendOnce` may sign it anew. */
export async function resume(sender: Sender, name: string): Promise<void> {
  const { reader, writer, account, store } = sender;
  const key = keyOf(await reader.getChainId(), sender, name);
  const signed = read(store, key);
  if (signed === null) return;
  const next = await reader.getTransactionCount({ address: account.address, blockTag: "latest" });
  if (next <= signed.nonce) {
    try {
      await writer.sendRawTransaction({ serializedTransaction: signed.bytes });
    } catch {
      // most often it is waiting, and the node says so in words of its own
      if (!(await isKnown(sender, signed.hash))) return;
    }
    await mined(sender, signed);
  } else if ((await receiptOf(sender, signed.hash)) !== null) {
    await mined(sender, signed);
  }
  store.removeItem(key);
}

function keyOf(chainId: number, { account }: Sender, name: string): string {
  return `zkllm ${chainId} ${account.address} ${name}`;
}

function read(store: Store, key: string): Signed | null {
  const stored = store.getItem(key);
  return stored === null ? null : JSON.parse(stored);
}

/** Whether it succeeded, once it is so many blocks deep; not so where another one is, under its nonce. */
async function mined({ reader, confirmations }: Sender, { hash }: Signed): Promise<boolean> {
  const receipt = await reader.waitForTransactionReceipt({ hash, confirmations });
  return receipt.transactionHash === hash && receipt.status === "success";
}

async function receiptOf({ reader }: Sender, hash: Hex): Promise<TransactionReceipt | null> {
  try {
    return await reader.getTransactionReceipt({ hash });
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return null;
    throw error;
  }
}

/** Whether the node has it, mined or waiting. */
async function isKnown({ reader }: Sender, hash: Hex): Promise<boolean> {
  return reader.getTransaction({ hash }).then(
    () => true,
    () => false,
  );
}
