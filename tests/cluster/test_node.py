"""`zkllm serve --ray`: a node whose jobs are proved by the processes of a Ray, some of which are killed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from scripts.serve.running import NodeEnded
from scripts.serve.usage import is_alive, processes
from testkit.machines import Machines, working
from testkit.processes import MARK, marked
from tests.serve.package import NAME, Served, write_settings
from zkllm import api
from zkllm.cluster.prover import Order, Proved
from zkllm.key_files import verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.proving import estimate_memory
from zkllm.serve.driver import verified
from zkllm.serve.jobs import Job, State
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

IMPATIENT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""A process that has lost the cluster's head waits so long for it: Ray's own are 60 s."""


def need(package: ModelPackage) -> int:
    return max(estimate_memory(package, 8, 2).private, estimate_memory(package, 16, 4).private)


def served(folder: Path, package: ModelPackage, ray: str, **jobs: object) -> Served:
    table = {"ray": ray, "ray_cores": 1, "retry_seconds": 0.1, **jobs}
    return Served(write_settings(folder, package, jobs=table), **IMPATIENT)


def ask(node: Served, *prompts: str) -> None:
    client = openai.OpenAI(base_url=node.url + "/v1", api_key="none", max_retries=0)
    for prompt in prompts:
        client.completions.create(model=NAME, prompt=prompt, max_tokens=1)


def readiness(node: Served) -> dict[str, Any]:
    try:
        found: dict[str, Any] = node.get("/readyz")
    except urllib.error.HTTPError as error:
        found = json.loads(error.read())
    return found


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_for_idle(node: Served, count: int) -> None:
    wait_until(lambda: readiness(node)["provers"]["idle"] == count, 120)


def require_proof(package: ModelPackage, job: Job) -> None:
    assert job.proof is not None
    proof = Proof.from_bytes(job.proof)
    proof.verify(VerifyingKey.load(verifying_key_file(package.folder, *proof.shape)))
    assert proof.answer == job.answer
    assert tuple(job.order.prompt) == tuple(
        proof.statement(_key(package, proof)).ids[: len(job.order.prompt)]
    )


def _key(package: ModelPackage, proof: Proof) -> VerifyingKey:
    return VerifyingKey.load(verifying_key_file(package.folder, *proof.shape))


def lines(node: Served, words: str) -> list[str]:
    return [line for line in node.log.read_text().splitlines() if words in line]


# ---- what comes back


@pytest.fixture(scope="module")
def made(package: ModelPackage) -> tuple[Order, Proved, VerifyingKey]:
    order = Order((72, 101, 108), ShapeId(8, 2))
    result = api.prove(package, tokens=order.ids, certified=2, rows=8)
    return order, Proved(result.proof.to_bytes(), {"all": 1.5}, "far"), result.verifying_key


def test_the_answer_is_that_of_the_proof(made: tuple[Order, Proved, VerifyingKey]) -> None:
    order, proved, key = made
    done = verified(order, key, proved)["done"]
    assert bytes.fromhex(done["proof"]) == proved.proof and done["machine"] == "far"
    assert done["answer"] == list(Proof.from_bytes(proved.proof).answer)
    assert done["seconds"]["all"] == 1.5 and done["seconds"]["verify"] > 0


@pytest.mark.parametrize("what", ["bent", "prompt", "context", "shape", "nothing"])
def test_what_a_machine_sends_is_verified(what: str, made: tuple[Order, Proved, VerifyingKey]) -> None:
    """It costs an attempt: another machine may send a proof."""
    order, proved, key = made
    data = proved.proof
    if what == "bent":
        proved = replace(proved, proof=data[:-1] + bytes([data[-1] ^ 1]))
    elif what == "nothing":
        proved = replace(proved, proof=b"")
    else:
        order = replace(
            order,
            ids=(72, 101) if what == "prompt" else order.ids,
            context=Context(1, bytes(20), bytes([1] * 20)) if what == "context" else order.context,
            shape=ShapeId(16, 2) if what == "shape" else order.shape,
        )
    said = verified(order, key, proved)
    assert said["again"] is True and said["failed"].startswith("far sent what is no proof of it: ")
    assert "done" not in said


# ---- a node


