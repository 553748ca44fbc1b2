"""Workers of a sharded proof as actors of Ray: one process each, spread over its machines.

Ray restarts none of them: whoever loses one starts another and tells it what the lost one was told
(`zkllm.shards.pool`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.nodes import nodes
from zkllm.errors import ResourceError
from zkllm.memory import GIB
from zkllm.shards.pool import Answer, WorkerLost
from zkllm.shards.shard import Shard
from zkllm.shards.wire import Message

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

START_SECONDS = 120.0
"""A worker has so long to start."""


class _Actor:
    """What runs in the worker's process."""

    def __init__(self) -> None:
        self.shard = Shard()

    def ready(self) -> int:
        import os

        return os.getpid()

    def run(self, text: bytes, buffers: list[np.ndarray]) -> Answer:
        # arrays that are kept refer to these: they are copied out of Ray's store, which is small
        return self.shard.run(Message(text, tuple(np.array(b) for b in buffers)))


class RayWorker:
    """`memory`: bytes that its machine must have for it, as Ray counts them."""

    pid: int

    def __init__(self, memory: int):
        import ray

        kind = ray.remote(_Actor)
        options = kind.options(num_cpus=1, memory=memory, max_restarts=0, scheduling_strategy="SPREAD")
        self._actor = cast("ActorHandle[_Actor]", options.remote())
        ready: ObjectRef[int] = self._actor.ready.remote()
        started, _ = ray.wait([ready], timeout=START_SECONDS)
        if not started:
            self.stop()
            raise ClusterError(
                f"no machine of the cluster started a worker of {memory / GIB:.2f} GiB within "
                f"{START_SECONDS:.0f} s; look at `ray status`"
            )
        try:
            self.pid = ray.get(ready)
        except ray.exceptions.RayError as error:
            raise ClusterError(f"a worker could not be started: {_words(error)}") from None

    def start(self, message: Message) -> Callable[[], Answer]:
        import ray

        pending: ObjectRef[Answer] = self._actor.run.remote(message.text, list(message.buffers))

        def wait() -> Answer:
            try:
                return ray.get(pending)
            except (ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError) as error:
                raise WorkerLost from error
            except (ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError) as error:
                raise WorkerLost from error
            except ray.exceptions.RayError as error:
                raise ClusterError(f"a worker failed: {_words(error)}") from None

        return wait

    def stop(self) -> None:
        import ray

        ray.kill(self._actor)


def require_room(count: int, memory: int) -> None:
    """A ResourceError unless the machines have cores and memory for so many workers."""
    found = nodes()
    cores = sum(node.cores for node in found)
    if cores < count:
        raise ResourceError(
            f"--shards {count}: the cluster has {cores} core{'s' if cores != 1 else ''}, and each worker "
            "takes one"
        )
    room = _fitting([node.memory for node in found], memory)
    if room < count:
        raise ResourceError(
            f"--shards {count}: each worker takes about {memory / GIB:.2f} GiB, and the machines of the "
            f"cluster have room for {room}; use more of them, or fewer positions (--max-tokens)"
        )


def _fitting(offered: Sequence[int], memory: int) -> int:
    return sum(offer // memory for offer in offered)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[-300:]
