"""The table of queries and keys that are wider than words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..bending import Bends, add
from ..scene import Scene, wide
from .base import Cheat, lookup
from .llama import config, divided, slots_shift
from .outside import carries

AT = {"qkv": (1, 2, 0, 1), "normed": (1, 2, 0, 1), "rot": (1, 3, 1, 0)}
"""Of a query, as the matrix makes it, normed, and turned."""


def _beyond(name: str) -> Callable[[Scene], Bends]:
    return lambda s: {(name, *AT[name]): add(1 << config(s).read_bits)}


WIDE_CHEATS = [
    replace(cheat, scene=wide)
    for cheat in [
        Cheat("packed slots of qkv shift together, by Y", (lookup("qkv^"), lookup("head_v^")),
              slots_shift("qkv", (1, 0, 0), "Y")),
        *(
            Cheat(f"{name}: beyond its range, remainder compensates", tuple(map(lookup, others)),
                  _beyond(name))
            for name, *others in (("normed", "normed^", "normed_rem^", "rot^"), ("rot", "rot^", "rot_rem^"))
        ),
        # a row that sees itself alone has any score
        Cheat("rotation: a field element that an offset of the remainder allows", (lookup("rot^"),),
              lambda s: divided(s, "rot", (1, 0, 0, 0), config(s).rotary_shift)),
        *carries(wide, AT),
    ]
]  # fmt: skip
