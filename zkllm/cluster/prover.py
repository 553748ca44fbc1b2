"""A proving process of the cluster: it opens packages and proves what it is asked, one after the other."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zkllm.cluster.told import ToldPackage, limit_threads
from zkllm.errors import ResourceError, ZkllmError, ZkllmWarning
from zkllm.proving import prove
from zkllm.shape_id import ShapeId
from zkllm.statement import Context
from zkllm.timings import Paced


@dataclass(frozen=True)
class Order:
    """A proof that is asked for; `salt`: of a sealed prompt; `package`: which of those that were told."""

    ids: tuple[int, ...]
    shape: ShapeId
    context: Context = Context()
    salt: int | None = None
    package: int = 0


@dataclass(frozen=True)
class Proved:
    """A proof that nobody has verified yet."""

    proof: bytes
    seconds: dict[str, float]
    """By stage."""
    machine: str


@dataclass(frozen=True)
class NotProved:
    """`again`: another attempt may end otherwise."""

    reason: str
    again: bool


@dataclass(frozen=True)
class News:
    """`number`: of the news of this process; `begun`: orders that it was given so far, the last of which is
    at this stage."""

    number: int
    begun: int
    stage: str
    done: int
    total: int


class Prover:
    """Of some packages, with so many threads. Lives in a process of its own: an actor of Ray's."""

    def __init__(self, told: Sequence[ToldPackage], cores: int):
        limit_threads(cores)
        warnings.simplefilter("ignore", ZkllmWarning)
        self._told, self._machine = told, os.uname().nodename
        self._changed = threading.Condition()
        self._news = News(0, 0, "", 0, 0)

    def start(self) -> int | NotProved:
        """Opens the packages: this process' id, or why it cannot prove."""
        try:
            self._packages = [told.open() for told in self._told]
        except (ZkllmError, OSError) as error:
            return NotProved(f"{self._machine}: {_words(error)}", again=False)
        return os.getpid()

    def prove(self, order: Order) -> Proved | NotProved:
        shape = order.shape
        with self._changed:
            self._news = replace(self._news, begun=self._news.begun + 1)
        try:
            result = prove(
                self._packages[order.package],
                tokens=order.ids,
                certified=shape.certified,
                rows=shape.rows,
                context=order.context,
                salt=order.salt,
                progress=Paced(self._tell),
            )
        except (ResourceError, MemoryError, OSError) as error:
            return NotProved(f"{self._machine}: {_words(error)}", again=True)
        except ZkllmError as error:
            return NotProved(_words(error), again=False)
        except Exception as error:  # a fault of ours costs this proof, not the others
            words = f"internal error: {type(error).__name__}: {_words(error)}"
            return NotProved(words, again=True)
        return Proved(result.proof.to_bytes(), result.timings, self._machine)

    def news(self, seen: int) -> News:
        """What is newer than the news of that number, as soon as there is something; from a thread of its
        own."""
        with self._changed:
            self._changed.wait_for(lambda: self._news.number > seen)
            return self._news

    def _tell(self, stage: str, done: int, total: int) -> None:
        with self._changed:
            self._news = News(self._news.number + 1, self._news.begun, stage, done, total)
            self._changed.notify_all()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
