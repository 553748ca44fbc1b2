"""Predicates of a Llama's package, on which soundness rests (`docs/protocol.md`).

What each is for is said in `zkllm.model.predicates`, whose names and limits these are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.families import declared
from zkllm.kernels.native import NATIVE
from zkllm.limits import MAX_POSITIONS, MAX_VOCABULARY
from zkllm.llama.config import LlamaConfig
from zkllm.llama.description import linear_kinds, stream_norm
from zkllm.model.llama.options import gained_norms, one_rho, option_conditions, rounded_x0
from zkllm.model.llama.weights import LlamaModel, LlamaTables, tables_of
from zkllm.model.predicates import (
    ACCUMULATOR_BITS,
    CENTRED_BITS,
    NORM_BITS,
    PACKED_BITS,
    TRACED_BITS,
    WORD_BITS,
    Predicate,
    SlotBound,
    context_predicates,
    max_abs,
    no_wrap,
)
from zkllm.ops.linear import Kind
from zkllm.protocol.manifest import Manifest

from ...protocol.column_sizes import ColumnSizes

SHIFTS = ("qkv_shift", "o_shift", "gate_shift", "down_shift", "final_shift")
SLOTS = {"head_slots": "head_slot_bits", "width_slots": "width_slot_bits", "inner_slots": "inner_slot_bits",
         "vocab_slots": "vocab_slot_bits"}  # fmt: skip
MOST_CLASSES = 4  # of layers, a table of the activation each
ACTIVATION_BITS = 30
"""Of the activation's output, which its table alone ranges."""
FLOAT_BITS = 53
"""Of sums that an execution of capped scores makes in floating point."""
ROTARY_BITS = 15
"""Of a cosine's or sine's magnitude, 1 included: a traced turn fits 64 bits, whatever the word."""


# ---- bounds


def residual_bound(model: LlamaModel) -> int:
    """Bound on |X|, derived: |X_0| plus the range-checked widths of all writes."""
    c = model.config
    x0 = _scaled_embedding(model)
    x0 = (x0 >> c.x0_shift) + 1 if c.x0_shift else x0
    return x0 + 2 * c.n_layer * (1 << (c.write_bits - 1))


def _scaled_embedding(model: LlamaModel) -> int:
    """Bound on |wte_factor 2^wte_shift wte|."""
    return max_abs(model["wte"]) * model.config.wte_factor << model.config.wte_shift


def square_sum_bound(model: LlamaModel) -> int:
    """Bound on Q = sum_j D_j^2 + eps, over the d real features."""
    c = model.config
    return c.d_model * deviation_bound(model) ** 2 + c.eps_int


def deviation_bound(model: LlamaModel) -> int:
    """Bound on |D|: of the stream, or of what is left of it without its mean."""
    return stream_norm(model.config).largest(residual_bound(model))


def slot_bounds(model: LlamaModel) -> list[SlotBound]:
    """Of the linear layers as they are declared, of the head, and of the embedding."""
    c, m = model.config, declared(model.config, 1, 1)
    claims = claimed_values(c, m)

    def most(tensor: str) -> int:
        """The largest magnitude that is proved: for f its table's, for a what that holds, for g and yf of all
        limbs."""
        return max_abs(model["act"]) if tensor == "a" else -m.interval(tensor)[0]

    def linear(kind: Kind) -> SlotBound:
        # Z' = 2^s Y + R - 2^(s-1) - b with Y in [-2^(w-1), 2^(w-1)) and R in [0, 2^s)
        bias = max_abs(model[kind.bias]) if kind.biased else 0
        claimed = (most(kind.target) << kind.shift) + (1 << (kind.shift - 1)) + bias
        weights = model[f"w_{kind.name}"]
        norms = (NATIVE.largest_l1(layer.reshape(len(layer), -1), 0) for layer in weights)
        norm = max(norm << gain for norm, gain in zip(norms, kind.gains, strict=True))
        slots, bits = m.axes[kind.packing.slot], kind.packing.bits
        return SlotBound(kind.name, most(kind.source) * norm, claimed, claims[kind.name], slots, bits)

    def rows(kind: str, true_max: int, claimed: int) -> SlotBound:
        return SlotBound(kind, true_max, claimed, claims[kind], c.vocab_slots, c.vocab_slot_bits)

    head = (1 << (c.logit_bits - 1)) + (1 << c.diff_bits) + 1
    return [
        *map(linear, linear_kinds(c)),
        rows("head", most("yf") * NATIVE.largest_l1(model.head, 1), head),
        rows("embedding", max_abs(model["wte"]), most("slot")),  # the unpacked rows in use
    ]


