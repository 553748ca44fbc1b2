"""Every predicate of a Llama at its bound: a configuration or model that passes, and one that is a unit
beyond and does not. A predicate without a case fails the suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zkllm.llama.config import LlamaConfig
from zkllm.model.llama import options, predicates
from zkllm.model.llama.predicates import (
    SHIFTS,
    SLOTS,
    array_predicates,
    config_predicates,
    failed_config_predicates,
    failed_predicates,
    failed_public_predicates,
    largest_sum,
    residual_bound,
    slot_bounds,
    square_sum_bound,
)
from zkllm.model.llama.rotary import Rotary
from zkllm.model.llama.tiny import tiny_model
from zkllm.model.llama.weights import CapTable, LlamaModel

UNTIED = {"tied_head": False, "o_bias": True, "mlp_bias": True, "head_bits": 11}
MODEL = tiny_model(0, **UNTIED)
BASE = replace(
    MODEL.config, **{slots: 1 for slots in SLOTS if slots != "vocab_slots"}, head_slot_bits=50,
    width_slot_bits=50, inner_slot_bits=50,
)  # fmt: skip
GAINED = ("qkv", "o", "gate", "up", "down", "score", "product")
Change = dict[str, Any]
LAST = (1 << 31) - 1
SIZES = ("n_layer", "n_head", "n_kv_head", "head_dim", "d_model", "d_inner", "n_ctx", *SLOTS)


def failing(c: LlamaConfig) -> set[str]:
    return {p.name for p in config_predicates(c) if not p.holds}


def wrong(model: LlamaModel) -> set[str]:
    return {p.name for p in array_predicates(model) if not p.holds}


def bounds(field: str, least: int | None, most: int | None, **others: Any) -> list[tuple[Change, Change]]:
    """Both ends of the values that a field may have."""
    ends = [(least, -1)] if least is not None else []
    ends += [(most, 1)] if most is not None else []
    return [({field: at, **others}, {field: at + step, **others}) for at, step in ends]


CLAIMS = {
    "qkv": ("head_slot_bits", BASE.head_bits + BASE.qkv_shift),
    "o": ("width_slot_bits", BASE.write_bits + BASE.o_shift),
    "gate": ("inner_slot_bits", BASE.gate_bits + BASE.gate_shift),
    "up": ("inner_slot_bits", BASE.up_bits + BASE.up_shift),
    "down": ("width_slot_bits", BASE.write_bits + BASE.down_shift),
    "head": ("vocab_slot_bits", BASE.logit_bits + 1),  # logit - diff, of as many bits each
    "embedding": ("vocab_slot_bits", BASE.act_bits),
}
"""A slot's bits that leave its claim no second value."""

