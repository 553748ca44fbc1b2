"""The stage of the tamper suite: small models with an honest statement in which every cheat has room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from testkit.small import (
    CAPPED,
    CAPPED_WINDOW,
    GEMMA,
    LITTLE,
    LLAMA,
    NEOX,
    PACKED,
    PARTLY,
    RAGGED,
    SLIDING,
    SMALLEST,
    TIED,
    WIDE,
    WINDOWED,
    Small,
    SmallLlama,
)
from zkllm.model.execution import trace
from zkllm.model.family import family_of
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.models import Model
from zkllm.model.weights import QuantizedModel

from .bending import Bending
from .harness import Case, Values, answered, generated

MARGIN = 100  # least lead of a certified id's logit


@dataclass
class Scene:
    """An honest case, its values, and the statement's last certified id with an exact tie."""

    case: Case
    honest: Bending
    answer: int  # x_T
    twin: int  # a higher id with the same logits everywhere
    row: int = 1  # the certified row of x_T

    @property
    def values(self) -> Values:
        return self.honest.values

    def value(self, name: str, *at: int) -> int:
        return int(self.values[name][at])

    def array(self, name: str) -> np.ndarray:
        """The model's."""
        return dict(self.case.model.arrays())[name]

    @property
    def head(self) -> np.ndarray:
        """The matrix of the head."""
        model = self.case.model
        return model.head if isinstance(model, LlamaModel) else model.wte

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


def _tied(model: Model, answer: int, ids: list[int]) -> tuple[Model, int] | None:
    """The model with the answer's row of the head given to an unused higher id of the same vocabulary
    slot."""
    c = model.config
    block = c.vocab_block
    for twin in range(answer + 1, min(c.vocab_size, (answer // block + 1) * block)):
        if twin not in ids:
            if isinstance(model, QuantizedModel):
                wte = model.wte.copy()
                wte[twin] = wte[answer]
                return replace(model, wte=wte), twin
            head = model.head.copy()
            head[twin] = head[answer]
            return model.with_arrays(**{"wte" if c.tied_head else "head": head}), twin
    return None


def _clear(model: Model, ids: list[int], T: int, k: int, twin: int) -> bool:
    """Whether every certified id leads by a margin that small bends do not use up."""
    leads = trace(model, ids, k, T)["diff"].copy()
    leads[range(k), ids[T - k + 1 : T + 1]] = MARGIN
    leads[-1, twin] = MARGIN
    return int(leads.min()) >= MARGIN


def _usable(small: Small | SmallLlama, prompt: list[int], seed: int) -> Scene | None:
    rows, certified = small.rows, small.certified
    model: Model = small.of_seed(seed)
    ids, T = answered(model, prompt, certified, rows)
    answer, block = ids[T], model.config.vocab_block
    tied = _tied(model, answer, ids)
    if tied is None or answer in ids[:T] or ids[1] < block:
        return None
    model, twin = tied
    ids, T = answered(model, prompt, certified, rows)
    if ids[T] != answer or twin in ids or not _clear(model, ids, T, certified, twin):
        return None
    family_of(model.config).check_predicates(model)
    case = Case(model, rows, certified, list(ids), T)
    scene = Scene(case, case.trace(), answer, twin, certified - 1)
    return scene if any(scene.is_weak(*at) for at in scene.scores()) else None


def _scene(small: Small | SmallLlama, prompt: list[int]) -> Scene:
    scene = _usable(small, prompt, small.seed)
    if scene is None:
        other = next((n for n in range(1000) if _usable(small, prompt, n)), None)
        raise AssertionError(f"seed {small.seed} gives no usable scene; take {other} (testkit/small.py)")
    return scene


@cache
def packed() -> Scene:
    return _scene(PACKED, [2, 5])


def _triangular(scene: Scene) -> Scene:
    """The same statement, the scores laid out below the diagonal alone."""
    case = scene.case
    below = Case(case.model, case.rows, case.certified, case.ids, case.T, triangular_from=1)
    return replace(scene, case=below)


@cache
def triangle() -> Scene:
    return _triangular(packed())


@cache
def llama_triangle() -> Scene:
    return _triangular(llama())


@cache
def llama() -> Scene:
    """Untied, with all biases, a row of padding."""
    return _scene(LLAMA, [2, 5])


@cache
def tied_llama() -> Scene:
    """Tied, one layer without biases, one head of keys."""
    return _scene(TIED, [1, 4])


@cache
def gemma() -> Scene:
    """Norms of heads and of what is put out, a rotation of each layer, a scaled embedding; no biases."""
    return _scene(GEMMA, [2, 5])


@cache
def wide() -> Scene:
    """Queries and keys are wider than words, and normed."""
    return _scene(WIDE, [2, 5])


@cache
def partly() -> Scene:
    """Some features of each head are turned."""
    return _scene(PARTLY, [2, 5])


@cache
def partly_triangle() -> Scene:
    return _triangular(partly())


@cache
def neox() -> Scene:
    """LayerNorms with biases, no gate, layers whose attention and MLP are parallel."""
    return _scene(NEOX, [2, 5])


@cache
def windowed() -> Scene:
    """A window in the second layer."""
    return _scene(WINDOWED, [2, 5])


@cache
def windowed_triangle() -> Scene:
    return _triangular(windowed())


@cache
def sliding() -> Scene:
    """A window in every layer."""
    return _scene(SLIDING, [2, 5])


@cache
def sliding_triangle() -> Scene:
    return _triangular(sliding())


@cache
def capped() -> Scene:
    """Scores are capped."""
    return _scene(CAPPED, [2, 5])


@cache
def capped_triangle() -> Scene:
    return _triangular(capped())


@cache
def capped_window() -> Scene:
    """Scores are capped, with a window in the first layer."""
    return _scene(CAPPED_WINDOW, [2, 5])


@cache
def capped_window_triangle() -> Scene:
    return _triangular(capped_window())


@cache
def ragged() -> Scene:
    return _scene(RAGGED, [1, 4, 2])


@cache
def little() -> Scene:
    return _scene(LITTLE, [2])


@cache
def smallest() -> Case:
    return generated(SMALLEST.model, SMALLEST.rows, SMALLEST.certified, [1])
