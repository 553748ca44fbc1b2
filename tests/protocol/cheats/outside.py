"""Multiplicities and messages, other models' parameters, statements outside the language."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from zkllm.field import R
from zkllm.model.models import Model

from ..bending import add
from ..lying import Lies, say
from ..scene import Scene, packed
from .base import Cheat, claim, equation, lookup, products, weak

# ---- lookups


EPSILON = pow(3, -1, R)  # a fraction


def _multiplicity(table: str, changes: dict[int, int]) -> Callable[[Scene, dict], None]:
    def late(s: Scene, tensors: dict) -> None:
        counts = tensors[f"mult.{table}"].astype(object)
        for i, k in changes.items():
            counts[i] = (counts[i] + k) % R
        tensors[f"mult.{table}"] = counts

    return late


def _fractions(s: Scene, tensors: dict) -> None:
    """Multiplicities in F that would make up for a missing value, were the challenge known."""
    counts = tensors["mult.range8"].astype(object)
    counts[0], counts[1] = (counts[0] + EPSILON) % R, (counts[1] + 1 - EPSILON) % R
    tensors["mult.range8"] = counts


def _carry(limb: str, following: str) -> Callable[[Scene, dict], None]:
    """A limb out of its range by the table's size, the next one changed by 1: the value stays."""

    def limbs(s: Scene, tensors: dict) -> None:
        m = s.case.manifest
        width = m.tensors[limb].lookup.main.removeprefix("range")
        least = -m.tensors[following].lookup.offset
        tensors[limb], tensors[following] = (tensors[n].astype(np.int64) for n in (limb, following))
        room = tensors[following] > least  # somewhere the next limb can be less; else it can be more
        sign, at = (1, tuple(int(i[0]) for i in np.nonzero(room))) if room.any() else (-1, (0,) * room.ndim)
        tensors[limb][at] += sign << int(width)
        tensors[following][at] -= sign

    return limbs


def carries(scene: Callable[[], Scene], names: Collection[str] = ()) -> list[Cheat]:
    """One for each pair of limbs, of these values or of all."""
    return [
        Cheat(
            f"{lower} out of its range, {upper} compensates",
            (lookup(lower),),
            limbs=_carry(lower, upper),
            scene=scene,
        )
        for wide in scene().case.manifest.wide.values()
        if not names or wide.name in names
        for (lower, _), (upper, _) in zip(wide.limbs, wide.limbs[1:], strict=False)
    ]


LOOKUPS = [
    *carries(packed),
    Cheat("multiplicity + 1", (lookup("multiplicity of range8"),), late=_multiplicity("range8", {7: 1})),
    Cheat(
        "multiplicity moved to another entry",
        (lookup("multiplicity of range8"),),
        late=_multiplicity("range8", {7: 1, 9: -1}),
    ),
    Cheat(
        "multiplicity moved to another table",
        (lookup("multiplicity of range8"), lookup("multiplicity of exp")),
        late=lambda s, t: (_multiplicity("range8", {7: 1})(s, t), _multiplicity("exp", {7: -1})(s, t)),
    ),
    Cheat(
        "fractional multiplicities, their sum kept",
        (lookup("multiplicity of range8"),),
        late=_multiplicity("range8", {1: EPSILON, 2: 1, 3: -1 - EPSILON}),
    ),
    Cheat(
        "a value outside its table, fractional multiplicities instead",
        (lookup("y_rem^"), lookup("multiplicity of range8")),
        lambda s: {("y", 2, 2, 1): add(1)},
        late=_fractions,
    ),
    Cheat(
        "multiplicity that wraps: r - 1 uses",
        (lookup("multiplicity of gelu.0"),),
        late=_multiplicity("gelu.0", {0: R - 1}),
    ),
    Cheat(
        "numerator sent as 0 in spite of a missed lookup",
        ("logup layer 0",),
        lambda s: {("y", 2, 2, 1): add(1)},
        lies=Lies({1: say(0)}),
    ),
    Cheat("denominator's inverse sent as 0", ("logup: denominator != 0",), lies=Lies({3: say(0)})),
]


def _another(name: str, *at: int) -> Callable[[Scene], Model]:
    def model(s: Scene) -> Model:
        array = getattr(s.case.model, name).copy()
        array[at] += 1
        return replace(s.case.model, **{name: array})

    return model


# ---- another model's parameters under this model's commitments


def _worst(s: Scene) -> int:
    """The token with the lowest logits on the certified rows whose packed row no id reads."""
    c = s.case.model.config
    read = {x % c.vocab_block for x in s.case.ids[: s.case.rows]}
    return min(
        (v for v in range(c.vocab_size) if v % c.vocab_block not in read),
        key=lambda v: max(row[v] for row in s.honest.logits),
    )


MODELS = [
    Cheat(f"another model: {name}{list(at)} + 1", fires, model=_another(name, *at))
    for name, at, fires in (
        ("w_qkv", (1, 2, 1, 3), (products("linear qkv"),)),
        ("b_qkv", (0, 2, 1), (products("linear qkv"),)),
        ("w_o", (1, 1, 2), (products("linear o"),)),
        ("b_o", (0, 3), (products("linear o"),)),
        ("w_fc1", (1, 1, 2), (products("linear fc1"),)),
        ("b_fc1", (1, 4), (products("linear fc1"),)),
        ("w_fc2", (1, 2, 3), (products("linear fc2"),)),
        ("b_fc2", (1, 3), (products("linear fc2"),)),
        ("gain", (4,), (equation("final norm"),)),
        ("beta", (5,), (equation("final norm"),)),
        ("wpe", (2, 3), (claim("embedding: X0"),)),
    )
]
MODELS += [
    Cheat(
        "another model: an embedding row that is read",
        (claim("embedding: rows"), products("head")),
        model=lambda s: _another("wte", s.case.ids[0], 0)(s),
    ),
    Cheat(
        "another model: an embedding row that is not read",
        (products("head"),),
        model=lambda s: _another("wte", _worst(s), 0)(s),
    ),
    Cheat(
        "another model: the exponential table",
        (lookup("idx"),),
        model=lambda s: _another("exp", s.value("idx", *weak(s)))(s),
    ),
    Cheat(
        "another model: the GELU table",
        (lookup("f"),),
        model=lambda s: _another("gelu", 0, s.value("f", 0, 0, 0) + (1 << s.case.model.config.gelu_bits - 1))(
            s
        ),
    ),
]


# ---- statements outside the language, traced and proved as they are


def _unpadded(s: Scene) -> list[int]:
    ids = list(s.case.ids)
    ids[-1] = 5
    return ids


STATEMENTS = [
    Cheat("an id after x_T that is not the pad id", ("statement: padding",), ids=_unpadded),
]
