"""From a trace and a model to the manifest's tensors: slots, limbs, packed weights, multiplicities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ..blinding import Blinding, FreshBlinding
from ..kernels.interface import Kernels
from .data import Packed, ProverData, integers
from .manifest import Manifest, Tensor
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


def _narrowest(bits: int, signed: bool) -> np.dtype:
    size = next((size for size in (8, 16, 32) if bits <= size), None)
    return np.dtype(np.int64 if size is None else f"{'int' if signed else 'uint'}{size}")


def stored_type(m: Manifest, spec: Tensor) -> np.dtype:
    """Of a witness tensor as `store` keeps it."""
    if spec.lookup is not None and spec.lookup.main.startswith("range"):
        return _narrowest(int(spec.lookup.main.removeprefix("range")), spec.lookup.offset > 0)
    array = m.values[spec.name].array if spec.name in m.values else None
    return np.dtype(array.dtype if array is not None else np.int64)


def _narrow(
    kernels: Kernels, values: np.ndarray, bits: int, signed: bool, shift: int = 0, width: int | None = None
) -> np.ndarray:
    """values >> shift, and the lowest `width` bits of that, in the narrowest type for `bits`; where one does
    not fit (cheating provers), all in their own."""
    dtype = _narrowest(bits, signed)
    if values.dtype == dtype and shift == 0 and width is None:
        return values
    narrower = dtype.itemsize < 8
    if values.dtype != object and narrower:
        out = np.empty(values.shape, dtype)
        if kernels.split_limb(values, shift, width, out):
            return out
    exact = (values if values.dtype == object else values.astype(np.int64)) >> shift
    if width is not None:
        exact = exact & ((1 << width) - 1)
    info = np.iinfo(dtype)
    fits = not exact.size or (info.min <= exact.min() and exact.max() <= info.max)
    return exact.astype(dtype) if narrower and fits else exact


def store(manifest: Manifest, tensors: Tensors, name: str, values: np.ndarray, kernels: Kernels) -> None:
    """One value as its tensor, or as its limbs: the top limb keeps the sign."""
    if name not in manifest.wide:
        spec = manifest.tensors[name]
        if spec.lookup is not None and spec.lookup.main.startswith("range"):
            bits = int(spec.lookup.main.removeprefix("range"))
            values = _narrow(kernels, values, bits, spec.lookup.offset > 0)
        tensors[name] = np.ascontiguousarray(values.reshape(manifest.sizes(name)))
        return
    wide = manifest.wide[name]
    for i, (limb, shift) in enumerate(wide.limbs):
        last = i == len(wide.limbs) - 1
        bits = (wide.bits if last else wide.limbs[i + 1][1]) - shift
        own = _narrow(kernels, values, bits, wide.signed and last, shift, None if last else bits)
        tensors[limb] = np.ascontiguousarray(own.reshape(manifest.sizes(limb)))


def fixed_tensors(m: Manifest, model: Model) -> Tensors:
    """The fixed columns' tensors. Packed weights stay integers with their slot axis."""
    arrays = dict(model.arrays())
    return {name: fixed_tensor(m, name, arrays) for name in m.held}


def fixed_tensor(m: Manifest, name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray | Packed:
    """One of them, of the array that it is held in."""
    held = m.held[name]
    array, packing = held.array, held.packing
    values = arrays[array.name]
    if held.row is not None:
        return values[held.row].reshape(m.sizes(name))
    if packing is None:
        return array.spread(values, m.axes)
    return Packed(array.spread(values, m.axes), axes_of(array.dims).index(packing.slot), packing.bits)


def witness_tensors(m: Manifest, model: Model, trace: Execution, kernels: Kernels) -> Tensors:
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
        store(m, tensors, name, values, kernels)
    return tensors


def count_multiplicities(m: Manifest, tensors: Tensors, kernels: Kernels) -> list[str]:
    """Adds the multiplicities to the tensors; returns the lookups that miss their table (a cheating
    prover's).
    """
    counts = {t.name: np.zeros(m.axes[t.axis], dtype=np.int64) for t in m.tables.values()}
    missed = []
    for tensor, lookup in m.lookups():
        below = lookup.causal or tensor.triangular
        causal = (tensor.axes.index("t"), tensor.axes.index("u")) if below else None
        for name, run in lookup.runs():
            table, outputs = m.tables[name], None
            if lookup.output is not None:
                assert table.output is not None
                outputs = (integers(tensors, lookup.output)[run], integers(tensors, table.output))
            inputs, shift = integers(tensors, tensor.name)[run], lookup.offset - table.offset
            complete = kernels.count_lookups(counts[name], inputs, shift, causal, outputs)
            if not complete and tensor.name not in missed:
                missed.append(tensor.name)
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
    fixed_masks: Sequence[Mapping[int, int]] = (),
) -> ProverData:
    """All tensors; `fixed`: where they are there already; `blinding`: None draws it; `fixed_masks`: of a
    hidden model. Raises ValueError where a looked-up value is not in its table."""
    m = setting.manifest
    tensors = {**(fixed or fixed_tensors(m, model)), **witness_tensors(m, model, trace, kernels)}
    missed = count_multiplicities(m, tensors, kernels)
    if missed:
        raise ValueError("the trace leaves the lookup tables of " + ", ".join(missed))
    return ProverData(m, kernels, tensors, blinding or FreshBlinding(setting.masks), fixed_masks)
