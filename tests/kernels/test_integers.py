"""The integer program's kernels, native and naive: the same arrays to the bit, the same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zkllm.errors import QuantizationRangeError
from zkllm.kernels.interface import (
    AttentionRows,
    AttentionScales,
    Kernels,
    LinearScales,
    NormRows,
    NormScales,
)
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE

Case = tuple[str, list[np.ndarray], list[np.ndarray], dict[str, Any]]
"""(kernel, what it reads, what it fills, its scales and widths)"""

SIZES = [(1, 1, 1), (3, 5, 7), (9, 70, 33)]


def integers(random: np.random.Generator, dtype: str, *shape: int, bound: int | None = None) -> np.ndarray:
    top = bound or np.iinfo(dtype).max
    return random.integers(-top, top, shape, dtype=dtype, endpoint=True)


def empty(dtype: str, *shape: int) -> np.ndarray:
    return np.full(shape, -1, np.int64).astype(dtype)


def linear(seed: int, sizes: tuple[int, int, int], dtype: str = "int16", **changes: Any) -> Case:
    random = np.random.default_rng(seed)
    rows, inputs, outputs = sizes
    a, w = integers(random, "int16", rows, inputs), integers(random, "int16", inputs, outputs)
    bias = integers(random, "int64", outputs, bound=1 << 40)
    options = {"gain": 3, "shift": 20, "bits": np.iinfo(dtype).bits, "name": "z[4]"} | changes
    out = [empty(dtype, rows, outputs), empty("int32", rows, outputs)]
    small = [a // 64, w // 64] if dtype == "int16" else [a, w // 256]
    return "linear", [*small, bias // (1 << 8)], out, options


def norm(seed: int, sizes: tuple[int, int, int], **changes: Any) -> Case:
    random = np.random.default_rng(seed)
    rows, width, _ = sizes
    x = integers(random, "int64", rows, width, bound=1 << 20)
    x[0] = x[0, 0]  # a row without variance
    words = [empty("uint16", rows, 8) for _ in range(3)]
    out = [*words, empty("int16", rows, width), empty("int64", rows, width)]
    options: dict[str, Any] = {"kappa": 36, "shift": 24, "eps": 1 << 30, "rho_bits": 64}
    options |= {"norm_bits": 128, "y_bits": 16, "names": ("rho[2]", "u[2]", "v[2]", "y[2]")} | changes
    return "norm", [x], out, options


def attention(seed: int, sizes: tuple[int, int, int], **changes: Any) -> Case:
    random = np.random.default_rng(seed)
    count, heads, dim = sizes
    first = int(changes.pop("first", 2))
    rows = first + count + 1
    wide = bool(changes.pop("wide", False))  # beyond 16 bits, and products of two beyond 32
    qkv = integers(random, "int32" if wide else "int16", rows, 3, heads * dim, bound=1 << 21 if wide else 200)
    qkv[1] = qkv[0]  # a maximum that is attained twice
    exp = np.sort(integers(random, "int32", 64, bound=1 << 15).__abs__())[::-1].copy()
    exp[-1], exp[0] = 0, 1 << 15
    squares = [empty(t, count, heads, rows) for t in ("int8", "int32", "int32", "int32", "int32")]
    outputs = [empty("int16", count, heads * dim), empty("int64", count, heads * dim)]
    options: dict[str, Any] = {"first": first, "exp_shift": 8, "over_bits": 31, "div_bits": 40, "o_bits": 16}
    options |= {"names": ("over[1]", "div[1]", "o[1]")} | changes
    return "attention", [qkv, exp], [empty("int64", count, heads), *squares, *outputs], options


def call(kernels: Kernels, name: str, read: list[np.ndarray], out: list[np.ndarray], options: Any) -> None:
    arguments: list[Any] = [*read]
    if name == "linear":
        arguments += [*out, LinearScales(**options)]
    elif name == "norm":
        arguments += [NormRows(*out), NormScales(**options)]
    elif name == "attention":
        others = {key: value for key, value in options.items() if key != "first"}
        arguments += [options["first"], AttentionRows(*out), AttentionScales(**others)]
    else:
        arguments += out
    getattr(kernels, name)(*arguments)


def run(kernels: Kernels, case: Case) -> list[np.ndarray]:
    name, read, filled, options = case
    filled = [array.copy() for array in filled]
    call(kernels, name, read, filled, options)
    return filled


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("make", [linear, norm, attention])
def test_native_is_naive(make: Callable[..., Case], sizes: tuple[int, int, int]) -> None:
    for seed in range(3):
        case = make(seed, sizes)
        for ours, theirs in zip(run(NATIVE, case), run(NAIVE, case), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_wide_outputs_and_every_gain() -> None:
    for gain in (0, 1, 5):
        case = linear(gain, (4, 6, 9), "int32", gain=gain)
        for ours, theirs in zip(run(NATIVE, case), run(NAIVE, case), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("sizes", SIZES)
def test_wide_queries_and_keys(sizes: tuple[int, int, int]) -> None:
    for seed in range(3):
        case = attention(seed, sizes, wide=True, exp_shift=30)
        case[1][0][:, 2] %= 1 << 15  # values, of which o is a mean
        for ours, theirs in zip(run(NATIVE, case), run(NAIVE, case), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_scores() -> None:
    random = np.random.default_rng(5)
    for rows, inputs, outputs in SIZES:
        case: Case = (
            "scores",
            [integers(random, "int16", rows, inputs), integers(random, "int16", outputs, inputs)],
            [empty("int64", rows, outputs)],
            {},
        )
        np.testing.assert_array_equal(run(NATIVE, case)[0], run(NAIVE, case)[0])


NARROW = [
    (linear, {"bits": 4}, "z[4]"),
    (norm, {"rho_bits": 3}, "rho[2]"),
    (norm, {"norm_bits": 8}, "u[2]"),
    (norm, {"y_bits": 2}, "y[2]"),
    (attention, {"over_bits": 1, "exp_shift": 2}, "over[1]"),
    (attention, {"div_bits": 10}, "div[1]"),
    (attention, {"o_bits": 2}, "o[1]"),
]


@pytest.mark.parametrize(("make", "changes", "name"), NARROW)
def test_a_value_outside_of_its_width_is_named(
    make: Callable[..., Case], changes: dict[str, Any], name: str
) -> None:
    case = make(1, (4, 5, 6), **changes)
    errors = []
    for kernels in (NATIVE, NAIVE):
        with pytest.raises(QuantizationRangeError) as caught:
            run(kernels, case)
        errors.append((caught.value.tensor, caught.value.bound, caught.value.got))
    assert errors[0] == errors[1] and errors[0][0] == name


def test_widths_are_exact_to_the_value() -> None:
    """A value at the bound fits; the next one does not."""
    for value, fits in ((7, True), (-8, True), (8, False), (-9, False)):
        a, w = np.array([[1]], np.int16), np.array([[value]], np.int16)
        bias, out, rem = np.zeros(1, np.int64), empty("int16", 1, 1), empty("int32", 1, 1)
        scales = LinearScales(gain=1, shift=1, bits=4, name="z")
        for kernels in (NATIVE, NAIVE):
            if fits:
                kernels.linear(a, w, bias, out, rem, scales)
                assert out[0, 0] == value and rem[0, 0] == 1
            else:
                with pytest.raises(QuantizationRangeError):
                    kernels.linear(a, w, bias, out, rem, scales)


@pytest.mark.parametrize("make", [linear, norm, attention])
def test_arrays_that_do_not_fit_are_refused(make: Callable[..., Case]) -> None:
    name, read, filled, options = make(0, (3, 4, 5))

    def refused(changed: list[np.ndarray], *errors: type[Exception]) -> pytest.ExceptionInfo[Exception]:
        with pytest.raises(errors) as caught:
            call(NATIVE, name, changed[: len(read)], changed[len(read) :], options)
        return caught

    for i, array in enumerate([*read, *filled]):
        for axis in range(array.ndim):
            if i == 1 and name == "attention":
                continue  # a shorter table of exponentials is another table
            changed = [*read, *filled]
            changed[i] = np.ascontiguousarray(np.delete(array, 0, axis))
            assert "do not fit each other" in str(refused(changed, ValueError).value)
    for i, array in enumerate(filled, len(read)):
        strided = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        changed = [*read, *filled]
        changed[i] = np.asfortranarray(strided)[..., ::2]
        refused(changed, ValueError, TypeError)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 7), (130, 70)])
def test_matrices_as_they_are_stored(sizes: tuple[int, int], dtype: str) -> None:
    """Their maxima, and their quantised values turned into a part of a wider matrix."""
    random, (outputs, inputs) = np.random.default_rng(3), sizes
    weights = random.standard_normal(sizes).astype(dtype)
    units = np.ldexp(1.0, random.integers(8, 12, outputs))
    for factors in (None, random.standard_normal(inputs)):
        for one, other in zip(*(k.stored_maxima(weights, factors) for k in (NATIVE, NAIVE)), strict=True):
            assert np.array_equal(one, other) and one.dtype == np.float64
        made = [np.full((inputs, outputs + 3), 7, np.int16) for _ in range(2)]
        for kernels, out in zip((NATIVE, NAIVE), made, strict=True):
            assert kernels.quantize_stored(weights, factors, units, out, 2)
            assert not kernels.quantize_stored(weights, factors, units * 2.0**16, out.copy(), 2)
        assert np.array_equal(*made) and (made[0][:, [0, 1, -1]] == 7).all()
