"""The order of messages and challenges, as docs/protocol.md has it: no challenge before what it binds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from zkllm.bits import ceil_log2
from zkllm.model.reference import trace_reference
from zkllm.naive import NAIVE
from zkllm.protocol.logup import leaf_depth
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.witness import prover_data
from zkllm.statement import pack_words

from .harness import Case
from .scene import packed, ragged, smallest

CASES: dict[str, Callable[[], Case]] = {
    "packed": lambda: packed().case, "ragged": lambda: ragged().case, "smallest": smallest,
}  # fmt: skip


def recorded(base: type) -> Any:
    """A party that writes down what it does, by part: m for a message, C for a challenge."""

    class Recorder(base):
        events: dict[str, str]

        def note(self, event: str) -> None:
            self.events = getattr(self, "events", {})
            self.events[self.section] = self.events.get(self.section, "") + event

        def send(self, compute: Callable[[], Any]) -> Any:
            value = super().send(compute)
            self.note("m")
            return value

        def challenge(self) -> Any:
            value = super().challenge()
            self.note("C")
            return value

    return Recorder


@pytest.fixture(params=CASES)
def events(request: pytest.FixtureRequest) -> tuple[Case, dict[str, str]]:
    case = CASES[request.param]()
    trace = trace_reference(case.model, case.ids, case.certified, case.T)
    words, statement = pack_words(case.T, case.ids, case.rows), InnerStatement(case.T, case.ids)
    prover = recorded(Prover)(case.protocol, 3, prover_data(case.protocol, case.model, trace, NAIVE))
    run_inner(case.protocol, prover, words, statement)
    verifier = recorded(Verifier)(case.protocol, 3, prover.messages)
    run_inner(case.protocol, verifier, words, statement)
    assert verifier.failed == [] and prover.events == verifier.events
    return case, prover.events


def test_the_transcript_starts_with_the_lookups(events: tuple[Case, dict[str, str]]) -> None:
    """The statement is in the seed; the linear claims have no message."""
    assert list(events[1]) == ["lookups", "zero-check", "product sums", "reduction"]


def test_lookups(events: tuple[Case, dict[str, str]]) -> None:
    """alpha, beta; salt, p, q', the inverse; for each layer lambda, its rounds, four values, a coordinate."""
    case, order = events
    depth = max(1, ceil_log2(case.protocol.witness.used))
    layers = "".join("C" + j * "mmC" + "mmmmC" for j in range(depth))
    assert order["lookups"] == "CCmmmm" + layers


def test_zero_check(events: tuple[Case, dict[str, str]]) -> None:
    """gamma and tau; the linear part; rounds of degree at most 3; the factors' values."""
    case, order = events
    axes = case.manifest.axes
    bits = lambda *names: sum(ceil_log2(axes[a]) for a in names)
    rounds = max(bits("l"), bits("n")) + max(bits("t"), bits("i"))
    rounds += max(bits("c", "h", "u"), bits("c", "h", "e"))
    assert re.fullmatch(f"C{{{rounds + 1}}}m(m{{1,3}}C){{{rounds}}}m{{14}}", order["zero-check"])


def test_product_sums(events: tuple[Case, dict[str, str]]) -> None:
    """Missing coordinates; five opened values, then eta; rounds; two values an instance, but one for D D."""
    case, order = events
    axes = case.manifest.axes
    bits = lambda *names: sum(ceil_log2(axes[a]) for a in names)
    known = max(bits("c", "h", "u"), bits("c", "h", "e"))
    missing = max(0, max(bits("f"), bits("v")) - known) + 2
    row, token = max(bits("l"), bits("n")), bits("t")
    feature = max(bits("kc", "kh", "ke"), bits("fc", "f"), bits("c", "h", "u"), bits("c", "h", "e"))
    rounds = row + token + feature
    assert re.fullmatch(f"C{{{missing}}}m{{5}}C(m{{1,3}}C){{{rounds}}}m{{15}}", order["product sums"])


def test_reduction(events: tuple[Case, dict[str, str]]) -> None:
    """beta; mu rounds of degree 2; every column; delta."""
    case, order = events
    assert order["reduction"] == "C" + case.model.config.mu * "mmC" + case.protocol.num_columns * "m" + "C"


def test_the_leaf_space_follows_the_witness() -> None:
    case = packed().case
    party = Verifier(case.protocol, 1, [])
    assert 1 << leaf_depth(party) - 1 < case.protocol.witness.used <= 1 << leaf_depth(party)
