"""Embedding, LayerNorms, residual stream and linear layers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ..bending import Bends, add, to
from ..scene import Scene
from .base import Cheat, add_to, claim, equation, lookup, products

# ---- embedding


def _other_token(s: Scene) -> list[int]:
    """Another row of the embedding, in the same vocabulary slot."""
    block, ids = s.case.model.config.vocab_block, list(s.case.ids)
    ids[0] = ids[0] // block * block + (ids[0] + 1) % block
    return ids


def _wrong_slot(s: Scene) -> Bends:
    c = s.case.model.config
    own = s.case.ids[0] // c.vocab_block
    other = (own + 1) % c.vocab_slots
    return {
        ("x0", 0, j): add((s.value("slot", 0, other, j) - s.value("slot", 0, own, j)) << c.wte_shift)
        for j in range(c.width)
    }


def _embedding_slots_shift(s: Scene) -> Bends:
    """Row 1 reads a token of slot >= 1: the slot below takes 2^K more, its own one less."""
    c = s.case.model.config
    own = s.case.ids[1] // c.vocab_block
    return {("slot", 1, own - 1, 0): add(1 << c.vocab_slot_bits), ("slot", 1, own, 0): add(-1)}


EMBEDDING = [
    Cheat("X0 + 1", (claim("embedding: X0"),), lambda s: {("x0", 2, 0): add(1)}),
    Cheat(
        "X0 of a padding row + 1", (claim("embedding: X0"),), lambda s: {("x0", s.case.rows - 1, 0): add(1)}
    ),
    Cheat(
        "position t + 1 instead of t",
        (claim("embedding: X0"),),
        lambda s: {
            ("x0", 1, j): add(
                int(s.case.model.wpe[2, j] - s.case.model.wpe[1, j]) << s.case.model.config.wpe_shift
            )
            for j in range(s.case.model.config.width)
        },
    ),
    Cheat("embedding of another token", (claim("embedding: rows"),), traced=_other_token),
    Cheat("embedding from the wrong slot", (claim("embedding: X0"),), _wrong_slot),
    Cheat(
        "an unpacked row changed in a slot that is not read",
        (claim("embedding: rows"),),
        post=lambda s, v: add_to(
            v, "slot", (0, (s.case.ids[0] // s.case.model.config.vocab_block + 1) % 3, 0), 1
        ),
    ),
    Cheat("embedding slots shift together", (lookup("slot"),), _embedding_slots_shift),
]


# ---- LayerNorm and residual stream


def _rho_low(s: Scene) -> Bends:
    """rho + 1 with U = 0 and the V that the second equation then asks for."""
    q, rho = s.value("Q", 1, 1), s.value("rho", 1, 1) + 1
    return {("rho", 1, 1): to(rho), ("u", 1, 1): to(0), ("v", 1, 1): to((2 * rho + 1) * q - 1)}


NORM = (1, 1)
LAYERNORM = [
    Cheat("rho + 1, U and V recomputed", (lookup("u^"),), lambda s: {("rho", *NORM): add(1)}),
    Cheat("rho - 1, U and V recomputed", (lookup("v^"),), lambda s: {("rho", *NORM): add(-1)}),
    Cheat(
        "rho + 1, U and V kept",
        (equation("layernorm: rho low"), equation("layernorm: rho high")),
        lambda s: {
            ("rho", *NORM): add(1),
            ("u", *NORM): to(s.value("u", *NORM)),
            ("v", *NORM): to(s.value("v", *NORM)),
        },
    ),
    Cheat("rho + 1, U = 0 and V to match", (equation("layernorm: rho low"),), _rho_low),
    Cheat(
        "rho - 1, V kept",
        (equation("layernorm: rho high"),),
        lambda s: {("rho", *NORM): add(-1), ("v", *NORM): to(s.value("v", *NORM))},
    ),
    Cheat("rho negated", (lookup("rho^"), lookup("v^")), lambda s: {("rho", *NORM): lambda x: -x}),
    Cheat("y + 1, remainder compensates", (lookup("y_rem^"),), lambda s: {("y", 2, 2, 1): add(1)}),
    Cheat(
        "y + 1, remainder in range",
        (equation("layernorm: features"),),
        lambda s: {("y", 2, 2, 1): add(1), ("y_rem", 2, 2, 1): to(s.value("y_rem", 2, 2, 1))},
    ),
    Cheat(
        "y + 1 in the last LayerNorm of a padding row",
        (equation("layernorm: features"),),
        lambda s: {
            ("y", 2 * s.case.model.config.n_layer, s.case.rows - 1, 0): add(1),
            ("y_rem", 2 * s.case.model.config.n_layer, s.case.rows - 1, 0): to(
                s.value("y_rem", 2 * s.case.model.config.n_layer, s.case.rows - 1, 0)
            ),
        },
    ),
    Cheat(
        "another sum of squares, proved as such",
        (products("layernorm: squares"),),
        lambda s: {("Q", *NORM): add(s.value("Q", *NORM))},
        virtual=True,
    ),
    Cheat(
        "another sum of squares, not proved",
        (equation("layernorm: rho low"), equation("layernorm: rho high")),
        lambda s: {("Q", *NORM): add(s.value("Q", *NORM))},
    ),
    Cheat(
        "one LayerNorm reads a stream with an entry changed",
        (equation("layernorm: rho low"), equation("layernorm: rho high"), equation("layernorm: features")),
        lambda s: {("x", 2, 1, 0): add(100)},
    ),
    Cheat(
        "one LayerNorm reads a stream without a write",
        (equation("layernorm: rho low"), equation("layernorm: rho high"), equation("layernorm: features")),
        lambda s: {("x", 1, 1, j): add(-s.value("write", 0, 1, j)) for j in range(s.case.model.config.width)},
    ),
]


# ---- linear layers


def _linear(
    kind: str, y: str, rem: str, shift: str, y_at: tuple[int, ...], rem_at: tuple[int, ...]
) -> list[Cheat]:
    return [
        Cheat(f"{kind}: Y + 1, remainder compensates", (lookup(f"{rem}^"),), lambda s: {(y, *y_at): add(1)}),
        Cheat(
            f"{kind}: Y + 1, remainder kept",
            (products(f"linear {kind}"),),
            lambda s: {(y, *y_at): add(1), (rem, *rem_at): to(s.value(rem, *rem_at))},
        ),
        Cheat(
            f"{kind}: remainder - 2^s, Y - 1 hides it", (lookup(f"{rem}^"),), lambda s: {(y, *y_at): add(-1)}
        ),
        Cheat(
            f"{kind}: remainder + 1",
            (products(f"linear {kind}"),),
            lambda s: {
                (rem, *rem_at): lambda x: x + 1 if x + 1 < 1 << getattr(s.case.model.config, shift) else x - 1
            },
        ),
    ]


def _slots_shift(
    y: str, rem: str, y_at: tuple[int, ...], rem_at: tuple[int, ...], by: str
) -> Callable[[Scene], Bends]:
    """Slot 0 takes 2^K more (in Y or in the remainder), slot 1 one less: the packed sum stays."""

    def bends(s: Scene) -> Bends:
        c = s.case.model.config
        kind = "inner" if y == "f" else "slot"
        bits, half = (
            (c.inner_slot_bits, c.inner_per_slot) if kind == "inner" else (c.slot_bits, c.width // c.slots)
        )
        shift = {"qkv": c.qkv_shift, "write": c.o_shift, "f": c.fc1_shift}[y]
        j = next(j for j in range(half) if s.value(rem, *rem_at, j + half) > 0)
        low = {(y, *y_at, j): add(1 << bits - shift)} if by == "Y" else {(rem, *rem_at, j): add(1 << bits)}
        kept = {(rem, *rem_at, j): to(s.value(rem, *rem_at, j))} if by == "Y" else {}
        return {**low, **kept, (rem, *rem_at, j + half): add(-1)}

    return bends


def _other_class(s: Scene) -> Bends:
    """Where the tables of two classes differ, the other one's value."""
    m, half = s.case.model, 1 << s.case.model.config.gelu_bits - 1
    for l, t, j in product(range(m.config.n_layer), range(s.case.rows), range(m.config.d_inner)):
        own = m.config.mlp_class[l]
        entry = s.value("f", l, t, j) + half
        if m.gelu[own, entry] != m.gelu[1 - own, entry]:
            return {("g", l, t, j): to(int(m.gelu[1 - own, entry]))}
    raise AssertionError("no input tells the tables apart")