def claimed_values(c: LlamaConfig, m: Manifest) -> dict[str, int]:
    """Of each packed kind, how many values a slot's claim may have; without a bias, which is committed."""

    def count(tensor: str) -> int:
        low, beyond = m.interval(tensor)
        return beyond - low

    linear = {kind.name: count(kind.target) << kind.shift for kind in linear_kinds(c)}  # 2^s Y + R
    head = count("logit") + count("diff")  # logit - diff - [v < id]
    return {**linear, "head": head, "embedding": count("slot")}


def largest_sum(model: LlamaModel) -> dict[str, int]:
    """For each relation that is not packed, a bound on |left| + |right| as integers."""
    c, deviation, q = model.config, deviation_bound(model), square_sum_bound(model)
    norm_of = stream_norm(c).features.partition(":")[0]
    act, d = 1 << (c.act_bits - 1), c.d_model
    rho, norm = 1 << c.rho_bits, 1 << c.norm_bits
    final = 1 << (c.final_bits - 1)
    return {
        f"{norm_of} rows": max(norm + rho * rho * q + (d << (2 * c.kappa)), 2 * norm + 1 + (2 * rho + 1) * q),
        f"{norm_of} features": (act << c.norm_shift) + (1 << c.norm_shift) + deviation * rho,
        **largest_public_sum(c, model),
        "final norm": (final << c.final_shift)
        + (1 << c.final_shift)
        + max_abs(model["gain"]) * act
        + (max_abs(model["beta"]) if c.centred else 0),
        "embedding: X0": _scaled_embedding(model) + (rounded_x0(c) or _scaled_embedding(model)),
        **{f"{n.name} features": n.feature_sum(max_abs(model[n.gain])) for n in gained_norms(c)},
    }


def largest_public_sum(c: LlamaConfig, tables: LlamaModel | dict[str, np.ndarray]) -> dict[str, int]:
    """For the relations without weights."""
    read, held = 1 << (c.read_bits - 1), (1 << c.exp_bits) + (1 << c.over_bits) + 1 << c.exp_shift
    if c.cap:
        held = (1 << c.cap.bits - 1 + c.cap.shift) + (1 << c.cap.shift)
    total, turn = c.n_ctx * max_abs(tables["exp"]), max_abs(tables["cos"]) + max_abs(tables["sin"])
    product: dict[str, int] = {}
    if c.gated:
        made = (1 << c.product_bits - 1 + c.product_shift) + (1 << c.product_shift)
        product["gated product"] = made + largest_product(c, tables["act"])
    return {
        **{f"{n.name} rows": n.row_sum for n in gained_norms(c)},
        "rotary": (read << c.rotary_shift) + (1 << c.rotary_shift) + turn * read,
        "attention": (2 * c.head_dim * read * read << max(c.gains("score"))) + held,
        "division": 2 * total * (2 * read + 1) + total + (1 << c.div_bits),
        **product,
    }  # fmt: skip


def largest_product(c: LlamaConfig, act: np.ndarray) -> int:
    """|2^gain a up|, up as it is ranged."""
    return max_abs(act) << c.up_bits - 1 << max(c.gains("product"))


# ---- predicates


def failed_predicates(model: LlamaModel) -> list[str]:
    """The predicates that do not hold, each with its figures; empty for a sound package."""
    failed = failed_config_predicates(model.config)
    return failed or [p.text for p in array_predicates(model) if not p.holds]


def failed_config_predicates(c: LlamaConfig) -> list[str]:
    """Those of the configuration alone: axes, slots and the widths that the traced arrays can hold."""
    return [p.text for p in config_predicates(c) if not p.holds]


