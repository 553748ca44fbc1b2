"""Calls and answers of the contracts, and what their errors mean in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zkllm.errors import SettlementError
from zkllm.hashing import keccak256
from zkllm.settle.dates import utc
from zkllm.settle.rpc import Log, Reverted, Rpc, one_line

VERIFY = "verify(bytes32,uint256[],uint256[])"
SETTLE = "settle(address,bytes32,uint256[],uint256[],bytes32[],bytes[])"
SETTLE_MANY = f"settleMany(({SETTLE.partition('(')[2]}[])"
REGISTER = "register(address)"
REQUEST = "request(bytes32,uint32[],uint256,uint64,bytes32)"
REQUEST_DIGEST = "requestDigest(bytes32,bytes32,uint256,uint64,bytes32)"
REQUEST_SEALED = "requestSealed(bytes32,uint256,uint256,uint64,bytes32)"
RECLAIM = "reclaim(bytes32)"
WITHDRAW = "withdraw(address)"
REQUESTED = "Requested(bytes32,bytes32,address,bytes32,uint256,uint256,uint256,uint32[])"
RETURNED = "Returned(bytes32,bytes32,uint256)"
FULFILLED = "Fulfilled(bytes32,bytes32,address,uint256)"
SETTLED = "Settled(bytes32,bytes32,address,bytes32,bytes)"


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def argument_types(signature: str) -> list[str]:
    from eth_abi.grammar import parse

    arguments = signature[signature.index("(") :]
    return [] if arguments == "()" else [a.to_type_str() for a in parse(arguments).components]


def encode_call(signature: str, *arguments: object) -> bytes:
    from eth_abi import encode

    return selector(signature) + encode(argument_types(signature), arguments)


def decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    from eth_abi import decode as decode_abi
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode_abi(types, data))
    except (DecodingError, OverflowError, ValueError):
        raise SettlementError(f"the contract gave a malformed answer to {what}") from None


def read(
    rpc: Rpc, address: bytes, signature: str, types: Sequence[str], *arguments: object
) -> tuple[Any, ...]:
    """The values that a view function returns."""
    return decode(types, rpc.call(address, encode_call(signature, *arguments)), signature.split("(")[0])


def words_of(body: bytes) -> list[int]:
    """A proof's body as 32-byte words."""
    if len(body) % 32:
        raise SettlementError("the proof's body is not a sequence of 32-byte words")
    return [int.from_bytes(body[i : i + 32], "big") for i in range(0, len(body), 32)]


@dataclass(frozen=True)
class SettledEvent:
    """What the settlement contract announced: `Settled`, and `Fulfilled` where it was for a request."""

    claim_id: bytes
    model_id: bytes
    settler: bytes
    prompt_digest: bytes
    text: bytes
    request_id: bytes
    """32 zero bytes for none."""


def settled_events(logs: Iterable[Log], contract: bytes) -> list[SettledEvent]:
    """Those of a transaction's receipt: both announcements are in its logs."""
    topic = keccak256(SETTLED.encode())
    logs = list(logs)
    requests = _requests_by_claim(logs, contract)
    found = []
    for log in logs:
        if log.address != contract or log.topics[:1] != (topic,):
            continue
        if len(log.topics) != 4:
            raise SettlementError("the node gave a malformed announcement of a settled claim")
        _, claim_id, model_id, settler = log.topics
        prompt_digest, text = decode(["bytes32", "bytes"], log.data, "Settled")
        request_id = requests.get(claim_id, bytes(32))
        found.append(SettledEvent(claim_id, model_id, settler[12:], prompt_digest, text, request_id))
    return found


def _requests_by_claim(logs: Iterable[Log], contract: bytes) -> dict[bytes, bytes]:
    topic = keccak256(FULFILLED.encode())
    return {
        log.topics[2]: log.topics[1]
        for log in logs
        if log.address == contract and log.topics[:1] == (topic,) and len(log.topics) == 4
    }


def settled_event(logs: Iterable[Log], contract: bytes) -> SettledEvent:
    found = settled_events(logs, contract)
    if len(found) != 1:
        raise SettlementError("the transaction did not announce one settled claim")
    return found[0]


