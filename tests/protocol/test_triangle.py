"""Triangular tensors: each entry with u <= t has one address, no other has any, and weights are theirs."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.bits import ceil_log2
from zkllm.families import describe
from zkllm.field import Fr, R
from zkllm.model.llama.tiny import tiny_config as tiny_llama_config
from zkllm.model.tiny import tiny_config
from zkllm.naive import NAIVE
from zkllm.ops import attention
from zkllm.ops.attention import TRIANGULAR_ROWS
from zkllm.protocol import functionals as F
from zkllm.protocol.algebra import eq, eq3, eq_index
from zkllm.protocol.data import ProverData
from zkllm.protocol.forms import AddressTerm, Opened, block_weight
from zkllm.protocol.layout import Block, Layout, Tiles, pack, squares
from zkllm.protocol.manifest import Lookup, Manifest
from zkllm.protocol.reduction_prover import Group, _weights
from zkllm.protocol.witness import count_multiplicities


def point(rng: random.Random, n: int) -> tuple[Fr, ...]:
    return tuple(Fr(rng.randrange(R)) for _ in range(n))


def manifest(rows: int, before: int = 3, between: int = 2) -> Manifest:
    m = Manifest({"l": before, "t": rows, "h": between, "u": rows})
    m.free("x", "l", "t", "h", "u", note="test", triangular=True)
    m.free("y", "l", "t", "h", "u", note="test", triangular=True)
    m.free("z", "l", "h", note="test")
    return m


def indices(array: np.ndarray) -> np.ndarray:
    """Each entry's own number."""
    return np.arange(array.size).reshape(array.shape)


def addresses(m: Manifest, layout: Layout, name: str) -> dict[int, int]:
    """Address of each entry that has one."""
    numbers = indices(np.empty(m.sizes(name)))
    found: dict[int, int] = {}
    for block in layout.blocks[name]:
        assert block.address % (1 << block.log2_size) == 0, "aligned"
        assert block.address >> layout.mu == block.address + (1 << block.log2_size) - 1 >> layout.mu
        for i, entry in enumerate(block.view(numbers).reshape(-1).tolist()):
            assert entry not in found, "one address each"
            found[entry] = block.address + i
    return found


@pytest.mark.parametrize("rows", [*range(1, 34), 48, 100])
def test_squares_are_the_triangle(rows: int) -> None:
    seen = []
    for (t, kt), (u, ku), shared, step in squares(rows):
        low = kt - shared
        for d, i, j in product(range(1 << shared), range(1 << low), range(1 << ku)):
            seen.append((t + (d << step) + i, u + (d << step) + j))
    assert len(seen) == len(set(seen)) == rows * (rows + 1) // 2
    assert all(u <= t < rows for t, u in seen)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 3), st.integers(1, 3), st.integers(2, 9))
def test_layout(rows: int, before: int, between: int, mu: int) -> None:
    m = manifest(rows, before, between)
    layout = pack(m, False, mu)
    taken: set[int] = set()
    for name in ("x", "y"):
        sizes = m.sizes(name)
        found = addresses(m, layout, name)
        expected = {
            int(np.ravel_multi_index((l, t, h, u), sizes))
            for l, t, h, u in product(*map(range, sizes))
            if u <= t
        }
        assert set(found) == expected and len(expected) == m.count(name)
        assert not taken & set(found.values())
        taken |= set(found.values())
    assert layout.used == len(taken) + m.count("z")


def test_a_power_of_two_of_rows_has_few_blocks() -> None:
    """Squares of each size are one block, and the diagonal is one."""
    m = manifest(256, 1, 1)
    layout = pack(m, False, 20)
    assert len(layout.blocks["x"]) == 9
    assert [type(b) for b in layout.blocks["x"]].count(Block) == 1, "the largest square"


def weights(m: Manifest, rng: random.Random) -> list[tuple[F.Functional, ...]]:
    eq_on = lambda a: F.Eq(point(rng, ceil_log2(m.axes[a])), m.axes[a])
    lines = {a: [eq_on(a), F.Ones(m.axes[a])] for a in ("t", "u")}
    return [(eq_on("l"), t, eq_on("h"), u) for t in lines["t"] for u in lines["u"]]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("mu", [3, 9])
def test_weights_on_blocks(rows: int, mu: int) -> None:
    """The verifier's closed form, and the prover's vectors, against the dense weight of every entry."""
    rng = random.Random(rows)
    m = manifest(rows)
    layout = pack(m, False, mu)
    for own in weights(m, rng):
        term = Opened(1, "x", own)
        dense = np.array(1, object)
        for weight in own:
            dense = np.multiply.outer(dense, np.array(weight.dense(), object))
        made = {b: (c, v) for b, c, v in _weights(NAIVE, [layout], layout, "x", [Group(term, 3)])}
        for i, block in enumerate(layout.blocks["x"]):
            expected = [int(w) % R for w in block.view(dense).reshape(-1)]
            r = point(rng, block.log2_size)
            value = sum(w * e for w, e in zip(expected, F.eq_vector(r), strict=True))
            assert int(block_weight(layout, term, i, block, r)) % R == value % R
            coefficient, vectors = made[block]
            vector = NAIVE.to_list(NAIVE.tensor_product(vectors))
            assert [coefficient * w % R for w in vector] == [3 * w % R for w in expected]


