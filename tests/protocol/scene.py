"""The stage of the tamper suite: small models with an honest statement in which every cheat has room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from zkllm.model.predicates import check_predicates
from zkllm.model.reference import generate_reference, trace_reference
from zkllm.model.tiny import tiny_model
from zkllm.model.weights import QuantizedModel

from .bending import BentProgram
from .harness import Case, Values, generated

MARGIN = 100  # least lead of a certified id's logit


@dataclass
class Scene:
    """An honest case, its values, and the statement's last certified id with an exact tie."""

    case: Case
    honest: BentProgram
    answer: int  # x_T
    twin: int  # a higher id with the same logits everywhere
    row: int = 1  # the certified row of x_T

    @property
    def values(self) -> Values:
        return self.honest.values

    def value(self, name: str, *at: int) -> int:
        return int(self.values[name][at])

    def statement(self, token: int) -> list[int]:
        """The ids with another last certified token."""
        ids = list(self.case.ids)
        ids[self.case.T] = token
        return ids

    def top(self, name: str) -> str:
        """The tensor of a value, or of its top limb."""
        wide = self.case.manifest.wide
        return wide[name].limbs[-1][0] if name in wide else name

    def is_weak(self, l: int, t: int, h: int, u: int) -> bool:
        """A score below the maximum, inside the table, with room below its index."""
        idx, e = self.value("idx", l, t, h, u), self.value("e", l, t, h, u)
        return u < t and not self.value("sel", l, t, h, u) and idx > 2 and e > 0

    def find(self, holds: Callable[[int, int, int, int], bool]) -> tuple[int, int, int, int]:
        """(l, t, h, u) of a score that satisfies a condition."""
        return next(at for at in self.scores() if holds(*at))

    def scores(self) -> Iterator[tuple[int, int, int, int]]:
        c, N = self.case.model.config, self.case.rows
        return (
            (l, t, h, u)
            for l, t, h, u in product(range(c.n_layer), range(N), range(c.n_head), range(N))
            if u <= t
        )


def _tied(model: QuantizedModel, answer: int, ids: list[int]) -> tuple[QuantizedModel, int] | None:
    """The model with the answer's embedding given to an unused higher id of the same vocabulary slot."""
    c = model.config
    block = c.vocab_block
    for twin in range(answer + 1, min(c.vocab_size, (answer // block + 1) * block)):
        if twin not in ids:
            wte = model.wte.copy()
            wte[twin] = wte[answer]
            return replace(model, wte=wte), twin
    return None


def _clear(model: QuantizedModel, ids: list[int], T: int, k: int, twin: int) -> bool:
    """Whether every certified id leads by a margin that small bends do not use up."""
    leads = trace_reference(model, ids, k, T)["diff"].copy()
    leads[range(k), ids[T - k + 1 : T + 1]] = MARGIN
    leads[-1, twin] = MARGIN
    return int(leads.min()) >= MARGIN


def _scene(rows: int, certified: int, prompt: list[int], **config: int) -> Scene:
    for seed in range(1000):
        model = tiny_model(seed, **config)
        ids, T = generate_reference(model, prompt, certified, rows)
        answer, block = ids[T], model.config.vocab_block
        tied = _tied(model, answer, ids)
        if tied is None or answer in ids[:T] or ids[1] < block:
            continue
        model, twin = tied
        ids, T = generate_reference(model, prompt, certified, rows)
        if ids[T] != answer or twin in ids or not _clear(model, ids, T, certified, twin):
            continue
        check_predicates(model)
        case = Case(model, rows, certified, list(ids), T)
        scene = Scene(case, case.trace(), answer, twin, certified - 1)
        if any(scene.is_weak(*at) for at in scene.scores()):
            return scene
    raise AssertionError("no seed gives a usable scene")


@cache
def packed() -> Scene:
    """Two slots of heads and of the inner width, three of the vocabulary, all full; a row of padding."""
    return _scene(
        5,
        2,
        [2, 5],
        n_layer=2,
        n_head=2,
        head_dim=3,
        d_inner=6,
        vocab_size=12,
        n_ctx=6,
        slots=2,
        inner_slots=2,
        vocab_slots=3,
    )


@cache
def ragged() -> Scene:
    """No slots for heads and inner width; a last vocabulary slot that is not full; a sole layer."""
    return _scene(
        3,
        1,
        [1, 4, 2],
        n_layer=1,
        n_head=1,
        head_dim=3,
        d_inner=5,
        vocab_size=7,
        n_ctx=5,
        slots=1,
        inner_slots=1,
        vocab_slots=3,
    )


@cache
def little() -> Scene:
    """As small as every axis but the slots of the width allows to be two or more; the inner width has a
    coordinate that no equation has. For sweeps over all messages and challenges."""
    return _scene(
        2,
        2,
        [2],
        n_layer=2,
        n_head=1,
        head_dim=2,
        d_inner=3,
        vocab_size=5,
        n_ctx=2,
        slots=1,
        inner_slots=1,
        vocab_slots=3,
        mu=8,
        limb_bits=6,
        gelu_bits=5,
        exp_bits=4,
    )


@cache
def smallest() -> Case:
    """One layer, one head, two rows: for sweeps over every message."""
    return generated(
        tiny_model(1, n_layer=1, n_head=1, head_dim=2, d_inner=2, vocab_size=3, n_ctx=2, mu=8), 2, 1, [1]
    )
