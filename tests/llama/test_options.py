"""Every predicate of what only some of the Llama family have, at its bound, and each bound written down a
second time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zkllm.errors import Malformed
from zkllm.llama.config import CapConfig, LlamaConfig
from zkllm.model import predicates as shared
from zkllm.model.llama import options, predicates
from zkllm.model.llama.predicates import (
    array_predicates,
    config_predicates,
    failed_config_predicates,
    failed_predicates,
    failed_public_predicates,
    largest_sum,
    residual_bound,
    slot_bounds,
)
from zkllm.model.llama.tiny import tiny_model
from zkllm.model.llama.weights import LlamaModel, LlamaTables

from .test_predicates import failing, wrong

PLAIN = tiny_model(0)
MODEL = tiny_model(0, head_norm=True, post_norm=True, angles=(0, 1), wte_factor=5, wte_shift=0, x0_shift=3,
                   head_bits=11)  # fmt: skip
BASE = MODEL.config
NORMS = {"head_norm": "head norm", "post_norm": "post-norm"}


def having(name: str, **fields: Any) -> LlamaConfig:
    """With other fields of a norm."""
    return replace(BASE, **{name: replace(getattr(BASE, name), **fields)})


def of_norm(name: str) -> dict[str, list[tuple[LlamaConfig, LlamaConfig]]]:
    width = {"head_norm": BASE.head_dim, "post_norm": BASE.d_model}[name]
    eps = {"head_norm": "key_eps", "post_norm": "eps"}[name]
    count = len(getattr(getattr(BASE, name), eps))
    kappa = (123 - width.bit_length()) // 2
    ends = lambda field, *pairs: [
        (having(name, **{field: at}), having(name, **{field: off})) for at, off in pairs
    ]
    first = lambda value: (value, *getattr(getattr(BASE, name), eps)[1:])
    return {
        f"{name}: 1 <= shift <= 62": ends("shift", (1, 0), (62, 63)),
        f"{name}: rho_bits, norm_bits <= 128": [
            *ends("rho_bits", (1, 0), (128, 129)), *ends("norm_bits", (1, 0), (128, 129)),
        ],
        f"{name}: 1 <= kappa, d 2^(2 kappa) <= 2^123": ends("kappa", (1, 0), (kappa, kappa + 1)),
        f"{name}: eps >= 1, and below 2^124": ends(
            eps, (first(1), first(0)), (first((1 << 124) - 1), first(1 << 124))
        ),
        f"{name}: an eps of each {'layer' if name == 'head_norm' else 'write'}": ends(
            eps, ((1,) * count, (1,) * (count - 1)), ((1,) * count, (1,) * (count + 1))
        ),
        f"one value: rho of {NORMS[name]}": [
            (having(name, rho_bits=62, norm_bits=127), having(name, rho_bits=62, norm_bits=128))
        ],
        NORMS[name]: [(having(name, rho_bits=rho_most(name)), having(name, rho_bits=rho_most(name) + 1))],
    }  # fmt: skip


def squares(c: LlamaConfig, name: str) -> int:
    if name == "head_norm":
        assert c.head_norm is not None
        return c.head_dim * (1 << c.head_bits - 1) ** 2 + max(c.head_norm.query_eps + c.head_norm.key_eps)
    assert c.post_norm is not None
    return c.d_model * (1 << c.post_norm.out_bits - 1) ** 2 + max(c.post_norm.eps)


def rho_most(name: str) -> int:
    return (252 - squares(BASE, name).bit_length()) // 2


CASES: dict[str, list[tuple[LlamaConfig, LlamaConfig]]] = {
    **of_norm("head_norm"),
    **of_norm("post_norm"),
    "post_norm: 2 <= out_bits <= 32": [
        (having("post_norm", out_bits=at), having("post_norm", out_bits=off))
        for at, off in ((2, 1), (32, 33))
    ],
    "angles: one of each layer": [(BASE, replace(BASE, angles=(0, 1, 1)))],
    "angles: several, counted from 0 and all used": [
        (replace(BASE, angles=(1, 0)), replace(BASE, angles=angles))
        for angles in ((0, 2), (1, 2), (0, 0), (-1, 0))
    ],
}


PARTLY = tiny_model(0, head_dim=12, turned=8, head_slots=2).config
Cases = dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]
TURNED: Cases = {
    "turned: an even number of a head's features, and not all": [
        ({"turned": 8}, {"turned": t}) for t in (12, 7)
    ]
    + [({"turned": 4}, {"turned": -4})],
    "turned: head_slots divide half of them": [({}, {"turned": 6}), ({"head_slots": 1}, {"head_slots": 3})],
    "turned: heads have no norms": [({}, {"head_norm": BASE.head_norm})],
}


@pytest.mark.parametrize("name", TURNED)
def test_some_features_are_turned(name: str) -> None:
    assert failing(PARTLY) == set()
    plain = {p.name for p in config_predicates(PLAIN.config)}
    assert {p.name for p in config_predicates(PARTLY)} - plain == set(TURNED)
    for at, beyond in TURNED[name]:
        assert name not in failing(replace(PARTLY, **at)) and name in failing(replace(PARTLY, **beyond))


CAPPED = tiny_model(0, cap=CapConfig(12, 8), head_bits=11)
CAPS = {
    "cap: 1 <= shift <= 40": [(CapConfig(at, 8), CapConfig(off, 8)) for at, off in ((1, 0), (40, 41))],
    "cap: 2 <= bits <= 20": [(CapConfig(6, at), CapConfig(6, off)) for at, off in ((2, 1), (20, 21))],
}


@pytest.mark.parametrize("name", CAPS)
def test_a_cap_at_its_bounds(name: str) -> None:
    assert failing(CAPPED.config) == set()
    plain, own = ({p.name for p in config_predicates(m.config)} for m in (PLAIN, CAPPED))
    unused = {"1 <= exp_shift <= 30", "over_bits <= 31", "exp_shift is no less than a gain of scores"}
    assert plain - own == unused and own - plain == {*CAPS, "cap: no exp_shift, no over_bits"}
    for at, beyond in CAPS[name]:
        assert name not in failing(replace(CAPPED.config, cap=at))
        assert name in failing(replace(CAPPED.config, cap=beyond))


@pytest.mark.parametrize("field", ["exp_shift", "over_bits"])
def test_nothing_is_left_of_what_a_cap_replaces(field: str) -> None:
    assert failing(replace(CAPPED.config, **{field: 1})) == {"cap: no exp_shift, no over_bits"}


def test_scores_are_bounded_by_what_holds_them() -> None:
    c = CAPPED.config
    assert c.cap is not None
    read = 1 << c.head_bits - 1
    least = (c.head_dim * read * read << max(c.score_gains)) + (1 << c.cap.bits - 1 + c.cap.shift)
    assert least <= largest_sum(CAPPED)["attention"] < 3 * least


@pytest.mark.parametrize("name", ["cap and exponentials", "traced scores", "exact sums"])
def test_capped_scores_have_room(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    c = CAPPED.config
    assert c.cap is not None and wrong(CAPPED) == set()
    added = {p.name for p in array_predicates(CAPPED)} - {p.name for p in array_predicates(PLAIN)}
    assert added == {"cap and exponentials", "exact sums", "cap: contents as specified"}
    if name == "traced scores":
        score = c.head_dim << 2 * (c.head_bits - 1) + max(c.score_gains)
        model = replace(CAPPED, config=replace(c, cap=replace(c.cap, shift=score.bit_length() - 1)))
        assert score & score - 1 == 0  # so that with what rounding adds it is twice as large
        for bits, holds in ((score.bit_length() + 1, True), (score.bit_length(), False)):
            monkeypatch.setattr(predicates, "ACCUMULATOR_BITS", bits)
            assert (name not in wrong(model)) == holds
        return
    if name == "exact sums":
        read = 1 << c.head_bits - 1
        scores = c.head_dim * read * read
        for bits, holds in ((scores.bit_length(), True), (scores.bit_length() - 1, False)):
            monkeypatch.setattr(predicates, "FLOAT_BITS", bits)
            assert (name not in wrong(CAPPED)) == holds
        monkeypatch.setattr(predicates, "FLOAT_BITS", scores.bit_length())
        most = (1 << scores.bit_length()) // (c.n_ctx * read)  # a weight with which sums of e V are larger
        for weight, holds in ((most - 1, True), (most, False)):
            table = np.array(CAPPED["exp"])
            table[0] = weight
            assert (name not in wrong(CAPPED.with_arrays(exp=table))) == holds
        return
    for value, holds in (((1 << c.exp_bits - 1) - 1, True), (1 << c.exp_bits - 1, False)):
        table = np.array(CAPPED["cap"])
        table[0] = -value
        assert (name not in wrong(CAPPED.with_arrays(cap=table))) == holds


def test_the_cap_is_what_its_specification_says() -> None:
    c, spec = CAPPED.config, CAPPED.tables
    assert c.cap is not None and spec.cap is not None
    table = spec.cap.entries(spec.score_divisor, c.cap.bits)
    i = np.arange(-(1 << c.cap.bits - 1), 1 << c.cap.bits - 1)
    scores = i / 2.0**spec.cap.in_log2 / spec.score_divisor**0.5
    expected = spec.cap.bound * np.tanh(scores / spec.cap.bound) * 2.0**spec.cap.out_log2
    assert np.abs(table - expected).max() <= 0.5 + 1e-9 and (np.diff(table) >= 0).all()
    assert np.array_equal(table[1:], -table[1:][::-1])
    bent = np.array(CAPPED["cap"])
    bent[5] += 1
    assert "cap: contents as specified" in wrong(CAPPED.with_arrays(cap=bent))
    assert "a table of the cap where scores have one" in wrong(
        replace(CAPPED, tables=replace(spec, cap=None))
    )
    bads: tuple[dict[str, Any], ...] = (
        {"bound": 0.0},
        {"bound": 50},
        {"bound": float("nan")},
        {"in_log2": 101},
        {"out_log2": 41},
    )
    for bad in bads:
        data = spec.to_dict()
        data["cap"] = {**data["cap"], **bad}
        with pytest.raises(Malformed):
            LlamaTables.from_dict(data)
    assert LlamaTables.from_dict(spec.to_dict()) == spec


WINDOWED = tiny_model(0, window=3, sliding=(0, 1)).config
WINDOWS: Cases = {
    "sliding: 0 or 1 for each layer, a 1 among them": [
        ({"sliding": at}, {"sliding": off})
        for at, off in (((1, 1), (0, 0)), ((1, 0), (1,)), ((0, 1), (0, 1, 1)), ((0, 1), (0, 2)), ((0, 1), ()))
    ],
    "1 <= window < n_ctx": [
        ({"window": 1}, {"window": 0}), ({"window": WINDOWED.n_ctx - 1}, {"window": WINDOWED.n_ctx}),
        ({}, {"window": -1}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_one_of_layers(name: str) -> None:
    assert failing(WINDOWED) == set()
    plain = {p.name for p in config_predicates(PLAIN.config)}
    assert {p.name for p in config_predicates(WINDOWED)} - plain == set(WINDOWS)
    for at, beyond in WINDOWS[name]:
        assert name not in failing(replace(WINDOWED, **at)) and name in failing(replace(WINDOWED, **beyond))


UNGATED = tiny_model(0, gated=False)


@pytest.mark.parametrize("field", ["product_bits", "up_shift", "product_shift", "up_gains", "product_gains"])
def test_nothing_is_left_of_a_gate(field: str) -> None:
    """One configuration for each program: no field without a use."""
    name = "nothing of a gate where there is none"
    plain, own = ({p.name for p in config_predicates(m.config)} for m in (PLAIN, UNGATED))
    gates = {"up_bits <= 24", "product_bits <= 30", "1 <= up_shift <= 30", "1 <= product_shift <= 30"}
    gates |= {f"{kind}_gains: one of each layer" for kind in ("up", "product")}
    gates |= {f"0 <= {kind}_gains <= 16, the least 0" for kind in ("up", "product")}
    assert plain - own == {*gates, "one value: up"} and own - plain == {name}
    assert failing(UNGATED.config) == set()
    value = getattr(PLAIN.config, field)
    assert failing(replace(UNGATED.config, **{field: value})) == {name}


def test_down_reads_what_the_activation_holds() -> None:
    """The bound of its slots is that of the table, not of a range."""
    down = lambda m: next(s for s in slot_bounds(m) if s.kind == "down")
    table = np.array(UNGATED["act"])
    most, before = int(np.abs(table).max()), down(UNGATED).true_max
    table.reshape(-1)[3] = -3 * most
    assert down(UNGATED.with_arrays(act=table)).true_max == 3 * before
    assert failed_predicates(UNGATED) == [] and "gated product" not in largest_sum(UNGATED)
    assert "traced product" not in {p.name for p in array_predicates(UNGATED)}


CENTRED = tiny_model(0, centred=True)


def test_a_layer_norm_is_bounded_by_what_is_left_without_the_mean() -> None:
    c, x = CENTRED.config, residual_bound(CENTRED)
    most = 2 * c.d_model * x
    q, rho, bits = c.d_model * most**2 + c.eps_int, (1 << c.rho_bits) - 1, (1 << c.norm_bits) - 1
    low = bits + rho**2 * q + (c.d_model << 2 * c.kappa)
    least = {
        "layernorm rows": max(low, 2 * bits + 1 + (2 * rho + 1) * q),
        "layernorm features": (1 << c.act_bits - 1 + c.norm_shift) + (1 << c.norm_shift - 1) + most * rho,
        "final norm": (1 << c.final_bits - 1 + c.final_shift)
        + (1 << c.final_shift - 1)
        + (top(CENTRED, "gain") << c.act_bits - 1)
        + top(CENTRED, "beta"),
    }
    sums = largest_sum(CENTRED)
    assert all(least[name] <= sums[name] < 2 * least[name] for name in least)
    assert set(sums) ^ set(largest_sum(PLAIN)) == {
        f"{kind} {part}" for kind in ("layernorm", "rmsnorm") for part in ("rows", "features")
    }
    beta = np.array(CENTRED["beta"])
    beta[2] += 1000
    assert largest_sum(CENTRED.with_arrays(beta=beta))["final norm"] >= sums["final norm"] + 1000 - 9
    assert failed_predicates(CENTRED) == []


@pytest.mark.parametrize("name", ["stream", "final norm", "square sum"])
def test_a_layer_norm_is_traced_in_64_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    c = CENTRED.config
    most = 2 * c.d_model * residual_bound(CENTRED)
    limit, bits = {
        "stream": ("CENTRED_BITS", most.bit_length()),
        "square sum": ("TRACED_BITS", (c.d_model * most**2 + c.eps_int).bit_length()),
        "final norm": (
            "ACCUMULATOR_BITS",
            ((top(CENTRED, "gain") << c.act_bits - 1) + top(CENTRED, "beta")).bit_length(),
        ),
    }[name]
    for value, holds in ((bits, True), (bits - 1, False)):
        monkeypatch.setattr(predicates, limit, value)
        assert (name not in wrong(CENTRED)) == holds


def test_every_linear_layer_after_a_layer_norm_has_a_bias() -> None:
    """The norm's is folded into it."""
    c = tiny_model(0, centred=True, qkv_bias=False).config
    assert [kind for kind in c.kinds if c.biased(kind)] == ["qkv", "gate", "up"]
    assert [kind for kind in PLAIN.config.kinds if PLAIN.config.biased(kind)] == ["qkv"]


