"""The native LogUp tree against its naive twin, on both backends."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm import _native
from zkllm.field import R
from zkllm.kernels.interface import Segment

BACKENDS = ["scalar"] + (["avx512ifma"] if _native.field_backend() == "avx512ifma" else [])


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _native.field_backend()
    _native.set_field_backend(request.param)
    yield request.param
    _native.set_field_backend(before)


def check_tree(
    rng: random.Random, total: int, segments: list[Segment], edge: bool = False, chained: bool = False
) -> None:
    """Streamed trees too. `chained`: each layer is opened where the one above ended, as in the protocol."""
    pick = (lambda: rng.choice([0, 1, R - 1])) if edge else (lambda: rng.randrange(R))
    alpha, beta = pick(), pick()
    slow = NAIVE.logup_tree(total, segments, alpha, beta)
    trees: list[Any] = [
        _native.LogUpTree(total, segments, alpha, beta, streamed=streamed) for streamed in (False, True)
    ]
    for fast in trees:
        assert fast.depth == slow.depth
        assert fast.root() == slow.root()
    point: list[int] = []
    for j in range(slow.depth):
        z, lam = point if chained else [pick() for _ in range(j)], pick()
        for tree in (slow, *trees):
            tree.open(j, z, lam)
        point = []
        for _ in range(j):
            if rng.random() < 0.3:
                assert all(children_of(fast) == list(slow.children()) for fast in trees)
            expected, twice = slow.round(), rng.random() < 0.2
            assert all(fast.round() == expected for fast in (trees * 2 if twice else trees))
            point.append(pick())
            for tree in (slow, *trees):
                tree.bind(point[-1])
        assert all(fast.values() == slow.values() for fast in trees)
        assert all(children_of(fast) == list(slow.children()) for fast in trees)
        point.append(pick())


def children_of(tree: _native.LogUpTree) -> list[list[int]]:
    return [vector.to_list() for vector in tree.children()]


def draw_segments(seed: int, shapes: list[tuple[int, ...]], room: int = 5) -> tuple[int, list[Segment]]:
    """Segments of any kind, with gaps between them."""
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    segments, address = [], 0
    for shape in shapes:
        address += rng.choice([0, 0, 0, room])
        draw = lambda kinds, shape=shape: generator.integers(0, 100, shape).astype(rng.choice(kinds))
        extreme = np.full(shape, rng.choice([2**63 - 1, -(2**63)]), dtype=np.int64)
        words = generator.integers(0, 1 << 16, shape).astype(np.uint16)
        inputs = rng.choice([draw(["int8", "uint16", "int64"]), words, words, -draw(["int16"]), extreme])
        numerator = rng.choice([1, 1, 1, 0, R - 1, 7, draw(["int8", "int32"]) - 50])
        output = rng.choice([None, None, draw(["int16"]).reshape(shape[::-1]).transpose(), words, extreme])
        segments.append((address, rng.randrange(R), numerator, inputs, output))
        address += inputs.size
    rng.shuffle(segments)
    return max(address + rng.choice([0, 0, 9]), 1), segments


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_tree_equals_the_naive_twin(seed: int, edge: bool, chained: bool) -> None:
    """Shallow trees are computed alike on all backends."""
    rng = random.Random(seed)
    shapes = [rng.choice([(1,), (3, 5), (2, 3, 4), (25,), (0,), (2,)]) for _ in range(rng.randint(0, 4))]
    check_tree(rng, *draw_segments(seed, shapes), edge=edge, chained=chained)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 25, 127, 129, 2047, 2049, 3001])
def test_awkward_numbers_of_leaves(n: int, backend: str) -> None:
    check_tree(random.Random(n), *draw_segments(n, [(n,)]))


@pytest.mark.parametrize("seed", range(4))
def test_deep_trees(seed: int, backend: str) -> None:
    """Deep enough for whole blocks; segments end inside blocks and at their ends."""
    rng = random.Random(seed)
    shapes = [
        [(1 << 12,), (1 << 11,), (8, 64, 4), (1 << 9,)],
        [(4097,), (3, 1000)],
        [(2500,)] * 3,
        [(9, 8, 64)],
    ]
    check_tree(rng, *draw_segments(seed + 10, shapes[seed], room=700), chained=bool(seed % 2))


@pytest.mark.parametrize("kind", ["plain", "output", "masked", "both", "wide"])
def test_each_kind_of_segment(kind: str, backend: str) -> None:
    """A whole tree of one kind of lookup: no block falls back on another kind's path."""
    generator, n = np.random.default_rng(3), (1 << 12) + 1500
    words = generator.integers(0, 1 << 16, n).astype(np.uint16)
    mask = generator.integers(0, 2, n).astype(np.int8) if kind in ("masked", "both") else 1
    output = (
        generator.integers(-(1 << 15), 1 << 15, n).astype(np.int16) if kind in ("output", "both") else None
    )
    inputs = words.astype(np.int64) << 40 if kind == "wide" else words
    check_tree(random.Random(5), n, [(0, 3, mask, inputs, output)], chained=True)


