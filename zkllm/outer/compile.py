"""From the builder's graph to rows: what is fused, and which wire sits where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from zkllm.blinding import CIRCUIT_ROWS
from zkllm.field import R
from zkllm.outer.builder import CircuitBuilder, Wire
from zkllm.outer.gates import SELECTORS
from zkllm.outer.rows import DUMMY, Circuit
from zkllm.poseidon2 import ROUND_CONSTANTS, ROUNDS, WIDTH, is_full

K = TypeVar("K", int, tuple[int, int])
Quadratic = tuple[dict[int, int], dict[tuple[int, int], int], int]
"""(linear: variable -> coefficient, products: (variable, variable) -> coefficient, constant)"""


def compile_circuit(builder: CircuitBuilder) -> Circuit:
    return _Compiler(builder).run()


class _Compiler:
    """One pass over the live nodes in the order of their creation; deterministic."""

    def __init__(self, builder: CircuitBuilder):
        self.b = builder
        self.rows: list[tuple[int, int, int, int]] = []
        self.defines: list[int] = []
        self.q: dict[str, dict[int, int]] = {name: {} for name in SELECTORS}
        self.num_variables = 1  # DUMMY
        self.gates: dict[tuple[tuple[int, int, int], tuple[tuple[str, int], ...]], int] = {}
        self.variables: dict[int, int] = {}  # node -> variable, once it has one
        self.forms: dict[int, Quadratic] = {}
        self.counts: Counter[int] = Counter()
        self.equal_to: dict[int, int] = {}
        self.assertions: dict[int, str] = {}
        self.copies: list[tuple[int, int, str]] = []
        n = len(builder.nodes)
        self.uses = [0] * n
        self.needs_variable = bytearray(n)
        self.permuted = bytearray(len(builder.permutations))

    def run(self) -> Circuit:
        self.count_uses()
        b = self.b
        input_variables = np.zeros(b.num_inputs, np.uint32)
        by_node: dict[int, list[tuple[Wire, str, int]]] = {}
        for assertion in b.assertions:
            by_node.setdefault(assertion[0].node, []).append(assertion)
        emitted: set[int] = set()
        for i in range(len(b.public_names)):
            self.variables[i] = self.new_variable()
            self.row((self.variables[i], DUMMY, DUMMY, DUMMY), {"q1": 1}, b.node_sections[i])
        for i, node in enumerate(b.nodes):
            section = b.node_sections[i]
            if node[0] == "input":
                self.variables[i] = self.new_variable()
                input_variables[node[1]] = self.variables[i]
            elif node[0] == "lane":
                if node[1] not in emitted and self.permuted[node[1]]:
                    emitted.add(node[1])
                    self.permutation(node[1], i, section)
            elif node[0] in ("sum", "product") and self.uses[i]:
                self.forms[i] = self.form_of(i)
            for wire, name, assertion_part in by_node.get(i, ()):
                self.assert_zero(wire, name, assertion_part)
        return self.finish(input_variables)

    def count_uses(self) -> None:
        """Consumers of each live node, and whether one of them needs it as a variable of its own."""
        b, uses = self.b, self.uses
        for wire, _, _ in b.assertions:
            uses[wire.node] += 1
        for i in range(len(b.nodes) - 1, -1, -1):
            if not uses[i]:
                continue
            node = b.nodes[i]
            if node[0] == "sum":
                for _, child in node[1]:
                    uses[child] += 1
            elif node[0] == "product":
                for child in node[1:]:
                    uses[child] += 1
                    self.needs_variable[child] = 1
            elif node[0] == "lane" and not self.permuted[node[1]]:
                self.permuted[node[1]] = 1
                for wire in b.permutations[node[1]]:
                    if not wire.is_constant:
                        uses[wire.node] += 1

    def new_variable(self) -> int:
        self.num_variables += 1
        return self.num_variables - 1

    def row(
        self, wires: tuple[int, int, int, int], selectors: dict[str, int], section: int, defines: bool = False
    ) -> int:
        index = len(self.rows)
        self.rows.append(wires)
        self.defines.append(int(defines))
        for name, value in selectors.items():
            if value % R:
                self.q[name][index] = value % R
        self.counts[section] += 1
        return index

    def form_of(self, i: int) -> Quadratic:
        """The node as a quadratic form in variables: children are inlined where that costs no row."""
        node = self.b.nodes[i]
        if node[0] == "product":
            x, y = self.variable(node[1]), self.variable(node[2])
            return {}, {(min(x, y), max(x, y)): 1}, 0
        assert node[0] == "sum"
        linear: dict[int, int] = {}
        products: dict[tuple[int, int], int] = {}
        constant = 0
        shared: list[tuple[int, int]] = []
        for k, child in node[1]:
            if child in self.variables or self.needs_variable[child]:
                v = self.variable(child)
                linear[v] = linear.get(v, 0) + k
            elif self.uses[child] == 1:
                inner_linear, inner_products, inner_constant = self.forms.pop(child)
                if len(inner_linear) + len(inner_products) > len(linear) + len(products):
                    linear, inner_linear, k_own, k_inner = inner_linear, linear, k, 1
                    products, inner_products = inner_products, products
                    constant, inner_constant = inner_constant, constant
                    _scale(linear, k_own)
                    _scale(products, k_own)
                    constant *= k_own
                else:
                    k_inner = k
                for v, c in inner_linear.items():
                    linear[v] = linear.get(v, 0) + c * k_inner
                for p, c in inner_products.items():
                    products[p] = products.get(p, 0) + c * k_inner
                constant += inner_constant * k_inner
            else:
                shared.append((k, child))
        for k, child in shared:
            inner = self.forms.get(child)
            if inner and not products and not inner[0] and not inner[2] and len(inner[1]) == 1:
                ((pair, c),) = inner[1].items()
                products[pair] = products.get(pair, 0) + c * k
            else:
                v = self.variable(child)
                linear[v] = linear.get(v, 0) + k
        return _reduced(linear), _reduced(products), constant % R

    def variable(self, i: int) -> int:
        """The node's variable; its rows are emitted on first demand."""
        if i not in self.variables:
            self.variables[i] = self.emit(self.forms[i], self.b.node_sections[i])
            del self.forms[i]
        return self.variables[i]

    def wire_variable(self, wire: Wire, section: int) -> int:
        if wire.is_constant:
            return self.emit(({}, {}, wire.c), section)
        if (wire.k, wire.c) == (1, 0):
            return self.variable(wire.node)
        return self.emit(self.wire_form(wire), section)

    def wire_form(self, wire: Wire) -> Quadratic:
        i = wire.node
        if i not in self.variables and self.uses[i] == 1 and not self.needs_variable[i]:
            linear, products, constant = self.forms[i]
            return (
                {v: c * wire.k % R for v, c in linear.items()},
                {p: c * wire.k % R for p, c in products.items()},
                (constant * wire.k + wire.c) % R,
            )
        return {self.variable(i): wire.k}, {}, wire.c

    def emit(self, form: Quadratic, section: int) -> int:
        """Rows that compute the form; returns the variable of the value. Equal rows are emitted once."""
        linear, products, constant = form
        if not products and not constant and list(linear.values()) == [1]:
            return next(iter(linear))
        acc: int | None = None
        for gate in _gates(form, spare=0):
            acc = self.value_of(gate, acc, section)
        assert acc is not None
        return acc

    def value_of(self, gate: _Gate, acc: int | None, section: int) -> int:
        """The variable d = (the gate plus the running sum acc), from an equal row where there is one."""
        if acc is not None:
            gate.add(acc, 1)
        key = (gate.abc(), tuple(sorted((s, x) for s, x in gate.selectors.items() if x)))
        if key not in self.gates:
            out = self.gates[key] = self.new_variable()
            self.row((*gate.abc(), out), gate.selectors | {"q4": R - 1}, section, defines=True)
        return self.gates[key]

    def assert_zero(self, wire: Wire, name: str, section: int) -> None:
        form = self.wire_form(wire)
        linear, products, constant = form
        if not linear and not products:
            if constant:
                raise ValueError(f"the circuit cannot be satisfied: {name} is the constant {constant}")
            return
        if not products and not constant and len(linear) == 2 and sum(linear.values()) % R == 0:
            u, v = linear
            self.copies.append((u, v, name))
            low, high = sorted((self.root(u), self.root(v)))
            if low != high:  # else it follows from earlier equalities
                self.equal_to[high] = low
            return
        *first, last = _gates(form, spare=1)
        acc: int | None = None
        for gate in first:
            acc = self.value_of(gate, acc, section)
        if acc is not None:
            last.add(acc, 1)
        self.assertions[self.row((*last.abc(), last.d), last.selectors, section)] = name

    def root(self, v: int) -> int:
        """The lowest variable that v is equal to: every link of `equal_to` leads to a lower one."""
        while v in self.equal_to:
            v = self.equal_to[v]
        return v

    def permutation(self, index: int, first_lane: int, section: int) -> None:
        state = [self.wire_variable(w, section) for w in self.b.permutations[index]]
        self.row((state[0], state[1], state[2], state[3]), {"qL": 1}, section)
        for i in range(ROUNDS):
            state = [self.new_variable() for _ in range(WIDTH)]
            constants = dict(zip(("q1", "q2", "q3", "q4"), ROUND_CONSTANTS[i], strict=True))
            flag = "qE" if is_full(i) else "qI"
            self.row((state[0], state[1], state[2], state[3]), constants | {flag: 1}, section)
        state = [self.new_variable() for _ in range(WIDTH)]
        self.row((state[0], state[1], state[2], state[3]), {}, section)
        for lane in range(WIDTH):
            self.variables[first_lane + lane] = state[lane]

    def finish(self, input_variables: np.ndarray) -> Circuit:
        num_rows = len(self.rows)
        log2_size = (num_rows + CIRCUIT_ROWS).bit_length()  # no gate on the last row, whose next is the first
        size = 1 << log2_size
        wires = np.zeros((WIDTH, size), np.uint32)
        wires[:, :num_rows] = np.array(self.rows, np.uint32).T
        # inputs that nothing constrains, each with a variable of its own: random ones blind the wires
        blinding = self.num_variables + np.arange(WIDTH * CIRCUIT_ROWS, dtype=np.uint32)
        wires[:, size - CIRCUIT_ROWS :] = blinding.reshape(WIDTH, CIRCUIT_ROWS)
        input_variables = np.concatenate([input_variables, blinding])
        self.num_variables += len(blinding)
        defines = np.zeros(size, np.uint8)
        defines[:num_rows] = self.defines
        equal_to = np.arange(self.num_variables, dtype=np.uint32)
        for v in sorted(self.equal_to):  # each is equal to a lower one, whose root is known by then
            equal_to[v] = equal_to[self.equal_to[v]]
        by_section = {self.b.sections[p]: count for p, count in sorted(self.counts.items())}
        return Circuit(
            log2_size=log2_size,
            num_rows=num_rows,
            public_names=list(self.b.public_names),
            input_variables=input_variables,
            own_wires=wires,
            equal_to=equal_to,
            defines=defines,
            selectors=self.q,
            assertions=self.assertions,
            copy_assertions=self.copies,
            rows_by_section=by_section,
        )


