"""The outer transcript's own refusals: points, and the order of the schedule."""

from __future__ import annotations

import pytest

from zkllm.errors import ProofError
from zkllm.outer.transcript import Round, Transcript, check_point

NOWHERE = (0, 1), (1, 0), (1, 1), (0, 2**200)


@pytest.mark.parametrize("x, y", NOWHERE)
def test_points_off_the_curve_are_refused_on_the_axes_too(x, y):
    with pytest.raises(ProofError, match="point on curve: q is not a point of G1"):
        check_point("q", x.to_bytes(32, "big") + y.to_bytes(32, "big"))


@pytest.mark.parametrize("x, y", [(0, 0), (1, 2)])
def test_infinity_and_the_generator_are_points(x, y):
    check_point("q", x.to_bytes(32, "big") + y.to_bytes(32, "big"))


@pytest.mark.parametrize("name, messages", [("beta", {"a": 1}), ("alpha", {"b": 1}), ("alpha", {})])
def test_challenges_are_drawn_in_the_schedules_order(name, messages):
    transcript = Transcript(bytes(32), bytes(32), (Round("alpha", scalars=("a",)), Round("beta")))
    with pytest.raises(AssertionError, match=f"out of order: {name}"):
        transcript.challenge(name, messages)
    assert transcript.challenge("alpha", {"a": 1}) != transcript.challenge("beta", {})
