"""Choice of the packing: how many slots share a coefficient, for each matrix kind."""

from __future__ import annotations

from collections.abc import Mapping

from zkllm.gpt2.config import ProgramConfig
from zkllm.model.predicates import PACKED_BITS


def largest_divisor(axis: int, limit: int) -> int:
    """The largest divisor of `axis` that is at most `limit` (1 is always legal)."""
    return next(c for c in range(min(axis, max(1, limit)), 0, -1) if axis % c == 0)


def vocabulary_slots(vocab_size: int, limit: int) -> int:
    """C = ceil(V / J), so that no slot is empty: near the most slots, in few dyadic blocks of C x J."""

    def slots(most: int) -> int:
        block = -(-vocab_size // most)
        return -(-vocab_size // block)

    def blocks(count: int) -> int:
        return count.bit_count() * (-(-vocab_size // count)).bit_count()

    choices = {slots(most) for most in range(max(1, limit * 2 // 3), max(1, limit) + 1)}
    return min(choices, key=lambda count: (blocks(count), -count))


def choose_slots(
    config: ProgramConfig, needed_bits: Mapping[str, int], overrides: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Slot fields of the configuration from the bits that a slot of each kind needs.

    `slots` serves q, k, v, o and the second MLP matrix, so it takes the widest of them. Slots get all the
    bits that fit.
    """
    given = overrides or {}
    head = max(needed_bits[kind] for kind in ("qkv", "o", "fc2"))
    inner, vocab = needed_bits["fc1"], max(needed_bits["head"], needed_bits["embedding"])
    fields = {
        "slots": largest_divisor(config.n_head, PACKED_BITS // head),
        "inner_slots": largest_divisor(config.d_inner, PACKED_BITS // inner),
        "vocab_slots": vocabulary_slots(config.vocab_size, PACKED_BITS // vocab),
    }
    fields.update({k: given[k] for k in fields if k in given})
    for slots, bits in (
        ("slots", "slot_bits"),
        ("inner_slots", "inner_slot_bits"),
        ("vocab_slots", "vocab_slot_bits"),
    ):
        fields[bits] = given.get(bits, PACKED_BITS // fields[slots])
    return fields
