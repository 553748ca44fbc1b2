"""The quantiser: a float checkpoint and its calibrated ranges become a QuantizedModel.

Every scale is a power of two; 2^f units make 1. A word is `act_bits` wide. Activations get the largest scale
that leaves `headroom_bits` above the calibrated maximum; weights the largest that fits 16 bits, unless a
smaller one makes the requantisation shift fit one lookup (`limb_bits`). Widths are rounded up to whole
limbs: that costs nothing in tables and adds headroom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from math import ceil, floor, inf, isqrt, log, log2, sqrt
from typing import Any

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.model.calibrate import FloatRanges
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.config import ProgramConfig, ceil_log2
from zkllm.model.folding import LARGEST, LINEARS, Linear, quantized
from zkllm.model.packing import choose_slots
from zkllm.model.predicates import NORM_BITS, check_predicates, slot_bounds, square_sum_bound
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.weights import ARRAYS, QuantizedModel, TableSpec

_WEIGHT_BITS = 16
_RHO_BITS = 13  # significant bits of rho on the widest row,
_LEAST_RHO_BITS = 10  # and where that saves a limb of every remainder
_FINE_GELU_BITS = 9  # fractional bits of the GELU's input that are worth a bit of headroom
_TARGET_BITS = 124  # d 2^(2 kappa), so that traces fit 128-bit integers


@dataclass(frozen=True)
class QuantizerOptions:
    """What may be chosen; None leaves the choice to the quantiser."""

    act_bits: int = 16
    gelu_bits: int | None = None  # act_bits
    exp_bits: int = 13  # at most
    limb_bits: int | None = None  # act_bits
    headroom_bits: int = 2
    mu: int | None = None  # set by the package builder, from the sizes of the columns
    slots: int | None = None
    inner_slots: int | None = None
    vocab_slots: int | None = None


@dataclass(frozen=True)
class Scales:
    """Fractional bits of every tensor (2^f units make 1.0). q, k and v may differ: w_qkv has one for each."""

    wte: int
    wpe: int
    residual: int
    y: int
    q: int
    k: int
    v: int  # and the attention output
    w_qkv: tuple[int, int, int]
    w_o: int
    f: int
    g: int
    w_fc1: int
    w_fc2: int
    gain: int
    yf: int

    @property
    def logits(self) -> int:
        return self.yf + self.wte

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "w_qkv": list(self.w_qkv)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Scales:
        names = {f.name for f in fields(cls)}
        if set(data) != names:
            raise ValueError(f"scales: wrong fields {sorted(set(data) ^ names)}")
        parts = data["w_qkv"]
        whole = [v for k, v in data.items() if k != "w_qkv"]
        if (
            not isinstance(parts, list)
            or len(parts) != 3
            or not all(type(v) is int for v in [*whole, *parts])
        ):
            raise ValueError("scales: not integers")
        if any(abs(v) > 100 for v in [*whole, *parts]):
            raise ValueError("scales: out of range")
        return cls(**{**data, "w_qkv": tuple(parts)})


def fit(bits: int, maximum: float) -> int:
    """Largest f with maximum * 2^f <= 2^(bits - 1) - 1."""
    return floor(log2(((1 << (bits - 1)) - 1) / maximum)) if maximum > 0 else bits - 1


def fit_weight(maximum: float) -> int:
    """The same for weights, whose largest may be 2^15 (see `folding.quantized`)."""
    return floor(log2(LARGEST / maximum)) if maximum > 0 else 15


def whole_limbs(bits: int, limb_bits: int, most: float = inf) -> int:
    """`bits`, rounded up to whole limbs where that stays within `most`."""
    rounded = -(-bits // limb_bits) * limb_bits
    return rounded if rounded <= most else bits


def choose_scales(
    ranges: FloatRanges, width: int, options: QuantizerOptions, coarser: int = 0
) -> tuple[Scales, dict[str, int]]:
    """Scales and the requantisation shifts that follow; `coarser` takes bits from the residual stream's."""
    word, room = options.act_bits, 1 << options.headroom_bits
    limb = options.limb_bits or word
    gelu_bits = options.gelu_bits or word
    seen, weight = ranges.tensors, ranges.weights

    # |y| < sqrt(width) always, so y needs no headroom beyond that
    y = fit(word, min(sqrt(width), room * seen["y"]) + 2.0 ** (2 - word))
    # powers of two move freely between q and k, and between v and W_o: give all three the same maximum
    between = round(log2(seen["k"] / seen["q"]) / 2) if seen["q"] and seen["k"] else 0
    top = max(seen["q"] * 2.0**between, seen["k"] * 2.0**-between)
    up = max(0, floor(log2(top / seen["v"]))) if seen["v"] and top else 0
    parts = (between, -between, up)
    base = fit(word, room * max(top, seen["v"] * 2.0**up))
    v, f = base + up, fit(gelu_bits, room * seen["f"])
    if f < _FINE_GELU_BITS:  # one unit of massive activations sets the scale of all
        f = max(f, min(_FINE_GELU_BITS, fit(gelu_bits, min(2, room) * seen["f"])))
    g = f + word - gelu_bits - (gelu_bits > word)  # gelu(x) <= max(x, 0), so the table fits the word
    yf = fit(word, room * seen["yf"])

    w_qkv = fit_weight(max(weight[p] * 2.0**e for p, e in zip("qkv", parts, strict=True)))
    w_o, w_fc1, w_fc2 = (fit_weight(weight[kind]) for kind in ("o", "fc1", "fc2"))
    wte = fit(min(word, _WEIGHT_BITS), weight["wte"])
    # every shift is at least 1: the residual scale stays below the accumulators'
    residual = min(max(wte, 12) - coarser, v + w_o - 1, g + w_fc2 - 1)
    wte = min(wte, residual)
    wpe = min(fit(_WEIGHT_BITS, weight["wpe"]), residual)

    def shift(accumulator: int, output: int) -> int:
        """At most one limb: finer weights than that would cost a second lookup for each remainder."""
        return max(1, min(limb, accumulator - output))

    # differences of logits in at most two limbs
    spread = room * max(seen["diff"], 2 * seen["logits"])
    yf = min(yf, floor(log2((1 << min(62, 2 * limb)) / spread)) - wte) if spread else yf
    shifts = {
        "qkv_shift": shift(y + w_qkv, base), "o_shift": shift(v + w_o, residual),
        "fc1_shift": shift(y + w_fc1, f), "fc2_shift": shift(g + w_fc2, residual),
        "final_shift": min(limb, 14 + y - yf),
        "wte_shift": residual - wte, "wpe_shift": residual - wpe,
    }  # fmt: skip
    w_qkv = base + shifts["qkv_shift"] - y
    scales = Scales(
        wte=wte, wpe=wpe, residual=residual, y=y, q=base + parts[0], k=base + parts[1], v=v,
        w_qkv=(w_qkv + parts[0], w_qkv + parts[1], w_qkv + parts[2]),
        w_o=residual + shifts["o_shift"] - v, f=f, g=g,
        w_fc1=f + shifts["fc1_shift"] - y, w_fc2=residual + shifts["fc2_shift"] - g,
        gain=yf + shifts["final_shift"] - y, yf=yf,
    )  # fmt: skip
    return scales, shifts


