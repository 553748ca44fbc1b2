"""The workers of one proof: commands to them, what they keep, what was sent, and those that replace the lost.

A worker's state follows from the commands that it was sent, which are few and small: their log is kept, and
a worker that is lost is replaced by one that is told all of it again. Kernels are deterministic, so nothing
else of the proof notices.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from .. import errors
from ..errors import ResourceError, ZkllmError
from .wire import Argument, Command, Message, Ref, Tally, Traffic, pack_commands, unpack

Answer = tuple[Message, int, int, int]
"""The message of `Shard.run`, and its bytes of integers, elements and all else."""

MOST_LOSSES = 8
"""Workers that may be lost in one proof: more are no accident."""


class WorkerLost(Exception):
    """A worker does not answer any more, and its state is gone."""


class Worker(Protocol):
    def start(self, message: Message) -> Callable[[], Answer]:
        """Begins `Shard.run`; what is returned waits for its end. Both raise WorkerLost."""

    def stop(self) -> None:
        """Ends it, if it still runs."""


class Kept:
    """What a worker keeps, for as long as this object lives."""

    def __init__(self, pool: Pool, worker: int, number: int):
        self.worker, self.number = worker, number
        weakref.finalize(self, pool.forget, worker, number)

    @property
    def ref(self) -> Ref:
        return Ref(self.number)


class Pool:
    """`start`: makes the worker of a number, also in the place of one that is lost."""

    def __init__(self, count: int, start: Callable[[int], Worker]):
        if count < 1:
            raise ValueError("a proof has one worker at least")
        self._start = start
        self.workers: list[Worker] = [start(number) for number in range(count)]
        self.traffic: dict[str, Traffic] = {}
        self.stage = "start"
        self.lost = 0
        self._logs: list[list[Command]] = [[] for _ in range(count)]
        self._forgotten: list[list[int]] = [[] for _ in range(count)]
        self._alive: list[set[int]] = [set() for _ in range(count)]
        self._next = 0

    def __len__(self) -> int:
        return len(self.workers)

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()

    def enter(self, stage: str) -> None:
        """What follows is counted under this name."""
        self.stage = stage

    # ---- commands

    def keep(
        self, worker: int, method: str, *arguments: Argument, on: Kept | None = None
    ) -> tuple[Kept, Command]:
        """A command whose answer the worker keeps."""
        kept = Kept(self, worker, self._next)
        self._next += 1
        self._alive[worker].add(kept.number)
        return kept, Command(method, arguments, on.number if on else None, kept.number, lasting=True)

    def forget(self, worker: int, number: int) -> None:
        self._forgotten[worker].append(number)

    def settle(self, kept: Kept) -> None:
        """What was done to it since it was made does not matter any more."""
        log = self._logs[kept.worker]
        self._logs[kept.worker] = [c for c in log if c.on != kept.number]

    def each(self, commands: Mapping[int, Sequence[Command]]) -> dict[int, list[Argument]]:
        """The answers of all workers, which work side by side. An error of the lowest worker is raised."""
        traffic = self.traffic.setdefault(self.stage, Traffic())
        waiting: dict[int, Callable[[], Answer] | None] = {}
        messages: dict[int, Message] = {}
        for worker, own in commands.items():
            if not own:
                continue
            batch = [*self._frees(worker), *own]
            messages[worker], tally = pack_commands(batch)
            traffic.calls += len(batch)
            traffic.sent += tally
            waiting[worker] = self._begun(worker, messages[worker])
        answers: dict[int, list[Argument]] = {}
        failed: dict[int, ZkllmError] = {}
        for worker, wait in waiting.items():
            reply, integers, elements, other = self._ended(worker, messages[worker], wait, traffic)
            traffic.received += Tally(integers, elements, other)
            result = unpack(reply)
            if isinstance(result, tuple):
                failed[worker] = _error(result)
                continue
            own = commands[worker]
            answers[worker] = cast("list[Argument]", result)[-len(own) :]
            self._logs[worker] += [c for c in own if c.lasting]
        if failed:
            raise failed[min(failed)]
        return answers

    def one(self, worker: int, command: Command) -> Argument:
        return self.each({worker: [command]})[worker][0]

    def all(self, method: str, *arguments: Argument, lasting: bool = False) -> dict[int, Argument]:
        """The same command to every worker."""
        command = Command(method, arguments, lasting=lasting)
        return {w: a[0] for w, a in self.each({w: [command] for w in range(len(self))}).items()}

    def peaks(self) -> list[int]:
        """Resident bytes of each worker at most; 0 where its system does not tell."""
        return [cast("dict[str, int]", a).get("peak", 0) for _, a in sorted(self.all("resident").items())]

    # ---- losses

    def _begun(self, worker: int, message: Message) -> Callable[[], Answer] | None:
        try:
            return self.workers[worker].start(message)
        except WorkerLost:
            return None

    def _ended(
        self, worker: int, message: Message, wait: Callable[[], Answer] | None, traffic: Traffic
    ) -> Answer:
        while True:
            try:
                if wait is None:
                    wait = self._replaced(worker, message, traffic)
                return wait()
            except WorkerLost:
                wait = None

    def _replaced(self, worker: int, message: Message, traffic: Traffic) -> Callable[[], Answer]:
        """A new worker with the state of the lost one, that begins with the message."""
        self.lost += 1
        if self.lost > MOST_LOSSES:
            raise ResourceError(
                f"{self.lost} workers were lost in one proof; look at their memory and their logs"
            )
        self.workers[worker].stop()
        self.workers[worker] = self._start(worker)
        log = self._logs[worker]
        made = {c.keep for c in log if c.keep is not None}
        dead = sorted(made - self._alive[worker])
        again = [*log, *([Command("free", (dead,))] if dead else [])]
        if again:
            replay, _ = pack_commands(again)
            traffic.again += replay.bytes
            reply, *_ = self.workers[worker].start(replay)()
            if isinstance(failure := unpack(reply), tuple):
                raise _error(failure)
        traffic.again += message.bytes
        return self.workers[worker].start(message)

    def _frees(self, worker: int) -> list[Command]:
        """Of what nobody refers to any more; and what of the log no living state follows from is dropped."""
        numbers, self._forgotten[worker] = self._forgotten[worker], []
        if not numbers:
            return []
        self._alive[worker] -= set(numbers)
        needed, log = set(self._alive[worker]), list[Command]()
        for command in reversed(self._logs[worker]):
            own = {command.keep, command.on} - {None}
            if own and not own & needed:
                continue
            needed |= {n for n in (command.on, *_numbers(command.arguments)) if n is not None}
            log.append(command)
        self._logs[worker] = log[::-1]
        return [Command("free", (sorted(numbers),))]


def _numbers(value: Argument) -> list[int]:
    if isinstance(value, Ref):
        return [value.number]
    if isinstance(value, tuple | list):
        return [n for v in value for n in _numbers(v)]
    return []


def _error(failure: Argument) -> ZkllmError:
    name, arguments = cast("tuple[str, tuple[object, ...]]", failure)
    kind = getattr(errors, name, ZkllmError)
    return cast("ZkllmError", kind(*arguments))
