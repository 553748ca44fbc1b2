"""The native LogUp tree and its leaves against their naive twins."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.field import R
from zkllm.kernels import naive, native


def check_tree(seed: int, n: int, edge: bool) -> None:
    rng = random.Random(seed)
    pick = (lambda: rng.choice([0, 1, R - 1])) if edge else (lambda: rng.randrange(R))
    p, q = [pick() for _ in range(n)], [pick() for _ in range(n)]
    slow, fast = naive.LogUpTree(list(p), list(q)), native.LogUpTree(native.from_list(p), native.from_list(q))
    assert fast.depth == slow.depth
    assert fast.root() == slow.root()
    for j in range(slow.depth):
        z, lam = [pick() for _ in range(j)], pick()
        slow.open(j, z, lam)
        fast.open(j, z, lam)
        for _ in range(j):
            assert fast.round() == slow.round()
            c = pick()
            slow.bind(c)
            fast.bind(c)
        assert fast.values() == slow.values()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 70), edge=st.booleans())
def test_tree_equals_the_naive_twin(seed: int, n: int, edge: bool) -> None:
    check_tree(seed, n, edge)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 25, 2047, 2049, 3001])
def test_awkward_numbers_of_leaves(n: int) -> None:
    check_tree(n, n, edge=False)


def test_tree_refuses_misuse() -> None:
    vector = native.from_list([1, 2, 3])
    with pytest.raises(ValueError, match="one element for each leaf"):
        native.LogUpTree(vector, native.from_list([1]))
    with pytest.raises(ValueError, match="one element for each leaf"):
        native.LogUpTree(native.from_list([]), native.from_list([]))
    tree = native.LogUpTree(vector, vector)
    with pytest.raises(ValueError, match="no layer is open"):
        tree.round()
    with pytest.raises(ValueError, match="coordinates"):
        tree.open(1, [], 1)
    with pytest.raises(ValueError, match="coordinates"):
        tree.open(2, [1, 2], 1)
    tree.open(1, [5], 1)
    with pytest.raises(ValueError, match="not bound yet"):
        tree.values()
    with pytest.raises(ValueError, match="opened in order"):
        tree.open(0, [], 1)
    tree.bind(1)
    with pytest.raises(ValueError, match="every variable is bound"):
        tree.round()
    with pytest.raises(ValueError, match="opened in order"):
        tree.open(1, [5], 1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_leaves_equal_the_naive_twin(seed: int) -> None:
    rng = random.Random(seed)
    generator = np.random.default_rng(seed)
    segments, address = [], 0
    for _ in range(rng.randint(0, 4)):
        address += rng.choice([0, 0, 3])
        shape = rng.choice([(1,), (3, 5), (2, 3, 4), (25,), (0,)])
        draw = lambda kinds, shape=shape: generator.integers(0, 100, shape).astype(rng.choice(kinds))
        source = draw(["int8", "uint16", "int64"])
        extreme = np.full(shape, rng.choice([2**63 - 1, -(2**63)]), dtype=np.int64)
        numerator = rng.choice([1, 0, R - 1, 7, draw(["int8", "int32"]) - 50])
        output = rng.choice([None, draw(["int16"]).reshape(shape[::-1]).transpose(), extreme])
        segments.append((address, rng.randrange(R), numerator, rng.choice([source, extreme]), output))
        address += source.size
    rng.shuffle(segments)
    total, alpha, beta = address + rng.choice([0, 9]), rng.randrange(R), rng.randrange(R)
    p, q = native.build_leaves(total, segments, alpha, beta)
    assert (p.to_list(), q.to_list()) == naive.build_leaves(total, segments, alpha, beta)


def test_leaves_refuse_overlaps_and_uneven_arrays() -> None:
    a = np.arange(4, dtype=np.int16)
    for segments in ([(0, 1, 1, a, None), (3, 1, 1, a, None)], [(6, 1, 1, a, None)]):
        with pytest.raises(ValueError, match="overlaps another or passes the end"):
            native.build_leaves(9, segments, 1, 1)
    for segment in ((0, 1, a[:3], a, None), (0, 1, 1, a, a[:3])):
        with pytest.raises(ValueError, match="different numbers"):
            native.build_leaves(9, [segment], 1, 1)
