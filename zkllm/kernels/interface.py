"""Everything that a proof computes natively, as one written interface: `Kernels`.

One object is passed from `zkllm.api` down. `native.NATIVE` is what proofs are made with, `zkllm.naive.NAIVE`
says in plain Python what each kernel computes; a proof is the same to the byte with either.

**Vectors** hold elements of F in [0, r) and stay where their kernels keep them: nobody else looks inside, and
no kernels take another's. `KernelsOf[V]` are kernels whose vectors are V; `Kernels` leaves open which, and is
what everybody else is written for. A table is a vector or an integer array (dtype object for values that a
cheating prover makes too large for machine words), row-major.

**Shards.** Each kernel says along which axis its work may be cut, and how the answers of the shards are put
together: they *add up* (in F or in the group), or *join* (each gives a range of the places). What is not cut
says so. The transcript stays in one place, so a proof does not depend on how its work was cut.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np


class Vector(ABC):
    """A vector of unknown kernels: for type checkers alone, nothing is an instance of it."""

    @abstractmethod
    def __len__(self) -> int: ...


V = TypeVar("V")
Taken = TypeVar("Taken", contravariant=True)
Made = TypeVar("Made", covariant=True)
Progress = Callable[[int, int], object]
Arrays = Mapping[str, np.ndarray]

TableOf: TypeAlias = V | np.ndarray
Piece = tuple[int, int, Sequence[int], TableOf[V]]
"""(address, stride, coefficients, table): see `VectorKernels.sum_tables`."""
Factor = tuple[Sequence[int], TableOf[V]]
"""(axes, table), row-major over its axes."""
Weight = tuple[int, int, Sequence[V]]
"""(address, coefficient, vectors): coefficient * (product of the vectors) from the address on."""
Segment = tuple[int, int, int | np.ndarray, np.ndarray, np.ndarray | None]
"""(address, tag, numerator, input, output): see `SumKernels.logup_tree`."""


# ---- objects that kernels make


class Sumcheck(Protocol):
    """A sum over a hypercube whose variables are bound one by one, the most significant first."""

    def remaining(self) -> int:
        """Unbound variables. Not cut: a number."""

    def round(self) -> list[int]:
        """The next round polynomial's values at 0, 1, .., its degree. Shards: indices of the variables bound
        last; they add up."""

    def bind(self, c: int) -> None:
        """Sets the next variable to c. Shards: as `round`; each binds its own."""

    def values(self) -> list[int]:
        """The factors' values once every variable is bound. Not cut: one element each."""


class LogUpTree(Protocol):
    """The fraction tree of all lookups, opened layer by layer from the root."""

    def root(self) -> tuple[int, int]:
        """(p, q'). Shards: as the layers; the topmost ones are added as fractions in one place."""

    def open(self, j: int, z: Sequence[int], lam: int) -> None:
        """Begins the sumcheck from layer j at z to its children. Shards: stripes, by bits in the middle of
        the address; each has a tree whose layers below these bits are its part of the whole one's."""

    def round(self) -> list[int]:
        """As `Sumcheck.round`. Shards: stripes; while the bits above theirs are bound, they add up."""

    def bind(self, c: int) -> None:
        """As `Sumcheck.bind`. Shards: stripes; each binds its own."""

    def values(self) -> list[int]:
        """p and q' of the two children at the point. Not cut: four elements."""


class LogUpStripe(LogUpTree, Protocol[Made]):
    """A tree that may be one stripe's."""

    def children(self) -> tuple[Made, Made, Made, Made]:
        """p0, p1, q0', q1' of every node of the open layer that the unbound variables tell apart, in order.
        Shards: stripes; they join."""


class CircuitColumns(NamedTuple, Generic[V]):
    """What a compiled circuit of n rows is (`outer.rows.Circuit`)."""

    num_rows: int
    num_variables: int
    inputs: np.ndarray
    own_wires: np.ndarray  # and wires, permutation: 4 n entries, wire after wire
    wires: np.ndarray
    permutation: np.ndarray
    defines: np.ndarray
    selectors: Sequence[V]  # nine of n values
    shifts: Sequence[int]  # of the wires' cosets


