"""Witnesses in which one relation is false at one place: where lies about messages and challenges start from.

`ERRORS` has every relation that is checked at a random point: its axes, and how to make it, and nothing else,
false by a small integer at one index of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from zkllm.ops.axes import WIDTH
from zkllm.protocol.logup import NUMERATOR
from zkllm.protocol.reduction import CHECK as REDUCTION

from .bending import Bends, add
from .harness import Values
from .lying import say
from .scene import Scene, little
from .solving import SUMS, Attempt

ZERO_CHECK = "zero-check"
Index = dict[str, int]


@dataclass(frozen=True)
class Error:
    """`axes`: those of the point at which the relation is checked; `held`: those that it does not vary on."""

    axes: tuple[str, ...]
    bends: Callable[[Scene, Index, int], Bends]
    virtual: bool = False  # of a sum that the prover computes otherwise
    held: tuple[str, ...] = ()


def _feature(s: Scene, x: Index) -> int:
    """The index in the width of (c, h, e)."""
    c = s.case.model.config
    return (x.get("c", 0) * c.heads_per_slot + x["h"]) * c.head_dim + x["e"]


def _head(s: Scene, x: Index) -> int:
    return x["c"] * s.case.model.config.heads_per_slot + x["h"]


def _at(name: str, *axes: str) -> Callable[[Scene, Index, int], Bends]:
    """A value over these axes; the last one may be "width"."""
    return lambda s, x, by: {(name, *(_feature(s, x) if a == "width" else x[a] for a in axes)): add(by)}


def _maximum(s: Scene, x: Index, by: int) -> Bends:
    row = (x["l"], x["t"], _head(s, x))
    return {("sel", *row, next(u for u in range(s.case.rows) if s.value("sel", *row, u))): add(by)}


def _difference(s: Scene, x: Index, by: int) -> Bends:
    """In a whole slot that no certified id is in."""
    c, case = s.case.model.config, s.case
    read = {token // c.vocab_block for token in case.ids[case.T - case.certified + 1 : case.T + 1]}
    slot = next(w for w in range(c.vocab_slots - 1) if w not in read)
    return {("diff", x["i"], slot * c.vocab_block + x["v"]): add(by)}


def _unread(s: Scene, x: Index, by: int) -> Bends:
    """In a slot that no row reads."""
    c = s.case.model.config
    read = {token // c.vocab_block for token in s.case.ids[: s.case.rows]}
    return {("slot", x["t"], next(w for w in range(c.vocab_slots) if w not in read), _feature(s, x)): add(by)}


OUTPUT = ("l", "t", *WIDTH)
ERRORS = {
    "embedding: rows": Error(("t", *WIDTH), _unread),
    "embedding: X0": Error(("t", *WIDTH), _at("x0", "t", "width")),
    "layernorm: squares": Error(("n", "t"), _at("Q", "n", "t"), virtual=True),
    "linear qkv": Error((*OUTPUT, "q"), _at("qkv_rem", "l", "t", "q", "width"), held=("c",)),
    "linear o": Error(OUTPUT, _at("o_rem", "l", "t", "width"), held=("c",)),
    "linear fc1": Error(("l", "t", "f"), _at("f_rem", "l", "t", "f")),
    "linear fc2": Error(OUTPUT, _at("fc2_rem", "l", "t", "width"), held=("c",)),
    "attention: Q K": Error(
        ("l", "t", "c", "h", "u"),
        lambda s, x, by: {("Z", x["l"], x["t"], _head(s, x), x["u"]): add(by)},
        virtual=True,
    ),
    "attention: E V": Error(OUTPUT, _at("n", "l", "t", "width"), virtual=True),
    "attention: one maximum": Error(("l", "t", "c", "h"), _maximum),
    "attention: complement": Error(OUTPUT, _at("div_rest", "l", "t", "width")),
    "head": Error(("i", "v"), _difference),
    "head: D at id": Error(("i",), _at("logit", "i")),
}


def attempt(bends: Bends, virtual: bool = False) -> Attempt:
    """The bent program on the small scene, proved honestly."""
    case, traced = little().case, little().case.trace(bends)
    values: Values | None = traced.values if virtual else None
    return Attempt(case, case.tensors(traced.values), virtual=values)


def indices(axes: Sequence[str]) -> Iterator[Index]:
    sizes = little().case.manifest.axes
    return (dict(zip(axes, at, strict=True)) for at in product(*(range(sizes[a]) for a in axes)))


@cache
def honest() -> Attempt:
    return attempt({})


def _one_false(relation: str) -> Iterator[Attempt]:
    error = ERRORS[relation]
    return (attempt(error.bends(little(), x, 1), error.virtual) for x in indices(error.axes))


def _false_rounding(name: str, *axes: str) -> Iterator[Attempt]:
    """A value off by one where its remainder is not, or a remainder alone."""
    return (attempt(_at(name, *axes)(little(), x, 1)) for x in indices((*axes[:-1], *WIDTH)))


def _witnesses(check: str) -> Iterator[Attempt]:
    if check == NUMERATOR:
        return _false_rounding("yf", "i", "width")
    if check == ZERO_CHECK:
        return _false_rounding("y_rem", "n", "t", "width")
    if check == REDUCTION:
        return _one_false("embedding: X0")
    return _one_false(check.removeprefix(f"{SUMS} <").removesuffix(">"))


@cache
def false_in(check: str, number: int = 0) -> Attempt:
    """A false witness that this check alone notices; `number`: another one."""
    found = (a for a in _witnesses(check) if a.plainly_failed == [check.partition(" <")[0]])
    for i, made in enumerate(found):
        if i == number:
            return made
    raise AssertionError(f"too few false witnesses for {check}")


# ---- a false root of the lookups, carried down


def layer_check(layer: int) -> str:
    return f"logup layer {layer}"


@cache
def layers() -> int:
    return sum(name.startswith(layer_check(0)[:-1]) for name, _ in honest().replay.compared)


@cache
def layer_values(layer: int) -> list[int]:
    """The messages right before a layer's check: p_0, p_1, q'_0, q'_1."""
    replay = honest().replay
    check = [name for name, _ in replay.compared].index(layer_check(layer))
    return replay.messages_before("check", check)[-4:]


@cache
def carried(value: int, layer: int) -> Attempt:
    """A missed lookup whose root is said to be 0; in each layer above `layer` one of the four values, always
    the same, is chosen so that the layer's check holds."""
    if layer == 0:
        return false_in(NUMERATOR).telling({1: say(0)})
    before, check = carried(value, layer - 1), layer_check(layer - 1)
    closed = before.closing(check, layer_values(layer - 1)[value])
    assert closed is not None
    return closed


TRIES = 6


def starts(message: int) -> Iterator[Attempt]:
    """Attempts in which the check that a message is sent for is false before the message is chosen: by a
    false witness (of the very sum that the message is the value of), by a root that is carried down, or by a
    lie about another message that the check compares."""
    found = honest().differences(message)
    check = found.checks[0]
    if check == SUMS:
        relation = found.sums[0] if found.sums else "linear qkv"
        yield from (false_in(f"{SUMS} <{relation}>", i) for i in range(TRIES))
    elif check in (NUMERATOR, ZERO_CHECK, REDUCTION):
        yield from (false_in(check, i) for i in range(TRIES))
    elif check.startswith(layer_check(0)[:-1]):
        yield carried(0, int(check.rsplit(" ", 1)[1]))
    else:
        for other in range(len(honest().proof.messages)):
            if other != message and check in honest().differences(other).checks:
                yield honest().telling({other: lambda x: x + 1})
