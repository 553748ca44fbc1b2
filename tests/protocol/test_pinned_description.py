"""What is fixed before a statement, columns made from an execution, and what is then said: all as known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from testkit.blinding import seeded
from zkllm.families import describe
from zkllm.kernels.native import NATIVE
from zkllm.measure.benchmark import of_widths
from zkllm.measure.sub_block import NAMES, SubBlock
from zkllm.model.execution import generate_trace
from zkllm.model.llama.tiny import tiny_model as tiny_llama
from zkllm.model.models import Model
from zkllm.model.tiny import tiny_model
from zkllm.protocol.data import Packed, ProverData
from zkllm.protocol.description import Description
from zkllm.protocol.party import Prover
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.witness import prover_data
from zkllm.statement import pack_words

MODELS: dict[str, tuple[Model, int, int]] = {
    "packed": (tiny_model(1), 6, 2),
    "one layer": (tiny_model(3, n_layer=1, n_head=2, head_dim=3, d_inner=7, vocab_size=23), 7, 1),
    "wide values": (tiny_model(2, limb_bits=5, slots=1, vocab_slots=3), 4, 3),
    "llama": (tiny_llama(1), 6, 2),
    "llama, norms of heads": (tiny_llama(4, head_norm=True), 4, 1),
    "llama, all that only some have": (
        tiny_llama(5, head_norm=True, post_norm=True, angles=(0, 1), wte_factor=5, wte_shift=0, x0_shift=3),
        4,
        1,
    ),
    "llama, some features are turned": (tiny_llama(6, head_dim=12, turned=8, n_head=6), 4, 1),
    "llama, parallel layers with layer norms and no gate": (
        tiny_llama(7, parallel=True, centred=True, gated=False, o_bias=True, mlp_bias=True),
        4,
        1,
    ),
    "llama, a window in the second layer": (tiny_llama(8, window=2, sliding=(0, 1)), 5, 1),
    "llama, capped scores": (tiny_llama(9, cap=True), 4, 1),
    "llama, a head of its own": (tiny_llama(2, tied_head=False, o_bias=True, mlp_bias=True, n_head=3), 5, 1),
}
DIGESTS = {
    "packed": (
        "fb8b61b0bc57a055aaca4a77",
        "d47f193744af816b1027f04a",
        "80ab6369efc4dd5012b72de9",
        "7c9229706388f35a4203afe0",
        "9a59e63f0e63ed51523416f6",
    ),
    "one layer": (
        "014c3ea88dce6d81a38ca389",
        "a1931395569e67aaf46dc899",
        "53e2a0ca4203ee05500d1570",
        "c895eb9396095f6cc2f9e84f",
        "cb17418c7fd0d4713c85761e",
    ),
    "wide values": (
        "5279763df9aefc23f78f6f89",
        "4d45b3a05c38d40d49cac053",
        "64c4bb744f794c4976315a8d",
        "0be6e113ad15a68c5eda2ddd",
        "8cf9ca45e342df36e2ad141d",
    ),
    "llama": (
        "9aa1243daaaa0f54df24d3b7",
        "8d708df77f7d65ed17204774",
        "3a8871afa5f6e83b989d5489",
        "1c22c7615dc10eff03fab3ed",
        "1b85b41b4b607203e37d661b",
    ),
    "llama, norms of heads": (
        "fac7c61b24d77e38c8ff9d16",
        "d2c6be7bfafbc843acd0525d",
        "903d1ce201ae3d9cf1d1c02f",
        "b3e56f141d7ef65e33e78bb0",
        "6fc5b70d53be902b782860a4",
    ),
    "llama, all that only some have": (
        "38fe155902a2b14b6adab93d",
        "4f3f4742e78c45a534949b29",
        "18df85f907ced68263eb7a44",
        "a3d4e05a1bd5391e2f682358",
        "58fac3fb38682506e55b3d3b",
    ),
    "llama, some features are turned": (
        "8c3e14326e709c9aace253cb",
        "a06163ecd32ae21813d35cce",
        "869358be78f19bef8bf3df1b",
        "053d136ac2bf9e29a866aa38",
        "f20d6853763c35d2bd46ff5c",
    ),
    "llama, parallel layers with layer norms and no gate": (
        "22cc4caea31385a1fd223a0e",
        "bde4b2e3c3d4f2e9742e3d5d",
        "9818a5f3084aaf639fc029e0",
        "b266bcb4ccd0429fc1c17d1c",
        "c7a613d50d6e3a1d26123914",
    ),
    "llama, a window in the second layer": (
        "dc72d110a83a251f9a9ea8b1",
        "6047ca579a9a156c87ffc9fc",
        "fee591f3c95d8dbadaaca12c",
        "0d238ca9ea03a336d62e3866",
        "6815278bc975b1cd8dc9dbd9",
    ),
    "llama, capped scores": (
        "0c097f8f14010c32e261fb9f",
        "dac1db6e4e2dd61c110e8f66",
        "9b4db84a0bdb82b868ef92a0",
        "4aa060fe6e3e7c747d6dd3e2",
        "85b115ea1417e32cb335ecbd",
    ),
    "llama, a head of its own": (
        "ea25b1448d330e6905b36c1d",
        "79eab5d6ee622a0466081528",
        "95d4fd33602d5583e50ecbc4",
        "9614344807b65bb2ef890dac",
        "e0c9a796fa4c77a05c07bbf5",
    ),
    "attention": (
        "1826f7686dd5cd0ade80b876",
        "685d4e6c3c3a8d6d649cef9f",
        "5f68bb2e9823e40948b998f7",
        "f9bb4b1b4d64907657014bd3",
        "619f84d656556e8754a45878",
    ),
    "fc1-gelu": (
        "781c5869c184950d649cce46",
        "a1dd919e0582ca48ef95f10e",
        "211f52a42d4a50600fa6bca6",
        "388cfb77df35b859c4763b8b",
        "9ed4be18da23cbf3c9a07f00",
    ),
    "fc2-residual": (
        "93bdface4f29ec9d131270bc",
        "e160f119bf155530fc177cd8",
        "cc9cb5e5a1e13cbddc29fecb",
        "c90583cbe19444e99f27d458",
        "2d65fbf1302ff84565d84065",
    ),
}
"""By name: as `found` lists them."""


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:24]


def described(protocol: Description) -> tuple[str, str, str]:
    """Manifest, the transcript's IV (which binds the configuration and the relations), and the layout."""
    layout = (protocol.fixed.blocks, protocol.fixed.used, protocol.witness.blocks, protocol.witness.used)
    return protocol.manifest.digest().hex()[:24], f"{protocol.iv:062x}"[:24], digest(layout)


