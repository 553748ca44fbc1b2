"""Which contracts were deployed where: one file for each chain, `deployments/<chain id>.json`, append-only,
and compared with the live chain whenever it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import Malformed, SettlementError, reason
from zkllm.files import UNREADABLE, read_json, write_durably
from zkllm.records import encode, from_data
from zkllm.settle.formats import Address, Digest

VERSION = 3


@dataclass(frozen=True)
class Deployment:
    """A generated verifier and the settlement contract that it is registered with."""

    verifier_id: Digest
    model_id: Digest
    N: int
    k: int
    sealed: bool
    srs_kind: str
    verifier: Address
    settlement: Address
    initial_owner: Address  # of the settlement contract, whose address follows from it
    # None where somebody else did it
    verifier_transaction: Digest | None
    settlement_transaction: Digest | None
    registration_transaction: Digest | None


@dataclass(frozen=True)
class _File:
    version: int
    chain_id: int
    deployments: tuple[Deployment, ...]


class Deployments:
    """The file of one chain."""

    def __init__(self, folder: Path, chain_id: int):
        self.path = folder / f"{chain_id}.json"
        self._chain_id = chain_id

    def all(self) -> list[Deployment]:
        try:
            data = read_json(self.path)
            if data.get("version") != VERSION:
                raise Malformed("another version of this program wrote it")
            file = from_data(_File, data, "the list")
            if file.chain_id != self._chain_id:
                raise Malformed(f"it is for chain {file.chain_id}")
            return list(file.deployments)
        except FileNotFoundError:
            return []
        except UNREADABLE as error:
            raise SettlementError(
                f"{self.path} is damaged ({reason(error)}); restore it, or delete it to deploy anew"
            ) from None

    def latest(
        self, verifier_id: bytes, initial_owner: bytes | None = None, verifier: bytes | None = None
    ) -> Deployment | None:
        """`initial_owner`: of the settlement contract; `verifier`: its address. None for any."""
        found = [d for d in self.all() if d.verifier_id == verifier_id]
        found = [d for d in found if initial_owner in (None, d.initial_owner)]
        found = [d for d in found if verifier in (None, d.verifier)]
        return found[-1] if found else None

    def add(self, deployment: Deployment) -> None:
        if deployment not in self.all():
            self._write([*self.all(), deployment])

    def drop(self, deployment: Deployment) -> None:
        """Forgets one that a local chain, started anew, no longer has."""
        self._write([d for d in self.all() if d != deployment])

    def _write(self, deployments: Iterable[Deployment]) -> None:
        write_durably(self.path, encode(_File(VERSION, self._chain_id, tuple(deployments))))
