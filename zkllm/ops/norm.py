"""What all normalisations share: rho of each row, the unique integer that brings it to a length.

With D a row of d features, Q = sum_j D^2 + eps_int >= 1, rho^2 Q <= d 4^kappa < (rho + 1)^2 Q:

    u + rho^2 Q - d 4^kappa = 0               u >= 0
    v + u + 1 - (2 rho + 1) Q = 0             v >= 0, so u < (2 rho + 1) Q

Q is virtual: a sum of squares. d is the number of features itself, whatever their axes are padded to.

`Normalisation` is what LayerNorm and RMSNorm of the residual stream have besides: all 2 L + 1 of them on one
axis n (2 l before attention, 2 l + 1 before the MLP, 2 L the last), D linear in the stream, y = round(D rho /
2^s):

    2^s y + y_rem - 2^(s-1) - D rho = 0       0 <= y_rem < 2^s

Their gains and biases are folded into the next linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..protocol.algebra import Point, Scalar, ones_at
from ..protocol.data import ProverData
from ..protocol.forms import Form
from ..protocol.manifest import Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, FormFactor, Instance, Term, VirtualFactor
from ..protocol.sources import WORDS, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH

WIDE = Traced("uint16", WORDS)


@dataclass(frozen=True)
class RowNorm(Operation):
    """rho of rows; what is made of D rho is a subclass's."""

    width: int  # d
    kappa: int
    rho_bits: int
    norm_bits: int  # of u and v

    low: ClassVar[str]
    high: ClassVar[str]
    features: ClassVar[str]
    squares: ClassVar[str]
    tag: ClassVar[str] = ""
    """Before the names of rho, u, v and Q, where a model has several kinds of normalisations."""

    @property
    def relations(self) -> tuple[str, ...]:
        return (self.low, self.high, self.features, self.squares)

    @property
    def row_axes(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def feature_axes(self) -> tuple[str, ...]:
        """Those of a row, and of its features."""
        raise NotImplementedError

    def deviation(self, run: Run) -> Form:
        """D over (rows, features)."""
        raise NotImplementedError

    def offsets(self, run: Run) -> np.ndarray:
        """eps_int of each row: Python integers over the row axes."""
        raise NotImplementedError

    def offset_at(self, run: Run, at: Mapping[str, Point]) -> Scalar:
        """The MLE of the same."""
        raise NotImplementedError

    def declare(self, m: Manifest) -> None:
        for name, bits in (("rho", self.rho_bits), ("u", self.norm_bits), ("v", self.norm_bits)):
            m.value(self.tag + name, *self.row_axes, bits=bits, made=WIDE, watch=largest)

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(self.feature_axes))

    def rho(self, run: Run) -> FormFactor:
        name = f"{self.tag}rho"
        return run.shared_factor(name, run.tensor(name), self.row_axes)

    def rows_of(self, run: Run) -> FormFactor:
        """D, as all equations read it."""
        return run.shared_factor(f"{self.tag}D", self.deviation(run), self.feature_axes)

    def equations(self, run: Run) -> list[Equation]:
        rows, features = self.row_axes, self.feature_axes
        rho, d = self.rho(run), self.rows_of(run)

        def square_sums(data: ProverData) -> np.ndarray:
            table = np.asarray(data.table(d.form, features, {}))
            offsets = self.offsets(run)
            sums = data.kernels.square_sums(table.reshape(offsets.size, -1))
            found: np.ndarray = np.array(sums, object).reshape(offsets.shape) + offsets
            return found

        q = VirtualFactor(f"{self.tag}Q", rows, square_sums)
        u, v = run.tensor(f"{self.tag}u"), run.tensor(f"{self.tag}v")
        return [
            Equation(self.low, rows, [(1, [rho, rho, q])], u - (self.width << 2 * self.kappa)),
            Equation(self.high, rows, [(-2, [rho, q]), (-1, [q])], v + u + 1),
            self.feature_equation(run),
        ]

    def feature_equation(self, run: Run) -> Equation:
        raise NotImplementedError

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        at, q = run.party.take(f"{self.tag}Q")
        d: FormFactor = run.factor("D", self.deviation(run), self.feature_axes)
        terms: list[Term] = [(1, [*(run.eq(a, at[a]) for a in self.row_axes), d, d])]
        return [Instance(self.squares, self.feature_axes, terms, q - self.offset_at(run, at))]


@dataclass(frozen=True)
class Normalisation(RowNorm):
    """Of the residual stream, before linear layers."""

    eps: int  # eps_int
    shift: int  # s
    bits: int  # of y
    width_axes: tuple[str, ...] = WIDTH
    parallel: bool = False  # whether the two of a layer read the same stream

    @property
    def row_axes(self) -> tuple[str, ...]:
        return ("n", "t")

    @property
    def feature_axes(self) -> tuple[str, ...]:
        return (*self.row_axes, *self.width_axes)

    def largest(self, x: int) -> int:
        """A bound on |D|, where |X| <= x."""
        raise NotImplementedError

    def offsets(self, run: Run) -> np.ndarray:
        return np.full([run.axes[a] for a in self.row_axes], self.eps, object)

    def offset_at(self, run: Run, at: Mapping[str, Point]) -> Scalar:
        return self.eps * (ones_at(run.axes["n"], at["n"]) * ones_at(run.axes["t"], at["t"]))

    def declare(self, m: Manifest) -> None:
        super().declare(m)
        own = self.width_axes
        m.value("y", "n", "t", own, bits=self.bits, signed=True, made=Traced("int16"), watch=largest)
        m.value("y_rem", "n", "t", own, bits=self.shift, made=Traced("int64"))

    def feature_equation(self, run: Run) -> Equation:
        s = self.shift
        linear = run.tensor("y") * (1 << s) + run.tensor("y_rem") - (1 << s - 1)
        return Equation(self.features, self.feature_axes, [(-1, [self.rows_of(run), self.rho(run)])], linear)
