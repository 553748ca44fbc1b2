"""From a trace and a model to the manifest's tensors: slots, limbs, packed weights, multiplicities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..kernels.interface import Kernels
from .description import Description
from .logup import causal_mask, spread
from .manifest import Manifest
from .tables import Packed, ProverData


def _smallest(array: np.ndarray, bits: int, signed: bool) -> np.ndarray:
    """The narrowest integer type for a width; values that do not fit stay as they are (cheating provers)."""
    for size in (8, 16, 32):
        if bits <= size:
            dtype = np.dtype(f"{'int' if signed else 'uint'}{size}")
            info = np.iinfo(dtype)
            if array.size and not (info.min <= array.min() and array.max() <= info.max):
                return array
            return array.astype(dtype)
    return array


def store(manifest: Manifest, tensors: dict[str, Any], name: str, values: np.ndarray) -> None:
    """One value as its tensor, or as its limbs: the top limb keeps the sign."""
    if name not in manifest.wide:
        spec = manifest.tensors[name]
        if spec.lookup is not None and spec.lookup.main.startswith("range"):
            bits = int(spec.lookup.main.removeprefix("range"))
            values = _smallest(values, bits, spec.lookup.offset > 0)
        tensors[name] = np.ascontiguousarray(values.reshape(manifest.sizes(name)))
        return
    wide = manifest.wide[name]
    rest = values
    for i, (limb, shift) in enumerate(wide.limbs):
        last = i == len(wide.limbs) - 1
        width = (wide.bits if last else wide.limbs[i + 1][1]) - shift
        part = rest if last else rest & ((1 << width) - 1)
        tensors[limb] = np.ascontiguousarray(
            _smallest(part, width, wide.signed and last).reshape(manifest.sizes(limb))
        )
        rest = rest >> width


def from_words(words: np.ndarray) -> np.ndarray:
    """Little-endian base-2^16 words on the last axis as Python integers."""
    total = np.zeros(words.shape[:-1], dtype=object)
    for i in range(words.shape[-1]):
        total = total + (words[..., i].astype(object) << 16 * i)
    return total


def fixed_tensors(
    protocol: Description,
    model: Any,
    layers: slice = slice(None),  # noqa: B008 (immutable)
) -> dict[str, Any]:
    """The fixed columns' tensors. Packed weights stay integers with their slot axis. `layers`: those of the
    model that are the protocol's."""
    m = protocol.manifest
    c: Any = protocol.shape.config
    d, f = (c.slots, c.heads_per_slot, c.head_dim), (c.inner_slots, c.inner_per_slot)

    def packed(name: str, sizes: tuple[int, ...], slot_axis: int, bits: int) -> Packed:
        return Packed(getattr(model, name)[layers].reshape(-1, *sizes), slot_axis, bits)

    def embedding() -> Packed:
        padded = np.zeros((c.vocab_slots * c.vocab_block, c.width), dtype=model.wte.dtype)
        padded[: c.vocab_size] = model.wte
        return Packed(padded.reshape(c.vocab_slots, c.vocab_block, *d), 0, c.vocab_slot_bits)

    def plain(name: str, part: slice) -> Callable[[], np.ndarray]:
        return lambda: getattr(model, name)[part].reshape(m.sizes(name))

    def gelu(p: int) -> Callable[[], np.ndarray]:
        return lambda: model.gelu[p]

    whole, gelus = slice(None), [name for name in m.tables if name.startswith("gelu.")]
    classes = sorted(set(model.config.mlp_class[layers]))
    tensors: dict[str, Callable[[], Any]] = {
        "P_qkv": lambda: packed("w_qkv", (*d, 3, *d), 5, c.slot_bits),
        "P_o": lambda: packed("w_o", (*d, *d), 4, c.slot_bits),
        "P_fc1": lambda: packed("w_fc1", (*d, *f), 4, c.inner_slot_bits),
        "P_fc2": lambda: packed("w_fc2", (*f, *d), 3, c.slot_bits),
        "P_wte": embedding,
        **{name: plain(name, layers) for name in ("b_qkv", "b_o", "b_fc1", "b_fc2")},
        **{name: plain(name, whole) for name in ("wpe", "gain", "beta", "exp")},
        **{name: gelu(p) for name, p in zip(gelus, classes, strict=False)},
    }
    return {name: make() for name, make in tensors.items() if name in m.tensors}


