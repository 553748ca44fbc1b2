"""What is fixed before a statement: shape, operations, their tensors, columns, and the transcript's IV.

The interpreters of the protocol's text see its `Setting`; the text alone (`program.py`) asks the operations.

Nothing here knows a model. A family of models (`zkllm/gpt2/`) has a configuration of its own and makes the
program of a shape from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from .manifest import Axis, Manifest
from .operation import Operation
from .setting import Setting
from .shape import Shape

VERSION = 2


@dataclass(frozen=True)
class Program:
    """What is proved of a shape: a list of operations, and their axes with real sizes.

    `name`: of what is no whole model (`sub_block.py`), and in the IV; its inputs and outputs are committed
    tensors.
    """

    axes: tuple[Axis, ...]
    operations: tuple[Operation, ...]
    points: tuple[tuple[str, ...], ...]  # axes of the points at which sums of products are claimed
    name: str | None = None
    outputs: frozenset[str] = field(default_factory=frozenset)  # that a lookup fixes and no operation reads


class Description(Setting):
    """Everything that is fixed before a statement."""

    def __init__(self, shape: Shape, program: Program):
        self.program = program
        self.operations, self.outputs = program.operations, program.outputs
        self.relations = ("lookups", *(name for op in program.operations for name in op.relations))
        """All that a run must have executed, each once."""
        manifest = declared(shape, program)
        digest = _digest(shape, program, manifest, self.relations)
        super().__init__(shape, manifest, int.from_bytes(digest, "big") >> 8)


def _digest(shape: Shape, program: Program, manifest: Manifest, relations: tuple[str, ...]) -> bytes:
    """Binds version, shape, configuration (every scale and width), tables, lookups and relations."""
    data = {
        "version": VERSION,
        "config": shape.config.to_dict(),
        "rows": shape.rows,
        "certified": shape.certified,
        "sealed": shape.sealed,
        "manifest": manifest.digest().hex(),
        "relations": relations,
    }
    if program.name is not None:
        data |= {"program": program.name, "outputs": sorted(program.outputs)}
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).digest()


def declared(shape: Shape, program: Program) -> Manifest:
    """The tensors of a program's operations."""
    manifest = Manifest.over(program.axes, shape.config.limb_bits)
    for operation in program.operations:
        with manifest.of(operation.parts):
            operation.declare(manifest)
    return manifest
