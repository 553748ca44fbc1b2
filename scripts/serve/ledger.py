"""What a node's jobs have become, by its own state and by the chain's blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.database import Database
from zkllm.serve.jobs import Jobs, State
from zkllm.settle.abi import SETTLE, selector, settled_events
from zkllm.settle.rpc import Rpc


def require_settled_once(
    data: Path, rpc: Rpc, contract: bytes, account: bytes, claims: set[bytes]
) -> JsonObject:
    """`claims` are all that the node has settled, each by one job and one transaction of `account`.
    ZkllmError where one was lost, or paid for twice. Returns what that took, on disk and on the chain."""
    jobs = Jobs(Database(data, reading=True))
    counts = {state.value: count for state, count in jobs.counts().items() if count}
    if counts != {State.SETTLED.value: len(claims)}:
        raise ZkllmError(f"{len(claims)} jobs were to be settled, and the node has {counts}")
    found = list(settlements(rpc, contract, account))
    paid = Counter(calldata for calldata, _ in found)
    if len(paid) != len(claims) or len(found) != len(claims) or not all(good for _, good in found):
        failed = sum(not good for _, good in found)
        raise ZkllmError(
            f"{len(claims)} jobs were paid for with {len(found)} transactions, of which {failed} failed"
        )
    logs = [log for _, log in rpc.logs(contract, ())]
    settled = Counter(event.claim_id for event in settled_events(logs, contract))
    if set(settled) != claims or set(settled.values()) != {1}:
        raise ZkllmError(f"{len(claims)} claims were to be settled, and {sum(settled.values())} were")
    return {
        "settled": len(found),
        "transactions": rpc.nonce(account),
        "state_bytes": sum(path.stat().st_size for path in data.glob("node.sqlite*")),
        "journal_bytes": sum(path.stat().st_size for path in (data / "transactions").rglob("*.json")),
    }


def settlements(rpc: Rpc, contract: bytes, account: bytes) -> Iterator[tuple[str, bool]]:
    """Calldata of each settlement that the account has in a block of the chain, and whether it succeeded."""
    where = "0x" + account.hex(), "0x" + contract.hex()
    method = "0x" + selector(SETTLE).hex()
    for number in range(rpc.quantity("eth_blockNumber") + 1):
        for entry in rpc.request("eth_getBlockByNumber", hex(number), True)["transactions"]:
            parties = entry["from"].lower(), (entry["to"] or "").lower()
            if parties == where and entry["input"].startswith(method):
                receipt = rpc.receipt(bytes.fromhex(entry["hash"][2:]))
                yield entry["input"], receipt is not None and receipt.succeeded
