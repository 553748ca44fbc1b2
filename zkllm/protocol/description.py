"""What is fixed before a statement, as the interpreters see it (`program.Protocol` makes it)."""

from __future__ import annotations

from typing import Protocol

from .layout import Layout
from .manifest import Manifest, Shape


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