class CircuitOf(Protocol[V]):
    """A compiled circuit of n rows with its preprocessed polynomials."""

    def preprocessed(self) -> list[V]:
        """Coefficients of q1..q4, qM, qC, qE, qI, qL, sigma1..sigma4. Shards: polynomials; they join."""

    def solve(self, public: Sequence[int], inputs: Sequence[int]) -> V:
        """The value of every variable; asserts nothing. Not cut: each row needs those before it."""

    def columns(self, values: V) -> list[V]:
        """The four wires on H. Shards: wires or rows; they join."""

    def grand_product(self, columns: Sequence[V], beta: int, gamma: int) -> V:
        """z on H. Shards: ranges of rows; each but the first is multiplied by the products before it."""

    def quotients(
        self, wires: Sequence[V], z: V, public: Sequence[int], beta: int, gamma: int, alpha: int
    ) -> tuple[V, V]:
        """(Tp, Tg), up to 5 n coefficients, from those of the wires and of z. Shards: cosets of H; joined
        before the inverse transform."""


class G1Powers(Protocol):
    """Points of G1, in wire encoding where one is looked at: tau^i times the generator."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> bytes: ...

    def raw(self, start: int, count: int) -> bytes:
        """Points in our file's form. Shards: ranges of points; they join."""

    def release(self) -> None:
        """Takes pages of a mapped file off resident memory; they come back when they are read. Not cut."""

    def first_invalid(self, progress: Progress | None = None) -> int | None:
        """The first point off the curve, or at infinity. Shards: ranges of points; the least counts."""

    def geometric_sum(self, ratio: int, start: int, count: int, progress: Progress | None = None) -> bytes:
        """sum ratio^i points[start + i]. Shards: ranges of points; times ratio^start, they add up."""


class PointsOf(G1Powers, Protocol[Taken]):
    """The same to commit with."""

    def msm(self, scalars: Taken, offset: int = 0, progress: Progress | None = None) -> bytes:
        """sum scalars[i] points[offset + i]. Shards: ranges of places; they add up."""

    def transform(self, rows: int, block: int, root: int, first: int, count: int) -> PointsOf[Taken]:
        """sum_m root^(k m) points[m block + first + i] at k count + i, for k < 2 rows, m < rows, i < count;
        root is of order 2 rows, a power of two. Shards: places i; they join."""

    def msm_ints(self, segments: Sequence[tuple[int, np.ndarray]], progress: Progress | None = None) -> bytes:
        """sum over segments (offset, integers of at most 64 signed bits, any strides) of
        values[i] points[offset + i]. Shards: ranges of places; they add up."""


# ---- what the integer program's kernels fill, and by which scales


class LinearScales(NamedTuple):
    gain: int
    shift: int
    bits: int  # of y
    name: str


class NormRows(NamedTuple):
    rho: np.ndarray  # and u, v: (rows, 8) words of 16 bits
    u: np.ndarray
    v: np.ndarray
    y: np.ndarray
    rem: np.ndarray


class NormScales(NamedTuple):
    kappa: int
    shift: int
    eps: int
    rho_bits: int
    norm_bits: int  # of u and v
    y_bits: int
    names: tuple[str, str, str, str]  # of rho, u, v, y


class AttentionRows(NamedTuple):
    score_max: np.ndarray  # (rows, heads)
    sel: np.ndarray  # to e: (rows, heads, all rows)
    idx: np.ndarray
    over: np.ndarray
    rem: np.ndarray
    e: np.ndarray
    o: np.ndarray  # and div: (rows, width)
    div: np.ndarray


class AttentionScales(NamedTuple):
    exp_shift: int
    over_bits: int
    div_bits: int
    o_bits: int
    names: tuple[str, str, str]  # of over, div, o


# ---- kernels by what they work on


