"""Several machines of a Ray on this one, and processes of it that are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testkit.processes import MARK, marked
from zkllm.cluster.local import LEAST_STORE
from zkllm.files import JsonObject


class Machines:
    """A head that offers nothing, and a machine for each (cores, bytes of memory). `port`: the head's, by
    default any that is free."""

    def __init__(self, folder: Path, sizes: Sequence[tuple[int, int]], port: int | None = None):
        from ray._common.utils import get_default_ray_temp_dir
        from ray.cluster_utils import Cluster

        self.folder = folder
        Path(get_default_ray_temp_dir()).mkdir(exist_ok=True)  # where Cluster notes its address
        common: JsonObject = {"object_store_memory": LEAST_STORE, "include_dashboard": False}
        head: JsonObject = {**common, "num_cpus": 0, "memory": 1 << 20, "temp_dir": str(folder)}
        head |= {} if port is None else {"gcs_server_port": port}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.cluster.add_node(num_cpus=c, memory=m, **common) for c, m in sizes]
        self.cluster.wait_for_nodes()

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def kill_head(self) -> None:
        """What all others are told by, so that nobody hears of anything that ends."""
        head = self.cluster.head_node
        assert head is not None
        head.kill_gcs_server(check_alive=False)

    def end(self) -> None:
        self.cluster.shutdown()


def working(title: str) -> list[int]:
    """Ids of the processes of these tests that Ray calls so."""
    found = marked(os.environ[MARK])
    return [pid for pid, command in found.items() if command.startswith(f"ray::{title}")]


def taken() -> Callable[..., dict[str, float]]:
    """A function that says what Ray counts as taken by the process that runs it. It is sent as a whole, and
    an actor's `__ray_call__` takes it."""

    def told(*_: object) -> dict[str, float]:
        import ray

        found: dict[str, float] = ray.get_runtime_context().get_assigned_resources()
        return found

    return told


@contextmanager
def killing(title: str, times: int = 1, delay: float = 0.05) -> Iterator[list[int]]:
    """Kills so many processes, each `delay` seconds after it was first seen at this work; those that were."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while len(killed) < times and not ended.is_set():
            for pid in working(title):
                if pid not in killed and len(killed) < times:
                    time.sleep(delay)
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            time.sleep(0.01)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