def test_weights_at_addresses() -> None:
    """An output's weight at its input's address: block by block in the same order."""
    rng = random.Random(1)
    m = manifest(6)
    layout = pack(m, False, 5)
    z = point(rng, ceil_log2(layout.used))
    term = AddressTerm(1, "y", "x", z)
    for i, (own, source) in enumerate(zip(layout.blocks["y"], layout.blocks["x"], strict=True)):
        r = point(rng, own.log2_size)
        high = len(z) - own.log2_size
        expected = eq_index(source.address >> own.log2_size, z[:high]) * eq(z[high:], r)
        assert block_weight(layout, term, i, own, r) == expected


def test_only_eq_and_ones_are_on_tiles() -> None:
    with pytest.raises(ValueError, match="eq or one"):
        F.on_tiles(F.Powers(3, 8), 4, 1, 1, 2)


def test_eq3() -> None:
    rng = random.Random(2)
    for n in range(4):
        a, b, c = (point(rng, n) for _ in range(3))
        assert (
            int(eq3(a, b, c))
            == sum(int(eq_index(x, a) * eq_index(x, b) * eq_index(x, c)) for x in range(1 << n)) % R
        )


def test_tiles_stay_inside_their_tensor() -> None:
    tiles = Tiles(0, ((1, 2), (0, 0)), axes=(0, 1), shared=2, step=1)
    assert tiles.view(indices(np.empty((8, 8)))).reshape(-1).tolist() == [8, 26, 44, 62]
    with pytest.raises(ValueError, match="leave their tensor"):
        tiles.view(np.empty((7, 8)))


def test_all_that_is_laid_out_is_looked_up() -> None:
    m = Manifest({"t": 5, "u": 5})
    m.ranged("x", "t", "u", bits=3, triangular=True)
    x = np.tril(np.full((5, 5), 6)) + np.triu(np.full((5, 5), 100), 1)
    tensors = {"x": x}
    assert count_multiplicities(m, tensors, NAIVE) == [], "nothing above the diagonal is looked up"
    assert tensors["mult.range3"].tolist() == [0, 0, 0, 0, 0, 0, 15, 0]


@pytest.mark.parametrize(
    "declare",
    [
        lambda m: m._add(m.tensors["x"].__class__("f", ("t", "u"), True, None, "", triangular=True)),
        lambda m: m.free("f", "t", "h", note="", triangular=True),
        lambda m: m.free("f", "u", "t", note="", triangular=True),
        lambda m: m.ranged("f", "t", "u", bits=2, triangular=True, causal=True),
        lambda m: m.looked_up("f", "l", "t", "u", lookup=Lookup(("a", "b", "c")), triangular=True),
    ],
)
def test_what_cannot_be_triangular(declare) -> None:
    with pytest.raises(ValueError, match="triangular"):
        declare(manifest(5))


def test_a_triangle_has_as_many_rows_as_columns() -> None:
    m = Manifest({"t": 4, "u": 5})
    with pytest.raises(ValueError, match="triangular"):
        m.free("x", "t", "u", note="", triangular=True)


@pytest.mark.parametrize("config", [tiny_config(n_ctx=256), tiny_llama_config(n_ctx=256)])
def test_the_rule_is_public(config) -> None:
    """Of the number of rows alone; it is in the transcript's IV."""
    few, many = (describe(config, n, 1) for n in (TRIANGULAR_ROWS - 1, TRIANGULAR_ROWS))
    assert not any(t.triangular for t in few.manifest.tensors.values())
    assert {t.name.split(".")[0] for t in many.manifest.tensors.values() if t.triangular} == {
        *("sel", "e", "idx", "over", "rem")
    }
    full = describe(config, TRIANGULAR_ROWS, 1, triangular_from=TRIANGULAR_ROWS + 1)
    assert full.iv != many.iv and full.manifest.digest() != many.manifest.digest()
    assert full.witness.used > many.witness.used


def test_data_above_the_diagonal_are_in_no_column() -> None:
    m = manifest(4, 1, 1)
    layout = pack(m, False, 6)
    data = ProverData(m, NAIVE, {"x": np.arange(16).reshape(1, 4, 1, 4)})
    seen = [int(v) for b in layout.blocks["x"] for v in b.view(data.array("x")).reshape(-1)]
    assert sorted(seen) == [0, 4, 5, 8, 9, 10, 12, 13, 14, 15]


@pytest.mark.parametrize("largest", [(1 << 15) - 1, 1 << 26, 1 << 29])
@pytest.mark.parametrize("own", [1, 2])
def test_products_are_exact(largest: int, own: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In floating point as long as every sum is exact, in integers beyond."""
    rng = np.random.default_rng(largest)
    monkeypatch.setattr(attention, "FLOATING", 1)
    a = rng.integers(-largest, largest + 1, (2, 3, own, 5, 4))
    b = rng.integers(-largest, largest + 1, (2, 3, 1, 4, 7))
    a.flat[0], b.flat[0] = largest, -largest
    expected = np.matmul(a.astype(object), b.astype(object)).transpose(0, 3, 1, 2, 4)
    assert (attention._products(a, b) == expected).all()
    assert (attention._products(a.astype(object), b) == expected).all()
    assert (attention._products(a.astype(np.int32), b) == expected).all()
