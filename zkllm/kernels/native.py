"""The kernels that proofs are made with: `zkllm._native` behind the interface, where each is described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, cast

import numpy as np

from .. import _native
from .._native import CircuitKernel, FrVec, Points
from ..field import R
from .interface import (
    AttentionRows,
    AttentionScales,
    CircuitColumns,
    Factor,
    Kernels,
    KernelsOf,
    LinearScales,
    NormRows,
    NormScales,
    Piece,
    Progress,
    Segment,
    TableOf,
    Weight,
)

Table: TypeAlias = TableOf[FrVec]
_ZERO = bytes(32)
"""An element's canonical bytes."""


def _machine_words(values: np.ndarray) -> np.ndarray:
    """A cheating prover's larger integers (dtype object) as others that are in no table either."""
    return np.clip(values, -(1 << 62), 1 << 62).astype(np.int64) if values.dtype == object else values


class NativeKernels(KernelsOf[FrVec]):
    """Rust on all cores of this machine."""

    # ---- integers

    def linear(
        self,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        y: np.ndarray,
        rem: np.ndarray,
        scales: LinearScales,
    ) -> None:
        _native.integer_linear(a, weights, bias, y, rem, **scales._asdict())

    def norm(self, x: np.ndarray, out: NormRows, scales: NormScales) -> None:
        _native.integer_norm(x, *out, **scales._asdict())

    def attention(
        self, qkv: np.ndarray, exp: np.ndarray, first: int, out: AttentionRows, scales: AttentionScales
    ) -> None:
        _native.integer_attention(qkv, exp, *out, first=first, **scales._asdict())

    def scores(self, a: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
        _native.integer_scores(a, w, out)

    def split_limb(self, values: np.ndarray, shift: int, width: int | None, out: np.ndarray) -> bool:
        return _native.split_limb(values, shift, width, out)

    def sum_integers(self, terms: Sequence[tuple[int, np.ndarray]], out: np.ndarray) -> bool:
        return _native.sum_integers([(c, np.broadcast_to(table, out.shape)) for c, table in terms], out)

    def square_sums(self, table: np.ndarray) -> list[int]:
        if table.dtype == object:  # a cheating prover's
            return [sum(x * x for x in row) for row in table.tolist()]
        return [low | middle << 64 | high << 128 for low, middle, high in _native.square_sums(table)]

    def folded_maxima(
        self, weights: np.ndarray, gain: np.ndarray | None, divisors: list[float]
    ) -> list[float]:
        return _native.folded_maxima(weights, gain, divisors)

    def quantize_folded(
        self,
        weights: np.ndarray,
        gain: np.ndarray | None,
        divisors: list[float],
        scales: list[int],
        out: np.ndarray,
    ) -> bool:
        return _native.quantize_folded(weights, gain, divisors, scales, out)

    def stored_maxima(self, weights: np.ndarray, factors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        return _native.stored_maxima(weights, factors)

    def quantize_stored(
        self,
        weights: np.ndarray,
        factors: np.ndarray | None,
        units: np.ndarray,
        out: np.ndarray,
        first: int,
    ) -> bool:
        return _native.quantize_stored(weights, factors, units, out, first)

    def weighted_row_sum(self, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return _native.weighted_row_sum(weights, factors)

    def largest_l1(self, weights: np.ndarray, axis: int) -> int:
        return _native.largest_l1(weights, axis)

    # ---- vectors

    def from_list(self, values: Iterable[int]) -> FrVec:
        # by their bytes, which one call takes at once; most entries of a circuit's selectors are 0
        encoded = [(int(v) % R).to_bytes(len(_ZERO), "little") if v else _ZERO for v in values]
        return FrVec.from_bytes(b"".join(encoded))

    def from_table(self, table: Table) -> FrVec:
        if isinstance(table, FrVec):
            return table
        return (
            self.from_list(table.reshape(-1).tolist()) if table.dtype == object else FrVec.from_array(table)
        )

    def to_list(self, vector: FrVec) -> list[int]:
        return vector.to_list()

    def zeros(self, n: int) -> FrVec:
        return FrVec.zeros(n)

    def slice(self, vector: FrVec, start: int, stop: int) -> FrVec:
        return vector.slice(start, stop)

    def write(self, target: FrVec, address: int, table: Table) -> None:
        target.write(address, table)

    def eq_table(self, point: Sequence[int]) -> FrVec:
        return _native.eq_table(point)

    def tensor_product(self, vectors: Sequence[FrVec]) -> FrVec:
        return _native.tensor_product(vectors)

    def inner(self, table: Table, weights: FrVec) -> int:
        return _native.inner(table, weights)

    def linear_combination(self, vectors: Sequence[FrVec], coefficients: Sequence[int]) -> FrVec:
        return _native.linear_combination(vectors, coefficients)

    def contract(
        self, table: Table, shape: Sequence[int], axis: int, weights: FrVec, count: int = 1
    ) -> FrVec:
        return _native.contract(table, shape, axis, weights, count)

    def sum_tables(
        self, size: int, pieces: Sequence[Piece[FrVec]], passed: Callable[[], None] | None = None
    ) -> FrVec:
        return _native.sum_tables(size, pieces, passed)

    # ---- sums

    def sumcheck(
        self,
        sizes: Sequence[int],
        factors: Sequence[Factor[FrVec]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None = None,
    ) -> _native.SumcheckInstance:
        return _native.SumcheckInstance(sizes, factors, terms, tau)

    def reduction(
        self, mu: int, columns: Sequence[tuple[Sequence[Weight[FrVec]], Sequence[Piece[FrVec]]]]
    ) -> _native.ReductionInstance:
        return _native.ReductionInstance(mu, columns)

    def count_lookups(
        self,
        counts: np.ndarray,
        inputs: np.ndarray,
        shift: int,
        causal: tuple[int, int] | None = None,
        outputs: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> bool:
        if outputs is not None:
            outputs = (_machine_words(outputs[0]), _machine_words(outputs[1]))
        return _native.count_lookups(counts, _machine_words(inputs), shift, causal, outputs)

    def logup_tree(self, total: int, segments: Sequence[Segment], alpha: int, beta: int) -> _native.LogUpTree:
        return _native.LogUpTree(total, segments, alpha, beta)

    # ---- polynomials

    def ntt(self, values: FrVec, n: int, inverse: bool) -> FrVec:
        return _native.poly_ntt(values, n, inverse)

    def pack(self, polys: Sequence[FrVec]) -> FrVec:
        return _native.poly_pack(polys)

    def evaluate(self, f: FrVec, x: int) -> int:
        return _native.poly_evaluate(f, x)

    def combine(self, polys: Sequence[FrVec], coefficients: Sequence[int]) -> FrVec:
        return _native.poly_combine(polys, coefficients)

    def divide(self, f: FrVec, degree: int, lead: int, constant: int) -> tuple[FrVec, FrVec]:
        return _native.poly_divide(f, degree, lead, constant)

    def divide_in_place(self, f: FrVec, degree: int, constant: int) -> FrVec:
        return _native.poly_divide_in_place(f, degree, constant)

    def reverse(self, f: FrVec) -> FrVec:
        return _native.poly_reverse(f)

    def fold(self, f: FrVec, weights: FrVec) -> FrVec:
        return _native.mercury_fold(f, weights)

    def symmetric(self, g: FrVec, p: FrVec) -> FrVec:
        return _native.mercury_symmetric(g, p)

    def circuit(self, columns: CircuitColumns[FrVec]) -> CircuitKernel:
        return CircuitKernel(*columns)

    # ---- powers of tau

    def open_points(self, path: str, offset: int, count: int) -> Points:
        return Points.open(path, offset, count)

    def points(self, raw: bytes) -> Points:
        return Points.from_raw(raw)

    def decode_points(self, encoded: bytes) -> Points:
        return Points.decode(encoded)

    def powers(self, tau: int, count: int, scale: int, progress: Progress | None = None) -> Points:
        return Points.powers(tau, count, scale, progress)

    def g2_squarings(self, tau: int, count: int) -> bytes:
        return _native.g2_squarings(tau, count)

    def release_memory(self) -> None:
        _native.release_memory()

    # ---- hashes

    def permute(self, state: Sequence[int]) -> list[int]:
        return _native.poseidon2_permute(state)

    def hash_tree(self, leaves: Sequence[bytes]) -> list[bytes]:
        return _native.keccak_tree(leaves)


NATIVE: Kernels = cast("Kernels", NativeKernels())  # its vectors meet no other kernels