def _scale(form: dict[K, int], k: int) -> None:
    if k != 1:
        for key in form:
            form[key] = form[key] * k % R


def _reduced(form: dict[K, int]) -> dict[K, int]:
    return {key: c % R for key, c in sorted(form.items()) if c % R}


@dataclass
class _Gate:
    """A row under construction: wires a, b, c in order of arrival, and d where it is an operand."""

    wires: list[int]
    selectors: dict[str, int]
    d: int = DUMMY

    def add(self, variable: int, k: int) -> None:
        self.wires.append(variable)
        self.selectors[f"q{len(self.wires)}"] = k

    def abc(self) -> tuple[int, int, int]:
        a, b, c = (self.wires + [DUMMY] * 3)[:3]
        return a, b, c


def _gates(form: Quadratic, spare: int) -> list[_Gate]:
    """Cuts a form into rows. Every row after the first leaves room for the running sum.

    A row takes one product (with its own two variables for free) and one more variable, or three variables;
    with `spare` the last row takes one more, as its d.
    """
    linear, products, constant = dict(form[0]), form[1], form[2]
    gates = []
    for (u, v), k in products.items():
        selectors = {"qM": k, "q1": linear.pop(u, 0)}
        if v != u:
            selectors["q2"] = linear.pop(v, 0)
        gates.append(_Gate([u, v], selectors))
    if not gates:
        gates.append(_Gate([], {}))
    rest = list(linear.items())
    room = [3 - len(gate.wires) - (i > 0) for i, gate in enumerate(gates)]
    while sum(room) + spare < len(rest):
        gates.append(_Gate([], {}))
        room.append(2)
    taken = 0
    for gate, places in zip(gates, room, strict=True):
        for v, k in rest[taken : taken + places]:
            gate.add(v, k)
        taken += places
    if taken < len(rest):
        gates[-1].d, gates[-1].selectors["q4"] = rest[taken]
    gates[0].selectors["qC"] = constant
    return gates
