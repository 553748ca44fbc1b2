"""Every challenge, known beforehand: a cheat that then passes, and that the real challenge refuses by name.

The challenges are found by running the text, so a new one needs a cheat. That a cheat passes with this one
challenge known shows that the challenge is what it aims at, and that the text uses what it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations, product

import pytest

from zkllm.field import R
from zkllm.naive import NAIVE
from zkllm.protocol.logup import NUMERATOR
from zkllm.protocol.manifest import FEATURE, PROJECTION
from zkllm.protocol.program import opening_values
from zkllm.protocol.reduction import CHECK as REDUCTION
from zkllm.protocol.relations import Instance
from zkllm.protocol.sumcheck import POOLS, SumcheckPoint, schedule

from .bending import add, to
from .false_witnesses import ERRORS, ZERO_CHECK, Error, attempt, false_in, honest, indices, starts
from .scene import little
from .solving import SUMS, Attempt

pytestmark = pytest.mark.slow

ALPHA_BETA, LAYER = "lookups: logup", "lookups: layer"
GAMMA_TAU, ROUNDS = "zero-check: zero_check", "zero-check: lockstep"
EXTENDED, ETA, SUM_ROUNDS = (f"product sums: {f}" for f in ("extend", "product_sums", "lockstep"))
REDUCED = "reduction: reduce_claims"
HALF = pow(2, -1, R)


@dataclass(frozen=True)
class Aimed:
    """An attempt that passes where the challenge is this constant, and that these checks refuse otherwise."""

    attempt: Attempt
    constant: int
    fires: Sequence[str]

    def check(self, draw: int) -> None:
        where = f"challenge {draw}, {honest().replay.places['challenge', draw]}"
        assert self.fires, f"no check depends on {where}"
        known = self.attempt.knowing(draw, self.constant)
        assert known.plainly_failed == [], f"known, {where} does not let the cheat pass"
        named = any("<" in name for name in self.fires)
        found = self.attempt.failed if named else self.attempt.plainly_failed
        assert found == sorted(self.fires), where


SALT = 0
"""The first message: no check is about it."""


@cache
def drawn(place: str) -> list[int]:
    """The challenges drawn at a place of the text."""
    places = honest().replay.places
    return [n for (kind, n), where in places.items() if kind == "challenge" and where == place]


# ---- cheats that lie about the messages before the challenge


def by_messages(draw: int) -> Aimed | None:
    """One message, or two, chosen for the challenge, right before it is drawn."""
    block = [m for m in honest().replay.messages_before("challenge", draw) if m != SALT]
    for start in starts(block[0]):
        for made in chain(_one_message(start, block), _two_messages(start, block)):
            constant = start.proof.drawn[draw]
            if made.knowing(draw, constant).plainly_failed == []:
                return Aimed(made, constant, made.drawn_differences(draw).checks[:1])
    return None


def _one_message(start: Attempt, block: list[int]) -> Iterator[Attempt]:
    """That nothing but its check depends on."""
    checks = honest().differences(block[-1]).checks
    closed = start.closing(checks[0], block[-1]) if len(checks) == 1 else None
    if closed is not None:
        yield closed


def _two_messages(start: Attempt, block: list[int]) -> Iterator[Attempt]:
    """Two unknowns for all checks that they are in; a check with a message of its own is left to that."""
    found = {m: honest().differences(m).checks for m in block}
    spare = {checks[0]: m for m, checks in found.items() if len(checks) == 1}
    for i, j in combinations([m for m in block if m not in spare.values()], 2):
        checks = sorted({*found[i], *found[j]})
        closed = start.closing_two([c for c in checks if c not in spare], (i, j))
        for check in set(checks) & set(spare):
            closed = closed and closed.closing(check, spare[check])
        if closed is not None:
            yield closed


# ---- cheats with two errors that cancel


@cache
def coordinates() -> tuple[SumcheckPoint, SumcheckPoint]:
    """Numbers of the challenges that are the coordinates of tau and of the relations' point."""
    replay, manifest = honest().replay, little().case.manifest
    rounds = schedule(manifest, [Instance(e.name, e.axes, e.terms) for e in replay.equations])
    tau, point = (SumcheckPoint({pool: [] for pool in POOLS}) for _ in range(2))
    for (pool, _), of_tau, of_point in zip(rounds, drawn(GAMMA_TAU)[1:], drawn(ROUNDS), strict=True):
        tau.pools[pool].append(of_tau)
        point.pools[pool].append(of_point)
    features = len(drawn(EXTENDED)) - manifest.bits("q")
    point.pools[FEATURE] += drawn(EXTENDED)[:features]
    point.pools[PROJECTION] += drawn(EXTENDED)[features:]
    return tau, point


