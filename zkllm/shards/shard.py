"""A worker's side: it keeps arrays, vectors and running sums under numbers, and does what commands say."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from ..errors import QuantizationRangeError, ZkllmError
from ..kernels.interface import (
    KernelsOf,
    LinearScales,
    LogUpStripe,
    PointsOf,
    Sumcheck,
)
from ..kernels.native import NATIVE, FrVec, NativeKernels
from ..mapped import release
from ..timings import resident_memory
from .wire import Argument, Message, Ref, View, pack, resolved, unpack

_Command = tuple[str, tuple[Argument, ...], int | None, int | None]
Failure = tuple[str, tuple[object, ...]]


def failure_of(error: ZkllmError) -> Failure:
    """An error as a message has it."""
    if isinstance(error, QuantizationRangeError):
        return type(error).__name__, (error.tensor, error.bound, error.got)
    return type(error).__name__, (str(error),)


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


CALLED = set[str]().union(*map(_public, (KernelsOf, Sumcheck, LogUpStripe, PointsOf)))
"""Methods of kernels and of what they make."""


class Shard:
    """The state of one worker."""

    def __init__(self) -> None:
        self.kept: dict[int, object] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self._own: dict[str, Callable[..., Argument]] = {
            "map": self.map,
            "free": self.free,
            "hold": self.hold,
            "linear": self.linear,
            "divide_rows": self.divide_rows,
            "release": self.release,
            "resident": self.resident,
        }

    def run(self, message: Message) -> tuple[Message, int, int, int]:
        """The answers of all commands, or the failure of one. With it the bytes of integers, elements and of
        all else in the answer."""
        answers: list[Argument] = []
        for method, arguments, on, keep in cast("list[_Command]", unpack(message)):
            given = cast("tuple[Argument, ...]", resolved(arguments, self.resolve))
            try:
                answer = self._called(method, on)(*given)
            except ZkllmError as error:
                reply, tally = pack(failure_of(error))
                return reply, tally.integers, tally.elements, tally.other
            if keep is not None:
                self.kept[keep], answer = answer, None
            answers.append(answer)
        reply, tally = pack(answers)
        return reply, tally.integers, tally.elements, tally.other

    def _called(self, method: str, on: int | None) -> Callable[..., Argument]:
        if on is None and method in self._own:
            return self._own[method]
        if method not in CALLED:
            raise ValueError(f"no command is called {method}")
        return cast("Callable[..., Argument]", getattr(NATIVE if on is None else self.kept[on], method))

    def resolve(self, value: Ref | View) -> Argument:
        if isinstance(value, Ref):
            return self.kept[value.number]
        base = self.arrays[value.name]
        return np.ndarray(value.shape, base.dtype, base.data, value.offset, value.strides)

    # ---- commands of its own

    def map(self, name: str, path: str, dtype: str, offset: int, shape: tuple[int, ...]) -> None:
        """An array of the model, of which pages are read when they are used."""
        self.arrays[name] = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)

    def free(self, numbers: list[int]) -> None:
        for number in numbers:
            self.kept.pop(number, None)

    def hold(self, values: Argument) -> Argument:
        """Integers as a piece of one layer and one slot; vectors as they are."""
        return values.reshape(1, 1, -1) if isinstance(values, np.ndarray) else values

    def linear(
        self,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        y_type: str,
        scales: LinearScales,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(y, rem) of the kernel."""
        shape = (len(a), weights.shape[1])
        y, rem = np.empty(shape, y_type), np.empty(shape, np.int32)
        NATIVE.linear(a, weights, bias, y, rem, scales)
        return y, rem

    def divide_rows(self, vector: FrVec, above: FrVec, alpha: int) -> None:
        """Replaces it by its quotient by X^b - alpha, `above` being its last row of b; what remains is known
        where the rows above came from."""
        row = len(above)
        vector.write(len(vector) - row, above)
        NativeKernels().divide_in_place(vector, row, alpha)

    def release(self) -> None:
        """What was read of the model need not stay resident."""
        release(self.arrays.values())

    def resident(self) -> dict[str, int]:
        return resident_memory()
