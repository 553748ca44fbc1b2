"""What a proof consists of: operations of each stage, computed from sizes, and the part of the model they
are for. Seconds and memory come from `timings.py`; this module says how much work they were spent on.

Counts are what the stage's algorithm does on tensors of these sizes, in five kinds of operation:

* `field_mul`: product of two elements of the scalar field;
* `weight_mul`: 16-bit integer times a field element, added to a sum of several words;
* `int_mac`: product of two 16-bit integers, added;
* `bucket_add`: addition of a point of the curve to a bucket;
* `bytes`: read or written once, at the width in which the stage holds it.

With u used addresses of the witness columns, w packed coefficients and W integers of weights in them, n rows
of the outer circuit, m = 2^mu coefficients of a column and b of a row:

    trace           W N int_mac (the head: k rows); 2 W bytes
    commit witness  u bucket_add, one digit each; 64 u bytes of points
    lookups         u (2 for the leaf, 3 for the tree, 7.5 for the sumchecks, eprint 2024/108) field_mul
    zero-check      24 field_mul an index of the largest equation of each kind
    product sums    W weight_mul, and one for each activation that is folded over the rows
    reduction       2 W weight_mul (the layers' sums, and the fold), 8 (w / layers + u) field_mul
    combine columns W + u weight_mul into m elements
    fold h          m field_mul
    open q, g       windows(min(m, w + u)) bucket_add, 64 bytes a point and window
    wires           windows(4 n) bucket_add, 4 transforms
    quotients       windows(15 n) bucket_add, 8 n 120 field_mul and 14 transforms of 8 n
    opening W, W'   windows(max(b, 15 n)) bucket_add each
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2, prod
from typing import Any

from zkllm.field import R
from zkllm.files import JsonObject
from zkllm.pcs.curve import G1_BYTES
from zkllm.pcs.mercury import column_bits
from zkllm.protocol.description import Description
from zkllm.timings import Stage, available_cores

KINDS = ("field_mul", "weight_mul", "int_mac", "bucket_add", "bytes")
_HALF = (R - 1) // 2  # a full scalar or its negative is at most this
_WIDEST_BITS = 18  # of a window
_HIGHEST = 1 << 19  # the highest window's largest digit at most
ELEMENT_BYTES = 32
Counts = dict[str, float]


def windows(points: int) -> Counts:
    """A multi-scalar multiplication of full scalars, in the windows that take the fewest additions. Twin:
    `Plan::field` in native/src/curve/msm.rs."""

    def costs() -> Iterator[tuple[int, int]]:
        for bits in range(2, _WIDEST_BITS + 1):
            fewest = -(-_HALF.bit_length() // bits)
            for count in (fewest - 1, fewest):
                highest = (_HALF >> bits * (count - 1)) + 1
                if highest <= _HIGHEST:
                    buckets = (count - 1) * (1 << bits - 1) + highest
                    yield count * points + 2 * buckets, count

    additions, count = min(costs())
    return {"bucket_add": additions, "bytes": G1_BYTES * count * points}


def transforms(count: int, size: int) -> Counts:
    """Number-theoretic transforms."""
    return {"field_mul": count * size * log2(size) / 2, "bytes": 2 * ELEMENT_BYTES * count * size}


def added(*several: Mapping[str, float]) -> Counts:
    total: Counts = defaultdict(float)
    for counts in several:
        for name, value in counts.items():
            total[name] += value
    return dict(total)


@dataclass(frozen=True)
class Sizes:
    """What the counts depend on."""

    rows: int
    certified: int
    layers: int
    mu: int
    circuit: int  # n
    packed: int  # w
    block_weights: int  # integers of the layers' matrices
    head_weights: int  # and of the tied head
    witness: int  # u
    witness_part: int  # coefficients of f that witness columns reach to, masks included
    lookups: int
    activations: int  # entries that product sums fold over their rows
    checked: int  # indices of the zero-check's equations, each axis set once

    @property
    def weights(self) -> int:
        return self.block_weights + self.head_weights


def sizes_of(protocol: Description, circuit_size: int) -> Sizes:
    m, shape = protocol.manifest, protocol.shape
    matrices = {name: held for name, held in m.held.items() if held.packing is not None}
    integers = {name: prod(held.array.shape(m.axes)) for name, held in matrices.items()}
    blocks = sum(count for name, count in integers.items() if m.tensors[name].layered)
    work = [operation.work(m) for operation in protocol.operations]
    return Sizes(
        rows=shape.rows,
        certified=shape.certified,
        layers=m.axes["l"],
        mu=shape.config.mu,
        circuit=circuit_size,
        packed=sum(map(m.count, matrices)),
        block_weights=blocks,
        head_weights=sum(integers.values()) - blocks,
        witness=protocol.witness.used,
        witness_part=1 + max(map(max, protocol.masks)),
        lookups=sum(lookups_by_tensor(protocol).values()),
        activations=sum(w.folded for w in work),
        checked=sum(w.checked for w in work),
    )


def stage_counts(s: Sizes, tabled: bool = False) -> dict[str, Counts]:
    """Operations by stage, as the module's head says. `tabled`: with an opening table, the fixed columns are
    read twice as integers and only the witness columns' part has coefficients."""
    column, b, n = 1 << s.mu, 1 << column_bits(s.mu), s.circuit
    opened = max(b, 15 * n)
    macs = s.rows * s.block_weights + s.certified * s.head_weights
    counts: dict[str, Counts] = {
        "trace": {"int_mac": macs, "bytes": 2 * s.weights},
        "commit witness": {"bucket_add": s.witness, "bytes": (G1_BYTES + 2) * s.witness},
        "lookups": {"field_mul": 12.5 * s.witness, "bytes": 8 * ELEMENT_BYTES * s.witness},
        "zero-check": {"field_mul": 24 * s.checked, "bytes": 4 * s.checked},
        "product sums": {
            "weight_mul": s.weights + s.activations,
            "bytes": 2 * s.weights + 2 * s.activations,
        },
        "reduction": {
            "weight_mul": 2 * s.weights,
            "field_mul": 8 * (s.packed / s.layers + s.witness),
            "bytes": 4 * s.weights + 4 * ELEMENT_BYTES * (s.packed / s.layers + s.witness),
        },
        "combine columns": {
            "weight_mul": s.weights + s.witness,
            "bytes": 2 * (s.weights + s.witness) + 2 * ELEMENT_BYTES * (s.packed + s.witness),
        },
        "fold h": {"field_mul": column, "bytes": ELEMENT_BYTES * column},
        "open q, g": windows(min(column, s.packed + s.witness)),
        "open S, D": windows(2 * b),
        "wires": added(windows(4 * n), transforms(4, n)),
        "quotients": added(windows(15 * n), transforms(14, 8 * n), {"field_mul": 8 * n * 120}),
        "evaluate": {"field_mul": 34 * n, "bytes": 34 * ELEMENT_BYTES * n},
        "opening W": windows(opened),
        "opening W'": windows(opened),
    }
    return counts | (tabled_counts(s) if tabled else {})