def test_every_predicate_of_the_configuration_has_a_case() -> None:
    assert failing(BASE) == set()
    names = lambda c: {p.name for p in config_predicates(c)}
    roots = {f"one value: root of {name}" for name in NORMS.values()}
    assert names(BASE) - names(PLAIN.config) == {*CASES, *roots}


@pytest.mark.parametrize("name", CASES)
def test_a_predicate_of_the_configuration_at_its_bound(name: str) -> None:
    for at, beyond in CASES[name]:
        assert name not in failing(at)
        assert name in failing(beyond)
        assert any(failed_config_predicates(beyond))


@pytest.mark.parametrize("name", NORMS)
def test_rho_has_one_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    norm, width = getattr(BASE, name), {"head_norm": BASE.head_dim, "post_norm": BASE.d_model}[name]
    root = (width << 2 * norm.kappa + norm.rho_bits + 1).bit_length()
    for bits, holds in ((root, True), (root - 1, False)):
        monkeypatch.setattr(options, "UNIQUE_BITS", bits)
        assert (f"one value: root of {NORMS[name]}" not in failing(BASE)) == holds


def top(model: LlamaModel, name: str) -> int:
    return int(np.abs(model[name].astype(object)).max())


def extremes(m: LlamaModel) -> dict[str, int]:
    """What both sides of each relation can reach."""
    c, found = m.config, {}
    x0 = top(m, "wte") * c.wte_factor << c.wte_shift
    found["embedding: X0"] = x0 + (1 << 31 + c.x0_shift) + (1 << c.x0_shift - 1)
    for name, output in (("head_norm", 1 << c.head_bits - 1), ("post_norm", 1 << c.write_bits - 1)):
        norm, q = getattr(c, name), squares(c, name)
        width = {"head_norm": c.head_dim, "post_norm": c.d_model}[name]
        most = 1 << (c.head_bits if name == "head_norm" else norm.out_bits) - 1
        rho, bits, s = (1 << norm.rho_bits) - 1, (1 << norm.norm_bits) - 1, norm.shift
        low = bits + rho**2 * q + (width << 2 * norm.kappa)
        found[f"{NORMS[name]} rows"] = max(low, 2 * bits + 1 + (2 * rho + 1) * q)
        gain = top(m, name.replace("norm", "gain"))
        found[f"{NORMS[name]} features"] = (output << s) + (1 << s - 1) + gain * most * rho
    return found


