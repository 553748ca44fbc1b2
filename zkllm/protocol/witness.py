"""From a trace and a model to the manifest's tensors: slots, limbs, packed weights, multiplicities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from ..blinding import Blinding, FreshBlinding
from ..kernels.interface import Kernels
from .data import Packed, ProverData, integers
from .logup import causal_mask, spread
from .manifest import Manifest
from .setting import Setting
from .sources import Derived, Material, Named, axes_of

Tensors = dict[str, np.ndarray | Packed]


class Model(Protocol):
    def arrays(self) -> Iterable[tuple[str, np.ndarray]]:
        """By name, those that the manifest's fixed tensors are held in."""


class Execution(Named, Protocol):
    @property
    def ids(self) -> list[int]:
        """x_0 .. x_N."""


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


def store(manifest: Manifest, tensors: Tensors, name: str, values: np.ndarray) -> None:
    """One value as its tensor, or as its limbs: the top limb keeps the sign."""
    if name not in manifest.wide:
        spec = manifest.tensors[name]
        if spec.lookup is not None and spec.lookup.main.startswith("range"):
            bits = int(spec.lookup.main.removeprefix("range"))
            values = _smallest(values, bits, spec.lookup.offset > 0)
        tensors[name] = np.ascontiguousarray(values.reshape(manifest.sizes(name)))
        return
    wide = manifest.wide[name]
    rest = values if values.dtype == object else values.astype(np.int64)
    for i, (limb, shift) in enumerate(wide.limbs):
        last = i == len(wide.limbs) - 1
        width = (wide.bits if last else wide.limbs[i + 1][1]) - shift
        own = rest if last else rest & ((1 << width) - 1)
        tensors[limb] = np.ascontiguousarray(
            _smallest(own, width, wide.signed and last).reshape(manifest.sizes(limb))
        )
        rest = rest >> width


def fixed_tensors(m: Manifest, model: Model) -> Tensors:
    """The fixed columns' tensors. Packed weights stay integers with their slot axis."""
    arrays = dict(model.arrays())
    tensors: Tensors = {}
    for name, held in m.held.items():
        array, packing = held.array, held.packing
        values = arrays[array.name]
        if held.row is not None:
            tensors[name] = values[held.row].reshape(m.sizes(name))
        elif packing is None:
            tensors[name] = array.spread(values, m.axes)
        else:
            slot = axes_of(array.dims).index(packing.slot)
            tensors[name] = Packed(array.spread(values, m.axes), slot, packing.bits)
    return tensors


def witness_tensors(m: Manifest, model: Model, trace: Execution) -> Tensors:
    """Every witness tensor but the multiplicities."""
    material = Material(dict(model.arrays()), trace, trace.ids)
    tensors: Tensors = {}
    for name, value in m.values.items():
        if isinstance(value.made, Derived):
            values = value.made.formula(material)
        elif value.array is not None:
            values = value.array.spread(trace[name], m.axes)
        else:
            raise ValueError(f"{name}: the manifest does not say what it is made from")
        store(m, tensors, name, values)
    return tensors


def count_multiplicities(m: Manifest, tensors: Tensors) -> list[str]:
    """Adds the multiplicities to the tensors; returns the lookups that miss their table (a cheating
    prover's).
    """
    counts = {t.name: np.zeros(m.axes[t.axis], dtype=np.int64) for t in m.tables.values()}
    missed = []
    for tensor, lookup in m.lookups():
        for name, run in lookup.runs():
            table = m.tables[name]
            size = m.axes[table.axis]
            values = integers(tensors, tensor.name)[run]
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
                outputs, entries = integers(tensors, lookup.output)[run], integers(tensors, table.output)
                inside &= (outputs == entries[at]).astype(bool)
            if not inside[keep].all() and tensor.name not in missed:
                missed.append(tensor.name)
            counts[name] += np.bincount(index[inside].astype(np.int64).reshape(-1), minlength=size)
    for spec in m.tables.values():
        tensors[spec.multiplicity] = counts[spec.name]
    return missed


def prover_data(
    setting: Setting,
    model: Model,
    trace: Execution,
    kernels: Kernels,
    fixed: Tensors | None = None,
    blinding: Blinding | None = None,
) -> ProverData:
    """All tensors; `fixed`: where they are there already; `blinding`: None draws it. Raises ValueError where
    a looked-up value is not in its table."""
    m = setting.manifest
    tensors = {**(fixed or fixed_tensors(m, model)), **witness_tensors(m, model, trace)}
    missed = count_multiplicities(m, tensors)
    if missed:
        raise ValueError("the trace leaves the lookup tables of " + ", ".join(missed))
    return ProverData(m, kernels, tensors, blinding or FreshBlinding(setting.masks))
