"""Every predicate at its bound: a model or configuration that passes, and one that is a unit beyond and does
not. A predicate without a case fails the suite."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zkllm.errors import PackageError
from zkllm.gpt2.config import ProgramConfig
from zkllm.model import predicates
from zkllm.model.folding import LINEARS
from zkllm.model.predicates import (
    array_predicates,
    config_predicates,
    failed_config_predicates,
    failed_predicates,
    largest_sum,
    residual_bound,
    slot_bounds,
    square_sum_bound,
)
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.tiny import tiny_config, tiny_model
from zkllm.model.weights import QuantizedModel

BASE = replace(tiny_model(0).config, slots=1, slot_bits=50, inner_slots=1, inner_slot_bits=50)


def failing(c: ProgramConfig) -> set[str]:
    return {p.name for p in config_predicates(c) if not p.holds}


def wrong(model: QuantizedModel) -> set[str]:
    return {p.name for p in array_predicates(model) if not p.holds}


# ---- the configuration

Change = dict[str, Any]
LAST = (1 << 31) - 1
SIZES = ("n_layer", "n_head", "head_dim", "d_inner", "n_ctx", "slots", "inner_slots", "vocab_slots")
SHIFTS = ("qkv_shift", "o_shift", "fc1_shift", "fc2_shift", "final_shift", "exp_shift")
PAIRS = [("slots", "slot_bits"), ("inner_slots", "inner_slot_bits"), ("vocab_slots", "vocab_slot_bits")]


def bounds(field: str, least: int | None, most: int | None, **others: Any) -> list[tuple[Change, Change]]:
    """Both ends of the values that a field may have."""
    ends = [(least, -1)] if least is not None else []
    ends += [(most, 1)] if most is not None else []
    return [({field: at, **others}, {field: at + step, **others}) for at, step in ends]


def classes(n: int) -> Change:
    return {"n_layer": n, "mlp_class": tuple(range(n)), "fc1_gains": (0,) * n, "fc2_gains": (0,) * n}


CLAIMS = {
    "qkv": ("slot_bits", BASE.act_bits + BASE.qkv_shift),
    "o": ("slot_bits", BASE.write_bits + BASE.o_shift),
    "fc1": ("inner_slot_bits", BASE.gelu_bits + BASE.fc1_shift),
    "fc2": ("slot_bits", BASE.write_bits + BASE.fc2_shift),
    "head": ("vocab_slot_bits", BASE.logit_bits + 1),  # logit - diff, of as many bits each
    "embedding": ("vocab_slot_bits", BASE.act_bits),
}
"""A slot's bits that leave its claim no second value."""

