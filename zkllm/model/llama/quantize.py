"""The quantiser of a Llama: a float checkpoint and its calibrated ranges become a `LlamaModel`.

Every scale is a power of two; channels are equalised first (`equalise`). Weights, values and up have a scale
of each layer, and what a table or the stream is of has one for all. Activations get the largest scale that
leaves a bit above the calibrated maximum, the gated product up to 26 bits, the final RMSNorm's output 20,
weights the finest scale of 16 bits, unless a coarser one makes the requantisation shift fit one lookup
(`limb_bits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import ceil, floor, isqrt, log2, sqrt
from operator import add

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.errors import CheckpointError
from zkllm.files import JsonObject
from zkllm.llama.config import HeadNormConfig, LlamaConfig, PostNormConfig
from zkllm.model.activations import GATES
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.folding import finite_maxima, quantized
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.equalise import Words, largest_after, mlp_exponents, value_exponents
from zkllm.model.llama.exponentials import exp_fields
from zkllm.model.llama.folding import (
    Folded,
    Lines,
    gain_of,
    head_gains,
    kinds,
    moved_by,
    read_lines,
)
from zkllm.model.llama.gained import Made, choose_norm, eps_of
from zkllm.model.llama.gemma import odd_part
from zkllm.model.llama.heads import MOST_GAIN, HeadScales, choose_heads, layer_ranges
from zkllm.model.llama.packing import choose_slots
from zkllm.model.llama.predicates import ROTARY_BITS, slot_bounds, square_sum_bound
from zkllm.model.llama.scales import Exponents, HeadNormScales, LlamaScales, PostNormScales
from zkllm.model.llama.tensors import AFTER_ATTENTION, AFTER_MLP, EMBEDDING, HEAD, LAST_BIAS, LAST_NORM
from zkllm.model.llama.weights import LlamaModel, LlamaTables, arrays, tables_of
from zkllm.model.predicates import NORM_BITS, UNIQUE_BITS
from zkllm.model.quantize import (
    GAIN_BITS,
    NORMAL,
    TARGET_BITS,
    QuantizerOptions,
    fit,
    fit_weight,
    rounded_to,
    whole_limbs,
)

from ...limits import MAX_CHOSEN_MU
from ...protocol.column_sizes import ColumnSizes

QUALITIES = {
    "fast": QuantizerOptions(product_bits=16, wide_bits=16, head_bits=16, classes=1, exp_bits=11),
    NORMAL: QuantizerOptions(),
    "exact": QuantizerOptions(wide_bits=24, up_bits=20, score_bits=10, exp_bits=15, over_limbs=2),
}
"""What a user may ask for. Fast: no value of the MLP takes a second lookup, and there is one table of the
activation. Exact: wider words for what costs most, which take lookups and slots."""
LEAST_RHO_BITS, FULL_RHO_BITS = (
    10,
    13,
)  # significant bits of rho on the widest row, and without a limb to save


@dataclass(frozen=True)
class Chosen:
    """What the quantiser chooses before the weights are quantised."""

    config: LlamaConfig
    scales: LlamaScales
    tables: LlamaTables


def _weight_maxima(
    a: LlamaArchitecture, lines: Sequence[Mapping[str, Lines]], exponents: Exponents
) -> dict[str, list[float]]:
    """Largest magnitudes of each layer, equalised, by kind; what heads read is `heads`'."""
    return {
        kind: [float(of[kind].maxima(moved_by(exponents, l, kind, a))[0]) for l, of in enumerate(lines)]
        for kind in kinds(a)
        if kind != "qkv"
    }


def _read_all_lines(
    checkpoint: Checkpoint, progress: Callable[[int, int], None] | None
) -> list[dict[str, Lines]]:
    """One pass over the weights."""
    lines, layers = [], checkpoint.llama.n_layer
    for l in range(layers):
        lines.append(read_lines(checkpoint, l))
        if progress:
            progress(l + 1, layers)
    return lines


