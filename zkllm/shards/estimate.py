"""What one worker of a sharded proof takes of memory, and what is left to the coordinator, by stage."""

from __future__ import annotations

from ..bits import ceil_log2
from ..memory import BASE, ELEMENT, PER_CHECKED, PER_MSM_TERM, Estimate, Term, estimate, weights_bytes
from ..pcs.curve import G1_BYTES
from ..pcs.mercury import column_bits
from ..protocol.description import Description

# what the allocator keeps of given up memory is in these, which `zkllm.memory` counts apart
_PER_VALUE = 5
_PER_LEAF = 18
_PER_ENTRY = 22  # of a column in the reduction, and of its coordinates

LOOKED_UP = 9
"""Bytes of a leaf's integers: input, output, numerator."""
_PER_MESSAGE = 3  # what is sent is there as a message, as an array, and in the store for a while
_HELD_BY_WORKERS = ("tree", "columns", "f", "multiplication", "weights", "weights of one kind", "SRS")


def _most(parts: int, workers: int, total: int) -> int:
    """Of a total in equal parts, what the worker with the most of them has."""
    return -(-total * -(-parts // workers) // parts)


def worker_estimate(protocol: Description, workers: int) -> Estimate:
    """Of the worker that has most. Pages of model and SRS are mapped; each worker reads its own."""
    witness, share = protocol.witness, lambda total: -(-total // workers)
    classes = 1 << ceil_log2(workers)
    values = Term("witness", share(_PER_VALUE * witness.used))
    row = ELEMENT << column_bits(protocol.mu)
    combined = Term("f", share(ELEMENT * protocol.coefficients) + 2 * row)
    powers = Term("SRS", share(G1_BYTES * protocol.coefficients) + G1_BYTES, mapped=True)
    layers = Term("weights", share(sum(weights_bytes(protocol))), mapped=True)
    kind = Term("weights of one kind", share(max(weights_bytes(protocol))), mapped=True)
    leaves = _most(classes, workers, witness.used)
    checked = max(operation.work(protocol.manifest).checked for operation in protocol.operations)
    tables = _most(classes, workers, PER_CHECKED * checked)
    ordinary, folded = _columns(protocol)
    reduced = folded + _most(protocol.num_columns, workers, _PER_ENTRY * ordinary)
    moved = Term(
        "columns' integers", _most(protocol.num_columns, workers, _PER_MESSAGE * _PER_VALUE * ordinary)
    )
    return Estimate(
        (Term("program", BASE),),
        {
            "trace": (layers,),
            "commit witness": (values, powers, Term("multiplication", share(PER_MSM_TERM * witness.used))),
            "lookups": (values, Term("leaves", LOOKED_UP * leaves), Term("tree", _PER_LEAF * leaves)),
            "zero-check": (values, Term("tables", tables)),
            "product sums": (values, kind),
            "reduction": (values, moved, kind, Term("columns", reduced)),
            "combine columns": (values, moved, kind, combined),
            "opening": (
                values,
                moved,
                combined,
                powers,
                Term("multiplication", share(PER_MSM_TERM * protocol.coefficients)),
            ),
        },
    )


def _columns(protocol: Description) -> tuple[int, int]:
    """(entries of ordinary columns, bytes of the layered ones once they are folded: each owner of some of
    their layers has all of these)."""
    fixed, mu = protocol.fixed, protocol.fixed.mu
    outers = [fixed.outer_of(g) for g in range(fixed.num_columns)]
    layered = sum(1 for outer in outers if outer)
    ordinary = max(0, fixed.used - (layered << mu)) + protocol.witness.used
    return ordinary, sum(2 * ELEMENT << mu - outer for outer in outers if outer)


def coordinator_estimate(protocol: Description, circuit_log2: int | None = None) -> Estimate:
    """What a proof takes in one process, but for what workers hold."""
    whole = estimate(protocol, circuit_log2)
    left = {
        stage: tuple(term for term in terms if term.name not in _HELD_BY_WORKERS)
        for stage, terms in whole.stages.items()
    }
    return Estimate(whole.always, left)