def failed_public_predicates(c: LlamaConfig, spec: LlamaTables) -> list[str]:
    """Those that need no weights: of the configuration and the tables."""
    if failed := failed_config_predicates(c):
        return failed
    if failed := [p.text for p in _specification_predicates(c, spec) if not p.holds]:
        return failed
    arrays = tables_of(spec, c)
    found = [*_table_predicates(c, spec, arrays), *no_wrap(largest_public_sum(c, arrays))]
    return [p.text for p in found if not p.holds]


def array_predicates(model: LlamaModel) -> Iterator[Predicate]:
    """Those of weights, biases and tables, where those of the configuration hold."""
    c, word = model.config, min(1 << 15, 1 << (model.config.act_bits - 1))
    kinds = {kind.name: kind for kind in linear_kinds(c)}
    matrices = ["wte", *(["head"] if not c.tied_head else []), *(f"w_{name}" for name in kinds)]
    for name in matrices:
        limit = word if name == "wte" else 1 << 15  # rows of wte in use are ranged
        text = f"weights: |{name}| < {limit}"
        yield Predicate(f"weights {name}", max_abs(model[name]) < limit, text)
    for s in slot_bounds(model):
        text = f"packing {s.kind}: max|Z| + max|Z'| needs {s.needed_bits} bits, a slot has {s.slot_bits}"
        yield Predicate(f"packing {s.kind}", s.needed_bits <= s.slot_bits, text)
        biased = s.true_max + (max_abs(model[f"b_{s.kind}"]) if s.kind in kinds and c.biased(s.kind) else 0)
        text = f"{s.kind}: |Z| may reach {biased}, at most 2^{ACCUMULATOR_BITS}"
        yield Predicate(f"accumulator {s.kind}", biased < 1 << ACCUMULATOR_BITS, text)
    yield from no_wrap(largest_sum(model))
    q_bits, d_bits = square_sum_bound(model).bit_length(), deviation_bound(model).bit_length()
    norm = 2 * c.rho_bits + q_bits
    yield Predicate("norm", norm <= NORM_BITS, f"2 rho_bits + bits of Q = {norm} <= {NORM_BITS}")
    text = f"{'D' if c.centred else 'X'} may reach 2^{d_bits}, at most 2^{CENTRED_BITS}"
    yield Predicate("stream", d_bits <= CENTRED_BITS, text)
    if c.centred:
        bits = (max_abs(model["gain"]) * (1 << c.act_bits - 1) + max_abs(model["beta"])).bit_length()
        text = f"gain y + beta may reach 2^{bits}, at most 2^{ACCUMULATOR_BITS}"
        yield Predicate("final norm", bits <= ACCUMULATOR_BITS, text)
    text = f"Q may reach 2^{q_bits}, at most 2^{TRACED_BITS}"
    yield Predicate("square sum", q_bits <= TRACED_BITS, text)
    for n in gained_norms(c):
        bits = n.traced_bits(max_abs(model[n.gain]))
        text = f"{n.name}: gain D rho may reach 2^{bits}, at most 2^{ACCUMULATOR_BITS}"
        yield Predicate(f"accumulator {n.name}", bits <= ACCUMULATOR_BITS, text)
    tables = {name: model[name] for name in ("exp", "act", "cos", "sin", *(["cap"] if c.cap else []))}
    yield from _table_predicates(c, model.tables, tables)


def _specification_predicates(c: LlamaConfig, spec: LlamaTables) -> Iterator[Predicate]:
    """That the specification is of these tables, which are made from it only then."""
    long = [r for r in spec.rotaries if r.kind == "longrope"]
    for text, holds in {
        "a table of cosines and sines for each angle": len(spec.rotaries) == max(c.angles, default=0) + 1,
        "a table of the cap where scores have one": (spec.cap is None) == (c.cap is None),
        "longrope: a factor for each pair that is turned": all(len(r.factors) == c.pairs for r in long),
        "longrope: no more positions than the original ones": all(c.n_ctx <= r.original for r in long),
    }.items():
        yield Predicate(text, holds, text)


