"""The tamper suite's table: what is changed, by which cheating prover, and which check must fire.

Every prover here is honest but for one change, made where the value is computed ("bends") or on the finished
values ("post"), their limbs ("limbs"), multiplicities ("late"), messages ("lies") or the statement ("ids").
Names are those of `zkllm.protocol.diagnosis`; `^` stands for a value's top limb.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zkllm.model.models import Model

from ..bending import Bends
from ..harness import Values
from ..lying import HONEST, Lies
from ..scene import Scene, packed


def lookup(value: str) -> str:
    return f"logup: numerator = 0 <{value}>"


def equation(name: str) -> str:
    return f"zero-check <{name}>"


def products(name: str) -> str:
    return f"product sums <{name}>"


def claim(name: str) -> str:
    return f"reduction <{name}>"


@dataclass(frozen=True)
class Cheat:
    """What is changed, and the names that must fire: these and no others."""

    name: str
    fires: tuple[str, ...]
    bends: Callable[[Scene], Bends] = lambda s: {}
    post: Callable[[Scene, Values], None] | None = None
    limbs: Callable[[Scene, dict], None] | None = None
    late: Callable[[Scene, dict], None] | None = None
    ids: Callable[[Scene], list[int]] | None = None  # the statement, where it is another one
    traced: Callable[[Scene], list[int]] | None = None  # what the program is run on, where that differs
    model: Callable[[Scene], Model] | None = None  # whose weights the prover uses
    leak: bool = False
    shift: int = 0  # of the certified rows
    scene: Callable[[], Scene] = packed
    virtual: bool = False  # the prover's virtual tensors are bent as well
    lies: Lies = HONEST


def add_to(values: Values, name: str, at: tuple[int, ...], k: int) -> None:
    values[name][at] += k


def weak(s: Scene) -> tuple[int, int, int, int]:
    return s.find(s.is_weak)


def resolve(scene: Scene, fires: tuple[str, ...]) -> list[str]:
    """The names with `^` put in full."""
    names = []
    for name in fires:
        check, sep, value = name.partition(" <")
        names.append(f"{check} <{scene.top(value[:-2])}>" if value.endswith("^>") else name)
    return names


def switches(names: list[str]) -> list[str]:
    """The test-only switches that turn exactly these checks off."""
    off = []
    for name in names:
        check, sep, inner = name.partition(" <")
        inner = inner.removesuffix(">")
        if not sep or inner.startswith("multiplicity"):
            off.append(check)
        else:
            off.append(f"lookup {inner}" if check.startswith("logup") else inner)
    return off


def bent_ids(cheat: Cheat, scene: Scene) -> list[int] | None:
    """What the program runs on."""
    chosen = cheat.traced or cheat.ids
    return chosen(scene) if chosen else None
