"""Small random integer Llamas, for the executable specification and its tests: as `zkllm.model.tiny`."""

from __future__ import annotations

import random
from dataclasses import replace
from math import isqrt, log2, sqrt
from typing import Any, TypeVar

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.files import JsonObject
from zkllm.llama.config import CapConfig, HeadNormConfig, LlamaConfig, PostNormConfig
from zkllm.model.llama.packing import choose_slots
from zkllm.model.llama.predicates import slot_bounds, square_sum_bound
from zkllm.model.llama.rotary import Rotary
from zkllm.model.llama.weights import CapTable, LlamaModel, LlamaTables, arrays, tables_of

from ...protocol.column_sizes import ColumnSizes

# magnitudes of the random weights
_MAX = {"wte": 15, "head": 14, "w_qkv": 7, "w_o": 6, "w_gate": 5, "w_up": 6, "w_down": 6,
        "head_gain": 12, "post_gain": 12,
        "b_qkv": 60, "b_o": 40, "b_gate": 60, "b_up": 50, "b_down": 20, "gain": 5, "beta": 9}  # fmt: skip
_GAINED = ("qkv", "o", "gate", "up", "product", "down", "score")


def _shift(kind: str, inputs: int, scale: float, target: float) -> int:
    """Shift that brings a biased sum of `inputs` products of typical size `scale` to about `target`."""
    size = sqrt(inputs * (_MAX[f"w_{kind}"] * scale) ** 2 + _MAX[f"b_{kind}"] ** 2) / 1.7
    return max(1, round(log2(size / target) + 0.25))


def _gains(parity: int, layers: int) -> tuple[int, ...]:
    """Of alternating layers, the least 0."""
    return tuple((l + parity) % min(2, layers) for l in range(layers))


def tiny_config(gated: bool = True, **overrides: Any) -> LlamaConfig:
    """Shapes and scales without packing (`tiny_model` chooses the slots); any field may be given, True for
    a norm that not all have. With mu alone, columns are as long as it allows. Wide heads have queries and
    keys that are as much larger."""
    shape = {"n_layer": 2, "n_head": 6, "n_kv_head": 3, "head_dim": 4, "d_model": 10, "d_inner": 18,
             "vocab_size": 11, "n_ctx": 8}  # fmt: skip
    shape.update({k: v for k, v in overrides.items() if k in shape})
    d = shape["d_model"]
    scales: JsonObject = dict(
        act_class=tuple(l % min(2, shape["n_layer"]) for l in range(shape["n_layer"])),
        pad_id=0, qkv_bias=True, o_bias=False, mlp_bias=False, tied_head=True,
        wte_shift=3, kappa=11, norm_shift=7, eps_int=3, rotary_shift=6,
        qkv_shift=_shift("qkv", d, 16, 10), o_shift=_shift("o", shape["n_head"] * shape["head_dim"], 10, 20),
        gate_shift=_shift("gate", d, 16, 5) + 1,
        down_shift=_shift("down", shape["d_inner"], 30, 20) + 1, final_shift=1, exp_shift=5,
        **{f"{kind}_gains": _gains(i, shape["n_layer"]) for i, kind in enumerate(_GAINED)},
        up_shift=_shift("up", d, 16, 20) + 1, product_shift=2, up_bits=8, product_bits=12,
        act_bits=8, gate_bits=6, final_bits=10, write_bits=10, rho_bits=0,
        norm_bits=0, over_bits=8, div_bits=0, logit_bits=17, diff_bits=17, exp_bits=5, limb_bits=8,
        head_slots=1, head_slot_bits=0, width_slots=1, width_slot_bits=0, inner_slots=1, inner_slot_bits=0,
        vocab_slots=1, vocab_slot_bits=0,
        **ColumnSizes.full(overrides.get("mu", 11), overrides.get("hidden", False))._asdict(),
    )  # fmt: skip
    if not gated:
        scales = {name: value for name, value in scales.items() if not name.startswith(("up_", "product_"))}
    if overrides.get("centred"):  # D is d times as large
        scales |= {"kappa": 14, "norm_shift": 10, "eps_int": 3 * d * d}
    layers = shape["n_layer"]
    if head_bits := overrides.get("head_bits"):
        scales["exp_shift"] += 2 * (head_bits - overrides.get("act_bits", scales["act_bits"]))
    if overrides.get("cap"):
        scales |= {"exp_shift": 0, "over_bits": 0, "exp_bits": 6}
    norms: JsonObject = {
        "cap": CapConfig(6, 8),  # eps is another one in each layer
        "head_norm": HeadNormConfig(11, 10, 0, 0, tuple(range(2, 2 + layers)), tuple(range(5, 5 + layers))),
        "post_norm": PostNormConfig(11, 10, 0, 0, 10, tuple(range(3, 3 + 2 * layers))),
    }
    given = {
        name: norms[name] if value is True and name in norms else value for name, value in overrides.items()
    }
    return LlamaConfig(**{**shape, **scales, **given})


