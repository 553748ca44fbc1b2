"""Small random integer models, for the executable specification and its tests.

The weights mean nothing; the program is the real one, at shapes small enough for plain Python. Scales are
chosen so that random prompts stay far inside every range.
"""

from __future__ import annotations

import random
from dataclasses import replace
from math import isqrt, log2, sqrt
from typing import Any

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.files import JsonObject
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.packing import choose_slots
from zkllm.model.predicates import slot_bounds, square_sum_bound
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.weights import ARRAYS, QuantizedModel, TableSpec

from ..protocol.column_sizes import ColumnSizes

# magnitudes of the random weights
_MAX = {"wte": 15, "wpe": 12, "w_qkv": 7, "w_o": 6, "w_fc1": 5, "w_fc2": 6,
        "b_qkv": 60, "b_o": 40, "b_fc1": 60, "b_fc2": 20, "gain": 5, "beta": 40}  # fmt: skip


def _shift(kind: str, inputs: int, scale: float, target: float) -> int:
    """Shift that brings a biased sum of `inputs` products of typical size `scale` to about `target`."""
    size = sqrt(inputs * (_MAX[f"w_{kind}"] * scale) ** 2 + _MAX[f"b_{kind}"] ** 2) / 1.7
    return max(1, round(log2(size / target) + 0.25))


def tiny_config(**overrides: Any) -> ProgramConfig:
    """Shapes and scales without packing (`tiny_model` chooses the slots); any field may be given. With mu
    alone, columns are as long as it allows.

    Layers alternate between two classes, whose MLPs differ in every scale.
    """
    shape = {"n_layer": 3, "n_head": 3, "head_dim": 4, "d_inner": 18, "vocab_size": 11, "n_ctx": 8}
    shape.update({k: v for k, v in overrides.items() if k in shape})
    d, kappa = shape["n_head"] * shape["head_dim"], 14
    classes = min(2, shape["n_layer"])
    scales: JsonObject = dict(
        pad_id=0, wte_shift=3, wpe_shift=2, kappa=kappa, ln_shift=10, eps_int=3,
        qkv_shift=_shift("qkv", d, 16, 14), o_shift=_shift("o", d, 10, 20),
        fc1_shift=_shift("fc1", d, 16, 5) + 1,
        fc2_shift=_shift("fc2", shape["d_inner"], 4, 20) + 1, final_shift=2, exp_shift=5,
        mlp_class=tuple(l % classes for l in range(shape["n_layer"])),
        fc1_gains=(1, 0)[:classes], fc2_gains=(1, 2)[:classes],
        act_bits=8, write_bits=10, rho_bits=0, norm_bits=0, over_bits=8, div_bits=0,
        logit_bits=16, diff_bits=16, exp_bits=5, gelu_bits=6, limb_bits=8,
        slots=1, slot_bits=0, inner_slots=1, inner_slot_bits=0, vocab_slots=1, vocab_slot_bits=0,
        **ColumnSizes.full(overrides.get("mu", 10), overrides.get("hidden", False))._asdict(),
    )  # fmt: skip
    return ProgramConfig(**{**shape, **scales, **overrides})


def tiny_model(seed: int, **overrides: Any) -> QuantizedModel:
    """A random model whose predicates hold; overrides are fields of ProgramConfig (shapes, slots, widths).

    Slot counts that are not given are the largest legal ones: `slots=1` switches packing off.
    """
    c = tiny_config(**overrides)
    spec = TableSpec(
        exp_top=15, exp_step_log2=-1, score_divisor=c.head_dim,
        gelu_in_log2=(c.gelu_bits - 3, c.gelu_bits - 4)[: c.mlp_classes],
        gelu_out_log2=(3, 2)[: c.mlp_classes],
    )  # fmt: skip
    generator = random.Random(seed)
    arrays: dict[str, np.ndarray] = {
        "exp": exp_table(spec, c.exp_bits),
        "gelu": gelu_table(spec, c.gelu_bits),
    }
    for name, bound in _MAX.items():
        dtype, shape = ARRAYS[name]
        size = int(np.prod(shape(c)))
        values = [generator.randint(-bound, bound) for _ in range(size)]
        arrays[name] = np.array(values, dtype=dtype).reshape(shape(c))

    def chosen(name: str, value: int) -> int:
        return overrides.get(name, value)

    model = QuantizedModel(config=c, tables=spec, **arrays)
    q = square_sum_bound(model)
    c = replace(
        c,
        rho_bits=chosen("rho_bits", isqrt((c.width << (2 * c.kappa)) // c.eps_int).bit_length()),
        norm_bits=chosen("norm_bits", (2 * (isqrt(q * c.width) << c.kappa) + q).bit_length()),
        div_bits=chosen("div_bits", ceil_log2(2 * c.n_ctx * spec.exp_top)),
    )
    model = replace(model, config=c)
    bits = {s.kind: max(s.needed_bits, 50) for s in slot_bounds(model)}  # as wide as at real sizes
    fields: JsonObject = choose_slots(c, bits, overrides)
    return replace(model, config=replace(c, **fields))