def _table_predicates(
    c: LlamaConfig, spec: LlamaTables, tables: dict[str, np.ndarray]
) -> Iterator[Predicate]:
    fitting = list(_specification_predicates(c, spec))
    yield from fitting
    if not all(p.holds for p in fitting):
        return
    e, specified = tables["exp"], tables_of(spec, c)
    for text, holds in {
        "exp table is non-increasing": bool((e[:-1] >= e[1:]).all()),
        "exp table ends in 0": int(e[-1]) == 0,
        "exp table starts above 0": int(e[0]) > 0,
        f"activation's table fits {ACTIVATION_BITS} bits": max_abs(tables["act"])
        < 1 << (ACTIVATION_BITS - 1),
        **{
            f"cosines and sines are below 2^{ROTARY_BITS}: {name}": max_abs(tables[name]) < 1 << ROTARY_BITS
            for name in ("cos", "sin")
        },
        **{
            f"{name}: contents as specified": np.array_equal(tables[name], specified[name])
            for name in specified
        },
        "activation's tables: scales for each class": len(spec.act_in_log2) == c.act_classes,
    }.items():
        yield Predicate(text, holds, text)
    if c.cap:
        spread = 2 * max_abs(tables["cap"])
        text = f"cap: capped scores may be {spread} apart, below 2^{c.exp_bits}"
        yield Predicate("cap and exponentials", spread < 1 << c.exp_bits, text)
        read = 1 << c.read_bits - 1
        most = max(c.head_dim * read * read, c.n_ctx * max_abs(e) * read)
        text = f"sums of Q K and e V of capped scores may reach {most}, below 2^{FLOAT_BITS}"
        yield Predicate("exact sums", most < 1 << FLOAT_BITS, text)
    z = (c.head_dim << 2 * (c.read_bits - 1) + max(c.gains("score"))) + (1 << c.cap.shift if c.cap else 0)
    text = f"scores may reach {z}, at most 2^{ACCUMULATOR_BITS}"
    yield Predicate("traced scores", z < 1 << ACCUMULATOR_BITS, text)
    if c.gated:
        bits = largest_product(c, tables["act"]).bit_length()
        text = f"the gated product may reach 2^{bits}, at most 2^{ACCUMULATOR_BITS}"
        yield Predicate("traced product", bits <= ACCUMULATOR_BITS, text)
    yield from context_predicates(c, e, c.read_bits, ACCUMULATOR_BITS)


def config_predicates(c: LlamaConfig) -> Iterator[Predicate]:
    """In an order in which each one bounds what the later ones compute; after sizes out of range, no more."""
    sound = True
    for predicate in _widths(c):
        yield predicate
        sound &= predicate.holds
    if sound:
        yield from _one_value(c)


def _widths(c: LlamaConfig) -> Iterator[Predicate]:
    in_range = True
    sizes = ("n_layer", "n_head", "n_kv_head", "head_dim", "d_model", "d_inner", "n_ctx", *SLOTS)
    for name in sizes:
        text = f"1 <= {name} < 2^31"
        yield Predicate(text, holds := 1 <= getattr(c, name) < 1 << 31, text)
        in_range &= holds
    for text, holds in ColumnSizes(c.mu, c.fixed_mu, c.witness_mu, c.hidden).conditions().items():
        yield Predicate(text, holds, text)
        in_range &= holds
    if not in_range:
        return
    for text, holds in _conditions(c):
        yield Predicate(text, holds, text)
    for slots, bits in SLOTS.items():
        packed = getattr(c, slots) * getattr(c, bits)
        text = f"{slots} * {bits} = {packed} <= {PACKED_BITS}"
        yield Predicate(f"{slots} * {bits}", packed <= PACKED_BITS, text)
    for shift in SHIFTS + (("up_shift", "product_shift") if c.gated else ()):
        text = f"1 <= {shift} <= 30"
        yield Predicate(text, 1 <= getattr(c, shift) <= 30, text)
    yield from (Predicate(text, holds, text) for text, holds in option_conditions(c))


