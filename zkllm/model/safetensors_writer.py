"""Writing safetensors files of float32 tensors that are never held together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import numpy as np

from zkllm.files import replacing

_ALIGNMENT = 8


def write_float32(
    path: Path, shapes: Mapping[str, tuple[int, ...]], tensors: Iterable[tuple[str, Iterable[np.ndarray]]]
) -> None:
    """`tensors`: of each of `shapes`, in their order, its values block by block. The file appears when it is
    complete."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, shape in shapes.items():
        end = place + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for (name, blocks), (expected, shape) in zip(tensors, shapes.items(), strict=True):
            written = 0
            for block in blocks:
                written += block.size
                file.write(np.ascontiguousarray(block, "<f4").data)
            if name != expected or written != prod(shape):
                raise ValueError(f"{name} has {written} values, not those of {expected} {shape}")
