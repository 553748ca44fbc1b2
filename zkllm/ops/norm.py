"""What LayerNorm and RMSNorm share: all 2 L + 1 normalisations, on one axis n (2 l before attention, 2 l + 1
before the MLP, 2 L the last).

With D linear in the residual stream, Q = sum_j D^2 + eps_int >= 1, rho is the unique integer with
rho^2 Q <= d 4^kappa < (rho + 1)^2 Q, and y = round(D rho / 2^s):

    u + rho^2 Q - d 4^kappa = 0               u >= 0
    v + u + 1 - (2 rho + 1) Q = 0             v >= 0, so u < (2 rho + 1) Q
    2^s y + y_rem - 2^(s-1) - D rho = 0       0 <= y_rem < 2^s

Gains and biases are folded into the next linear layer. Q is virtual: a sum of squares. d is the width itself,
whatever its axes are padded to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..protocol.algebra import ones_at
from ..protocol.data import ProverData
from ..protocol.forms import Form
from ..protocol.manifest import Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, FormFactor, Instance, Term, VirtualFactor
from ..protocol.sources import WORDS, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH

ROWS = ("n", "t")
WIDE = Traced("uint16", WORDS)


@dataclass(frozen=True)
class Normalisation(Operation):
    width: int  # d
    kappa: int
    eps: int  # eps_int
    shift: int  # s
    bits: int  # of y
    rho_bits: int
    norm_bits: int  # of u and v
    width_axes: tuple[str, ...] = WIDTH

    low: ClassVar[str]
    high: ClassVar[str]
    features: ClassVar[str]
    squares: ClassVar[str]

    @property
    def relations(self) -> tuple[str, ...]:
        return (self.low, self.high, self.features, self.squares)

    @property
    def feature_axes(self) -> tuple[str, ...]:
        return (*ROWS, *self.width_axes)

    def deviation(self, run: Run) -> Form:
        """D over (n, t, width)."""
        raise NotImplementedError

    def largest(self, x: int) -> int:
        """A bound on |D|, where |X| <= x."""
        raise NotImplementedError

    def declare(self, m: Manifest) -> None:
        own = self.width_axes
        m.value("rho", "n", "t", bits=self.rho_bits, made=WIDE, watch=largest)
        m.value("u", "n", "t", bits=self.norm_bits, made=WIDE, watch=largest)
        m.value("v", "n", "t", bits=self.norm_bits, made=WIDE, watch=largest)
        m.value("y", "n", "t", own, bits=self.bits, signed=True, made=Traced("int16"), watch=largest)
        m.value("y_rem", "n", "t", own, bits=self.shift, made=Traced("int64"))

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(self.feature_axes))

    def equations(self, run: Run) -> list[Equation]:
        features = self.feature_axes
        rho = run.shared_factor("rho", run.tensor("rho"), ROWS)
        d = run.shared_factor("D", self.deviation(run), features)

        def square_sums(data: ProverData) -> np.ndarray:
            table = np.asarray(data.table(d.form, features, {}))
            n, t = run.axes["n"], run.axes["t"]
            sums = data.kernels.square_sums(table.reshape(n * t, -1))
            return np.array([q + self.eps for q in sums], object).reshape(n, t)

        q = VirtualFactor("Q", ROWS, square_sums)
        u, v, s = run.tensor("u"), run.tensor("v"), self.shift
        return [
            Equation(self.low, ROWS, [(1, [rho, rho, q])], u - (self.width << 2 * self.kappa)),
            Equation(self.high, ROWS, [(-2, [rho, q]), (-1, [q])], v + u + 1),
            Equation(
                self.features,
                features,
                [(-1, [d, rho])],
                run.tensor("y") * (1 << s) + run.tensor("y_rem") - (1 << s - 1),
            ),
        ]

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        at, q = run.party.take("Q")
        eps = ones_at(run.axes["n"], at["n"]) * ones_at(run.axes["t"], at["t"])
        d: FormFactor = run.factor("D", self.deviation(run), self.feature_axes)
        terms: list[Term] = [(1, [run.eq("n", at["n"]), run.eq("t", at["t"]), d, d])]
        return [Instance(self.squares, self.feature_axes, terms, q - self.eps * eps)]
