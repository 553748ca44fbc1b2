"""What an interpreter has to know of a description: the tensors and where they lie, but no operation."""

from __future__ import annotations

from functools import cached_property

from .layout import pack
from .manifest import Manifest
from .masks import mask_addresses
from .shape import Shape


class Setting:
    """A shape with its tensors, their columns, and the transcript's IV."""

    def __init__(self, shape: Shape, manifest: Manifest, iv: int):
        self.shape, self.manifest, self.iv = shape, manifest, iv
        self.mu = shape.config.mu
        apart = manifest.public_tensors() if shape.config.hidden else ()
        self.fixed = pack(manifest, True, shape.config.fixed_mu, apart)
        self.witness = pack(manifest, False, shape.config.witness_mu)
        for table in manifest.tables.values():
            if table.output is not None:
                entries, counts = self.fixed.blocks[table.output], self.witness.blocks[table.multiplicity]
                if [b.spans for b in entries] != [b.spans for b in counts]:
                    raise ValueError(f"{table.output} and its multiplicities are cut by columns of two sizes")

    @property
    def num_columns(self) -> int:
        return self.fixed.num_columns + self.witness.num_columns

    @property
    def largest_table(self) -> int:
        """log2 of the entries of the largest lookup table, rounded up."""
        return max((self.manifest.bits(t.axis) for t in self.manifest.tables.values()), default=0)

    @property
    def witness_coefficients(self) -> int:
        """Of the longest witness column: its last mask is what is highest."""
        return max(map(max, self.masks)) + 1

    @property
    def fixed_coefficients(self) -> int:
        """Of the longest fixed column."""
        filled = min(self.fixed.used, 1 << self.fixed.mu)
        return (1 << self.fixed.mu) + 1 if self.shape.config.hidden else filled

    @property
    def coefficients(self) -> int:
        """Of the longest column: beyond, the opening sees zeros."""
        return max(self.witness_coefficients, self.fixed_coefficients)

    @cached_property
    def masks(self) -> tuple[tuple[int, ...], ...]:
        """Of each witness column, the addresses of its masks."""
        return mask_addresses(self.witness.num_columns, self.witness.mu, self.mu)
