"""Ranges exact to the bit, and digests that bind everything."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NATIVE
from zkllm.families import describe
from zkllm.model.tiny import tiny_config
from zkllm.model.weights import ARRAYS
from zkllm.protocol.manifest import Lookup, Manifest
from zkllm.protocol.shape import Shape
from zkllm.protocol.sources import WORDS, Array, Joined
from zkllm.protocol.witness import store

CONFIG = tiny_config(rho_bits=20, norm_bits=50, div_bits=8)


def value_of(m: Manifest, tensors: dict[str, np.ndarray], name: str) -> int:
    if name not in m.wide:
        return int(tensors[name][0])
    return sum(int(tensors[limb][0]) << shift for limb, shift in m.wide[name].limbs)


def accepted(m: Manifest, tensors: dict[str, np.ndarray]) -> bool:
    """Whether every limb is in its table."""
    for tensor, lookup in m.lookups():
        x = int(tensors[tensor.name][0]) + lookup.offset
        if not 0 <= x < m.axes[m.tables[lookup.main].axis]:
            return False
    return True


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 64), st.integers(1, 9), st.booleans(), st.data())
def test_ranges_are_exact(bits: int, limb_bits: int, signed: bool, data: st.DataObject) -> None:
    m = Manifest({"x": 1}, limb_bits=limb_bits)
    m.value("a", "x", bits=bits, signed=signed)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    inside = data.draw(st.integers(low, high - 1))
    for x in (low, high - 1, inside, low - 1, high):
        tensors: dict[str, np.ndarray] = {}
        store(m, tensors, "a", np.array([x], object), NATIVE)
        assert value_of(m, tensors, "a") == x
        if -(1 << 63) <= x < 1 << 63:  # as machine words too
            words: dict[str, np.ndarray] = {}
            store(m, words, "a", np.array([x], np.int64), NATIVE)
            assert {n: (w.dtype, w.tolist()) for n, w in words.items()} == {
                n: (w.dtype if w.dtype != object else np.int64, w.tolist()) for n, w in tensors.items()
            }
        assert accepted(m, tensors) == (low <= x < high)
    # the extreme limbs give the extreme values: no other value can be composed
    bottom = top = 0
    for limb, shift in m.wide["a"].limbs if "a" in m.wide else [("a", 0)]:
        lookup = m.tensors[limb].lookup
        assert lookup is not None
        size = m.axes[m.tables[lookup.main].axis]
        bottom, top = bottom + (-lookup.offset << shift), top + (size - 1 - lookup.offset << shift)
    assert (bottom, top) == (low, high - 1)
    assert all(m.axes[t.axis] <= 1 << limb_bits for t in m.tables.values())


def test_one_table_for_each_width() -> None:
    m = describe(CONFIG, 5, 2).manifest
    assert (
        len({t.tag for t in m.tables.values()}) == len(m.tables) and min(t.tag for t in m.tables.values()) > 0
    )
    for table in m.tables.values():
        assert m.tensors[table.multiplicity].axes == (table.axis,)
        if table.name.startswith("range"):
            assert m.axes[table.axis] == 1 << int(table.name.removeprefix("range")) and table.output is None


def test_every_tensor_is_fixed_by_something() -> None:
    protocol = describe(CONFIG, 5, 2)
    m, relations = protocol.manifest, protocol.relations
    outputs = {lookup.output for _, lookup in m.lookups()}
    for tensor in m.group(False):
        assert tensor.lookup is not None or tensor.note or tensor.name in outputs
    for name in (t.note for t in m.group(False) if t.lookup is None):
        for part in name.split(", "):
            known = (
                part in relations
                or f"attention: {part}" in relations
                or part in ("LogUp", "exp lookup", "gelu lookup")
            )
            assert known, part


def test_every_array_of_a_model_is_in_a_tensor() -> None:
    """And is declared as a package holds it."""
    m = describe(CONFIG, 5, 2).manifest
    declared = {name: (array.dtype, array.shape(m.axes)) for name, array in m.model_arrays().items()}
    assert declared == {name: (dtype, shape(CONFIG)) for name, (dtype, shape) in ARRAYS.items()}


def test_every_witness_tensor_is_made_from_something() -> None:
    m = describe(CONFIG, 5, 2).manifest
    limbs = {limb for wide in m.wide.values() for limb, _ in wide.limbs}
    counted = {table.multiplicity for table in m.tables.values()}
    assert {t.name for t in m.group(False)} - counted == (set(m.values) - set(m.wide)) | limbs
    assert all(value.made is not None for value in m.values.values())
    assert {t.name for t in m.group(True)} == set(m.held)


def test_arrays_lie_as_their_tensors_do() -> None:
    sizes = {"l": 2, "a": 3, "b": 2, "v": 4}
    array = Array("x", "int16", ("l", ("a", "b")))
    values = np.arange(12, dtype=np.int16).reshape(array.shape(sizes))
    assert array.shape(sizes) == (2, 6) and array.bytes(sizes) == 24
    assert array.spread(values, sizes)[1, 2, 1] == values[1, 5]
    padded = Array("x", "int16", ("l", Joined(("a", "v"), 10)))
    values = np.arange(1, 21, dtype=np.int16).reshape(padded.shape(sizes))
    spread = padded.spread(values, sizes)
    assert spread.shape == (2, 3, 4) and spread[1, 2].tolist() == [19, 20, 0, 0]
    words = Array("x", "uint16", ("l",), WORDS)
    assert words.shape(sizes) == (2, WORDS)
    big = [(1 << 128) - 1, 3 << 64]
    values = np.array([[x >> 16 * i & 0xFFFF for i in range(WORDS)] for x in big], np.uint16)
    assert words.spread(values, sizes).tolist() == big


def test_declarations_are_checked() -> None:
    m = Manifest({"x": 1})
    m.free("a", "x", note="test")
    with pytest.raises(ValueError):
        m.free("a", "x", note="twice")
    with pytest.raises(ValueError):
        m.free("b", "y", note="unknown axis")
    for rows, certified in ((0, 0), (3, 0), (3, 4), (9, 1)):
        with pytest.raises(ValueError):
            Shape(CONFIG, rows, certified)


def test_the_digest_binds_the_manifest() -> None:
    def built(**changes) -> bytes:
        m = Manifest({"x": 2, "y": 4}, limb_bits=4)
        m.fixed("f", "y")
        m.table("t", "y", changes.get("offset", 0), "f")
        m.free("o", changes.get("axis", "x"), note="test")
        m.table("s", "y", 0, "f")
        m.looked_up("i", "x", lookup=changes.get("lookup", Lookup(("t",), 0, "o")))
        m.value("v", "x", bits=changes.get("bits", 9), signed=changes.get("signed", False))
        if changes.get("more"):
            m.free("p", "x", note="test")
        return m.digest()

    digests = [
        built(),
        built(offset=1),
        built(axis="y"),
        built(lookup=Lookup(("t",), 1, "o")),
        built(lookup=Lookup(("t",))),
        built(lookup=Lookup(("s",), 0, "o")),
        built(lookup=Lookup(("s", "t"), 0, "o")),
        built(lookup=Lookup(("t", "s"), 0, "o")),
        built(lookup=Lookup(("t",), 0, "o", True)),
        built(bits=10),
        built(signed=True),
        built(more=True),
    ]
    assert len(set(digests)) == len(digests) and built() == digests[0]


@pytest.mark.parametrize("name", [f.name for f in fields(CONFIG)])
def test_the_transcript_starts_from_the_whole_configuration(name: str) -> None:
    """Every scale, width and size changes the IV, so no proof of one program serves another."""
    changes: dict[str, Any] = {"slots": 3, "inner_slots": 2, "vocab_slots": 2, "n_head": 6}
    changes |= {"mlp_class": (1, 0, 1), "fc1_gains": (0, 1), "fc2_gains": (1, 1)}
    other = {name: changes[name] if name in changes else getattr(CONFIG, name) + 1}
    if name == "n_layer":
        other["mlp_class"] = (*CONFIG.mlp_class, 0)
    assert describe(replace(CONFIG, **other), 5, 2).iv != describe(CONFIG, 5, 2).iv


def test_the_transcript_starts_from_the_shape() -> None:
    ivs = {describe(CONFIG, n, k).iv for n, k in ((5, 2), (5, 1), (4, 2), (6, 2))}
    assert len(ivs) == 4 and all(0 <= iv < 1 << 248 for iv in ivs)


def test_widths_are_those_of_the_configuration() -> None:
    """Each value's range, as docs/protocol.md lists it: no width may grow or shrink unnoticed."""
    m, c = describe(CONFIG, 5, 2).manifest, CONFIG
    signed = {"slot": c.act_bits, "y": c.act_bits, "qkv": c.act_bits, "o": c.act_bits, "yf": c.act_bits,
              "write": c.write_bits, "logit": c.logit_bits}  # fmt: skip
    unsigned = {
        **{"rho": c.rho_bits, "u": c.norm_bits, "v": c.norm_bits, "y_rem": c.ln_shift, "diff": c.diff_bits},
        **{"qkv_rem": c.qkv_shift, "o_rem": c.o_shift, "f_rem": c.fc1_shift, "fc2_rem": c.fc2_shift},
        **{"over": c.over_bits, "rem": c.exp_shift, "div": c.div_bits, "div_rest": c.div_bits},
        "yf_rem": c.final_shift,
    }
    seen = set()
    for name, bits in {**signed, **unsigned}.items():
        limbs = m.wide[name].limbs if name in m.wide else ((name, 0),)
        low = high = 0
        for limb, shift in limbs:
            lookup = m.tensors[limb].lookup
            assert lookup is not None and lookup.causal == (name in ("over", "rem"))
            size = m.axes[m.tables[lookup.main].axis]
            low, high = low + (-lookup.offset << shift), high + (size - 1 - lookup.offset << shift)
            seen.add(limb)
        half = 1 << bits - 1
        assert (low, high) == ((-half, half - 1) if name in signed else (0, 2 * half - 1)), name
    assert {t.name for t, _ in m.lookups()} - seen == {"f", "idx"}
    assert m.tensors["f"].lookup == Lookup(("gelu.0", "gelu.1", "gelu.0"), 0, "g")
    assert m.tensors["idx"].lookup == Lookup(("exp",), 0, "e", causal=True)
