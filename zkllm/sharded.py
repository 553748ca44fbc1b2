"""One proof cut over workers: what each takes, their kernels, and what they told in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Unpack

from .errors import ProofError, ResourceError
from .files import JsonObject
from .kernels.native import NATIVE
from .key_files import opening_table_file
from .memory import GIB, available_memory
from .model.package import ModelPackage
from .pcs.mercury import column_bits
from .preflight import check_prompt
from .protocol.description import Description
from .proving import ProofResult, ProveOptions, prove
from .setup_check import open_setup
from .shape_protocol import protocol_of
from .shapes import shape_keys
from .shards.estimate import coordinator_estimate, worker_estimate
from .shards.kernels import Least, ShardedKernels
from .shards.pool import Pool, Worker
from .shards.wire import Traffic

MOST_SHARDS = 64


@dataclass(frozen=True)
class Shards:
    """What workers of a proof did. `peaks`: resident bytes of each at most; empty where the system does not
    tell. `estimate`: what each was expected to take at most."""

    workers: int
    lost: int
    traffic: dict[str, Traffic]
    peaks: tuple[int, ...]
    estimate: int

    def to_dict(self) -> JsonObject:
        of = lambda tally: {"integers": tally.integers, "elements": tally.elements, "other": tally.other}
        stages = {
            stage: {"calls": t.calls, "sent": of(t.sent), "received": of(t.received), "again": t.again}
            for stage, t in self.traffic.items()
            if t.calls
        }
        return {
            "workers": self.workers,
            "lost": self.lost,
            "bytes": stages,
            "peak_memory_bytes": list(self.peaks),
            "estimated_memory_bytes": self.estimate,
        }


def layered_arrays(protocol: Description) -> list[str]:
    """The weights: arrays whose first axis is the layers, and of which each layer has its owner."""
    manifest = protocol.manifest
    return [held.array.name for name, held in manifest.held.items() if manifest.tensors[name].layered]


def columns_of(protocol: Description, tabled: bool = False) -> tuple[int, int]:
    """(coefficients of the combined columns, coefficients a row); `tabled`: with an opening table, when the
    witness columns alone are combined."""
    row = 1 << column_bits(protocol.mu)
    coefficients = protocol.witness_coefficients if tabled else protocol.coefficients
    return -(-coefficients // row) * row, row


def require_shards(
    protocol: Description, count: int, budget: int | None = None, available: int | None = None
) -> int:
    """Bytes that each of so many workers takes; a ResourceError where that is over the budget, or where what
    is left for this process is more than the machine has."""
    if not 1 <= count <= MOST_SHARDS:
        raise ResourceError(f"--shards {count}: a proof is cut into 1 to {MOST_SHARDS}")
    worker, here = worker_estimate(protocol, count), coordinator_estimate(protocol)
    needed = worker.resident
    if budget is not None and needed > budget:
        raise ResourceError(
            f"each of {count} workers takes about {needed / GIB:.2f} GiB, more than the budget of "
            f"{budget / GIB:.2f} GiB; use more of them (--shards), or a larger budget"
        )
    known = available_memory() if available is None else available
    if known is not None and here.private > known:
        raise ResourceError(
            f"what is not cut takes about {here.private / GIB:.2f} GiB in this process, and this machine has "
            f"{known / GIB:.2f} GiB left; use fewer positions (--max-tokens), or a machine with more"
        )
    return needed


def require_sharded(
    package: ModelPackage, count: int, **asked: Unpack[ProveOptions]
) -> tuple[Description, int]:
    """What is proved, and the bytes that each worker takes. Refuses the prompt, the shape, the memory
    (`memory_budget`: of each worker) before a worker starts."""
    certified, rows = asked.get("certified", 1), asked.get("rows")
    rows = rows if rows is not None else open_setup(package).rows
    check_prompt(package, asked.get("prompt"), asked.get("tokens"), certified, rows)
    protocol = protocol_of(package, rows, certified, asked.get("salt") is not None)
    return protocol, require_shards(protocol, count, asked.get("memory_budget"))


def prove_sharded(
    package: ModelPackage,
    *,
    count: int,
    start: Callable[[int], Worker],
    least: Least = Least(),  # noqa: B008 (frozen)
    **asked: Unpack[ProveOptions],
) -> tuple[ProofResult, Shards]:
    """`proving.prove` with its work cut over `count` workers: the same proof.

    `start`: makes the worker of a number, which can open the package's files and the SRS under the same
    paths. `memory_budget`: of each worker. `least`: what is not worth being cut. Raises ProofError where what
    workers computed makes no valid proof: nobody else has looked at it.
    """
    protocol, estimated = require_sharded(package, count, **asked)
    shape = protocol.shape
    progress = asked.get("progress")
    shape_keys(package, shape.rows, shape.certified, progress, NATIVE, shape.sealed)  # once, by one process
    pool = Pool(count, start)
    try:
        arrays = dict(package.weights.arrays())
        columns = columns_of(protocol, opening_table_file(package.folder).exists())
        kernels = ShardedKernels(pool, arrays, layered_arrays(protocol), columns, least)
        result = prove(package, kernels=kernels.opaque, entered=kernels.enter, memory_checked=True, **asked)
        _require_valid(result)
        peaks = tuple(p for p in pool.peaks() if p)
        return result, Shards(count, pool.lost, dict(pool.traffic), peaks, estimated)
    finally:
        pool.close()


def _require_valid(result: ProofResult) -> None:
    try:
        result.proof.verify(result.verifying_key)
    except ProofError as error:
        raise ProofError(
            f"what the workers computed makes no valid proof ({error}), so it is not kept; prove again, and "
            "with fewer machines (--shards) find the one that miscounts"
        ) from None
