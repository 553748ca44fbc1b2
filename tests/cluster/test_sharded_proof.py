"""One proof over workers of a Ray: the same to the byte, with a worker really killed in each stage."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from testkit.blinding import seeded
from testkit.checkpoints import write_checkpoint
from testkit.machines import taken
from testkit.shards import STAGES, HereWorker
from zkllm import api
from zkllm.cluster.nodes import Node
from zkllm.cluster.proving import prove_on_ray
from zkllm.cluster.shards import RayWorker, require_room
from zkllm.errors import ProofError, ResourceError
from zkllm.kernels.native import NATIVE
from zkllm.model.package import ModelPackage
from zkllm.proving import ProveOptions
from zkllm.shape_protocol import protocol_of
from zkllm.sharded import prove_sharded, require_shards
from zkllm.shards import pool as pools
from zkllm.shards.kernels import EVERYTHING
from zkllm.shards.pool import Answer, Pool
from zkllm.shards.shard import Shard
from zkllm.shards.wire import Message, pack, unpack

pytestmark = pytest.mark.slow

ROWS, CERTIFIED, TOKENS = 8, 2, [5, 9, 17]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """2 layers, width 40, whose weights have columns by layer."""
    folder = tmp_path_factory.mktemp("sharded")
    made = api.setup(write_checkpoint(folder / "checkpoint"), folder / "package", rows=ROWS)
    api.shape_keys(made, ROWS, CERTIFIED)
    return made


@pytest.fixture
def alone(package: ModelPackage, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The proof by one process, and the same blinding for those that follow."""
    monkeypatch.setattr("zkllm.protocol.witness.FreshBlinding", seeded)
    return api.prove(package, tokens=TOKENS, certified=CERTIFIED, rows=ROWS).proof.to_bytes()


