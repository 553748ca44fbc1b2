"""The duplex sponge, and the rule that reading a message absorbs it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.errors import ProofError
from zkllm.field import Fr, R
from zkllm.naive import NAIVE
from zkllm.poseidon2 import permute
from zkllm.protocol.data import ProverData
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.party import Prover, Verifier, on_elements
from zkllm.protocol.transcript import Sponge

from .toys import toy_protocol

SCHEDULE = st.lists(st.tuples(st.booleans(), st.integers(1, 5)), min_size=1, max_size=8)


def sponge(seed: int = 1, iv: int = 2) -> Sponge:
    return Sponge(on_elements(permute), Fr(seed), Fr(iv), Fr(0))


def reference(seed: int, iv: int, operations: list[tuple[bool, list[int]]]) -> list[int]:
    """The duplex written out: absorb blocks of three, permute before a squeeze and after three outputs."""
    state, out = [seed, 0, 0, iv], []
    absorbed, squeezed = 0, 3
    for absorb, values in operations:
        for x in values:
            if absorb:
                if absorbed == 3:
                    state, absorbed = permute(state), 0
                state[absorbed] = (state[absorbed] + x) % R
                absorbed, squeezed = absorbed + 1, 3
            else:
                if squeezed == 3:
                    state, squeezed = permute(state), 0
                out.append(state[squeezed])
                squeezed, absorbed = squeezed + 1, 0
    return out


@settings(max_examples=50, deadline=None)
@given(SCHEDULE, st.integers(0, R - 1), st.integers(0, R - 1), st.integers(0, 10**9))
def test_against_the_definition(schedule, seed: int, iv: int, entropy: int) -> None:
    rng = random.Random(entropy)
    operations = [(False, [0]), *((a, [rng.randrange(R) for _ in range(n)]) for a, n in schedule)]
    s, out = sponge(seed, iv), []
    for absorb, values in operations:
        for x in values:
            if absorb:
                s.absorb(Fr(x))
            else:
                out.append(int(s.squeeze()))
    assert out == reference(seed, iv, operations)


def test_the_first_operation_is_a_squeeze() -> None:
    """An absorb would add to the lane that holds the seed."""
    with pytest.raises(RuntimeError, match="first operation"):
        sponge().absorb(Fr(1))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 7), st.integers(0, 6))
def test_each_message_changes_every_later_challenge(n: int, at: int) -> None:
    def challenges(values: list[int]) -> list[int]:
        s = sponge()
        out = [int(s.squeeze())]
        for x in values:
            s.absorb(Fr(x))
        return out + [int(s.squeeze()) for _ in range(4)]

    values = list(range(n))
    changed = [x + (i == at % n) for i, x in enumerate(values)]
    a, b = challenges(values), challenges(changed)
    assert a[0] == b[0] and all(x != y for x, y in zip(a[1:], b[1:], strict=True))
    assert len(set(a)) == len(a)


def test_seed_and_iv_decide() -> None:
    first = {int(sponge(s, i).squeeze()) for s in range(3) for i in range(3)}
    assert len(first) == 9


def test_reading_is_absorbing() -> None:
    """The verifier has no way to see a message that does not change the challenges after it."""
    protocol = toy_protocol(Manifest({"x": 1}))
    data = ProverData(protocol.manifest, NAIVE, {})

    def run(party):
        party.challenge()
        for i in range(5):
            party.send(lambda i=i: i)
        return int(party.challenge())

    prover = Prover(protocol, 3, data)
    expected = run(prover)
    assert run(Verifier(protocol, 3, prover.messages)) == expected
    for i in range(5):
        changed = list(prover.messages)
        changed[i] += 1
        assert run(Verifier(protocol, 3, changed)) != expected
    with pytest.raises(ProofError, match="too short"):
        run(Verifier(protocol, 3, prover.messages[:-1]))
    for bad in (R, -1, R + 5):
        with pytest.raises(ProofError, match="out of range"):
            run(Verifier(protocol, 3, [bad, *prover.messages[1:]]))
