"""Predicates of a model package, on which soundness rests (`docs/protocol.md`).

They are about the weights, the tables and the configuration alone; nothing here depends on a prompt.
Each is named, so that a package that breaks one says which. Three kinds:

* packing: the values that are proved in one field element (claimed and true slots) cannot borrow from
  one another;
* no equation can wrap: both sides of every relation stay below r as integers, so that equality in the
  field is equality of integers;
* one value: whatever is committed as weights, every relation has one solution at most. The others take the
  weights to be as small as they are, which of a hidden model nobody but its owner sees; from these alone,
  which are about the public configuration, it has one answer to each prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.errors import PackageError
from zkllm.families import Config, declared
from zkllm.field import R
from zkllm.gpt2.config import ProgramConfig
from zkllm.gpt2.description import layer_norm, linear_kinds
from zkllm.kernels.native import NATIVE
from zkllm.limits import MAX_POSITIONS, MAX_VOCABULARY
from zkllm.model.folding import LINEARS
from zkllm.model.tables import exp_table, gelu_table, tables_of
from zkllm.model.weights import QuantizedModel, TableSpec
from zkllm.ops.linear import Kind
from zkllm.protocol.manifest import Manifest

from ..protocol.column_sizes import ColumnSizes

PACKED_BITS = 253  # a packed coefficient: slots times bits a slot
NORM_BITS = 252  # 2 rho_bits + bits of Q
UNIQUE_BITS = 253  # 2 rho_bits + norm_bits + 2, and the bits of d 2^(2 kappa + rho_bits + 1)
WORD_BITS = 128  # rho, U and V are traced as 128-bit integers,
ACCUMULATOR_BITS = 62  # Z is traced as a 64-bit integer,
CENTRED_BITS = 62  # and so is d X - S
TRACED_BITS = 125  # and computed as signed ones from Q and d 2^(2 kappa)


@dataclass(frozen=True)
class SlotBound:
    """One packed matrix kind: what bounds its slots, and what the configuration grants."""

    kind: str
    true_max: int  # max |Z|: range of the input times the L1 norm of a weight column
    claimed_max: int  # max |Z'|: from the proved ranges of Y and R, and the bias
    claims: int  # values of Z' that these ranges admit, an interval
    slots: int
    slot_bits: int

    @property
    def needed_bits(self) -> int:
        """Least K with max |Z| + max |Z'| < 2^K, and with no two values of Z' that differ by 2^K or more."""
        return max((self.true_max + self.claimed_max).bit_length(), self.claimed_bits)

    @property
    def claimed_bits(self) -> int:
        return ceil_log2(self.claims)


def max_abs(array: np.ndarray) -> int:
    return max(abs(int(array.max())), abs(int(array.min())))


def _l1(weights: np.ndarray, gains: tuple[int, ...]) -> int:
    """Largest L1 norm of a column times its layer's 2^gain, over all layers of (layers, in, ..)."""
    norms = (NATIVE.largest_l1(layer.reshape(len(layer), -1), 0) for layer in weights)
    return max(norm << gain for norm, gain in zip(norms, gains, strict=True))


def residual_bound(model: QuantizedModel) -> int:
    """Bound on |X|, derived: |X_0| plus the range-checked widths of all writes."""
    c = model.config
    x0 = (max_abs(model.wte) << c.wte_shift) + (max_abs(model.wpe) << c.wpe_shift)
    return x0 + 2 * c.n_layer * (1 << (c.write_bits - 1))


def square_sum_bound(model: QuantizedModel, residual: int | None = None) -> int:
    """Bound on Q = sum_j D_j^2 + eps; |X| <= residual where given."""
    c = model.config
    x = residual_bound(model) if residual is None else residual
    return c.width * layer_norm(c).largest(x) ** 2 + c.eps_int


