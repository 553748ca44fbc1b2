"""A node that is stopped, and processes of it that end: what was begun is finished or queued again."""

from __future__ import annotations

import os
import signal
import threading
import time

import openai
import pytest

from scripts.serve.usage import is_alive, processes
from tests.serve.package import NAME, Served, write_settings
from zkllm.serve.jobs import State

pytestmark = pytest.mark.slow


def client_of(node: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=node.url + "/v1", api_key="none", max_retries=0)


def ask(node: Served, *prompts: str) -> None:
    for prompt in prompts:
        client_of(node).completions.create(model=NAME, prompt=prompt, max_tokens=1)


def is_proving(jobs: list) -> bool:
    return any(job.state is State.PROVING for job in jobs)


def test_the_processes_that_compute_end_with_the_node(package, tmp_path):
    node = Served(write_settings(tmp_path, package)).start()
    found = processes(node.process.pid)
    assert len(found) == 3
    node.kill()
    end = time.monotonic() + 10
    while any(map(is_alive, found.values())):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_node_that_is_stopped_at_once_queues_again_what_it_was_proving(package, tmp_path):
    settings = write_settings(tmp_path, package, server={"drain_seconds": 0.0})
    with Served(settings) as node:
        ask(node, "He", "Hf", "Hg")
        node.wait_for(is_proving)
        assert node.stop() == 0
        left = node.jobs()
        assert {job.state for job in left} <= {State.QUEUED, State.PROVED} and len(left) == 3
        assert all(job.attempts == 0 for job in left if job.state is State.QUEUED)
        assert any(job.reason == "the node was stopped while it was proved" for job in left)
        node.start()
        node.wait_for(lambda jobs: all(job.state is State.PROVED for job in jobs))


def test_a_node_that_has_time_finishes_what_it_was_proving(package, tmp_path):
    """Whoever stops it may tell all of its processes, as systemd does; a proof is not given up for that."""
    with Served(write_settings(tmp_path, package, server={"drain_seconds": 120.0})) as node:
        ask(node, "He", "Hf")
        node.wait_for(is_proving)
        for pid in processes(node.process.pid).values():
            os.kill(pid, signal.SIGTERM)
        assert node.process.wait(150) == 0
        first, second = node.jobs()
        assert (first.state, second.state) == (State.PROVED, State.QUEUED)
        assert first.attempts == 1 and second.attempts == 0


@pytest.fixture(scope="module")
def node(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ends")
    with Served(write_settings(folder, package, jobs={"retry_seconds": 0.1, "attempts": 2})) as running:
        yield running


def pid_of(node: Served, name: str) -> int:
    return processes(node.process.pid)[name]


def kill_while_proving(node: Served, job_id: str, attempt: int) -> None:
    begun = (job_id, State.PROVING, attempt)
    node.wait_for(lambda jobs: any((j.id, j.state, j.attempts) == begun for j in jobs))
    os.kill(pid_of(node, "prover"), signal.SIGKILL)


def test_a_proof_whose_process_is_killed_is_made_by_another(node):
    """One is killed once, one as often as the settings allow; what comes after them is proved."""
    ask(node, "ba", "bb", "bc")
    once, often, never = (job.id for job in node.jobs()[-3:])
    for job_id, attempt in ((once, 1), (often, 1), (often, 2)):
        kill_while_proving(node, job_id, attempt)
    jobs = {job.id: job for job in node.wait_for(lambda jobs: all(job.is_over for job in jobs))}
    assert (jobs[once].state, jobs[once].attempts) == (State.PROVED, 2)
    assert (jobs[often].state, jobs[often].attempts) == (State.FAILED, 2)
    assert jobs[often].reason == "the process that computes ended (signal 9)"
    assert (jobs[never].state, jobs[never].attempts) == (State.PROVED, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_whose_process_is_killed_is_an_error_that_the_client_knows(node, stream):
    """Its proof is made all the same, and the next one is answered."""
    prompt = "cb" if stream else "ca"
    stopped = pid_of(node, "answerer")
    os.kill(stopped, signal.SIGSTOP)
    killer = threading.Timer(1.0, os.kill, [stopped, signal.SIGKILL])
    killer.start()
    message = [{"role": "user", "content": prompt}]
    with pytest.raises(openai.APIError) as caught:
        answer = client_of(node).chat.completions.create(
            model=NAME, messages=message, max_tokens=1, stream=stream
        )
        if stream:
            list(answer)
    assert "the process that computes ended (signal 9)" in caught.value.message
    assert stream or isinstance(caught.value, openai.InternalServerError)
    ask(node, prompt + "d")
    node.wait_for(lambda jobs: all(job.is_over for job in jobs))
    assert [job.state for job in node.jobs()[-2:]] == [State.PROVED] * 2
