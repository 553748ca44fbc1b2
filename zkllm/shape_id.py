"""What tells the circuits of a model apart. Pure Python."""

from __future__ import annotations

from typing import NamedTuple


class ShapeId(NamedTuple):
    """N and k of a circuit, and whether its statements' prompts are sealed."""

    rows: int
    certified: int
    sealed: bool = False

    def __str__(self) -> str:
        return f"N={self.rows} k={self.certified}" + (" sealed" if self.sealed else "")

    @property
    def folder(self) -> str:
        """Of its keys."""
        return f"N{self.rows}-k{self.certified}" + ("-sealed" if self.sealed else "")
