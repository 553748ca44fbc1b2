"""Sets a real-sized model up, proves and verifies one answer; prints one JSON line a case.

    python scripts/bench_real.py MODEL [MODEL ..] [--rows 16] [--certified 1] [--mu MU] [--runs 1]
                                 [--work DIR]

MODEL is a Hugging Face folder (scripts/synthetic_checkpoint.py makes one of any GPT-2 shape), a hub id, or a
model package, whose set-up is then not timed. Each phase runs in a process of its own, so that its peak
resident memory (weights and SRS that are mapped and touched included) is its own. Seconds are wall clock, and
processor seconds of all threads where the name has `cpu`; of several runs the median proof is given. Beware
of the load, which is part of the line.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench import clock, machine, parts_of  # noqa: E402

from zkllm import api  # noqa: E402
from zkllm.errors import ZkllmError  # noqa: E402
from zkllm.model.build import BuildOptions, build_package  # noqa: E402
from zkllm.model.package import ModelPackage  # noqa: E402
from zkllm.model.quantize import QuantizerOptions  # noqa: E402

PROMPT = "Any sufficiently advanced technology is indistinguishable from"


class Stages:
    """Seconds between reports, by the stage that the later one names; also on standard error."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def progress(self, stage: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if done or total != 1:  # (0, 1) opens a stage: what passed before it is not the stage's
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
        if done == total:
            print(f"  {stage}: {self.seconds.get(stage, 0.0):.1f} s", file=sys.stderr, flush=True)


def peak_rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def measure_setup(model: str, out: Path, rows: int, mu: int | None) -> dict[str, Any]:
    """The package, its commitments, the keys of (rows, 1)."""
    stages = Stages()
    start, processor = time.perf_counter(), time.process_time()
    options = BuildOptions(quantizer=QuantizerOptions(mu=mu), rows=rows)
    package = build_package(model, out, options, stages.progress)
    api.setup_keys(package, rows, progress=stages.progress)
    return {
        "setup_s": time.perf_counter() - start,
        "setup_cpu_s": time.process_time() - processor,
        "setup_s_by_stage": stages.seconds,
        "setup_peak_rss_bytes": peak_rss(),
        "package_bytes": size_of(out / "weights"),
        "keys_bytes": size_of(out / "keys"),
    }


def measure_proof(folder: Path, rows: int, certified: int, runs: int) -> dict[str, Any]:
    """The keys of the shape are made before the clock starts; reading them belongs to proving."""
    package = ModelPackage.load(folder)
    keys = api.shape_keys(package, rows, certified)
    circuit_rows, protocol = keys.proving_key.circuit.num_rows, keys.protocol
    del keys
    measured = []
    for _ in range(runs):
        stages = Stages()
        processor = time.process_time()
        seconds, result = clock(
            lambda stages=stages: api.prove(
                package, prompt=PROMPT, new_tokens=certified, rows=rows, progress=stages.progress
            )
        )
        measured.append((seconds, time.process_time() - processor, result, parts_of(result.stages)))
    peak = peak_rss()
    seconds, processor, result, by_part = sorted(measured, key=lambda m: m[0])[len(measured) // 2]
    verify_seconds, _ = clock(lambda: result.proof.verify(result.verifying_key))
    return {
        "N": rows,
        "k": certified,
        "T": result.proof.T,
        "mu": package.config.mu,
        "slots": [package.config.slots, package.config.inner_slots, package.config.vocab_slots],
        "prove_s": seconds,
        "prove_cpu_s": processor,
        "prove_s_by_stage": result.timings,
        "prove_s_by_part": by_part,
        "verify_s": verify_seconds,
        "peak_rss_bytes": peak,
        "proof_bytes": len(result.proof.body),
        "rows": circuit_rows,
        "columns": [protocol.fixed.num_columns, protocol.witness.num_columns],
        "srs": result.verifying_key.srs_kind,
    }


def apart(function: Any, *arguments: Any) -> Any:
    """The function's result, computed in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def case(model: str, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    source, line = Path(model), {"model": Path(model).resolve().name if Path(model).exists() else model}
    line |= {"load_before": os.getloadavg()[0]}
    folder = source
    if not (source / "manifest.json").is_file():
        folder = work / line["model"].replace("/", "--")
        line |= apart(measure_setup, model, folder, given.rows, given.mu)
    line |= apart(measure_proof, folder, given.rows, given.certified, given.runs)
    return line | {"cores": machine()["cores"], "backend": api.backend(), "runs": given.runs}


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--rows", type=int, default=api.DEFAULT_ROWS, help="N (default 16)")
    parser.add_argument("--certified", type=int, default=1, help="k, tokens to certify (default 1)")
    parser.add_argument("--mu", type=int, help="log2 of a column (default: chosen from the sizes)")
    parser.add_argument("--runs", type=int, default=1, help="proofs a case, the median is given (default 1)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where packages go (default: temporary)")
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            for model in given.models:
                line = case(model, given, given.work or Path(temporary))
                print(json.dumps(rounded(line)), flush=True)
    except ZkllmError as error:
        print(f"bench_real.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