@pytest.fixture(scope="module")
def two(machines: Callable[..., Machines], package: ModelPackage) -> Machines:
    """Two machines, each of which has the memory for one proof."""
    return machines((1, need(package) * 3 // 2), (1, need(package) * 3 // 2))


@pytest.fixture(scope="module")
def node(two: Machines, package: ModelPackage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("node"), package, two.address, attempts=2) as running:
        wait_for_idle(running, 2)
        yield running


def test_as_many_jobs_are_proved_at_once_as_there_are_processes(node: Served, package: ModelPackage) -> None:
    stopped = working("Prover")
    assert len(stopped) == 2
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        ask(node, "aa", "ab", "ac")
        proving = lambda jobs: [job.state for job in jobs].count(State.PROVING) == 2
        node.wait_for(proving)
        time.sleep(2)
        assert proving(node.jobs())
        assert readiness(node)["provers"] == {"busy": 2, "idle": 0, "starting": 0, "refused": 0}
        assert b'zkllm_provers{state="busy"} 2.0' in node.read("/metrics")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    for job in node.wait_for(lambda jobs: all(job.is_over for job in jobs)):
        assert (job.state, job.attempts) == (State.PROVED, 1)
        require_proof(package, job)
    wait_for_idle(node, 2)
    assert readiness(node)["ok"] and len(lines(node, '"message": "proved"')) == 3


def test_a_process_that_is_killed_costs_its_job_an_attempt(node: Served, package: ModelPackage) -> None:
    """One is killed once; one as often as the settings allow."""
    for prompt, times, state in (("ba", 1, State.PROVED), ("bb", 2, State.FAILED)):
        wait_for_idle(node, 2)
        for pid in working("Prover"):
            os.kill(pid, signal.SIGSTOP)
        ask(node, prompt)
        for attempt in range(1, times + 1):
            node.wait_for(lambda jobs, n=attempt: (jobs[-1].state, jobs[-1].attempts) == (State.PROVING, n))
            wait_until(lambda: readiness(node)["provers"]["busy"] == 1)
            for pid in working("Prover"):
                os.kill(pid, signal.SIGKILL)
        job = node.wait_for(lambda jobs: jobs[-1].is_over)[-1]
        assert (job.state, job.attempts) == (state, 2)
        if state is State.PROVED:
            require_proof(package, job)
        else:
            assert job.reason.startswith("its process was killed, or its machine has gone")


def test_a_process_that_dies_without_a_job_costs_none(node: Served) -> None:
    wait_for_idle(node, 2)
    before = working("Prover")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(working("Prover")) - set(before)) == 2)
    wait_for_idle(node, 2)
    ask(node, "ca", "cb")
    jobs = node.wait_for(lambda jobs: all(job.is_over for job in jobs))
    assert [(job.state, job.attempts) for job in jobs[-2:]] == [(State.PROVED, 1)] * 2


def test_a_job_that_is_cancelled_ends_its_process(node: Served) -> None:
    wait_for_idle(node, 2)
    before = working("Prover")
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    ask(node, "da")
    job = node.wait_for(lambda jobs: jobs[-1].state is State.PROVING)[-1]
    wait_until(lambda: readiness(node)["provers"]["busy"] == 1)
    node.post(f"/v1/proofs/{job.id}/cancel", {})
    wait_until(lambda: readiness(node)["provers"]["busy"] == 0)
    for pid in before:
        os.kill(pid, signal.SIGCONT)  # what stands still does not hear that it is to end
    wait_until(lambda: len([pid for pid in before if is_alive(pid)]) == 1)
    wait_for_idle(node, 2)
    assert node.jobs()[-1].state is State.CANCELLED


@pytest.mark.long
def test_nothing_of_a_node_that_ends_is_left_in_the_cluster(node: Served) -> None:
    """Nor of one that is killed; the job that it was proving goes on. The last test of this node."""
    driver = processes(node.process.pid)["prover"]
    for pid in working("Prover"):
        os.kill(pid, signal.SIGSTOP)
    ask(node, "ea")
    node.wait_for(lambda jobs: jobs[-1].state is State.PROVING)
    wait_until(lambda: readiness(node)["provers"]["busy"] == 1)  # what it could not say any more would end it
    node.kill()
    wait_until(lambda: not is_alive(driver) and not working("Prover"))
    node.start()
    node.wait_for(lambda jobs: jobs[-1].state is State.PROVED)
    driver = processes(node.process.pid)["prover"]
    assert node.stop() == 0
    assert not is_alive(driver)
    wait_until(lambda: not working("Prover"), 10)


