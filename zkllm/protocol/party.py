"""The three interpreters of the protocol's text.

The text never says who runs it: `send` computes a message (prover), reads it (verifier) or makes it a wire
(circuit builder), and always absorbs it; there is no way to read without absorbing. `claim` records a
weighted sum of committed tensors; the reduction discharges all claims at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import ProofError
from ..field import Fr, R
from ..outer.builder import CircuitBuilder, Wire
from ..poseidon2 import permute
from .algebra import Point, Scalar
from .data import ProverData
from .forms import Form, Opened, Weighted
from .relations import Equation, Instance
from .setting import Setting
from .transcript import Permutation, Sponge

T = TypeVar("T")
Summand = tuple[Scalar, Form, Mapping[str, Point]]
"""coefficient, form and its point."""


@dataclass
class Claim:
    """sum of the weighted tensors = value."""

    name: str
    terms: list[Weighted]
    value: Scalar


@dataclass
class Counts:
    """Accounting by section of the text: absorbed, squeezed, rounds."""

    absorbed: int = 0
    squeezed: int = 0
    rounds: int = 0


class Own(Generic[T]):
    """State that the prover alone has: messages are computed from it. False for the other interpreters, which
    never ask for it."""

    def __init__(self, state: T | None):
        self.state = state

    def __bool__(self) -> bool:
        return self.state is not None

    def __call__(self) -> T:
        if self.state is None:
            raise RuntimeError("only the prover computes messages")
        return self.state


@dataclass
class Party:
    """What the three interpreters share."""

    protocol: Setting
    off: frozenset[str] = frozenset()  # checks switched off, in tests only
    claims: list[Claim] = field(default_factory=list)
    pending: dict[str, tuple[Mapping[str, Point], Scalar]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)  # soundness error terms, as numerators over r
    section: str = "start"
    equations: list[Equation] = field(default_factory=list)  # that the zero-check merged
    products: list[Instance] = field(default_factory=list)  # sums with their claims; both for inspection only
    data: ProverData | None = None  # the prover's tensors; None for the others

    sponge: Sponge = field(init=False)

    # ---- messages
    def send(self, compute: Callable[[], Scalar]) -> Scalar:
        raise NotImplementedError

    def salt(self) -> None:
        """A random message: what follows is then no function of the witness that anyone could guess at."""
        self.send(lambda: self.data.blinding.salt if self.data else 0)

    def advice(self, compute: Callable[[], int]) -> Scalar:
        """A value that follows from the statement: a wire of the circuit, not part of the transcript."""
        raise NotImplementedError

    def constant(self, value: int) -> Scalar:
        raise NotImplementedError

    def check(self, name: str, left: Scalar, right: Scalar) -> None:
        """left = right, or the check `name` fires."""
        raise NotImplementedError

    def own(self, make: Callable[[ProverData], T]) -> Own[T]:
        """The prover's state of what follows, made from its tensors."""
        return Own(make(self.data) if self.data is not None else None)

    def absorb(self, x: Scalar) -> Scalar:
        self.sponge.absorb(x)
        self.counts.setdefault(self.section, Counts()).absorbed += 1
        return x

    def challenge(self) -> Scalar:
        self.counts.setdefault(self.section, Counts()).squeezed += 1
        return self.sponge.squeeze()

    def challenges(self, n: int) -> list[Scalar]:
        return [self.challenge() for _ in range(n)]

    def count_round(self) -> None:
        self.counts.setdefault(self.section, Counts()).rounds += 1

    def error(self, term: str, numerator: int) -> None:
        """Adds numerator / r to a term of the soundness error."""
        self.errors[term] = self.errors.get(term, 0) + numerator

    def begin(self, section: str) -> None:
        """Names the section of the text that follows, for accounting and errors."""
        self.section = section

    # ---- claims
    def claim_raw(self, name: str, terms: Sequence[Weighted], value: Scalar) -> None:
        if name not in self.off:
            self.claims.append(Claim(name, list(terms), value))

    def claim(self, name: str, summands: Sequence[Summand], value: Scalar) -> None:
        """sum of coefficient * form(point) = value."""
        terms = []
        for coefficient, form, point in summands:
            constant, opened = form.open(self.protocol.manifest, point)
            value = value - coefficient * constant
            terms += [Opened(coefficient * o.coefficient, o.tensor, o.weights) for o in opened]
        self.claim_raw(name, terms, value)

    def open(self, name: str, summands: Sequence[Summand]) -> Scalar:
        """Sends the value of sum coefficient * form(point) and claims it."""
        value = self.send(lambda: self.data.open(summands) if self.data else 0)
        self.claim(name, summands, value)
        return value

    def defer(self, label: str, point: Mapping[str, Point], value: Scalar) -> None:
        """A claim on a virtual tensor that a later step discharges with `take`."""
        if label in self.pending:
            raise RuntimeError(f"two claims on {label}")
        self.pending[label] = (point, value)

    def take(self, label: str) -> tuple[Mapping[str, Point], Scalar]:
        return self.pending.pop(label)


