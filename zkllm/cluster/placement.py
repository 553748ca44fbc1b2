"""How many processes of a size the machines of a cluster hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.nodes import Node
from zkllm.errors import ResourceError
from zkllm.model.package import ModelPackage
from zkllm.proving import estimate_memory
from zkllm.shape_id import ShapeId

GIB = 1 << 30


@dataclass(frozen=True)
class Placement:
    """Each process has so many cores and bytes of memory; `count` of them run at once."""

    count: int
    cores: int
    memory: int


def proof_memory(package: ModelPackage, shapes: Iterable[ShapeId], budget: int | None = None) -> int:
    """Bytes that a process takes for a proof of the largest of these shapes, mapped files aside. Raises
    ResourceError where one would take more resident memory than the budget."""
    needed = {shape: estimate_memory(package, *shape) for shape in shapes}
    for shape, estimate in needed.items():
        if budget is not None and estimate.resident > budget:
            raise ResourceError(
                f"a proof of {shape} takes about {estimate.resident >> 20:,} MiB of resident memory, more "
                f"than the budget of {budget >> 20:,} MiB"
            )
    return max(estimate.private for estimate in needed.values())


def place(
    nodes: Sequence[Node], memory: int, what: str, cores: int | None = None, most: int | None = None
) -> Placement:
    """Processes that take `memory` bytes each. `cores`: for each (default: as many as the smallest machine
    has of those with the memory, so that each of them holds one). `most`: no more than so many processes.

    Raises ClusterError where no machine holds one.
    """
    large = [node for node in nodes if node.memory >= memory and node.cores >= (cores or 1)]
    if not large:
        largest = max((node.memory for node in nodes), default=0)
        most_cores = max((node.cores for node in nodes), default=0)
        raise ClusterError(
            f"{what} takes {memory / GIB:.2f} GiB of memory and {cores or 1} cores, and no machine of the "
            f"cluster offers that: the largest has {largest / GIB:.2f} GiB, and {most_cores} cores"
        )
    each = cores if cores is not None else min(node.cores for node in large)
    count = sum(min(node.cores // each, node.memory // max(1, memory)) for node in large)
    return Placement(count if most is None else max(1, min(count, most)), each, memory)