def slot_bounds(model: QuantizedModel) -> list[SlotBound]:
    """Of the linear layers as they are declared, of the head, and of the embedding."""
    c, m = model.config, declared(model.config, 1, 1)
    act = 1 << (c.act_bits - 1)
    outputs, claims = {lookup.output for _, lookup in m.lookups()}, claimed_values(c, m)

    def most(tensor: str) -> int:
        """The largest magnitude that is proved: an activation's is in its tables."""
        return max_abs(model.gelu) if tensor in outputs else -m.interval(tensor)[0]

    def linear(kind: Kind) -> SlotBound:
        weights, bias = getattr(model, f"w_{kind.name}"), getattr(model, kind.bias)
        # Z' = 2^s Y + R - 2^(s-1) - b with Y in [-2^(w-1), 2^(w-1)) and R in [0, 2^s)
        claimed = (most(kind.target) << kind.shift) + (1 << (kind.shift - 1)) + max_abs(bias)
        gains = kind.gains or (0,) * c.n_layer
        true = most(kind.source) * _l1(weights, gains)
        slots = m.axes[kind.packing.slot]
        return SlotBound(kind.name, true, claimed, claims[kind.name], slots, kind.packing.bits)

    def rows(kind: str, true_max: int, claimed: int) -> SlotBound:
        return SlotBound(kind, true_max, claimed, claims[kind], c.vocab_slots, c.vocab_slot_bits)

    head = (1 << (c.logit_bits - 1)) + (1 << c.diff_bits) + 1
    return [
        *map(linear, linear_kinds(c)),
        rows("head", act * NATIVE.largest_l1(model.wte, 1), head),
        rows("embedding", max_abs(model.wte), act),  # the unpacked rows in use
    ]


def claimed_values(c: ProgramConfig, m: Manifest) -> dict[str, int]:
    """Of each packed kind, how many values a slot's claim may have; without a bias, which is committed."""

    def count(tensor: str) -> int:
        low, beyond = m.interval(tensor)
        return beyond - low

    linear = {kind.name: count(kind.target) << kind.shift for kind in linear_kinds(c)}  # 2^s Y + R
    head = count("logit") + count("diff")  # logit - diff - [v < id]
    return {**linear, "head": head, "embedding": count("slot")}


def largest_sum(model: QuantizedModel, residual: int | None = None) -> dict[str, int]:
    """For each relation that is not packed, a bound on |left| + |right| as integers."""
    c = model.config
    act, d = 1 << (c.act_bits - 1), c.width
    x = residual_bound(model) if residual is None else residual
    q = square_sum_bound(model, x)
    rho, norm = 1 << c.rho_bits, 1 << c.norm_bits
    return {
        "layernorm rows": max(norm + rho * rho * q + (d << (2 * c.kappa)), 2 * norm + 1 + (2 * rho + 1) * q),
        "layernorm features": (act << c.ln_shift) + (1 << c.ln_shift) + layer_norm(c).largest(x) * rho,
        **largest_public_sum(c, model.exp),
        "final norm": (act << c.final_shift)
        + (1 << c.final_shift)
        + max_abs(model.gain) * act
        + max_abs(model.beta),
        "embedding: X0": 2 * x,
    }


def largest_public_sum(c: ProgramConfig, exp: np.ndarray) -> dict[str, int]:
    """For the relations without weights."""
    act, total, delta = 1 << (c.act_bits - 1), c.n_ctx * max_abs(exp), 1 << c.exp_shift
    return {
        "attention": 2 * c.head_dim * act * act + delta * ((1 << c.exp_bits) + (1 << c.over_bits) + 1),
        "division": 2 * total * (2 * act + 1) + total + (1 << c.div_bits),
    }


@dataclass(frozen=True)
class Predicate:
    name: str
    holds: bool
    text: str  # with its figures


def failed_predicates(model: QuantizedModel) -> list[str]:
    """The predicates that do not hold, each with its figures; empty for a sound package."""
    failed = failed_config_predicates(model.config)
    return failed or [p.text for p in array_predicates(model) if not p.holds]


def failed_config_predicates(c: ProgramConfig) -> list[str]:
    """Those of the configuration alone: axes, slots and the widths that the traced arrays can hold."""
    return [p.text for p in config_predicates(c) if not p.holds]


def failed_public_predicates(c: ProgramConfig, spec: TableSpec) -> list[str]:
    """Those that need no weights: of the configuration and the tables. They are enough for one answer to each
    prompt, whatever the weights (docs/security.md)."""
    if failed := failed_config_predicates(c):
        return failed
    if {len(spec.gelu_in_log2), len(spec.gelu_out_log2)} != {c.mlp_classes}:
        return ["GELU tables: scales for each class"]
    arrays = tables_of(spec, c)
    found = [*_table_predicates(c, spec, arrays["exp"], arrays["gelu"])]
    found += no_wrap(largest_public_sum(c, arrays["exp"]))
    return [p.text for p in found if not p.holds]


def check_predicates(model: QuantizedModel) -> None:
    """Raises PackageError naming every predicate that does not hold."""
    failed = failed_predicates(model)
    if failed:
        raise PackageError("model package is unsound: " + "; ".join(failed))


def _bits(n: int) -> int:
    return int(n).bit_length()