CONFIG_CASES: dict[str, list[tuple[Change, Change]]] = {
    **{f"1 <= {name} < 2^31": bounds(name, 1, LAST) for name in SIZES},
    **{f"1 <= {name} <= 30": bounds(name, 1, 30) for name in SHIFTS},
    **{f"{slots} * {bits}": [({slots: 11, bits: 23}, {slots: 11, bits: 24}),
                             ({slots: 1, bits: 253}, {slots: 1, bits: 254})] for slots, bits in PAIRS},
    "1 <= mu <= 26": bounds("mu", None, 26) + [({}, {"mu": 0})],
    "1 <= fixed_mu <= mu": bounds("fixed_mu", 1, 10),
    "1 <= witness_mu < mu": bounds("witness_mu", 1, 9),
    "fixed_mu: a column's address holds the bits of the layer": bounds("n_layer", None, 7, fixed_mu=3),
    "vocab_size: ids are 24-bit": bounds("vocab_size", 1, 1 << 24),
    "pad_id is a token id": bounds("pad_id", 0, BASE.vocab_size - 1),
    "n_ctx < 2^16": bounds("n_ctx", None, (1 << 16) - 1),
    "mlp_class: a class for each layer": bounds("n_layer", 3, 3),
    "fc1_gains, fc2_gains: one of each class, at most 16": [
        (classes(16), classes(17)), ({}, {"fc2_gains": (1, 2, 3)}), ({}, {"fc2_gains": (1,)}),
        ({}, {"fc1_gains": (), "fc2_gains": ()}),
    ],
    "mlp_class: classes are counted from 0 and all used": [
        ({}, {"mlp_class": (0, 0, 0)}), ({}, {"mlp_class": (1, 1, 2)}), ({}, {"mlp_class": (0, 1, -1)}),
    ],
    "0 <= gains <= 16": [
        ({name: at}, {name: beyond}) for name in ("fc1_gains", "fc2_gains")
        for at, beyond in (((0, 16), (0, 17)), ((0, 0), (-1, 0)), ((0, 0), (0, -1)))
    ],
    "slots divide the heads": [({"slots": 3}, {"slots": 2})],
    "inner_slots divide the inner width": [({"inner_slots": 3}, {"inner_slots": 4})],
    "no vocabulary slot is empty": [({"vocab_slots": 6}, {"vocab_slots": 7})],  # 11 ids: 6 blocks of 2
    "1 <= ln_shift <= 62": bounds("ln_shift", 1, 62),
    "kappa >= ln_shift": bounds("kappa", 10, None),
    "d 2^(2 kappa) <= 2^125": [({"kappa": 60}, {"kappa": 61}), ({"kappa": 60, "head_dim": 10},
                               {"kappa": 60, "head_dim": 11})],
    "0 <= wte_shift, wpe_shift <= 40": bounds("wte_shift", 0, 40) + bounds("wpe_shift", 0, 40),
    "act_bits, gelu_bits <= 16": bounds("act_bits", 2, 16) + bounds("gelu_bits", 2, 16),
    "exp_bits <= 20, over_bits <= 31": bounds("exp_bits", 1, 20) + bounds("over_bits", 1, 31),
    "write_bits <= 32": bounds("write_bits", 2, 32),
    "logit_bits, diff_bits <= 62": bounds("logit_bits", 2, 62) + bounds("diff_bits", 1, 62),
    "div_bits <= 62": bounds("div_bits", 1, 62),
    "limb_bits <= 16": bounds("limb_bits", 1, 16),
    "rho_bits, norm_bits <= 128": bounds("rho_bits", 1, 128) + bounds("norm_bits", 1, 128),
    "eps_int >= 1, and below 2^125": bounds("eps_int", 1, (1 << 125) - 1),
    "hidden: fixed_mu < mu": bounds("fixed_mu", None, 9, hidden=True),
    **{f"one value: {kind}": bounds(field, bits, None) for kind, (field, bits) in CLAIMS.items()},
    "one value: rho": bounds("norm_bits", None, 127, rho_bits=62)
    + bounds("rho_bits", None, 61, norm_bits=128),
    "one value: root": bounds("rho_bits", None, 127, kappa=60, head_dim=10),  # d = 30: 5 + 120 + 127 + 1
}  # fmt: skip


def test_every_predicate_of_the_configuration_has_a_case() -> None:
    assert failing(BASE) == set()
    assert {p.name for p in config_predicates(BASE)} == set(CONFIG_CASES)


@pytest.mark.parametrize("name", CONFIG_CASES)
def test_a_predicate_of_the_configuration_at_its_bound(name: str) -> None:
    for at, beyond in CONFIG_CASES[name]:
        assert name not in failing(replace(BASE, **at)), at
        assert name in failing(replace(BASE, **beyond)), beyond
        assert any(failed_config_predicates(replace(BASE, **beyond)))


@pytest.mark.parametrize("field", [f for f, v in BASE.to_dict().items() if type(v) is int])
def test_huge_numbers_cost_nothing(field: str) -> None:
    """No number is shifted by, or multiplied out, before it is bounded."""
    for value in (LAST, -LAST, 1 << 4000):
        tracemalloc.start()
        failed_config_predicates(replace(BASE, **{field: value}))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20, value


# ---- packing: what fits a slot exactly, with every term that the bound has

FIELDS = {
    "qkv": ("w_qkv", "b_qkv", "act_bits", "qkv_shift"),
    "o": ("w_o", "b_o", "act_bits", "write_bits", "o_shift"),
    "fc1": ("w_fc1", "b_fc1", "act_bits", "gelu_bits", "fc1_shift", "fc1_gains"),
    "fc2": ("w_fc2", "b_fc2", "gelu", "write_bits", "fc2_shift", "fc2_gains"),
    "head": ("wte", "act_bits", "logit_bits", "diff_bits"),
    "embedding": ("wte", "act_bits"),
}
SLOTS = {"fc1": "inner_slot_bits", "head": "vocab_slot_bits", "embedding": "vocab_slot_bits"}
OUTPUT_BITS = {"qkv": "act_bits", "o": "write_bits", "fc1": "gelu_bits", "fc2": "write_bits"}