def test_the_arrays_are_views(backend: str) -> None:
    """Strided and broadcast arrays are read in place, in row-major order."""
    generator = np.random.default_rng(4)
    values = generator.integers(0, 1 << 16, (6, 40, 70)).astype(np.uint16)
    mask = np.broadcast_to(np.tril(np.ones((40, 64), dtype=np.int8))[None], (6, 40, 64))
    segments: list[Segment] = [
        (100, 1, mask[2:], values[2:, :, 6:], values[:4, :, :64]),
        (100 + 4 * 40 * 64, 2, 1, values.transpose(2, 1, 0)[::2, ::-1], None),
    ]
    check_tree(random.Random(6), 20000, segments)


def test_tree_refuses_misuse() -> None:
    segments: list[Segment] = [(0, 1, 1, np.arange(3, dtype=np.int16), None)]
    with pytest.raises(ValueError, match="at least one leaf"):
        NATIVE.logup_tree(0, [], 1, 1)
    tree = NATIVE.logup_tree(3, segments, 5, 7)
    with pytest.raises(ValueError, match="no layer is open"):
        tree.round()
    with pytest.raises(ValueError, match="no layer is open"):
        tree.values()
    with pytest.raises(ValueError, match="coordinates"):
        tree.open(1, [], 1)
    with pytest.raises(ValueError, match="coordinates"):
        tree.open(2, [1, 2], 1)
    tree.open(1, [5], 1)
    with pytest.raises(ValueError, match="not bound yet"):
        tree.values()
    with pytest.raises(ValueError, match="in order"):
        tree.open(0, [], 1)
    tree.bind(1)
    with pytest.raises(ValueError, match="every variable is bound"):
        tree.round()
    with pytest.raises(ValueError, match="in order"):
        tree.open(1, [5], 1)


def test_segments_must_fit() -> None:
    a = np.arange(4, dtype=np.int16)
    for segments in ([(0, 1, 1, a, None), (3, 1, 1, a, None)], [(6, 1, 1, a, None)]):
        with pytest.raises(ValueError, match="overlaps another or passes the end"):
            NATIVE.logup_tree(9, segments, 1, 1)
    for segment in ((0, 1, a[:3], a, None), (0, 1, 1, a, a[:3])):
        with pytest.raises(ValueError, match="different numbers"):
            NATIVE.logup_tree(9, [segment], 1, 1)
    with pytest.raises(TypeError, match="numpy integer array"):
        NATIVE.logup_tree(9, [(0, 1, 1, NATIVE.from_list([1, 2]), None)], 1, 1)


def test_arrays_are_freed_once_they_are_not_needed() -> None:
    import sys

    a = np.arange(1 << 13, dtype=np.uint16)
    before = sys.getrefcount(a)
    tree = NATIVE.logup_tree(a.size, [(0, 1, 1, a, None)], 5, 7)
    for j in range(tree.depth):
        assert sys.getrefcount(a) > before
        tree.open(j, [3] * j, 1)
        for _ in range(j):
            tree.bind(2)
    assert sys.getrefcount(a) == before
