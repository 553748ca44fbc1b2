"""Mapped arrays keep their contents when their pages are let go; vectors' pages are used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from testkit.kernels import NATIVE
from zkllm.mapped import release
from zkllm.timings import resident_memory


def test_contents_stay(tmp_path: Path) -> None:
    path, values = tmp_path / "a.bin", np.arange(1 << 22, dtype=np.int16).reshape(4, -1, 2)
    values.tofile(path)
    mapped = np.memmap(path, dtype=np.int16, mode="r", shape=values.shape)
    view = np.moveaxis(mapped, 2, 0)[:, 1:]
    private = np.memmap(path, dtype=np.int16, mode="c", shape=values.shape)
    private[0, 0, 0] = 7
    assert int(mapped.sum(dtype=np.int64)) == int(values.sum(dtype=np.int64))
    before = resident_memory()
    (under_way,) = release([view, private, values])
    under_way.result()
    after = resident_memory()
    if before:
        assert before["file"] - after["file"] >= 7 << 20  # of 8 MiB
    assert (mapped == values).all() and (view == np.moveaxis(values, 2, 0)[:, 1:]).all()
    assert private[0, 0, 0] == 7 and values[0, 0, 0] == 0


def test_memory_of_vectors_is_kept_until_it_is_released() -> None:
    NATIVE.release_memory()
    before = resident_memory().get("anon", 0)
    vector = NATIVE.zeros(1 << 20)  # 32 MiB
    NATIVE.write(vector, 0, np.ones(1 << 20, dtype=np.int8))
    del vector
    kept = resident_memory().get("anon", 0)
    again = NATIVE.zeros(1 << 20)
    assert NATIVE.to_list(NATIVE.slice(again, 0, 9)) == [0] * 9
    assert NATIVE.to_list(NATIVE.slice(again, (1 << 20) - 9, 1 << 20)) == [0] * 9
    del again
    NATIVE.release_memory()
    if before:
        assert kept - before >= 30 << 20
        assert resident_memory()["anon"] - before <= 4 << 20
