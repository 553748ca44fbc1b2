"""The table of the Llama family: cheats of its own operations, and those of GPT-2's that are about operations
which both have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from math import isqrt

import numpy as np

from zkllm.field import R
from zkllm.llama.config import LlamaConfig
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.models import Model

from ..bending import Bends, add, to
from ..scene import Scene, llama, tied_llama
from .attention import ATTENTION
from .base import Cheat, claim, equation, lookup, products, weak
from .head import HEAD
from .layers import EMBEDDING, LAYERNORM
from .outside import STATEMENTS, carries

# ---- what both families have


def _own_names(name: str) -> str:
    """The check's name in a Llama: values that are wider there are held in limbs, so that it is the top
    one's."""
    name = name.replace("layernorm: ", "rmsnorm: ")
    return name.replace("<yf>", "<yf^>")


def _shared(
    cheats: list[Cheat], but: tuple[str, ...] = (), scene: Callable[[], Scene] = llama
) -> Iterator[Cheat]:
    for cheat in cheats:
        if cheat.name not in but:
            yield replace(cheat, fires=tuple(map(_own_names, cheat.fires)), scene=llama)


def config(s: Scene) -> LlamaConfig:
    c = s.case.model.config
    assert isinstance(c, LlamaConfig)
    return c


def model(s: Scene) -> LlamaModel:
    m = s.case.model
    assert isinstance(m, LlamaModel)
    return m


def row(s: Scene, name: str, *at: int) -> list[int]:
    """Entries on a value's last axis."""
    return [int(x) for x in s.values[name][at]]


def divided(s: Scene, name: str, at: tuple[int, ...], shift: int) -> Bends:
    """With a remainder that is one off, what 2^shift times a value has to be, divided in the field."""
    rem, value = s.value(f"{name}_rem", *at), s.value(name, *at)
    other = rem + 1 if rem + 1 < 1 << shift else rem - 1
    return {(name, *at): to(value + (rem - other) * pow(2, -shift, R) % R), (f"{name}_rem", *at): to(other)}


def rounded(z: int, shift: int) -> tuple[int, int]:
    z += 1 << shift - 1
    return z >> shift, z & (1 << shift) - 1


# ---- RMSNorm


