"""All 2 L + 1 LayerNorms, on one axis n (2 l before attention, 2 l + 1 before the MLP, 2 L the last).

With S = sum_j X, D = d X - S, Q = sum_j D^2 + eps_int >= 1, rho is the unique integer with
rho^2 Q <= d 4^kappa < (rho + 1)^2 Q, and y = round(D rho / 2^ln_shift):

    u + rho^2 Q - d 4^kappa = 0               u >= 0
    v + u + 1 - (2 rho + 1) Q = 0             v >= 0, so u < (2 rho + 1) Q
    2^s y + y_rem - 2^(s-1) - D rho = 0       0 <= y_rem < 2^s

Gains and biases are folded into the next linear layer. Q is virtual: a sum of squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol.algebra import ones_at
from ..protocol.data import ProverData
from ..protocol.forms import Form, ones
from ..protocol.manifest import Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, FormFactor, Instance, Term, VirtualFactor
from ..protocol.sources import WORDS, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH
from .residual import stream

ROWS = ("n", "t")
FEATURES = ("n", "t", *WIDTH)
WIDE = Traced("uint16", WORDS)


@dataclass(frozen=True)
class LayerNorm(Operation):
    width: int  # d
    kappa: int
    eps: int  # eps_int
    shift: int  # ln_shift
    bits: int  # of y
    rho_bits: int
    norm_bits: int  # of u and v

    low = "layernorm: rho low"
    high = "layernorm: rho high"
    features = "layernorm: features"
    squares = "layernorm: squares"
    relations = (low, high, features, squares)

    def declare(self, m: Manifest) -> None:
        m.value("rho", "n", "t", bits=self.rho_bits, made=WIDE, watch=largest)
        m.value("u", "n", "t", bits=self.norm_bits, made=WIDE, watch=largest)
        m.value("v", "n", "t", bits=self.norm_bits, made=WIDE, watch=largest)
        m.value("y", "n", "t", WIDTH, bits=self.bits, signed=True, made=Traced("int16"), watch=largest)
        m.value("y_rem", "n", "t", WIDTH, bits=self.shift, made=Traced("int64"))

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(FEATURES))

    def centred(self, run: Run) -> Form:
        """D = d X - S over (n, t, c, h, e)."""
        return self.width * stream(run) - stream(run, *(ones(run.axes[a]) for a in WIDTH))

    def largest(self, x: int) -> int:
        """A bound on |D|, where |X| <= x."""
        return 2 * self.width * x

    def equations(self, run: Run) -> list[Equation]:
        rho = run.shared_factor("rho", run.tensor("rho"), ROWS)
        d = run.shared_factor("D", self.centred(run), FEATURES)

        def square_sums(data: ProverData) -> np.ndarray:
            table = np.asarray(data.table(d.form, FEATURES, {}))
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
                FEATURES,
                [(-1, [d, rho])],
                run.tensor("y") * (1 << s) + run.tensor("y_rem") - (1 << s - 1),
            ),
        ]

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        at, q = run.party.take("Q")
        eps = ones_at(run.axes["n"], at["n"]) * ones_at(run.axes["t"], at["t"])
        d: FormFactor = run.factor("D", self.centred(run), FEATURES)
        terms: list[Term] = [(1, [run.eq("n", at["n"]), run.eq("t", at["t"]), d, d])]
        return [Instance(self.squares, FEATURES, terms, q - self.eps * eps)]
