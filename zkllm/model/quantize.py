"""The quantiser: a float checkpoint and its calibrated ranges become a QuantizedModel.

Every scale is a power of two; 2^f units make 1. A word is `act_bits` wide. Activations get the largest scale
that leaves `headroom_bits` above the calibrated maximum; weights the largest that fits 16 bits, unless a
smaller one makes the requantisation shift fit one lookup (`limb_bits`). Widths are rounded up to whole
limbs: that costs nothing in tables and adds headroom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, inf, isqrt, log, log2, sqrt

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.errors import CheckpointError, Malformed
from zkllm.files import JsonObject
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.activations import ACTIVATIONS, GELU, Activation
from zkllm.model.architecture import Architecture
from zkllm.model.calibrate import FloatRanges
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.folding import LARGEST, LINEARS, FoldedLinear, quantized
from zkllm.model.packing import choose_slots
from zkllm.model.predicates import NORM_BITS, UNIQUE_BITS, check_predicates, slot_bounds, square_sum_bound
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.weights import ARRAYS, QuantizedModel, TableSpec
from zkllm.records import ABSENT, from_data, to_data

from ..limits import MAX_CHOSEN_MU
from ..protocol.column_sizes import ColumnSizes

WEIGHT_BITS = 16
GAIN_BITS = 14  # fractional bits of the final gain, unless the remainder would exceed a limb
COARSEST_STEP = 1 / 64  # of the exponential's table
_RHO_BITS = 13  # significant bits of rho on the widest row,
_LEAST_RHO_BITS = 10  # and where that saves a limb of every remainder
_FINE_GELU_BITS = 9  # fractional bits of the GELU's input that are worth a bit of headroom,
_SPLIT_GELU_BITS = 10  # and below which layers that allow more may get a table of their own
TARGET_BITS = 124  # d 2^(2 kappa), so that traces fit 128-bit integers


@dataclass(frozen=True)
class QuantizerOptions:
    """What may be chosen; None leaves the choice to the quantiser."""

    act_bits: int = 16
    gelu_bits: int | None = None  # act_bits
    exp_bits: int = 13  # at most
    limb_bits: int | None = None  # act_bits
    headroom_bits: int = 2
    # of a Llama alone
    product_bits: int = field(default=26, metadata=ABSENT)  # of the gated product, at most
    wide_bits: int = field(default=20, metadata=ABSENT)  # of the final norm's output, and of normed writes
    up_bits: int = field(default=16, metadata=ABSENT)
    head_bits: int = field(default=22, metadata=ABSENT)  # of queries and keys, where words leave scores
    score_bits: int = field(default=6, metadata=ABSENT)  # with more noise than 2^-score_bits
    classes: int = field(default=4, metadata=ABSENT)  # of layers, a table of the activation each: at most
    over_limbs: int = field(
        default=1, metadata=ABSENT
    )  # of a score's distance beyond the exponentials' table
    # log2 of the columns' lengths; None: the package builder's choice, from their contents
    mu: int | None = None
    witness_mu: int | None = None
    slots: int | None = None
    inner_slots: int | None = None
    vocab_slots: int | None = None


NORMAL = "normal"


@dataclass(frozen=True)
class Scales:
    """Fractional bits of every tensor (2^f units make 1.0). q, k and v may differ: w_qkv has one for each;
    f, g, w_fc1 and w_fc2 have one for each class of layers."""

    wte: int
    wpe: int
    residual: int
    y: int
    q: int
    k: int
    v: int  # and the attention output
    w_qkv: tuple[int, int, int]
    w_o: int
    f: tuple[int, ...]
    g: tuple[int, ...]
    w_fc1: tuple[int, ...]
    w_fc2: tuple[int, ...]
    gain: int
    yf: int

    @property
    def logits(self) -> int:
        return self.yf + self.wte

    def to_dict(self) -> JsonObject:
        return to_data(self)

    @classmethod
    def from_dict(cls, data: JsonObject) -> Scales:
        scales = from_data(cls, data, "scales")
        if len({len(s) for s in (scales.f, scales.g, scales.w_fc1, scales.w_fc2)}) != 1:
            raise Malformed("scales: one for each class of layers")
        if any(abs(v) > 100 for value in data.values() for v in np.atleast_1d(value)):
            raise Malformed("scales: out of range")
        return scales


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


def gelu_classes(
    maxima: Sequence[float], bits: int, headroom_bits: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(class of each layer, fractional bits of each class's GELU input) from the layers' largest inputs.

    Few layers of massive activations would set a coarse scale for all: the others get one of their own, where
    that halves the rounding noise summed over the layers.
    """
    own = []
    for most in maxima:
        f = fit(bits, most * 2**headroom_bits)
        if f < _FINE_GELU_BITS:
            f = max(f, min(_FINE_GELU_BITS, fit(bits, most * min(2, 2**headroom_bits))))
        own.append(f)
    least = min(own)

    def noise(fine: int) -> float:
        return sum(4.0 ** -(fine if f >= fine else least) for f in own)

    fine = min(sorted(set(own)), key=noise)
    if least >= _SPLIT_GELU_BITS or 2 * noise(fine) > noise(least):
        return (0,) * len(own), (least,)
    return tuple(int(f >= fine) for f in own), (least, fine)