def test_a_worker_killed_in_each_stage(
    package: ModelPackage, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGKILL, while it does what it has just been told: its state is gone, what it was doing too. The
    other worker goes on meanwhile."""
    monkeypatch.setattr(pools, "MOST_LOSSES", len(STAGES))
    stage, killed, told = ["start"], dict[str, int](), dict[str, int]()
    at = {"lookups": 24, "zero-check": 9, "reduction": 9}  # messages: in the middle of rounds
    enter = Pool.enter

    def entered(pool: Pool, name: str) -> None:
        stage[0] = name
        enter(pool, name)

    monkeypatch.setattr(Pool, "enter", entered)
    start = RayWorker.start

    def started(worker: RayWorker, message: Message) -> Callable[[], Answer]:
        wait = start(worker, message)
        told[stage[0]] = told.get(stage[0], 0) + 1
        if stage[0] in STAGES and stage[0] not in killed and told[stage[0]] >= at.get(stage[0], 1):
            killed[stage[0]] = worker.pid
            os.kill(worker.pid, signal.SIGKILL)
        return wait

    monkeypatch.setattr(RayWorker, "start", started)
    result, shards = prove_on_ray(
        package, count=2, tokens=TOKENS, certified=CERTIFIED, rows=ROWS, least=EVERYTHING
    )
    assert result.proof.to_bytes() == alone
    api.verify(result.proof, result.verifying_key)
    assert set(killed) == set(STAGES) and len(set(killed.values())) == len(STAGES)
    assert shards.lost == len(STAGES)
    assert sum(traffic.again for traffic in shards.traffic.values()) > 0


def test_memory_stays_under_its_estimate(
    package: ModelPackage, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For which Ray is asked, so that it gives it to nothing else."""
    import ray

    given = list[dict[str, float]]()
    make = RayWorker.__init__

    def made(worker: RayWorker, memory: int) -> None:
        make(worker, memory)
        actor: Any = worker._actor
        given.append(ray.get(actor.__ray_call__.remote(taken())))

    monkeypatch.setattr(RayWorker, "__init__", made)
    result, shards = prove_on_ray(package, count=3, tokens=TOKENS, certified=CERTIFIED, rows=ROWS)
    assert result.proof.to_bytes() == alone and shards.lost == 0
    assert len(shards.peaks) == 3
    assert 1 << 25 < max(shards.peaks) < shards.estimate, shards
    assert given == [{"CPU": 1, "memory": shards.estimate}] * 3


def test_what_cannot_work_is_refused_before_it_starts(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = protocol_of(package, ROWS, CERTIFIED)
    with pytest.raises(ResourceError, match="--shards 65: a proof is cut into 1 to 64"):
        require_shards(protocol, 65)
    with pytest.raises(ResourceError, match="each of 2 workers takes about .* more than the budget"):
        require_shards(protocol, 2, budget=1 << 20)
    with pytest.raises(ResourceError, match="what is not cut takes about"):
        require_shards(protocol, 2, available=1 << 20)
    assert require_shards(protocol, 4) <= require_shards(protocol, 2) <= require_shards(protocol, 1)

    from zkllm.cluster import shards as here

    monkeypatch.setattr(here, "nodes", lambda: (Node("a", "a", 2, 3 << 30), Node("b", "b", 1, 1 << 30)))
    require_room(3, 1 << 30)
    with pytest.raises(ResourceError, match="--shards 4: the cluster has 3 cores"):
        require_room(4, 1 << 30)
    with pytest.raises(ResourceError, match="have room for 1; use more of them"):
        require_room(2, 2 << 30)


def test_refusals_come_before_workers(package: ModelPackage, tmp_path: Path) -> None:
    def start(number: int) -> RayWorker:
        raise AssertionError("a worker was started")

    with pytest.raises(ResourceError, match="more than the budget"):
        prove_sharded(package, count=2, start=start, tokens=TOKENS, memory_budget=1 << 20)


def test_a_cluster_without_room_is_refused_before_workers(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(memory: int) -> RayWorker:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("zkllm.cluster.proving.ray_session", lambda *_, **__: nullcontext())
    monkeypatch.setattr("zkllm.cluster.shards.nodes", lambda: (Node("a", "a", 2, 1 << 20),))
    monkeypatch.setattr("zkllm.cluster.proving.RayWorker", start)
    with pytest.raises(ResourceError, match="the machines of the cluster have room for 0"):
        prove_on_ray(package, count=2, tokens=TOKENS, certified=CERTIFIED, rows=ROWS)


class Miscounting(Shard):
    """Answers commitments to its part of [q] with twice the point."""

    def __init__(self, pool: list[Pool]):
        super().__init__()
        self.pool = pool
        self.wrong = 0

    def run(self, message: Message) -> tuple[Message, int, int, int]:
        reply, *counts = super().run(message)
        answers = unpack(reply)
        if self.pool and self.pool[0].stage == "open q, g" and isinstance(answers, list):
            if isinstance(answers[-1], bytes):
                answers[-1] = NATIVE.combine_points([(2, answers[-1])])
                self.wrong += 1
                reply, _ = pack(answers)
        return reply, counts[0], counts[1], counts[2]


def test_a_proof_that_a_worker_spoilt_is_not_kept(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No check of the prover itself reads what the worker answers there."""
    pool, shards = list[Pool](), list[Miscounting]()
    enter = Pool.enter
    monkeypatch.setattr(Pool, "enter", lambda self, name: (pool or pool.append(self), enter(self, name)))

    def start(number: int) -> HereWorker:
        shards.append(Miscounting(pool))
        return HereWorker(number, shards[-1])

    asked = ProveOptions(tokens=TOKENS, certified=CERTIFIED, rows=ROWS)
    with pytest.raises(ProofError, match="what the workers computed makes no valid proof .*not kept"):
        prove_sharded(package, count=2, start=start, least=EVERYTHING, **asked)
    assert sum(shard.wrong for shard in shards) > 0