def _conditions(c: LlamaConfig) -> Iterator[tuple[str, bool]]:
    yield "fixed_mu: a column's address holds the bits of the layer", c.n_layer < 1 << c.fixed_mu
    yield "vocab_size: ids are 24-bit", 1 <= c.vocab_size <= MAX_VOCABULARY
    yield "pad_id is a token id", 0 <= c.pad_id < c.vocab_size
    yield "n_ctx < 2^16", c.n_ctx <= MAX_POSITIONS
    for kind in c.gained:
        gains = c.gains(kind)
        yield f"{kind}_gains: one of each layer", len(gains) == c.n_layer
        yield f"0 <= {kind}_gains <= 16, the least 0", min(gains, default=1) == 0 and max(gains) <= 16
    yield "act_class: a class for each layer", len(c.act_class) == c.n_layer
    classes = 1 <= len(set(c.act_class)) <= MOST_CLASSES and min(c.act_class) == 0
    used = classes and max(c.act_class) + 1 == len(set(c.act_class))
    yield f"act_class: counted from 0, all used, at most {MOST_CLASSES}", used
    yield "n_kv_head divides n_head", c.n_head % c.n_kv_head == 0
    yield "head_dim is even", c.head_dim % 2 == 0
    yield "head_slots divide half a head's features", c.half > 0 and c.half % c.head_slots == 0
    yield "width_slots divide the width", c.d_model % c.width_slots == 0
    yield "inner_slots divide the inner width", c.d_inner % c.inner_slots == 0
    yield "no vocabulary slot is empty", (c.vocab_slots - 1) * c.vocab_block < c.vocab_size
    yield "1 <= norm_shift <= 62", 1 <= c.norm_shift <= 62
    yield "kappa >= norm_shift", c.kappa >= c.norm_shift
    # |X rho| is at most sqrt(d) 2^kappa, which is traced as a 64-bit integer
    yield f"d 2^(2 kappa) <= 2^{TRACED_BITS - 2}", 2 * c.kappa + c.d_model.bit_length() <= TRACED_BITS - 2
    yield "0 <= wte_shift <= 40", 0 <= c.wte_shift <= 40
    yield f"1 <= rotary_shift < {ROTARY_BITS}", 1 <= c.rotary_shift < ROTARY_BITS
    yield "act_bits, gate_bits <= 16", 2 <= c.act_bits <= 16 and 2 <= c.gate_bits <= 16
    yield "final_bits <= 30", 2 <= c.final_bits <= 30
    yield "exp_bits <= 20", 1 <= c.exp_bits <= 20
    yield "write_bits <= 32", 2 <= c.write_bits <= 32
    yield "logit_bits, diff_bits <= 62", 2 <= c.logit_bits <= 62 and 1 <= c.diff_bits <= 62
    yield "div_bits <= 62", 1 <= c.div_bits <= 62
    yield "limb_bits <= 16", 1 <= c.limb_bits <= 16
    words = 1 <= c.rho_bits <= WORD_BITS and 1 <= c.norm_bits <= WORD_BITS
    yield f"rho_bits, norm_bits <= {WORD_BITS}", words
    yield f"eps_int >= 1, and below 2^{TRACED_BITS}", 1 <= c.eps_int < 1 << TRACED_BITS


def _one_value(c: LlamaConfig) -> Iterator[Predicate]:
    """Whatever the weights: docs/security.md has the argument for each."""
    bits = {kind.name: kind.packing.bits for kind in linear_kinds(c)}
    bits |= dict.fromkeys(("head", "embedding"), c.vocab_slot_bits)
    for kind, count in claimed_values(c, declared(c, 1, 1)).items():
        needed = ceil_log2(count)
        text = f"one value: claims of {kind} take {needed} bits, a slot has {bits[kind]}"
        yield Predicate(f"one value: {kind}", needed <= bits[kind], text)
    yield from one_rho("", c.d_model, c)
    for n in gained_norms(c):
        yield from one_rho(f" of {n.name}", n.op.width, n.op)
        norm = 2 * n.op.rho_bits + n.squares.bit_length()
        text = f"{n.name}: 2 rho_bits + bits of Q = {norm} <= {NORM_BITS}"
        yield Predicate(n.name, norm <= NORM_BITS, text)
