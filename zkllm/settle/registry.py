"""What a settlement contract says about itself: its owner, and which verifiers are registered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from zkllm.settle.abi import read
from zkllm.settle.rpc import Rpc
from zkllm.shape_id import ShapeId


class Status(IntEnum):
    """`IVerifierRegistry.Status`."""

    UNKNOWN = 0
    ACTIVE = 1
    FROZEN = 2


@dataclass(frozen=True)
class Registered:
    """A registered verifier, and what it says about itself."""

    address: bytes
    status: Status
    model_id: bytes
    vocabulary_root: bytes
    vocabulary_size: int
    N: int
    k: int
    sealed: bool

    @property
    def shape(self) -> ShapeId:
        return ShapeId(self.N, self.k, self.sealed)


def owner_of(rpc: Rpc, settlement: bytes) -> bytes:
    """20 zero bytes where the ownership was given up."""
    (owner,) = read(rpc, settlement, "owner()", ["address"])
    return bytes.fromhex(owner[2:])


def status_of(rpc: Rpc, settlement: bytes, verifier: bytes) -> Status:
    (status,) = read(rpc, settlement, "statusOf(address)", ["uint8"], verifier)
    return Status(min(status, Status.FROZEN))


def verifiers_of(rpc: Rpc, settlement: bytes, model_id: bytes) -> list[Registered]:
    """Frozen ones too, in the order in which they were added."""
    (addresses,) = read(rpc, settlement, "verifiersOf(bytes32)", ["address[]"], model_id)
    found = []
    for address in (bytes.fromhex(a[2:]) for a in addresses):
        found.append(Registered(address, status_of(rpc, settlement, address), *parameters_of(rpc, address)))
    return found


def parameters_of(rpc: Rpc, verifier: bytes) -> tuple[bytes, bytes, int, int, int, bool]:
    """model_id, vocabulary_root, vocabulary_size, N, k, whether prompts are sealed: as the verifier says."""
    types = ["bytes32", "bytes32", "uint256", "uint256", "uint256", "bool"]
    model_id, root, size, rows, certified, sealed = read(rpc, verifier, "parameters()", types)
    return model_id, root, size, rows, certified, sealed