class Prover(Party):
    """Computes every message; `messages` is the inner proof, `inputs` the circuit's input stream."""

    def __init__(
        self,
        protocol: Setting,
        seed: int,
        data: ProverData,
        off: frozenset[str] = frozenset(),
        tell: Callable[[str], None] | None = None,
        strict: bool = False,
    ):
        """`tell` gets the name of each section of the text as it begins; strict: a check that does not hold
        raises ProofError."""
        super().__init__(protocol, off, data=data)
        self.messages: list[int] = []
        self.strict = strict
        self._tell = tell
        self.inputs: list[int] = []
        self.sponge = Sponge(on_elements(data.kernels.permute), Fr(seed), Fr(protocol.iv), Fr(0))

    def begin(self, section: str) -> None:
        super().begin(section)
        if self._tell is not None:
            self._tell(section)

    def send(self, compute: Callable[[], Scalar]) -> Scalar:
        value = Fr(int(compute()))
        self.messages.append(int(value))
        self.inputs.append(int(value))
        return self.absorb(value)

    def advice(self, compute: Callable[[], int]) -> Scalar:
        value = Fr(compute())
        self.inputs.append(int(value))
        return value

    def constant(self, value: int) -> Scalar:
        return Fr(value)

    def check(self, name: str, left: Scalar, right: Scalar) -> None:
        """Unless it is strict the prover goes on: a false statement yields a proof that is rejected."""
        if self.strict and name not in self.off and int(left) % R != int(right) % R:
            raise ProofError(f"{name}: this does not hold, and the proof would be rejected")


class Verifier(Party):
    """Reads every message; collects the checks that fire, by name."""

    def __init__(
        self, protocol: Setting, seed: int, messages: Sequence[int], off: frozenset[str] = frozenset()
    ):
        super().__init__(protocol, off)
        self.messages, self.position = messages, 0
        self.failed: list[str] = []
        self.sponge = Sponge(on_elements(permute), Fr(seed), Fr(protocol.iv), Fr(0))

    def send(self, compute: Callable[[], Scalar]) -> Scalar:
        if self.position >= len(self.messages):
            raise ProofError("inner proof: too short")
        value = self.messages[self.position]
        self.position += 1
        if not 0 <= value < R:
            raise ProofError("inner proof: scalar out of range")
        return self.absorb(Fr(value))

    def advice(self, compute: Callable[[], int]) -> Scalar:
        return Fr(compute())

    def constant(self, value: int) -> Scalar:
        return Fr(value)

    def check(self, name: str, left: Scalar, right: Scalar) -> None:
        if name not in self.off and int(left) % R != int(right) % R:
            self.failed.append(name)


class CircuitParty(Party):
    """Runs the verifier on wires: every check becomes a constraint of the outer proof's circuit."""

    def __init__(self, protocol: Setting, builder: CircuitBuilder, seed: Wire):
        super().__init__(protocol)
        self.builder = builder
        self._open = ExitStack()
        self.sponge = Sponge(self._permute, seed, builder.constant(protocol.iv), builder.constant(0))

    def send(self, compute: Callable[[], Scalar]) -> Scalar:
        return self.absorb(self.builder.input())

    def advice(self, compute: Callable[[], int]) -> Scalar:
        return self.builder.input()

    def constant(self, value: int) -> Scalar:
        return self.builder.constant(value)

    def check(self, name: str, left: Scalar, right: Scalar) -> None:
        self.builder.assert_equal(self.wire(left), self.wire(right), name)

    def wire(self, x: Scalar) -> Wire:
        """The wire itself, or a constant's."""
        return x if isinstance(x, Wire) else self.builder.constant(int(x))

    def _permute(self, state: Sequence[Scalar]) -> Sequence[Scalar]:
        return self.builder.permute([self.wire(x) for x in state])

    def begin(self, section: str) -> None:
        super().begin(section)
        self._open.close()
        self._open.enter_context(self.builder.section(section))


def on_elements(permutation: Callable[[list[int]], Sequence[int]]) -> Permutation:
    """What the sponge of a party with field elements permutes by."""
    return lambda state: [Fr(x) for x in permutation([int(x) for x in state])]
