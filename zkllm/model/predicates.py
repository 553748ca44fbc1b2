"""Predicates of a model package, on which soundness rests (`docs/protocol.md`).

They are about the weights, the tables and the configuration alone; nothing here depends on a prompt.
Each is named, so that a package that breaks one says which. Two kinds:

* packing: the values that are proved in one field element (claimed and true slots) cannot borrow from
  one another;
* no equation can wrap: both sides of every relation stay below r as integers, so that equality in the
  field is equality of integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zkllm._native import largest_l1
from zkllm.errors import PackageError
from zkllm.field import R
from zkllm.model.config import ProgramConfig
from zkllm.model.folding import LINEARS
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.weights import QuantizedModel

MAX_MU = 25  # what a verifying key may have: an SRS of so many powers is made before there is a key
PACKED_BITS = 253  # a packed coefficient: slots times bits a slot
NORM_BITS = 252  # 2 rho_bits + bits of Q
WORD_BITS = 128  # rho, U and V are traced as 128-bit integers,
ACCUMULATOR_BITS = 62  # Z is traced as a 64-bit integer
TRACED_BITS = 125  # and computed as signed ones from Q and d 2^(2 kappa)


@dataclass(frozen=True)
class SlotBound:
    """One packed matrix kind: what bounds its slots, and what the configuration grants."""

    kind: str
    true_max: int  # max |Z|: range of the input times the L1 norm of a weight column
    claimed_max: int  # max |Z'|: from the proved ranges of Y and R, and the bias
    slots: int
    slot_bits: int

    @property
    def needed_bits(self) -> int:
        """Least K with max |Z| + max |Z'| < 2^K."""
        return (self.true_max + self.claimed_max).bit_length()


def max_abs(array: np.ndarray) -> int:
    return max(abs(int(array.max())), abs(int(array.min())))


def _l1(weights: np.ndarray, gains: tuple[int, ...]) -> int:
    """Largest L1 norm of a column times its layer's 2^gain, over all layers of (layers, in, ..)."""
    norms = (largest_l1(layer.reshape(len(layer), -1), 0) for layer in weights)
    return max(norm << gain for norm, gain in zip(norms, gains, strict=True))


def residual_bound(model: QuantizedModel) -> int:
    """Bound on |X|, derived: |X_0| plus the range-checked widths of all writes."""
    c = model.config
    x0 = (max_abs(model.wte) << c.wte_shift) + (max_abs(model.wpe) << c.wpe_shift)
    return x0 + 2 * c.n_layer * (1 << (c.write_bits - 1))


def square_sum_bound(model: QuantizedModel, residual: int | None = None) -> int:
    """Bound on Q = sum_j (d X_j - S)^2 + eps, with |d X_j - S| <= 2 d |X|; |X| <= residual where given."""
    c = model.config
    x = residual_bound(model) if residual is None else residual
    return c.width * (2 * c.width * x) ** 2 + c.eps_int


def slot_bounds(model: QuantizedModel) -> list[SlotBound]:
    c = model.config
    act = 1 << (c.act_bits - 1)
    gelu_max = max_abs(model.gelu)

    def bound(kind: str, a: int, shift: int, y_bits: int, slots: int, bits: int) -> SlotBound:
        weights, bias = getattr(model, f"w_{kind}"), getattr(model, f"b_{kind}")
        # Z' = 2^s Y + R - 2^(s-1) - b with Y in [-2^(w-1), 2^(w-1)) and R in [0, 2^s)
        claimed = (1 << (shift + y_bits - 1)) + (1 << (shift - 1)) + max_abs(bias)
        gains = c.gains(kind) if kind in ("fc1", "fc2") else (0,) * c.n_layer
        return SlotBound(kind, a * _l1(weights, gains), claimed, slots, bits)

    def rows(kind: str, true_max: int, claimed: int) -> SlotBound:
        return SlotBound(kind, true_max, claimed, c.vocab_slots, c.vocab_slot_bits)

    head = (1 << (c.logit_bits - 1)) + (1 << c.diff_bits) + 1
    return [
        bound("qkv", act, c.qkv_shift, c.act_bits, c.slots, c.slot_bits),
        bound("o", act, c.o_shift, c.write_bits, c.slots, c.slot_bits),
        bound("fc1", act, c.fc1_shift, c.gelu_bits, c.inner_slots, c.inner_slot_bits),
        bound("fc2", gelu_max, c.fc2_shift, c.write_bits, c.slots, c.slot_bits),
        rows("head", act * largest_l1(model.wte, 1), head),
        rows("embedding", max_abs(model.wte), act),  # the unpacked rows in use
    ]


