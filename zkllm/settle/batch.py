"""Several answers settled by one transaction, `settleMany`: one pairing for all of their proofs, and one
transaction's base.

What others have settled meanwhile is left out, or passed over by the contract, and reported as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.hashing import keccak256
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.settle.abi import (
    SETTLE,
    SETTLE_MANY,
    argument_types,
    decode,
    encode_call,
    explain_revert,
    selector,
    settled_events,
)
from zkllm.settle.claims import is_settled
from zkllm.settle.fees import Call
from zkllm.settle.lagging import shown
from zkllm.settle.rpc import Receipt, checksum_address
from zkllm.settle.session import Prepared, ReadBack, Session, failed_on_chain
from zkllm.settle.submission import calldata_gas


@dataclass(frozen=True)
class BatchClaim(ReadBack):
    """A claim of a batch as it was read back. `passed_over`: it was settled before, and by another
    transaction, so this one's proof and request count for nothing."""

    claim_id: bytes
    model_id: bytes
    prompt_ids: tuple[int, ...] | None  # None where the prompt is sealed
    token_ids: tuple[int, ...]
    text: bytes
    verifier: bytes
    request_id: bytes
    reward: int  # wei, credited by the request; 0 without one
    passed_over: bool


@dataclass(frozen=True)
class SettledBatch:
    """`claims` in the order in which they were given."""

    claims: tuple[BatchClaim, ...]
    settlement: bytes
    receipt: Receipt
    srs_kind: str
    calldata_bytes: int
    calldata_gas: int
    resumed: bool


@dataclass(frozen=True)
class Entry:
    """A proof of a batch that was checked in every way."""

    proof: Proof
    verifying_key: VerifyingKey
    prepared: Prepared

    @property
    def claim_id(self) -> bytes:
        return self.prepared.submission.claim_id


@dataclass(frozen=True)
class PreparedBatch:
    """Checked proofs for one settlement contract, of different claims."""

    entries: tuple[Entry, ...]
    settlement: bytes

    @property
    def intent(self) -> str:
        """The transaction's name in the journal: that of the claims, in whatever order they are given."""
        claims = keccak256(*sorted(entry.claim_id for entry in self.entries))
        return f"settle-many-{claims.hex()}-{self.settlement.hex()}"

    def call(self, entries: Sequence[Entry]) -> Call:
        """Settles those of the entries."""
        settlements = [
            decode(argument_types(SETTLE), entry.prepared.submission.calldata[4:], "settle")
            for entry in entries
        ]
        what = f"settle {len(entries)} answers"
        return Call(self.intent, what, self.settlement, encode_call(SETTLE_MANY, settlements))


def prepare_batch(
    session: Session,
    proofs: Sequence[tuple[Proof, VerifyingKey]],
    tokens: Sequence[bytes],
    settlement: bytes | None = None,
    verified: bool = False,
) -> PreparedBatch:
    """All checks that need no transaction, as of `Session.prepare`, of each proof; that they are for one
    contract, of different claims, under one SRS."""
    contracts = {proof.context.contract for proof, _ in proofs}
    if len(contracts) > 1:
        shown_contracts = ", ".join(sorted(map(checksum_address, contracts)))
        raise SettlementError(
            f"the proofs were made for different contracts ({shown_contracts}); settle apart"
        )
    if len({key.srs_digest for _, key in proofs}) > 1:
        raise SettlementError(explain_revert(selector("AnotherSrs()"), ""))
    entries = []
    claims: set[bytes] = set()
    for proof, key in proofs:
        claim = proof.statement(key).claim_id()
        if claim in claims:
            raise SettlementError(
                f"two of the proofs are of one claim, 0x{claim.hex()}; leave one of them out"
            )
        claims.add(claim)
        entries.append(Entry(proof, key, session.prepare(proof, key, tokens, settlement, verified)))
    return PreparedBatch(tuple(entries), entries[0].prepared.settlement)


def unsettled(session: Session, batch: PreparedBatch) -> list[Entry]:
    """The entries whose claims are not settled. SettlementError where there are none."""
    left = [e for e in batch.entries if not is_settled(session.rpc, batch.settlement, e.claim_id)]
    if not left:
        raise SettlementError(explain_revert(selector("NothingToSettle()"), ""))
    return left


def simulate_batch(session: Session, call: Call, entries: Sequence[Entry]) -> None:
    """Runs the call on the node without sending it."""
    (claims,) = decode(["bytes32[]"], session.answer(call), "settleMany")
    if len(claims) != len(entries) or any(
        claim not in (bytes(32), entry.claim_id) for claim, entry in zip(claims, entries, strict=True)
    ):
        raise SettlementError("the settlement contract derives other claim ids than this program")


def settle_batch(
    session: Session,
    proofs: Sequence[tuple[Proof, VerifyingKey]],
    tokens: Sequence[bytes],
    settlement: bytes | None = None,
    verified: bool = False,
) -> SettledBatch:
    """Submits several proofs with one transaction, waits, and reads the claims back. Arguments as of
    `Session.settle`; an interrupted run is taken up by another one with the same claims."""
    batch = prepare_batch(session, proofs, tokens, settlement, verified)
    receipt = session.sender.resume(batch.intent)
    resumed = receipt is not None
    if receipt is None:
        left = unsettled(session, batch)
        session.refuse_under_way([e.claim_id for e in left], batch.settlement, batch.intent)
        call = batch.call(left)
        simulate_batch(session, call, left)
        receipt = session.sender.send(call)
    if not receipt.succeeded:
        left = unsettled(session, batch)  # says why, where the reason still holds
        simulate_batch(session, batch.call(left), left)
        raise failed_on_chain(receipt)
    claims = tuple(_read_back(session, batch, receipt, entry) for entry in batch.entries)
    record = session.sender.journal.load(batch.intent)
    sent = b"" if record is None else record.data
    return SettledBatch(
        claims,
        batch.settlement,
        receipt,
        batch.entries[0].verifying_key.srs_kind,
        len(sent),
        calldata_gas(sent),
        resumed,
    )


def _read_back(session: Session, batch: PreparedBatch, receipt: Receipt, entry: Entry) -> BatchClaim:
    """SettlementError unless the chain says of the claim what was meant, or had it settled before."""
    submission, proof = entry.prepared.submission, entry.proof
    found = [e for e in settled_events(receipt.logs, batch.settlement) if e.claim_id == entry.claim_id]
    if found:
        session.check_claim(proof, batch.settlement, submission, found[0])
    elif not shown(session.network, lambda: is_settled(session.rpc, batch.settlement, entry.claim_id)):
        raise SettlementError(f"the transaction did not settle the claim 0x{entry.claim_id.hex()}")
    return BatchClaim(
        entry.claim_id,
        entry.verifying_key.model_id,
        proof.prompt,
        submission.token_ids,
        submission.text,
        entry.prepared.verifier,
        proof.context.request_id,
        session.reward(proof, batch.settlement) if found else 0,
        passed_over=not found,
    )
