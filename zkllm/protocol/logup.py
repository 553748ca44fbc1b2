"""All lookups of a pass in one LogUp-GKR (Papini, Habock, eprint 2023/1284; Habock, eprint 2022/1530).

sum over queries of 1/(alpha - fingerprint) = sum over table rows of m/(alpha - fingerprint), with the
fingerprint tag + beta input + beta^2 output. The leaf of a committed value sits at the value's own address in
the witness columns, so the argument ends in two linear claims on the columns, p(z) and q'(z), with no further
message. The tree runs on (p, q' = q - 1): a value that is not looked up has the leaf (0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..bits import ceil_log2
from ..field import R
from ..kernels.interface import LogUpTree, Segment
from .algebra import Point, Scalar, causal_block, eq_index
from .data import ProverData
from .forms import AddressTerm
from .layout import Block
from .manifest import Lookup, Manifest, Tensor
from .party import Own, Party
from .sumcheck import horner, interpolate, round_message

NUMERATOR = "logup: numerator = 0"
DENOMINATOR = "logup: denominator != 0"
LEAF_CLAIMS = ("lookups: p", "lookups: q")


def active_lookups(party: Party) -> list[tuple[Tensor, Lookup]]:
    return [(t, k) for t, k in party.protocol.manifest.lookups() if f"lookup {t.name}" not in party.off]


def leaf_depth(party: Party) -> int:
    return max(1, ceil_log2(party.protocol.witness.used))


def logup(party: Party) -> None:
    """Reduces every lookup to the claims "lookups: p" and "lookups: q"."""
    alpha, beta = party.challenge(), party.challenge()
    party.salt()  # before the first message that depends on the witness
    depth = leaf_depth(party)
    manifest = party.protocol.manifest
    queries = sum(manifest.count(t.name) for t, _ in active_lookups(party))
    rows = sum(manifest.axes[t.axis] for t in manifest.tables.values())
    party.error("LogUp alpha", queries + rows)
    party.error("LogUp fingerprints", 2 * queries * rows)
    tree = party.own(lambda data: _build(party, data, int(alpha), int(beta)))
    p = party.send(lambda: tree().root()[0])
    q = party.send(lambda: tree().root()[1])
    party.check(NUMERATOR, p, 0)
    inverse = party.send(lambda: pow(tree().root()[1] + 1, -1, R))
    party.check(DENOMINATOR, (q + 1) * inverse, 1)
    z: list[Scalar] = []
    for j in range(depth):
        p, q, z = _layer(party, tree, j, p, q, z)
    _leaf_claims(party, alpha, beta, p, q, tuple(z))


def _layer(
    party: Party, tree: Own[LogUpTree], j: int, p: Scalar, q: Scalar, z: list[Scalar]
) -> tuple[Scalar, Scalar, list[Scalar]]:
    """Layer j: (p, q') at z from the four children at a new point of j + 1 coordinates."""
    lam = party.challenge()
    party.error("LogUp layers", 2)  # lambda, and the line through the children
    if tree:
        tree().open(j, [int(c) for c in z], int(lam))
    claim = p + lam * q
    point: list[Scalar] = []
    for i in range(j):
        h = round_message(party, 2, claim, z[i], lambda: tree().round())
        c = party.challenge()
        party.count_round()
        claim = horner(h, c)
        if tree:
            tree().bind(int(c))
        point.append(c)

    def child(i: int) -> int:
        return tree().values()[i]

    p0, p1, q0, q1 = [party.send(partial(child, i)) for i in range(4)]
    party.check(f"logup layer {j}", p0 + p1 + p0 * q1 + p1 * q0 + lam * (q0 + q1 + q0 * q1), claim)
    c = party.challenge()
    return p0 + c * (p1 - p0), q0 + c * (q1 - q0), [*point, c]


def _mass(block: Block, z: Point) -> Scalar:
    """sum of eq(z, address) over a block: what its address says of z's prefix."""
    size = block.log2_size
    return eq_index(block.address >> size, z[: len(z) - size])


def _block_mass(
    party: Party, tensor: Tensor, lookup: Lookup | None, block: Block, z: Point
) -> tuple[Scalar, Scalar]:
    """(sum of eq(z, address), the same weighted by the causal mask) over a block."""
    size, prefix = block.log2_size, _mass(block, z)
    if lookup is None or not lookup.causal:
        return prefix, prefix
    at, place = len(z) - size, {}
    for axis, span in zip(tensor.axes, block.spans, strict=True):
        place[axis] = (span, z[at : at + span[1]])
        at += span[1]
    (block_t, z_t), (block_u, z_u) = place["t"], place["u"]
    return prefix, prefix * causal_block(block_t, block_u, z_t, z_u)


def _other_tags(manifest: Manifest, lookup: Lookup, block: Block, z: Point) -> Scalar:
    """sum of eq(z, address) (tag - main tag) over a block, where its first axis chooses the table."""
    total: Scalar = 0
    if len(lookup.tables) == 1:
        return total
    main = manifest.tables[lookup.main].tag
    for piece in block.split():
        name = lookup.tables[piece.spans[0][0]]
        if name != lookup.main:
            total = total + (manifest.tables[name].tag - main) * _mass(piece, z)
    return total


def _leaf_claims(
    party: Party, alpha: Scalar, beta: Scalar, p: Scalar, q: Scalar, z: tuple[Scalar, ...]
) -> None:
    manifest, layout = party.protocol.manifest, party.protocol.witness
    beta2 = beta * beta
    p_terms: list[AddressTerm] = []
    q_terms: list[AddressTerm] = []
    tagged: Scalar = 0  # sum of mass * (tag + beta * offset), the tag that of the value's own table
    total_mass: Scalar = 0
    for tensor, lookup in active_lookups(party):
        mass: Scalar = 0
        for block in layout.blocks[tensor.name]:
            full, masked = _block_mass(party, tensor, lookup, block, z)
            p = p - masked
            mass = mass + full
            tagged = tagged + _other_tags(manifest, lookup, block, z)
        total_mass = total_mass + mass
        tagged = tagged + mass * (manifest.tables[lookup.main].tag + beta * lookup.offset)
        q_terms.append(AddressTerm(-beta, tensor.name, tensor.name, z))
        if lookup.output is not None:
            q_terms.append(AddressTerm(-beta2, lookup.output, tensor.name, z))
    for table in manifest.tables.values():
        p_terms.append(AddressTerm(-1, table.multiplicity, table.multiplicity, z))
        for block in layout.blocks[table.multiplicity]:
            size, prefix = block.log2_size, _mass(block, z)
            entry: Scalar = block.spans[0][0] + table.offset
            for i, c in enumerate(reversed(z[len(z) - size :])):
                entry = entry + (1 << i) * c
            total_mass = total_mass + prefix
            tagged = tagged + prefix * (table.tag + beta * entry)
        if table.output is not None:
            q_terms.append(AddressTerm(-beta2, table.output, table.multiplicity, z))
    q = q - (total_mass * (alpha - 1) - tagged)
    party.claim_raw(LEAF_CLAIMS[0], p_terms, p)
    party.claim_raw(LEAF_CLAIMS[1], q_terms, q)


# ---- the prover's leaves


def causal_mask(rows: int) -> np.ndarray:
    """int8[t, u]: 1 where u <= t."""
    return np.tril(np.ones((rows, rows), dtype=np.int8))


def spread(
    array: np.ndarray, axes: tuple[str, ...], names: tuple[str, ...], sizes: tuple[int, ...]
) -> np.ndarray:
    """An array over some axes, broadcast to a tensor's axes."""
    return np.broadcast_to(array[tuple(slice(None) if a in axes else None for a in names)], sizes)


def _segments(party: Party, data: ProverData, beta: int) -> Iterator[Segment]:
    """Views of the tensors, one for each block of the layout, or for each index of its first axis where that
    chooses the table: (address, tag, numerator, input, output).

    An offset of the input is part of the tag: tag + beta (input + offset) = (tag + beta offset) + beta input.
    """
    manifest, layout = party.protocol.manifest, party.protocol.witness
    for tensor, lookup in active_lookups(party):
        sizes = manifest.sizes(tensor.name)
        values = data.array(tensor.name)
        output = data.array(lookup.output) if lookup.output is not None else None
        mask = (
            spread(causal_mask(sizes[tensor.axes.index("t")]), ("t", "u"), tensor.axes, sizes)
            if lookup.causal
            else None
        )
        tags = [(manifest.tables[name].tag + beta * lookup.offset) % R for name in lookup.tables]
        for block in layout.blocks[tensor.name]:
            for piece in block.split() if len(tags) > 1 else (block,):
                yield (
                    piece.address,
                    tags[piece.spans[0][0] if len(tags) > 1 else 0],
                    piece.view(mask) if mask is not None else 1,
                    piece.view(values),
                    piece.view(output) if output is not None else None,
                )
    for table in manifest.tables.values():
        counts = data.array(table.multiplicity)
        entries = np.arange(table.offset, table.offset + manifest.axes[table.axis], dtype=np.int64)
        output = data.array(table.output) if table.output is not None else None
        for block in layout.blocks[table.multiplicity]:
            cut = block.slices()
            yield (
                block.address,
                table.tag,
                -counts[cut],
                entries[cut],
                output[cut] if output is not None else None,
            )


def _build(party: Party, data: ProverData, alpha: int, beta: int) -> LogUpTree:
    segments = list(_segments(party, data, beta))
    return data.kernels.logup_tree(party.protocol.witness.used, segments, alpha, beta)


__all__ = ["DENOMINATOR", "NUMERATOR", "active_lookups", "interpolate", "logup"]
