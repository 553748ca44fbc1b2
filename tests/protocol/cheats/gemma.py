"""The table of what only some of the Llama family have: norms of heads, norms of what is put out, rotations
by layer, a scaled embedding. On top of the family's own table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isqrt

from zkllm.llama.config import NormConfig

from ..bending import Bend, Bends, add, to
from ..scene import Scene, gemma
from .base import Cheat, claim, equation, lookup, products
from .llama import another, config, divided, rounded, row
from .outside import carries

# ---- norms with gains


@dataclass(frozen=True)
class Kind:
    """A norm with gains, and a row of it; of the row, the last index is in its first one."""

    name: str
    tag: str
    source: str  # D
    output: str
    at: tuple[int, ...]  # of rho
    size: Callable[[Scene], int]  # features
    eps: Callable[[Scene], int]  # of this row
    others: Callable[[Scene], list[int]]  # eps of rows of another scale
    rows: tuple[tuple[int, ...], ...]  # where a feature may tell a fault

    def norm(self, s: Scene) -> NormConfig:
        c = config(s)
        found = c.head_norm if self.tag == "head_" else c.post_norm
        assert found is not None
        return found

    def place(self, s: Scene, at: tuple[int, ...], j: int) -> tuple[int, ...]:
        """Of a feature in the arrays of D and of what is made."""
        if self.tag == "head_":
            return (*at[:3], at[3] * config(s).head_dim + j)
        return (*at, j)

    def read(self, s: Scene, at: tuple[int, ...]) -> list[int]:
        return [s.value(self.source, *self.place(s, at, j)) for j in range(self.size(s))]

    def gain(self, s: Scene, at: tuple[int, ...], j: int) -> int:
        gains = s.array(f"{self.tag}gain")
        if self.tag == "head_":
            return int(gains[at[0], int(at[2] == config(s).group), j])
        return int(gains[at[0], j])

    def made(self, s: Scene, at: tuple[int, ...], j: int, z: int) -> Bends:
        """The output of a feature and its remainder as if the product were z."""
        value, rem = rounded(z, self.norm(s).shift)
        place = self.place(s, at, j)
        return {(self.output, *place): to(value), (f"{self.output}_rem", *place): to(rem)}

    def from_rho(self, s: Scene, rho: int, q: int, target: int) -> Bends:
        """rho, u and v that go with this sum of squares and this numerator."""
        u = target - rho * rho * q
        values = {"rho": rho, "u": u, "v": (2 * rho + 1) * q - u - 1}
        return {(self.tag + name, *self.at): to(value) for name, value in values.items()}

    def target(self, s: Scene) -> int:
        return self.size(s) << 2 * self.norm(s).kappa


HEADS = Kind(
    "head norm", "head_", "qkv", "normed", (1, 2, 0, 1),
    size=lambda s: config(s).head_dim,
    eps=lambda s: _head(s)[0][1],
    others=lambda s: [_head(s)[0][0], _head(s)[1][1]],
    rows=tuple(product((0, 1), range(5), range(3), range(2))),
)  # fmt: skip
"""Of the first query that belongs to the second head of keys, in the last layer."""
OUTPUTS = Kind(
    "post-norm", "post_", "out", "write", (2, 4),
    size=lambda s: config(s).d_model,
    eps=lambda s: _post(s)[2],
    others=lambda s: [_post(s)[3], _post(s)[0]],
    rows=tuple(product(range(4), (3, 4))),
)  # fmt: skip
"""Of attention in the last layer, in a row that no answer depends on."""


def _head(s: Scene) -> tuple[tuple[int, ...], tuple[int, ...]]:
    norm = config(s).head_norm
    assert norm is not None
    return norm.query_eps, norm.key_eps


def _post(s: Scene) -> tuple[int, ...]:
    norm = config(s).post_norm
    assert norm is not None
    return norm.eps


def _low(kind: Kind) -> Callable[[Scene], Bends]:
    """rho + 1 with U = 0 and the V that the second equation then asks for."""

    def bends(s: Scene) -> Bends:
        q, rho = s.value(f"{kind.tag}Q", *kind.at), s.value(f"{kind.tag}rho", *kind.at) + 1
        values = {"rho": rho, "u": 0, "v": (2 * rho + 1) * q - 1}
        return {(kind.tag + name, *kind.at): to(value) for name, value in values.items()}

    return bends


def _differs(kind: Kind, wrong: Callable[[Scene, tuple[int, ...], int], int]) -> Callable[[Scene], Bends]:
    """The first feature whose output is another one, and in range, where gain D rho is what `wrong` says."""

    def bends(s: Scene) -> Bends:
        half = 1 << (config(s).act_bits if kind.tag == "head_" else config(s).write_bits) - 1
        for at in kind.rows:
            for j in range(kind.size(s)):
                value, _ = rounded(wrong(s, at, j), kind.norm(s).shift)
                if value != s.value(kind.output, *kind.place(s, at, j)) and abs(value) < half:
                    return kind.made(s, at, j, wrong(s, at, j))
        raise AssertionError("no feature tells them apart")

    return bends


def _product(
    kind: Kind, s: Scene, at: tuple[int, ...], j: int, gain: int, rho_at: tuple[int, ...] | None = None
) -> int:
    return gain * s.value(kind.source, *kind.place(s, at, j)) * s.value(f"{kind.tag}rho", *(rho_at or at))


def _of_other(kind: Kind, at: tuple[int, ...]) -> tuple[int, ...]:
    """The same place in the other layer."""
    return (1 - at[0], *at[1:]) if kind.tag == "head_" else ((at[0] + 2) % 4, *at[1:])


def _centred(kind: Kind, s: Scene, at: tuple[int, ...], j: int) -> int:
    d = kind.read(s, at)
    return kind.gain(s, at, j) * (d[j] - sum(d) // len(d)) * s.value(f"{kind.tag}rho", *at)


def _kept(s: Scene, *names: tuple) -> Bends:
    return {name: to(s.value(*name)) for name in names}


def _more(kind: Kind, at: tuple[int, ...] | None = None) -> Callable[[Scene], Bends]:
    """A feature + 1, its remainder as it was."""

    def bends(s: Scene) -> Bends:
        place = kind.place(s, at or kind.at, 1)
        return {(kind.output, *place): add(1), **_kept(s, (f"{kind.output}_rem", *place))}

    return bends


def _padded(kind: Kind) -> Callable[[Scene], Bends]:
    """The axes' padded sizes in the place of d."""

    def bends(s: Scene) -> Bends:
        q, target = s.value(f"{kind.tag}Q", *kind.at), 8 << 2 * kind.norm(s).kappa
        return kind.from_rho(s, isqrt(target // q), q, target)

    return bends


def _other_eps(kind: Kind, i: int) -> Callable[[Scene], Bends]:
    q = lambda s: s.value(f"{kind.tag}Q", *kind.at)
    return lambda s: {(f"{kind.tag}Q", *kind.at): to(q(s) - kind.eps(s) + kind.others(s)[i])}


ONE = 8
"""In units of the small models' gains."""


def _of_kind(kind: Kind, others: Sequence[str]) -> list[Cheat]:
    name, tag, out = kind.name, kind.tag, kind.output
    low, high = equation(f"{name}: rho low"), equation(f"{name}: rho high")
    features, squares = equation(f"{name}: features"), products(f"{name}: squares")
    rho, u, v, q = ((tag + x, *kind.at) for x in ("rho", "u", "v", "Q"))
    of = lambda gain: _differs(kind, lambda s, at, j: _product(kind, s, at, j, gain(s, at, j)))
    other_row = lambda s, at: (at[0], (at[1] + 1) % s.case.rows, *at[2:])
    doubled = lambda s: {q: add(s.value(*q))}
    padding = kind.rows[-1]
    return [
        Cheat(f"{name}: rho + 1, U and V recomputed", (lookup(f"{tag}u^"),), lambda s: {rho: add(1)}),
        Cheat(f"{name}: rho - 1, U and V recomputed", (lookup(f"{tag}v^"),), lambda s: {rho: add(-1)}),
        Cheat(f"{name}: rho + 1, U and V kept", (low, high), lambda s: {rho: add(1), **_kept(s, u, v)}),
        Cheat(f"{name}: rho + 1, U = 0 and V to match", (low,), _low(kind)),
        Cheat(f"{name}: rho - 1, V kept", (high,), lambda s: {rho: add(-1), **_kept(s, v)}),
        Cheat(f"{name}: rho negated", (lookup(f"{tag}rho^"), lookup(f"{tag}v^")),
              lambda s: {rho: lambda x: -x}),
        Cheat(f"{name}: d of the padded axes", (low,), _padded(kind)),
        Cheat(f"{name}: + 1, remainder compensates", (lookup(f"{out}_rem^"),),
              lambda s: {(out, *kind.place(s, kind.at, 1)): add(1)}),
        Cheat(f"{name}: - 1, remainder compensates", (lookup(f"{out}_rem^"),),
              lambda s: {(out, *kind.place(s, kind.at, 1)): add(-1)}),
        Cheat(f"{name}: + 1, remainder kept", (features,), _more(kind)),
        Cheat(f"{name}: a padding row's + 1, remainder kept", (features,), _more(kind, padding)),
        Cheat(f"{name}: another sum of squares, proved as such", (squares,), doubled, virtual=True),
        Cheat(f"{name}: another sum of squares, not proved", (low, high), doubled),
        *(
            Cheat(f"{name}: eps of {which}, proved as such", (squares,), _other_eps(kind, i), virtual=True)
            for i, which in enumerate(others)
        ),
        Cheat(f"{name}: gain of another layer", (features,),
              of(lambda s, at, j: kind.gain(s, _of_other(kind, at), j))),
        Cheat(f"{name}: gain of another feature", (features,),
              of(lambda s, at, j: kind.gain(s, at, (j + 1) % kind.size(s)))),
        Cheat(f"{name}: gain less one", (features,), of(lambda s, at, j: kind.gain(s, at, j) - ONE)),
        Cheat(f"{name}: no gain", (features,), of(lambda s, at, j: ONE)),
        Cheat(f"{name}: rho of another row", (features,),
              _differs(kind, lambda s, at, j: _product(
                  kind, s, at, j, kind.gain(s, at, j), other_row(s, at)))),
        Cheat(f"{name}: mean taken off", (features,),
              _differs(kind, lambda s, at, j: _centred(kind, s, at, j))),
    ]  # fmt: skip


# ---- of heads


def _all_heads(s: Scene) -> tuple[int, int]:
    """Sum of squares of both heads of a part together, and the numerator that goes with it."""
    l, t, x, _ = HEADS.at
    return sum(v * v for v in row(s, "qkv", l, t, x)) + HEADS.eps(s), 2 * HEADS.target(s)


def _at_once(s: Scene) -> Bends:
    q, target = _all_heads(s)
    return HEADS.from_rho(s, isqrt(target // q), q, target)


def _turned(s: Scene, at: tuple[int, ...], values: Sequence[int], i: int, l: int | None = None) -> int:
    """The sum that a feature's turning rounds: of a part's features, by the table of layer l."""
    c = config(s)
    second, j = divmod(i % c.head_dim, c.half)
    cos, sin = (int(s.array(name)[c.angles[at[0] if l is None else l], at[1], j]) for name in ("cos", "sin"))
    return cos * values[i] + (sin if second else -sin) * values[i + (-c.half if second else c.half)]


def _norm_last(s: Scene) -> Bends:
    """What is read is turned first, and then normed."""
    c, at, bends = config(s), HEADS.at, dict[tuple, Bend]()
    l, t, x, b = at
    raw, norm = row(s, "qkv", l, t, x), HEADS.norm(s)
    for j in range(c.head_dim):
        i = b * c.head_dim + j
        place = (l, t, x, i)
        plain = rounded(_turned(s, at, raw, i), c.rotary_shift)[0]
        value, _ = rounded(HEADS.gain(s, at, j) * plain * s.value("head_rho", *at), norm.shift)
        bends |= {("normed", *place): to(raw[i]), **_kept(s, ("normed_rem", *place))}
        bends |= {("rot", *place): to(value), **_kept(s, ("rot_rem", *place))}
    return bends


def _no_norm(s: Scene) -> Bends:
    """Features as they were, within the range of the remainder, in a row that sees itself alone: no answer
    depends on its queries."""
    bends, (l, _, *head) = dict[tuple, Bend](), HEADS.at
    for j in range(config(s).head_dim):
        place = HEADS.place(s, (l, 0, *head), j)
        bends |= {("normed", *place): to(s.value("qkv", *place)), **_kept(s, ("normed_rem", *place))}
    return bends


def _queries_gain(s: Scene, at: tuple[int, ...], j: int) -> int:
    """The queries' for the key, and the other way round."""
    other = 0 if at[2] == config(s).group else config(s).group
    return HEADS.gain(s, (*at[:2], other, *at[3:]), j)


def _normed_beyond(s: Scene) -> Bends:
    return {("normed", 1, 0, 0, 0): add(1 << config(s).act_bits)}


OF_HEADS = [
    *_of_kind(HEADS, ("another layer", "the key")),
    Cheat("head norm: the queries' gain for the key", (equation("head norm: features"),),
          _differs(HEADS, lambda s, at, j: _product(HEADS, s, at, j, _queries_gain(s, at, j)))),
    Cheat("head norm: over all heads at once",
          (equation("head norm: rho low"), equation("head norm: rho high")), _at_once),
    Cheat("head norm: squares of all heads, proved as such", (products("head norm: squares"),),
          lambda s: {("head_Q", *HEADS.at): to(_all_heads(s)[0])}, virtual=True),
    Cheat("head norm: after the rotation", (equation("head norm: features"), equation("rotary: turn")),
          _norm_last),
    Cheat("head norm: left out", (equation("head norm: features"),), _no_norm),
    Cheat("head norm: beyond its range, remainder compensates",
          (lookup("normed^"), lookup("normed_rem^"), lookup("rot^")), _normed_beyond),
]  # fmt: skip


# ---- of what is put out


def _raw(s: Scene) -> Bends:
    """What is put out is added to the stream as it is."""
    bends = dict[tuple, Bend]()
    for j in range(config(s).d_model):
        place = (*OUTPUTS.at, j)
        bends |= {("write", *place): to(s.value("out", *place)), **_kept(s, ("write_rem", *place))}
    return bends


def _slots_shift(m: int, by: str) -> Callable[[Scene], Bends]:
    """Slot 0 takes 2^K more (in the output or in the remainder), slot 1 one less: the packed sum stays."""

    def bends(s: Scene) -> Bends:
        c, t, rem = config(s), s.case.rows - 1, "down_rem" if m % 2 else "o_rem"
        shift, step = c.down_shift if m % 2 else c.o_shift, c.d_model // c.width_slots
        j = next(j for j in range(step) if s.value(rem, m // 2, t, j + step) > 0)
        less = {(rem, m // 2, t, j + step): add(-1)}
        if by == "R":
            return {(rem, m // 2, t, j): add(1 << c.width_slot_bits), **less}
        kept = _kept(s, (rem, m // 2, t, j))
        return {("out", m, t, j): add(1 << c.width_slot_bits - shift), **kept, **less}

    return bends


def _put_out(kind: str, m: int) -> list[Cheat]:
    rem, at, rem_at = f"{kind}_rem", (m, 4, 0), (m // 2, 4, 0)
    other = lambda s: {
        (rem, *rem_at): lambda x: x + 1 if x + 1 < 1 << getattr(config(s), f"{kind}_shift") else x - 1
    }
    return [
        Cheat(f"{kind}: out + 1, remainder compensates", (lookup(f"{rem}^"),),
              lambda s: {("out", *at): add(1)}),
        Cheat(f"{kind}: out - 1, remainder compensates", (lookup(f"{rem}^"),),
              lambda s: {("out", *at): add(-1)}),
        Cheat(f"{kind}: out + 1, remainder kept", (products(f"linear {kind}"),),
              lambda s: {("out", *at): add(1), **_kept(s, (rem, *rem_at))}),
        Cheat(f"{kind}: out's remainder + 1", (products(f"linear {kind}"),), other),
        Cheat(f"{kind}: packed slots of out shift together, by the remainder", (lookup(f"{rem}^"),),
              _slots_shift(m, "R")),
        Cheat(f"{kind}: packed slots of out shift together, by out",
              (lookup("out^"), lookup("post_u^"), lookup("post_v^")),
              _slots_shift(m, "Y")),
    ]  # fmt: skip


OF_OUTPUTS = [
    *_of_kind(OUTPUTS, ("the other norm of its layer", "another layer")),
    Cheat("post-norm: gain of the other norm of its layer", (equation("post-norm: features"),),
          _differs(OUTPUTS, lambda s, at, j: _product(
              OUTPUTS, s, at, j, OUTPUTS.gain(s, (at[0] ^ 1, *at[1:]), j)))),
    Cheat("post-norm: left out", (equation("post-norm: features"),), _raw),
    *_put_out("o", 2),
    *_put_out("down", 3),
]  # fmt: skip


# ---- rotations and embedding


def _other_table(s: Scene) -> Bends:
    """A part's features turned by the other layer's table."""
    c, (l, t, x) = config(s), (1, 3, 1)
    normed, bends = row(s, "normed", l, t, x), dict[tuple, Bend]()
    for i in range(len(normed)):
        rot, rem = rounded(_turned(s, (l, t), normed, i, 1 - l), c.rotary_shift)
        bends |= {("rot", l, t, x, i): to(rot), ("rot_rem", l, t, x, i): to(rem)}
    return bends


def _scaled(factor: int) -> Callable[[Scene], Bends]:
    """X_0 of a padding row as if the embedding were scaled by another number."""

    def bends(s: Scene) -> Bends:
        c, bends = config(s), dict[tuple, Bend]()
        t = s.case.rows - 1
        own = s.case.ids[t] // c.vocab_block
        for j in range(c.d_model):
            value, rem = rounded(factor * s.value("slot", t, own, j), c.x0_shift)
            bends |= {("x0", t, j): to(value), ("x0_rem", t, j): to(rem)}
        return bends

    return bends


def _wrong_slot(s: Scene) -> Bends:
    c, bends = config(s), dict[tuple, Bend]()
    t = s.case.rows - 1
    own = s.case.ids[t] // c.vocab_block
    for j in range(c.d_model):
        z = c.wte_factor * s.value("slot", t, (own + 1) % c.vocab_slots, j)
        value, rem = rounded(z, c.x0_shift)
        bends |= {("x0", t, j): to(value), ("x0_rem", t, j): to(rem)}
    return bends


REST = [
    Cheat("rotation by the other layer's table", (equation("rotary: turn"),), _other_table),
    Cheat("X0: + 1, remainder compensates", (lookup("x0_rem"),), lambda s: {("x0", 4, 0): add(1)}),
    Cheat("X0: - 1, remainder compensates", (lookup("x0_rem"),), lambda s: {("x0", 4, 0): add(-1)}),
    Cheat("X0: + 1, remainder kept", (claim("embedding: X0"),),
          lambda s: {("x0", 4, 0): add(1), **_kept(s, ("x0_rem", 4, 0))}),
    Cheat("X0: a field element that an offset of the remainder allows", (lookup("x0^"), lookup("v^")),
          lambda s: divided(s, "x0", (s.case.rows - 1, 0), config(s).x0_shift)),
    Cheat("X0: embedding that is not scaled", (claim("embedding: X0"),), _scaled(1)),
    Cheat("X0: embedding scaled by another number", (claim("embedding: X0"),), _scaled(7)),
    Cheat("X0: from the wrong slot", (claim("embedding: X0"),), _wrong_slot),
]  # fmt: skip


# ---- other models under these commitments

MODELS = [
    Cheat(f"another model: {name}{list(at)} + 1", (fires,), model=another(name, *at))
    for name, at, fires in (
        ("head_gain", (1, 0, 1), equation("head norm: features")),
        ("head_gain", (1, 1, 2), equation("head norm: features")),
        ("post_gain", (3, 4), equation("post-norm: features")),
        ("cos", (0, 2, 1), equation("rotary: turn")),
        ("sin", (1, 2, 1), equation("rotary: turn")),
        ("w_o", (1, 1, 2), products("linear o")),
        ("w_down", (1, 2, 3), products("linear down")),
    )
]

OWN = ("x0", "normed", "normed_rem", "out", "write_rem",
       *(tag + name for tag in ("head_", "post_") for name in ("rho", "u", "v")))  # fmt: skip
"""Values that others do not have."""
LIMBS = carries(gemma, OWN)

GEMMA_CHEATS = [replace(cheat, scene=gemma) for cheat in (*OF_HEADS, *OF_OUTPUTS, *REST, *LIMBS, *MODELS)]
