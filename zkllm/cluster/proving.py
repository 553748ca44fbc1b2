"""One proof whose work is cut over workers of a Ray: `zkllm prove --shards S [--ray ADDRESS]`."""

from __future__ import annotations

from typing import Unpack

from zkllm.cluster.local import STORE_BYTES
from zkllm.cluster.session import ray_session, require_ray
from zkllm.cluster.shards import RayWorker, require_room
from zkllm.model.package import ModelPackage
from zkllm.proving import ProofResult, ProveOptions
from zkllm.sharded import Shards, prove_sharded, require_sharded
from zkllm.shards.estimate import LOOKED_UP
from zkllm.shards.kernels import Least
from zkllm.timings import available_cores


def prove_on_ray(
    package: ModelPackage,
    *,
    count: int,
    address: str | None = None,
    least: Least = Least(),  # noqa: B008 (frozen)
    **asked: Unpack[ProveOptions],
) -> tuple[ProofResult, Shards]:
    """`proving.prove` over `count` workers of the Ray at `address`, or of one that ends with the proof.

    Every machine has the package, and the SRS, under the same paths as this one. Everything is refused before
    a worker starts: the prompt, the shape, the memory (`memory_budget`: of each worker), the cluster's room.
    """
    require_ray()
    protocol, needed = require_sharded(package, count, **asked)
    # what workers are sent at once passes through the store
    store = STORE_BYTES + LOOKED_UP * protocol.witness.used
    cores = max(count, available_cores()) if address is None else None
    with ray_session(address, cores=cores, store=store):
        require_room(count, needed)
        return prove_sharded(package, count=count, start=lambda _: RayWorker(needed), least=least, **asked)