# ---- what is lost, and what is not there


@pytest.mark.long
def test_a_cluster_that_is_lost_is_waited_for(
    machines: Callable[..., Machines], package: ModelPackage, tmp_path: Path
) -> None:
    """The node goes on without it: its state is clear, jobs wait, and go on where it is back."""
    lost = machines((1, need(package) * 3 // 2))
    address, others = lost.address, set(working("Prover"))
    with served(tmp_path, package, address, attempts=3) as node:
        (pid,) = set(working("Prover")) - others
        os.kill(pid, signal.SIGSTOP)
        ask(node, "ab")
        node.wait_for_state(State.PROVING)
        lost.kill_head()  # of a process or a machine that ends before it the node would hear
        job = node.wait_for_state(State.QUEUED)
        lost.end()
        if is_alive(pid):
            os.kill(pid, signal.SIGCONT)
        assert f"the Ray at {address} was lost: the process that speaks with it ended" in job.reason
        wait_until(lambda: f"no Ray answers at {address}" in str(readiness(node)["trouble"]))
        found = readiness(node)
        assert not found["ok"] and len(found["trouble"]) == 1
        assert found["provers"] == {"busy": 0, "idle": 0, "starting": 0, "refused": 0}
        assert len(lines(node, "cluster: ")) == 1
        ask(node, "ac")  # answers are given all the same, and the jobs wait
        time.sleep(3)
        assert [(j.state, j.attempts) for j in node.jobs()] == [(State.QUEUED, 1), (State.QUEUED, 0)]
        back = machines((1, need(package) * 3 // 2), port=int(address.rpartition(":")[2]))
        assert back.address == address
        jobs = node.wait_for(lambda jobs: all(job.state is State.PROVED for job in jobs))
        assert [job.attempts for job in jobs] == [2, 1]
        assert readiness(node)["ok"]
        (said,) = [line for line in lines(node, "") if not line.startswith("{")]
        assert said == f"listening at {node.url}"


def test_a_node_without_its_cluster_says_so_and_ends(
    two: Machines, package: ModelPackage, tmp_path: Path
) -> None:
    cases = (
        ({"ray": "127.0.0.1:9"}, "no Ray answers at 127.0.0.1:9: connection refused; start it, or correct"),
        ({"ray": two.address, "ray_cores": 64}, "64 cores, and no machine of the cluster offers that"),
        ({"ray": two.address, "memory_budget": 1 << 20}, "more than the budget of 1 MiB"),
        ({"ray": "nonsense"}, "'nonsense' is no address of a Ray"),
    )
    for number, (jobs, words) in enumerate(cases):
        node = Served(write_settings(tmp_path / str(number), package, jobs=jobs), **IMPATIENT)
        with pytest.raises(NodeEnded) as caught, node:  # which ends where it starts all the same
            pass
        said = [line for line in str(caught.value).splitlines() if not line.startswith(("{", "listening at"))]
        assert len(said) == 1 and words in said[0]
        assert node.process.returncode == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_ray_of_the_nodes_own(
    how: signal.Signals, package: ModelPackage, tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process, no file, nothing in shared memory, in whatever way the node ends."""
    monkeypatch.setenv(MARK, mark := secrets.token_hex(8))
    monkeypatch.setenv("TMPDIR", str(short))
    memory = set(os.listdir("/dev/shm"))
    with served(tmp_path, package, "local", ray_processes=1) as node:
        ask(node, "ab")
        node.wait_for_state(State.PROVED)
        assert len(marked(mark)) > 6 and len(list(short.glob("zkllm-*"))) == 1
        node.process.send_signal(how)
        assert node.process.wait(60) == (0 if how == signal.SIGTERM else -how)
        wait_until(lambda: not marked(mark), 30)
        wait_until(lambda: not list(short.iterdir()) and set(os.listdir("/dev/shm")) <= memory, 10)
