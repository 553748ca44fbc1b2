"""One proof whose work is cut over workers of a Ray: `zkllm prove --shards S [--ray ADDRESS]`."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.cluster.local import STORE_BYTES
from zkllm.cluster.session import ray_session, require_ray
from zkllm.cluster.shards import RayWorker, require_room
from zkllm.model.chat import Messages
from zkllm.model.package import ModelPackage
from zkllm.preflight import check_prompt
from zkllm.proving import ProofResult
from zkllm.setup_check import open_setup
from zkllm.shape_protocol import protocol_of
from zkllm.sharded import Shards, prove_sharded, require_shards
from zkllm.shards.estimate import LOOKED_UP
from zkllm.shards.kernels import Least
from zkllm.statement import Context
from zkllm.timings import Progress, available_cores


def prove_on_ray(
    package: ModelPackage,
    *,
    count: int,
    address: str | None = None,
    prompt: str | Messages | None = None,
    tokens: Sequence[int] | None = None,
    certified: int = 1,
    context: Context | None = None,
    rows: int | None = None,
    progress: Progress | None = None,
    memory: bool = False,
    memory_budget: int | None = None,
    salt: int | None = None,
    least: Least = Least(),  # noqa: B008 (frozen)
) -> tuple[ProofResult, Shards]:
    """`proving.prove` over `count` workers of the Ray at `address`, or of one that ends with the proof.

    Every machine has the package, and the SRS, under the same paths as this one. Everything is refused before
    a worker starts: the prompt, the shape, the memory (`memory_budget`: of each worker), the cluster's room.
    """
    require_ray()
    rows = rows if rows is not None else open_setup(package).rows
    check_prompt(package, prompt, tokens, certified, rows)
    protocol = protocol_of(package, rows, certified, salt is not None)
    needed = require_shards(protocol, count, memory_budget)
    # what workers are sent at once passes through the store
    store = STORE_BYTES + LOOKED_UP * protocol.witness.used
    cores = max(count, available_cores()) if address is None else None
    with ray_session(address, cores=cores, store=store):
        require_room(count, needed)
        return prove_sharded(
            package,
            count=count,
            start=lambda _: RayWorker(needed),
            prompt=prompt,
            tokens=tokens,
            certified=certified,
            context=context,
            rows=rows,
            progress=progress,
            memory=memory,
            memory_budget=memory_budget,
            salt=salt,
            least=least,
        )
