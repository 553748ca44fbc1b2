// Asks a language model a question through a settlement contract, with a reward for whoever proves the answer, waits
// for it, and gets the reward back if nobody comes, with viem (npm install viem).
//
// A reward is posted once for a question and salt: run again after a crash, `requestAnswer` finds the request that it
// posted, or the transaction that it had signed to post it, and `reclaimReward` the ether that came back.
import {
  createPublicClient,
  createWalletClient,
  http,
  keccak256,
  parseAbi,
  type Address,
  type Hex,
  type LocalAccount,
} from "viem";
import { readAnswer, type Answer, type Question } from "./read-claim.mjs";
import { resume, sendOnce, type Sender, type Store } from "./send-once.mjs";

const ESCROW = parseAbi([
  "struct Request { address requester; uint64 deadline; uint8 state; bytes32 claimId; uint256 reward; }",
  "function request(bytes32 modelId, uint32[] prompt, uint256 k, uint64 deadline, bytes32 salt) payable returns (bytes32)",
  "function requestIdOf(address requester, bytes32 salt) pure returns (bytes32)",
  "function requestOf(bytes32 requestId) view returns (Request)",
  "function claimIdOf(bytes32 modelId, uint256 k, uint32[] prompt) pure returns (bytes32)",
  "function creditOf(address account) view returns (uint256)",
  "function reclaim(bytes32 requestId)",
  "function withdraw(address recipient)",
  "error RequestExists(bytes32 requestId)",
  "error InvalidDeadline(uint256 deadline)",
  "error InvalidRequest()",
  "error StillOpen(bytes32 requestId)",
  "error RequestClosed(bytes32 requestId)",
  "error NothingToWithdraw()",
]);
/** What `requestOf` says of a request's state. */
const NONE = 0;
const OPEN = 1;

export interface Offer {
  /** In wei. What an answer costs a prover, gas and work, is for you to find out: nobody comes for less. */
  reward: bigint;
  /** Seconds from now in which the reward can be earned, at most a year. Nobody can take the offer back before. */
  seconds: number;
  /** Set another one to pay for the same question once more. */
  salt?: Hex;
}

export interface Asked {
  requestId: Hex;
  claimId: Hex;
  /** Last second in which the reward can be earned. */
  deadline: bigint;
}

function senderOf(rpcUrl: string, account: LocalAccount, store: Store, confirmations: number): Sender {
  const transport = http(rpcUrl);
  const reader = createPublicClient({ transport });
  return { reader, writer: createWalletClient({ transport, account }), account, store, confirmations };
}

/** The request for this question, posted unless it was before. Who is already answered needs none: `readAnswer` first. */
export async function requestAnswer(
  rpcUrl: string,
  account: LocalAccount,
  question: Question,
  offer: Offer,
  store: Store,
  confirmations = 1,
): Promise<Asked> {
  const sender = senderOf(rpcUrl, account, store, confirmations);
  const { reader } = sender;
  const contract = { address: question.settlement, abi: ESCROW };
  const args = [question.modelId, BigInt(question.k), question.prompt] as const;
  const claimId = await reader.readContract({ ...contract, functionName: "claimIdOf", args });
  const salt = offer.salt ?? keccak256(claimId);
  const requestId = await reader.readContract({
    ...contract,
    functionName: "requestIdOf",
    args: [account.address, salt],
  });

  const name = `request ${question.settlement} ${requestId}`;
  await resume(sender, name);
  const posted = await reader.readContract({ ...contract, functionName: "requestOf", args: [requestId] });
  if (posted.state !== NONE) {
    if (posted.claimId !== claimId) throw new Error(`the salt ${salt} was used for another question`);
    return { requestId, claimId, deadline: posted.deadline };
  }
  const { timestamp } = await reader.getBlock();
  const deadline = timestamp + BigInt(offer.seconds);
  const [modelId, k, prompt] = args;
  const call = {
    ...contract,
    functionName: "request",
    args: [modelId, prompt, k, deadline, salt],
    value: offer.reward,
  } as const;
  // simulated first: what the contract would refuse throws here, by its name, and costs nothing
  await reader.simulateContract({ ...call, account });
  await sendOnce(sender, name, call);
  return { requestId, claimId, deadline };
}

/** The answer as soon as it is settled, or null once the deadline has passed without one. Late is not never: a proof may
 * still come, and is then the answer all the same. `finalized` waits for what no reorganisation takes away. */
export async function waitForAnswer(
  rpcUrl: string,
  question: Question,
  deadline: bigint,
  blockTag: "finalized" | "latest" = "finalized",
  pollMilliseconds = 4_000,
): Promise<Answer | null> {
  const client = createPublicClient({ transport: http(rpcUrl) });
  for (;;) {
    // the time first: an answer of the block that ends the offer is not missed
    const { timestamp } = await client.getBlock({ blockTag });
    const answer = await readAnswer(rpcUrl, question, blockTag);
    if (answer !== null || timestamp > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}

/** Pays out what nobody earned, to the account itself: all that the settlement owes it, this reward included. Returns it
 * in wei, 0 where nothing came back: then a prover has earned it, or an earlier run was paid. Throws while somebody still
 * can earn it. */
export async function reclaimReward(
  rpcUrl: string,
  account: LocalAccount,
  settlement: Address,
  requestId: Hex,
  store: Store,
  confirmations = 1,
): Promise<bigint> {
  const sender = senderOf(rpcUrl, account, store, confirmations);
  const { reader } = sender;
  const contract = { address: settlement, abi: ESCROW };
  const reclaim = `reclaim ${settlement} ${requestId}`;
  const withdraw = `withdraw ${settlement}`;
  for (const name of [reclaim, withdraw]) await resume(sender, name);
  const { state } = await reader.readContract({
    ...contract,
    functionName: "requestOf",
    args: [requestId],
  });
  if (state === OPEN) {
    const call = { ...contract, functionName: "reclaim", args: [requestId] } as const;
    await reader.simulateContract({ ...call, account });
    await sendOnce(sender, reclaim, call);
  }
  const credit = await reader.readContract({
    ...contract,
    functionName: "creditOf",
    args: [account.address],
  });
  if (credit !== 0n) {
    const call = { ...contract, functionName: "withdraw", args: [account.address] } as const;
    await reader.simulateContract({ ...call, account });
    await sendOnce(sender, withdraw, call);
  }
  return credit;
}