CONFIG_CASES: dict[str, list[tuple[Change, Change]]] = {
    **{f"1 <= {name} < 2^31": bounds(name, 1, LAST) for name in SIZES},
    **{f"1 <= {name} <= 30": bounds(name, 1, 30)
       for name in (*SHIFTS, "up_shift", "product_shift", "exp_shift")},
    **{f"{slots} * {bits}": [({slots: 11, bits: 23}, {slots: 11, bits: 24})]
       for slots, bits in SLOTS.items()},
    "1 <= mu <= 26": [({}, {"mu": 27}), ({}, {"mu": 0})],
    "1 <= fixed_mu <= mu": bounds("fixed_mu", 1, 11),
    "1 <= witness_mu < mu": bounds("witness_mu", 1, 10),
    "hidden: fixed_mu < mu": bounds("fixed_mu", None, 10, hidden=True),
    "fixed_mu: a column's address holds the bits of the layer": bounds("n_layer", None, 7, fixed_mu=3),
    "vocab_size: ids are 24-bit": bounds("vocab_size", 1, 1 << 24),
    "pad_id is a token id": bounds("pad_id", 0, BASE.vocab_size - 1),
    "n_ctx < 2^16": bounds("n_ctx", None, (1 << 16) - 1),
    **{f"{kind}_gains: one of each layer": [
        ({f"{kind}_gains": (0, 1)}, {f"{kind}_gains": gains}) for gains in ((0,), (0, 1, 0), ())
    ] for kind in GAINED},
    **{f"0 <= {kind}_gains <= 16, the least 0": [
        ({f"{kind}_gains": at}, {f"{kind}_gains": beyond})
        for at, beyond in (((0, 16), (0, 17)), ((0, 0), (1, 1)), ((1, 0), (1, -1)))
    ] for kind in GAINED},
    "act_class: a class for each layer": [
        ({"act_class": (0, 1)}, {"act_class": of}) for of in ((0,), (0, 1, 0), ())
    ],
    "act_class: counted from 0, all used, at most 4": [
        ({"act_class": (1, 0)}, {"act_class": (1, 1)}), ({"act_class": (0, 0)}, {"act_class": (0, 2)}),
        ({"act_class": (3, 0, 2, 1)}, {"act_class": (3, 0, 2, 1, 4)}), ({}, {"act_class": (-1, 0)}),
    ],
    "exp_shift is no less than a gain of scores": [
        ({"score_gains": (0, BASE.exp_shift)}, {"score_gains": (0, BASE.exp_shift + 1)}),
    ],
    "n_kv_head divides n_head": [({"n_kv_head": 3}, {"n_kv_head": 4})],
    "head_dim is even": [({"head_dim": 6}, {"head_dim": 5})],
    "head_slots divide half a head's features": [
        ({"head_slots": 2}, {"head_slots": 3}), ({"head_dim": 2}, {"head_dim": 1}),
    ],
    "width_slots divide the width": [({"width_slots": 5}, {"width_slots": 4})],
    "inner_slots divide the inner width": [({"inner_slots": 3}, {"inner_slots": 4})],
    "no vocabulary slot is empty": [({"vocab_slots": 6}, {"vocab_slots": 7})],  # 11 ids: 6 blocks of 2
    "1 <= norm_shift <= 62": bounds("norm_shift", 1, 62),
    "kappa >= norm_shift": bounds("kappa", BASE.norm_shift, None),
    "d 2^(2 kappa) <= 2^123": [({"kappa": 59, "d_model": 31}, {"kappa": 59, "d_model": 32})],
    "0 <= wte_shift <= 40": bounds("wte_shift", 0, 40),
    "1 <= rotary_shift < 15": bounds("rotary_shift", 1, 14),
    "act_bits, gate_bits <= 16": bounds("act_bits", 2, 16) + bounds("gate_bits", 2, 16),
    "head_bits: none, or act_bits < head_bits <= 24": [
        *bounds("head_bits", BASE.act_bits + 1, 24), ({"head_bits": 0}, {"head_bits": -1}),
    ],
    "up_bits <= 24": bounds("up_bits", 2, 24),
    "product_bits <= 30": bounds("product_bits", 2, 30),
    "final_bits <= 30": bounds("final_bits", 2, 30),
    "exp_bits <= 20": bounds("exp_bits", 1, 20),
    "over_bits <= 31": bounds("over_bits", 1, 31),
    "write_bits <= 32": bounds("write_bits", 2, 32),
    "logit_bits, diff_bits <= 62": bounds("logit_bits", 2, 62) + bounds("diff_bits", 1, 62),
    "div_bits <= 62": bounds("div_bits", 1, 62),
    "limb_bits <= 16": bounds("limb_bits", 1, 16),
    "rho_bits, norm_bits <= 128": bounds("rho_bits", 1, 128) + bounds("norm_bits", 1, 128),
    "eps_int >= 1, and below 2^125": bounds("eps_int", 1, (1 << 125) - 1),
    **{f"one value: {kind}": bounds(field, bits, None) for kind, (field, bits) in CLAIMS.items()},
    "one value: rho": bounds("norm_bits", None, 127, rho_bits=62),
    "wte_factor is odd, and below 2^24": [
        ({"wte_factor": (1 << 24) - 1}, {"wte_factor": (1 << 24) + 1}),
        ({"wte_factor": 3}, {"wte_factor": 2}),
        ({"wte_factor": 1}, {"wte_factor": -1}),
    ],
    "0 <= x0_shift <= 30, 0 where wte_shift is not": [
        *bounds("x0_shift", 0, 30, wte_shift=0), ({"x0_shift": 0}, {"x0_shift": 1}),
    ],
}  # fmt: skip


