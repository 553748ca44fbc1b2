"""What an operation is, and what it sees of the running protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..field import R
from ..kernels.interface import Table
from .algebra import Point, eq_weighted, listed_at
from .data import ProverData
from .forms import AxisMap, Form, tensor
from .manifest import Manifest, Parts
from .party import Party
from .public import PublicStatement
from .relations import Equation, FormFactor, Instance, PublicFactor
from .sumcheck import SumcheckPoint


@dataclass
class Run:
    """One run of the text: who runs it, the statement, and the factors that operations share."""

    party: Party
    statement: PublicStatement
    shared: dict[str, FormFactor] = field(default_factory=dict)

    @property
    def manifest(self) -> Manifest:
        return self.party.protocol.manifest

    @property
    def axes(self) -> Mapping[str, int]:
        return self.manifest.axes

    def tensor(self, name: str, *maps: AxisMap | str) -> Form:
        return tensor(self.manifest, name, *maps)

    def factor(
        self, name: str, form: Form, axes: Sequence[str], bound: Mapping[str, Point] | None = None
    ) -> FormFactor:
        return FormFactor(name, form, tuple(axes), bound or {})

    def shared_factor(self, name: str, form: Form, axes: Sequence[str]) -> FormFactor:
        """The same form in several equations: one value is sent for all."""
        if name not in self.shared:
            self.shared[name] = self.factor(name, form, axes)
        return self.shared[name]

    def eq(self, axis: str, point: Point, factors: Sequence[int] = ()) -> PublicFactor:
        """eq(point, x) on the real indices of an axis, times factors[x] where given."""
        size = self.axes[axis]
        if set(factors) <= {1}:
            factors = ()
        elif len(factors) != size:
            raise ValueError(f"axis {axis} has {size} indices, got {len(factors)} factors")

        def table(data: ProverData) -> Table:
            kernels = data.kernels
            plain = kernels.slice(kernels.eq_table([int(c) for c in point]), 0, size)
            if not factors:
                return plain
            weighted = [e * f % R for e, f in zip(kernels.to_list(plain), factors, strict=True)]
            return kernels.from_list(weighted)

        return PublicFactor((axis,), table, lambda env: eq_weighted(size, point, env[axis], factors))

    def listed(self, axis: str, factors: Sequence[int]) -> PublicFactor:
        """factors[x] on the real indices of an axis."""
        size = self.axes[axis]
        if len(factors) != size:
            raise ValueError(f"axis {axis} has {size} indices, got {len(factors)} factors")

        def table(data: ProverData) -> Table:
            return data.kernels.from_list(factors)

        return PublicFactor((axis,), table, lambda env: listed_at(factors, env[axis]))


@dataclass(frozen=True)
class Work:
    """What an operation computes in a pass over all layers, for profiles and reports."""

    products: Mapping[str, int] = field(default_factory=dict)  # multiply-accumulates by part of the model
    folded: int = 0  # entries that its sums of products fold over their rows
    checked: int = 0  # indices of its equations, each set of axes once


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of a model: its tensors and its argument. By default it contributes nothing.

    It holds the numbers that it needs of a configuration, and says nothing of who runs the text.
    """

    parts: Parts = field(default_factory=dict)  # of the model

    @property
    def relations(self) -> tuple[str, ...]:
        """Names of its equations, products and claims, in the order in which they run."""
        return ()

    def declare(self, m: Manifest) -> None:
        """Its tensors and lookups."""

    def work(self, m: Manifest) -> Work:
        return Work()

    def equations(self, run: Run) -> list[Equation]:
        """For the zero-check."""
        return []

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        """Sums of products, for the product sumcheck."""
        return []

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        """Makes linear claims; returns their names."""
        return []