def tabled_counts(s: Sizes) -> dict[str, Counts]:
    """Of the stages that an opening table changes."""
    part = s.witness_part
    read = {"weight_mul": s.weights, "bytes": 2 * s.weights}
    return {
        "combine columns": {"weight_mul": s.witness, "bytes": 2 * s.witness + 2 * ELEMENT_BYTES * part},
        "fold h": added(read, {"field_mul": part, "bytes": ELEMENT_BYTES * part}),
        "open q, g": added(windows(min(part, s.witness)), read),
    }


def predicted(counts: Mapping[str, float], nanoseconds: Mapping[str, float]) -> float:
    """Seconds that the kernels' rates allow at best: arithmetic and memory overlap."""
    work = sum(counts.get(kind, 0) * nanoseconds[kind] for kind in KINDS if kind != "bytes")
    return 1e-9 * max(work, counts.get("bytes", 0) * nanoseconds["bytes"])


# ---- by part of the model


def lookups_by_tensor(protocol: Description) -> dict[str, int]:
    """Queries; causal tensors count where u <= t only."""
    rows, found = protocol.shape.rows, {}
    for tensor, lookup in protocol.manifest.lookups():
        count = protocol.manifest.count(tensor.name)
        if lookup.causal:
            count = count // (rows * rows) * (rows * (rows + 1) // 2)
        found[tensor.name] = count
    return found


