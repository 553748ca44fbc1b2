"""The machines of a Ray: what each offers, and whether it runs the program that this process runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zkllm.cluster.errors import ClusterError

ANSWER_SECONDS = 120.0
"""A machine has so long to start a process and say what it runs."""


@dataclass(frozen=True)
class Node:
    """`cores` and `memory` (bytes): what Ray may give to tasks and actors in all."""

    id: str
    name: str
    cores: int
    memory: int


def nodes() -> tuple[Node, ...]:
    """Those that are alive, in the order of their ids."""
    import ray

    found = []
    for node in ray.nodes():
        if node["Alive"]:
            offers = node["Resources"]
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            found.append(Node(node["NodeID"], name, int(offers.get("CPU", 0)), int(offers.get("memory", 0))))
    return tuple(sorted(found, key=lambda node: node.id))


def require_same_program(found: Sequence[Node], release: str) -> None:
    """A ClusterError that names a node which lacks zkllm, or has another release than this one."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=2)(_teller())
    asked = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(): node
        for node in found
    }
    ready, waiting = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    if waiting:
        raise ClusterError(
            f"{asked[waiting[0]].name} started no process within {ANSWER_SECONDS:.0f} s; look at its Ray"
        )
    for answer in ready:
        name = asked[answer].name
        try:
            there = ray.get(answer)
        except ray.exceptions.RayError as error:
            words = " ".join(str(error).split())[:200]
            raise ClusterError(f"{name} could not say which zkllm it has: {words}") from None
        if there != release:
            what = f"zkllm {there}" if there else "no zkllm"
            raise ClusterError(
                f"{name} has {what}, and this program is zkllm {release}; install that release there"
            )


def _teller() -> Callable[[], str]:
    """A function that is sent as a whole: a machine may lack this module, or have another one."""

    def told() -> str:
        try:
            from zkllm import __version__
        except ImportError:
            return ""
        return __version__

    return told
