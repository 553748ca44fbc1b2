"""What an interpreter has to know of a description: the tensors and where they lie, but no operation."""

from __future__ import annotations

from .layout import pack
from .manifest import Manifest
from .shape import Shape


class Setting:
    """A shape with its tensors, their columns, and the transcript's IV."""

    def __init__(self, shape: Shape, manifest: Manifest, iv: int):
        self.shape, self.manifest, self.iv = shape, manifest, iv
        self.fixed = pack(manifest, True, shape.config.mu)
        self.witness = pack(manifest, False, shape.config.mu)

    @property
    def num_columns(self) -> int:
        return self.fixed.num_columns + self.witness.num_columns