def places_of(error: Error, point: SumcheckPoint) -> dict[int, tuple[str, int]]:
    """Challenge -> (axis, what the bit is worth) of every coordinate of an error's axes."""
    where = point.of(little().case.manifest, error.axes)
    return {
        draw: (axis, 1 << len(draws) - 1 - bit)
        for axis, draws in where.items()
        for bit, draw in enumerate(draws)
        if axis not in error.held
    }


CANCEL = [(2, 2, 1), (2, -2, -1), (HALF, 1, -1), (HALF, -1, 1)]
"""(z, a, b): errors of a and b at neighbours weigh (1 - z) a + z b = 0 at the coordinate between them."""


def neighbours(error: Error, axis: str, step: int, fires: str) -> Aimed:
    """Two errors that cancel where the coordinate between them is known."""
    sizes, scene = little().case.manifest.axes, little()
    for x, (coordinate, a, b) in product(indices(error.axes), CANCEL):
        y = {**x, axis: x[axis] + step}
        if x[axis] & step or y[axis] >= sizes[axis] or any(x[h] for h in error.held):
            continue
        bends = {**error.bends(scene, x, a), **error.bends(scene, y, b)}
        made = attempt(bends, error.virtual)
        if made.failed == [fires]:
            return Aimed(made, coordinate, (fires,))
    raise AssertionError(f"no two errors along {axis} make only {fires} fire")


FEATURES = Error(
    ("n", "t", "c", "h", "e"),
    lambda s, x, by: {("y_rem", x["n"], x["t"], x["h"] * s.case.model.config.head_dim + x["e"]): add(by)},
)


def for_tau(draw: int) -> Aimed:
    axis, step = places_of(FEATURES, coordinates()[0])[draw]
    return neighbours(FEATURES, axis, step, f"{ZERO_CHECK} <layernorm: features>")


def for_gamma() -> Aimed:
    """U + 1 and V kept: the two equations of rho are false by 1 each."""
    s, low, high = little(), "layernorm: rho low", "layernorm: rho high"
    made = attempt({("u", 1, 1): add(1), ("v", 1, 1): to(s.value("v", 1, 1))})
    return Aimed(made, R - 1, (f"{ZERO_CHECK} <{low}>", f"{ZERO_CHECK} <{high}>"))


def for_eta() -> Aimed:
    """Two layers false by 1 and - 1 at the same output."""
    fires = (f"{SUMS} <linear fc2>", f"{SUMS} <linear o>")
    for l, t, j in ((l, t, j) for l in range(2) for t in range(2) for j in range(2)):
        made = attempt({("o_rem", l, t, j): add(1), ("fc2_rem", l, t, j): add(-1)})
        if made.failed == sorted(fires):
            return Aimed(made, 1, fires)
    raise AssertionError("no output has room")


def for_extended(draw: int) -> Aimed:
    point = coordinates()[1]
    relation = "linear qkv" if draw in point.pools[PROJECTION] else "linear fc1"
    axis, step = places_of(ERRORS[relation], point)[draw]
    return neighbours(ERRORS[relation], axis, step, f"{SUMS} <{relation}>")


def elsewhere(constant: Callable[[int, int, int, int], int], uses: Callable[[int, int], int]) -> Aimed:
    """A remainder x beyond its range, whose use is counted at the row y of another range table.

    `constant` of the two tables' tags, x and y; `uses`: what is counted there.
    """
    s = little()
    m, c = s.case.manifest, s.case.model.config
    lookup = m.tensors["yf_rem"].lookup
    assert lookup is not None and lookup.offset == 0
    own = m.tables[lookup.main]
    other = next(t for t in m.tables.values() if t.output is None and t.tag != own.tag)
    made = attempt({("yf", 0, 0): add(-1)})
    x, y = s.value("yf_rem", 0, 0) + (1 << c.final_shift), 1
    tensors = {n: array for n, array in made.tensors.items()}
    counts = tensors[other.multiplicity].astype(object)
    counts[y] = (counts[y] + uses(x, y)) % R
    tensors[other.multiplicity] = counts
    fires = (f"{NUMERATOR} <yf_rem>", f"{NUMERATOR} <multiplicity of {other.name}>")
    changed = replace(made, tensors=tensors, kernels=NAIVE)
    return Aimed(changed, constant(own.tag, other.tag, x, y) % R, fires)


