"""The manifest: every tensor of a shape, with its axes, its lookup and what else fixes it.

Layout, lookups, accounting and the soundness report are derived from it. A tensor without a lookup names
the relation that fixes it; the verifier ends by asserting that every tensor was claimed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import prod

from ..bits import ceil_log2
from .sources import Array, Dim, Packing, Source, Traced, Watch, axes_of

ROW, TOKEN, FEATURE, PROJECTION = POOLS = ("row", "token", "feature", "projection")
TRIANGLE = ("t", "u")
"""The axes of row and column of triangular tensors."""


Parts = Mapping[str, float]
"""Names of parts of a model, as profiles and reports have them, with the share of each."""
TABLES: Parts = {"lookup tables": 1.0}


@dataclass(frozen=True)
class Axis:
    """`pool`: the coordinates that it shares with other axes in a sumcheck (`sumcheck.py`)."""

    name: str
    size: int
    pool: str = FEATURE


@dataclass(frozen=True)
class Lookup:
    """(table, tensor + offset, output tensor); `causal` lookups count only where u <= t.

    `tables`: one for all values, or one for each index of the tensor's first axis.
    """

    tables: tuple[str, ...]
    offset: int = 0
    output: str | None = None
    causal: bool = False

    @property
    def main(self) -> str:
        """The commonest table."""
        return Counter(self.tables).most_common(1)[0][0]

    def runs(self) -> list[tuple[str, slice]]:
        """Each table with the indices of the first axis that use it, as runs."""
        if len(self.tables) == 1:
            return [(self.tables[0], slice(None))]
        runs = []
        for name, group in groupby(range(len(self.tables)), self.tables.__getitem__):
            indices = list(group)
            runs.append((name, slice(indices[0], indices[-1] + 1)))
        return runs


@dataclass(frozen=True)
class Tensor:
    name: str
    axes: tuple[str, ...]
    fixed: bool
    lookup: Lookup | None
    note: str  # what fixes the values, for tensors without a lookup
    layered: bool = False  # may have the bits of its first axis on top of the column's address
    public: bool = False  # what anyone can make again, of a hidden model too: apart from its weights
    triangular: bool = False  # laid out where u <= t alone, and 0 elsewhere
    parts: Parts = field(default_factory=dict)  # of the model, that it belongs to

    def sizes(self, axes: dict[str, int]) -> tuple[int, ...]:
        return tuple(axes[a] for a in self.axes)


@dataclass(frozen=True)
class Table:
    """Inputs offset, offset + 1, ..; outputs the fixed tensor `output`, or none for a range table."""

    name: str
    tag: int
    axis: str
    offset: int
    output: str | None

    @property
    def multiplicity(self) -> str:
        return f"mult.{self.name}"


@dataclass(frozen=True)
class Wide:
    """A value held as limbs, sum of 2^shift limb; only the top limb is signed, as in two's complement."""

    name: str
    limbs: tuple[tuple[str, int], ...]  # (tensor, shift), least significant first
    bits: int
    signed: bool


@dataclass(frozen=True)
class Value:
    """A witness value as an operation declares it, whether one tensor holds it or several limbs do."""

    name: str
    dims: tuple[Dim, ...]
    made: Source | None  # None: by whoever proves
    watch: Watch | None  # how near executions come to the range; None where they cannot leave it

    @property
    def array(self) -> Array | None:
        """Its array of the trace."""
        made = self.made
        return Array(self.name, made.dtype, self.dims, made.words) if isinstance(made, Traced) else None


@dataclass(frozen=True)
class Held:
    """Which array of the model a fixed tensor is, or which row of it, and how it is packed."""

    array: Array
    packing: Packing | None = None
    row: int | None = None

    @property
    def axes(self) -> tuple[str, ...]:
        """The tensor's."""
        dims = self.array.dims if self.row is None else self.array.dims[1:]
        return tuple(a for a in axes_of(dims) if self.packing is None or a != self.packing.slot)