def filled(kind: str) -> QuantizedModel:
    """max|Z| + max|Z'| = 2^K - 1, as the program's equations give it, whatever `slot_bounds` says."""
    if kind == "head":  # L and D are even and so is the input: only the 1 of [v < id] is odd
        m = tiny_model(0, act_bits=2, logit_bits=3, diff_bits=2)
        wte = np.zeros_like(m.wte)
        wte[5, :11] = 1
        assert 2 * 11 + (1 << 2) + (1 << 2) + 1 == (1 << 5) - 1
        return replace(m, wte=wte, config=replace(m.config, vocab_slot_bits=5))
    m = tiny_model(0)
    c = m.config
    if kind == "embedding":
        wte = np.zeros_like(m.wte)
        wte[3, 2] = -127
        return replace(m, wte=wte, config=replace(c, vocab_slot_bits=8))
    inputs = int(np.abs(m.gelu).max()) if kind == "fc2" else 1 << c.act_bits - 1
    shift = getattr(c, f"{kind}_shift")
    true = 0
    for l, weights in enumerate(np.abs(getattr(m, f"w_{kind}").astype(object))):
        gain = getattr(c, f"{kind}_gains")[c.mlp_class[l]] if kind in ("fc1", "fc2") else 0
        true = max(true, inputs * int(weights.sum(axis=0).max()) << gain)
    # Y is least, and its remainder 0: the most that 2^s Y + R - 2^(s-1) can be away from 0
    claimed = (1 << shift) * (1 << getattr(c, OUTPUT_BITS[kind]) - 1) + (1 << shift - 1)
    slot = (true + claimed).bit_length() + 1
    bias = np.zeros_like(getattr(m, f"b_{kind}"))
    bias.reshape(-1)[3] = -((1 << slot) - 1 - true - claimed)
    config = replace(c, **{SLOTS.get(kind, "slot_bits"): slot})
    return replace(m, config=config, **{f"b_{kind}": bias})


def grown(model: QuantizedModel, name: str) -> QuantizedModel:
    """With one width one bit wider, or the largest entry of an array one unit larger."""
    if hasattr(model.config, name):
        value = getattr(model.config, name)
        more: Any = tuple(v + 1 for v in value) if isinstance(value, tuple) else value + 1
        tables = {"gelu": np.repeat(model.gelu, 2, axis=1)} if name == "gelu_bits" else {}
        return replace(model, config=replace(model.config, **{name: more}), **tables)
    array = np.array(getattr(model, name))
    if name.startswith("w_"):  # of the column with the largest norm, in the layer where it counts most
        kind = name[2:]
        gains = [1 << g for g in model.config.gains(kind)] if kind in ("fc1", "fc2") else [1] * len(array)
        norms = [np.abs(a.astype(np.int64)).reshape(len(a), -1).sum(axis=0) * g
                 for a, g in zip(array, gains, strict=True)]  # fmt: skip
        layer = int(np.argmax([n.max() for n in norms]))
        at = layer, 0, int(norms[layer].argmax())
        array = array.reshape(len(array), array.shape[1], -1)
        array[at] += 1 if array[at] >= 0 else -1
        return replace(model, **{name: array.reshape(getattr(model, name).shape)})
    at = np.unravel_index(int(np.abs(array.astype(np.int64)).argmax()), array.shape)
    if name == "wte" and np.abs(array).max() == 1:  # of the head: one more entry in the largest row
        at = (5, 11)
    array[at] += 1 if array[at] >= 0 else -1
    return replace(model, **{name: array})


@pytest.mark.parametrize("kind, name", [(kind, name) for kind, names in FIELDS.items() for name in names])
def test_slots_are_filled_exactly(kind: str, name: str) -> None:
    model = filled(kind)
    assert f"packing {kind}" not in wrong(model)
    assert f"packing {kind}" in wrong(grown(model, name))


def test_every_packed_kind_has_its_terms() -> None:
    assert [s.kind for s in slot_bounds(tiny_model(0))] == list(FIELDS)


# ---- no wrap: every term of every relation

Model = SimpleNamespace