class IntegerKernels(ABC):
    """The integer program (`model.execution`) and what set-up does to weights.

    The program's kernels fill arrays that the caller gives, C-contiguous, one row a position. Widths are in
    bits; a value outside of its width raises a QuantizationRangeError that has the name given for it: of
    several, the first row's.
    """

    @abstractmethod
    def linear(
        self,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        y: np.ndarray,
        rem: np.ndarray,
        scales: LinearScales,
    ) -> None:
        """y = round((2^gain a W + b) / 2^shift), signed, and what is left of it in [0, 2^shift). a (rows,
        inputs), weights (inputs, outputs) int16; y int16 or int32, rem int32. Shards: outputs; they join."""

    @abstractmethod
    def norm(self, x: np.ndarray, out: NormRows, scales: NormScales) -> None:
        """The integer LayerNorm (`ops.layernorm`) of each row of x, int64. Shards: rows; they join."""

    @abstractmethod
    def attention(
        self, qkv: np.ndarray, exp: np.ndarray, first: int, out: AttentionRows, scales: AttentionScales
    ) -> None:
        """Causal softmax attention (`ops.attention`) of rows first, first + 1, .. of one layer. qkv: (all
        rows, 3, width), int16 or int32, filled up to the last of them. Shards: heads; they join."""

    @abstractmethod
    def scores(self, a: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
        """out[t, v] = sum_k a[t, k] w[v, k], int64. Shards: rows of w; they join."""

    @abstractmethod
    def split_limb(self, values: np.ndarray, shift: int, width: int | None, out: np.ndarray) -> bool:
        """out = values >> shift, of which `width` keeps that many low bits; out, of 8, 16 or 32 bits, is
        C-contiguous. False where one does not fit. Shards: places; they join."""

    @abstractmethod
    def sum_integers(self, terms: Sequence[tuple[int, np.ndarray]], out: np.ndarray) -> bool:
        """out = sum of coefficient * table, each broadcast to out, which is C-contiguous; coefficients are
        below 2^62. False, with nothing written, unless magnitudes certainly stay below 2^62 where out is
        int64, below 2^31 where it is int32. Shards: places; they join."""

    @abstractmethod
    def square_sums(self, table: np.ndarray) -> list[int]:
        """The sum of squares of each row of a table of two axes. Shards: rows, join; or columns, add up."""

    @abstractmethod
    def folded_maxima(
        self, weights: np.ndarray, gain: np.ndarray | None, divisors: list[float]
    ) -> list[float]:
        """Largest magnitude of each part of a folded matrix. Shards: rows; the greatest counts."""

    @abstractmethod
    def quantize_folded(
        self,
        weights: np.ndarray,
        gain: np.ndarray | None,
        divisors: list[float],
        scales: list[int],
        out: np.ndarray,
    ) -> bool:
        """Writes the folded matrix as int16; False where a value does not fit. Shards: rows; they join."""

    @abstractmethod
    def stored_maxima(self, weights: np.ndarray, factors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Largest magnitudes of factors[i] weights[o, i], of each output o and of each input i.
        Shards: outputs; theirs join, of the inputs' the greatest counts."""

    @abstractmethod
    def quantize_stored(
        self,
        weights: np.ndarray,
        factors: np.ndarray | None,
        units: np.ndarray,
        out: np.ndarray,
        first: int,
    ) -> bool:
        """out[i, first + o] = round(factors[i] weights[o, i] units[o]), to even, 2^15 as 2^15 - 1; units are
        powers of two. False where one is beyond that. Shards: inputs or outputs; they join."""

    @abstractmethod
    def weighted_row_sum(self, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """sum_i factors[i] weights[i] in float64, in the order of the rows. Shards: columns; they join."""

    @abstractmethod
    def largest_l1(self, weights: np.ndarray, axis: int) -> int:
        """The largest sum of magnitudes along an axis. Shards: any other axis; the greatest counts."""


class VectorKernels(ABC, Generic[V]):
    """Vectors, and tables contracted with them."""

    @abstractmethod
    def from_list(self, values: Iterable[int]) -> V:
        """Integers, modulo r. Shards: places; they join."""

    @abstractmethod
    def from_table(self, table: TableOf[V]) -> V:
        """A vector as it is, integers row-major. Shards: places; they join."""

    @abstractmethod
    def to_list(self, vector: V) -> list[int]:
        """Shards: places; they join."""

    @abstractmethod
    def zeros(self, n: int) -> V:
        """Shards: places; they join."""

    @abstractmethod
    def slice(self, vector: V, start: int, stop: int) -> V:
        """Shards: places; they join."""

    @abstractmethod
    def write(self, target: V, address: int, table: TableOf[V]) -> None:
        """Copies a table into place. Shards: places of the target; they join."""

    @abstractmethod
    def eq_table(self, point: Sequence[int]) -> V:
        """eq(x, point) for all x, the most significant bit first. Shards: leading bits of x; they join."""

    @abstractmethod
    def tensor_product(self, vectors: Sequence[V]) -> V:
        """Products of one entry of each vector, row-major. Shards: indices of the first vector; they join."""

    @abstractmethod
    def inner(self, table: TableOf[V], weights: V) -> int:
        """sum_i table[i] weights[i]. Shards: places; they add up."""

    @abstractmethod
    def linear_combination(self, vectors: Sequence[V], coefficients: Sequence[int]) -> V:
        """sum_k coefficients[k] vectors[k], of one length. Shards: vectors, add up; or places, join."""

    @abstractmethod
    def contract(self, table: TableOf[V], shape: Sequence[int], axis: int, weights: V, count: int = 1) -> V:
        """Sum over `count` axes from `axis` on of a row-major table, with a weight for each of their indices.
        Shards: indices of these axes, add up; or of the others, join."""

    @abstractmethod
    def sum_tables(
        self, size: int, pieces: Sequence[Piece[V]], passed: Callable[[], None] | None = None
    ) -> V:
        """A vector of `size` elements: the sum of pieces (address, stride, coefficients, table).

        Integers with axes (layer, slot, ..) add sum_c coefficients[c] table[l, c, ..] at address + l stride;
        a vector adds coefficients[0] times itself. `passed` is called after each part of the places.
        Shards: pieces, add up; or places, join.
        """


class SumKernels(ABC, Generic[V]):
    """The sums that the inner protocol proves."""

    @abstractmethod
    def sumcheck(
        self,
        sizes: Sequence[int],
        factors: Sequence[Factor[V]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None = None,
    ) -> Sumcheck:
        """sum over the hypercube of axes of these sizes of sum_k coefficient_k * product of factors.

        A factor is constant along axes it lacks and 0 off the real region. Variables are bound axis by axis.
        With `tau` the sum is weighted by eq(tau, x), and `round` leaves out the eq factors of the bound
        variables and of the current one (Gruen, eprint 2024/108). Shards: indices of the axes bound last.
        """

    @abstractmethod
    def reduction(
        self, mu: int, columns: Sequence[tuple[Sequence[Weight[V]], Sequence[Piece[V]]]]
    ) -> Sumcheck:
        """sum over columns g and places x of E_g(x) C_g(x); E_g is the sum of its weights, C_g that of its
        pieces (`sum_tables`). `values` are E_0, C_0, E_1, C_1, ... Shards: columns; the rounds add up."""

    @abstractmethod
    def count_lookups(
        self,
        counts: np.ndarray,
        inputs: np.ndarray,
        shift: int,
        causal: tuple[int, int] | None = None,
        outputs: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> bool:
        """counts[input + shift] += 1 for each entry, int64; of a causal tensor, with the positions (t, u) of
        two of its axes, where u <= t. `outputs` are the tensor's and the table's. False where an entry is not
        in the table, and is not counted. Shards: entries; their counts add up."""

    @abstractmethod
    def logup_tree(self, total: int, segments: Sequence[Segment], alpha: int, beta: int) -> LogUpTree:
        """The fraction tree on (p, q' = q - 1), so that a missing leaf is (0, 0).

        Segments (address, tag, numerator, input, output) give, for entry i of the row-major tables, the leaf
        p = numerator, q' = alpha - tag - beta input - beta^2 output - 1 at address + i. Shards: stripes of
        addresses.
        """


class PolynomialKernels(ABC, Generic[V]):
    """Polynomials, coefficients lowest first. They are the outer proof's, 2^16 rows; f alone is a column's
    length."""

    @abstractmethod
    def ntt(self, values: V, n: int, inverse: bool) -> V:
        """Values on the subgroup of order n of at most n coefficients, or (inverse) back. Not cut."""

    @abstractmethod
    def pack(self, polys: Sequence[V]) -> V:
        """sum X^j p_j(X^t) of t polynomials. Shards: places; they join."""

    @abstractmethod
    def evaluate(self, f: V, x: int) -> int:
        """f(x). Shards: ranges of coefficients; times x^start, they add up."""

    @abstractmethod
    def combine(self, polys: Sequence[V], coefficients: Sequence[int]) -> V:
        """sum c_i f_i, as long as the longest. Shards: polynomials, add up; or places, join."""

    @abstractmethod
    def divide(self, f: V, degree: int, lead: int, constant: int) -> tuple[V, V]:
        """Quotient and remainder by lead X^degree - constant. Shards: places modulo the degree; they join."""

    @abstractmethod
    def divide_in_place(self, f: V, degree: int, constant: int) -> V:
        """Replaces f by its quotient by X^degree - constant; returns the remainder. Shards: as `divide`."""

    @abstractmethod
    def reverse(self, f: V) -> V:
        """The coefficients in reverse order. Shards: places; they join."""

    @abstractmethod
    def fold(self, f: V, weights: V) -> V:
        """Mercury's h[row] = sum_col weights[col] f[row b + col], b weights. Shards: rows, join; or columns,
        add up."""

    @abstractmethod
    def symmetric(self, g: V, p: V) -> V:
        """Mercury's S with g(X) p(1/X) + g(1/X) p(X) = constant + X S(X) + S(1/X)/X. Not cut."""

    @abstractmethod
    def circuit(self, columns: CircuitColumns[V]) -> CircuitOf[V]:
        """A circuit of n rows. Not cut."""


class CurveKernels(ABC, Generic[V]):
    """The powers of tau that commitments are made with."""

    @abstractmethod
    def open_points(self, path: str, offset: int, count: int) -> PointsOf[V]:
        """Points of a file, mapped, in our file's form. Shards: ranges of points, on any machine that has the
        file."""

    @abstractmethod
    def points(self, raw: bytes) -> PointsOf[V]:
        """The same from memory. Shards: ranges of points; they join."""

    @abstractmethod
    def decode_points(self, encoded: bytes) -> PointsOf[V]:
        """Points in wire encoding; a ValueError unless each is the one encoding of a point. Shards: ranges of
        points; they join."""

    @abstractmethod
    def powers(self, tau: int, count: int, scale: int, progress: Progress | None = None) -> PointsOf[V]:
        """scale tau^i times the generator. Shards: ranges of points; they join."""

    @abstractmethod
    def g2_squarings(self, tau: int, count: int) -> bytes:
        """[tau^(2^i)]_2, in our file's form. Not cut: some thirty points."""


class HashKernels(ABC):
    """Hashes of bytes and of field elements."""

    @abstractmethod
    def permute(self, state: Sequence[int]) -> list[int]:
        """The Poseidon2 permutation of four field elements (`zkllm.poseidon2`). Not cut."""

    @abstractmethod
    def hash_tree(self, leaves: Sequence[bytes]) -> list[bytes]:
        """Levels of a binary tree, each its nodes of 32 bytes, the leaves' first. A leaf is keccak256(0x00 |
        its data), a node keccak256(0x01 | left | right); the leaves are padded with 32 zero bytes to the next
        power of two. Shards: subtrees; they join below the topmost nodes."""


class KernelsOf(
    IntegerKernels,
    VectorKernels[V],
    SumKernels[V],
    PolynomialKernels[V],
    CurveKernels[V],
    HashKernels,
    ABC,
    Generic[V],
):
    """All kernels of a proof."""

    def release_memory(self) -> None:
        """For the end of a proof: what freed vectors took need not be kept for those to come. Not cut."""

    def combine_points(self, terms: Sequence[tuple[int, bytes]]) -> bytes:
        """sum scalar * point of points in wire encoding; a ValueError unless each is the one encoding of a
        point. Not cut: few points."""
        points = self.decode_points(b"".join(point for _, point in terms))
        return points.msm(self.from_list([scalar for scalar, _ in terms]))


Kernels = KernelsOf[Vector]
Table = TableOf[Vector]
Circuit = CircuitOf[Vector]
Points = PointsOf[Vector]
