"""What only the owner of a settlement contract does, beside registering verifiers: freeze one, and hand the
ownership over in two steps (OpenZeppelin's `Ownable2Step`), or give it up. Each is checked before anything
is sent."""

from __future__ import annotations

from zkllm.errors import SettlementError
from zkllm.settle.abi import encode_call, explain_revert, read, selector
from zkllm.settle.fees import Call
from zkllm.settle.registry import Status, owner_of, status_of
from zkllm.settle.rpc import Rpc, checksum_address
from zkllm.settle.settlement import word

NOBODY = bytes(20)
UNAUTHORIZED = "OwnableUnauthorizedAccount(address)"
"""What OpenZeppelin's `Ownable` refuses with."""


def pending_owner_of(rpc: Rpc, settlement: bytes) -> bytes:
    """Who may accept the ownership; 20 zero bytes where it was offered to nobody."""
    (owner,) = read(rpc, settlement, "pendingOwner()", ["address"])
    return bytes.fromhex(owner[2:])


def check_owner(rpc: Rpc, settlement: bytes, account: bytes) -> None:
    """Refuses an account that is not the owner."""
    if owner_of(rpc, settlement) != account:
        raise SettlementError(explain_revert(selector(UNAUTHORIZED) + word(account), ""))


def check_active(rpc: Rpc, settlement: bytes, verifier: bytes) -> None:
    """Refuses a verifier that is frozen already, or that was never registered."""
    status, place = status_of(rpc, settlement, verifier), checksum_address(verifier)
    if status is Status.FROZEN:
        raise SettlementError(f"the verifier {place} is frozen already")
    if status is Status.UNKNOWN:
        raise SettlementError(f"the verifier {place} is not registered, so there is nothing to freeze")


def check_offered(rpc: Rpc, settlement: bytes, account: bytes) -> None:
    """Refuses an account that the ownership was not offered to."""
    offered = pending_owner_of(rpc, settlement)
    if offered != account or not any(account):
        to = checksum_address(offered) if any(offered) else "nobody"
        raise SettlementError(
            f"the ownership of {checksum_address(settlement)} is offered to {to}, not to this account, "
            f"{checksum_address(account)}"
        )


# ---- calls
def freeze_call(settlement: bytes, verifier: bytes) -> Call:
    """No proof is settled by the verifier any more, for ever. What it settled stays."""
    intent = f"freeze-{verifier.hex()}-{settlement.hex()}"
    return Call(intent, "freeze the verifier", settlement, encode_call("freeze(address)", verifier))


def offer_call(settlement: bytes, heir: bytes) -> Call:
    """The owner stays until `heir` accepts; offering it to nobody (20 zero bytes) takes an offer back."""
    intent = f"offer-ownership-{heir.hex()}-{settlement.hex()}"
    data = encode_call("transferOwnership(address)", heir)
    return Call(intent, "offer the ownership", settlement, data)


def accept_call(settlement: bytes, account: bytes) -> Call:
    intent = f"accept-ownership-{account.hex()}-{settlement.hex()}"
    return Call(intent, "accept the ownership", settlement, encode_call("acceptOwnership()"))


def renounce_call(settlement: bytes) -> Call:
    """No verifier is added or frozen any more, for ever."""
    intent = f"renounce-ownership-{settlement.hex()}"
    return Call(intent, "give the ownership up", settlement, encode_call("renounceOwnership()"))