def _other_gain(kind: str) -> Callable[[Scene], Bends]:
    """Value and remainder of the sum that the other class's gain would give, in the last layer."""

    def bends(s: Scene) -> Bends:
        m, c = s.case.model, s.case.model.config
        l, by_class = c.n_layer - 1, getattr(c, f"{kind}_gains")
        own, other = by_class[c.mlp_class[l]], by_class[1 - c.mlp_class[l]]
        name, rem, shift = {
            "fc1": ("f", "f_rem", c.fc1_shift), "fc2": ("write", "fc2_rem", c.fc2_shift)
        }[kind]  # fmt: skip
        place = l if kind == "fc1" else 2 * l + 1
        bias, bits = getattr(m, f"b_{kind}")[l], c.gelu_bits if kind == "fc1" else c.write_bits
        for t, j in product(range(s.case.rows), range(len(bias))):
            y, r = s.value(name, place, t, j), s.value(rem, l, t, j)
            z = (y << shift) + r - (1 << shift - 1) - int(bias[j])
            wrong = (z >> own << other) + int(bias[j]) + (1 << shift - 1)
            if wrong >> shift != y and abs(wrong >> shift) < 1 << bits - 1:
                value, rest = wrong >> shift, wrong & (1 << shift) - 1
                return {(name, place, t, j): to(value), (rem, l, t, j): to(rest)}
        raise AssertionError("no output tells the gains apart")

    return bends


