"""What is fixed before a statement, as the interpreters see it (`program.Protocol` makes it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .layout import Layout
from .manifest import Manifest, Shape

if TYPE_CHECKING:
    from ..ops.base import Operation


class Description(Protocol):
    @property
    def shape(self) -> Shape: ...

    @property
    def manifest(self) -> Manifest: ...

    @property
    def fixed(self) -> Layout: ...

    @property
    def witness(self) -> Layout: ...

    @property
    def iv(self) -> int:
        """The transcript's IV: the digest of all of it."""

    @property
    def num_columns(self) -> int: ...

    @property
    def operations(self) -> tuple[Operation, ...]: ...

    @property
    def relations(self) -> tuple[str, ...]:
        """All that a run must have executed, each once."""

    @property
    def outputs(self) -> frozenset[str]: ...
