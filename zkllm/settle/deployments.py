"""Which contracts were deployed where: one file for each chain, `deployments/<chain id>.json`, append-only,
and compared with the live chain whenever it is used.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zkllm.errors import Malformed, SettlementError, reason
from zkllm.settle.journal import write_json
from zkllm.settle.rpc import checksum_address, parse_address

VERSION = 2
_TRANSACTIONS = ("verifier_transaction", "settlement_transaction", "registration_transaction")
_DIGESTS = ("verifier_id", "model_id", *_TRANSACTIONS)
_ADDRESSES = ("verifier", "settlement", "initial_owner")


@dataclass(frozen=True)
class Deployment:
    """A generated verifier and the settlement contract that it is registered with."""

    verifier_id: bytes
    model_id: bytes
    N: int
    k: int
    srs_kind: str
    verifier: bytes
    settlement: bytes
    initial_owner: bytes  # of the settlement contract, whose address follows from it
    # None where somebody else did it
    verifier_transaction: bytes | None
    settlement_transaction: bytes | None
    registration_transaction: bytes | None

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data |= {name: "0x" + data[name].hex() for name in _DIGESTS if data[name] is not None}
        return data | {name: checksum_address(data[name]) for name in _ADDRESSES}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Deployment:
        data = dict(data)
        for name in _DIGESTS:
            if data[name] is None and name in _TRANSACTIONS:
                continue
            if not data[name].startswith("0x") or len(data[name]) != 66:
                raise Malformed(f"{name} is not a digest")
            data[name] = bytes.fromhex(data[name][2:])
        for name in _ADDRESSES:
            data[name] = parse_address(data[name])
        return cls(**data)


class Deployments:
    """The file of one chain."""

    def __init__(self, folder: Path, chain_id: int):
        self.path = folder / f"{chain_id}.json"
        self._chain_id = chain_id

    def all(self) -> list[Deployment]:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if data["chain_id"] != self._chain_id:
                raise Malformed(f"it is for chain {data['chain_id']}")
            if data.get("version") != VERSION:
                raise Malformed("another version of this program wrote it")
            return [Deployment.from_dict(entry) for entry in data["deployments"]]
        except FileNotFoundError:
            return []
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            SettlementError,
        ) as error:
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

    def _write(self, deployments: list[Deployment]) -> None:
        entries = [d.to_dict() for d in deployments]
        write_json(self.path, {"version": VERSION, "chain_id": self._chain_id, "deployments": entries})
