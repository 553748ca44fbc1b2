"""Choice of a Llama's packing: how many slots share a coefficient, for each axis that is cut into slots."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from zkllm.llama.config import LlamaConfig
from zkllm.model.llama.predicates import SLOTS
from zkllm.model.packing import largest_divisor, vocabulary_slots
from zkllm.model.predicates import PACKED_BITS


def choose_slots(
    c: LlamaConfig, needed_bits: Mapping[str, int], given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Slot fields of the configuration from the bits that a slot of each kind needs.

    Slots of an axis take the widest of the kinds that it serves, and get all the bits that fit.
    """
    given = given or {}
    widest = lambda *kinds: PACKED_BITS // max(needed_bits[kind] for kind in kinds)
    fields = {
        "head_slots": largest_divisor(gcd(c.half, c.pairs), widest("qkv")),
        "width_slots": largest_divisor(c.d_model, widest("o", "down")),
        "inner_slots": largest_divisor(c.d_inner, widest(*(("gate", "up") if c.gated else ("gate",)))),
        "vocab_slots": vocabulary_slots(c.vocab_size, widest("head", "embedding")),
    }
    fields.update({name: given[name] for name in fields if name in given})
    for slots, bits in SLOTS.items():
        fields[bits] = given.get(bits, PACKED_BITS // fields[slots])
    return fields
