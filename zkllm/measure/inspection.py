"""What is inside of a proof file or a model package: sizes, columns, lookups, circuit rows, soundness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING

from zkllm.errors import ProofError
from zkllm.measure.profiling import lookups_by_tensor
from zkllm.outer.builder import CircuitBuilder
from zkllm.outer.transcript import (
    POINT_BYTES,
    SCALAR_BYTES,
    SCHEDULE,
    body_bytes,
    body_elements,
    public_input_names,
)
from zkllm.proof import Proof
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.party import CircuitParty
from zkllm.protocol.program import run_inner

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.outer.keys import VerifyingKey
    from zkllm.protocol.description import Description

Progress = Callable[[str, int, int], None]


# ---- a proof file; pure Python


def inspect_proof(proof: Proof) -> dict[str, object]:
    """Statement, context, and the bytes of every part. Says nothing about validity."""
    extra = len(proof.body) - body_bytes(0)
    if extra < 0 or extra % POINT_BYTES:
        raise ProofError(f"length: a proof's body cannot have {len(proof.body)} bytes")
    columns = extra // POINT_BYTES
    total = len(proof.to_bytes())
    words = SCALAR_BYTES * len(proof.words)
    parts = [("header, context and lengths", total - words - len(proof.body)), ("statement", words)]
    return {
        "kind": "proof",
        "verifier_id": proof.verifier_id,
        "development_srs": proof.development_srs,
        "context": {
            "chain_id": proof.context.chain_id,
            "contract": proof.context.contract,
            "sender": proof.context.sender,
            "request_id": proof.context.request_id,
            "digest": proof.context.digest(),
        },
        "statement": {
            "N": proof.N,
            "k": proof.k,
            "T": proof.T,
            "prompt_ids": None if proof.prompt is None else list(proof.prompt),
            "sealed_prompt": proof.sealed_prompt,
            "answer_ids": list(proof.answer),
        },
        "witness_columns": columns,
        "parts": [{"part": name, "bytes": size} for name, size in (*parts, *_body_parts(columns))],
        "bytes": total,
    }


def _body_parts(columns: int) -> list[tuple[str, int]]:
    """The body by round of the transcript."""
    layout = body_elements(columns)
    size = {name: POINT_BYTES if is_point else SCALAR_BYTES for name, is_point in layout}
    parts = [("witness column commitments", POINT_BYTES * columns)]
    for r in SCHEDULE:
        if r.messages:
            names = ", ".join(r.messages[:4]) + (f", .. ({len(r.messages)})" if len(r.messages) > 4 else "")
            parts.append((f"before {r.challenge}: {names}", sum(size[m] for m in r.messages)))
    return [*parts, ("inverse of the denominators", SCALAR_BYTES)]


# ---- a model package


def inspect_package(
    package: ModelPackage,
    rows: int | None = None,
    certified: int = 1,
    progress: Progress | None = None,
    sealed: bool = False,
) -> dict[str, object]:
    """The model, its columns, and one shape: lookups, circuit rows, proof size and soundness terms."""
    from zkllm import api

    record = api.open_setup(package)
    rows = record.rows if rows is None else rows
    keys = api.shape_keys(package, rows, certified, progress, sealed=sealed)
    key, protocol = keys.verifying_key, keys.protocol
    blocks = sub_blocks(protocol)
    return {
        "kind": "package",
        "source": package.source,
        "model_id": record.model_id,
        "vocabulary_root": package.vocabulary_root,
        "srs_kind": record.srs_kind,
        "srs_digest": record.srs_digest,
        "private": package.config.hidden,
        "quality": package.quality,
        "ranges": [row.to_dict() for row in package.ranges],
        "architecture": _architecture(package),
        "parameters": sum(block.parameters for block in blocks),
        "sub_blocks": [asdict(block) for block in blocks],
        "columns": _columns(protocol),
        "shape": {
            "N": rows,
            "k": certified,
            "sealed": sealed,
            "verifier_id": key.verifier_id,
            "proof_body_bytes": key.body_bytes,
            "public_inputs": key.num_public,
        },
        "lookups": [{"table": table, "queries": n} for table, n in sorted(lookups(protocol).items())],
        **_circuit(protocol, key, progress),
    }


def _architecture(package: ModelPackage) -> dict[str, int]:
    c = package.config
    names = ("n_layer", "n_head", "head_dim", "width", "d_inner", "vocab_size", "n_ctx", "pad_id")
    return {name: getattr(c, name) for name in names}


@dataclass(frozen=True)
class Block:
    layer: int | None
    block: str
    parameters: int
    multiply_accumulates: int


def sub_blocks(protocol: Description) -> list[Block]:
    """Of each layer, between embedding and head: parameters, and multiply-accumulates of one proof."""
    m = protocol.manifest
    tables = {table.output for table in m.tables.values()}
    parameters: Counter[str] = Counter()
    layered = {}
    for name, held in m.held.items():
        if name not in tables:
            (part,) = m.tensors[name].parts
            parameters[part] += prod(held.array.shape(m.axes))
            layered[part] = held.array.dims[0] == "l"
    products: Counter[str] = Counter()
    for operation in protocol.operations:
        products.update(operation.work(m).products)

    def block(part: str, layer: int | None, layers: int = 1) -> Block:
        return Block(layer, part, parameters[part] // layers, products[part] // layers)

    layers, (first, *last) = m.axes["l"], [part for part, own in layered.items() if not own]
    inner = [part for part, own in layered.items() if own]
    blocks = [block(part, layer, layers) for layer in range(layers) for part in inner]
    return [block(first, None), *blocks, *(block(part, None) for part in last)]


def lookups(protocol: Description) -> Counter[str]:
    """Queries by table; causal tensors count where u <= t only."""
    found: Counter[str] = Counter()
    queries = lookups_by_tensor(protocol)
    for tensor, lookup in protocol.manifest.lookups():
        for table, run in lookup.runs():
            size = tensor.sizes(protocol.manifest.axes)[0]
            found[table] += queries[tensor.name] * len(range(size)[run]) // size
    return found


def _columns(protocol: Description) -> dict[str, object]:
    groups = {"fixed": protocol.fixed, "witness": protocol.witness}
    sizes = {
        name: {"columns": g.num_columns, "coefficients": g.used, "tensors": len(g.blocks)}
        for name, g in groups.items()
    }
    return {"mu": protocol.shape.config.mu, **sizes}


def _circuit(protocol: Description, key: VerifyingKey, progress: Progress | None) -> dict[str, object]:
    """Rows by section, and the soundness terms."""
    from zkllm.measure.soundness import OuterSizes, report

    if progress is not None:
        progress("circuit", 0, 2)
    circuit = build_circuit(protocol)
    if progress is not None:
        progress("circuit", 1, 2)
    terms = report(run_on_wires(protocol), OuterSizes.of(key))
    if progress is not None:
        progress("circuit", 2, 2)
    return {
        "circuit": {
            "rows": circuit.num_rows,
            "size": circuit.size,
            "rows_by_section": dict(circuit.rows_by_section),
        },
        "soundness": [
            {"term": t.name, "bits": round(t.bits, 2), "kind": t.kind, "source": t.source} for t in terms
        ],
        "security_bits": round(min(t.bits for t in terms), 2),
    }


def run_on_wires(protocol: Description) -> CircuitParty:
    """The verifier's text, run once more: it adds up the numerators of its error terms."""
    builder = CircuitBuilder()
    count = protocol.shape.num_words
    seed, *rest = (builder.public(name) for name in public_input_names(count))
    party = CircuitParty(protocol, builder, seed)
    run_inner(protocol, party, rest[:count], None)
    return party