def largest_sum(model: QuantizedModel, residual: int | None = None) -> dict[str, int]:
    """For each relation that is not packed, a bound on |left| + |right| as integers."""
    c = model.config
    act, d = 1 << (c.act_bits - 1), c.width
    x = residual_bound(model) if residual is None else residual
    q = square_sum_bound(model, x)
    rho, norm = 1 << c.rho_bits, 1 << c.norm_bits
    rows, exp_max = c.n_ctx, max_abs(model.exp)
    delta = 1 << c.exp_shift
    return {
        "layernorm rows": max(norm + rho * rho * q + (d << (2 * c.kappa)), 2 * norm + 1 + (2 * rho + 1) * q),
        "layernorm features": (act << c.ln_shift) + (1 << c.ln_shift) + 2 * d * x * rho,
        "attention": 2 * c.head_dim * act * act + delta * ((1 << c.exp_bits) + (1 << c.over_bits) + 1),
        "division": 2 * rows * exp_max * (2 * act + 1) + rows * exp_max + (1 << c.div_bits),
        "final norm": (act << c.final_shift)
        + (1 << c.final_shift)
        + max_abs(model.gain) * act
        + max_abs(model.beta),
        "embedding: X0": 2 * x,
    }


def _least_bits(n: int) -> int:
    return int(n).bit_length()


def failed_predicates(model: QuantizedModel) -> list[str]:
    """The predicates that do not hold, each with its figures; empty for a sound package."""
    c = model.config
    failed = failed_config_predicates(c)
    if failed:
        return failed  # the bounds below would mean nothing

    def need(holds: bool, text: str) -> None:
        if not holds:
            failed.append(text)

    for name in ("wte", "wpe", "w_qkv", "w_o", "w_fc1", "w_fc2"):
        limit = min(1 << 15, 1 << (c.act_bits - 1)) if name == "wte" else 1 << 15
        need(max_abs(getattr(model, name)) < limit, f"weights: |{name}| < {limit}")
    for s in slot_bounds(model):
        need(
            s.needed_bits <= s.slot_bits,
            f"packing {s.kind}: max|Z| + max|Z'| needs {s.needed_bits} bits, a slot has {s.slot_bits}",
        )
        biased = s.true_max + max_abs(getattr(model, f"b_{s.kind}")) if s.kind in LINEARS else s.true_max
        need(
            biased < 1 << ACCUMULATOR_BITS, f"{s.kind}: |Z| may reach {biased}, at most 2^{ACCUMULATOR_BITS}"
        )
    for relation, bound in largest_sum(model).items():
        need(bound < R, f"no wrap: {relation} may reach 2^{_least_bits(bound)}")
    q_bits = _least_bits(square_sum_bound(model))
    need(
        2 * c.rho_bits + q_bits <= NORM_BITS,
        f"2 rho_bits + bits of Q = {2 * c.rho_bits + q_bits} <= {NORM_BITS}",
    )
    centred = 2 * c.width * residual_bound(model)
    need(centred < 1 << 62, f"d X - S may reach 2^{_least_bits(centred)}, at most 2^62")
    need(q_bits <= TRACED_BITS, f"Q may reach 2^{q_bits}, at most 2^{TRACED_BITS}")
    _check_tables(model, need)
    total = 2 * c.n_ctx * max_abs(model.exp)
    need(total <= 1 << c.div_bits, f"div_bits: 2 M may reach {total}, at most 2^{c.div_bits}")
    return failed


