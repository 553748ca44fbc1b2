"""Times the parts of a decoder block, each proved alone (`sub_block.py`), with everything that a proof needs.

Weights are random at given widths, quantised as a checkpoint's are, or those of a model package.
"""

from __future__ import annotations

import io
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkllm.api import backend
from zkllm.errors import ZkllmError
from zkllm.files import write_atomically
from zkllm.measure import sub_block
from zkllm.measure.soundness import security_bits
from zkllm.measure.sub_block import SubBlock, SubBlockKey, SubBlockProof
from zkllm.model.activations import ACTIVATIONS
from zkllm.model.execution import trace
from zkllm.model.folding import FoldedLinear
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import Scales
from zkllm.model.random_checkpoint import RandomCheckpoint, quantized_random, random_checkpoint
from zkllm.model.trace import Trace
from zkllm.model.weights import QuantizedModel
from zkllm.outer.setup import ProvingKey
from zkllm.pcs.curve import G1_BYTES
from zkllm.pcs.srs import development_srs
from zkllm.protocol.data import Packed
from zkllm.timings import Progress, Timings

MIN_SRS_LOG2 = 18
READS = {"attention": "X", "fc1-gelu": "y", "fc2-residual": "g, X"}
WRITES = {"attention": "Y_o", "fc1-gelu": "g", "fc2-residual": "X + Y_p"}


@dataclass(frozen=True)
class Source:
    """A layer and an execution of it. `checkpoint`: the float weights, where they are random ones."""

    model: QuantizedModel
    scales: Scales
    trace: Trace
    layer: int
    checkpoint: RandomCheckpoint | None = None

    @property
    def rows(self) -> int:
        return self.trace.rows


def _execution(model: QuantizedModel, rows: int, seed: int = 1) -> Trace:
    """Of random ids."""
    c, generator = model.config, random.Random(seed)
    if rows > c.n_ctx:
        raise ZkllmError(f"the model has {c.n_ctx} positions, not {rows}")
    ids = [generator.randrange(c.vocab_size) for _ in range(rows + 1)]
    return trace(model, ids, 1, rows, check=False)


def of_widths(width: int, heads: int, inner: int, rows: int) -> Source:
    checkpoint = random_checkpoint(width, heads, inner, max(64, rows))
    model, scales = quantized_random(checkpoint)
    return Source(model, scales, _execution(model, rows), 0, checkpoint)


def of_package(folder: str, layer: int, rows: int) -> Source:
    package = ModelPackage.load(folder)
    if layer >= package.config.n_layer:
        raise ZkllmError(f"the model has the layers 0 to {package.config.n_layer - 1}, not {layer} (--layer)")
    if not 0 <= layer < package.config.n_layer:
        raise ZkllmError(f"{folder} has the layers 0 to {package.config.n_layer - 1}, not {layer}")
    model, scales = package.weights, package.scales
    if not isinstance(model, QuantizedModel) or not isinstance(scales, Scales):
        raise ZkllmError(f"{folder} is no GPT-2: parts of its blocks are not proved alone")
    return Source(model, scales, _execution(model, rows), layer)


def float_tensors(source: Source) -> dict[str, np.ndarray]:
    """Of the first linear layer and GELU: the input y (rows, width) as proved, the float weights before they
    were quantised, and the output g of float64 arithmetic on them."""
    assert source.checkpoint is not None
    linear = FoldedLinear.read(source.checkpoint, source.layer, "fc1")
    weight, (bias,) = linear.folded(), linear.folded_bias()
    y = source.trace["y"][2 * source.layer + 1].astype(np.float64) / 2.0**source.scales.y
    g = ACTIVATIONS[source.checkpoint.architecture.activation].values(y @ weight + bias)
    return {"y": y, "weight": weight, "bias": bias, "g": g}


def export(source: Source, path: Path) -> None:
    """`float_tensors`, for another prover of the same sub-block."""
    if source.checkpoint is None:
        raise ZkllmError("only random weights are exported")
    file = io.BytesIO()
    np.savez(file, **float_tensors(source))  # type: ignore[arg-type]
    write_atomically(path, file.getvalue())


def largest_error(source: Source) -> float:
    """Of the proved g against float64."""
    g = source.trace["g"][source.layer] / 2.0 ** source.scales.g[source.model.config.mlp_class[source.layer]]
    return float(np.abs(g - float_tensors(source)["g"]).max())


def run_sub_block(
    source: Source, name: str, mu: int | None = None, runs: int = 1, progress: Progress | None = None
) -> dict[str, object]:
    """Sets up once, proves `runs` times; the run of the median time is reported. Reading the key belongs to
    proving, as it does with whole models."""
    block = SubBlock(name, source.model, source.layer, source.rows, mu)
    setup = Timings(progress)
    open_srs = lambda powers: development_srs(max(MIN_SRS_LOG2, (powers - 1).bit_length()))
    pk, vk, srs = sub_block.setup(block, open_srs, setup)
    measured: list[tuple[float, float, Timings, SubBlockProof]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "proving.key"
        pk.save(path)
        rows, key_bytes = pk.circuit.num_rows, path.stat().st_size + len(vk.to_json().encode())
        del pk
        for _ in range(runs):
            timings = Timings(progress, memory=True)
            wall, processor = time.perf_counter(), time.process_time()
            with timings.stage("keys"):
                pk = ProvingKey.load(path, SubBlockKey)
            proof = sub_block.prove(block, source.trace, pk, srs, timings)
            measured.append((time.perf_counter() - wall, time.process_time() - processor, timings, proof))
            del pk
    median = statistics.median_low([m[0] for m in measured])
    seconds, processor, timings, proof = next(m for m in measured if m[0] == median)
    start = time.perf_counter()
    proof.verify()
    verify_seconds = time.perf_counter() - start
    c, protocol = source.model.config, block.protocol
    powers = max(1 << vk.mu, 15 << vk.n_log2)
    return {
        "block": name,
        "widths": f"{c.width}x{c.d_inner}",
        "width": c.width,
        "inner": c.d_inner,
        "heads": c.n_head,
        "N": source.rows,
        "reads": READS[name],
        "writes": WRITES[name],
        "parameters": block.parameters,
        "setup_s": setup.seconds,
        "prove_s": seconds,
        "prove_cpu_s": processor,
        "seconds_per_parameter": seconds / block.parameters,
        "stages_s": timings.seconds,
        "stages": timings.root.to_dict(),
        "runs": runs,
        "peak_rss_bytes": max(m[2].root.memory.get("peak", 0) for m in measured),
        "proving_key_bytes": key_bytes,
        "weights_bytes": sum(
            t.values.nbytes if isinstance(t, Packed) else t.nbytes for t in block.fixed.values()
        ),
        "srs_bytes": G1_BYTES * powers,
        "proof_bytes": len(proof.body),
        "verify_s": verify_seconds,
        "rows": rows,
        "mu": vk.mu,
        "columns": [protocol.fixed.num_columns, protocol.witness.num_columns],
        "slots": c.slots if name != "fc1-gelu" else c.inner_slots,
        "max_error": largest_error(source) if name == "fc1-gelu" and source.checkpoint else None,
        "security_bits": security_bits(vk),
        "srs": vk.srs_kind,
        "backend": backend(),
    }