# ---- errors
SENTENCES = {
    "AlreadySettled(bytes32)": "this claim is settled already (claim 0x{0}); nothing was sent",
    "NothingToSettle()": "all claims of the batch are settled already; nothing was sent",
    "AnotherSrs()": "the proofs were made under different SRSs; settle those of each one by themselves",
    "NotSettled(bytes32)": "no such claim is settled (claim 0x{0})",
    "InvalidLength(uint256)": "the statement has T = {0}, which this contract's shape does not allow",
    "InvalidVocabularyProof()": "the bytes given for the answered tokens are not the vocabulary's",
    "TooLong(uint256)": "the answer takes {0} bytes to record, and the contract keeps up to 24,575",
    "NotCreated()": "the answer's record could not be kept: give the transaction more gas",
    "NoSuchToken(uint256)": "the answer has no token {0}",
    "InvalidCalldata()": "the contract takes calldata of another length: the proof is for another shape",
    "DevelopmentSrsOnMainnet()": "a verifier with a development SRS refuses to exist on the main network",
    "WordOutOfRange()": (
        "a word of the statement is not made of 10 limbs of 24 bits, or a sealed prompt is not below r"
    ),
    "ScalarOutOfRange()": "the proof is damaged: one of its scalars is not below r",
    "InvalidPoint()": "the proof is damaged: one of its commitments is not a point of the curve",
    "InverseMismatch()": "the proof was made for another statement, context or model, or it is damaged",
    "PrecompileFailed()": "a curve operation ran out of gas; raise the gas limit",
    "PairingFailed()": "the proof is false: the pairing equation does not hold",
    "Rejected()": "the verifier rejects the proof",
    # the registry
    "OwnableUnauthorizedAccount(address)": (
        "the account {0} is not the owner of the settlement contract, who alone may do this"
    ),
    "OwnableInvalidOwner(address)": "a settlement contract cannot begin with {0} as its owner",
    "NotAVerifier(address)": "there is no verifier at {0}; deploy it first",
    "AlreadyRegistered(address)": "the verifier {0} is registered already, perhaps frozen",
    "ShapeTaken(bytes32,uint256,uint256,bool)": (
        "another verifier is registered for the model 0x{0} with N={1}, k={2} (sealed: {3}); it is never "
        "replaced: use another shape (--max-tokens), or another settlement contract (--owner)"
    ),
    "UnknownVerifier(address)": (
        "the verifier {0} is not registered; the contract's owner has to run the command deploy"
    ),
    "FrozenVerifier(address)": (
        "the owner froze the verifier {0}: it settles nothing any more; use another settlement contract"
    ),
    "ParametersChanged(address)": (
        "the verifier {0} says something else about itself than when it was registered; do not rely on it"
    ),
    "UnknownShape(bytes32,uint256,uint256,bool)": (
        "no verifier is registered for the model 0x{0} with N={1}, k={2} (sealed: {3})"
    ),
    # requests
    "RequestExists(bytes32)": "the request 0x{0} was posted already; give another --salt to ask again",
    "InvalidDeadline(uint256)": "the deadline, {0}, is not between now and a year from now",
    "InvalidRequest()": "a request needs a prompt, and an answer of at least one token",
    "InvalidSealedPrompt(uint256)": "a sealed prompt is a number below r",
    "UnknownRequest(bytes32)": "no request 0x{0} was posted to this contract",
    "RequestClosed(bytes32)": "the request 0x{0} is closed: it was fulfilled, or its reward went back",
    "RequestExpired(bytes32)": "the deadline of the request 0x{0} has passed; settle without it, unpaid",
    "AnotherClaim(bytes32,bytes32)": "the request 0x{0} asks for another claim, 0x{1}",
    "StillOpen(bytes32)": (
        "the request 0x{0} is still open: before its deadline nobody can take the reward back"
    ),
    "NothingToWithdraw()": "the account has no credit with this contract",
    "TransferFailed()": "the recipient refused the ether; name another with --to",
    # adapters for other standards (docs/standards.md)
    "InvalidEncoding()": "metadata or proof are not the encodings that ZkLLMProofVerifier takes",
    "AnotherVerifier(bytes32)": "the verifier in the metadata has another VERIFIER_ID, 0x{0}",
    "AnotherInput(bytes32)": "the proof is about another prompt: its inputHash is 0x{0}",
    "AnotherOutput(bytes32)": "the proof is about another answer: its outputHash is 0x{0}",
    "NotEnoughGas()": "too little gas to tell whether the proof is valid; raise the gas limit",
    "NotAsked(bytes32)": "the validation registry has no request 0x{0} for this validator",
    "AnotherAgent(uint256)": "the request was made by the agent {0}, and the report is another agent's",
    "AlreadyValidated(bytes32)": "the validator has responded to the request 0x{0}, which is final",
    "AlreadyCommitted(bytes32)": "the commitment 0x{0} was made before; its age counts from then",
    "NotCommitted(bytes32)": "the commitment 0x{0} was not made, or less than a minute ago",
    "AnotherPrompt(uint256)": "the token {0} is that of another prompt",
    "AlreadyAdded(uint256)": "the token {0} has its content, which is final",
    "NotTheAnswer(uint256)": "the content is not the settled answer to the prompt of the token {0}",
}
"""By signature, so that a selector is looked up without an ABI at hand."""

_TIMES = ("InvalidDeadline(uint256)",)
"""Errors whose number is Unix time."""
_PANIC = selector("Panic(uint256)")
_ERROR = selector("Error(string)")


def explain_revert(data: bytes, message: str) -> str:
    """One sentence for what a contract reverted with."""
    for signature, sentence in SENTENCES.items():
        if data[:4] == selector(signature):
            types = argument_types(signature)
            values = decode(types, data[4:], "an error") if types else ()
            values = tuple(map(utc, values)) if signature in _TIMES else values
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
