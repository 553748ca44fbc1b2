"""The dense layout: aligned, disjoint, without gaps; padding has no coefficient."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.families import describe
from zkllm.model.tiny import tiny_config
from zkllm.protocol.layout import Layout, pack
from zkllm.protocol.manifest import Manifest

AXES = st.lists(st.integers(1, 13), min_size=1, max_size=4)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    sizes = draw(AXES)
    manifest = Manifest({f"a{i}": n for i, n in enumerate(sizes)})
    for i in range(draw(st.integers(1, 5))):
        axes = draw(st.lists(st.sampled_from(sorted(manifest.axes)), unique=True, min_size=1, max_size=3))
        if draw(st.booleans()):
            manifest.fixed(f"t{i}", *axes)
        else:
            manifest.free(f"t{i}", *axes, note="test")
    return manifest


def check(manifest: Manifest, fixed: bool, layout: Layout) -> None:
    taken: set[int] = set()
    for tensor in manifest.group(fixed):
        entries: set[tuple[int, ...]] = set()
        for block in layout.blocks[tensor.name]:
            assert all(o % (1 << k) == 0 for o, k in block.spans)
            for position, cut in layout.pieces(block):  # one, or one for each layer
                cells = set(product(*(range(c.start, c.stop) for c in cut)))
                size = len(cells)
                assert size == 1 << block.inner_log2 and position % size == 0
                assert position + size <= 1 << layout.mu
                start = (layout.column(block) << layout.mu) + position
                assert not taken & set(range(start, start + size)) and not cells & entries
                taken |= set(range(start, start + size))
                entries |= cells
        sizes = tensor.sizes(manifest.axes)
        assert entries == set(product(*map(range, sizes))), "exactly the real entries have a coefficient"
    gaps = set(range(layout.used)) - taken
    layered = any(t.layered for t in manifest.group(fixed))
    assert not gaps or (fixed and layered), "no gap but in columns of layered weights"
    assert max(taken, default=-1) < layout.used or not taken
    assert len(taken) == sum(prod(t.sizes(manifest.axes)) for t in manifest.group(fixed))
    assert layout.num_columns == -(-layout.used // (1 << layout.mu))


@settings(max_examples=60, deadline=None)
@given(manifests(), st.integers(0, 8))
def test_random_layouts(manifest: Manifest, mu: int) -> None:
    for fixed in (True, False):
        layout = pack(manifest, fixed, mu)
        check(manifest, fixed, layout)
        assert layout == pack(manifest, fixed, mu), "deterministic"


def test_layouts_of_real_programs() -> None:
    for overrides in ({}, {"n_layer": 5, "n_head": 5, "head_dim": 3, "vocab_size": 301}, {"mu": 7}):
        c = tiny_config(**{"rho_bits": 20, "norm_bits": 50, "div_bits": 8, **overrides})
        protocol = describe(c, 7, 3)
        check(protocol.manifest, True, protocol.fixed)
        check(protocol.manifest, False, protocol.witness)


def test_blocks_are_row_major() -> None:
    """The last axis is the lowest address bits; larger blocks come first."""
    manifest = Manifest({"a": 3, "b": 4})
    manifest.free("x", "a", "b", note="test")
    layout = pack(manifest, False, 10)
    first, second = layout.blocks["x"]
    assert (first.address, first.spans) == (0, ((0, 1), (0, 2)))
    assert (second.address, second.spans) == (8, ((2, 0), (0, 2)))
    assert np.arange(12).reshape(3, 4)[first.slices()].reshape(-1).tolist() == list(range(8))
