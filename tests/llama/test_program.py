"""The integer program: the fast execution is the reference, and what it traces is proved, at every shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from testkit.kernels import NAIVE
from zkllm.errors import QuantizationRangeError, StatementError
from zkllm.families import describe
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.llama.config import CapConfig
from zkllm.model.execution import generate_trace, trace
from zkllm.model.llama.predicates import failed_predicates
from zkllm.model.llama.reference import generate_reference, trace_reference
from zkllm.model.llama.tiny import tiny_model
from zkllm.protocol.columns import combine_columns
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.witness import prover_data
from zkllm.statement import pack_words

ROWS, CERTIFIED = 6, 2
SHAPES: dict[str, dict[str, Any]] = {
    "groups of two": {},
    "groups of three, a head of its own, every bias": dict(
        n_head=9, n_kv_head=3, head_dim=6, d_model=14, tied_head=False, o_bias=True, mlp_bias=True, mu=12
    ),
    "one head of keys, no bias": dict(n_head=3, n_kv_head=1, qkv_bias=False, d_model=7, d_inner=5),
    "no groups": dict(n_head=3, n_kv_head=3, head_dim=2, d_model=8),
    "no slots": dict(head_slots=1, width_slots=1, inner_slots=1, vocab_slots=1, mu=12),
    "one layer, one head": dict(n_layer=1, n_head=1, n_kv_head=1, head_dim=2, d_model=3, d_inner=2),
    "narrow limbs": dict(limb_bits=5, mu=12),
    "norms of heads": dict(head_norm=True),
    "norms of heads, groups of three, narrow limbs": dict(
        head_norm=True, n_head=9, n_kv_head=3, head_dim=6, d_model=14, limb_bits=5, mu=12
    ),
    "norms of heads, one head": dict(head_norm=True, n_layer=1, n_head=1, n_kv_head=1, mu=12),
    "norms of what is put out, two rotations, a scaled embedding": dict(
        head_norm=True, post_norm=True, n_layer=3, angles=(0, 1, 0), wte_factor=101, wte_shift=0, x0_shift=4,
        mu=13,
    ),
    "norms of what is put out, narrow limbs": dict(
        post_norm=True, n_layer=1, wte_factor=3, wte_shift=1, limb_bits=6, mu=12
    ),
    "layer norms": dict(centred=True, mlp_bias=True, tied_head=False),
    "layer norms, one layer, no biases but theirs": dict(centred=True, n_layer=1, qkv_bias=False, n_head=3),
    "no gate": dict(gated=False, o_bias=True),
    "parallel": dict(parallel=True),
    "parallel, three layers": dict(parallel=True, n_layer=3),
    "parallel, one layer, no gate, layer norms, some features are turned": dict(
        parallel=True, n_layer=1, gated=False, centred=True, n_head=3, n_kv_head=3, head_dim=10, turned=4,
        tied_head=False, o_bias=True, mlp_bias=True, mu=12,
    ),
    "capped scores": dict(cap=True),
    "capped scores, a window, norms of what is put out": dict(
        cap=True, window=2, sliding=(1, 0), post_norm=True, n_head=3, mu=12
    ),
    "capped scores, narrow limbs, some features are turned": dict(
        cap=True, head_dim=8, turned=4, limb_bits=5, mu=12
    ),
    "a window in the second layer": dict(window=2, sliding=(0, 1)),
    "a window in every layer": dict(window=3, sliding=(1, 1), head_norm=True),
    "a window of one position, three layers": dict(window=1, sliding=(1, 0, 1), n_layer=3),
    "a window that is longer than the rows": dict(window=7, sliding=(1, 1)),
    "some features are turned": dict(head_dim=10, turned=4),
    "some features are turned, groups of three, slots, narrow limbs": dict(
        n_head=9, n_kv_head=3, head_dim=12, turned=8, d_model=14, limb_bits=5, mu=12
    ),
    "some features are turned, two rotations, one head": dict(
        n_head=1, n_kv_head=1, head_dim=6, turned=2, angles=(0, 1)
    ),
    "wide heads": dict(head_bits=18),
    "wide heads, three slots of half, narrow limbs": dict(head_bits=18, head_dim=6, limb_bits=5),
    "wide heads with norms, a window": dict(head_bits=17, head_norm=True, window=2, sliding=(0, 1)),
    "wide heads of words, some features are turned": dict(head_bits=12, head_dim=10, turned=4),
    "wide heads, capped scores": dict(head_bits=17, cap=CapConfig(24, 8)),
    "wide products": dict(up_bits=17, product_bits=23, final_bits=21, logit_bits=28, diff_bits=28),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kernels", [NATIVE, NAIVE], ids=["native", "naive"])
def test_execution_is_the_reference(name: str, kernels: Any) -> None:
    model = tiny_model(3, **SHAPES[name])
    ids, T = generate_reference(model, [3, 1], CERTIFIED, ROWS)
    expected = trace_reference(model, ids, CERTIFIED, T)
    found = generate_trace(model, [3, 1], CERTIFIED, ROWS, kernels=kernels)
    assert (found.ids, found.T) == (ids, T)
    assert set(found) == set(expected)
    for array in expected:
        assert np.array_equal(found[array], expected[array]), array


@pytest.mark.parametrize(
    "name, triangular_from",
    [
        *((name, 128) for name in SHAPES),
        *((name, 1) for name in SHAPES if "window" in name or name == "capped scores"),
    ],
)
def test_an_execution_is_proved(name: str, triangular_from: int) -> None:
    """Every check of the interpreted verifier, with the columns in the place of their commitments."""
    model = tiny_model(3, **SHAPES[name])
    assert failed_predicates(model) == []
    description = describe(model.config, ROWS, CERTIFIED, triangular_from=triangular_from)
    traced = generate_trace(model, [3, 1], CERTIFIED, ROWS)
    data = prover_data(description, model, traced, NATIVE)
    statement = pack_words(traced.T, traced.ids, ROWS), InnerStatement(traced.T, traced.ids)
    prover = Prover(description, 7, data)
    run_inner(description, prover, *statement)
    verifier = Verifier(description, 7, prover.messages)
    result = run_inner(description, verifier, *statement)
    assert verifier.failed == [] and verifier.position == len(prover.messages)
    e = NATIVE.eq_table([int(c) for c in result.point])
    numbers = range(description.num_columns)
    for g, value in zip(numbers, result.columns, strict=True):
        alone = [int(g == other) for other in numbers]
        column = combine_columns(data, (description.fixed, description.witness), alone, 1 << description.mu)
        assert NATIVE.inner(column, e) == int(value) % R


def test_a_value_beyond_its_width_is_named_by_both() -> None:
    for fields, name in (
        ({"write_bits": 5}, "write"), ({"product_bits": 3}, "g"), ({"final_bits": 4}, "yf"),
        ({"act_bits": 5}, "y"), ({"head_bits": 9, "qkv_shift": 1}, "qkv"), ({"gate_bits": 3}, "f"),
    ):  # fmt: skip
        model = tiny_model(3, **fields)
        ids = [3, 1, 4, 1, 5, 0, 0]
        for run in (trace, trace_reference):
            with pytest.raises(QuantizationRangeError) as caught:
                run(model, ids, 1, 4, check=True)
            assert caught.value.tensor.partition("[")[0] == name, fields


def test_a_false_answer_is_refused() -> None:
    model = tiny_model(3)
    ids, T = generate_reference(model, [3, 1], 1, ROWS)
    ids[T] = (ids[T] + 1) % model.config.vocab_size
    for run in (trace, trace_reference):
        with pytest.raises(StatementError, match="not the model's answer"):
            run(model, ids, 1, T)


def test_a_window_is_what_rows_see() -> None:
    """Weights where it says, and no shape of fewer rows knows it."""
    c = tiny_model(3, window=2, sliding=(0, 1)).config
    traced = generate_trace(tiny_model(3, window=2, sliding=(0, 1)), [3, 1], CERTIFIED, ROWS)
    for t in range(ROWS):
        for u in range(t + 1):
            behind = u + 2 <= t
            seen = traced["e"][:, t, :, u] > 0
            assert not seen[1].any() if behind else True
            idx = traced["idx"][1, t, :, u]
            assert (idx == (1 << c.exp_bits) - 1).all() if behind else True
    assert (traced["e"][0, ROWS - 1, :, : ROWS - 3] > 0).any()  # the first layer sees it
    for rows, whole in ((2, True), (3, False)):
        relations = describe(c, rows, 1, triangular_from=1).relations
        assert ("attention: mask of the exponentials" not in relations) == whole


def test_rows_with_gains_have_an_eps_and_a_gain_of_their_own() -> None:
    """By the equations, and by which write, layer, query or key a row is."""
    model = tiny_model(3, head_norm=True, post_norm=True)
    c, traced = model.config, generate_trace(model, [3, 1], CERTIFIED, ROWS)
    heads, outputs = c.head_norm, c.post_norm
    assert heads is not None and outputs is not None
    whole = lambda name, at: int.from_bytes(traced[name][at].tobytes(), "little")
    parts = lambda name: traced[name][:, :, : c.group + 1].reshape(2, ROWS, c.group + 1, c.n_kv_head, -1)
    plain, normed, left = (parts(name).astype(object) for name in ("qkv", "normed", "normed_rem"))
    for at in np.ndindex(plain.shape[:-1]):
        kind = int(at[2] == c.group)
        rho, d = whole("head_rho", at), plain[at]
        q = sum(d * d) + (heads.query_eps, heads.key_eps)[kind][at[0]]
        assert whole("head_u", at) == (c.head_dim << 2 * heads.kappa) - rho**2 * q
        made = (normed[at] << heads.shift) + left[at] - (1 << heads.shift - 1)
        assert (made == model["head_gain"][at[0], kind].astype(object) * d * rho).all()
    for at in np.ndindex(traced["out"].shape[:-1]):
        rho, d = whole("post_rho", at), traced["out"][at].astype(object)
        q = sum(d * d) + outputs.eps[at[0]]
        assert whole("post_u", at) == (c.d_model << 2 * outputs.kappa) - rho**2 * q
        write, rem = (traced[name][at].astype(object) for name in ("write", "write_rem"))
        made = (write << outputs.shift) + rem - (1 << outputs.shift - 1)
        assert (made == model["post_gain"][at[0]].astype(object) * d * rho).all()


def test_the_embedding_is_scaled_by_its_factor() -> None:
    """To the last place, which no logit tells."""
    model = tiny_model(3, wte_factor=101, wte_shift=0, x0_shift=4)
    traced = generate_trace(model, [3, 1], CERTIFIED, ROWS)
    scaled = (traced["x0"].astype(np.int64) << 4) + traced["x0_rem"] - (1 << 3)
    assert np.array_equal(scaled, 101 * model["wte"][traced.ids[:-1]].astype(np.int64))


def test_parallel_layers_read_one_stream() -> None:
    """Attention and the MLP of a layer, whose norms differ in nothing else."""
    for parallel in (True, False):
        y = generate_trace(tiny_model(3, parallel=parallel), [3, 1], CERTIFIED, ROWS)["y"]
        assert all(np.array_equal(y[2 * l], y[2 * l + 1]) == parallel for l in range(2))
        assert not np.array_equal(y[1], y[2]) and not np.array_equal(y[3], y[4])


def test_turning_keeps_lengths() -> None:
    """A pair's length changes by rounding alone, and position 0 is not turned."""
    model = tiny_model(3)
    c, traced = model.config, generate_trace(tiny_model(3), [3, 1], CERTIFIED, ROWS)
    shape = (*traced["rot"].shape[:3], c.n_kv_head, 2, c.half)
    rot = traced["rot"].reshape(shape).astype(float)
    plain = traced["qkv"][:, :, : c.group + 1].reshape(shape).astype(float)
    assert (
        np.abs(np.hypot(rot[..., 0, :], rot[..., 1, :]) - np.hypot(plain[..., 0, :], plain[..., 1, :])).max()
        < 2
    )
    assert np.array_equal(rot[:, 0], plain[:, 0]) and not np.array_equal(rot[:, 1], plain[:, 1])