def _norm_fields(
    ranges: FloatRanges, scales: Scales, width: int, epsilon: float, headroom: int, limb: int
) -> dict[str, int]:
    """kappa, its shift, eps and the widths of rho, U and V.

    With X at 2^f: sqrt(Q / d) = d * deviation * 2^f, and rho = 2^kappa / (d * deviation * 2^f).
    """
    unit = width * 2.0**scales.residual
    low, high = ranges.residual_rms
    most = (_TARGET_BITS - ceil_log2(width)) // 2
    least = max(1, ceil(_LEAST_RHO_BITS + log2(unit * high)) - scales.y)
    shift = whole_limbs(least, limb)
    if scales.y + shift > most:
        shift = least + _RHO_BITS - _LEAST_RHO_BITS
    kappa = scales.y + max(1, min(shift, most - scales.y))
    eps_int = max(1, round(epsilon * 2 ** (2 * scales.residual) * width**3))
    largest = isqrt((width << (2 * kappa)) // eps_int)  # rho is never larger
    expected = 2.0**kappa / (unit * max(low, 1e-12)) * 2**headroom
    rho_bits = int(min(largest, max(1.0, expected))).bit_length()
    q = width * (unit * high * 2**headroom) ** 2 + eps_int
    norm_bits = ceil(log2(2 * sqrt(q * width) * 2.0**kappa + q))
    return {
        "kappa": kappa, "ln_shift": kappa - scales.y, "eps_int": eps_int,
        "rho_bits": whole_limbs(rho_bits, limb), "norm_bits": whole_limbs(norm_bits, limb, 128),
    }  # fmt: skip


def _exp_fields(
    ranges: FloatRanges, scales: Scales, divisor: int, n_ctx: int, options: QuantizerOptions
) -> tuple[dict[str, int], TableSpec]:
    """The exponential's step 2^exp_shift, in units of 2^-(q + k) / sqrt(divisor), and what follows."""
    limb = options.limb_bits or options.act_bits
    top = 1 << min(15, options.act_bits - 1)
    unit = 2.0 ** -(scales.q + scales.k) / sqrt(divisor)
    span = log(2 * top)  # exp(-span) * top = 1/2: everything beyond rounds to 0
    finest = ceil(log2(span / ((1 << options.exp_bits) - 1) / unit))
    widest = ranges.tensors["delta"] * 2**options.headroom_bits / unit
    # one lookup for `over`, unless the step would exceed 1/64
    coarse = ceil(log2(widest / (1 << limb))) if widest else finest
    coarsest = max(finest, floor(log2(1 / 64 / unit)))
    exp_shift = max(1, min(max(finest, coarse), coarsest, 30))
    exp_bits = max(1, ceil_log2(ceil(span / (unit * 2.0**exp_shift)) + 2))
    over_bits = max(1, ceil(log2(max(2.0, widest / 2**exp_shift))))
    fields = {
        "exp_shift": exp_shift, "exp_bits": exp_bits, "over_bits": min(31, whole_limbs(over_bits, limb)),
        "div_bits": whole_limbs(ceil_log2(2 * n_ctx * top), limb),
    }  # fmt: skip
    spec = TableSpec(
        exp_top=top, exp_step_log2=exp_shift - scales.q - scales.k, score_divisor=divisor,
        gelu_in_log2=scales.f, gelu_out_log2=scales.g,
    )  # fmt: skip
    return fields, spec


def choose_config(
    checkpoint: Checkpoint, ranges: FloatRanges, options: QuantizerOptions
) -> tuple[ProgramConfig, Scales, TableSpec]:
    """Every scale and width but the packing, which needs the quantised weights."""
    a, limb = checkpoint.architecture, options.limb_bits or options.act_bits
    room = 2**options.headroom_bits
    # a residual stream up to two bits coarser, where that saves a limb of every LayerNorm remainder
    candidates = []
    for coarser in range(3):
        scales, shifts = choose_scales(ranges, a.width, options, coarser)
        norm = _norm_fields(ranges, scales, a.width, a.layer_norm_epsilon, options.headroom_bits, limb)
        candidates.append((-(-norm["ln_shift"] // limb), coarser, scales, shifts, norm))
    _, _, scales, shifts, norm = min(candidates, key=lambda candidate: candidate[:2])
    divisor = a.head_dim if a.scale_scores else 1
    exps, spec = _exp_fields(ranges, scales, divisor, a.n_ctx, options)

    def signed_bits(maximum: float, scale: int) -> int:
        return whole_limbs(ceil(log2(max(1.0, maximum * room * 2.0**scale))) + 1, limb)

    config = ProgramConfig(
        n_layer=a.n_layer, n_head=a.n_head, head_dim=a.head_dim, d_inner=a.d_inner,
        vocab_size=a.vocab_size, n_ctx=a.n_ctx, pad_id=a.pad_id,
        act_bits=options.act_bits, gelu_bits=options.gelu_bits or options.act_bits, limb_bits=limb,
        write_bits=min(32, signed_bits(ranges.tensors["write"], scales.residual)),
        logit_bits=signed_bits(ranges.tensors["logits"], scales.logits),
        diff_bits=signed_bits(ranges.tensors["diff"] / 2, scales.logits),
        slots=1, slot_bits=0, inner_slots=1, inner_slot_bits=0, vocab_slots=1, vocab_slot_bits=0,
        mu=options.mu or 19, **shifts, **norm, **exps,
    )  # fmt: skip
    return config, scales, spec


def _fill(out: np.ndarray, values: np.ndarray, scale: int, name: str) -> None:
    """out = round(values * 2^scale), exactly in range."""
    scaled = np.rint(np.ldexp(values, scale))
    limits = np.iinfo(out.dtype)
    if np.abs(scaled).max(initial=0) > limits.max:
        raise CheckpointError(
            f"{name} does not fit {out.dtype} at scale 2^{scale}: the weights are too extreme"
        )
    out[...] = scaled.astype(out.dtype)


GROUPS: dict[str, tuple[str, ...]] = {
    **{kind: (f"w_{kind}", f"b_{kind}") for kind in LINEARS},
    "wte": ("wte",),
    "rest": ("wpe", "gain", "beta", "exp", "gelu"),
}
"""Arrays that are made together: each weight of the checkpoint is read for one group."""


def quantized_blocks(
    checkpoint: Checkpoint, config: ProgramConfig, s: Scales, spec: TableSpec, group: str
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, next block along the first axis) of the arrays of a group, the same on every machine.

    One layer at a time, so that a large model is never held in memory.
    """
    if group in LINEARS:
        input_scale, scales = {
            "qkv": (s.y, list(s.w_qkv)), "o": (s.v, [s.w_o]),
            "fc1": (s.y, [s.w_fc1]), "fc2": (s.g, [s.w_fc2]),
        }[group]  # fmt: skip
        shapes = {name: ARRAYS[name][1](config)[1:] for name in GROUPS[group]}
        for l in range(config.n_layer):
            linear = Linear.read(checkpoint, l, group)
            yield f"w_{group}", linear.quantized(scales).reshape(1, *shapes[f"w_{group}"])
            bias = linear.folded_bias()
            parts = [
                _rounded(b, input_scale + scale, f"layer {l}: b_{group}")
                for b, scale in zip(bias, scales, strict=True)
            ]
            yield f"b_{group}", np.stack(parts).reshape(1, *shapes[f"b_{group}"])
    elif group == "wte":
        yield "wte", quantized("wte", checkpoint.stored("wte.weight"), None, [1.0], [s.wte])
    else:
        yield "wpe", quantized("wpe", checkpoint.stored("wpe.weight"), None, [1.0], [s.wpe])
        yield "gain", _rounded(checkpoint.tensor("ln_f.weight"), s.gain, "final gain", np.int32)
        yield "beta", _rounded(checkpoint.tensor("ln_f.bias"), s.y + s.gain, "final bias")
        yield "exp", exp_table(spec, config.exp_bits)
        yield "gelu", gelu_table(spec, config.gelu_bits)


def _rounded(values: np.ndarray, scale: int, name: str, dtype: type = np.int64) -> np.ndarray:
    """round(values * 2^scale), exactly in range."""
    scaled = np.rint(np.ldexp(values, scale))
    if np.abs(scaled).max(initial=0) > np.iinfo(dtype).max:
        raise CheckpointError(
            f"{name} does not fit {np.dtype(dtype)} at scale 2^{scale}: the weights are too extreme"
        )
    return scaled.astype(dtype)


def quantize_arrays(
    checkpoint: Checkpoint, config: ProgramConfig, s: Scales, spec: TableSpec
) -> QuantizedModel:
    """All arrays, in memory."""
    blocks: dict[str, list[np.ndarray]] = defaultdict(list)
    for group in GROUPS:
        for name, block in quantized_blocks(checkpoint, config, s, spec, group):
            blocks[name].append(block)
    return QuantizedModel(config, spec, **{name: np.concatenate(parts) for name, parts in blocks.items()})


def quantize(
    checkpoint: Checkpoint,
    ranges: FloatRanges,
    options: QuantizerOptions = QuantizerOptions(),  # noqa: B008 (frozen)
) -> tuple[QuantizedModel, Scales]:
    """Chooses scales, widths and packing from calibrated ranges, and checks every predicate."""
    config, scales, spec = choose_config(checkpoint, ranges, options)
    model = packed(quantize_arrays(checkpoint, config, scales, spec), options)
    check_predicates(model)
    return model, scales


def scale_errors(checkpoint: Checkpoint, config: ProgramConfig, s: Scales, spec: TableSpec) -> list[str]:
    """Where a configuration does not compute this checkpoint's function at these scales.

    An auditor needs no calibration: with these equalities, the arrays of `quantize_arrays` and the
    predicates, a package is what it claims to be, whatever text its ranges were chosen on.
    """
    a, c = checkpoint.architecture, config
    epsilon = max(1, round(a.layer_norm_epsilon * 2 ** (2 * s.residual) * a.width**3))
    equal = {
        "n_layer": (c.n_layer, a.n_layer), "n_head": (c.n_head, a.n_head),
        "head_dim": (c.head_dim, a.head_dim), "d_inner": (c.d_inner, a.d_inner),
        "vocab_size": (c.vocab_size, a.vocab_size),
        "n_ctx": (c.n_ctx, a.n_ctx), "pad_id": (c.pad_id, a.pad_id), "eps_int": (c.eps_int, epsilon),
        "wte_shift": (c.wte_shift, s.residual - s.wte), "wpe_shift": (c.wpe_shift, s.residual - s.wpe),
        "ln_shift": (c.ln_shift, c.kappa - s.y), "o_shift": (c.o_shift, s.v + s.w_o - s.residual),
        "q": (c.qkv_shift, s.y + s.w_qkv[0] - s.q), "k": (c.qkv_shift, s.y + s.w_qkv[1] - s.k),
        "v": (c.qkv_shift, s.y + s.w_qkv[2] - s.v), "fc1_shift": (c.fc1_shift, s.y + s.w_fc1 - s.f),
        "fc2_shift": (c.fc2_shift, s.g + s.w_fc2 - s.residual),
        "final_shift": (c.final_shift, s.y + s.gain - s.yf),
        "exp step": (spec.exp_step_log2, c.exp_shift - s.q - s.k),
        "score divisor": (spec.score_divisor, a.head_dim if a.scale_scores else 1),
        "GELU input": (spec.gelu_in_log2, s.f), "GELU output": (spec.gelu_out_log2, s.g),
    }  # fmt: skip
    return [f"{name} is {got}, not {want}" for name, (got, want) in equal.items() if got != want]


def packed(model: QuantizedModel, options: QuantizerOptions) -> QuantizedModel:
    """Chooses the slots from the quantised weights."""
    given = {k: v for k in ("slots", "inner_slots", "vocab_slots") if (v := getattr(options, k)) is not None}
    needed = {bound.kind: bound.needed_bits for bound in slot_bounds(model)}
    config = replace(model.config, **choose_slots(model.config, needed, given))
    rho_most = (NORM_BITS - square_sum_bound(model).bit_length()) // 2
    return replace(model, config=replace(config, rho_bits=min(config.rho_bits, rho_most)))
