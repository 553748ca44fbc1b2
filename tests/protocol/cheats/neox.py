"""The table of LayerNorms, MLPs without a gate and parallel layers in the Llama family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..bending import Bends, add, to
from ..scene import Scene, neox
from .base import Cheat, equation, lookup, products
from .layers import LAYERNORM
from .llama import another, config, linear_cheats, other_gain, rounded, row, slots_shift
from .outside import carries

READS = (equation("layernorm: rho low"), equation("layernorm: rho high"), equation("layernorm: features"))

# ---- which stream a norm reads


def _with_write(n: int, m: int, sign: int, t: int = 1) -> Callable[[Scene], Bends]:
    """Norm n reads write m, too, or it does not."""
    return lambda s: {("x", n, t, j): add(sign * s.value("write", m, t, j)) for j in range(config(s).d_model)}


STREAMS = [
    Cheat("the MLP reads what attention of its layer wrote", READS, _with_write(1, 0, 1)),
    Cheat("the MLP of the last layer reads what attention of its layer wrote", READS, _with_write(3, 2, 1)),
    Cheat("attention reads what attention of its layer wrote", READS, _with_write(2, 2, 1)),
    Cheat("attention does not read the MLP of the layer before", READS, _with_write(2, 1, -1)),
    Cheat("the MLP does not read attention of the layer before", READS, _with_write(3, 0, -1)),
    Cheat("the last norm does not read the last MLP", READS, _with_write(4, 3, -1)),
    Cheat("the last norm of a padding row does not read the last attention", READS,
          _with_write(4, 2, -1, t=4)),
    Cheat("attention's norm for the MLP", (equation("layernorm: features"),),
          lambda s: {("y", 3, 1, j): to(y + 1) for j, y in enumerate(row(s, "y", 2, 1))}
          | {("y_rem", 3, 1, j): to(r) for j, r in enumerate(row(s, "y_rem", 3, 1))}),
]  # fmt: skip


# ---- LayerNorms


def _uncentred(s: Scene) -> Bends:
    """y of the stream as it is, at the scale of D."""
    c, x, bends = config(s), row(s, "x", 1, 1), {}
    for j, value in enumerate(x):
        y, rem = rounded(c.d_model * value * s.value("rho", 1, 1), c.norm_shift)
        bends |= {("y", 1, 1, j): to(y), ("y_rem", 1, 1, j): to(rem)}
    return bends


def _uncentred_squares(s: Scene) -> Bends:
    c, x = config(s), row(s, "x", 1, 1)
    return {("Q", 1, 1): to(sum((c.d_model * value) ** 2 for value in x) + c.eps_int)}


CHANGED = "one LayerNorm reads a stream with an entry changed"
NORMS = [
    *(cheat for cheat in LAYERNORM if cheat.name != CHANGED),
    Cheat(CHANGED, READS, lambda s: {("x", 2, 4, 0): add(100)}),  # where no answer hangs on it
    Cheat("y of a stream whose mean is left", (equation("layernorm: features"),), _uncentred),
    Cheat("squares of a stream whose mean is left, proved as such", (products("layernorm: squares"),),
          _uncentred_squares, virtual=True),
    Cheat("eps of an RMSNorm, proved as such", (products("layernorm: squares"),),
          lambda s: {("Q", 1, 1): add(1 - config(s).eps_int)}, virtual=True),
    Cheat("yf + 1, remainder kept", (equation("final norm"),),
          lambda s: {("yf", 0, 1): add(1), ("yf_rem", 0, 1): to(s.value("yf_rem", 0, 1))}),
]  # fmt: skip


# ---- the MLP without a gate


INNER = (1, 2, 3)


def _entry(s: Scene, f: int, l: int) -> int:
    c = config(s)
    return int(s.array("act")[c.act_class[l], f + (1 << c.gate_bits - 1)])


def _other_class(s: Scene) -> Bends:
    for j in range(config(s).d_inner):
        f = s.value("f", *INNER[:2], j)
        if (other := _entry(s, f, 0)) != _entry(s, f, 1):
            return {("a", *INNER[:2], j): to(other)}
    raise AssertionError("no activation tells the classes apart")


def _down_of(read: str, l: int = 1, t: int = 4, of: int | None = None) -> Callable[[Scene], Bends]:
    """The MLP's write in a padding row as if down read another tensor, or another layer's."""

    def bends(s: Scene) -> Bends:
        c, weights, bends = config(s), s.array("w_down")[l], {}
        values = row(s, read, l if of is None else of, t)
        for j in range(c.d_model):
            z = sum(a * int(w) for a, w in zip(values, weights[:, j], strict=True)) << c.gains("down")[l]
            y, rem = rounded(z + int(s.array("b_down")[l, j]), c.down_shift)
            bends |= {("write", 2 * l + 1, t, j): to(y), ("down_rem", l, t, j): to(rem)}
        return bends

    return bends


MLP = [
    Cheat("activation + 1", (lookup("f"),), lambda s: {("a", *INNER): add(1)}),
    Cheat("activation of another input", (lookup("f"),),
          lambda s: {("a", *INNER): to(int(s.array("act")[-1, -1]))}),
    Cheat("activation of another class of layers", (lookup("f"),), _other_class),
    Cheat("down reads what is not activated", (products("linear down"),), _down_of("f")),
    Cheat("down reads another layer's activations", (products("linear down"),), _down_of("a", of=0)),
]  # fmt: skip

LINEAR = [
    *(cheat for kind in ("qkv", "o", "gate", "down") for cheat in linear_cheats(kind)),
    *(
        Cheat(f"{kind}: gain of another layer", (products(f"linear {kind}"),), other_gain(kind))
        for kind in ("gate", "down")
    ),
    *(
        Cheat(f"packed slots of {kind} shift together, by the remainder", (lookup(f"{kind}_rem^"),),
              slots_shift(kind, at, "R"))
        for kind, at in (("o", (2, 4)), ("gate", (1, 4)), ("down", (3, 4)))
    ),
]  # fmt: skip

MODELS = [
    Cheat(f"another model: {name}{list(at)} + 1", (fires,), model=another(name, *at))
    for name, at, fires in (
        ("beta", (2,), equation("final norm")),
        ("gain", (1,), equation("final norm")),
        ("b_qkv", (1, 1, 2), products("linear qkv")),
        ("b_o", (0, 3), products("linear o")),
        ("b_gate", (1, 4), products("linear gate")),
        ("b_down", (1, 2), products("linear down")),
        ("w_gate", (1, 2, 3), products("linear gate")),
        ("w_down", (1, 2, 3), products("linear down")),
    )
]

NEOX_CHEATS = [
    replace(cheat, scene=neox, fires=tuple(name.replace("<yf>", "<yf^>") for name in cheat.fires))
    for cheat in (*STREAMS, *NORMS, *carries(neox, ("y_rem",)), *MLP, *LINEAR, *MODELS)
]