def content(tensors: Mapping[str, Any]) -> str:
    """Each tensor's numbers, and how they are held."""
    parts = []
    for name, tensor in sorted(tensors.items()):
        packed = isinstance(tensor, Packed)
        array: np.ndarray = tensor.values if packed else tensor
        how = (tensor.slot_axis, tensor.bits) if packed else ()
        parts.append((name, array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes().hex(), how))
    return digest(parts)


def said(protocol: Description, data: ProverData, ids: list[int], length: int) -> str:
    """The inner proof of it, from a seed of no meaning."""
    prover = Prover(protocol, 1, replace(data, blinding=seeded(protocol.masks)))
    run_inner(protocol, prover, pack_words(length, ids, protocol.shape.rows), InnerStatement(length, ids))
    return digest(prover.inputs)


def found(name: str) -> tuple[str, ...]:
    if name in NAMES:
        source = of_widths(24, 3, 40, 5)
        block = SubBlock(name, source.model, 0, source.rows)
        protocol, data, ids, length = block.protocol, block.data(source.trace), [0] * 6, 5
        return (*described(protocol), content(data.tensors), said(protocol, data, ids, length))
    model, rows, certified = MODELS[name]
    protocol = describe(model.config, rows, certified)
    trace = generate_trace(model, [3, 1], certified, rows)
    data = prover_data(protocol, model, trace, NATIVE)
    return (*described(protocol), content(data.tensors), said(protocol, data, trace.ids, trace.T))


@pytest.mark.parametrize("name", [*MODELS, *NAMES])
def test_the_description_is_the_pinned_one(name: str) -> None:
    assert found(name) == DIGESTS[name], f"what is proved of {name!r} changed, and with it every key"
