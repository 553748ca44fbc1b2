"""Every value that a prover sends, chosen so that the check it goes into holds although something is false.

The values are found by running the text: what depends on a value, all challenges held, is what binds it.
There is the check that it is sent for, and something else that must fire once the value is made to close that
check: a claim, a sum, the next layer, an opening. A round's coefficients have nothing else; the challenge
that is drawn next binds them (`test_challenges.py`).
"""

from __future__ import annotations

from functools import cache

import pytest

from zkllm.protocol.logup import LEAF_CLAIMS
from zkllm.protocol.reduction import CHECK as REDUCTION

from .circuits import unsatisfied
from .false_witnesses import carried, honest, layer_check, layer_values, layers, starts
from .solving import Attempt

pytestmark = pytest.mark.slow

GROUPS = [
    "logup: numerator =",
    "logup: denominator !=",
    "logup layer",
    "zero-check",
    "product sums",
    "reduction",
]


@cache
def is_coefficient(message: int) -> bool:
    """Nothing but a check depends on it, and the check depends on the challenge drawn before it is made."""
    found, draw = honest().differences(message), honest().replay.next_challenge(message)
    check = found.checks[0]
    return not found.beyond(check) and draw is not None and check in honest().drawn_differences(draw).checks


@cache
def groups() -> dict[str, list[int]]:
    """Messages that are not coefficients, by the check that they are sent for."""
    made: dict[str, list[int]] = {}
    for i in range(1, len(honest().proof.messages)):  # after the salt
        if not is_coefficient(i):
            made.setdefault(honest().differences(i).checks[0].rstrip("0123456789 "), []).append(i)
    return made


def test_every_message_is_in_a_check() -> None:
    """And what it is sent for is known: a further group would need a test below."""
    assert honest().failed == []
    assert all(honest().differences(i).checks for i in range(1, len(honest().proof.messages)))
    assert list(groups()) == GROUPS


@pytest.mark.parametrize("group", GROUPS)
def test_a_value_that_closes_its_check_is_refused_by_what_binds_it(group: str) -> None:
    for message in groups()[group]:
        found = honest().differences(message)
        check = found.checks[0]
        where = f"message {message}, {honest().replay.places['message', message]}, sent for {check}"
        start, closed = closing(check, message)
        left = {name for name in start.failed if not name.startswith(check)}
        expected = sorted({*left, *found.beyond(check)})
        assert expected, f"nothing binds {where}"
        assert closed.failed == expected, where
        if group != "logup layer":  # the circuit has many; below, the last
            inside = [
                n for n in closed.plainly_failed if not n.startswith("opening of")
            ]  # of the outer proof
            assert unsatisfied(closed.case, closed.proof) == inside, where


def closing(check: str, message: int) -> tuple[Attempt, Attempt]:
    """An attempt in which the check is false, and the same with a message that makes it hold."""
    opened = honest().replay.next_challenge(message) is not None  # before the rounds, not after them
    for start in starts(message):
        closed = start.closing(check, message, anew=opened)
        if closed is not None:
            return start, closed
    raise AssertionError(f"no value of message {message} makes {check} hold")


@pytest.mark.parametrize("value, claim", [(0, LEAF_CLAIMS[0]), (2, LEAF_CLAIMS[1])], ids=["p", "q"])
def test_a_false_root_carried_to_the_leaves(value: int, claim: str) -> None:
    """Every layer's check holds, by a lie about p_0 or q'_0: only the claims on the columns notice."""
    for layer in range(layers()):
        assert carried(value, layer).failed == [layer_check(layer)]
        assert len(layer_values(layer)) == 4
    carried_down = carried(value, layers())
    assert carried_down.failed == [f"{REDUCTION} <{claim}>"]
    assert unsatisfied(carried_down.case, carried_down.proof) == [REDUCTION]