def loose(**changes: Any) -> Model:
    """The extremes of a model, without arrays of their shapes: bounds take nothing else from them."""
    c = tiny_config(**{"rho_bits": 20, "norm_bits": 30, "div_bits": 9} | changes)
    arrays = {"wte": 7, "wpe": 5, "gain": 3, "beta": 11, "exp": 15}
    return Model(config=c, **{k: np.array([-v, 0]) for k, v in arrays.items()})


def extremes(m: Model) -> dict[str, int]:
    """Sums of the largest magnitudes of each relation's terms, written down from docs/protocol.md, 4.4."""
    c = m.config
    top = {name: int(np.abs(getattr(m, name)).max()) for name in ("wte", "wpe", "gain", "beta", "exp")}
    act, d, rho, norm = 1 << c.act_bits - 1, c.width, (1 << c.rho_bits) - 1, (1 << c.norm_bits) - 1
    x = top["wte"] * 2**c.wte_shift + top["wpe"] * 2**c.wpe_shift + 2 * c.n_layer * 2 ** (c.write_bits - 1)
    centred = 2 * (d - 1) * x  # one entry at x, the others at -x
    squares = d * (d * x) ** 2 + c.eps_int  # half of them at x, half at -x
    steps = 2**c.exp_bits - 1 + 2**c.over_bits - 1
    rows = c.n_ctx * top["exp"]
    return {
        "layernorm rows": max(
            norm + d * 4**c.kappa + rho**2 * squares, 2 * norm + 1 + (2 * rho + 1) * squares
        ),
        "layernorm features": 2**c.ln_shift * act + 2 ** (c.ln_shift - 1) + centred * rho,
        "attention": 2**c.exp_shift * steps + 2**c.exp_shift - 1 + 2 * c.head_dim * act**2,
        "division": rows + 2**c.div_bits - 1 + 2 * rows * act + 2 * rows * act,
        "final norm": 2**c.final_shift * act + 2 ** (c.final_shift - 1) + top["beta"] + top["gain"] * act,
        "embedding: X0": 2 * (top["wte"] * 2**c.wte_shift + top["wpe"] * 2**c.wpe_shift),
    }  # fmt: skip


TERMS = {
    "layernorm rows": ("norm_bits", "rho_bits", "kappa", "eps_int", "write_bits", "wte", "wpe", "n_layer"),
    "layernorm features": ("ln_shift", "act_bits", "rho_bits", "write_bits", "wte", "head_dim", "n_layer"),
    "attention": ("head_dim", "act_bits", "exp_shift", "exp_bits", "over_bits"),
    "division": ("n_ctx", "exp", "act_bits", "div_bits"),
    "final norm": ("final_shift", "act_bits", "gain", "beta"),
    "embedding: X0": ("wte_shift", "wpe_shift", "wte", "wpe"),
}


HIGH = {"layernorm rows": ("norm_bits", "eps_int", "write_bits")}
"""Terms of the second of its two equations, which is the larger one where rho and kappa are least."""
CASES = [({}, r, name) for r, names in TERMS.items() for name in names]
CASES += [
    ({"rho_bits": 1, "kappa": 1, "norm_bits": 60}, r, name) for r, names in HIGH.items() for name in names
]


def one_more(m: Model, name: str) -> Model:
    if name in vars(m):
        return Model(**{**vars(m), name: getattr(m, name) - 1})
    return Model(**{**vars(m), "config": replace(m.config, **{name: getattr(m.config, name) + 1})})


@pytest.mark.parametrize("base, relation, name", CASES)
def test_a_sum_covers_each_of_its_terms(base: Change, relation: str, name: str) -> None:
    """It is at least what the terms can reach, and grows by as much as one of them does."""
    one = loose(**base)
    more = one_more(one, name)
    before, after = largest_sum(one)[relation], largest_sum(more)[relation]
    assert extremes(one)[relation] <= before and extremes(more)[relation] <= after
    assert after - before >= extremes(more)[relation] - extremes(one)[relation] > 0


def test_every_sum_has_its_terms() -> None:
    assert set(largest_sum(loose())) == set(TERMS) == set(extremes(loose()))


