"""The outer circuit's builder: the inner verifier runs on `Wire`s and leaves its constraints here.

A `Wire` is k * node + c, so scaling and shifting by constants costs nothing. Nodes are kept as a graph of
sums and products (equal ones only once) and become rows in `compile_circuit`, when it is known how
often each is used: a sum or product with one consumer is fused into the consumer's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from zkllm.field import R
from zkllm.poseidon2 import WIDTH, permute

CONSTANT = -1
"""The node of a wire that is a constant."""


class Wire:
    """k * node + c over F. Wires of one builder add, subtract and multiply with each other and with ints."""

    __slots__ = ("builder", "c", "k", "node")

    def __init__(self, builder: CircuitBuilder, k: int, node: int, c: int):
        self.builder, self.k, self.node, self.c = builder, k, node, c

    @property
    def is_constant(self) -> bool:
        return self.node == CONSTANT

    def _scale(self, factor: int) -> Wire:
        k = self.k * factor % R
        return Wire(self.builder, k, self.node if k else CONSTANT, self.c * factor % R)

    def _shift(self, offset: int) -> Wire:
        return Wire(self.builder, self.k, self.node, (self.c + offset) % R)

    def __add__(self, other: Wire | int) -> Wire:
        if not isinstance(other, Wire):
            return self._shift(int(other))
        if other.is_constant:
            return self._shift(other.c)
        if self.is_constant:
            return other._shift(self.c)
        return self.builder._linear([(self.k, self.node), (other.k, other.node)], self.c + other.c)

    __radd__ = __add__

    def __neg__(self) -> Wire:
        return self._scale(R - 1)

    def __sub__(self, other: Wire | int) -> Wire:
        return self + (-other if isinstance(other, Wire) else -int(other))

    def __rsub__(self, other: Wire | int) -> Wire:
        return -self + other

    def __mul__(self, other: Wire | int) -> Wire:
        if not isinstance(other, Wire):
            return self._scale(int(other) % R)
        if other.is_constant:
            return self._scale(other.c)
        if self.is_constant:
            return other._scale(self.c)
        product = self.builder._product(self.node, other.node)
        terms = [
            (self.k * other.k % R, product),
            (self.k * other.c % R, self.node),
            (other.k * self.c % R, other.node),
        ]
        return self.builder._linear(terms, self.c * other.c)

    __rmul__ = __mul__

    def __int__(self) -> int:
        raise TypeError("a wire has no value: it stands for one in every proof")


Public = tuple[Literal["public"], int]
Input = tuple[Literal["input"], int]
Sum = tuple[Literal["sum"], tuple[tuple[int, int], ...]]  # (k, node) of each summand
Product = tuple[Literal["product"], int, int]
Lane = tuple[Literal["lane"], int, int]  # (which permutation, lane)
Node = Public | Input | Sum | Product | Lane


class CircuitBuilder:
    """Records a straight-line program: public inputs first, then everything else."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.node_sections: list[int] = []
        self.permutations: list[tuple[Wire, ...]] = []
        self.assertions: list[tuple[Wire, str, int]] = []
        self.public_names: list[str] = []
        self.num_inputs = 0
        self.sections: list[str] = ["unnamed"]
        self._known: dict[Node, int] = {}
        self._permuted: dict[tuple[tuple[int, int, int], ...], list[Wire]] = {}
        self._section = 0
        self._path: list[str] = []

    def public(self, name: str) -> Wire:
        """The next public input: row i of the circuit. All of them come before anything else."""
        if len(self.nodes) != len(self.public_names):
            raise ValueError(f"public input {name!r} declared after other wires")
        if name in self.public_names:
            raise ValueError(f"public input {name!r} declared twice")
        self.public_names.append(name)
        return self._wire(self._add(("public", len(self.public_names) - 1)))

    def input(self) -> Wire:
        """The next element of the input stream (prover messages and advice), in call order."""
        self.num_inputs += 1
        return self._wire(self._add(("input", self.num_inputs - 1)))

    def constant(self, value: int) -> Wire:
        return Wire(self, 0, CONSTANT, int(value) % R)

    def assert_zero(self, expression: Wire | int, name: str) -> None:
        """Constrains the expression to zero; `name` says which check this is."""
        wire = expression if isinstance(expression, Wire) else self.constant(expression)
        if wire.is_constant:
            if wire.c:
                raise ValueError(f"the circuit cannot be satisfied: {name} is the constant {wire.c}")
            return
        self.assertions.append((wire, name, self._section))

    def assert_equal(self, a: Wire | int, b: Wire | int, name: str) -> None:
        left = a if isinstance(a, Wire) else self.constant(a)
        self.assert_zero(left - b, name)

    def permute(self, state: Sequence[Wire]) -> list[Wire]:
        """The Poseidon2 permutation of four wires (66 rows)."""
        if len(state) != WIDTH:
            raise ValueError(f"the permutation has {WIDTH} lanes, got {len(state)}")
        if all(w.is_constant for w in state):
            return [self.constant(x) for x in permute([w.c for w in state])]
        key = tuple((w.k, w.node, w.c) for w in state)
        if key not in self._permuted:
            index = len(self.permutations)
            self.permutations.append(tuple(state))
            self._permuted[key] = [self._wire(self._add(("lane", index, i))) for i in range(WIDTH)]
        return self._permuted[key]

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Rows of wires made inside are counted under this name (nested sections: "outer/inner")."""
        previous = self._section
        self._path.append(name)
        path = "/".join(self._path)
        if path not in self.sections:
            self.sections.append(path)
        self._section = self.sections.index(path)
        try:
            yield
        finally:
            self._path.pop()
            self._section = previous

    def _wire(self, node: int) -> Wire:
        return Wire(self, 1, node, 0)

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        self.node_sections.append(self._section)
        return len(self.nodes) - 1

    def _unique(self, node: Node) -> int:
        index = self._known.get(node)
        if index is None:
            index = self._known[node] = self._add(node)
        return index

    def _product(self, x: int, y: int) -> int:
        return self._unique(("product", min(x, y), max(x, y)))

    def _linear(self, terms: list[tuple[int, int]], c: int) -> Wire:
        """sum k * node + c. A leading -1 is taken out, so that a sum meets its negative."""
        merged: dict[int, int] = {}
        for k, node in terms:
            merged[node] = (merged.get(node, 0) + k) % R
        items = sorted((node, k) for node, k in merged.items() if k)
        if not items:
            return self.constant(c)
        if len(items) == 1:
            return Wire(self, items[0][1], items[0][0], c % R)
        sign = R - 1 if items[0][1] == R - 1 else 1
        node = self._unique(("sum", tuple((k * sign % R, n) for n, k in items)))
        return Wire(self, sign, node, c % R)