def division_rest(e: np.ndarray, div: np.ndarray) -> np.ndarray:
    """w' = 2 M - 1 - w over (l, t, width)."""
    doubled = 2 * e.sum(axis=-1, dtype=np.int64)  # 2 M, (l, t, H)
    heads = div.reshape(*doubled.shape, -1)
    return (doubled[..., None] - 1 - heads).reshape(div.shape)


def witness_tensors(protocol: Description, model: Any, trace: Any) -> dict[str, np.ndarray]:
    """Every witness tensor but the multiplicities."""
    m = protocol.manifest
    c: Any = protocol.shape.config
    values: dict[str, np.ndarray] = {
        name: trace[name]
        for name in (
            "x0",
            "y",
            "y_rem",
            "qkv",
            "qkv_rem",
            "score_max",
            "sel",
            "idx",
            "over",
            "rem",
            "e",
            "o",
            "div",
            "write",
            "o_rem",
            "fc2_rem",
            "f",
            "f_rem",
            "g",
            "yf",
            "yf_rem",
            "logit",
        )
    }
    for name in ("rho", "u", "v"):
        values[name] = from_words(trace[name])
    values["div_rest"] = division_rest(trace["e"], trace["div"])
    ids = trace.ids[: trace.rows]
    slots = np.zeros((trace.rows, c.vocab_slots, c.width), dtype=np.int64)
    for t, token in enumerate(ids):
        index = token % c.vocab_block
        for slot in range(c.vocab_slots):
            row = slot * c.vocab_block + index
            if row < c.vocab_size:
                slots[t, slot] = model.wte[row]
    values["slot"] = slots
    diff = np.zeros((trace.k, c.vocab_slots * c.vocab_block), dtype=np.int64)
    diff[:, : c.vocab_size] = trace["diff"]
    values["diff"] = diff
    tensors: dict[str, np.ndarray] = {}
    for name, array in values.items():
        wide = array if array.dtype == object else array.astype(np.int64) if name in m.wide else array
        store(m, tensors, name, wide)
    return tensors


def count_multiplicities(protocol: Description, tensors: dict[str, Any]) -> list[str]:
    """Adds the multiplicities to the tensors; returns the lookups that miss their table (a cheating
    prover's).
    """
    m = protocol.manifest
    counts = {t.name: np.zeros(m.axes[t.axis], dtype=np.int64) for t in m.tables.values()}
    missed = []
    for tensor, lookup in m.lookups():
        for name, part in lookup.parts():
            table = m.tables[name]
            size = m.axes[table.axis]
            values = tensors[tensor.name][part]
            keep = np.ones(values.shape, dtype=bool)
            if lookup.causal:
                rows = m.axes["t"]
                keep = spread(causal_mask(rows), ("t", "u"), tensor.axes, values.shape).astype(bool)
            index = (values if values.dtype == object else values.astype(np.int64)) + (
                lookup.offset - table.offset
            )
            inside = keep & (index >= 0).astype(bool) & (index < size).astype(bool)
            if lookup.output is not None:
                assert table.output is not None
                at = np.where(inside, index, 0).astype(np.int64)
                inside &= (tensors[lookup.output][part] == tensors[table.output][at]).astype(bool)
            if not inside[keep].all() and tensor.name not in missed:
                missed.append(tensor.name)
            counts[name] += np.bincount(index[inside].astype(np.int64).reshape(-1), minlength=size)
    for spec in m.tables.values():
        tensors[spec.multiplicity] = counts[spec.name]
    return missed


def prover_data(protocol: Description, model: Any, trace: Any, kernels: Kernels) -> ProverData:
    tensors = {**fixed_tensors(protocol, model), **witness_tensors(protocol, model, trace)}
    missed = count_multiplicities(protocol, tensors)
    if missed:
        raise ValueError("the trace leaves the lookup tables of " + ", ".join(missed))
    return ProverData(protocol.manifest, kernels, tensors)
