"""Reading GGUF files with the `gguf` library: metadata, and tensors as float32, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from zkllm.errors import CheckpointError, reason
from zkllm.files import JsonObject
from zkllm.requirements import install

_BLOCK = 1 << 24  # values that are made float32 at a time
_DAMAGE = (ValueError, LookupError, TypeError, OverflowError, AttributeError, EOFError)


class GgufFile:
    """`metadata` by its keys, `shapes` of the tensors, the slowest axis first."""

    def __init__(self, path: Path):
        self.path = path
        try:
            import gguf
        except ImportError:
            raise CheckpointError(f"{path}: reading GGUF needs more: {install('gguf')}") from None
        self._library: Any = gguf
        try:
            reader = gguf.GGUFReader(path)
            self.metadata: JsonObject = {name: field.contents() for name, field in reader.fields.items()}
            self._tensors: dict[str, Any] = {tensor.name: tensor for tensor in reader.tensors}
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {reason(error)}") from None
        except _DAMAGE as error:
            raise CheckpointError(f"{path}: damaged GGUF file ({reason(error)}); download it again") from None
        self.shapes = {name: tuple(map(int, reversed(t.shape))) for name, t in self._tensors.items()}
        if self.metadata.get("split.count", 1) > 1:
            raise CheckpointError(f"{path}: is one of several parts; merge them first (gguf-split --merge)")
        for name, tensor in self._tensors.items():
            self._require_known(name, tensor.tensor_type)

    def _require_known(self, name: str, kind: Any) -> None:
        """A CheckpointError unless values of this type can be made float32."""
        sizes = self._library.GGML_QUANT_SIZES
        try:
            self._library.dequantize(np.zeros((1, sizes[kind][1]), np.uint8), kind)
        except (NotImplementedError, KeyError, ValueError):
            name = f"{self.path}: tensor {name} is of type {kind.name}, which the gguf library cannot read"
            raise CheckpointError(f"{name}; use a file of another quantisation") from None

    def blocks(self, name: str) -> Iterator[np.ndarray]:
        """float32, finite, in order along the first axis."""
        tensor, shape = self._tensors[name], self.shapes[name]
        rows = max(1, _BLOCK // max(1, prod(shape[1:])))
        data = np.atleast_2d(tensor.data) if len(shape) == 1 else tensor.data
        for start in range(0, len(data), rows):
            raw = np.ascontiguousarray(data[start : start + rows])
            block = np.asarray(self._library.dequantize(raw, tensor.tensor_type), np.float32)
            block = block.reshape(shape) if len(shape) == 1 else block.reshape(-1, *shape[1:])
            if not np.isfinite(block).all():
                raise CheckpointError(f"{self.path}: tensor {name} has values that are not finite")
            yield block

    def whole(self, name: str) -> np.ndarray:
        return np.concatenate(list(self.blocks(name)))
