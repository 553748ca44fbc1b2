"""What is fixed before a statement: shape, operations, their tensors, columns, and the transcript's IV.

Nothing here knows a model. A family of models (`zkllm/gpt2/`) has a configuration of its own and makes the
program of a shape from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .layout import pack
from .manifest import Axis, Manifest

if TYPE_CHECKING:
    from .operation import Operation

VERSION = 1


@dataclass(frozen=True)
class Vocabulary:
    """Token ids in slots, since packed coefficients hold one row of each: id = slot * block + index."""

    size: int
    slots: int
    pad_id: int  # every id after x_T

    @property
    def block(self) -> int:
        """J: real ids in a slot; the last one may hold fewer."""
        return -(-self.size // self.slots)

    @property
    def last_block(self) -> int:
        """Real ids in the last slot."""
        return self.size - (self.slots - 1) * self.block


class Config(Protocol):
    """What is asked of a family's configuration."""

    @property
    def mu(self) -> int:
        """log2 of a column's coefficients."""

    @property
    def limb_bits(self) -> int:
        """The widest range table."""

    @property
    def n_ctx(self) -> int: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    def to_dict(self) -> dict[str, object]:
        """All that fixes the program: every size, scale and width."""


@dataclass(frozen=True)
class Shape:
    """One circuit: the program, N rows, k certified tokens."""

    config: Config
    rows: int
    certified: int

    def __post_init__(self) -> None:
        if not 1 <= self.certified <= self.rows <= self.config.n_ctx:
            raise ValueError(
                f"shape: need 1 <= k <= N <= n_ctx, got k {self.certified}, N {self.rows}, "
                f"n_ctx {self.config.n_ctx}"
            )


@dataclass(frozen=True)
class Program:
    """What is proved of a shape: a list of operations, and their axes with real sizes.

    `part`: of a part of a model (`sub_block.py`) its name, which is in the IV; its inputs and outputs are
    committed tensors.
    """

    axes: tuple[Axis, ...]
    operations: tuple[Operation, ...]
    points: tuple[tuple[str, ...], ...]  # axes of the points at which sums of products are claimed
    part: str | None = None
    outputs: frozenset[str] = field(default_factory=frozenset)  # that a lookup fixes and no operation reads


class Description:
    """Everything that is fixed before a statement."""

    def __init__(self, shape: Shape, program: Program):
        self.shape, self.program = shape, program
        self.operations, self.outputs = program.operations, program.outputs
        self.relations = ("lookups", *(name for op in program.operations for name in op.relations))
        """All that a run must have executed, each once."""
        self.manifest = declared(shape, program)
        self.fixed = pack(self.manifest, True, shape.config.mu)
        self.witness = pack(self.manifest, False, shape.config.mu)
        self.iv = int.from_bytes(self.digest(), "big") >> 8

    @property
    def num_columns(self) -> int:
        return self.fixed.num_columns + self.witness.num_columns

    def digest(self) -> bytes:
        """Binds version, shape, configuration (every scale and width), tables, lookups and relations."""
        data = {
            "version": VERSION,
            "config": self.shape.config.to_dict(),
            "rows": self.shape.rows,
            "certified": self.shape.certified,
            "manifest": self.manifest.digest().hex(),
            "relations": self.relations,
        }
        if self.program.part is not None:
            data |= {"program": self.program.part, "outputs": sorted(self.outputs)}
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).digest()


def declared(shape: Shape, program: Program) -> Manifest:
    """The tensors of a program's operations."""
    manifest = Manifest.over(program.axes, shape.config.limb_bits)
    for operation in program.operations:
        with manifest.of(operation.part):
            operation.declare(manifest)
    return manifest
