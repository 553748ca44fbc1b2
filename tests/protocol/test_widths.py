"""Every value has the range that the package's predicates take it to have, to the bit, whatever its limbs."""

from __future__ import annotations

from dataclasses import replace

from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.protocol.manifest import Manifest

from .scene import packed

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


def interval(manifest: Manifest, name: str) -> tuple[int, int]:
    """Least and largest value that the lookups admit."""
    limbs = manifest.wide[name].limbs if name in manifest.wide else ((name, 0),)
    low = high = 0
    for limb, shift in limbs:
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