def choose_scales(
    ranges: FloatRanges,
    width: int,
    options: QuantizerOptions,
    coarser: int = 0,
    activation: Activation = GELU,
) -> tuple[Scales, JsonObject]:
    """Scales, and the requantisation shifts, classes of layers and gains that follow; `coarser` takes bits
    from the residual stream's."""
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
    v = base + up
    classes, f = gelu_classes(ranges.layers["f"], gelu_bits, options.headroom_bits)
    g = tuple(activation.output(scale, word, gelu_bits) for scale in f)
    yf = fit(word, room * seen["yf"])

    w_qkv = fit_weight(max(weight[p] * 2.0**e for p, e in zip("qkv", parts, strict=True)))
    w_o = fit_weight(weight["o"])

    def of_class(kind: str) -> list[int]:
        layers = list(zip(classes, ranges.layers[kind], strict=True))
        return [fit_weight(max(most for q, most in layers if q == p)) for p in range(len(f))]

    w_fc1, w_fc2 = of_class("fc1"), of_class("fc2")
    wte = fit(min(word, WEIGHT_BITS), weight["wte"])
    # every shift is at least 1: the residual scale stays below the accumulators'
    residual = min(max(wte, 12) - coarser, v + w_o - 1, *(a + b - 1 for a, b in zip(g, w_fc2, strict=True)))
    wte = min(wte, residual)
    wpe = min(fit(WEIGHT_BITS, weight["wpe"]), residual)

    def shift(accumulator: int, output: int) -> int:
        """At most one limb: finer weights than that would cost a second lookup for each remainder."""
        return max(1, min(limb, accumulator - output))

    # differences of logits in at most two limbs
    spread = room * max(seen["diff"], 2 * seen["logits"])
    yf = min(yf, floor(log2((1 << min(62, 2 * limb)) / spread)) - wte) if spread else yf
    shifts = {
        "qkv_shift": shift(y + w_qkv, base), "o_shift": shift(v + w_o, residual),
        "final_shift": min(limb, GAIN_BITS + y - yf),
        "wte_shift": residual - wte, "wpe_shift": residual - wpe,
    }  # fmt: skip
    # each class has the shift it needs: the widest of them, less its gain
    fc1 = [shift(y + w, out) for w, out in zip(w_fc1, f, strict=True)]
    fc2 = [shift(a + w, residual) for a, w in zip(g, w_fc2, strict=True)]
    mlp = {
        "fc1_shift": max(fc1), "fc1_gains": tuple(max(fc1) - s for s in fc1),
        "fc2_shift": max(fc2), "fc2_gains": tuple(max(fc2) - s for s in fc2), "mlp_class": classes,
    }  # fmt: skip
    w_qkv = base + shifts["qkv_shift"] - y
    scales = Scales(
        wte=wte, wpe=wpe, residual=residual, y=y, q=base + parts[0], k=base + parts[1], v=v,
        w_qkv=(w_qkv + parts[0], w_qkv + parts[1], w_qkv + parts[2]),
        w_o=residual + shifts["o_shift"] - v, f=f, g=g,
        w_fc1=tuple(out + s - y for out, s in zip(f, fc1, strict=True)),
        w_fc2=tuple(residual + s - a for a, s in zip(g, fc2, strict=True)),
        gain=yf + shifts["final_shift"] - y, yf=yf,
    )  # fmt: skip
    return scales, {**shifts, **mlp}


def _norm_fields(
    ranges: FloatRanges, scales: Scales, width: int, epsilon: float, headroom: int, limb: int
) -> JsonObject:
    """kappa, its shift, eps and the widths of rho, U and V.

    With X at 2^f: sqrt(Q / d) = d * deviation * 2^f, and rho = 2^kappa / (d * deviation * 2^f).
    """
    unit = width * 2.0**scales.residual
    low, high = ranges.residual_rms
    most = (TARGET_BITS - ceil_log2(width)) // 2
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
    ranges: FloatRanges, scales: Scales, a: Architecture, options: QuantizerOptions
) -> tuple[JsonObject, TableSpec]:
    """The exponential's step 2^exp_shift, in units of 2^-(q + k) / sqrt(divisor), and what follows."""
    divisor = a.head_dim if a.scale_scores else 1
    limb = options.limb_bits or options.act_bits
    top = 1 << min(15, options.act_bits - 1)
    unit = 2.0 ** -(scales.q + scales.k) / sqrt(divisor)
    span = log(2 * top)  # exp(-span) * top = 1/2: everything beyond rounds to 0
    finest = ceil(log2(span / ((1 << options.exp_bits) - 1) / unit))
    widest = ranges.tensors["delta"] * 2**options.headroom_bits / unit
    # one lookup for `over`, unless the step would be coarser than that
    coarse = ceil(log2(widest / (1 << limb))) if widest else finest
    coarsest = max(finest, floor(log2(COARSEST_STEP / unit)))
    exp_shift = max(1, min(max(finest, coarse), coarsest, 30))
    fields = exp_widths(unit, widest, exp_shift, top, limb, a.n_ctx)
    spec = TableSpec(
        exp_top=top, exp_step_log2=exp_shift - scales.q - scales.k, score_divisor=divisor,
        gelu_in_log2=scales.f, gelu_out_log2=scales.g, activation=a.activation,
    )  # fmt: skip
    return fields, spec