def test_every_predicate_of_the_configuration_has_a_case() -> None:
    assert failing(BASE) == set()
    assert {p.name for p in config_predicates(BASE)} == {*CONFIG_CASES, "one value: root"}


def test_rho_has_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kappa and width that are allowed come to the limit, which is moved instead."""
    root = (BASE.d_model << 2 * BASE.kappa + BASE.rho_bits + 1).bit_length()
    for bits, holds in ((root, True), (root - 1, False)):
        monkeypatch.setattr(options, "UNIQUE_BITS", bits)
        assert ("one value: root" not in failing(BASE)) == holds


@pytest.mark.parametrize("name", CONFIG_CASES)
def test_a_predicate_of_the_configuration_at_its_bound(name: str) -> None:
    for at, beyond in CONFIG_CASES[name]:
        assert name not in failing(replace(BASE, **at)), at
        assert name in failing(replace(BASE, **beyond)), beyond
        assert any(failed_config_predicates(replace(BASE, **beyond)))


# ---- what is packed and what may wrap, written down a second time


def loose(**fields: Any) -> LlamaModel:
    return replace(MODEL, config=replace(MODEL.config, **fields))


def top(model: LlamaModel, name: str) -> int:
    return int(np.abs(model[name].astype(object)).max())


def column_sums(model: LlamaModel, kind: str) -> int:
    """Times the layer's gain."""
    by_layer = np.abs(model[f"w_{kind}"].astype(np.int64)).sum(axis=1).reshape(model.config.n_layer, -1)
    return max(int(most) << g for most, g in zip(by_layer.max(axis=1), model.config.gains(kind), strict=True))


def needed(model: LlamaModel) -> dict[str, int]:
    """Bits of a slot: max |Z| + max |Z'|."""
    c, act = model.config, 1 << model.config.act_bits - 1
    write, product, read = (1 << bits - 1 for bits in (c.write_bits, c.product_bits, c.head_bits))
    kinds = {
        "qkv": (act, read, c.qkv_shift), "o": (act, write, c.o_shift),
        "gate": (act, 1 << c.gate_bits - 1, c.gate_shift), "up": (act, 1 << c.up_bits - 1, c.up_shift),
        "down": (product, write, c.down_shift),
    }  # fmt: skip
    sums = {
        kind: inputs * column_sums(model, kind)
        + (output << shift)
        + (1 << shift - 1)
        + top(model, f"b_{kind}")
        for kind, (inputs, output, shift) in kinds.items()
    }
    head = int(np.abs(model["head"].astype(np.int64)).sum(axis=1).max()) << c.final_bits - 1
    sums["head"] = head + (1 << c.logit_bits - 1) + (1 << c.diff_bits) + 1
    sums["embedding"] = top(model, "wte") + act
    return {kind: total.bit_length() for kind, total in sums.items()}


def test_slots_hold_what_may_be_claimed() -> None:
    wider = (
        "act_bits",
        "head_bits",
        "up_bits",
        "product_bits",
        "final_bits",
        "write_bits",
        "logit_bits",
        "diff_bits",
    )
    for fields in ({}, *({name: getattr(MODEL.config, name) + 3} for name in wider)):
        model = loose(**fields)
        found = {s.kind: s.needed_bits for s in slot_bounds(model)}
        claimed = {s.kind: s.claimed_bits for s in slot_bounds(model)}
        assert found == {kind: max(bits, claimed[kind]) for kind, bits in needed(model).items()}, fields


SLOT_BITS = {"qkv": "head_slot_bits", "o": "width_slot_bits", "gate": "inner_slot_bits",
             "up": "inner_slot_bits", "down": "width_slot_bits", "head": "vocab_slot_bits",
             "embedding": "vocab_slot_bits"}  # fmt: skip


@pytest.mark.parametrize("kind", SLOT_BITS)
def test_a_slot_that_is_a_bit_too_narrow_is_found(kind: str) -> None:
    bits = next(s.needed_bits for s in slot_bounds(MODEL) if s.kind == kind)
    assert f"packing {kind}" not in wrong(loose(**{SLOT_BITS[kind]: bits}))
    assert f"packing {kind}" in wrong(loose(**{SLOT_BITS[kind]: bits - 1}))


