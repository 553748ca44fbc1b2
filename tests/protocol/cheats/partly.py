"""The table of rotations of some of a head's features: what is turned, and what scores are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..bending import Bends, add, to
from ..scene import Scene, partly
from .base import Cheat, equation, lookup, products
from .llama import another, config, rounded, row

L, T, X = 1, 3, 1
"""A row of a layer, and the second query of each head of keys in it."""
TURN = (L, T, X, 5)


def _feature(s: Scene, head: int, z: int, j: int) -> int:
    """Of the linear layer's output: pair j in half z."""
    return head * config(s).head_dim + z * config(s).half + j


def _turned(
    s: Scene, t: int, head: int, z: int, j: int, plain: Sequence[int], angle: int | None = None
) -> int:
    """What a turning rounds; `angle`: of another pair."""
    cos, sin = (int(s.array(name)[t, j if angle is None else angle]) for name in ("cos", "sin"))
    own, other = (plain[_feature(s, head, half, j)] for half in (z, 1 - z))
    return cos * own + (sin if z else -sin) * other


def _turning(
    wrong: Callable[[Scene, int, int, int, list[int]], int], x: int = X, t: int = T
) -> Callable[[Scene], Bends]:
    """All features that are turned of a part in a row: (scene, head, half, pair, plain) -> the sum."""

    def bends(s: Scene) -> Bends:
        c, plain, made = config(s), row(s, "qkv", L, t, x), {}
        for i in range(c.n_kv_head * 2 * c.pairs):
            half_head, j = divmod(i, c.pairs)
            rot, rem = rounded(wrong(s, *divmod(half_head, 2), j, plain), c.rotary_shift)
            made |= {("rot", L, t, x, i): to(rot), ("rot_rem", L, t, x, i): to(rem)}
        return made

    return bends


def _other_halves(s: Scene, head: int, z: int, j: int, plain: list[int]) -> int:
    """Features that are turned as two halves of another order: neighbours."""
    c = config(s)
    at = lambda k: plain[_feature(s, head, k // c.pairs, k % c.pairs)]
    i = z * c.pairs + j
    cos, sin = (int(s.array(name)[T, i // 2]) for name in ("cos", "sin"))
    return cos * at(i) + (sin if i % 2 else -sin) * at(i ^ 1)


def _partner_left(s: Scene, head: int, z: int, j: int, plain: list[int]) -> int:
    """With a feature of the other half that is none of those that are turned."""
    cos, sin = (int(s.array(name)[T, j]) for name in ("cos", "sin"))
    own, other = plain[_feature(s, head, z, j)], plain[_feature(s, head, 1 - z, config(s).pairs)]
    return cos * own + (sin if z else -sin) * other


# ---- what scores are made of


def _vector(s: Scene, t: int, x: int, head: int, wrong: str) -> list[int]:
    """A query or key over its features, as scores should have it or not."""
    c, plain, rot = config(s), row(s, "qkv", L, t, x), row(s, "rot", L, t, x)
    values = []
    for z in range(2):
        for j in range(c.half):
            own = plain[_feature(s, head, z, j)]
            if wrong == "one too many" and j == c.pairs:
                own = rounded(_turned(s, t, head, z, j, plain, angle=0), c.rotary_shift)[0]
            elif j < c.pairs and not (wrong == "one too few" and j == 0):
                own = rot[(head * 2 + z) * c.pairs + j]
            elif wrong == "left out" and j >= c.pairs:
                own = 0
            elif wrong == "of the row above" and j >= c.pairs:
                own = row(s, "qkv", L, t - 1, x)[_feature(s, head, z, j)]
            values.append(own)
    return values


def _scores(wrong: str, queries: bool = True, keys: bool = True) -> Callable[[Scene], Bends]:
    """A row of a head's scores."""

    def bends(s: Scene) -> Bends:
        c, h, t = config(s), 1, 2
        query = _vector(s, t, h % c.group, h // c.group, wrong if queries else "")
        made = {}
        for u in range(1, t + 1):
            key = _vector(s, u, c.group, h // c.group, wrong if keys else "")
            z = sum(a * b for a, b in zip(query, key, strict=True))
            made[("Z", L, t, h, u)] = to(z << c.gains("score")[L])
        return made

    return bends


def _twice(name: str, bends: Callable[[Scene], Bends]) -> list[Cheat]:
    """Not proved, and proved as such."""
    return [
        Cheat(f"{name}, not proved", (equation("attention: scores"),), bends),
        Cheat(f"{name}, proved as such", (products("attention: Q K"),), bends, virtual=True),
    ]


_PARTLY = [
    Cheat("rotation: + 1, remainder compensates", (lookup("rot_rem"),), lambda s: {("rot", *TURN): add(1)}),
    Cheat("rotation: - 1, remainder compensates", (lookup("rot_rem"),), lambda s: {("rot", *TURN): add(-1)}),
    Cheat("rotation: + 1, remainder kept", (equation("rotary: turn"),),
          lambda s: {("rot", *TURN): add(1), ("rot_rem", *TURN): to(s.value("rot_rem", *TURN))}),
    Cheat("rotation: beyond its range, remainder compensates", (lookup("rot"), lookup("rot_rem")),
          lambda s: {("rot", 1, 0, 0, 0): add(1 << config(s).act_bits)}),
    Cheat("rotation the other way round", (equation("rotary: turn"),),
          _turning(lambda s, head, z, j, plain: _turned(s, T, head, z, j, [
              -v if (i // config(s).half % 2) != z else v for i, v in enumerate(plain)]))),
    Cheat("rotation of neighbours", (equation("rotary: turn"),), _turning(_other_halves)),
    Cheat("rotation with a feature that is left", (equation("rotary: turn"),), _turning(_partner_left)),
    Cheat("rotation by the next position", (equation("rotary: turn"),),
          _turning(lambda s, head, z, j, plain: _turned(s, T + 1, head, z, j, plain))),
    Cheat("rotation by another pair's angle", (equation("rotary: turn"),),
          _turning(lambda s, head, z, j, plain: _turned(
              s, T, head, z, j, plain, (j + 1) % config(s).pairs))),
    Cheat("no rotation", (equation("rotary: turn"),),
          _turning(lambda s, head, z, j, plain: plain[_feature(s, head, z, j)] << config(s).rotary_shift)),
    Cheat("the key is not turned", (equation("rotary: turn"),),
          _turning(lambda s, head, z, j, plain: plain[_feature(s, head, z, j)] << config(s).rotary_shift,
                   x=2)),
    *_twice("a pair too many is turned", _scores("one too many")),
    *_twice("a pair too few is turned", _scores("one too few")),
    *_twice("a pair too many of the query is turned", _scores("one too many", keys=False)),
    *_twice("a pair too many of the key is turned", _scores("one too many", queries=False)),
    *_twice("features that are left are left out", _scores("left out")),
    *_twice("features that are left are another row's", _scores("of the row above", queries=False)),
    *(
        Cheat(f"another model: {name}{list(at)} + 1", (equation("rotary: turn"),), model=another(name, *at))
        for name, at in (("cos", (2, 3)), ("sin", (3, 1)))
    ),
]  # fmt: skip

PARTLY_CHEATS = [replace(cheat, scene=partly) for cheat in _PARTLY]