def _normed(s: Scene, n: int, t: int, q: int, target: int) -> Bends:
    """rho, u and v that follow from this sum of squares and this numerator."""
    rho = isqrt(target // q)
    u = target - rho * rho * q
    return {("rho", n, t): to(rho), ("u", n, t): to(u), ("v", n, t): to((2 * rho + 1) * q - u - 1)}


def _centred(s: Scene) -> Bends:
    """The mean taken off before the squares are summed, as a LayerNorm does."""
    x = row(s, "x", 1, 1)
    squares = sum(d * len(x) * v for d, v in zip([v - sum(x) // len(x) for v in x], x, strict=True)) // len(x)
    return {("Q", 1, 1): to(abs(squares) + config(s).eps_int)}


def _other_eps(s: Scene) -> Bends:
    """LayerNorm's eps d^3 in the place of eps d."""
    c = config(s)
    return {("Q", 1, 1): add(c.eps_int * (c.d_model**2 - 1))}


def _padded_width(s: Scene) -> Bends:
    """The axes' padded sizes in the place of d."""
    c = config(s)
    return _normed(s, 1, 1, s.value("Q", 1, 1), 8 << 2 * c.kappa)


def _layer_norm_deviation(s: Scene) -> Bends:
    """y of D = d X - S, at the width's scale."""
    c, x, bends = config(s), row(s, "x", 1, 1), {}
    for j, value in enumerate(x):
        d = value - sum(x) // len(x)
        y, rem = rounded(d * s.value("rho", 1, 1), c.norm_shift)
        bends |= {("y", 1, 1, j): to(y), ("y_rem", 1, 1, j): to(rem)}
    return bends


RMSNORM = [
    *_shared(LAYERNORM),
    Cheat(
        "sum of squares of the centred stream",
        (equation("rmsnorm: rho low"), equation("rmsnorm: rho high")),
        _centred,
        scene=llama,
    ),
    Cheat(
        "sum of squares of the centred stream, proved as such",
        (products("rmsnorm: squares"),),
        _centred,
        virtual=True,
        scene=llama,
    ),
    Cheat(
        "eps of a LayerNorm",
        (equation("rmsnorm: rho low"), equation("rmsnorm: rho high")),
        _other_eps,
        scene=llama,
    ),
    Cheat("d of the padded axes", (equation("rmsnorm: rho low"),), _padded_width, scene=llama),
    Cheat(
        "a norm reads the stream of the next one",
        (equation("rmsnorm: rho low"), equation("rmsnorm: rho high"), equation("rmsnorm: features")),
        lambda s: {("x", 2, 1, j): to(x) for j, x in enumerate(row(s, "x", 3, 1))},
        scene=llama,
    ),
    Cheat("deviation of a LayerNorm", (equation("rmsnorm: features"),), _layer_norm_deviation, scene=llama),
]


# ---- linear layers


KINDS = {
    "qkv": ("qkv", (1, 2, 1, 1), (1, 2, 1, 1)), "o": ("write", (2, 1, 0), (1, 1, 0)),
    "gate": ("f", (1, 2, 3), (1, 2, 3)), "up": ("up", (1, 2, 3), (1, 2, 3)),
    "down": ("write", (3, 1, 0), (1, 1, 0)),
}  # fmt: skip
"""kind -> its output, and an index of it and of its remainder."""


def linear_cheats(kind: str) -> list[Cheat]:
    y, at, rem_at = KINDS[kind]
    rem = f"{kind}_rem"

    def other(s: Scene) -> Bends:
        shift = getattr(config(s), f"{kind}_shift")
        return {(rem, *rem_at): lambda x: x + 1 if x + 1 < 1 << shift else x - 1}

    return [
        Cheat(f"{kind}: Y + 1, remainder compensates", (lookup(f"{rem}^"),), lambda s: {(y, *at): add(1)},
              scene=llama),
        Cheat(f"{kind}: Y - 1, remainder compensates", (lookup(f"{rem}^"),), lambda s: {(y, *at): add(-1)},
              scene=llama),
        Cheat(
            f"{kind}: Y + 1, remainder kept", (products(f"linear {kind}"),),
            lambda s: {(y, *at): add(1), (rem, *rem_at): to(s.value(rem, *rem_at))}, scene=llama,
        ),
        Cheat(f"{kind}: remainder + 1", (products(f"linear {kind}"),), other, scene=llama),
    ]  # fmt: skip


def slots_shift(kind: str, at: tuple[int, ...], by: str) -> Callable[[Scene], Bends]:
    """Slot 0 takes 2^K more (in Y or in the remainder), slot 1 one less: the packed sum stays."""

    def bends(s: Scene) -> Bends:
        c, rem, y = config(s), f"{kind}_rem", KINDS[kind][0]
        bits, step, size = {
            "qkv": (c.head_slot_bits, c.half // c.head_slots, c.half // c.head_slots),
            "gate": (c.inner_slot_bits, c.d_inner // c.inner_slots, c.d_inner // c.inner_slots),
            "up": (c.inner_slot_bits, c.d_inner // c.inner_slots, c.d_inner // c.inner_slots),
            "o": (c.width_slot_bits, c.d_model // c.width_slots, c.d_model // c.width_slots),
            "down": (c.width_slot_bits, c.d_model // c.width_slots, c.d_model // c.width_slots),
        }[kind]
        rem_at = at if kind not in ("o", "down") else (at[0] // 2, *at[1:])
        shift = getattr(c, f"{kind}_shift")
        j = next(j for j in range(size) if s.value(rem, *rem_at, j + step) > 0)
        less = {(rem, *rem_at, j + step): add(-1)}
        if by == "R":
            return {(rem, *rem_at, j): add(1 << bits), **less}
        kept = to(s.value(rem, *rem_at, j))
        return {(y, *at, j): add(1 << bits - shift), (rem, *rem_at, j): kept, **less}

    return bends


def other_gain(kind: str) -> Callable[[Scene], Bends]:
    """Value and remainder of the sum that the other layer's gain would give, where they differ."""

    def bends(s: Scene) -> Bends:
        c, (y, at, rem_at) = config(s), KINDS[kind]
        l, shift, gains = rem_at[0], getattr(c, f"{kind}_shift"), c.gains(kind)
        own, other = gains[l], gains[1 - l]
        assert own != other
        bias, size = model(s)[f"b_{kind}"][l].reshape(-1), len(s.values[f"{kind}_rem"][rem_at[:-1]])
        for t in range(s.case.rows):
            for j in range(size):
                here = (at[0], t, *at[2:-1], j), (l, t, *rem_at[2:-1], j)
                b = int(bias[(rem_at[2] * size if kind == "qkv" else 0) + j])
                z = (s.value(y, *here[0]) << shift) + s.value(f"{kind}_rem", *here[1]) - (1 << shift - 1) - b
                value, rest = rounded((z >> own << other) + b, shift)
                if value != s.value(y, *here[0]) and abs(value) < 1 << _bits(c, y) - 1:
                    return {(y, *here[0]): to(value), (f"{kind}_rem", *here[1]): to(rest)}
        raise AssertionError("no output tells the gains apart")

    return bends


def _bits(c: LlamaConfig, y: str) -> int:
    return {"write": c.write_bits, "f": c.gate_bits}.get(y, c.act_bits)


def _smaller_shift(kind: str) -> Callable[[Scene], Bends]:
    """Y - 1 and R + 2^(s - gain), as if a layer's gain made its shift less and not its products larger."""

    def bends(s: Scene) -> Bends:
        c, (y, at, rem_at) = config(s), KINDS[kind]
        shift, gains = getattr(c, f"{kind}_shift"), c.gains(kind)
        l = next(l for l, gain in enumerate(gains) if gain)
        of = (2 * l + at[0] % 2 if y == "write" else l, *at[1:-1]), (l, *rem_at[1:-1])
        rest = row(s, f"{kind}_rem", *of[1])
        j = next(j for j, r in enumerate(rest) if r + (1 << shift - gains[l]) < 1 << shift)
        more = to(rest[j] + (1 << shift - gains[l]))
        return {(y, *of[0], j): add(-1), (f"{kind}_rem", *of[1], j): more}

    return bends


LINEAR = [
    *(
        Cheat(f"{kind}: Y - 1, remainder compensates by the layer's own shift", (products(f"linear {kind}"),),
              _smaller_shift(kind), scene=llama)
        for kind in KINDS
    ),
    *(cheat for kind in KINDS for cheat in linear_cheats(kind)),
    *(
        Cheat(f"{kind}: gain of another layer", (products(f"linear {kind}"),), other_gain(kind), scene=llama)
        for kind in KINDS
    ),
    *(
        Cheat(f"packed slots of {kind} shift together, by the remainder", (lookup(f"{kind}_rem^"),),
              slots_shift(kind, at, "R"), scene=llama)
        for kind, at in (
            ("qkv", (1, 2, 1)), ("o", (2, 4)), ("gate", (1, 4)), ("up", (1, 4)), ("down", (3, 4)),
        )
    ),
    Cheat("packed slots of qkv shift together, by Y", (lookup("qkv"), lookup("rot")),
          slots_shift("qkv", (1, 0, 0), "Y"), scene=llama),
    Cheat("packed slots of gate shift together, by Y", (lookup("f"),),
          slots_shift("gate", (1, 4), "Y"), scene=llama),
]  # fmt: skip


# ---- rotary positions


TURN = (1, 3, 1, 0)  # l, t, x, feature


def _turned(s: Scene, at: tuple[int, int, int, int], z: int) -> Bends:
    """The turned feature and its remainder as if the sum were z."""
    rot, rem = rounded(z, config(s).rotary_shift)
    return {("rot", *at): to(rot), ("rot_rem", *at): to(rem)}


def _turning(wrong: Callable[[Scene, int, int, list[int], int], int]) -> Callable[[Scene], Bends]:
    """All features of a head's part in a row: (scene, position, part, plain, feature) -> the sum."""

    def bends(s: Scene) -> Bends:
        l, t, x, _ = TURN
        plain = row(s, "qkv", l, t, x)
        bends: Bends = {}
        for i in range(len(plain)):
            bends = {**bends, **_turned(s, (l, t, x, i), wrong(s, t, x, plain, i))}
        return bends

    return bends


def _angles(s: Scene, t: int, j: int) -> tuple[int, int]:
    return int(s.array("cos")[t, j]), int(s.array("sin")[t, j])


def _turn(s: Scene, t: int, plain: list[int], i: int, sign: int = 1) -> int:
    c = config(s)
    second, j = divmod(i % c.head_dim, c.half)
    cos, sin = _angles(s, t, j)
    return cos * plain[i] + sign * (sin if second else -sin) * plain[i + (-c.half if second else c.half)]


def _neighbours(s: Scene, t: int, x: int, plain: list[int], i: int) -> int:
    """Features 2 j and 2 j + 1 turned together, as another convention has it."""
    cos, sin = _angles(s, t, i % config(s).head_dim // 2)
    return cos * plain[i] + (sin if i % 2 else -sin) * plain[i ^ 1]


ROTARY = [
    Cheat("rotation: + 1, remainder compensates", (lookup("rot_rem"),),
          lambda s: {("rot", *TURN): add(1)}, scene=llama),
    Cheat("rotation: - 1, remainder compensates", (lookup("rot_rem"),),
          lambda s: {("rot", *TURN): add(-1)}, scene=llama),
    Cheat("rotation: + 1, remainder kept", (equation("rotary: turn"),),
          lambda s: {("rot", *TURN): add(1), ("rot_rem", *TURN): to(s.value("rot_rem", *TURN))}, scene=llama),
    Cheat("rotation: beyond its range, remainder compensates", (lookup("rot"), lookup("rot_rem")),
          lambda s: {("rot", 1, 0, 0, 0): add(1 << config(s).act_bits)}, scene=llama),
    Cheat("rotation the other way round", (equation("rotary: turn"),),
          _turning(lambda s, t, x, plain, i: _turn(s, t, plain, i, -1)), scene=llama),
    Cheat("rotation of neighbours", (equation("rotary: turn"),), _turning(_neighbours), scene=llama),
    Cheat("rotation by the next position", (equation("rotary: turn"),),
          _turning(lambda s, t, x, plain, i: _turn(s, t + 1, plain, i)), scene=llama),
    Cheat("no rotation", (equation("rotary: turn"),),
          _turning(lambda s, t, x, plain, i: plain[i] << config(s).rotary_shift), scene=llama),
    Cheat("the key is not turned", (equation("rotary: turn"),), lambda s: _key_kept(s), scene=llama),
    Cheat("rotation of another part", (equation("rotary: turn"),),
          _turning(lambda s, t, x, plain, i: _turn(s, t, row(s, "qkv", 1, t, x + 1), i)), scene=llama),
    Cheat("rotation of the head of keys beside it", (equation("rotary: turn"),),
          _turning(lambda s, t, x, plain, i: _turn(s, t, plain, (i + config(s).head_dim) % len(plain))),
          scene=llama),
    Cheat("rotation by the angle of another feature", (equation("rotary: turn"),), lambda s: _other_angle(s),
          scene=llama),
    Cheat("a padding row is not turned", (equation("rotary: turn"),), lambda s: _padding_kept(s),
          scene=llama),
]  # fmt: skip


def _key_kept(s: Scene) -> Bends:
    l, t, x = 1, 3, config(s).group
    bends: Bends = {}
    for i, value in enumerate(row(s, "qkv", l, t, x)):
        bends = {**bends, **_turned(s, (l, t, x, i), value << config(s).rotary_shift)}
    return bends


def _padding_kept(s: Scene) -> Bends:
    l, t = 1, s.case.rows - 1
    return _turned(s, (l, t, 0, 0), s.value("qkv", l, t, 0, 0) << config(s).rotary_shift)


def _other_angle(s: Scene) -> Bends:
    l, t, x, i = TURN
    cos, sin = _angles(s, t, 1)
    plain = row(s, "qkv", l, t, x)
    return _turned(s, TURN, cos * plain[i] - sin * plain[i + config(s).half])


# ---- grouped queries


def _score(s: Scene, l: int, t: int, h: int, u: int, shared: int, member: int | None = None) -> int:
    """Of head h's query, or another member's, with a head of keys."""
    c = config(s)
    member = h % c.group if member is None else member
    e, own = c.head_dim, h // c.group
    query = row(s, "rot", l, t, member)[own * e : (own + 1) * e]
    key = row(s, "rot", l, u, c.group)[shared * e : (shared + 1) * e]
    return sum(a * b for a, b in zip(query, key, strict=True)) << c.gains("score")[l]


def _score_gain(l: int) -> Callable[[Scene], Bends]:
    """A row's scores with the other layer's gain: one is 0."""

    def bends(s: Scene) -> Bends:
        gains, t, h = config(s).gains("score"), 2, 1
        assert sorted(gains) == [0, 1]
        true = {u: _score(s, l, t, h, u, h // config(s).group) for u in range(t + 1)}
        return {("Z", l, t, h, u): to(z >> gains[l] << gains[1 - l]) for u, z in true.items()}

    return bends


def _scores_of(h: int, shared: Callable[[Scene], int], member: int | None = None) -> Callable[[Scene], Bends]:
    def bends(s: Scene) -> Bends:
        l, t = 1, 2
        return {("Z", l, t, h, u): to(_score(s, l, t, h, u, shared(s), member)) for u in range(t + 1)}

    return bends


def _sum_of(h: int, member: int, shared: int) -> Callable[[Scene], Bends]:
    """Head h's weighted values with another head's weights, or other values."""

    def bends(s: Scene) -> Bends:
        c, l, t = config(s), 1, 2
        weights, e = row(s, "e", l, t, member), c.head_dim
        values = [row(s, "qkv", l, u, c.group + 1)[shared * e : (shared + 1) * e] for u in range(s.case.rows)]
        return {
            ("n", l, t, h * e + i): to(sum(w * v[i] for w, v in zip(weights, values, strict=True)))
            for i in range(e)
        }

    return bends


def _twice(name: str, sums: str, relation: str, bends: Callable[[Scene], Bends]) -> list[Cheat]:
    """Not proved, and proved as such."""
    return [
        Cheat(f"{name}, not proved", (equation(f"attention: {relation}"),), bends, scene=llama),
        Cheat(f"{name}, proved as such", (products(sums),), bends, virtual=True, scene=llama),
    ]


GROUPS = [
    *_twice("keys of the next group", "attention: Q K", "scores", _scores_of(1, lambda s: 1)),
    *_twice("keys of the head's number modulo theirs", "attention: Q K", "scores",
            _scores_of(2, lambda s: 2 % config(s).n_kv_head)),
    *_twice("another member's query", "attention: Q K", "scores", _scores_of(1, lambda s: 0, member=0)),
    *_twice("another member's weights", "attention: E V", "division", _sum_of(1, 0, 0)),
    *_twice("values of the next group", "attention: E V", "division", _sum_of(1, 1, 1)),
    *_twice("scores: gain of another layer", "attention: Q K", "scores", _score_gain(0)),
    *_twice("scores: no gain", "attention: Q K", "scores", _score_gain(1)),
]  # fmt: skip


# ---- the gated product


INNER = (1, 2, 3)


def _product(s: Scene, z: int, at: tuple[int, int, int] = INNER) -> Bends:
    g, rem = rounded(z, config(s).product_shift)
    return {("g", *at): to(g), ("g_rem", *at): to(rem)}


def _entry(s: Scene, f: int, l: int = 1) -> int:
    """Of a layer's table."""
    return int(s.array("act")[config(s).act_class[l], f + (1 << config(s).gate_bits - 1)])


def _other_class(s: Scene) -> Bends:
    """The entry of the other layer's table."""
    for j in range(config(s).d_inner):
        f = s.value("f", *INNER[:2], j)
        if (other := _entry(s, f, 0)) != _entry(s, f):
            return {("a", *INNER[:2], j): to(other)}
    raise AssertionError("no activation tells the classes apart")


def _product_gain(s: Scene) -> Bends:
    """The other layer's gain."""
    gains = config(s).gains("product")
    for at in product(range(2), range(s.case.rows), range(config(s).d_inner)):
        z = s.value("a", *at) * s.value("up", *at)
        if (
            rounded(z << gains[at[0]], config(s).product_shift)[0]
            != (rounded(z << gains[1 - at[0]], config(s).product_shift)[0])
        ):
            return _product(s, z << gains[1 - at[0]], at)
    raise AssertionError("no product tells the gains apart")


def _gained(s: Scene, z: int, l: int = 1) -> int:
    return z << config(s).gains("product")[l]


def _activation_of_up(s: Scene) -> Bends:
    """act(up) gate, as a matrix of both in the other order would have it."""
    c, half = config(s), 1 << config(s).gate_bits - 1
    for at in product(range(c.n_layer), range(s.case.rows), range(c.d_inner)):
        up = max(-half, min(half - 1, s.value("up", *at)))
        if (z := _entry(s, up, at[0]) * s.value("f", *at)) != s.value("a", *at) * s.value("up", *at):
            return _product(s, _gained(s, z, at[0]), at)
    raise AssertionError("no place tells the orders apart")


def _with(s: Scene, a: tuple[int, ...], up: tuple[int, ...]) -> Bends:
    return _product(s, _gained(s, s.value("a", *a) * s.value("up", *up)))


def _gate_of_another(s: Scene) -> Bends:
    """In a channel where another one's gate gives another product."""
    for j, other in product(range(config(s).d_inner), repeat=2):
        at = (*INNER[:2], j)
        z = s.value("a", *INNER[:2], other) * s.value("up", *at)
        if rounded(_gained(s, z), config(s).product_shift)[0] != s.value("g", *at):
            return _product(s, _gained(s, z), at)
    raise AssertionError("no gate gives another product")


def _plain_gate(s: Scene) -> Bends:
    """No activation, where it would have changed something."""
    for j in range(config(s).d_inner):
        f, a, up = (s.value(name, *INNER[:2], j) for name in ("f", "a", "up"))
        if f != a and up:
            return _product(s, _gained(s, f * up), (*INNER[:2], j))
    raise AssertionError("every activation is its input")


GATED = [
    Cheat("product: + 1, remainder compensates", (lookup("g_rem"),),
          lambda s: {("g", *INNER): add(1)}, scene=llama),
    Cheat("product: - 1, remainder compensates", (lookup("g_rem"),),
          lambda s: {("g", *INNER): add(-1)}, scene=llama),
    Cheat("product: + 1, remainder kept", (equation("gated product"),),
          lambda s: {("g", *INNER): add(1), ("g_rem", *INNER): to(s.value("g_rem", *INNER))}, scene=llama),
    Cheat("product: beyond its range, remainder compensates",
          (lookup("g^"), lookup("g_rem"), lookup("write^")),
          lambda s: {("g", 1, 4, 3): add(1 << config(s).product_bits)}, scene=llama),
    Cheat("product: activation of up, gate plain", (equation("gated product"),), _activation_of_up,
          scene=llama),
    Cheat("product: gain of another layer", (equation("gated product"),), _product_gain, scene=llama),
    Cheat("product: no activation", (equation("gated product"),), _plain_gate, scene=llama),
    Cheat("product: gate of another channel", (equation("gated product"),), _gate_of_another, scene=llama),
    Cheat("product: up of another channel", (equation("gated product"),),
          lambda s: _with(s, INNER, (1, 2, 4)), scene=llama),
    Cheat("product: up of another layer", (equation("gated product"),),
          lambda s: _with(s, INNER, (0, 2, 3)), scene=llama),
    Cheat("product: up of another row", (equation("gated product"),),
          lambda s: _with(s, INNER, (1, 1, 3)), scene=llama),
    Cheat("activation + 1", (lookup("f"),), lambda s: {("a", *INNER): add(1)}, scene=llama),
    Cheat("activation of another input", (lookup("f"),),
          lambda s: {("a", *INNER): to(int(s.array("act")[-1, -1]))}, scene=llama),
    Cheat("activation of another class of layers", (lookup("f"),), _other_class, scene=llama),
    Cheat("up beyond its range, remainder compensates", (lookup("up"), lookup("up_rem")),
          lambda s: {("up", 1, 4, _active(s)): add(1 << config(s).act_bits + 2)}, scene=llama),
]  # fmt: skip


def _active(s: Scene) -> int:
    """A channel whose gate is open most in the last row."""
    a = row(s, "a", 1, 4)
    return max(range(len(a)), key=lambda j: abs(a[j]))


# ---- lookups, and other models under these commitments


def another(name: str, *at: int) -> Callable[[Scene], Model]:
    def changed(s: Scene) -> Model:
        array = model(s)[name].copy()
        array[at] += 1
        return model(s).with_arrays(**{name: array})

    return changed


def _exchanged_biases(s: Scene) -> Model:
    """The first query's biases for the key."""
    biases, c = model(s)["b_qkv"].copy(), config(s)
    biases[:, c.group] = biases[:, 0]
    return model(s).with_arrays(b_qkv=biases)


def _tied_table(s: Scene) -> Model:
    """The embedding in the place of the head's own matrix."""
    return model(s).with_arrays(head=model(s)["wte"])


def _own_table(s: Scene) -> Model:
    """A matrix of its own where the head is the embedding."""
    m = model(s)
    head = m["wte"].copy()
    head[_unread(s), _loud(s)] -= 1
    return replace(m, config=replace(m.config, tied_head=False), held={**m.held, "head": head})


def _loud(s: Scene) -> int:
    """A feature that the logits of the last certified row depend on."""
    yf = row(s, "yf", s.row)
    return max(range(len(yf)), key=lambda j: abs(yf[j]))


def _unread(s: Scene) -> int:
    """A token that is not the answer."""
    return next(v for v in range(config(s).vocab_size) if v != s.answer and v != s.twin)


MODELS = [
    *(
        Cheat(f"another model: {name}{list(at)} + 1", (fires,), model=another(name, *at), scene=llama)
        for name, at, fires in (
            ("w_qkv", (1, 2, 1, 3), products("linear qkv")), ("b_qkv", (0, 2, 1), products("linear qkv")),
            ("w_o", (1, 1, 2), products("linear o")), ("b_o", (0, 3), products("linear o")),
            ("w_gate", (1, 1, 2), products("linear gate")), ("b_gate", (1, 4), products("linear gate")),
            ("w_up", (1, 1, 2), products("linear up")), ("b_up", (1, 4), products("linear up")),
            ("w_down", (1, 2, 3), products("linear down")), ("b_down", (1, 3), products("linear down")),
            ("gain", (4,), equation("final norm")),
            ("cos", (2, 1), equation("rotary: turn")), ("sin", (2, 1), equation("rotary: turn")),
        )
    ),
    Cheat("bias of a query for the key", (products("linear qkv"),), model=_exchanged_biases, scene=llama),
    Cheat("the embedding for a head of its own", (products("head"),), model=_tied_table,
          ids=lambda s: _other_answers(s), scene=llama),
    Cheat("a matrix of its own for a tied head", (products("head"),), model=_own_table, scene=tied_llama),
    Cheat("another model: an embedding row that is read", (claim("embedding: rows"),),
          model=lambda s: another("wte", s.case.ids[0], 0)(s), scene=llama),
    Cheat("another model: an embedding row that is read, tied", (claim("embedding: rows"), products("head")),
          model=lambda s: another("wte", s.case.ids[0], _loud(s))(s), scene=tied_llama),
    Cheat("another model: a row of the head", (products("head"),),
          model=lambda s: another("head", _unread(s), _loud(s))(s), scene=llama),
    Cheat("another model: the exponential table", (lookup("idx"),),
          model=lambda s: another("exp", s.value("idx", *weak(s)))(s), scene=llama),
    Cheat("another model: the activation's table", (lookup("f"),),
          model=lambda s: another("act", 0, s.value("f", 0, 0, 0) + (1 << config(s).gate_bits - 1))(s),
          scene=llama),
]  # fmt: skip


def _other_answers(s: Scene) -> list[int]:
    """What the model with the embedding as its head answers."""
    ids, case = list(s.case.ids), s.case
    for t in range(case.T - case.certified + 1, case.T + 1):
        logits = case.trace(ids=ids, model=_tied_table(s)).logits[t - (case.T - case.certified + 1)]
        ids[t] = logits.index(max(logits))
    return ids


def _without_gain(s: Scene) -> Bends:
    """One feature of the last RMSNorm as if its gain were the next one's: that on which the least hangs."""
    c = config(s)
    gain, y = s.array("gain").tolist(), row(s, "y", 2 * c.n_layer, s.case.T - 1)
    other = {j: rounded(gain[(j + 1) % len(gain)] * value, c.final_shift) for j, value in enumerate(y)}
    apart = {j: abs(yf - s.value("yf", s.row, j)) for j, (yf, _) in other.items()}
    j = min((j for j in apart if apart[j]), key=apart.__getitem__)
    return {("yf", s.row, j): to(other[j][0]), ("yf_rem", s.row, j): to(other[j][1])}


def _dull(s: Scene) -> int:
    """A feature that favours the certified token least: raising it there would only help another."""
    head, token = s.head.astype(int), s.answer
    return int((head[token] - np.delete(head, token, axis=0)).min(axis=0).argmax())


YF_BEYOND = "final norm: y_f beyond its range, remainder compensates"
FINAL = [
    *_shared(
        HEAD,
        but=("the certified row is another one", "the same with a vocabulary slot that is not full",
             "a padded vocabulary entry made the maximum", YF_BEYOND),
    ),
    Cheat(YF_BEYOND, (lookup("yf^"), lookup("yf_rem")),
          lambda s: {("yf", s.row, _dull(s)): add(1 << config(s).final_bits)}, scene=llama),
    Cheat("final norm: the gain of another feature", (equation("final norm"),), _without_gain, scene=llama),
]  # fmt: skip
O_BEYOND = "division: o beyond its range, w compensates"
BEYOND = [
    Cheat(O_BEYOND, (lookup("o"), lookup("div^"), lookup("div_rest^")),
          lambda s: {("o", 1, s.case.rows - 1, 0): add(1 << config(s).act_bits)}, scene=llama),
]  # fmt: skip
"""In a row that no answer depends on."""

LLAMA_CHEATS = [
    *_shared(EMBEDDING, but=("position t + 1 instead of t",)),
    *RMSNORM,
    *LINEAR,
    *ROTARY,
    *_shared(ATTENTION, but=(O_BEYOND,)),
    *BEYOND,
    *GROUPS,
    *GATED,
    *FINAL,
    *carries(llama),
    *MODELS,
    *_shared(STATEMENTS),
]