def for_alpha() -> Aimed:
    """alpha - tag_x - beta x is x/y times alpha - tag_y - beta y, whatever beta is."""
    return elsewhere(
        lambda tag_x, tag_y, x, y: (x * tag_y - y * tag_x) * pow(x - y, -1, R),
        lambda x, y: y * pow(x, -1, R),
    )


def for_beta() -> Aimed:
    """tag_x + beta x = tag_y + beta y."""
    return elsewhere(lambda tag_x, tag_y, x, y: (tag_y - tag_x) * pow(x - y, -1, R), lambda x, y: 1)


def aimed_at(place: str, draw: int) -> Aimed | None:
    number = drawn(place).index(draw)
    if place == ALPHA_BETA:
        return (for_alpha, for_beta)[number]()
    if place == GAMMA_TAU:
        return for_tau(draw) if number else for_gamma()
    if place == EXTENDED:
        return for_extended(draw)
    if place == ETA:
        return for_eta()
    return by_messages(draw)


# ---- the tests

PLACES = [ALPHA_BETA, LAYER, GAMMA_TAU, ROUNDS, EXTENDED, ETA, SUM_ROUNDS, REDUCED]


def test_every_challenge_is_at_a_place_with_a_cheat() -> None:
    places = honest().replay.places
    assert list(dict.fromkeys(w for (kind, _), w in places.items() if kind == "challenge")) == PLACES
    assert sum(len(drawn(place)) for place in PLACES) == len(honest().proof.drawn)


@pytest.mark.parametrize(
    "place", [pytest.param(p, marks=pytest.mark.long) if p == LAYER else p for p in PLACES]
)
def test_a_challenge_that_is_known_lets_a_cheat_pass(place: str) -> None:
    draws = drawn(place)
    for draw in draws[:-1] if place == REDUCED else draws:  # the last one is delta, below
        aimed = aimed_at(place, draw)
        assert aimed is not None, f"challenge {draw}, {place}, has no cheat"
        aimed.check(draw)


def test_delta_known() -> None:
    """theta follows from delta. If both are known before the columns' values are sent, two of them can be
    moved so that the reduction holds, and so does the opening of sum theta^g c_g."""

    def theta(delta: int) -> int:
        return pow(delta, 3, R)  # stands for the outer transcript

    start, delta = false_in(REDUCTION), 5
    (residual,) = start.residuals([REDUCTION], {})
    result = start.proof.result
    e0, e1 = (int(e) for e in result.weights[:2])
    # e0 d0 + e1 d1 = - residual, d0 + theta d1 = 0
    d1 = -residual * pow(e1 - e0 * theta(delta), -1, R) % R
    moved = (-theta(delta) * d1 % R, d1)
    first = honest().replay.messages_before("challenge", drawn(REDUCED)[-1])[-len(result.columns)]
    made = start.telling({first + g: lambda x, d=d: (x + d) % R for g, d in enumerate(moved)})

    def refused(tried: Attempt) -> list[str]:
        verdict = tried.verdict
        assert verdict.result is not None
        value = opening_values(verdict.result.columns, theta(int(verdict.result.digest)))
        genuine = opening_values(start.proof.result.columns, theta(int(verdict.result.digest)))
        others = [name for name in verdict.failed if not name.startswith("opening of column")]
        return [*others, *(["opening: v"] if int(value - genuine) % R else [])]

    assert refused(start) == [REDUCTION]
    assert refused(made.knowing(drawn(REDUCED)[-1], delta)) == []
    assert refused(made) == ["opening: v"]


def test_every_relation_at_a_random_point_has_its_errors() -> None:
    """Those of the zero-check are all at tau."""
    equations = {e.name for e in honest().replay.equations}
    assert set(ERRORS) == set(honest().case.protocol.relations) - equations - {"lookups"}


@pytest.mark.parametrize("relation", ERRORS)
def test_every_coordinate_of_a_relation_is_a_challenge(relation: str) -> None:
    """Two errors at neighbours along each bit of each axis cancel where that coordinate alone is known."""
    sums = {i.name for i in honest().replay.products}
    fires = f"{SUMS if relation in sums else REDUCTION} <{relation}>"
    places = places_of(ERRORS[relation], coordinates()[1])
    assert places
    for draw, (axis, step) in places.items():
        neighbours(ERRORS[relation], axis, step, fires).check(draw)
