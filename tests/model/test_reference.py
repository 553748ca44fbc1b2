"""The readable integer program on tiny random models, against the definitions of the protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.errors import PackageError, QuantizationRangeError, StatementError
from zkllm.families import declared
from zkllm.model.predicates import check_predicates, failed_predicates, residual_bound
from zkllm.model.reference import generate_reference, trace_reference
from zkllm.model.tiny import tiny_model

SHAPES = [
    {},
    {"slots": 1, "inner_slots": 1, "vocab_slots": 1},
    {"n_layer": 2, "n_head": 5, "head_dim": 8, "vocab_size": 301, "d_inner": 30, "n_ctx": 16},
    {"n_layer": 1, "n_head": 1, "head_dim": 3, "d_inner": 5, "vocab_size": 7},
    {"vocab_size": 10, "gelu_bits": 8},
]


def word_value(words: np.ndarray) -> int:
    return int.from_bytes(words.astype("<u2").tobytes(), "little")


@pytest.mark.parametrize("shape", SHAPES)
def test_tiny_models_satisfy_the_predicates_and_run(shape: dict[str, int]) -> None:
    for seed in range(3):
        model = tiny_model(seed, **shape)
        check_predicates(model)
        ids, T = generate_reference(model, [3, 2, 1], k=2, rows=6)
        assert T == 4 and len(ids) == 7 and ids[5:] == [0, 0]
        trace = trace_reference(model, ids, 2, T)
        assert set(trace) == set(declared(model.config, 6, 2).traced())
        assert (trace.diff >= 0).all()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6), n_head=st.integers(1, 4), head_dim=st.integers(1, 6), length=st.integers(1, 4)
)
def test_every_relation_holds(seed: int, n_head: int, head_dim: int, length: int) -> None:
    model = tiny_model(seed, n_head=n_head, head_dim=head_dim, n_layer=2)
    c = model.config
    prompt = [(seed + 5 * i) % c.vocab_size for i in range(length)]
    ids, T = generate_reference(model, prompt, k=2, rows=6)
    tr = trace_reference(model, ids, 2, T)
    d, x = c.width, tr.x0.astype(object)
    for n in range(2 * c.n_layer + 1):
        for t in range(6):
            rho, u, v = (word_value(tr[name][n, t]) for name in ("rho", "u", "v"))
            centred = d * x[t] - x[t].sum()
            q = int((centred**2).sum()) + c.eps_int
            assert u + rho * rho * q == d << (2 * c.kappa) and v + u + 1 == (2 * rho + 1) * q
            left = (tr.y[n, t].astype(object) << c.ln_shift) + tr.y_rem[n, t] - (1 << (c.ln_shift - 1))
            assert (left == centred * rho).all() and (tr.y_rem[n] < 1 << c.ln_shift).all()
        if n < 2 * c.n_layer:
            x = x + tr.write[n].astype(object)
            assert abs(x).max() <= residual_bound(model)
    for l in range(c.n_layer):
        z = np.einsum("tk,kpj->tpj", tr.y[2 * l].astype(np.int64), model.w_qkv[l]) + model.b_qkv[l]
        shifted = (tr.qkv[l].astype(np.int64) << c.qkv_shift) + tr.qkv_rem[l]
        assert (shifted == z + (1 << (c.qkv_shift - 1))).all()
        z = (tr.y[2 * l + 1].astype(np.int64) @ model.w_fc1[l] << c.gains("fc1")[l]) + model.b_fc1[l]
        shifted = (tr.f[l].astype(np.int64) << c.fc1_shift) + tr.f_rem[l]
        assert (shifted == z + (1 << (c.fc1_shift - 1))).all()
        z = (tr.g[l].astype(np.int64) @ model.w_fc2[l] << c.gains("fc2")[l]) + model.b_fc2[l]
        shifted = (tr.write[2 * l + 1].astype(np.int64) << c.fc2_shift) + tr.fc2_rem[l]
        assert (shifted == z + (1 << (c.fc2_shift - 1))).all()
        assert (model.gelu[c.mlp_class[l]][tr.f[l] + (1 << (c.gelu_bits - 1))] == tr.g[l]).all()
        q, k, v = (tr.qkv[l, :, p].reshape(6, c.n_head, head_dim).astype(np.int64) for p in range(3))
        scores = np.einsum("the,uhe->thu", q, k)
        causal = np.tril(np.ones((6, 6), bool))[:, None, :]
        delta = ((tr.idx[l].astype(np.int64) + tr.over[l]) << c.exp_shift) + tr.rem[l]
        assert (np.where(causal, delta - tr.score_max[l][:, :, None] + scores, delta) == 0).all()
        assert (tr.sel[l].sum(axis=2) == 1).all() and (tr.sel[l] * delta == 0).all()
        assert (np.where(causal, model.exp[tr.idx[l]], 0) == tr.e[l]).all()
        assert (tr.over[l] * tr.e[l].astype(np.int64) == 0).all()
        total = tr.e[l].astype(np.int64).sum(axis=2)
        assert (total >= model.exp[0]).all()
        n = np.einsum("thu,uhe->the", tr.e[l].astype(np.int64), v)
        o, w = (tr[name][l].reshape(6, c.n_head, head_dim).astype(np.int64) for name in ("o", "div"))
        total = total[:, :, None]
        assert (2 * n + total - 2 * total * o == w).all() and ((0 <= w) & (w < 2 * total)).all()
    for i in range(2):
        row, certified = T - 2 + i, ids[T - 1 + i]
        yf = (tr.yf[i].astype(np.int64) << c.final_shift) + tr.yf_rem[i] - (1 << (c.final_shift - 1))
        assert (yf == model.gain * tr.y[-1, row].astype(np.int64) + model.beta).all()
        logits = model.wte.astype(np.int64) @ tr.yf[i]
        assert (logits == tr.logits[i]).all() and tr.logit[i] == logits[certified]
        assert (tr["diff"][i] == logits[certified] - logits - (np.arange(c.vocab_size) < certified)).all()


def test_saturated_scores_occur() -> None:
    model = tiny_model(3, n_layer=3)
    traces = [trace_reference(model, [i, 2 * i, 7, 1, 9, 3, 0], 1, 6, check=False) for i in range(5)]
    assert any(tr.over.max() > 0 for tr in traces)


def test_ties_go_to_the_lowest_id() -> None:
    model = tiny_model(1)
    ids, T = generate_reference(model, [3, 2, 1], 1, 5)
    winner = ids[T]
    wte = model.wte.copy()
    twin = next(i for i in range(winner + 1, 11) if i not in ids)
    wte[twin] = wte[winner]
    tied = replace(model, wte=wte)
    trace_reference(tied, ids, 1, T)
    ids[T] = twin
    with pytest.raises(StatementError, match=f"id {winner} wins"):
        trace_reference(tied, ids, 1, T)
    assert trace_reference(tied, ids, 1, T, check=False).diff.min() == -1


@pytest.mark.parametrize(
    "field, tensor",
    [("act_bits", "y"), ("write_bits", "write"), ("rho_bits", "rho"), ("norm_bits", "u"), ("gelu_bits", "f"),
     ("over_bits", "over"), ("div_bits", "div"), ("logit_bits", "logit"), ("diff_bits", "diff")],
)  # fmt: skip
def test_values_outside_their_width_raise(field: str, tensor: str) -> None:
    model = tiny_model(5, exp_shift=3, over_bits=11)
    ids, T = generate_reference(model, [3, 2, 1, 6], 2, 6)
    narrow = 4 if field in ("act_bits", "write_bits", "gelu_bits", "div_bits") else 1
    narrow = 8 if field in ("logit_bits", "diff_bits") else narrow
    config = replace(model.config, **{field: narrow})
    gelu = model.gelu[:, 24:40].copy() if field == "gelu_bits" else model.gelu
    with pytest.raises(QuantizationRangeError) as error:
        trace_reference(replace(model, config=config, gelu=gelu), ids, 2, T)
    assert error.value.tensor.split("[")[0] == tensor and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "ids, k, T",
    [([1, 2, 3, 0], 0, 2), ([1, 2, 3, 0], 3, 2), ([1, 2, 3, 0], 1, 4), ([1, 2, 3, 5], 1, 2),
     ([1, 2, 11, 0], 1, 2), ([1, -1, 2, 0], 1, 2), ([1] * 10, 1, 9)],
)  # fmt: skip
def test_statements_outside_the_language_are_refused(ids: list[int], k: int, T: int) -> None:
    with pytest.raises(StatementError):
        trace_reference(tiny_model(0), ids, k, T)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"eps_int": 0}, "eps_int"),
        ({"slot_bits": 10}, "one value: claims of qkv"),
        ({"inner_slot_bits": 10}, "one value: claims of fc1"),
        ({"vocab_slot_bits": 10}, "one value: claims of head"),
        ({"slot_bits": 200}, "slot_bits = 600 <= 253"),
        ({"slots": 2}, "slots divide the heads"),
        ({"vocab_slots": 8}, "vocabulary slot"),
        ({"rho_bits": 120}, "2 rho_bits"),
        ({"div_bits": 6}, "div_bits"),
        ({"kappa": 130}, "d 2.*kappa"),
        ({"rho_bits": 125}, "one value: 2 rho_bits"),
        ({"slots": 0}, "1 <= slots"),
        ({"mlp_class": (0, 1)}, "a class for each layer"),
        ({"mlp_class": (0, 0, 0)}, "all used"),
        ({"mlp_class": (0, 1, 2)}, "all used"),
        ({"fc2_gains": (0,)}, "one of each class"),
        ({"fc2_gains": (0, 17)}, "gains <= 16"),
        ({"fc1_gains": (-1, 0)}, "0 <= gains"),
        ({"exp_shift": 0}, "exp_shift"),
        ({"pad_id": 11}, "pad_id"),
    ],
)  # fmt: skip
def test_each_predicate_of_the_configuration_is_checked(change: dict[str, Any], words: str) -> None:
    model = tiny_model(0)
    with pytest.raises(PackageError, match=words):
        check_predicates(replace(model, config=replace(model.config, **change)))


def test_each_predicate_of_the_arrays_is_checked() -> None:
    model = tiny_model(0, slots=3, slot_bits=60)

    def changed(name: str, at: int, value: int) -> str:
        array = getattr(model, name).copy()
        array.reshape(-1)[at] = value
        return "; ".join(failed_predicates(replace(model, **{name: array})))

    assert "|w_o|" in changed("w_o", 3, -(1 << 15))
    assert "|wte|" in changed("wte", 3, 200)
    assert "non-increasing" in changed("exp", 3, 15 + 1)
    assert "ends in 0" in changed("exp", -1, 1)
    assert "above 0" in changed("exp", 0, 0)
    assert "exp table: contents" in changed("exp", 1, 13)
    assert "GELU table: contents" in changed("gelu", 5, 3)
    assert "GELU table fits" in changed("gelu", 5, 128)
    assert "GELU table: contents" in changed("gelu", 64 + 5, 3)
    assert "packing o" in changed("b_o", 0, -(1 << 62))
    wide = replace(model, config=replace(model.config, slots=1, slot_bits=253))
    bias = model.b_fc2.copy()
    bias[0, 0] = 1 << 62
    assert failed_predicates(wide) == []
    assert "fc2: |Z| may reach" in "; ".join(failed_predicates(replace(wide, b_fc2=bias)))
    assert changed("w_o", 3, 1) == ""