def extremes(m: LlamaModel) -> dict[str, int]:
    """What both sides of each relation can reach."""
    c, act = m.config, 1 << m.config.act_bits - 1
    x = (top(m, "wte") << c.wte_shift) + 2 * c.n_layer * (1 << c.write_bits - 1)
    q, rho, norm = c.d_model * x * x + c.eps_int, 1 << c.rho_bits, 1 << c.norm_bits
    total = c.n_ctx * top(m, "exp")
    g, yf, read = (1 << bits - 1 for bits in (c.product_bits, c.final_bits, c.head_bits))
    delta = (1 << c.exp_shift) * ((1 << c.exp_bits) - 1 + (1 << c.over_bits) - 1) + (1 << c.exp_shift) - 1
    return {
        "rmsnorm rows": max(norm + rho**2 * q + (c.d_model << 2 * c.kappa), 2 * norm + (2 * rho + 1) * q),
        "rmsnorm features": (act << c.norm_shift) + (1 << c.norm_shift - 1) + x * rho,
        "rotary": (read << c.rotary_shift)
        + (1 << c.rotary_shift - 1)
        + (top(m, "cos") + top(m, "sin")) * read,
        "attention": (2 * c.head_dim * read**2 << max(c.score_gains)) + delta,
        "division": 2 * total * read + total + 2 * total * read + (1 << c.div_bits) - 1,
        "gated product": (g << c.product_shift)
        + (1 << c.product_shift - 1)
        + (top(m, "act") << c.up_bits - 1 << max(c.product_gains)),
        "final norm": (yf << c.final_shift) + (1 << c.final_shift - 1) + top(m, "gain") * act,
        "embedding: X0": 2 * (top(m, "wte") << c.wte_shift),
    }


TERMS = {
    "rmsnorm rows": ("norm_bits", "rho_bits", "kappa", "eps_int", "write_bits", "wte", "d_model", "n_layer"),
    "rmsnorm features": ("norm_shift", "act_bits", "rho_bits", "write_bits", "wte", "n_layer"),
    "rotary": ("rotary_shift", "head_bits", "cos", "sin"),
    "attention": ("head_dim", "head_bits", "exp_shift", "exp_bits", "over_bits", "score_gains"),
    "division": ("n_ctx", "exp", "head_bits", "div_bits"),
    "gated product": ("product_bits", "product_shift", "act", "up_bits", "product_gains"),
    "final norm": ("final_shift", "final_bits", "act_bits", "gain"),
    "embedding: X0": ("wte_shift", "wte"),
}


class Loose:
    """A model whose arrays are one number each, and whose fields may be anything."""

    def __init__(self, config: LlamaConfig, arrays: dict[str, int]):
        self.config, self.held = config, arrays

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array([self.held[name]], object)


def of_one(**fields: Any) -> Any:
    arrays = {name: top(MODEL, name) for name in ("wte", "exp", "act", "cos", "sin", "gain")}
    return Loose(replace(MODEL.config, **fields), arrays)


def one_more(model: Any, name: str) -> Any:
    if name in model.held:
        return Loose(model.config, {**model.held, name: model.held[name] + 1})
    value = getattr(model.config, name)
    more = tuple(g + 1 for g in value) if isinstance(value, tuple) else value + 1
    return Loose(replace(model.config, **{name: more}), model.held)


@pytest.mark.parametrize("relation, name", [(r, name) for r, names in TERMS.items() for name in names])
def test_a_sum_covers_each_of_its_terms(relation: str, name: str) -> None:
    """It is at least what the terms can reach, and grows by as much as one of them does."""
    one = of_one()
    more = one_more(one, name)
    before, after = largest_sum(one)[relation], largest_sum(more)[relation]
    assert extremes(one)[relation] <= before and extremes(more)[relation] <= after
    assert after - before >= extremes(more)[relation] - extremes(one)[relation] > 0


def test_every_sum_has_its_terms() -> None:
    assert set(largest_sum(MODEL)) == set(TERMS) == set(extremes(MODEL))


