"""Every weight: its succinct value on a dyadic block against its dense vector."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from zkllm.bits import ceil_log2
from zkllm.field import Fr, R
from zkllm.kernels.interface import Kernels
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE
from zkllm.protocol import functionals as F
from zkllm.protocol.algebra import dyadic_blocks
from zkllm.protocol.data import dense_vector
from zkllm.protocol.reduction_prover import DenseWeights

SIZES = [1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 19, 25]


def point(rng: random.Random, n: int) -> tuple[Fr, ...]:
    return tuple(Fr(rng.randrange(R)) for _ in range(n))


def weights(size: int, rng: random.Random) -> Iterator[F.Functional]:
    n = ceil_log2(size)
    yield F.Eq(point(rng, n), size)
    yield F.Ones(size)
    yield F.Powers(50, size)
    yield F.Listed({x: Fr(rng.randrange(R)) for x in rng.sample(range(size), min(size, 3))}, size)
    for stop in {0, 1, size // 2, size}:
        yield F.Cut(point(rng, n), stop, size)
        yield F.Cut(point(rng, n), size, size, stop)
    yield F.Cut(point(rng, n), size - size // 3, size, size // 4)
    yield F.Eq(point(rng, n + 2), size)  # of a longer axis
    hots = [
        (Fr(rng.randrange(R)), tuple(Fr(x >> n - 1 - i & 1) for i in range(n)))
        for x in (rng.randrange(size) for _ in range(3))
    ]
    yield F.OneHots(tuple(hots), size)
    inner = size // 2
    if inner:
        for parity in (0, 1):
            yield F.Strided(point(rng, ceil_log2(inner)), inner, parity, size)
    if size % 2 == 0:
        yield F.LaterPairs(point(rng, ceil_log2(size + 1)), size + 1, size)
    yield F.Later(point(rng, ceil_log2(size + 1)), size + 1, size)  # writes before each LayerNorm


def blocks(size: int) -> Iterator[tuple[int, int]]:
    """The dyadic blocks of an axis, and all aligned parts that the layout may cut them into."""
    for offset, k in dyadic_blocks(0, size):
        for j in range(k + 1):
            yield from ((offset + (i << j), j) for i in range(1 << k - j))


@pytest.mark.parametrize("size", SIZES)
def test_block_is_the_sum_of_the_dense_vector(size: int) -> None:
    rng = random.Random(size)
    for weight in weights(size, rng):
        dense = weight.dense()
        assert len(dense) == weight.size == size and all(0 <= x < R for x in dense)
        for offset, k in blocks(size):
            r = point(rng, k)
            expected = sum(
                d * e for d, e in zip(dense[offset : offset + (1 << k)], F.eq_vector(r), strict=True)
            )
            assert int(weight.block(offset, k, r)) % R == expected % R, (weight, offset, k)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernels", [NATIVE, NAIVE], ids=["native", "naive"])
def test_the_provers_vectors_are_the_dense_ones(kernels: Kernels, size: int) -> None:
    """On spans too, of which it is known where they vanish."""
    for weight in weights(size, random.Random(size)):
        dense, made = weight.dense(), DenseWeights(kernels)
        assert kernels.to_list(dense_vector(kernels, weight)) == dense
        for offset, k in blocks(size):
            part = dense[offset : offset + (1 << k)]
            assert kernels.to_list(made.on(weight, offset, k)) == part
            assert made.vanishes(weight, offset, k) == (not any(part)), (weight, offset, k)


def test_a_strided_block_must_stay_inside() -> None:
    with pytest.raises(ValueError, match="leaves the real region"):
        F.Strided(point(random.Random(0), 1), 2, 0, 8).block(4, 2, point(random.Random(1), 2))


@pytest.mark.parametrize("size", SIZES)
def test_equal_keys_mean_equal_weights(size: int) -> None:
    """Claims with equal keys are merged: the key must determine the vector."""
    rng = random.Random(size)
    seen: dict[object, list[int]] = {}
    for weight in [*weights(size, rng), *weights(size, rng)]:
        dense = weight.dense()
        assert seen.setdefault(weight.key(), dense) == dense


def test_powers_are_slot_powers() -> None:
    assert F.Powers(50, 4).dense() == [1, 1 << 50, 1 << 100, 1 << 150]


def test_later_is_the_transpose_of_the_strict_prefix_sum() -> None:
    """sum_n eq(n) sum_{m<n} w_m = sum_m w_m Later(m)."""
    rng = random.Random(1)
    for size in (2, 4, 6, 10):
        z = point(rng, ceil_log2(size + 1))
        values = [rng.randrange(100) for _ in range(size)]
        e = F.eq_vector(z, size + 1)
        forward = sum(e[n] * sum(values[:n]) for n in range(size + 1)) % R
        assert (
            sum(v * w for v, w in zip(values, F.Later(z, size + 1, size).dense(), strict=True)) % R == forward
        )


def test_later_pairs_are_the_transpose_of_the_prefix_sum_by_pairs() -> None:
    """What normalisation n of parallel layers reads: the writes m < 2 (n div 2)."""
    rng = random.Random(2)
    for size in (2, 4, 6, 10):
        z = point(rng, ceil_log2(size + 1))
        values = [rng.randrange(100) for _ in range(size)]
        e = F.eq_vector(z, size + 1)
        forward = sum(e[n] * sum(values[: n // 2 * 2]) for n in range(size + 1)) % R
        found = F.LaterPairs(z, size + 1, size).dense()
        assert sum(v * w for v, w in zip(values, found, strict=True)) % R == forward
