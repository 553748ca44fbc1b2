"""The text replayed on given messages and challenges: what depends on what, and lies that close a check.

With the challenges held, what a check compares is a polynomial of low degree in each message, so a cheating
party can solve for the value that makes it hold. Nothing here knows what the messages mean.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from zkllm.field import Fr, R
from zkllm.kernels.interface import Kernels
from zkllm.kernels.native import NATIVE
from zkllm.protocol import party as party_module
from zkllm.protocol.party import Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.reduction import CHECK as REDUCTION
from zkllm.protocol.reduction import ReductionResult

from .harness import Case, Proof, Values, Verdict, named, prove, verify, words_of
from .lying import Lies, Say, say

SUMS = "product sums"


class Enough(Exception):
    """What was asked for is known."""


class Replay(Verifier):
    """Absorbs nothing and judges nothing. `events`: ("message" | "challenge" | "check", number), in order."""

    def __init__(
        self,
        case: Case,
        proof: Proof,
        messages: Sequence[int],
        drawn: Sequence[int],
        until: Sequence[str] | None = None,
    ):
        """`until`: stops once these checks have been made; there is no outcome then."""
        super().__init__(case.protocol, 0, messages)
        self.given, self.events = drawn, list[tuple[str, int]]()
        self.until = set(until) if until is not None else None
        self.places: dict[tuple[str, int], str] = {}  # of messages and challenges
        self.compared: list[tuple[str, int]] = []  # (check, left - right)
        self.squeezed = 0
        self.outcome: ReductionResult | None = None
        with suppress(Enough):
            statement = InnerStatement(proof.T, proof.ids)
            self.outcome = run_inner(case.protocol, self, words_of(case, proof.ids, proof.T), statement)

    def _note(self, kind: str, number: int) -> None:
        frame = sys._getframe(2)
        while frame.f_back is not None and (
            frame.f_code.co_filename in (party_module.__file__, __file__)
            or frame.f_code.co_name.startswith("<")  # a comprehension
        ):
            frame = frame.f_back
        self.events.append((kind, number))
        self.places[kind, number] = f"{self.section}: {frame.f_code.co_name.strip('_')}"

    def absorb(self, x: Any) -> Any:
        self._note("message", self.position - 1)
        return x

    def challenge(self) -> Any:
        self._note("challenge", self.squeezed)
        self.squeezed += 1
        return Fr(self.given[self.squeezed - 1])

    def check(self, name: str, left: Any, right: Any) -> None:
        self.events.append(("check", len(self.compared)))
        self.compared.append((name, (int(left) - int(right)) % R))
        if self.until is not None:
            self.until.discard(name)
            if not self.until:
                raise Enough

    def messages_before(self, kind: str, number: int) -> list[int]:
        """The last messages before an event that no challenge parts."""
        before, messages = self.events[: self.events.index((kind, number))], list[int]()
        while before and (before[-1][0] != "challenge" or not messages):
            event, number = before.pop()
            if event == "message":
                messages.insert(0, number)
        return messages

    def next_challenge(self, message: int) -> int | None:
        """The challenge that is drawn after a message and before the next check, if one is."""
        after = self.events[self.events.index(("message", message)) + 1 :]
        kind, number = next(event for event in after if event[0] != "message")
        return number if kind == "challenge" else None


@dataclass(frozen=True)
class Differences:
    """What a change of one message, or of one challenge, changes while all else is held."""

    checks: list[str]
    claims: list[str]
    sums: list[str]
    columns: list[int]

    @classmethod
    def between(cls, a: Replay, b: Replay) -> Differences:
        assert a.outcome is not None and b.outcome is not None
        return cls(
            [n for (n, x), (_, y) in zip(a.compared, b.compared, strict=True) if x != y],
            [c.name for c, d in zip(a.claims, b.claims, strict=True) if (int(c.value) - int(d.value)) % R],
            [
                i.name
                for i, j in zip(a.products, b.products, strict=True)
                if (int(i.claim) - int(j.claim)) % R
            ],
            [g for g, (c, d) in enumerate(zip(a.outcome.columns, b.outcome.columns, strict=True)) if c != d],
        )

    def beyond(self, closed: str) -> list[str]:
        """What would fire once the check `closed` is made to hold: the names that the diagnosis gives."""
        names = [f"opening of column {g}" for g in self.columns]
        for check in self.checks:
            behind = {REDUCTION: self.claims, SUMS: self.sums}.get(check)
            if check != closed:
                names += [f"{check} <{name}>" for name in behind] if behind else [check]
        return names


@dataclass
class Attempt:
    """A cheating run: a witness, and lies about messages and challenges."""

    case: Case
    tensors: dict[str, Any]
    lies: Lies = field(default_factory=Lies)
    virtual: Values | None = None  # the virtual tensors, where they are bent as well
    kernels: Kernels = NATIVE
    closed: dict[tuple[str, int], Attempt | None] = field(init=False, default_factory=dict)
    found: dict[int, Differences] = field(init=False, default_factory=dict)
    known: dict[tuple[int, int], Attempt] = field(init=False, default_factory=dict)

    @cached_property
    def proof(self) -> Proof:
        return prove(self.case, self.tensors, lies=self.lies, virtual=self.virtual, kernels=self.kernels)

    @cached_property
    def verdict(self) -> Verdict:
        return verify(self.case, self.proof, lies=self.lies)

    @cached_property
    def plainly_failed(self) -> list[str]:
        """The checks that fire."""
        return sorted(set(self.verdict.failed))

    @cached_property
    def failed(self) -> list[str]:
        """The same with the relations behind merged checks by name."""
        return sorted(set(named(self.case, self.proof, self.verdict)))

    def telling(self, messages: Mapping[int, Say]) -> Attempt:
        """The same with these lies as well."""
        return replace(self, lies=replace(self.lies, messages={**self.lies.messages, **messages}))

    def knowing(self, draw: int, value: int) -> Attempt:
        """The same where one challenge is a constant."""
        if (draw, value) not in self.known:
            known = {**self.lies.known, draw: value}
            self.known[draw, value] = replace(self, lies=replace(self.lies, known=known))
        return self.known[draw, value]

    # ---- with challenges held
    @cached_property
    def replay(self) -> Replay:
        return self.replayed({})

    def replayed(
        self,
        messages: Mapping[int, int],
        drawn: Mapping[int, int] | None = None,
        until: Sequence[str] | None = None,
    ) -> Replay:
        sent, squeezed = list(self.proof.messages), list(self.proof.drawn)
        for i, x in messages.items():
            sent[i] = x % R
        for i, x in (drawn or {}).items():
            squeezed[i] = x % R
        return Replay(self.case, self.proof, sent, squeezed, until)

    def differences(self, message: int) -> Differences:
        """What depends on a message."""
        if message not in self.found:
            other = self.replayed({message: self.proof.messages[message] + 987654321})
            self.found[message] = Differences.between(self.replay, other)
        return self.found[message]

    def drawn_differences(self, draw: int) -> Differences:
        """What depends on a challenge."""
        return Differences.between(self.replay, self.replayed({}, {draw: self.proof.drawn[draw] + 987654321}))

    def residuals(self, checks: Sequence[str], messages: Mapping[int, int]) -> list[int]:
        found = dict(self.replayed(messages, until=checks).compared)
        return [found[c] for c in checks]

    def closing(self, check: str, message: int, anew: bool = False) -> Attempt | None:
        """The same with a message chosen so that a false check holds; None where no value does. `anew`: what
        an honest prover sends afterwards depends on it, too (in rounds that the claim enters)."""
        if (check, message) not in self.closed:
            honest = self.proof.messages[message]
            f0, f1, f2 = (self._residual(check, message, honest + d, anew) for d in range(3))
            root = root_of(f0, f1, f2)
            lie = None if root is None else {message: say((honest + root) % R)}
            self.closed[check, message] = None if lie is None else self.telling(lie)
        return self.closed[check, message]

    def _residual(self, check: str, message: int, value: int, anew: bool) -> int:
        if not anew:
            return self.residuals([check], {message: value})[0]
        held = Lies({**self.lies.messages, message: say(value)}, {}, dict(enumerate(self.proof.drawn)))
        return replace(self, lies=held).residuals([check], {})[0]

    def closing_two(self, checks: Sequence[str], messages: tuple[int, int]) -> Attempt | None:
        """The same with two messages chosen so that all the checks hold; None where no values do."""
        i, j = messages
        x, y = self.proof.messages[i], self.proof.messages[j]
        base = self.residuals(checks, {})
        by_x, by_y = self.residuals(checks, {i: x + 1}), self.residuals(checks, {j: y + 1})
        rows = [((a - c) % R, (b - c) % R, -c % R) for a, b, c in zip(by_x, by_y, base, strict=True)]
        solved = two_unknowns(rows)
        if solved is None or not any(solved):
            return None
        values = {i: (x + solved[0]) % R, j: (y + solved[1]) % R}
        if any(self.residuals(checks, values)):  # not linear in both
            return None
        return self.telling({m: say(v) for m, v in values.items()})


def root_of(f0: int, f1: int, f2: int) -> int | None:
    """A non-zero root of the polynomial of degree 2 with these values at 0, 1 and 2."""
    a = (f2 - 2 * f1 + f0) * pow(2, -1, R) % R
    b = (f1 - f0 - a) % R
    if not a:
        root = -f0 * pow(b, -1, R) % R if b else 0
        return root or None
    square = square_root((b * b - 4 * a * f0) % R)
    if square is None:
        return None
    return next((x for x in ((s - b) * pow(2 * a, -1, R) % R for s in (square, -square)) if x), None)


def square_root(a: int) -> int | None:
    """Tonelli and Shanks; r - 1 is an odd number times 2^28."""
    if pow(a, (R - 1) // 2, R) == R - 1:
        return None
    odd, log2 = R - 1, 0
    while odd % 2 == 0:
        odd, log2 = odd // 2, log2 + 1
    c = pow(next(z for z in range(2, R) if pow(z, (R - 1) // 2, R) == R - 1), odd, R)
    root, t = pow(a, (odd + 1) // 2, R), pow(a, odd, R)
    while t > 1:
        i, s = 0, t
        while s != 1:
            i, s = i + 1, s * s % R
        b = pow(c, 1 << log2 - i - 1, R)
        root, c = root * b % R, b * b % R
        t, log2 = t * c % R, i
    return root


def two_unknowns(rows: Sequence[tuple[int, int, int]]) -> tuple[int, int] | None:
    """(x, y) with a x + b y = c in each row (a, b, c), if that is one pair."""
    for k, (a, b, c) in enumerate(rows):
        for d, e, f in rows[k + 1 :]:
            determinant = (a * e - b * d) % R
            if determinant:
                inverse = pow(determinant, -1, R)
                x, y = (c * e - b * f) * inverse % R, (a * f - c * d) * inverse % R
                return (x, y) if all((a * x + b * y - c) % R == 0 for a, b, c in rows) else None
    return None
