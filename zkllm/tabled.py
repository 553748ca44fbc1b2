"""The columns of a proof whose model has an opening table: the fixed ones are never combined.

f is a sum of the fixed columns' part and of the witness columns' (masks included), and h, g and q are linear
in it: of the fixed part h and g are sums of the columns' integers and [q] comes from the table, of the
witness part they are computed from its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ProofError
from .kernels.interface import Vector
from .opening_table import Binding, OpeningTable
from .outer.keys import VerifyingKey
from .outer.prover import Coefficients
from .pcs.division import divides
from .pcs.srs import Srs
from .protocol.columns import combine_columns
from .protocol.contractions import RowSums
from .protocol.data import ProverData
from .protocol.description import Description


class Tabled:
    """`outer.prover.Combined`: sum_g coefficients[g] C_g, fixed columns first."""

    def __init__(
        self,
        protocol: Description,
        data: ProverData,
        srs: Srs,
        vk: VerifyingKey,
        witness_commitments: Sequence[bytes],
        table: OpeningTable,
        coefficients: Sequence[int],
    ):
        if table.binding != Binding.of(vk):
            raise ValueError("the opening table is of another model or SRS")
        self.kernels, self.srs, self.vk, self.table = data.kernels, srs, vk, table
        self.commitments = [*vk.fixed_commitments, *witness_commitments]
        self.coefficients, columns = list(coefficients), protocol.fixed.num_columns
        self.sums = RowSums(data.kernels, protocol.fixed, data.tensors, vk.mu, vk.b_log2, data.fixed_masks)
        self.fixed = self.coefficients[:columns]
        b = 1 << vk.b_log2
        rows = -(-protocol.witness_coefficients // b)
        witness = combine_columns(data, [protocol.witness], self.coefficients[columns:], rows * b)
        self.witness = Coefficients(data.kernels, srs, witness, b, 1 << vk.mu - vk.b_log2)

    def fold(self, weights: Vector) -> Vector:
        fixed = self.sums.along_rows(self.fixed, weights)
        return self.kernels.combine([fixed, self.witness.fold(weights)], [1, 1])

    def divide(self, alpha: int) -> tuple[bytes, Vector]:
        """A ProofError where the table leads to no quotient: it is checked, so nobody has to trust it."""
        of_witness, remainder = self.witness.divide(alpha)
        of_fixed = self.table.quotient(self.kernels, self.fixed, alpha)
        quotient = self.kernels.combine_points([(1, of_fixed), (1, of_witness)])
        g = self.kernels.combine([self.sums.along_columns(self.fixed, alpha), remainder], [1, 1])
        f = self.kernels.combine_points(list(zip(self.coefficients, self.commitments, strict=True)))
        if not divides(f, quotient, self.srs.commit(g), alpha, self.vk.g2_tau_b):
            raise ProofError(
                f"{self.table.path}: the opening table is not that of this model's columns; run zkllm "
                "precompute again, or delete it"
            )
        return quotient, g
