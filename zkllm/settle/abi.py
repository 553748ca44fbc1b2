"""Calls and answers of the contracts, and what their errors mean in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zkllm.errors import SettlementError
from zkllm.hashing import keccak256
from zkllm.settle.rpc import Log, Reverted, Rpc, one_line

VERIFY = "verify(bytes32,uint256[],uint256[])"
SETTLE = "settle(bytes32,uint256[],uint256[],bytes32[],bytes[])"
SETTLED = "Settled(bytes32,address,bytes32,bytes32,uint16[],bytes)"


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def argument_types(signature: str) -> list[str]:
    inner = signature[signature.index("(") + 1 : -1]
    return inner.split(",") if inner else []


def encode_call(signature: str, *arguments: Any) -> bytes:
    from eth_abi import encode

    return selector(signature) + encode(argument_types(signature), arguments)


def decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    from eth_abi import decode as decode_abi
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode_abi(types, data))
    except (DecodingError, OverflowError, ValueError):
        raise SettlementError(f"the contract gave a malformed answer to {what}") from None


def read(rpc: Rpc, address: bytes, signature: str, types: Sequence[str], *arguments: Any) -> tuple[Any, ...]:
    """The values that a view function returns."""
    return decode(types, rpc.call(address, encode_call(signature, *arguments)), signature.split("(")[0])


def words_of(body: bytes) -> list[int]:
    """A proof's body as 32-byte words."""
    if len(body) % 32:
        raise SettlementError("the proof's body is not a sequence of 32-byte words")
    return [int.from_bytes(body[i : i + 32], "big") for i in range(0, len(body), 32)]


@dataclass(frozen=True)
class SettledEvent:
    """What the settlement contract announced."""

    claim_id: bytes
    settler: bytes
    prompt_digest: bytes
    request_id: bytes
    token_ids: tuple[int, ...]
    text: bytes


def settled_event(logs: Iterable[Log], contract: bytes) -> SettledEvent:
    topic = keccak256(SETTLED.encode())
    found = [log for log in logs if log.address == contract and log.topics[:1] == (topic,)]
    if len(found) != 1 or len(found[0].topics) != 4:
        raise SettlementError("the transaction did not announce one settled claim")
    _, claim_id, settler, prompt_digest = found[0].topics
    request_id, ids, text = decode(["bytes32", "uint16[]", "bytes"], found[0].data, "Settled")
    return SettledEvent(claim_id, settler[12:], prompt_digest, request_id, tuple(ids), text)


# ---- errors
SENTENCES = {
    "AlreadySettled(bytes32)": "this claim is settled already (claim 0x{0}); nothing was sent",
    "NotSettled(bytes32)": "no such claim is settled (claim 0x{0})",
    "InvalidLength(uint256)": "the statement has T = {0}, which this contract's shape does not allow",
    "InvalidVocabularyProof(uint256)": "the bytes given for answered token {0} are not the vocabulary's",
    "NoSuchToken(uint256)": "the answer has no token {0}",
    "InvalidCalldata()": "the contract takes calldata of another length: the proof is for another shape",
    "DevelopmentSrsOnMainnet()": "a verifier with a development SRS refuses to exist on the main network",
    "WordOutOfRange()": "a word of the statement is not made of 15 limbs of 16 bits",
    "ScalarOutOfRange()": "the proof is damaged: one of its scalars is not below r",
    "InvalidPoint()": "the proof is damaged: one of its commitments is not a point of the curve",
    "InverseMismatch()": "the proof was made for another statement, context or model, or it is damaged",
    "PrecompileFailed()": "a curve operation ran out of gas; raise the gas limit",
    "PairingFailed()": "the proof is false: the pairing equation does not hold",
    "Rejected()": "the verifier rejects the proof",
}
"""By signature, so that a selector is looked up without an ABI at hand."""

_PANIC = selector("Panic(uint256)")
_ERROR = selector("Error(string)")


def explain_revert(data: bytes, message: str) -> str:
    """One sentence for what a contract reverted with."""
    for signature, sentence in SENTENCES.items():
        if data[:4] == selector(signature):
            types = argument_types(signature)
            values = decode(types, data[4:], "an error") if types else ()
            return sentence.format(*(v.hex() if isinstance(v, bytes) else v for v in values))
    if data[:4] == _ERROR:
        return one_line(str(decode(["string"], data[4:], "an error")[0]))
    if data[:4] == _PANIC:
        return f"the contract panicked with code {decode(['uint256'], data[4:], 'an error')[0]}"
    if data:
        return f"the contract reverted with an unknown error 0x{data[:36].hex()}"
    return f"the contract reverted without a reason ({one_line(message, 100)})"


def explain(error: SettlementError) -> SettlementError:
    """`Reverted` with the contract's reason as a sentence; any other error as it is."""
    if isinstance(error, Reverted):
        return Reverted(error.data, explain_revert(error.data, str(error)))
    return error
