"""Which equation, sum, claim or lookup is false behind a failed merged check. For tests and inspection only.

LogUp, the zero-check, the product sums and the reduction each report one name for many relations. With the
witness at hand each relation is evaluated on its own: `diagnose` names the false ones, "check <relation>".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from ..field import R
from ..kernels.interface import Table
from . import functionals as F
from .algebra import Scalar, eq_index
from .columns import block_slab
from .data import Packed, ProverData
from .forms import AddressTerm, Opened
from .logup import NUMERATOR, active_lookups, causal_mask, spread
from .manifest import TRIANGLE
from .party import Claim, Party
from .reduction import CHECK as REDUCTION
from .relations import Factor, FormFactor, Instance

ZERO_CHECK = "zero-check"
PRODUCT_SUMS = "product sums"


def diagnose(party: Party, data: ProverData, failed: Sequence[str]) -> list[str]:
    """`failed` with the merged checks resolved; a check of which every relation holds keeps its plain name.

    `party` is a verifier after its run, `data` the tensors that the proof was made from.
    """
    finders = {
        NUMERATOR: false_lookups,
        ZERO_CHECK: false_equations,
        PRODUCT_SUMS: false_sums,
        REDUCTION: false_claims,
    }
    names: list[str] = []
    for check in dict.fromkeys(failed):
        found = [f"{check} <{name}>" for name in finders[check](party, data)] if check in finders else []
        names += found or [check]
    return names


def _integers(data: ProverData, table: Table) -> np.ndarray:
    """A table as an array of Python integers."""
    return (
        table.astype(object)
        if isinstance(table, np.ndarray)
        else np.array(data.kernels.to_list(table), object)
    )


def _tensor(data: ProverData, name: str) -> np.ndarray:
    tensor = data.tensors[name]
    if not isinstance(tensor, Packed):
        spec, values = data.manifest.tensors[name], tensor.astype(object)
        if spec.triangular:  # what a cheating prover has above the diagonal is in no column
            below = causal_mask(data.manifest.axes["t"])
            values = values * spread(below, TRIANGLE, spec.axes, values.shape)
        return values
    slots = np.moveaxis(tensor.values, tensor.slot_axis, 0).astype(object)
    return sum((slot << tensor.bits * c for c, slot in enumerate(slots)), start=np.zeros((), object))


def _factor(party: Party, data: ProverData, factor: Factor, axes: Sequence[str]) -> np.ndarray:
    """A factor over the real region, with a dimension for each of `axes`."""
    table = (
        data.table(factor.form, factor.axes, factor.bound)
        if isinstance(factor, FormFactor)
        else factor.table(data)
    )
    sizes = [party.protocol.manifest.axes[a] for a in factor.axes]
    array = _integers(data, table).reshape(sizes)
    order = sorted(range(len(sizes)), key=lambda i: axes.index(factor.axes[i]))
    index = tuple(slice(None) if a in factor.axes else None for a in axes)
    return array.transpose(order)[index]


def _terms(
    party: Party, data: ProverData, axes: Sequence[str], terms: Sequence[tuple[Scalar, list[Factor]]]
) -> np.ndarray:
    sizes = [party.protocol.manifest.axes[a] for a in axes]
    total = np.zeros(sizes, object)
    for coefficient, factors in terms:
        total = total + int(coefficient) * prod(
            (_factor(party, data, f, axes) for f in factors), start=np.ones((), object)
        )
    return total % R


def false_equations(party: Party, data: ProverData) -> Iterator[str]:
    """Equations of the zero-check that do not hold at some real index."""
    for equation in party.equations:
        if equation.name in party.off:
            continue
        value = _terms(party, data, equation.axes, equation.terms)
        if equation.linear is not None:
            free = [a for a in equation.axes if a in equation.linear.axes]
            value = value + _factor(party, data, FormFactor("", equation.linear, tuple(free)), equation.axes)
        if (value % R).any():
            yield equation.name


def false_sums(party: Party, data: ProverData) -> Iterator[str]:
    """Sums of products that differ from their claim."""
    instances: Sequence[Instance] = party.products
    for instance in instances:
        if (
            instance.name not in party.off
            and (int(_terms(party, data, instance.axes, instance.terms).sum()) - int(instance.claim)) % R
        ):
            yield instance.name


def claim_value(party: Party, data: ProverData, claim: Claim) -> int:
    """What the claim's weighted tensors really add up to."""
    total = 0
    for term in claim.terms:
        if isinstance(term, Opened):
            array = _tensor(data, term.tensor)
            for weight in term.weights:
                array = np.tensordot(np.array(weight.dense(), object), array, axes=(0, 0)) % R
            value = int(array)
        else:
            value = _by_address(party, data, term)
        total += int(term.coefficient) * value
    return total % R


def _by_address(party: Party, data: ProverData, term: AddressTerm) -> int:
    protocol, z, total = party.protocol, term.point, 0
    layout = protocol.fixed if protocol.manifest.tensors[term.tensor].fixed else protocol.witness
    for source, block in zip(protocol.witness.blocks[term.source], layout.blocks[term.tensor], strict=True):
        high = len(z) - block.log2_size
        weights = np.array(F.eq_vector(z[high:]), object)
        _, _, shifts, (slots,) = block_slab(layout, data.tensors[term.tensor], block)
        values = sum(slot.reshape(-1).astype(object) << s for s, slot in zip(shifts, slots, strict=True))
        total += int(eq_index(source.address >> block.log2_size, z[:high])) * int(weights @ values)
    return total % R


def false_claims(party: Party, data: ProverData) -> Iterator[str]:
    """Claims on committed tensors that are false."""
    for claim in party.claims:
        if claim_value(party, data, claim) != int(claim.value) % R:
            yield claim.name


def false_lookups(party: Party, data: ProverData) -> Iterator[str]:
    """Tensors with a value outside their table; tables whose multiplicities are not the number of uses."""
    manifest = party.protocol.manifest
    counts = {name: [0] * manifest.axes[table.axis] for name, table in manifest.tables.items()}
    for tensor, lookup in active_lookups(party):
        missed = False
        for used, run in lookup.runs():
            table = manifest.tables[used]
            values = data.array(tensor.name)[run]
            keep = np.ones(values.shape, bool)
            if lookup.causal or tensor.triangular:
                mask = causal_mask(manifest.axes["t"])
                keep = spread(mask, ("t", "u"), tensor.axes, values.shape).astype(bool)
            entries = [(int(x) + lookup.offset - table.offset) % R for x in values[keep]]
            output = data.array(lookup.output)[run] if lookup.output is not None else None
            outputs = [int(x) for x in output[keep]] if output is not None else None
            rows = [int(x) for x in data.array(table.output)] if table.output is not None else None
            for i, x in enumerate(entries):
                if x >= len(counts[used]) or (
                    rows is not None and outputs is not None and rows[x] != outputs[i]
                ):
                    missed = True
                else:
                    counts[used][x] += 1
        if missed:
            yield tensor.name
    for name, table in manifest.tables.items():
        if any((int(m) - n) % R for m, n in zip(data.array(table.multiplicity), counts[name], strict=True)):
            yield f"multiplicity of {name}"