def _largest(checkpoint: Checkpoint, name: str) -> float:
    return max(finite_maxima(name, block)[0] for block in checkpoint.blocks(name))


def gate_classes(own: Sequence[int], most: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(class of each layer, fractional bits of each class) from the finest that each layer allows.

    A layer of massive gates would set a coarse scale for all. Another class, which costs a table, is formed
    where it halves the rounding noise summed over the layers; each takes the scales above the next one's.
    """
    levels = sorted(set(own))

    def placed(chosen: Sequence[int]) -> list[int]:
        return [max(level for level in chosen if level <= f) for f in own]

    def noise(chosen: Sequence[int]) -> float:
        return sum(4.0**-f for f in placed(chosen))

    best: tuple[int, ...] = (levels[0],)
    for count in range(2, min(most, len(levels)) + 1):
        found = min(((levels[0], *finer) for finer in combinations(levels[1:], count - 1)), key=noise)
        if 2 * noise(found) > noise(best):
            break
        best = found
    return tuple(best.index(f) for f in placed(best)), best


class _Shifts:
    """Requantisation shifts: what each layer needs, at most one limb (finer weights than that would cost a
    second lookup for each remainder); one shift serves all, and gains make up for the difference."""

    def __init__(self, limb: int):
        self.limb, self.fields = limb, JsonObject()

    def choose(self, kind: str, natural: Sequence[int]) -> tuple[int, ...]:
        """Of each layer, from accumulator less output bits."""
        own = tuple(max(1, min(self.limb, bits)) for bits in natural)
        self.fields[f"{kind}_shift"] = max(own)
        self.fields[f"{kind}_gains"] = tuple(max(own) - shift for shift in own)
        return own


def choose_config(
    checkpoint: Checkpoint,
    ranges: LlamaRanges,
    options: QuantizerOptions,
    progress: Callable[[int, int], None] | None = None,
) -> Chosen:
    """Every scale and width but the packing, which needs the quantised weights."""
    a, word = checkpoint.llama, options.act_bits
    limb, layers = options.limb_bits or word, range(checkpoint.llama.n_layer)
    # words have a bit less headroom than widths, which are rounded up to whole limbs anyway
    room, wide_room = 2.0 ** max(0, options.headroom_bits - 1), 2**options.headroom_bits
    gate_bits = options.gelu_bits or word
    product_bits, wide, up_bits = (
        bits - 16 + word for bits in (options.product_bits, options.wide_bits, options.up_bits)
    )
    lines = _read_all_lines(checkpoint, progress)
    seen = ranges.tensors
    # |y| < sqrt(d) always, so y needs no headroom beyond that
    y = fit(word, min(sqrt(a.d_model), room * seen["y"]) + 2.0 ** (2 - word))
    largest_wte = _largest(checkpoint, EMBEDDING)
    wte = fit(min(word, 16), largest_wte)
    finest_stream = min(max(wte, 12), fit(32, room * max(seen["write"], largest_wte * a.embedding_scale)))

    def stream_scale(most: int) -> int:
        """Up to two bits coarser, where that saves a limb of every RMSNorm's remainder."""
        limbs = lambda scale: -(-_kappa(ranges, scale, y, a, limb)[1] // limb)
        return min(range(most - 2, most + 1), key=lambda scale: (limbs(scale), -scale))

    puts_out = [fit(wide, room * most) for (most,) in ranges.channels.get("out", ())]
    # of the MLPs, unless products are coarser
    writes = puts_out[1::2] or [stream_scale(finest_stream)] * a.n_layer
    words = Words(up_bits, (word, product_bits), room, 2 * wide_room)
    mlps = mlp_exponents(a, lines, ranges, words, [scale + limb for scale in writes]) if a.gated else []
    inner_bits, values = [bits for _, bits in mlps], value_exponents(a, lines, ranges)
    heads = choose_heads(a, layer_ranges(a, lines, ranges, values, y), options)
    exponents = Exponents(tuple(e for e, _ in mlps), values, heads.turned)
    channels = largest_after(ranges, exponents)
    finest = {
        name: [fit_weight(most) for most in maxima]
        for name, maxima in _weight_maxima(a, lines, exponents).items()
    }
    largest_head = largest_wte if a.tied_head else _largest(checkpoint, HEAD)

    def output(bits: int, most: float, accumulator: int) -> int:
        """An output's scale: below that of the products that it is rounded from."""
        return min(fit(bits, room * most), accumulator - 1)

    q, k, v = heads.q, heads.k, [made["v"] for made in heads.made]
    up = [output(up_bits, most, y + finest["up"][l]) for l, most in enumerate(channels.get("up", ()))]
    up = [min(scale, min(up) + MOST_GAIN) for scale in up]
    gates = [output(gate_bits, most, y + finest["gate"][l]) for l, most in enumerate(ranges.layers["f"])]
    act_class, by_class = gate_classes(gates, options.classes)
    f = [by_class[p] for p in act_class]
    # massive products vary most from text to text, and a wide word has bits to spare
    g = [words.product_scale(*own) for own in zip(inner_bits, channels.get("g", ()), strict=True)]
    # no lookup ranges the activation's output, so that its table may be finer than a word, as far as the
    # product's remainder takes one lookup
    activated = GATES[a.activation].output
    act = [activated(f[l], wide, gate_bits) for l in layers]
    if a.gated:
        classes = range(len(by_class))
        one_lookup = [min(limb + g[l] - up[l] for l in layers if act_class[l] == p) for p in classes]
        act = [
            max(activated(f[l], word, gate_bits), min(act[l], one_lookup[p])) for l, p in enumerate(act_class)
        ]
        g = [min(g[l], act[l] + up[l] - 1) for l in layers]
    inner = g if a.gated else act  # what down reads
    accumulators = [v[l] + finest["o"][l] for l in layers], [inner[l] + finest["down"][l] for l in layers]
    put_out = tuple(min(scale, accumulators[m % 2][m // 2] - 1) for m, scale in enumerate(puts_out))
    factor, halvings = odd_part(a.embedding_scale)
    coarsest = [] if a.post_norm else [scale - 1 for own in accumulators for scale in own]
    residual = stream_scale(min([finest_stream, *coarsest]))
    if a.embedding_scale == 1:  # else X_0 is rounded anyway
        wte = min(wte, residual)
    token_shift = residual - wte - halvings
    head = wte if a.tied_head else fit(16, largest_head)
    yf = fit(wide, room * seen["yf"])
    # differences of logits in at most two limbs
    spread = wide_room * max(seen["diff"], 2 * seen["logits"])
    yf = min(yf, floor(log2((1 << min(62, 2 * limb)) / spread)) - head) if spread else yf

    shifts = _Shifts(limb)
    own = shifts.choose("qkv", heads.shifts)
    w_qkv = tuple(
        (made["q"] + s - y, made["k"] + s - y, made["v"] + s - y)
        for made, s in zip(heads.made, own, strict=True)
    )
    outs = put_out or (residual,) * 2 * a.n_layer
    w_o = tuple(outs[2 * l] + s - v[l] for l, s in enumerate(
        shifts.choose("o", [accumulators[0][l] - outs[2 * l] for l in layers])))  # fmt: skip
    w_gate = tuple(f[l] + s - y for l, s in enumerate(
        shifts.choose("gate", [y + finest["gate"][l] - f[l] for l in layers])))  # fmt: skip
    w_up: tuple[int, ...] = ()
    if a.gated:
        w_up = tuple(up[l] + s - y for l, s in enumerate(
            shifts.choose("up", [y + finest["up"][l] - up[l] for l in layers])))  # fmt: skip
    w_down = tuple(outs[2 * l + 1] + s - inner[l] for l, s in enumerate(
        shifts.choose("down", [accumulators[1][l] - outs[2 * l + 1] for l in layers])))  # fmt: skip
    gated: JsonObject = {}
    if a.gated:
        product = [act[l] + up[l] - g[l] for l in layers]
        gated = {"up_bits": up_bits, "product_bits": max(inner_bits), "product_shift": max(product),
                 "product_gains": tuple(max(product) - s for s in product)}  # fmt: skip
    final_shift = max(1, min(limb, GAIN_BITS + y - yf))
    fields: JsonObject = {
        **shifts.fields, **gated, "rotary_shift": min(14, ROTARY_BITS - 1), "final_shift": final_shift,
        "wte_shift": max(0, token_shift), "x0_shift": max(0, -token_shift), "wte_factor": factor,
        "act_class": act_class, "score_gains": tuple(max(map(add, q, k)) - q[l] - k[l] for l in layers),
    }  # fmt: skip
    head_norm, head_scales = _head_norm(checkpoint, exponents, heads, limb) if a.head_norm else NONE
    post_norm, post_scales = _post_norm(checkpoint, residual, put_out, wide, limb) if put_out else NONE
    scales = LlamaScales(
        wte=wte, head=head, residual=residual, y=y, q=q, k=k, v=tuple(v), w_qkv=w_qkv, w_o=w_o,
        f=tuple(f), a=tuple(act), up=tuple(up), g=tuple(g), w_gate=w_gate, w_up=w_up, w_down=w_down,
        gain=yf + final_shift - y, yf=yf,
        exponents=exponents, head_norm=head_scales, post_norm=post_scales,
    )  # fmt: skip
    exps, spec = exp_fields(seen, scales, act_class, a, options)

    def signed_bits(maximum: float, scale: int, most: int = 62) -> int:
        bits = ceil(log2(max(1.0, maximum * wide_room * 2.0**scale))) + 1
        return min(most, whole_limbs(bits, limb))

    config = LlamaConfig(
        n_layer=a.n_layer, n_head=a.n_head, n_kv_head=a.n_kv_head, head_dim=a.head_dim, d_model=a.d_model,
        d_inner=a.d_inner, vocab_size=a.vocab_size, n_ctx=a.n_ctx, pad_id=a.pad_id, qkv_bias=a.qkv_bias,
        o_bias=a.o_bias, mlp_bias=a.mlp_bias, tied_head=a.tied_head,
        act_bits=word, head_bits=heads.bits if heads.bits > word else 0, gate_bits=gate_bits, final_bits=wide,
        limb_bits=limb,
        write_bits=signed_bits(seen["write"], residual, 32),
        logit_bits=signed_bits(seen["logits"], scales.logits),
        diff_bits=signed_bits(seen["diff"] / 2, scales.logits),
        head_slots=1, head_slot_bits=0, width_slots=1, width_slot_bits=0, inner_slots=1, inner_slot_bits=0,
        vocab_slots=1, vocab_slot_bits=0,
        **ColumnSizes.full(options.mu or MAX_CHOSEN_MU)._asdict(),  # before their sizes are known
        **fields, **exps,
        **_norm_fields(ranges, scales, a, options.headroom_bits, limb),
        head_norm=head_norm, post_norm=post_norm, angles=a.angles, turned=a.turned, centred=a.centred,
        parallel=a.parallel, window=a.window, sliding=a.sliding,
    )  # fmt: skip
    return Chosen(config, scales, spec)


def _kappa(ranges: LlamaRanges, residual: int, y: int, a: LlamaArchitecture, limb: int) -> tuple[int, int]:
    """(kappa, norm_shift): sqrt(Q / d) = rms 2^residual, and rho = 2^kappa / (rms 2^residual); D of a
    LayerNorm is d times the deviation from the mean, whose rms is meant."""
    high, width = ranges.residual_rms[1] * (a.d_model if a.centred else 1), a.d_model
    most = (TARGET_BITS - 2 - ceil_log2(width)) // 2
    least = max(1, ceil(LEAST_RHO_BITS + log2(max(high, 2.0**-40)) + residual) - y)
    shift = whole_limbs(least, limb)
    if y + shift > most:
        shift = least + FULL_RHO_BITS - LEAST_RHO_BITS
    kappa = y + max(1, min(shift, most - y))
    return kappa, kappa - y


def _norm_fields(
    ranges: LlamaRanges, scales: LlamaScales, a: LlamaArchitecture, headroom: int, limb: int
) -> JsonObject:
    """kappa, its shift, eps and the widths of rho, U and V."""
    unit, (low, high), width = 2.0**scales.residual, ranges.residual_rms, a.d_model
    kappa, shift = _kappa(ranges, scales.residual, scales.y, a, limb)
    unit *= width if a.centred else 1
    eps_int = max(1, round(a.norm_eps * unit**2 * width))
    largest = isqrt((width << (2 * kappa)) // eps_int)  # rho is never larger
    expected = 2.0**kappa / (unit * max(low, 1e-12)) * 2**headroom
    rho_bits = int(min(largest, max(1.0, expected))).bit_length()
    q = width * (unit * high * 2**headroom) ** 2 + eps_int
    norm_bits = ceil(log2(2 * sqrt(q * width) * 2.0**kappa + q))
    return {
        "kappa": kappa, "norm_shift": shift, "eps_int": eps_int,
        "rho_bits": whole_limbs(rho_bits, limb), "norm_bits": whole_limbs(norm_bits, limb, 128),
    }  # fmt: skip


NONE = (None, None)


def _head_norm(
    checkpoint: Checkpoint,
    exponents: Exponents,
    heads: HeadScales,
    limb: int,
) -> tuple[HeadNormConfig, HeadNormScales]:
    """Of queries and keys, whose scales are chosen: widths of their norms, and scales of the gains."""
    a = checkpoint.llama
    gains = np.stack([np.abs(head_gains(checkpoint, l, exponents)).max(axis=1) for l in range(a.n_layer)])
    query, key = (tuple(made[name] for made in heads.made) for name in "qk")
    query_eps, key_eps = (tuple(eps_of(a.norm_eps, a.head_dim, f) for f in scales) for scales in (query, key))
    each = [
        Made(float(most), scale) for most, scale in zip(gains.T.reshape(-1), heads.q + heads.k, strict=True)
    ]
    norm = choose_norm(a.head_dim, heads.bits, each, query_eps + key_eps, limb)
    query_gain, key_gain = (
        tuple(f + norm.shift - norm.kappa for f in scales) for scales in (heads.q, heads.k)
    )
    config = HeadNormConfig(**asdict(norm), query_eps=query_eps, key_eps=key_eps)
    return config, HeadNormScales(query, key, query_gain, key_gain)


def _post_gains(checkpoint: Checkpoint) -> Iterator[np.ndarray]:
    """float64[d] of each write."""
    for l in range(checkpoint.llama.n_layer):
        yield from (gain_of(checkpoint, f"layers.{l}.{norm}.weight") for norm in (AFTER_ATTENTION, AFTER_MLP))


def _post_norm(
    checkpoint: Checkpoint, made: int, out: tuple[int, ...], bits: int, limb: int
) -> tuple[PostNormConfig, PostNormScales]:
    """`made`: the stream's scale; `out`: of what is put out, at each write."""
    a = checkpoint.llama
    most = max(float(np.abs(gain).max()) for gain in _post_gains(checkpoint))
    eps = tuple(eps_of(a.norm_eps, a.d_model, scale) for scale in out)
    norm = choose_norm(a.d_model, bits, [Made(most, made)], eps, limb)
    config = PostNormConfig(**asdict(norm), out_bits=bits, eps=eps)
    return config, PostNormScales(out, made + norm.shift - norm.kappa)


def groups(c: LlamaConfig) -> dict[str, tuple[str, ...]]:
    """Arrays that are made together: each weight of the checkpoint is read for one group."""
    known = arrays(c)
    made = {kind: tuple(name for name in (f"w_{kind}", f"b_{kind}") if name in known) for kind in c.kinds}
    rows = tuple(name for name in ("wte", "head") if name in known)
    gains = tuple(name for name in ("head_gain", "post_gain", "beta") if name in known)
    return {**made, "rows": rows, "rest": (*gains, "gain", *_tables(c))}


def _tables(c: LlamaConfig) -> tuple[str, ...]:
    """Arrays that a specification determines."""
    return (*(("cap",) if c.cap else ()), "act", "exp", "cos", "sin")


def quantized_blocks(
    checkpoint: Checkpoint, c: LlamaConfig, s: LlamaScales, spec: LlamaTables, group: str
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, next block along the first axis) of the arrays of a group, the same on every machine.

    One layer at a time, so that a large model is never held in memory.
    """
    known = arrays(c)
    if group in c.kinds:
        for l in range(c.n_layer):
            q, k, v = s.w_qkv[l]
            # of the products A W, whose multiple of 2^gain the bias is added to
            inputs, scales = {
                "qkv": (s.y, [q] * c.group + [k, v]), "o": (s.v[l], [s.w_o[l]]),
                "gate": (s.y, [s.w_gate[l]]), "up": (s.y, list(s.w_up[l : l + 1])),
                "down": ((s.g if c.gated else s.a)[l], [s.w_down[l]]),
            }[group]  # fmt: skip
            folded = Folded.read(checkpoint, l, group, s.exponents)
            yield f"w_{group}", folded.quantized(np.array(scales)).reshape(1, *known[f"w_{group}"][1][1:])
            if folded.bias is not None:
                at = inputs + c.gains(group)[l]
                rows = [
                    rounded_to(b, at + w, f"layer {l}: b_{group}")
                    for b, w in zip(folded.bias, scales, strict=True)
                ]
                yield f"b_{group}", np.stack(rows).reshape(1, *known[f"b_{group}"][1][1:])
    elif group == "rows":
        tables = [("wte", EMBEDDING, s.wte)] + [("head", HEAD, s.head)] * (not c.tied_head)
        for name, stored, scale in tables:
            for block in checkpoint.blocks(stored):
                yield name, quantized(name, block, None, [1.0], [scale])
    else:
        if heads := s.head_norm:
            for l in range(c.n_layer):
                at_scales = (heads.query_gain[l], heads.key_gain[l])
                gains = zip(head_gains(checkpoint, l, s.exponents), at_scales, strict=True)
                rows = [rounded_to(gain, at, f"layer {l}: gain of heads", np.int32) for gain, at in gains]
                yield "head_gain", np.stack(rows)[None]
        if after := s.post_norm:
            for m, gain in enumerate(_post_gains(checkpoint)):
                yield "post_gain", rounded_to(gain, after.gain, f"gain of write {m}", np.int32)[None]
        if c.centred:
            yield "beta", rounded_to(checkpoint.tensor(LAST_BIAS), s.y + s.gain, "final bias")
        yield "gain", rounded_to(gain_of(checkpoint, LAST_NORM), s.gain, "final gain", np.int32)
        made = tables_of(spec, c)
        yield from ((name, made[name]) for name in _tables(c))


def packed(model: LlamaModel, options: QuantizerOptions) -> LlamaModel:
    """Chooses the slots from the quantised weights."""
    given = {name: v for name in ("inner_slots", "vocab_slots") if (v := getattr(options, name)) is not None}
    if options.slots is not None:
        raise CheckpointError("slots of heads are GPT-2's")
    needed = {bound.kind: bound.needed_bits for bound in slot_bounds(model)}
    chosen: JsonObject = choose_slots(model.config, needed, given)
    config = replace(model.config, **chosen)
    unique = UNIQUE_BITS - 2 - config.norm_bits
    rho_most = min(NORM_BITS - square_sum_bound(model).bit_length(), unique) // 2
    return replace(model, config=replace(config, rho_bits=min(config.rho_bits, rho_most)))
