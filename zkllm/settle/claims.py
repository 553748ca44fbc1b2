"""Reading settled claims from the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.errors import SettlementError, StatementError
from zkllm.hashing import keccak256
from zkllm.settle.abi import (
    SETTLE,
    SETTLE_MANY,
    SETTLED,
    SettledEvent,
    argument_types,
    decode,
    read,
    selector,
    settled_events,
)
from zkllm.settle.journal import Record
from zkllm.settle.registry import parameters_of
from zkllm.settle.rpc import Rpc
from zkllm.statement import statement_of


@dataclass(frozen=True)
class Claim:
    """A settled claim as the contract stores it, and as it was announced where the node shows that."""

    claim_id: bytes
    token_ids: tuple[int, ...]
    texts: tuple[bytes, ...]
    event: SettledEvent | None
    transaction_hash: bytes | None

    @property
    def text(self) -> bytes:
        return b"".join(self.texts)


def is_settled(rpc: Rpc, settlement: bytes, claim_id: bytes) -> bool:
    (settled,) = read(rpc, settlement, "isSettled(bytes32)", ["bool"], claim_id)
    return bool(settled)


def read_claim(rpc: Rpc, settlement: bytes, claim_id: bytes, transaction_hash: bytes | None = None) -> Claim:
    """`transaction_hash`: of the transaction that settled it, where it is known."""
    (ids,) = read(rpc, settlement, "tokensOf(bytes32)", ["uint32[]"], claim_id)
    texts = []
    for index, expected in enumerate(ids):
        types = ["uint32", "bytes"]
        token, text = read(rpc, settlement, "tokenAt(bytes32,uint256)", types, claim_id, index)
        if token != expected:
            raise SettlementError("the contract contradicts itself about the claim's tokens")
        texts.append(text)
    event = None
    if transaction_hash is None:
        transaction_hash = _search(rpc, settlement, claim_id)
    if transaction_hash is not None:
        event = _event_of(rpc, settlement, claim_id, transaction_hash)
    if event is not None and event.text != b"".join(texts):
        raise SettlementError("the contract's announcement of the claim contradicts its storage")
    return Claim(claim_id, tuple(ids), tuple(texts), event, transaction_hash)


def claims_of(rpc: Rpc, settlement: bytes, transaction_hash: bytes) -> list[bytes]:
    """Ids of the claims that a transaction settled; none where it is not mined."""
    receipt = rpc.receipt(transaction_hash)
    return [] if receipt is None else [e.claim_id for e in settled_events(receipt.logs, settlement)]


def claims_in(rpc: Rpc, record: Record) -> list[bytes]:
    """Ids of the claims that a recorded transaction settles; none where it does something else."""
    if record.data[:4] == selector(SETTLE):
        settlements = [decode(argument_types(SETTLE), record.data[4:], "settle")]
    elif record.data[:4] == selector(SETTLE_MANY):
        (settlements,) = decode(argument_types(SETTLE_MANY), record.data[4:], "settleMany")
    else:
        return []
    return [_claim_in(rpc, bytes.fromhex(verifier[2:]), words) for verifier, _, words, *_ in settlements]


def _claim_in(rpc: Rpc, verifier: bytes, words: Sequence[int]) -> bytes:
    model_id, _, _, N, k, sealed = parameters_of(rpc, verifier)
    try:
        return statement_of(words, model_id, N, k, sealed).claim_id()
    except StatementError as error:
        raise SettlementError(f"a recorded transaction has no statement: {error}") from None


def _event_of(rpc: Rpc, settlement: bytes, claim_id: bytes, transaction_hash: bytes) -> SettledEvent | None:
    receipt = rpc.receipt(transaction_hash)
    logs = () if receipt is None else receipt.logs
    found = [event for event in settled_events(logs, settlement) if event.claim_id == claim_id]
    return found[0] if found else None


def _search(rpc: Rpc, settlement: bytes, claim_id: bytes) -> bytes | None:
    """The transaction that settled the claim. Nodes may refuse to search the whole chain: then what the
    contract stores has to do."""
    try:
        logs = rpc.logs(settlement, (keccak256(SETTLED.encode()), claim_id))
    except SettlementError:
        return None
    return logs[0][0] if len(logs) == 1 else None
