"""Requests for answers and their rewards, as the settlement contract keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from zkllm.errors import SettlementError
from zkllm.sealed import seal
from zkllm.settle.abi import (
    RECLAIM,
    REQUEST,
    REQUEST_DIGEST,
    REQUEST_SEALED,
    WITHDRAW,
    encode_call,
    explain_revert,
    read,
    selector,
)
from zkllm.settle.fees import Call
from zkllm.settle.rpc import Rpc
from zkllm.statement import prompt_digest

MAX_SECONDS = 365 * 24 * 3600
"""RequestEscrow.MAX_DURATION."""
MARGIN_SECONDS = 120
"""Nobody starts to prove for a request that ends sooner."""


class State(IntEnum):
    """`IRequestEscrow.State`."""

    NONE = 0
    OPEN = 1
    CLOSED = 2


@dataclass(frozen=True)
class Request:
    """A request as it was posted, and its state."""

    requester: bytes
    deadline: int
    state: State
    claim_id: bytes
    reward: int


def read_request(rpc: Rpc, settlement: bytes, request_id: bytes) -> Request:
    types = ["address", "uint64", "uint8", "bytes32", "uint256"]
    requester, deadline, state, claim_id, reward = read(
        rpc, settlement, "requestOf(bytes32)", types, request_id
    )
    state = State(min(state, State.CLOSED))
    return Request(bytes.fromhex(requester[2:]), deadline, state, claim_id, reward)


def credit_of(rpc: Rpc, settlement: bytes, account: bytes) -> int:
    """Wei that the account can withdraw."""
    (credit,) = read(rpc, settlement, "creditOf(address)", ["uint256"], account)
    return int(credit)


def check_request(rpc: Rpc, settlement: bytes, request_id: bytes, claim_id: bytes) -> Request:
    """Refuses a request that settling this claim would not fulfil, before time is spent on the proof."""
    found = read_request(rpc, settlement, request_id)
    if found.state is State.NONE:
        raise _refused("UnknownRequest(bytes32)", request_id)
    if found.state is State.CLOSED:
        raise _refused("RequestClosed(bytes32)", request_id)
    if found.claim_id != claim_id:
        raise _refused("AnotherClaim(bytes32,bytes32)", request_id + found.claim_id)
    if rpc.timestamp() + MARGIN_SECONDS > found.deadline:
        raise _refused("RequestExpired(bytes32)", request_id)
    return found


def _refused(error: str, data: bytes) -> SettlementError:
    return SettlementError(explain_revert(selector(error) + data, ""))


# ---- calls
def request_call(
    settlement: bytes,
    request_id: bytes,
    model_id: bytes,
    prompt: Sequence[int],
    k: int,
    deadline: int,
    salt: bytes,
    reward: int,
    hide_prompt: bool = False,
    prompt_salt: int | None = None,
) -> Call:
    """Posts a request; with `hide_prompt`, only the prompt's digest is given, and of one that is sealed P."""
    if prompt_salt is not None:
        data = encode_call(REQUEST_SEALED, model_id, seal(prompt_salt, prompt), k, deadline, salt)
    elif hide_prompt:
        data = encode_call(REQUEST_DIGEST, model_id, prompt_digest(prompt), k, deadline, salt)
    else:
        data = encode_call(REQUEST, model_id, list(prompt), k, deadline, salt)
    intent = f"request-{request_id.hex()}-{settlement.hex()}"
    return Call(intent, "post the request", settlement, data, reward)


def reclaim_call(settlement: bytes, request_id: bytes) -> Call:
    intent = f"reclaim-{request_id.hex()}-{settlement.hex()}"
    return Call(intent, "reclaim the reward", settlement, encode_call(RECLAIM, request_id))


def withdraw_call(settlement: bytes, account: bytes, recipient: bytes) -> Call:
    intent = f"withdraw-{account.hex()}-{settlement.hex()}"
    return Call(intent, "withdraw the credit", settlement, encode_call(WITHDRAW, recipient))
