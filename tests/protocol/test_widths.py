"""Every value has the range that the package's predicates take it to have, to the bit, whatever its limbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.llama.config import LlamaConfig
from zkllm.ops.embedding import STREAM_BITS
from zkllm.protocol.manifest import Manifest

from .scene import Scene, capped_window, gemma, llama, neox, packed

SIGNED = {
    "slot": "act_bits", "y": "act_bits", "qkv": "act_bits", "o": "act_bits", "yf": "act_bits",
    "f": "gelu_bits", "write": "write_bits", "logit": "logit_bits",
}  # fmt: skip
UNSIGNED = {
    "rho": "rho_bits", "u": "norm_bits", "v": "norm_bits", "diff": "diff_bits", "div": "div_bits",
    "div_rest": "div_bits", "idx": "exp_bits", "over": "over_bits", "rem": "exp_shift", "y_rem": "ln_shift",
    "yf_rem": "final_shift", "qkv_rem": "qkv_shift", "o_rem": "o_shift", "f_rem": "fc1_shift",
    "fc2_rem": "fc2_shift",
}  # fmt: skip
CAUSAL = {"idx", "over", "rem"}


def several_widths() -> ProgramConfig:
    """No two fields of one width, so that none stands for another."""
    names = sorted({*SIGNED.values(), *UNSIGNED.values()} - {"gelu_bits", "exp_bits"})
    widths = {name: 5 + 2 * i for i, name in enumerate(names)}
    config = packed().case.model.config
    assert isinstance(config, ProgramConfig)
    return replace(config, **widths)


def limbs_of(manifest: Manifest, name: str) -> tuple[tuple[str, int], ...]:
    return manifest.wide[name].limbs if name in manifest.wide else ((name, 0),)


def interval(manifest: Manifest, name: str) -> tuple[int, int]:
    """Least and largest value that the lookups admit."""
    low = high = 0
    for limb, shift in limbs_of(manifest, name):
        lookup = manifest.tensors[limb].lookup
        assert lookup is not None
        (table,) = {
            (manifest.tables[t].offset, manifest.axes[manifest.tables[t].axis]) for t in lookup.tables
        }
        low += table[0] - lookup.offset << shift
        high += table[0] + table[1] - 1 - lookup.offset << shift
    return low, high


def test_ranges_are_those_of_the_predicates() -> None:
    config = several_widths()
    manifest = describe(config, 4, 2).manifest
    found = {}
    for name in (*SIGNED, *UNSIGNED):
        low, high = interval(manifest, name)
        assert low == (-high - 1 if name in SIGNED else 0), name
        found[name] = (high - low + 1).bit_length() - 1
        assert high - low + 1 == 1 << found[name], name
    assert found == {name: getattr(config, width) for name, width in (SIGNED | UNSIGNED).items()}


def test_every_lookup_is_of_a_value_that_is_listed() -> None:
    manifest = describe(several_widths(), 4, 2).manifest
    limbs = {limb: name for name, wide in manifest.wide.items() for limb, _ in wide.limbs}
    named = {limbs.get(tensor.name, tensor.name) for tensor, _ in manifest.lookups()}
    assert named == {*SIGNED, *UNSIGNED}
    assert {limbs.get(t.name, t.name) for t, lookup in manifest.lookups() if lookup.causal} == CAUSAL


# ---- of the Llama family


def family(scene: Scene) -> LlamaConfig:
    """Its configuration, no two widths alike, but those of what tables alone range."""
    c = scene.case.model.config
    assert isinstance(c, LlamaConfig)
    width = iter(range(9, 200, 2))
    names = ("act_bits", "final_bits", "write_bits", "rho_bits", "norm_bits", "div_bits", "logit_bits",
             "diff_bits", "norm_shift", "qkv_shift", "rotary_shift", "o_shift", "gate_shift", "down_shift",
             "final_shift")  # fmt: skip
    names += () if c.cap else ("over_bits", "exp_shift")
    names += ("up_bits", "product_bits", "up_shift", "product_shift") if c.gated else ()
    names += ("x0_shift",) if c.x0_shift else ()
    names += () if c.turned else ("head_bits",)
    c = replace(c, **{name: next(width) for name in names})
    if norm := c.head_norm:
        widths = {name: next(width) for name in ("shift", "rho_bits", "norm_bits")}
        c = replace(c, head_norm=replace(norm, **widths))
    if after := c.post_norm:
        widths = {name: next(width) for name in ("shift", "rho_bits", "norm_bits", "out_bits")}
        c = replace(c, post_norm=replace(after, **widths))
    return replace(c, cap=replace(c.cap, shift=next(width))) if c.cap else c


def signed(c: LlamaConfig) -> dict[str, int]:
    return {
        **dict.fromkeys(("slot", "y", "o"), c.act_bits),
        **dict.fromkeys(("qkv", "rot"), c.head_bits or c.act_bits),
        "f": c.gate_bits, "write": c.write_bits, "yf": c.final_bits, "logit": c.logit_bits,
        **({"up": c.up_bits, "g": c.product_bits} if c.gated else {}),
        **({"x0": STREAM_BITS} if c.x0_shift else {}),
        **({"normed": c.head_bits} if c.head_norm else {}),
        **({"out": c.post_norm.out_bits} if c.post_norm else {}),
        **({"cap_z": c.cap.bits} if c.cap else {}),
    }  # fmt: skip


def unsigned(c: LlamaConfig) -> dict[str, int]:
    found = {
        "rho": c.rho_bits, "u": c.norm_bits, "v": c.norm_bits, "y_rem": c.norm_shift, "diff": c.diff_bits,
        "div": c.div_bits, "div_rest": c.div_bits, "idx": c.exp_bits, "qkv_rem": c.qkv_shift,
        "rot_rem": c.rotary_shift, "o_rem": c.o_shift, "gate_rem": c.gate_shift, "down_rem": c.down_shift,
        "yf_rem": c.final_shift,
    }  # fmt: skip
    if c.gated:
        found |= {"up_rem": c.up_shift, "g_rem": c.product_shift}
    if c.x0_shift:
        found |= {"x0_rem": c.x0_shift}
    for tag, rem, norm in (("head_", "normed_rem", c.head_norm), ("post_", "write_rem", c.post_norm)):
        if norm:
            found |= {f"{tag}rho": norm.rho_bits, f"{tag}u": norm.norm_bits, f"{tag}v": norm.norm_bits}
            found |= {rem: norm.shift}
    return found | ({"cap_rem": c.cap.shift} if c.cap else {"over": c.over_bits, "rem": c.exp_shift})


@pytest.mark.parametrize("scene", [llama, gemma, neox, capped_window])
def test_ranges_of_a_family_are_those_of_its_predicates(scene: Callable[[], Scene]) -> None:
    c = family(scene())
    manifest = describe(c, 4, 2).manifest
    for name, bits in signed(c).items():
        assert interval(manifest, name) == (-1 << bits - 1, (1 << bits - 1) - 1), name
    for name, bits in unsigned(c).items():
        assert interval(manifest, name) == (0, (1 << bits) - 1), name
    scores = {"idx", "cap_z", "cap_rem"} if c.cap else CAUSAL
    found = [(tensor.name, lookup.causal) for tensor, lookup in manifest.lookups()]
    assert sorted(found) == sorted(
        (limb, name in scores) for name in (*signed(c), *unsigned(c)) for limb, _ in limbs_of(manifest, name)
    )
