"""What sumchecks prove of tensors: equations and sums of products, and the factors of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..kernels.interface import Table
from .algebra import Point, Scalar
from .data import ProverData
from .forms import Form


@dataclass(eq=False)
class FormFactor:
    """A linear form, some axes bound: its final value is sent and becomes a claim."""

    name: str
    form: Form
    axes: tuple[str, ...]
    bound: Mapping[str, Point] = field(default_factory=dict)


@dataclass(eq=False)
class PublicFactor:
    """A public multilinear polynomial that the verifier evaluates itself."""

    axes: tuple[str, ...]
    table: Callable[[ProverData], Table]
    at: Callable[[Mapping[str, Point]], Scalar]


@dataclass(eq=False)
class VirtualFactor:
    """A tensor that is not linear in committed ones: its final value is sent and waits for the sumcheck that
    proves its definition."""

    label: str
    axes: tuple[str, ...]
    table: Callable[[ProverData], Table]


Factor = FormFactor | PublicFactor | VirtualFactor
Term = tuple[Scalar, list[Factor]]


@dataclass(eq=False)
class Instance:
    """A sum over named axes of sum_k coefficient_k prod factors: of a sum of products, or of a zero-check."""

    name: str
    axes: tuple[str, ...]  # in the order of their pools
    terms: list[Term]
    claim: Scalar = 0  # product sums only

    def factors(self) -> list[Factor]:
        return list(dict.fromkeys(f for _, fs in self.terms for f in fs))

    def degree(self, axis: str) -> int:
        return max(1, *(sum(axis in f.axes for f in fs) for _, fs in self.terms))


@dataclass
class Equation:
    """linear + sum_k coefficient_k prod factors = 0 at every real index of the axes.

    The linear part is opened at the zero-check's random point, so its tensors stay out of the sumcheck.
    """

    name: str
    axes: tuple[str, ...]
    terms: list[tuple[int, list[Factor]]]
    linear: Form | None = None