def failed_config_predicates(c: ProgramConfig) -> list[str]:
    """Those of the configuration alone: axes, slots and the widths that the traced arrays can hold."""
    failed: list[str] = []

    def need(holds: bool, text: str) -> None:
        if not holds:
            failed.append(text)

    sizes = ("n_layer", "n_head", "head_dim", "d_inner", "n_ctx", "slots", "inner_slots", "vocab_slots")
    for name in sizes:
        need(1 <= getattr(c, name) < 1 << 31, f"1 <= {name} < 2^31")
    need(1 <= c.mu <= MAX_MU, f"1 <= mu <= {MAX_MU}")
    if failed:
        return failed  # nothing is shifted by, divided by or multiplied with what is out of range
    need(c.n_layer < 1 << c.mu, "mu: a column's address holds the bits of the layer")
    need(1 <= c.vocab_size < 1 << 16, "vocab_size: ids are 16-bit")
    need(0 <= c.pad_id < c.vocab_size, "pad_id is a token id")
    need(c.n_ctx < 1 << 16, "n_ctx < 2^16")
    classes = range(len(c.fc1_gains))
    need(len(c.mlp_class) == c.n_layer, "mlp_class: a class for each layer")
    need(
        1 <= len(c.fc1_gains) == len(c.fc2_gains) <= 16, "fc1_gains, fc2_gains: one of each class, at most 16"
    )
    need(set(c.mlp_class) == set(classes), "mlp_class: classes are counted from 0 and all used")
    need(all(0 <= g <= 16 for g in (*c.fc1_gains, *c.fc2_gains)), "0 <= gains <= 16")
    need(c.n_head % c.slots == 0, "slots divide the heads")
    need(c.d_inner % c.inner_slots == 0, "inner_slots divide the inner width")
    need(
        (c.vocab_slots - 1) * c.vocab_block < c.vocab_size,
        "no vocabulary slot is empty",
    )
    for slots, bits in (
        ("slots", "slot_bits"),
        ("inner_slots", "inner_slot_bits"),
        ("vocab_slots", "vocab_slot_bits"),
    ):
        packed = getattr(c, slots) * getattr(c, bits)
        need(packed <= PACKED_BITS, f"{slots} * {bits} = {packed} <= {PACKED_BITS}")
    for shift in ("qkv_shift", "o_shift", "fc1_shift", "fc2_shift", "final_shift", "exp_shift"):
        need(1 <= getattr(c, shift) <= 30, f"1 <= {shift} <= 30")
    need(1 <= c.ln_shift <= 62, "1 <= ln_shift <= 62")
    need(c.kappa >= c.ln_shift, "kappa >= ln_shift")
    need(2 * c.kappa + c.width.bit_length() <= TRACED_BITS, f"d 2^(2 kappa) <= 2^{TRACED_BITS}")
    need(0 <= c.wte_shift <= 40 and 0 <= c.wpe_shift <= 40, "0 <= wte_shift, wpe_shift <= 40")
    need(2 <= c.act_bits <= 16 and 2 <= c.gelu_bits <= 16, "act_bits, gelu_bits <= 16")
    need(1 <= c.exp_bits <= 20 and 1 <= c.over_bits <= 31, "exp_bits <= 20, over_bits <= 31")
    need(2 <= c.write_bits <= 32, "write_bits <= 32")
    need(2 <= c.logit_bits <= 62 and 1 <= c.diff_bits <= 62, "logit_bits, diff_bits <= 62")
    need(1 <= c.div_bits <= 62, "div_bits <= 62")
    need(1 <= c.limb_bits <= 16, "limb_bits <= 16")
    need(
        1 <= c.rho_bits <= WORD_BITS and 1 <= c.norm_bits <= WORD_BITS, f"rho_bits, norm_bits <= {WORD_BITS}"
    )
    need(1 <= c.eps_int < 1 << TRACED_BITS, f"eps_int >= 1, and below 2^{TRACED_BITS}")
    return failed


def _check_tables(model: QuantizedModel, need: Callable[[bool, str], None]) -> None:
    c, e = model.config, model.exp
    need(bool((e[:-1] >= e[1:]).all()), "exp table is non-increasing")
    need(int(e[-1]) == 0, "exp table ends in 0")
    need(int(e[0]) > 0, "exp table starts above 0")
    need(max_abs(model.gelu) < 1 << (c.act_bits - 1), "GELU table fits act_bits")
    need(np.array_equal(e, exp_table(model.tables, c.exp_bits)), "exp table: contents as specified")
    scales = model.tables.gelu_in_log2, model.tables.gelu_out_log2
    if any(len(s) != c.mlp_classes for s in scales):
        need(False, "GELU tables: scales for each class")
        return
    need(
        np.array_equal(model.gelu, gelu_table(model.tables, c.gelu_bits)), "GELU table: contents as specified"
    )


def check_predicates(model: QuantizedModel) -> None:
    """Raises PackageError naming every predicate that does not hold."""
    failed = failed_predicates(model)
    if failed:
        raise PackageError("model package is unsound: " + "; ".join(failed))
