"""The node's side of a cluster, with a process that acts as the one that speaks with it: tasks at once, each
with its own end, and what becomes of them where that process ends. tests/cluster/test_node.py has a Ray."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.serve.usage import is_alive
from zkllm.serve import cluster as module
from zkllm.serve.cluster import Cluster, RayPlace
from zkllm.serve.computing import TaskFailed, Unwanted
from zkllm.serve.process import WorkerDied

pytestmark = pytest.mark.usefixtures("acted")


@pytest.fixture
def acted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRIVER", "tests.serve.acted_driver")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster("prover", [{"name": "m"}], RayPlace("far:1"))
    yield made
    made.stop()


def pid_of(cluster: Cluster) -> int:
    assert cluster._process is not None
    return cluster._process.pid


def order(*prompt: int) -> dict[str, object]:
    return {"prove": {"prompt": list(prompt)}}


def nothing(message: object) -> None:
    pass


def in_thread(call: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    """What it returned or raised, once it has."""
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append(call())
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_is_started_once_and_says_what_it_opened(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[Any] = []
    assert cluster.start(said.append) == {"m": {"ray": "far:1"}}
    pid = pid_of(cluster)
    assert {"progress": ["keys", 0, 1]} in said and cluster.start() == {}
    assert (cluster.places(), cluster.trouble, pid_of(cluster)) == (2, "", pid)
    assert cluster.census() == {"busy": 0, "idle": 2, "starting": 0, "refused": 1}
    assert "a process cannot prove: far: no package" in caplog.text


def test_each_task_has_its_own_end(cluster: Cluster) -> None:
    cluster.start()
    begun: list[Any] = []
    waiting, ended = in_thread(lambda: cluster.run(order(1), begun.append))
    wait_until(lambda: begun)
    assert begun[0]["progress"] == ["trace", 0, 1] and cluster.census()["busy"] == 1
    for number in range(20):
        assert cluster.run(order(0, number), nothing) == {"prompt": [0, number]}
    with pytest.raises(TaskFailed, match="its process was killed") as caught:
        cluster.run(order(2), nothing)
    assert caught.value.again and waiting.is_alive() and not ended
    cluster.stop()
    waiting.join(10)
    assert isinstance(ended[0], WorkerDied)


def test_what_nobody_wants_is_dropped_there(cluster: Cluster) -> None:
    cluster.start()
    with pytest.raises(Unwanted):
        cluster.run(order(1), nothing, lambda: False)
    wait_until(lambda: cluster.census()["busy"] == 0)
    assert cluster.run(order(0), nothing) == {"prompt": [0]}


@pytest.mark.parametrize(
    ("what", "words"),
    [(3, "the Ray at far:1 was lost: no process starts"), (4, r"the Ray at far:1 was lost: .* \(signal 9\)")],
)
def test_a_cluster_that_is_lost_ends_its_tasks_and_is_joined_again(
    what: int, words: str, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.start()
    begun: list[Any] = []
    waiting, ended = in_thread(lambda: cluster.run(order(1), begun.append))
    wait_until(lambda: begun)
    with pytest.raises(WorkerDied, match=words):
        cluster.run(order(what), nothing)
    waiting.join(10)
    assert isinstance(ended[0], WorkerDied) and "was lost" in str(ended[0])
    assert cluster.trouble.startswith("no proof can be made: the Ray at far:1 was lost")
    assert cluster.census() == {"busy": 0, "idle": 0, "starting": 0, "refused": 0}
    with pytest.raises(WorkerDied, match="was lost"):
        cluster.run(order(0), nothing)
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "was lost" in line.message and line.exc_info is None
    assert (cluster.places(), cluster.trouble) == (2, "")
    assert cluster.run(order(0), nothing) == {"prompt": [0]}


def test_a_cluster_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster("prover", [{"name": "none"}], RayPlace("nowhere"))
    for attempt in (cluster.start, cluster.places):
        with pytest.raises(TaskFailed, match="no Ray answers at nowhere"):
            attempt()
        assert cluster.trouble == "no proof can be made: no Ray answers at nowhere"
        assert not is_alive(pid_of(cluster))


def test_what_is_stopped_stays_stopped(cluster: Cluster) -> None:
    cluster.start()
    pid = pid_of(cluster)
    cluster.stop()
    assert not is_alive(pid)
    wait_until(lambda: not cluster._joined)
    with pytest.raises(WorkerDied, match="the node is being stopped"):
        cluster.places()