def test_sums_cover_what_both_sides_can_reach() -> None:
    for fields in ({}, {"head_bits": 13}, {"write_bits": 14}, {"x0_shift": 5}, {"wte_factor": 7}):
        model = replace(MODEL, config=replace(BASE, **fields))
        sums, least = largest_sum(model), extremes(model)
        assert all(least[relation] <= sums[relation] < 2 * least[relation] + 8 for relation in least), fields
    assert set(largest_sum(MODEL)) - set(largest_sum(PLAIN)) == set(extremes(MODEL)) - {"embedding: X0"}


GROWING = {
    "head norm rows": [("head_norm", f, 1) for f in ("kappa", "rho_bits", "norm_bits")],
    "head norm features": [("head_norm", f, 1) for f in ("shift", "rho_bits")],
    "post-norm rows": [("post_norm", f, 1) for f in ("kappa", "rho_bits", "norm_bits", "out_bits")],
    "post-norm features": [("post_norm", f, 1) for f in ("shift", "rho_bits", "out_bits")],
}


@pytest.mark.parametrize("relation", GROWING)
def test_a_sum_grows_with_each_of_its_terms(relation: str) -> None:
    for name, field, step in GROWING[relation]:
        more = replace(MODEL, config=having(name, **{field: getattr(getattr(BASE, name), field) + step}))
        grown = largest_sum(more)[relation] - largest_sum(MODEL)[relation]
        expected = extremes(more)[relation] - extremes(MODEL)[relation]
        assert grown >= expected >= 0 and (grown > 0 or field in ("kappa", "norm_bits")), field
    if relation.endswith("features"):
        name = "head_gain" if relation.startswith("head") else "post_gain"
        gains = np.array(MODEL[name])
        gains.reshape(-1)[0] = 100
        more = MODEL.with_arrays(**{name: gains})
        assert largest_sum(more)[relation] > largest_sum(MODEL)[relation]