def exp_widths(unit: float, widest: float, exp_shift: int, top: int, limb: int, n_ctx: int) -> JsonObject:
    """Fields of the exponential and of the division by its sums, at a step of 2^exp_shift units. `widest`:
    the largest difference of scores, in units; `top`: of exp(0); `limb`: bits of a limb."""
    span = log(2 * top)  # exp(-span) * top = 1/2: everything beyond rounds to 0
    exp_bits = max(1, ceil_log2(ceil(span / (unit * 2.0**exp_shift)) + 2))
    over_bits = max(1, ceil(log2(max(2.0, widest / 2**exp_shift))))
    return {
        "exp_shift": exp_shift, "exp_bits": exp_bits, "over_bits": min(31, whole_limbs(over_bits, limb)),
        "div_bits": whole_limbs(ceil_log2(2 * n_ctx * top), limb),
    }  # fmt: skip


def choose_config(
    checkpoint: Checkpoint, ranges: FloatRanges, options: QuantizerOptions
) -> tuple[ProgramConfig, Scales, TableSpec]:
    """Every scale and width but the packing, which needs the quantised weights."""
    a, limb = checkpoint.gpt2, options.limb_bits or options.act_bits
    room = 2**options.headroom_bits
    # a residual stream up to two bits coarser, where that saves a limb of every LayerNorm remainder
    candidates: list[tuple[int, int, Scales, JsonObject, JsonObject]] = []
    for coarser in range(3):
        scales, shifts = choose_scales(ranges, a.width, options, coarser, ACTIVATIONS[a.activation])
        norm = _norm_fields(ranges, scales, a.width, a.layer_norm_epsilon, options.headroom_bits, limb)
        candidates.append((-(-norm["ln_shift"] // limb), coarser, scales, shifts, norm))
    _, _, scales, shifts, norm = min(candidates, key=lambda candidate: candidate[:2])
    exps, spec = _exp_fields(ranges, scales, a, options)

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
        **ColumnSizes.full(options.mu or MAX_CHOSEN_MU)._asdict(),  # before their sizes are known
        **shifts, **norm, **exps,
    )  # fmt: skip
    return config, scales, spec


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
        shapes = {name: ARRAYS[name][1](config)[1:] for name in GROUPS[group]}
        for l, p in enumerate(config.mlp_class):
            # of the products A W, whose multiple of 2^gain the bias is added to
            input_scale, scales, gain = {
                "qkv": (s.y, list(s.w_qkv), 0), "o": (s.v, [s.w_o], 0),
                "fc1": (s.y, [s.w_fc1[p]], config.fc1_gains[p]),
                "fc2": (s.g[p], [s.w_fc2[p]], config.fc2_gains[p]),
            }[group]  # fmt: skip
            linear = FoldedLinear.read(checkpoint, l, group)
            yield f"w_{group}", linear.quantized(scales).reshape(1, *shapes[f"w_{group}"])
            bias = linear.folded_bias()
            parts = [
                rounded_to(b, input_scale + scale + gain, f"layer {l}: b_{group}")
                for b, scale in zip(bias, scales, strict=True)
            ]
            yield f"b_{group}", np.stack(parts).reshape(1, *shapes[f"b_{group}"])
    elif group == "wte":
        yield "wte", quantized("wte", checkpoint.stored("wte.weight"), None, [1.0], [s.wte])
    else:
        yield "wpe", quantized("wpe", checkpoint.stored("wpe.weight"), None, [1.0], [s.wpe])
        yield "gain", rounded_to(checkpoint.tensor("ln_f.weight"), s.gain, "final gain", np.int32)
        yield "beta", rounded_to(checkpoint.tensor("ln_f.bias"), s.y + s.gain, "final bias")
        yield "exp", exp_table(spec, config.exp_bits)
        yield "gelu", gelu_table(spec, config.gelu_bits)


def rounded_to(values: np.ndarray, scale: int, name: str, dtype: type = np.int64) -> np.ndarray:
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


def packed(model: QuantizedModel, options: QuantizerOptions) -> QuantizedModel:
    """Chooses the slots from the quantised weights."""
    given = {k: v for k in ("slots", "inner_slots", "vocab_slots") if (v := getattr(options, k)) is not None}
    needed = {bound.kind: bound.needed_bits for bound in slot_bounds(model)}
    chosen: JsonObject = choose_slots(model.config, needed, given)
    config = replace(model.config, **chosen)
    unique = UNIQUE_BITS - 2 - config.norm_bits
    rho_most = min(NORM_BITS - square_sum_bound(model).bit_length(), unique) // 2
    return replace(model, config=replace(config, rho_bits=min(config.rho_bits, rho_most)))