def array_predicates(model: QuantizedModel) -> Iterator[Predicate]:
    """Those of weights, biases and tables, where those of the configuration hold."""
    c = model.config
    for name in ("wte", "wpe", "w_qkv", "w_o", "w_fc1", "w_fc2"):
        limit = min(1 << 15, 1 << (c.act_bits - 1)) if name == "wte" else 1 << 15
        text = f"weights: |{name}| < {limit}"
        yield Predicate(f"weights {name}", max_abs(getattr(model, name)) < limit, text)
    for s in slot_bounds(model):
        text = f"packing {s.kind}: max|Z| + max|Z'| needs {s.needed_bits} bits, a slot has {s.slot_bits}"
        yield Predicate(f"packing {s.kind}", s.needed_bits <= s.slot_bits, text)
        biased = s.true_max + max_abs(getattr(model, f"b_{s.kind}")) if s.kind in LINEARS else s.true_max
        text = f"{s.kind}: |Z| may reach {biased}, at most 2^{ACCUMULATOR_BITS}"
        yield Predicate(f"accumulator {s.kind}", biased < 1 << ACCUMULATOR_BITS, text)
    yield from no_wrap(largest_sum(model))
    q_bits = _bits(square_sum_bound(model))
    norm = 2 * c.rho_bits + q_bits
    yield Predicate("norm", norm <= NORM_BITS, f"2 rho_bits + bits of Q = {norm} <= {NORM_BITS}")
    centred = layer_norm(c).largest(residual_bound(model))
    text = f"D may reach 2^{_bits(centred)}, at most 2^{CENTRED_BITS}"
    yield Predicate("centred", centred < 1 << CENTRED_BITS, text)
    text = f"Q may reach 2^{q_bits}, at most 2^{TRACED_BITS}"
    yield Predicate("square sum", q_bits <= TRACED_BITS, text)
    yield from _table_predicates(c, model.tables, model.exp, model.gelu)


def no_wrap(bounds: Mapping[str, int]) -> Iterator[Predicate]:
    for relation, bound in bounds.items():
        text = f"no wrap: {relation} may reach 2^{_bits(bound)}"
        yield Predicate(f"no wrap: {relation}", bound < R, text)


def _table_predicates(
    c: ProgramConfig, spec: TableSpec, e: np.ndarray, gelu: np.ndarray
) -> Iterator[Predicate]:
    classes = {len(spec.gelu_in_log2), len(spec.gelu_out_log2)} == {c.mlp_classes}
    for text, holds in {
        "exp table is non-increasing": bool((e[:-1] >= e[1:]).all()),
        "exp table ends in 0": int(e[-1]) == 0,
        "exp table starts above 0": int(e[0]) > 0,
        "GELU table fits act_bits": max_abs(gelu) < 1 << (c.act_bits - 1),
        "exp table: contents as specified": np.array_equal(e, exp_table(spec, c.exp_bits)),
        "GELU tables: scales for each class": classes,
        "GELU table: contents as specified": not classes
        or np.array_equal(gelu, gelu_table(spec, c.gelu_bits)),
    }.items():
        yield Predicate(text, holds, text)
    yield from context_predicates(c, e, c.act_bits, ACCUMULATOR_BITS)


def context_predicates(c: Config, e: np.ndarray, value_bits: int, bits: int) -> Iterator[Predicate]:
    """What grows with the rows, for all of n_ctx: the division's range, and an execution's sums of e V, of
    values of `value_bits`, which have `bits`."""
    total = 2 * c.n_ctx * max_abs(e)
    text = f"div_bits: 2 M may reach {total}, at most 2^{c.div_bits}"
    yield Predicate("div_bits and the table", total <= 1 << c.div_bits, text)
    weighted = total * ((1 << value_bits - 1) + 1)
    text = f"attention: |2 sum e V + M| may reach {weighted}, at most 2^{bits}"
    yield Predicate("accumulator attention", weighted < 1 << bits, text)


def config_predicates(c: ProgramConfig) -> Iterator[Predicate]:
    """In an order in which each one bounds what the later ones compute; after sizes out of range, no more."""
    sound = True
    for predicate in _widths(c):
        yield predicate
        sound &= predicate.holds
    if sound:
        yield from _one_value(c)


