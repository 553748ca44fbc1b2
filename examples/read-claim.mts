// Reads what a language model was proved to answer from a chain, with viem (npm install viem).
//
// The claim's id follows from the question, so whoever knows model, prompt and number of tokens can read the answer. All
// reads are of one block: an answer that a reorganisation takes away is not half read.
import { createPublicClient, hexToBytes, http, parseAbi, type Address, type Hex } from "viem";

const SETTLEMENT = parseAbi([
  "function claimIdOf(bytes32 modelId, uint256 k, uint32[] prompt) pure returns (bytes32)",
  "function isSettled(bytes32 claimId) view returns (bool)",
  "function textOf(bytes32 claimId) view returns (bytes)",
  "function tokensOf(bytes32 claimId) view returns (uint32[])",
]);

export interface Question {
  /** Settlement contract. Its owner says which verifiers count: choose one that you trust. */
  settlement: Address;
  modelId: Hex;
  /** Token ids of the prompt. */
  prompt: readonly number[];
  /** Tokens of the answer. */
  k: number;
}

export interface Answer {
  claimId: Hex;
  tokens: readonly number[];
  /** Tokens are bytes, and need not be valid UTF-8. */
  bytes: Uint8Array;
}

/** The settled answer, or null where none is settled. The block is the `finalized` one unless another is named. */
export async function readAnswer(
  rpcUrl: string,
  question: Question,
  blockTag: "finalized" | "latest" = "finalized",
): Promise<Answer | null> {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const contract = { address: question.settlement, abi: SETTLEMENT };
  const { number: blockNumber } = await client.getBlock({ blockTag });
  if (blockNumber === null) throw new Error(`the node has no number for its ${blockTag} block`);

  const claimId = await client.readContract({
    ...contract,
    functionName: "claimIdOf",
    args: [question.modelId, BigInt(question.k), question.prompt],
    blockNumber,
  });
  const claim = { ...contract, args: [claimId], blockNumber } as const;
  if (!(await client.readContract({ ...claim, functionName: "isSettled" }))) return null;
  const [tokens, text] = await Promise.all([
    client.readContract({ ...claim, functionName: "tokensOf" }),
    client.readContract({ ...claim, functionName: "textOf" }),
  ]);
  return { claimId, tokens, bytes: hexToBytes(text) };
}
