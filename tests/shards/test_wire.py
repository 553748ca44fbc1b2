"""Messages have a few types: a name of anything else is not looked up."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

from zkllm.kernels.interface import LinearScales
from zkllm.kernels.native import FrVec
from zkllm.shards.wire import Argument, Message, Ref, View, pack, unpack


class Calling:
    """What is called when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object):
        self._called = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._called


def runs(function: Callable[..., object], *arguments: object) -> Message:
    return Message(pickle.dumps(Calling(function, *arguments), protocol=5), ())


def test_a_message_calls_nothing() -> None:
    import zkllm.shards.pool

    for message in (
        runs(eval, "1 + 1"),
        runs(getattr, "", "join"),
        runs(np.load, "file"),
        runs(zkllm.shards.pool.pack_commands, ()),
        runs(pytest.exit),
        Message(b"\x80\x04czkllm.shards.wire\npickle.loads\n.", ()),
        Message(b"czkllm.shards.wire\nnp\n.", ()),
    ):
        with pytest.raises(pickle.UnpicklingError):
            unpack(message)


def test_a_message_keeps_its_values() -> None:
    scales = LinearScales(3, 8, 32, "y")
    sent: tuple[Argument, ...] = (
        1 << 300, "text", None, b"bytes", True, [Ref(3), View("w", 8, (2,), (4,))], scales, slice(1, 2),
        np.int64(7),
    )  # fmt: skip
    found = cast("tuple[Argument, ...]", unpack(pack(sent)[0]))
    assert found == sent and type(found[6]) is LinearScales
    table = np.arange(6, dtype=np.int16).reshape(2, 3)
    both = unpack(pack((table, FrVec.from_bytes(bytes(64))))[0])
    array, vector = cast("tuple[np.ndarray, FrVec]", both)
    assert np.array_equal(array, table) and array.dtype == table.dtype and vector.to_bytes() == bytes(64)