@pytest.mark.parametrize("relation", [*GROWING, "embedding: X0"])
def test_a_sum_stays_below_the_modulus(relation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = largest_sum(MODEL)[relation]
    for modulus, holds in ((bound + 1, True), (bound, False)):
        monkeypatch.setattr(shared, "R", modulus)
        assert (f"no wrap: {relation}" not in wrong(MODEL)) == holds


@pytest.mark.parametrize("name, width", [("head_norm", BASE.head_dim), ("post_norm", BASE.d_model)])
def test_what_a_gain_makes_is_traced_in_64_bits(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gain = top(MODEL, name.replace("norm", "gain"))
    bits = getattr(BASE, name).kappa + gain.bit_length() + (width.bit_length() + 1) // 2
    # |D rho| <= sqrt(d) 2^kappa, and gain below 2^bits of it
    assert gain * width**0.5 * 2 ** getattr(BASE, name).kappa < 2**bits
    for limit, holds in ((bits, True), (bits - 1, False)):
        monkeypatch.setattr(predicates, "ACCUMULATOR_BITS", limit)
        assert (f"accumulator {NORMS[name]}" not in wrong(MODEL)) == holds


def test_every_predicate_of_the_arrays_has_a_case() -> None:
    assert wrong(MODEL) == set()
    names = lambda m: {p.name for p in array_predicates(m)}
    covered = {f"no wrap: {relation}" for relation in GROWING}
    covered |= {f"accumulator {name}" for name in NORMS.values()}
    assert names(MODEL) - names(PLAIN) == covered


def test_slots_hold_what_is_put_out() -> None:
    """The range of what the norm reads, not that of the write."""
    wider = replace(MODEL, config=having("post_norm", out_bits=16))
    for kind in ("o", "down"):
        bits = {m.config.post_norm: next(s for s in slot_bounds(m) if s.kind == kind) for m in (MODEL, wider)}
        plain, wide = bits.values()
        shift = getattr(BASE, f"{kind}_shift")
        assert wide.claimed_max - plain.claimed_max == (1 << 15 + shift) - (1 << 9 + shift)
        assert wide.claims == 1 << 16 + shift
    same = replace(MODEL, config=replace(BASE, write_bits=20))
    assert [s.claims for s in slot_bounds(same)] == [s.claims for s in slot_bounds(MODEL)]


def test_the_stream_is_bounded_from_its_scaled_start() -> None:
    largest = (top(MODEL, "wte") * BASE.wte_factor + 4) >> 3
    assert residual_bound(MODEL) - 2 * BASE.n_layer * 2 ** (BASE.write_bits - 1) in (largest, largest + 1)


@pytest.mark.parametrize("rotaries", [0, 2])
def test_each_angle_has_its_rotation(rotaries: int) -> None:
    spec = replace(MODEL.tables, more_rotaries=MODEL.tables.more_rotaries * rotaries)
    text = "a table of cosines and sines for each angle"
    assert text in wrong(replace(MODEL, tables=spec))
    assert text in failed_public_predicates(BASE, spec) and failed_predicates(replace(MODEL, tables=spec))
    assert failed_public_predicates(BASE, MODEL.tables) == []


def test_each_table_is_as_specified() -> None:
    for name in ("cos", "sin"):
        array = np.array(MODEL[name])
        array[1, 2, 1] += 1
        assert f"{name}: contents as specified" in wrong(MODEL.with_arrays(**{name: array}))
