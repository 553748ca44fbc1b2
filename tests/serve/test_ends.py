"""A node that is stopped, and processes of it that end: what was begun is finished or queued again. Proofs
are the toy's, and stand still for as long as a test wants."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import openai
import pytest

from scripts.serve import toy
from scripts.serve.usage import is_alive, processes
from tests.serve.package import NAME, Served, write_settings
from zkllm.serve.jobs import State

pytestmark = pytest.mark.slow


def served(folder, package, **tables) -> Served:
    return Served(write_settings(folder, package, **tables), toy.NODE)


def client_of(node: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=node.url + "/v1", api_key="none", max_retries=0)


def ask(node: Served, *prompts: str) -> None:
    for prompt in prompts:
        client_of(node).completions.create(model=NAME, prompt=prompt, max_tokens=1)


def pid_of(node: Served, name: str) -> int:
    return processes(node.process.pid)[name]


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGCONT)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_until_proving(node: Served, attempt: int = 1) -> None:
    begun = State.PROVING, attempt
    node.wait_for(lambda jobs: any((job.state, job.attempts) == begun for job in jobs))


def test_the_processes_that_compute_end_with_the_node(toy_package, tmp_path):
    node = served(tmp_path, toy_package).start()
    found = processes(node.process.pid)
    assert len(found) == 3
    node.kill()
    wait_until(lambda: not any(map(is_alive, found.values())))


def test_a_node_that_is_stopped_at_once_queues_again_what_it_was_proving(toy_package, tmp_path):
    with served(tmp_path, toy_package, server={"drain_seconds": 0.0}) as node:
        with standing_still(pid_of(node, "prover")):
            ask(node, "He", "Hf", "Hg")
            wait_until_proving(node)
            assert node.stop() == 0
        left = node.jobs()
        assert [(job.state, job.attempts) for job in left] == [(State.QUEUED, 0)] * 3
        assert left[0].reason == "the node was stopped while it was proved"
        node.start()
        node.wait_for(lambda jobs: all(job.state is State.PROVED for job in jobs))


def test_a_node_that_has_time_finishes_what_it_was_proving(toy_package, tmp_path):
    """Whoever stops it may tell all of its processes, as systemd does; a proof is not given up for that."""
    with served(tmp_path, toy_package, server={"drain_seconds": 120.0}) as node:
        with standing_still(pid_of(node, "prover")):
            ask(node, "He", "Hf")
            wait_until_proving(node)
            for pid in processes(node.process.pid).values():
                os.kill(pid, signal.SIGTERM)
            wait_until(lambda: "Shutting down" in node.log.read_text())
        assert node.process.wait(150) == 0
        first, second = node.jobs()
        assert (first.state, second.state) == (State.PROVED, State.QUEUED)
        assert first.attempts == 1 and second.attempts == 0


@pytest.fixture(scope="module")
def node(toy_package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ends")
    with served(folder, toy_package, jobs={"retry_seconds": 0.1, "attempts": 2}) as running:
        yield running


def test_a_proof_whose_process_is_killed_is_made_by_another(node):
    """One is killed once, one as often as the settings allow: the second time while its process starts."""
    with standing_still(pid_of(node, "prover")):
        ask(node, "ba")
        wait_until_proving(node)
        os.kill(pid_of(node, "prover"), signal.SIGKILL)
    node.wait_for(lambda jobs: jobs[0].is_over)
    with standing_still(pid_of(node, "prover")):
        ask(node, "bb")
        wait_until_proving(node)
        os.kill(pid_of(node, "prover"), signal.SIGKILL)
    ask(node, "bc")
    wait_until_proving(node, attempt=2)
    wait_until(lambda: "prover" in processes(node.process.pid))
    os.kill(pid_of(node, "prover"), signal.SIGKILL)
    once, often, never = node.wait_for(lambda jobs: all(job.is_over for job in jobs))
    assert (once.state, once.attempts) == (State.PROVED, 2)
    assert (often.state, often.attempts) == (State.FAILED, 2)
    assert often.reason == "the process that computes ended (signal 9)"
    assert (never.state, never.attempts) == (State.PROVED, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_whose_process_is_killed_is_an_error_that_the_client_knows(node, stream):
    """Its proof is made all the same, and the next one is answered."""
    prompt = "cb" if stream else "ca"
    stopped = pid_of(node, "answerer")
    message = [{"role": "user", "content": prompt}]
    with standing_still(stopped):
        threading.Timer(4.0, os.kill, [stopped, signal.SIGKILL]).start()  # the question is there by then
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