@pytest.mark.parametrize("relation", TERMS)
def test_a_sum_stays_below_the_modulus(relation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from zkllm.model import predicates as shared

    bound = largest_sum(MODEL)[relation]
    for modulus, holds in ((bound + 1, True), (bound, False)):
        monkeypatch.setattr(shared, "R", modulus)
        assert (f"no wrap: {relation}" not in wrong(MODEL)) == holds


def test_the_stream_and_its_squares_are_bounded() -> None:
    c = MODEL.config
    x = (top(MODEL, "wte") << c.wte_shift) + 2 * c.n_layer * 2 ** (c.write_bits - 1)
    assert residual_bound(MODEL) == x
    assert square_sum_bound(MODEL) == c.d_model * x * x + c.eps_int


# ---- the other predicates of the arrays


def with_array(name: str, value: int, at: int = 3) -> Callable[[LlamaModel], LlamaModel]:
    def change(model: LlamaModel) -> LlamaModel:
        array = np.array(model[name])
        array.reshape(-1)[at] = value
        return model.with_arrays(**{name: array})

    return change


def with_config(**config: Any) -> Callable[[LlamaModel], LlamaModel]:
    return lambda model: replace(model, config=replace(model.config, **config))


def with_tables(**fields: Any) -> Callable[[LlamaModel], LlamaModel]:
    return lambda model: replace(model, tables=replace(model.tables, **fields))


def same(model: LlamaModel) -> LlamaModel:
    return model


def with_bias(kind: str, beyond: int) -> Callable[[LlamaModel], LlamaModel]:
    """A bias with which |Z| may reach 2^62 - 1 + beyond."""

    def change(model: LlamaModel) -> LlamaModel:
        true = next(s.true_max for s in slot_bounds(model) if s.kind == kind)
        return with_array(f"b_{kind}", -((1 << 62) - 1 - true + beyond))(model)

    return change


def with_another_rotation(model: LlamaModel) -> LlamaModel:
    return replace(model, tables=replace(model.tables, more_rotaries=(model.tables.rotary,)))


def with_long(pairs: int, original: int = MODEL.config.n_ctx) -> Callable[[LlamaModel], LlamaModel]:
    rotary = Rotary("longrope", factor=2.0, original=float(original), factors=(1.0,) * pairs)
    return with_tables(rotary=rotary)


KINDS = ("qkv", "o", "gate", "up", "down")
LIMIT = (1 << 15) - 1
RHO_MOST = (252 - square_sum_bound(MODEL).bit_length()) // 2
FITTING = (2 * MODEL.config.n_ctx * 15).bit_length()
ARRAY_CASES: dict[str, list[tuple[Callable[..., Any], Callable[..., Any]]]] = {
    **{f"weights w_{kind}": [(with_array(f"w_{kind}", -LIMIT), with_array(f"w_{kind}", -LIMIT - 1))]
       for kind in KINDS},
    "weights head": [(with_array("head", -LIMIT), with_array("head", -LIMIT - 1))],
    "weights wte": [(with_array("wte", s * 127), with_array("wte", s * 128)) for s in (1, -1)],
    **{f"accumulator {kind}": [(with_bias(kind, 0), with_bias(kind, 1))] for kind in KINDS},
    "norm": [(with_config(rho_bits=RHO_MOST), with_config(rho_bits=RHO_MOST + 1))],
    "exp table is non-increasing": [(same, with_array("exp", 16, 1))],
    "exp table ends in 0": [(same, with_array("exp", 1, -1))],
    "exp table starts above 0": [(same, with_array("exp", 0, 0))],
    "activation's table fits 30 bits": [(with_array("act", 1 - (1 << 29)), with_array("act", -1 << 29))],
    "activation's tables: scales for each class": [(same, with_tables(act_in_log2=(3,), act_out_log2=(3,)))],
    **{f"cosines and sines are below 2^15: {name}": [(with_array(name, -LIMIT), with_array(name, -LIMIT - 1))]
       for name in ("cos", "sin")},
    **{f"{name}: contents as specified": [(same, with_array(name, int(MODEL[name].reshape(-1)[5]) + 1, 5))]
       for name in ("exp", "act", "cos", "sin")},
    "a table of cosines and sines for each angle": [(same, with_another_rotation)],
    "a table of the cap where scores have one": [(same, with_tables(cap=CapTable(4.0, 2, 2)))],
    "longrope: a factor for each pair that is turned": [
        (with_long(MODEL.config.half), with_long(MODEL.config.half + step)) for step in (-1, 1)
    ],
    "longrope: no more positions than the original ones": [
        (with_long(MODEL.config.half), with_long(MODEL.config.half, MODEL.config.n_ctx - 1))
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
    "accumulator head": ("ACCUMULATOR_BITS", lambda m: slot_bounds(m)[5].true_max.bit_length()),
    "accumulator embedding": ("ACCUMULATOR_BITS", lambda m: slot_bounds(m)[6].true_max.bit_length()),
    "traced product": (
        "ACCUMULATOR_BITS",
        lambda m: (top(m, "act") << m.config.up_bits - 1 << max(m.config.product_gains)).bit_length(),
    ),
    "traced scores": (
        "ACCUMULATOR_BITS",
        lambda m: (
            m.config.head_dim << 2 * (m.config.head_bits - 1) + max(m.config.score_gains)
        ).bit_length(),
    ),
    "accumulator attention": (
        "ACCUMULATOR_BITS",
        lambda m: (2 * m.config.n_ctx * 15 * ((1 << m.config.head_bits - 1) + 1)).bit_length(),
    ),
    "stream": ("CENTRED_BITS", lambda m: residual_bound(m).bit_length()),
    "square sum": ("TRACED_BITS", lambda m: square_sum_bound(m).bit_length()),
}
"""Predicates that no configuration of a small model comes near: the limit is moved instead."""


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_compared_with_the_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, of = LIMITS[name]
    for bits, holds in ((of(MODEL), True), (of(MODEL) - 1, False)):
        monkeypatch.setattr(predicates, limit, bits)
        assert (name not in wrong(MODEL)) == holds


def test_every_predicate_of_the_arrays_has_a_case() -> None:
    assert wrong(MODEL) == set()
    covered = {*ARRAY_CASES, *LIMITS}
    covered |= {f"packing {kind}" for kind in SLOT_BITS} | {f"no wrap: {relation}" for relation in TERMS}
    assert {p.name for p in array_predicates(MODEL)} == covered


def test_public_predicates_need_no_weights() -> None:
    c, spec = MODEL.config, MODEL.tables
    assert failed_public_predicates(c, spec) == []
    assert failed_public_predicates(replace(c, head_dim=5), spec) != []
    assert failed_public_predicates(replace(c, div_bits=FITTING - 1), spec) != []
    assert failed_public_predicates(c, replace(spec, act_out_log2=(3, 29))) != []


@pytest.mark.parametrize("step", [-1, 1])
def test_a_specification_of_other_tables_is_named_before_they_are_made(step: int) -> None:
    spec = with_long(MODEL.config.half + step)(MODEL).tables
    (failed,) = failed_public_predicates(MODEL.config, spec)
    assert failed == "longrope: a factor for each pair that is turned"


def test_other_factors_than_a_longer_context_has_are_named_of_a_public_record() -> None:
    """Beyond the original positions a longrope turns by its long factors: the program would be sound, and
    another function than any model's."""
    spec = with_long(MODEL.config.half, MODEL.config.n_ctx - 1)(MODEL).tables
    (failed,) = failed_public_predicates(MODEL.config, spec)
    assert failed == "longrope: no more positions than the original ones"


@pytest.mark.parametrize("n_ctx", [1024, 2048])
def test_widths_hold_for_the_whole_context(n_ctx: int) -> None:
    """The division's range grows with n_ctx: a bit less is refused."""
    c, top_e = MODEL.config, top(MODEL, "exp")
    fitting = (2 * n_ctx * top_e - 1).bit_length()
    long = replace(c, n_ctx=n_ctx, div_bits=fitting)
    assert failed_public_predicates(long, MODEL.tables) == []
    (failed,) = failed_public_predicates(replace(long, div_bits=fitting - 1), MODEL.tables)
    assert failed.startswith(f"div_bits: 2 M may reach {2 * n_ctx * top_e}")
