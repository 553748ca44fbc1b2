"""The settlement contract's address and code: which address it has for a first owner, and whether a contract
is it. The address commits to the init code, and with it to what storage began with.
"""

from __future__ import annotations

from zkllm.settle.contracts import CodeMismatch, compare_code, settlement_artifact
from zkllm.settle.create2 import create2_address
from zkllm.settle.rpc import Rpc, checksum_address

WHAT = "settlement contract"


def word(address: bytes) -> bytes:
    """An address as a constructor's argument, or in the place of an immutable."""
    return address.rjust(32, b"\0")


def settlement_init_code(initial_owner: bytes) -> bytes:
    return settlement_artifact().creation + word(initial_owner)


def settlement_address(initial_owner: bytes) -> bytes:
    return create2_address(settlement_init_code(initial_owner))


def check_settlement(rpc: Rpc, chain_id: int, settlement: bytes) -> bytes:
    """The initial owner of a settlement contract, which is to the byte what the compiler makes here, and was
    made by its init code: so its storage began empty."""
    code = rpc.code(settlement)
    if not code:
        raise CodeMismatch(f"there is no contract at {checksum_address(settlement)} on chain {chain_id}")
    ours = settlement_artifact()
    offset = ours.immutables["INITIAL_OWNER"][0]
    owner = code[offset + 12 : offset + 32].ljust(20, b"\0")
    compare_code(WHAT, settlement, code, ours.code_with({"INITIAL_OWNER": word(owner)}))
    computed = settlement_address(owner)
    if settlement != computed:
        raise CodeMismatch(
            f"the contract at {checksum_address(settlement)} is not the {WHAT} that this version deploys, "
            f"which for its owner is at {checksum_address(computed)}; do not use it"
        )
    return owner
