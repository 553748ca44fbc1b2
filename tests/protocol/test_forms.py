"""Linear forms: the prover's table, the claim on committed tensors, and the definition agree."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.bits import ceil_log2
from zkllm.field import Fr, R
from zkllm.naive import NAIVE
from zkllm.protocol import functionals as F
from zkllm.protocol.data import Packed, ProverData
from zkllm.protocol.diagnosis import claim_value
from zkllm.protocol.forms import (
    Along,
    Alternate,
    At,
    Before,
    BeforePair,
    Chosen,
    First,
    Form,
    From,
    Padded,
    Rows,
    Swap,
    Until,
    index,
    ones,
    slots,
    tensor,
)
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.party import Claim

from .toys import dense_form, parties, random_data, toy_protocol

L, N, K, D = 3, 5, 2, 3


def manifest() -> Manifest:
    m = Manifest(
        {"l": L, "n": 2 * L + 1, "m": 2 * L, "t": N, "i": K, "pos": 7, "c": 2, "e": D, "u": N}, limb_bits=4
    )
    m.fixed("wpe", "pos", "e")
    m.fixed("bias", "l", "c", "e")
    m.free("x0", "t", "e", note="test")
    m.free("write", "m", "t", "e", note="test")
    m.free("y", "n", "t", "e", note="test")
    m.free("o", "l", "t", "c", "e", note="test")
    m.value("big", "l", "t", "e", bits=11, signed=True)
    return m


def forms(m: Manifest) -> dict[str, tuple[Form, tuple[str, ...]]]:
    hot = [Fr(0), Fr(1), Fr(0), Fr(0)]  # T = 3 of 2, 3, 4, 5
    rows = Rows("i", tuple(hot), 1)
    front = At(F.Listed({0: 3, 1: 5}, 2))
    return {
        "plain": (tensor(m, "o"), ("l", "t", "c", "e")),
        "renamed": (tensor(m, "x0", Along("u"), "e"), ("u", "e")),
        "even": (tensor(m, "write", Alternate("l", 0), "t", "e"), ("l", "t", "e")),
        "odd": (tensor(m, "y", Alternate("l", 1), "t", "e"), ("l", "t", "e")),
        "stream": (tensor(m, "write", Before("n"), "t", "e") + tensor(m, "x0"), ("n", "t", "e")),
        "by pairs": (tensor(m, "write", BeforePair("n"), "t", "e") + tensor(m, "x0"), ("n", "t", "e")),
        "centred": (
            4 * (tensor(m, "write", Before("n"), "t", "e") + tensor(m, "x0"))
            - (tensor(m, "write", Before("n"), "t", ones(D)) + tensor(m, "x0", "t", ones(D))),
            ("n", "t", "e"),
        ),
        "first": (tensor(m, "wpe", First("t"), "e"), ("t", "e")),
        "until": (tensor(m, "x0", Until("t", 3), "e"), ("t", "e")),
        "from": (tensor(m, "x0", From("t", 2), "e"), ("t", "e")),
        "padded": (tensor(m, "o", "l", Padded("pos"), "c", "e"), ("l", "pos", "c", "e")),
        "rows": (tensor(m, "y", index(2 * L, 2 * L + 1), rows, "e"), ("i", "e")),
        "slots": (
            tensor(m, "o", "l", "t", slots(50, 2), "e") - tensor(m, "bias", "l", slots(50, 2), "e") - 7,
            ("l", "t", "e"),
        ),
        "listed": (tensor(m, "o", "l", "t", front, "e"), ("l", "t", "e")),
        "wide": (tensor(m, "big") * 3 + 1, ("l", "t", "e")),
        "wide sums": (tensor(m, "big", "l", "t", ones(D)).over("e") - tensor(m, "big"), ("l", "t", "e")),
        "swapped": (tensor(m, "o", "l", "t", Swap("c"), "e"), ("l", "t", "c", "e")),
        "chosen": (tensor(m, "bias", Chosen("t", (0, 2, 1, 1, 0)), "c", "e"), ("t", "c", "e")),
        "one for all": (tensor(m, "bias", Chosen("u", (2,) * N), "c", "e"), ("u", "c", "e")),
        "constant": (Form((), ()) + 5, ()),
    }


def expected(name: str, data: ProverData) -> np.ndarray:
    """The definition of each form, in numpy."""
    a = {n: t.astype(object) for n, t in data.tensors.items()}
    big = a["big.0"] + (a["big.1"] << 4) + (a["big.2"] << 8)
    prefix = np.stack([a["write"][:n].sum(axis=0) if n else 0 * a["x0"] for n in range(2 * L + 1)]) + a["x0"]
    packed = lambda x, axis: x.take(0, axis) + (x.take(1, axis) << 50)
    return {
        "plain": a["o"], "renamed": a["x0"], "even": a["write"][::2], "odd": a["y"][1::2], "stream": prefix,
        "by pairs": prefix[[n // 2 * 2 for n in range(2 * L + 1)]],
        "centred": 4 * prefix - prefix.sum(axis=2)[..., None], "first": a["wpe"][:N],
        "until": np.concatenate([a["x0"][:3], 0 * a["x0"][3:]]),
        "from": np.concatenate([0 * a["x0"][:2], a["x0"][2:]]),
        "padded": np.concatenate([a["o"], 0 * a["o"][:, :2]], axis=1), "rows": a["y"][2 * L, 1:3],
        "slots": packed(a["o"], 2) - packed(a["bias"], 1)[:, None] - 7,
        "listed": 3 * a["o"][:, :, 0] + 5 * a["o"][:, :, 1], "wide": 3 * big + 1,
        "wide sums": big.sum(axis=2)[..., None] - big, "swapped": a["o"][:, :, ::-1],
        "chosen": a["bias"][[0, 2, 1, 1, 0]], "one for all": a["bias"][[2] * N],
        "constant": np.array(5, object),
    }[name] % R  # fmt: skip


def at_point(values: np.ndarray, points: list[list[int]]) -> int:
    for z in points:
        values = np.tensordot(np.array(F.eq_vector(z, values.shape[0]), object), values, axes=(0, 0)) % R
    return int(values) % R


@pytest.mark.parametrize("name", forms(manifest()))
def test_table_open_and_definition_agree(name: str) -> None:
    m, rng = manifest(), random.Random(name)
    form, axes = forms(m)[name]
    assert set(form.axes) == set(axes)
    data = random_data(toy_protocol(m), rng)
    truth = expected(name, data)
    if name != "slots":  # a contracted term is not broadcast to a table; the protocol only opens it
        assert np.array_equal(dense_form(data, form, axes), truth)
    points = {a: [rng.randrange(R) for _ in range(ceil_log2(m.axes[a]))] for a in axes}
    value = at_point(truth, [points[a] for a in axes])
    assert data.open([(1, form, points)]) == value
    constant, opened = form.open(m, {a: tuple(map(Fr, z)) for a, z in points.items()})
    party, _ = parties(toy_protocol(m), data)
    assert (claim_value(party, data, Claim("", list(opened), 0)) + int(constant)) % R == value


@pytest.mark.parametrize("name", ["plain", "stream", "centred", "odd", "rows"])
def test_bound_axes(name: str) -> None:
    """Binding some axes is evaluating the dense table there."""
    m, rng = manifest(), random.Random(name)
    form, axes = forms(m)[name]
    data = random_data(toy_protocol(m), rng)
    for bound in axes[:-1]:
        free = tuple(a for a in axes if a != bound)
        z = [rng.randrange(R) for _ in range(ceil_log2(m.axes[bound]))]
        if any(t.tensor is None or all(x.axis != a for x in t.maps) for t in form.terms for a in free):
            continue
        got = np.array(NAIVE.from_table(data.table(form, free, {bound: tuple(map(Fr, z))})), object)
        dense = np.moveaxis(dense_form(data, form, axes), axes.index(bound), 0)
        weights = np.array(F.eq_vector(z, m.axes[bound]), object)
        assert (got.reshape(dense.shape[1:]) == np.tensordot(weights, dense, axes=(0, 0)) % R).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 2), st.integers(1, 4))
def test_packed_tensors(seed: int, axis: int, count: int) -> None:
    """A packed tensor is the sum of its slots, whatever its slot axis."""
    rng = random.Random(seed)
    m = Manifest({"k": 3, "j": 4})
    m.fixed("p", "k", "j")
    sizes = [3, 4]
    sizes.insert(axis, count)
    values = np.array([rng.randrange(-99, 99) for _ in range(12 * count)], np.int16).reshape(sizes)
    data = ProverData(m, NAIVE, {"p": Packed(values, axis, 40)})
    dense = sum((np.moveaxis(values, axis, 0)[c].astype(object) << 40 * c for c in range(count)), start=0)
    points = {a: [rng.randrange(R) for _ in range(2)] for a in ("k", "j")}
    assert data.open([(1, tensor(m, "p"), points)]) == at_point(
        np.asarray(dense) % R, [points["k"], points["j"]]
    )


def test_forms_refuse_a_wrong_number_of_maps() -> None:
    with pytest.raises(ValueError):
        tensor(manifest(), "o", "l", "t")
    data = random_data(toy_protocol(manifest()), random.Random(0))
    with pytest.raises(ValueError):
        data.table(tensor(manifest(), "x0"), ("t",), {})
