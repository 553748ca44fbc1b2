"""Deployment with CREATE2 through the deterministic deployment proxy, so that a contract's address commits to
the code that initialised it. The proxy: https://github.com/Arachnid/deterministic-deployment-proxy.

Deployed code and immutables say nothing of a contract's storage: other init code can return the very same
code and leave forged entries behind. A contract at `create2_address` of our init code can only have been made
by running it.
"""

from __future__ import annotations

from zkllm.errors import SettlementError
from zkllm.hashing import keccak256
from zkllm.settle.rpc import Rpc, checksum_address

PROXY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""Nobody owns it; it is at the same address on nearly all chains, and on Anvil from the start."""
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
SALT = bytes(32)


def create2_address(init_code: bytes) -> bytes:
    """EIP-1014: where the proxy puts the contract of `init_code` (creation code, constructor arguments)."""
    return keccak256(b"\xff", PROXY, SALT, keccak256(init_code))[12:]


def create2_calldata(init_code: bytes) -> bytes:
    """What the proxy takes."""
    return SALT + init_code


def require_proxy(rpc: Rpc, chain_id: int) -> None:
    """Refuses a chain without the proxy, before anything is sent to its address."""
    if rpc.code(PROXY) != PROXY_CODE:
        raise SettlementError(
            f"chain {chain_id} lacks the deterministic deployment proxy at {checksum_address(PROXY)}; "
            "deploy it there first (github.com/Arachnid/deterministic-deployment-proxy)"
        )