def block_counts(protocol: Description) -> dict[str, Counts]:
    """Of each part of the model: lookups, witness coefficients, packed coefficients, integers of weights."""
    m, queries = protocol.manifest, lookups_by_tensor(protocol)
    found: dict[str, Counts] = {}
    for tensor in m.tensors.values():
        count = m.count(tensor.name)
        kind = "fixed_coefficients" if tensor.fixed else "witness_coefficients"
        values: Counts = {kind: count, "lookups": queries.get(tensor.name, 0)}
        held = m.held.get(tensor.name)
        if held is not None and held.packing is not None:
            values["weights"] = count * m.axes[held.packing.slot]
        for block, share in tensor.parts.items():
            own = {name: share * value for name, value in values.items()}
            found[block] = added(found.get(block, {}), own)
    return found


ATTRIBUTED = {
    "trace": "weights",
    "commit witness": "witness_coefficients",
    "lookups": "witness_coefficients",
    "product sums": "weights",
    "combine columns": "weights",
    "open q, g": "fixed_coefficients",
}
"""The stages whose time is proportional to something that parts of the model have, and to what."""


def flat(stage: Stage) -> dict[str, Stage]:
    """Leaves of the tree of stages by name."""
    found: dict[str, Stage] = {}
    for child in stage.stages:
        found |= flat(child) if child.stages else {child.name: child}
    return found


def profile(
    root: Stage, protocol: Description, circuit_size: int, about: Mapping[str, Any], tabled: bool = False
) -> JsonObject:
    """The report of `zkllm prove --profile`: JSON. `tabled`: the proof was made with an opening table."""
    sizes = sizes_of(protocol, circuit_size)
    counts = stage_counts(sizes, tabled)
    blocks = block_counts(protocol)
    leaves, cores = flat(root), available_cores()
    totals = {kind: sum(b.get(kind, 0) for b in blocks.values()) for kind in set(ATTRIBUTED.values())}
    return {
        "kind": "zkllm profile",
        **about,
        "cores": cores,
        "tabled": tabled,
        "sizes": sizes.__dict__,
        "total": {
            "wall_s": sum(s.wall for s in root.stages),
            "processor_s": sum(s.processor for s in root.stages),
            "serial_s": sum(s.serial(cores) or 0.0 for s in leaves.values()) if cores > 1 else None,
            "peak_rss_bytes": root.memory.get("peak"),
        },
        "stages": [annotated(stage, counts, cores) for stage in root.stages],
        "sub_blocks": [
            {
                "block": name,
                **values,
                "processor_s": {
                    stage: leaves[stage].processor * values.get(kind, 0) / totals[kind]
                    for stage, kind in ATTRIBUTED.items()
                    if stage in leaves and totals[kind]
                },
            }
            for name, values in blocks.items()
        ],
    }


def annotated(stage: Stage, counts: Mapping[str, Counts], cores: int) -> JsonObject:
    data = stage.to_dict() | {"serial_s": stage.serial(cores)}
    if stage.stages:
        data["stages"] = [annotated(child, counts, cores) for child in stage.stages]
    elif stage.name in counts:
        data["counts"] = {kind: round(value) for kind, value in counts[stage.name].items()}
    return data