@pytest.mark.parametrize("relation", TERMS)
def test_a_sum_stays_below_the_modulus(relation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(0)
    bound = largest_sum(model)[relation]
    for modulus, holds in ((bound + 1, True), (bound, False)):
        monkeypatch.setattr(predicates, "R", modulus)
        assert (f"no wrap: {relation}" not in wrong(model)) == holds


def test_the_residual_stream_is_bounded_by_all_writes() -> None:
    c = loose().config
    x0 = 7 * 2**c.wte_shift + 5 * 2**c.wpe_shift
    assert residual_bound(loose()) == x0 + 2 * c.n_layer * 2 ** (c.write_bits - 1)


def test_squares_are_bounded() -> None:
    """By what rows of extremes reach, and not much above."""
    for heads in (1, 2, 4):
        m = loose(n_head=heads, head_dim=2)
        d, x, c = 2 * heads, residual_bound(m), m.config
        rows = (np.array(signs, dtype=object) * x for signs in product((-1, 1), repeat=d))
        most = max(sum((d * row - row.sum()) ** 2) for row in rows) + c.eps_int
        assert most <= square_sum_bound(m) <= 4 * most


# ---- the other predicates of the arrays


def with_array(name: str, value: int, at: int = 3, **config: Any) -> Callable[[QuantizedModel], Any]:
    def change(model: QuantizedModel) -> QuantizedModel:
        array = np.array(getattr(model, name))
        array.reshape(-1)[at] = value
        return replace(model, config=replace(model.config, **config), **{name: array})

    return change


def with_config(**config: Any) -> Callable[[QuantizedModel], QuantizedModel]:
    return lambda model: replace(model, config=replace(model.config, **config))


def same(model: QuantizedModel) -> QuantizedModel:
    return model


def with_tables(**tables: Any) -> Callable[[QuantizedModel], QuantizedModel]:
    return lambda model: replace(model, tables=replace(model.tables, **tables))


def with_bias(kind: str, beyond: int) -> Callable[[QuantizedModel], QuantizedModel]:
    """A bias with which |Z| may reach 2^62 - 1 + beyond."""

    def change(model: QuantizedModel) -> QuantizedModel:
        true = next(s.true_max for s in slot_bounds(model) if s.kind == kind)
        return with_array(f"b_{kind}", -((1 << 62) - 1 - true + beyond))(model)

    return change


MODEL = tiny_model(0)
RHO_MOST = (252 - square_sum_bound(MODEL).bit_length()) // 2
FITTING = (2 * MODEL.config.n_ctx * 15).bit_length()
LIMIT = (1 << 15) - 1
ARRAY_CASES: dict[str, list[tuple[Callable[..., Any], Callable[..., Any]]]] = {
    **{f"weights {name}": [(with_array(name, s * LIMIT), with_array(name, s * (LIMIT + 1))) for s in signs]
       for name, signs in (("wpe", (-1,)), ("w_qkv", (-1,)), ("w_o", (-1,)), ("w_fc1", (-1,)),
                           ("w_fc2", (-1,)))},
    "weights wte": [(with_array("wte", s * 127), with_array("wte", s * 128)) for s in (1, -1)],
    **{f"accumulator {kind}": [(with_bias(kind, 0), with_bias(kind, 1))] for kind in LINEARS},
    "norm": [(with_config(rho_bits=RHO_MOST), with_config(rho_bits=RHO_MOST + 1))],
    "exp table is non-increasing": [(same, with_array("exp", 16, 1))],
    "exp table ends in 0": [(same, with_array("exp", 1, -1))],
    "exp table starts above 0": [(same, with_array("exp", 0, 0))],
    "GELU table fits act_bits": [(with_array("gelu", -127), with_array("gelu", -128))],
    "exp table: contents as specified": [
        (same, with_array("exp", int(MODEL.exp[2]) + 1, 2)), (same, with_tables(exp_top=14)),
    ],
    "GELU tables: scales for each class": [
        (same, with_tables(gelu_in_log2=(3,))), (same, with_tables(gelu_out_log2=(3, 2, 2))),
    ],
    "GELU table: contents as specified": [
        (same, with_array("gelu", int(MODEL.gelu.reshape(-1)[at]) + 1, at)) for at in (5, 64 + 60)
    ],
    "div_bits and the table": [(with_config(div_bits=FITTING), with_config(div_bits=FITTING - 1))],
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAY_CASES)
def test_a_predicate_of_the_arrays_at_its_bound(name: str) -> None:
    for at, beyond in ARRAY_CASES[name]:
        assert name not in wrong(at(MODEL))
        assert name in wrong(beyond(MODEL))
        assert failed_predicates(beyond(MODEL)) != []


LIMITS = {
    "accumulator head": ("ACCUMULATOR_BITS", lambda m: slot_bounds(m)[4].true_max.bit_length()),
    "accumulator embedding": ("ACCUMULATOR_BITS", lambda m: slot_bounds(m)[5].true_max.bit_length()),
    "accumulator attention": (
        "ACCUMULATOR_BITS",
        lambda m: (2 * m.config.n_ctx * 15 * ((1 << m.config.act_bits - 1) + 1)).bit_length(),
    ),
    "centred": ("CENTRED_BITS", lambda m: (2 * m.config.width * residual_bound(m)).bit_length()),
    "square sum": ("TRACED_BITS", lambda m: square_sum_bound(m).bit_length()),
}
"""Predicates that no configuration of a small model comes near: the limit is moved instead."""


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_compared_with_the_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, needed = LIMITS[name]
    for bits, holds in ((needed(MODEL), True), (needed(MODEL) - 1, False)):
        monkeypatch.setattr(predicates, limit, bits)
        assert (name not in wrong(MODEL)) == holds


def test_every_predicate_of_the_arrays_has_a_case() -> None:
    assert wrong(MODEL) == set()
    covered = {*ARRAY_CASES, *LIMITS}
    covered |= {f"packing {kind}" for kind in FIELDS} | {f"no wrap: {relation}" for relation in TERMS}
    assert {p.name for p in array_predicates(MODEL)} == covered


def test_the_limits_are_those_of_the_arithmetic() -> None:
    from zkllm.field import R

    assert 2 ** (predicates.PACKED_BITS + 1) > predicates.R == R > 2**predicates.PACKED_BITS
    assert 2**predicates.NORM_BITS * 2 < R and predicates.WORD_BITS == 128
    assert predicates.ACCUMULATOR_BITS == predicates.CENTRED_BITS == 62 and predicates.TRACED_BITS == 125


def test_tables_of_a_wide_step_are_compared_too() -> None:
    """The predicate recomputes the tables that the specification names."""
    spec = replace(MODEL.tables, exp_step_log2=0, gelu_in_log2=(2, 1))
    exp, gelu = exp_table(spec, MODEL.config.exp_bits), gelu_table(spec, MODEL.config.gelu_bits)
    assert not wrong(replace(MODEL, tables=spec, exp=exp, gelu=gelu)) & {
        "exp table: contents as specified",
        "GELU table: contents as specified",
    }


def of_context(n_ctx: int, div_bits: int) -> QuantizedModel:
    config = replace(MODEL.config, n_ctx=n_ctx, div_bits=div_bits)
    return replace(MODEL, config=config, wpe=np.resize(MODEL.wpe, (n_ctx, config.width)))


@pytest.mark.parametrize("n_ctx", [1024, 2048])
def test_widths_hold_for_the_whole_context(n_ctx: int) -> None:
    """The division's range and the sums over the rows grow with n_ctx: a bit less is refused, by name."""
    fitting = (2 * n_ctx * int(MODEL.exp[0]) - 1).bit_length()
    long = of_context(n_ctx, fitting)
    assert failed_predicates(long) == []
    short = replace(long, config=replace(long.config, div_bits=fitting - 1))
    assert wrong(short) == {"div_bits and the table"}
    assert largest_sum(long)["division"] > (n_ctx // MODEL.config.n_ctx - 1) * largest_sum(MODEL)["division"]
    with pytest.raises(PackageError, match=f"div_bits: 2 M may reach {2 * n_ctx * int(MODEL.exp[0])}"):
        predicates.check_predicates(short)


@pytest.mark.parametrize("n_ctx", [1024, 2048])
def test_an_execution_that_could_overflow_is_refused(n_ctx: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of exponentials times values are 64-bit integers: what may reach 2^62 is no model."""
    bits = (2 * n_ctx * int(MODEL.exp[0]) * 129).bit_length()
    long = of_context(n_ctx, 30)
    for limit, holds in ((bits, True), (bits - 1, False)):
        monkeypatch.setattr(predicates, "ACCUMULATOR_BITS", limit)
        assert ("accumulator attention" not in wrong(long)) == holds
