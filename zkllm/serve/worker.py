"""The process that computes: `python -m zkllm.serve.worker FD NAME`. It opens the node's packages once, and
then answers or proves what it is told over a socket, one message a line of JSON:

    {"open": [{"name", "package", "shapes": [[N, k], ..]}], "memory_budget", "proves": whether it is to prove}
    {"answer": {"model", "rows", "certified", "prompt"}}
    {"prove": the same and {"context": [chain id, contract, sender, request]}}

It says {"token": id}, {"opening": which model or shape}, {"progress": [stage, done, total]}, and in the end
of each {"done": {..}} or {"failed": reason, "again": whether another attempt may end otherwise}. It ends with
the process that made it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from zkllm import api
from zkllm.errors import ResourceError, ZkllmError, ZkllmWarning, reason
from zkllm.files import JsonObject
from zkllm.kernels.native import NATIVE
from zkllm.key_files import is_own_key, proving_key_file, verifying_key_file
from zkllm.model.execution import generate_trace
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.shape_id import ShapeId
from zkllm.statement import Context
from zkllm.timings import Paced


@dataclass
class Channel:
    """The socket to the node. A node that is gone ends this process, in the middle of a proof too, or does
    what is `ended`."""

    connection: socket.socket
    ended: Callable[[], None] = lambda: os._exit(1)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.progress = Paced(lambda *stage: self.say({"progress": stage}))
        self.orders: queue.SimpleQueue[JsonObject] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self.connection.makefile("rb") as lines:
            for line in lines:
                self.orders.put(json.loads(line))
        self.ended()

    def say(self, message: JsonObject) -> None:
        with self._lock:
            self.connection.sendall(json.dumps(message).encode() + b"\n")


def open_models(order: JsonObject, channel: Channel) -> tuple[dict[str, ModelPackage], JsonObject]:
    """Every package, with the keys of every shape, made here where they are not yet. What is told of each:
    its folder, and the shapes that it can be asked for."""
    packages, told = {}, {}
    for entry in order["open"]:
        channel.say({"opening": entry["name"]})
        package = api.open_package(entry["package"], progress=channel.progress)
        rows = api.open_setup(package).rows
        shapes = [tuple(shape) for shape in entry["shapes"]] or own_shapes(package) or [(rows, 1)]
        for i, (N, k) in enumerate(shapes):
            if N > package.config.n_ctx:
                raise ZkllmError(f"{entry['name']} has {package.config.n_ctx} positions, not {N}")
            if order["proves"]:
                api.check_memory(package, N, k, order["memory_budget"])
            files = (verifying_key_file(package.folder, N, k), proving_key_file(package.folder, N, k))
            if not all(is_own_key(package.digest, path) for path in files):
                what = f"the keys of {ShapeId(N, k)} (shape {i + 1} of {len(shapes)})"
                channel.say({"opening": f"{entry['name']}, {what}"})
                api.shape_keys(package, N, k, channel.progress)
        NATIVE.release_memory()
        packages[entry["name"]] = package
        told[entry["name"]] = {"folder": str(package.folder), "shapes": shapes}
    return packages, told


def own_shapes(package: ModelPackage) -> list[tuple[int, int]]:
    """Of prompts in the clear, whose keys this user made or checked."""
    from zkllm.key_files import verifying_key_files

    return sorted(
        (shape.rows, shape.certified)
        for shape, path in verifying_key_files(package.folder).items()
        if not shape.sealed and is_own_key(package.digest, path)
    )


def _answer(package: ModelPackage, order: JsonObject, channel: Channel) -> JsonObject:
    """Each token is told when it is known; that all of the trace is within its ranges, so that the answer can
    be proved, is known at the end."""
    try:
        trace = generate_trace(
            package.weights,
            order["prompt"],
            order["certified"],
            order["rows"],
            tell=lambda token: channel.say({"token": token}),
        )
    finally:
        NATIVE.release_memory()
    return {"answer": trace.ids[trace.T - trace.k + 1 : trace.T + 1]}


def prove(
    package: ModelPackage, order: JsonObject, channel: Channel, memory_budget: int | None
) -> JsonObject:
    """A proof that was verified."""
    chain_id, *rest = order["context"]
    result = api.prove(
        package,
        tokens=order["prompt"],
        certified=order["certified"],
        rows=order["rows"],
        context=Context(chain_id, *map(bytes.fromhex, rest)),
        progress=channel.progress,
        memory_budget=memory_budget,
    )
    channel.progress("verify", 0, 1)
    start = time.perf_counter()
    result.proof.verify(
        VerifyingKey.load(verifying_key_file(package.folder, order["rows"], order["certified"]))
    )
    seconds = result.timings | {"verify": time.perf_counter() - start}
    return {"proof": result.proof.to_bytes().hex(), "answer": result.answer_ids, "seconds": seconds}


def main(descriptor: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the node's: it may have time to finish what is under way
    channel = Channel(socket.socket(fileno=descriptor))
    warnings.simplefilter("ignore", ZkllmWarning)
    packages: dict[str, ModelPackage] = {}
    budget: int | None = None
    while True:
        order = channel.orders.get()
        try:
            if "open" in order:
                packages, done = open_models(order, channel)
                budget = order["memory_budget"]
            elif "answer" in order:
                done = _answer(packages[order["answer"]["model"]], order["answer"], channel)
            else:
                done = prove(packages[order["prove"]["model"]], order["prove"], channel, budget)
            channel.say({"done": done})
        except (ResourceError, MemoryError, OSError) as error:
            channel.say({"failed": words(error), "again": True})
        except ZkllmError as error:
            channel.say({"failed": str(error), "again": False})
        except Exception as error:  # a fault of ours costs this job, not the others
            channel.say({"failed": f"internal error: {words(error)}", "again": True})


def words(error: BaseException) -> str:
    if isinstance(error, ZkllmError | MemoryError):
        return reason(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


if __name__ == "__main__":
    main(int(sys.argv[1]))
