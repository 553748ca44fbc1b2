"""The process that has a Ray prove: `python -m zkllm.serve.driver FD NAME`. It joins the cluster, or starts
one that ends with it, has the packages opened there, gives out what it is told over a socket, and verifies
what comes back: other machines are not taken at their word. One message a line of JSON:

    {"open": as a worker's, "memory_budget", "proves": false, "ray": address or null, "cores", "processes"}
    {"task": number, "prove": as a worker's}, {"drop": number}

Before the first {"done"} it says what a worker does; then {"pool": processes by what they do} when that
changes, {"warning": why a process cannot work}, and of each task its number with {"progress"}, {"done"} or
{"failed"}. {"failed"} without one: the cluster is lost, and this process ends. It is a process of its own
because Ray ends the one that loses its cluster's head. The end of the node ends it, and what it has started.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from queue import Empty

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.placement import place, proof_memory
from zkllm.cluster.pool import START_SECONDS, At, Done, Pool, Refused
from zkllm.cluster.prover import NotProved, Order, Proved
from zkllm.cluster.returned import require_proof
from zkllm.cluster.session import Session, ray_session
from zkllm.cluster.told import ToldPackage
from zkllm.errors import ProofError, ZkllmError, ZkllmWarning
from zkllm.files import JsonObject
from zkllm.key_files import verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.serve.worker import Channel, open_models, words
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

LOOK_SECONDS = 0.1
"""For which the pool is looked at before the node is listened to again."""
END_SECONDS = 30.0
"""What an orderly end may take where the node is gone."""


class Driver:
    """Of one session. `shapes` by model."""

    def __init__(
        self,
        channel: Channel,
        session: Session,
        packages: dict[str, ModelPackage],
        shapes: dict[str, list[ShapeId]],
        order: JsonObject,
    ):
        self._channel, self._models = channel, list(packages)
        self._keys = {
            (name, shape): VerifyingKey.load(verifying_key_file(packages[name].folder, *shape))
            for name, of_model in shapes.items()
            for shape in of_model
        }
        memory = max(proof_memory(packages[name], shapes[name], order["memory_budget"]) for name in packages)
        told = [ToldPackage.of(package, shapes=shapes[name]) for name, package in packages.items()]
        where = place(session.nodes, memory, "a proof", order["cores"], order["processes"])
        self._pool = Pool[int](told, where, attempts=1, standing=True)  # the node counts attempts
        self._asked: dict[int, tuple[Order, VerifyingKey]] = {}
        self._verifying = ThreadPoolExecutor(1)
        self._census: JsonObject = {}

    def start(self) -> None:
        """Until a process is there that can prove. Raises ClusterError."""
        end = time.monotonic() + START_SECONDS
        while not self._pool.census().idle:
            self._look()
            if time.monotonic() > end:
                raise ClusterError(
                    f"no proving process has started within {START_SECONDS:.0f} s; look at `ray status`"
                )

    def serve(self) -> None:
        """Until the node ends."""
        try:
            while self._take():
                self._look()
        finally:
            self._verifying.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> bool:
        """What the node has said meanwhile; False at its end."""
        while True:
            try:
                order = self._channel.orders.get_nowait()
            except Empty:
                return True
            if "end" in order:
                return False
            if "drop" in order:
                self._pool.drop(order["drop"])
                self._asked.pop(order["drop"], None)
                continue
            task, asked = order["task"], order["prove"]
            chain_id, *rest = asked["context"]
            wanted = Order(
                tuple(asked["prompt"]),
                ShapeId(asked["rows"], asked["certified"]),
                Context(chain_id, *map(bytes.fromhex, rest)),
                package=self._models.index(asked["model"]),
            )
            self._asked[task] = wanted, self._keys[asked["model"], wanted.shape]
            self._pool.give(task, wanted)

    def _look(self) -> None:
        for event in self._pool.look(LOOK_SECONDS):
            if isinstance(event, At):
                stage = [event.stage, event.done, event.total]
                self._channel.say({"task": event.name, "progress": stage})
            elif isinstance(event, Refused):
                self._channel.say({"warning": event.reason})
            else:
                self._ended(event)
        if (census := asdict(self._pool.census())) != self._census:
            self._census = census
            self._channel.say({"pool": census})

    def _ended(self, event: Done[int]) -> None:
        order, key = self._asked.pop(event.name)
        outcome = event.outcome
        if isinstance(outcome, NotProved):
            self._channel.say({"task": event.name, "failed": outcome.reason, "again": outcome.again})
        else:
            self._verifying.submit(self._verify, event.name, order, key, outcome)

    def _verify(self, task: int, order: Order, key: VerifyingKey, proved: Proved) -> None:
        with suppress(OSError):  # the node is gone
            self._channel.say({"task": task, "progress": ["verify", 0, 1]})
            self._channel.say({"task": task} | verified(order, key, proved))


def verified(order: Order, key: VerifyingKey, proved: Proved) -> JsonObject:
    """How the task ends. The answer is the proof's, whatever else the machine says."""
    begun = time.perf_counter()
    try:
        proof = require_proof(proved.proof, order, key)
    except ProofError as error:
        return {"failed": f"{proved.machine} sent what is no proof of it: {error}", "again": True}
    except Exception as error:  # a fault of ours costs this attempt
        return {"failed": f"internal error: {words(error)}", "again": True}
    seconds = proved.seconds | {"verify": time.perf_counter() - begun}
    return {
        "done": {
            "proof": proof.to_bytes().hex(),
            "answer": list(proof.answer),
            "seconds": seconds,
            "machine": proved.machine,
        }
    }


def main(descriptor: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the node's, as a worker's
    channel = Channel(socket.socket(fileno=descriptor))
    warnings.simplefilter("ignore", ZkllmWarning)
    order = channel.orders.get()
    try:
        packages, told = open_models(order, channel)
        shapes = {name: [ShapeId(*shape) for shape in about["shapes"]] for name, about in told.items()}
        channel.ended = lambda: _end(channel)
        _nothing_on_stderr()
        with ray_session(order["ray"]) as session:
            driver = Driver(channel, session, packages, shapes, order)
            driver.start()
            channel.say({"done": told})
            driver.serve()
    except ZkllmError as error:
        _say_failed(channel, str(error))
    except Exception as error:
        _say_failed(channel, f"internal error: {words(error)}")


def _nothing_on_stderr() -> None:
    """Ray writes there as it ends this process, and the node's log has one object of JSON a line. What goes
    wrong is said to the node."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())


def _end(channel: Channel) -> None:
    """The node is gone, or ends this process: in order, so that nothing is left of a Ray of ours."""
    late = threading.Timer(END_SECONDS, os._exit, [1])
    late.daemon = True
    late.start()
    channel.orders.put({"end": True})


def _say_failed(channel: Channel, reason: str) -> None:
    with suppress(OSError):
        channel.say({"failed": reason, "again": True})


if __name__ == "__main__":
    main(int(sys.argv[1]))
