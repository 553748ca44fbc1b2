"""A proving process of the cluster: it opens one package and proves what it is asked, one after the other."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass

from zkllm.cluster.told import ToldPackage, limit_threads
from zkllm.errors import ResourceError, ZkllmError, ZkllmWarning
from zkllm.proving import prove
from zkllm.shape_id import ShapeId
from zkllm.statement import Context


@dataclass(frozen=True)
class Order:
    """A proof that is asked for; `salt`: of a sealed prompt."""

    ids: tuple[int, ...]
    shape: ShapeId
    context: Context = Context()
    salt: int | None = None


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


class Prover:
    """Of one package, with so many threads. Lives in a process of its own: an actor of Ray's."""

    def __init__(self, told: ToldPackage, cores: int):
        limit_threads(cores)
        warnings.simplefilter("ignore", ZkllmWarning)
        self._told, self._machine = told, os.uname().nodename

    def start(self) -> int | NotProved:
        """Opens the package: this process' id, or why it cannot prove."""
        try:
            self._package = self._told.open()
        except (ZkllmError, OSError) as error:
            return NotProved(f"{self._machine}: {_words(error)}", again=False)
        return os.getpid()

    def prove(self, order: Order) -> Proved | NotProved:
        shape = order.shape
        try:
            result = prove(
                self._package,
                tokens=order.ids,
                certified=shape.certified,
                rows=shape.rows,
                context=order.context,
                salt=order.salt,
            )
        except (ResourceError, MemoryError, OSError) as error:
            return NotProved(f"{self._machine}: {_words(error)}", again=True)
        except ZkllmError as error:
            return NotProved(_words(error), again=False)
        except Exception as error:  # a fault of ours costs this proof, not the others
            words = f"internal error: {type(error).__name__}: {_words(error)}"
            return NotProved(words, again=True)
        return Proved(result.proof.to_bytes(), result.timings, self._machine)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