@dataclass
class Manifest:
    axes: dict[str, int]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    wide: dict[str, Wide] = field(default_factory=dict)
    limb_bits: int = 16  # of the widest range table; wider values are limbs
    pools: dict[str, str] = field(default_factory=dict)  # of an axis that is no feature
    values: dict[str, Value] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    kept: dict[str, Array] = field(default_factory=dict)  # arrays of the trace that are no value
    parts: Parts = field(default_factory=dict)  # of what is being declared

    @classmethod
    def over(cls, axes: Iterable[Axis], limb_bits: int = 16) -> Manifest:
        known = {axis.name: axis for axis in axes}
        pools = {name: axis.pool for name, axis in known.items()}
        return cls({name: axis.size for name, axis in known.items()}, limb_bits=limb_bits, pools=pools)

    # ---- declarations, used by the operations
    @contextmanager
    def of(self, parts: Parts) -> Iterator[None]:
        """What is declared meanwhile belongs to these parts of the model."""
        before, self.parts = self.parts, parts
        yield
        self.parts = before

    def fixed(
        self, name: str, *axes: str, held: Held | None = None, layered: bool = False, public: bool = False
    ) -> None:
        """A tensor of the model; `held` (which has its axes) says how the model holds it."""
        if held is not None:
            axes = held.axes
            self.held[name] = held
        self._add(Tensor(name, axes, True, None, "committed to by model_id", layered, public))

    def free(
        self, name: str, *dims: Dim, note: str, made: Source | None = None, triangular: bool = False
    ) -> None:
        """A witness tensor without a lookup of its own; `note` names what fixes it."""
        self._value(name, dims, made)
        self._add(Tensor(name, axes_of(dims), False, None, note, triangular=triangular))

    def ranged(
        self,
        name: str,
        *axes: str,
        bits: int,
        signed: bool = False,
        causal: bool = False,
        triangular: bool = False,
    ) -> None:
        """A witness tensor in [0, 2^bits), or in [-2^(bits-1), 2^(bits-1)) where signed."""
        offset = 1 << bits - 1 if signed else 0
        lookup = Lookup((self.range_table(bits),), offset, causal=causal)
        self._add(Tensor(name, axes, False, lookup, "", triangular=triangular))

    def looked_up(
        self,
        name: str,
        *dims: Dim,
        lookup: Lookup,
        made: Source | None = None,
        watch: Watch | None = None,
        triangular: bool = False,
    ) -> None:
        self._value(name, dims, made, watch)
        self._add(Tensor(name, axes_of(dims), False, lookup, "", triangular=triangular))

    def value(
        self,
        name: str,
        *dims: Dim,
        bits: int,
        signed: bool = False,
        causal: bool = False,
        made: Source | None = None,
        watch: Watch | None = None,
        triangular: bool = False,
    ) -> None:
        """A range-checked value of any width: one tensor, or limbs where it is wider than the widest table.

        The range is exact to the bit: limbs of equal width where that divides, else full limbs and a rest.
        """
        self._value(name, dims, made, watch)
        axes, limb_bits = axes_of(dims), self.limb_bits
        if bits <= limb_bits:
            self.ranged(name, *axes, bits=bits, signed=signed, causal=causal, triangular=triangular)
            return
        count = -(-bits // limb_bits)
        widths = [bits // count] * count if bits % count == 0 else [limb_bits] * (count - 1)
        if len(widths) < count:
            widths.append(bits - sum(widths))
        limbs, shift = [], 0
        for i, width in enumerate(widths):
            top = i == count - 1
            self.ranged(
                f"{name}.{i}",
                *axes,
                bits=width,
                signed=signed and top,
                causal=causal,
                triangular=triangular,
            )
            limbs.append((f"{name}.{i}", shift))
            shift += width
        self.wide[name] = Wide(name, tuple(limbs), bits, signed)

    def keep(self, name: str, *dims: Dim, dtype: str) -> None:
        """An array that an execution traces for other reasons than to prove it."""
        self.kept[name] = Array(name, dtype, dims)

    def table(self, name: str, axis: str, offset: int = 0, output: str | None = None) -> None:
        table = Table(name, len(self.tables) + 1, axis, offset, output)
        self.tables[name] = table
        with self.of(TABLES):
            self._add(Tensor(table.multiplicity, (axis,), False, None, "LogUp"))

    def range_table(self, bits: int) -> str:
        name = f"range{bits}"
        if name not in self.tables:
            self.axes[name] = 1 << bits
            self.table(name, name)
        return name

    def _value(
        self, name: str, dims: tuple[Dim, ...], made: Source | None, watch: Watch | None = None
    ) -> None:
        self.values[name] = Value(name, dims, made, watch)

    def _add(self, tensor: Tensor) -> None:
        if tensor.name in self.tensors:
            raise ValueError(f"tensor {tensor.name} declared twice")
        unknown = [a for a in tensor.axes if a not in self.axes]
        if tensor.lookup and len(tensor.lookup.tables) not in (1, self.axes.get(tensor.axes[0])):
            raise ValueError(f"tensor {tensor.name}: one table, or one for each index of {tensor.axes[0]}")
        if tensor.lookup and tensor.lookup.causal and len(tensor.lookup.tables) > 1:
            raise ValueError(f"tensor {tensor.name}: a causal lookup has one table")
        if tensor.triangular and (
            tensor.fixed
            or [a for a in tensor.axes if a in TRIANGLE] != list(TRIANGLE)
            or len({self.axes[a] for a in TRIANGLE}) != 1
            or tensor.lookup
            and (tensor.lookup.causal or len(tensor.lookup.tables) > 1)
        ):
            raise ValueError(
                f"tensor {tensor.name}: what is triangular is a witness, over a row t and a column u of one "
                "size, and all of it is looked up in one table"
            )
        if unknown:
            raise ValueError(f"tensor {tensor.name}: unknown axes {unknown}")
        self.tensors[tensor.name] = replace(tensor, parts=self.parts)

    # ---- derived
    def bits(self, axis: str) -> int:
        return ceil_log2(self.axes[axis])

    def pool(self, axis: str) -> str:
        return self.pools.get(axis, FEATURE)

    def sizes(self, tensor: str) -> tuple[int, ...]:
        return self.tensors[tensor].sizes(self.axes)

    def count(self, tensor: str) -> int:
        """Entries that are laid out."""
        count = prod(self.sizes(tensor))
        if self.tensors[tensor].triangular:
            rows = self.axes[TRIANGLE[0]]
            return count // rows * (rows + 1) // 2
        return count

    def count_over(self, axes: Iterable[str]) -> int:
        return prod(self.axes[a] for a in axes)

    def group(self, fixed: bool) -> list[Tensor]:
        return [t for t in self.tensors.values() if t.fixed == fixed]

    def public_tensors(self) -> list[str]:
        """Fixed tensors that follow from a specification: outputs of lookup tables, and what is declared
        so."""
        outputs = [t.output for t in self.tables.values() if t.output is not None]
        return [*outputs, *(t.name for t in self.tensors.values() if t.public)]

    def lookups(self) -> list[tuple[Tensor, Lookup]]:
        return [(t, t.lookup) for t in self.tensors.values() if t.lookup is not None]

    def interval(self, value: str) -> tuple[int, int]:
        """Least value that the lookups admit, and the first beyond."""
        limbs = self.wide[value].limbs if value in self.wide else ((value, 0),)
        low = high = 0
        for limb, shift in limbs:
            lookup = self.tensors[limb].lookup
            if lookup is None:
                raise ValueError(f"{limb} has no range")
            table = self.tables[lookup.main]
            first = table.offset - lookup.offset
            low, high = low + (first << shift), high + (first + self.axes[table.axis] - 1 << shift)
        return low, high + 1

    def traced(self) -> dict[str, Array]:
        """The arrays of an execution."""
        own = {name: value.array for name, value in self.values.items() if value.array is not None}
        return own | self.kept

    def model_arrays(self) -> dict[str, Array]:
        return {held.array.name: held.array for held in self.held.values()}

    def digest(self) -> bytes:
        """Binds axes, tensors, tables and lookups: part of the transcript's IV."""
        data = {
            "axes": self.axes,
            "tensors": [
                [
                    t.name,
                    list(t.axes),
                    t.fixed,
                    [list(t.lookup.tables), t.lookup.offset, t.lookup.output, t.lookup.causal]
                    if t.lookup
                    else None,
                    *(["triangular"] if t.triangular else []),
                ]
                for t in self.tensors.values()
            ],
            "tables": [[t.name, t.tag, t.axis, t.offset, t.output] for t in self.tables.values()],
            "wide": [[w.name, [list(x) for x in w.limbs], w.bits, w.signed] for w in self.wide.values()],
        }
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).digest()