Norm = TypeVar("Norm", HeadNormConfig, PostNormConfig)


def _widest(norm: Norm, width: int, most: int, eps: int) -> Norm:
    """With the widths that rows of values of this magnitude need; those that are given stay."""
    rho, q = isqrt((width << 2 * norm.kappa) // eps), width * most**2 + max(eps, 64)
    bits = (2 * (isqrt(q * width) << norm.kappa) + q).bit_length()
    return replace(norm, rho_bits=norm.rho_bits or rho.bit_length(), norm_bits=norm.norm_bits or bits)


def tiny_model(seed: int, gated: bool = True, **overrides: Any) -> LlamaModel:
    """A random model whose predicates hold; overrides are fields of LlamaConfig (shapes, slots, widths).

    Slot counts that are not given are the largest legal ones: `width_slots=1` switches packing off.
    """
    c = tiny_config(gated, **overrides)
    spec = LlamaTables(
        exp_top=15, exp_step_log2=-1, score_divisor=c.head_dim,
        act_in_log2=tuple(c.gate_bits - 3 + p for p in range(c.act_classes)),
        act_out_log2=(3,) * c.act_classes,
        activation="silu", rotary=Rotary("llama3", 100.0, 4.0, 1.0, 3.0, 16.0),
        cap=CapTable(4.0, 2, 2) if c.cap else None,
        more_rotaries=(Rotary("default", 10.0),) * max(c.angles, default=0),
    )  # fmt: skip
    generator = random.Random(seed)
    held = tables_of(spec, c)
    for name, (dtype, shape) in arrays(c).items():
        if name not in held:
            bound = _MAX[name]
            values = [generator.randint(-bound, bound) for _ in range(int(np.prod(shape)))]
            held[name] = np.array(values, dtype=dtype).reshape(shape)
    if c.head_bits:
        larger = c.head_bits - c.act_bits
        for name in {"w_qkv", "b_qkv"} & held.keys():
            held[name][..., : c.group + 1, :] <<= larger
        if c.head_norm:
            held["head_gain"] <<= larger

    def chosen(name: str, value: int) -> int:
        return overrides.get(name, value)

    model = LlamaModel(c, spec, held)
    q = square_sum_bound(model)
    c = replace(
        c,
        rho_bits=chosen("rho_bits", isqrt((c.d_model << (2 * c.kappa)) // c.eps_int).bit_length()),
        norm_bits=chosen("norm_bits", (2 * (isqrt(q * c.d_model) << c.kappa) + q).bit_length()),
        div_bits=chosen("div_bits", ceil_log2(2 * c.n_ctx * spec.exp_top)),
    )
    if c.head_norm:
        eps = min(*c.head_norm.query_eps, *c.head_norm.key_eps)
        c = replace(c, head_norm=_widest(c.head_norm, c.head_dim, 1 << c.read_bits - 1, eps))
    if c.post_norm:
        most = 1 << c.post_norm.out_bits - 1
        c = replace(c, post_norm=_widest(c.post_norm, c.d_model, most, min(c.post_norm.eps)))
    model = replace(model, config=c)
    bits = {s.kind: max(s.needed_bits, 50) for s in slot_bounds(model)}  # as wide as at real sizes
    fields: JsonObject = choose_slots(c, bits, overrides)
    return replace(model, config=replace(c, **fields))
