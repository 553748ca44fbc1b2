"""What an operation sees of the running protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol as Interface

from ..field import R
from ..kernels.interface import Table
from ..model.config import ProgramConfig
from ..protocol.algebra import Point, Scalar, dyadic_blocks, eq, eq_index
from ..protocol.forms import AxisMap, Before, Form, tensor
from ..protocol.manifest import WIDTH, Manifest
from ..protocol.party import Party
from ..protocol.public import PublicStatement
from ..protocol.sumcheck import Factor, FormFactor, Instance, PublicFactor, SumcheckPoint
from ..protocol.tables import ProverData


@dataclass
class Equation:
    """linear + sum_k coefficient_k prod factors = 0 at every real index of the axes.

    The linear part is opened at the zero-check's random point, so its tensors stay out of the sumcheck.
    """

    name: str
    axes: tuple[str, ...]
    terms: list[tuple[int, list[Factor]]]
    linear: Form | None = None


@dataclass
class Run:
    """One run of the text: who runs it, the statement, and the factors that operations share."""

    party: Party
    statement: PublicStatement
    shared: dict[str, FormFactor] = field(default_factory=dict)
    extra: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)  # coordinates of output axes

    @property
    def manifest(self) -> Manifest:
        return self.party.protocol.manifest

    @property
    def config(self) -> ProgramConfig:
        return self.party.protocol.shape.config

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

    @cached_property
    def stream(self) -> Form:
        """The residual stream before LayerNorm n, over (n, t, c, h, e): X_n = X_0 + the writes m < n."""
        if self.axes["n"] == 1:  # no write comes before the first
            return self.tensor("x0").over("n")
        return self.tensor("write", Before("n"), "t", *WIDTH) + self.tensor("x0")


def eq_real(size: int, a: Point, b: Point) -> Scalar:
    """sum over x < size of eq(a, x) eq(b, x)."""
    total: Scalar = 0
    for offset, k in dyadic_blocks(0, size):
        high = len(a) - k
        prefix = eq_index(offset >> k, a[:high]) * eq_index(offset >> k, b[:high])
        total = total + prefix * eq(a[high:], b[high:])
    return total


def eq_weighted(size: int, a: Point, b: Point, factors: Sequence[int] = ()) -> Scalar:
    """sum over x < size of factors[x] eq(a, x) eq(b, x); few factors should differ from the commonest."""
    if not factors:
        return eq_real(size, a, b)
    (common, _), *_ = Counter(factors).most_common(1)
    total: Scalar = common * eq_real(size, a, b)
    for x, factor in enumerate(factors):
        if factor != common:
            total = total + (factor - common) * (eq_index(x, a) * eq_index(x, b))
    return total


class Operation(Interface):
    @property
    def relations(self) -> tuple[str, ...]:
        """Names of its equations, products and claims, in the order in which they run."""

    def declare(self, m: Manifest, c: ProgramConfig) -> None: ...

    def equations(self, run: Run) -> list[Equation]: ...

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]: ...

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        """Makes linear claims; returns their names."""


class Part:
    """Defaults: an operation contributes nothing."""

    relations: tuple[str, ...] = ()

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        return None

    def equations(self, run: Run) -> list[Equation]:
        return []

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        return []

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        return []