def _widths(c: ProgramConfig) -> Iterator[Predicate]:
    in_range = True
    sizes = ("n_layer", "n_head", "head_dim", "d_inner", "n_ctx", "slots", "inner_slots", "vocab_slots")
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
    for slots, bits in (
        ("slots", "slot_bits"),
        ("inner_slots", "inner_slot_bits"),
        ("vocab_slots", "vocab_slot_bits"),
    ):
        packed = getattr(c, slots) * getattr(c, bits)
        text = f"{slots} * {bits} = {packed} <= {PACKED_BITS}"
        yield Predicate(f"{slots} * {bits}", packed <= PACKED_BITS, text)
    for shift in ("qkv_shift", "o_shift", "fc1_shift", "fc2_shift", "final_shift", "exp_shift"):
        text = f"1 <= {shift} <= 30"
        yield Predicate(text, 1 <= getattr(c, shift) <= 30, text)


def _one_value(c: ProgramConfig) -> Iterator[Predicate]:
    """Whatever the weights: docs/security.md has the argument for each."""
    m, bits = declared(c, 1, 1), _packed_bits(c)
    for kind, count in claimed_values(c, m).items():
        needed = ceil_log2(count)
        text = f"one value: claims of {kind} take {needed} bits, a slot has {bits[kind]}"
        yield Predicate(f"one value: {kind}", needed <= bits[kind], text)
    norm = 2 * c.rho_bits + c.norm_bits + 2
    text = f"one value: 2 rho_bits + norm_bits + 2 = {norm} <= {UNIQUE_BITS}"
    yield Predicate("one value: rho", norm <= UNIQUE_BITS, text)
    root = _bits(c.width << 2 * c.kappa + c.rho_bits + 1)
    text = f"one value: bits of d 2^(2 kappa + rho_bits + 1) = {root} <= {UNIQUE_BITS}"
    yield Predicate("one value: root", root <= UNIQUE_BITS, text)


def _packed_bits(c: ProgramConfig) -> dict[str, int]:
    """Bits of a slot of each packed kind."""
    rows = dict.fromkeys(("head", "embedding"), c.vocab_slot_bits)
    return {kind.name: kind.packing.bits for kind in linear_kinds(c)} | rows


def _conditions(c: ProgramConfig) -> Iterator[tuple[str, bool]]:
    yield "fixed_mu: a column's address holds the bits of the layer", c.n_layer < 1 << c.fixed_mu
    yield "vocab_size: ids are 24-bit", 1 <= c.vocab_size <= MAX_VOCABULARY
    yield "pad_id is a token id", 0 <= c.pad_id < c.vocab_size
    yield "n_ctx < 2^16", c.n_ctx <= MAX_POSITIONS
    yield "mlp_class: a class for each layer", len(c.mlp_class) == c.n_layer
    classes = 1 <= len(c.fc1_gains) == len(c.fc2_gains) <= 16
    yield "fc1_gains, fc2_gains: one of each class, at most 16", classes
    used = set(c.mlp_class) == set(range(len(c.fc1_gains)))
    yield "mlp_class: classes are counted from 0 and all used", used
    yield "0 <= gains <= 16", all(0 <= g <= 16 for g in (*c.fc1_gains, *c.fc2_gains))
    yield "slots divide the heads", c.n_head % c.slots == 0
    yield "inner_slots divide the inner width", c.d_inner % c.inner_slots == 0
    yield "no vocabulary slot is empty", (c.vocab_slots - 1) * c.vocab_block < c.vocab_size
    yield "1 <= ln_shift <= 62", 1 <= c.ln_shift <= 62
    yield "kappa >= ln_shift", c.kappa >= c.ln_shift
    yield f"d 2^(2 kappa) <= 2^{TRACED_BITS}", 2 * c.kappa + c.width.bit_length() <= TRACED_BITS
    yield "0 <= wte_shift, wpe_shift <= 40", 0 <= c.wte_shift <= 40 and 0 <= c.wpe_shift <= 40
    yield "act_bits, gelu_bits <= 16", 2 <= c.act_bits <= 16 and 2 <= c.gelu_bits <= 16
    yield "exp_bits <= 20, over_bits <= 31", 1 <= c.exp_bits <= 20 and 1 <= c.over_bits <= 31
    yield "write_bits <= 32", 2 <= c.write_bits <= 32
    yield "logit_bits, diff_bits <= 62", 2 <= c.logit_bits <= 62 and 1 <= c.diff_bits <= 62
    yield "div_bits <= 62", 1 <= c.div_bits <= 62
    yield "limb_bits <= 16", 1 <= c.limb_bits <= 16
    words = 1 <= c.rho_bits <= WORD_BITS and 1 <= c.norm_bits <= WORD_BITS
    yield f"rho_bits, norm_bits <= {WORD_BITS}", words
    yield f"eps_int >= 1, and below 2^{TRACED_BITS}", 1 <= c.eps_int < 1 << TRACED_BITS
