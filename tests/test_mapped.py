"""Mapped arrays keep their contents when their pages are let go."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
    release([view, private, values])
    after = resident_memory()
    if before:
        assert before["file"] - after["file"] >= 7 << 20  # of 8 MiB
    assert (mapped == values).all() and (view == np.moveaxis(values, 2, 0)[:, 1:]).all()
    assert private[0, 0, 0] == 7 and values[0, 0, 0] == 0