LAYERNORM += [
    Cheat(
        "y beyond its range, remainder compensates",
        (lookup("y"), lookup("y_rem^")),
        lambda s: {("y", 2 * s.case.model.config.n_layer, 0, 1): add(1 << s.case.model.config.act_bits)},
    ),
]

LINEAR = [
    *_linear("qkv", "qkv", "qkv_rem", "qkv_shift", (1, 2, 1, 1), (1, 2, 1, 1)),
    *_linear("o", "write", "o_rem", "o_shift", (2, 1, 0), (1, 1, 0)),
    *_linear("fc1", "f", "f_rem", "fc1_shift", (1, 2, 3), (1, 2, 3)),
    *_linear("fc2", "write", "fc2_rem", "fc2_shift", (3, 1, 0), (1, 1, 0)),
    Cheat(
        "packed slots of QKV shift together, by the remainder",
        (lookup("qkv_rem^"),),
        _slots_shift("qkv", "qkv_rem", (1, 2, 1), (1, 2, 1), "R"),
    ),
    Cheat(
        "packed slots of QKV shift together, by Y",
        (lookup("qkv"),),
        _slots_shift("qkv", "qkv_rem", (1, 0, 0), (1, 0, 0), "Y"),
    ),  # a query of row 0 sees one key
    Cheat(
        "packed slots of the attention output shift together, by Y",
        (lookup("write^"), lookup("v^")),
        _slots_shift("write", "o_rem", (2, 4), (1, 4), "Y"),
    ),
    Cheat(
        "packed slots of the inner width shift together, by Y",
        (lookup("f"),),
        _slots_shift("f", "f_rem", (1, 4), (1, 4), "Y"),
    ),
    Cheat("GELU output + 1", (lookup("f"),), lambda s: {("g", 1, 2, 1): add(1)}),
    Cheat(
        "GELU of another input", (lookup("f"),), lambda s: {("g", 1, 2, 1): to(int(s.case.model.gelu[1, -1]))}
    ),
    Cheat("GELU of another class of layers", (lookup("f"),), _other_class),
    *(
        Cheat(f"{kind}: gain of another class of layers", (products(f"linear {kind}"),), _other_gain(kind))
        for kind in ("fc1", "fc2")
    ),
    Cheat(
        "a residual write changed",
        (products("linear o"),),
        lambda s: {("write", 0, 0, 0): add(1), ("o_rem", 0, 0, 0): to(s.value("o_rem", 0, 0, 0))},
    ),
]
