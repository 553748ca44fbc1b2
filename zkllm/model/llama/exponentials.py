"""Scales and widths from scores to the weights of attention: the steps of the table of exponentials, and of
the one that caps scores where a model has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log, log2, sqrt
from operator import add

from zkllm.files import JsonObject
from zkllm.llama.config import CapConfig
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.weights import CapTable, LlamaTables
from zkllm.model.quantize import COARSEST_STEP, QuantizerOptions, exp_widths, fit


def _cap_fields(
    seen: Mapping[str, float], scales: LlamaScales, a: LlamaArchitecture, options: QuantizerOptions
) -> tuple[JsonObject, CapTable]:
    """Words that hold scores before a table caps them, and a table of exponentials with a row for each
    distance that is left."""
    bits, exp_bits = options.act_bits, min(16, options.act_bits)
    most = 2.0 ** max(0, options.headroom_bits - 1) * seen["scores"] * sqrt(a.score_divisor)
    z = min(fit(bits, most), scales.scores - 1)
    out = floor(log2(((1 << exp_bits) - 3) / (2 * a.cap)))
    fields = {"cap": CapConfig(scales.scores - z, bits), "exp_shift": 0, "over_bits": 0, "exp_bits": exp_bits}
    return fields, CapTable(a.cap, z, out)


def exp_fields(
    seen: Mapping[str, float],
    scales: LlamaScales,
    act_class: Sequence[int],
    a: LlamaArchitecture,
    options: QuantizerOptions,
) -> tuple[JsonObject, LlamaTables]:
    """The exponential's step 2^exp_shift, in units of scores / sqrt(score divisor), and what follows."""
    limb, top = options.limb_bits or options.act_bits, 1 << min(15, options.act_bits - 1)
    unit = 2.0**-scales.scores / sqrt(a.score_divisor)
    span = log(2 * top)  # exp(-span) * top = 1/2: everything beyond rounds to 0
    finest = ceil(log2(span / ((1 << options.exp_bits) - 1) / unit))
    widest = seen["delta"] * 2.0 ** max(0, options.headroom_bits - 1) / unit
    # as many lookups for `over`, unless the step would be coarser than that
    coarse = ceil(log2(widest / (1 << min(31, options.over_limbs * limb)))) if widest else finest
    coarsest = max(finest, floor(log2(COARSEST_STEP / unit)))
    coarsest_layer = scales.scores - min(map(add, scales.q, scales.k))  # its scores are multiples of 2^that
    exp_shift = max(1, coarsest_layer, min(max(finest, coarse), coarsest, 30))
    fields = exp_widths(unit, widest, exp_shift, top, limb, a.n_ctx)
    cap, step_log2 = None, exp_shift - scales.scores
    if a.cap:
        own, cap = _cap_fields(seen, scales, a, options)
        fields, step_log2 = {**fields, **own}, -cap.out_log2
    first = [list(act_class).index(p) for p in range(max(act_class) + 1)]  # a layer of each class
    spec = LlamaTables(
        exp_top=top, exp_step_log2=step_log2, score_divisor=a.score_divisor,
        act_in_log2=tuple(scales.f[l] for l in first), act_out_log2=tuple(scales.a[l] for l in first),
        activation=a.activation, rotary=a.rotary, more_rotaries=a.more_rotaries, cap=cap,
    )  # fmt: skip
    return fields, spec
