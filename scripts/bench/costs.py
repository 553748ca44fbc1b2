"""What everything costs: setting up, proving by stage, verifying, gas, sizes; the cost of a lookup, of a
committed coefficient and of a multiply-accumulate. Real sizes: xl.py.

    python -m scripts.bench.costs [--runs 2] [--skip-units] [--json] [--out build/bench.json]

Two models are timed: the demo checkpoint, whose outer proof dominates, and a wider random one, whose inner
proof is large enough for costs by unit. Times are wall-clock seconds, the best of --runs; mind the load.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.bench.common import machine
from scripts.bench.phases import verification_gas
from testkit.checkpoints import write_checkpoint
from zkllm import api
from zkllm.cli.demo import PROMPT
from zkllm.cli.text import table
from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.measure.inspection import lookups, sub_blocks
from zkllm.measure.soundness import security_bits
from zkllm.model.build import BuildOptions, build_package, sized
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import QuantizerOptions
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.description import Description
from zkllm.settle import KeySource, network, open_session
from zkllm.timings import Stage

DEMO = ROOT / "models" / "demo-gpt2"
ROWS = 16
LAYERS = (3, 12, 48)
WIDE = {"layers": 6, "heads": 6, "width": 384, "vocab_size": 5003, "n_ctx": 64}
WIDE_MU = 19
Times = dict[str, float]


# ---- timing


def parts_of(stages: Stage) -> Times:
    """Seconds by part of the inner proof and by step of the outer one."""
    found: Times = {}
    for stage in stages.stages:
        if stage.name in ("inner proof", "outer proof"):
            found |= {f"{stage.name.removesuffix(' proof')}: {s.name}": s.wall for s in stage.stages}
    return found


def clock(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def best_proof(package: ModelPackage, runs: int, **options: Any) -> tuple[api.ProofResult, Times, Times]:
    """(a proof, seconds by stage, seconds by part) of the fastest run."""
    best: tuple[float, api.ProofResult, Times] | None = None
    for _ in range(runs):
        processor = time.process_time()
        seconds, result = clock(lambda: api.prove(package, **options))
        result.timings["processor time"] = time.process_time() - processor
        if best is None or seconds < best[0]:
            best = seconds, result, parts_of(result.stages)
    assert best is not None
    return best[1], {**best[1].timings, "total": best[0]}, best[2]


# ---- the demo model


def demo(folder: Path, runs: int) -> dict[str, Any]:
    setup_seconds, package = clock(lambda: api.setup(DEMO, folder / "demo", rows=ROWS))
    with open_session(network("anvil"), KeySource(), folder / "home", fresh_chain=True) as session:
        key = api.shape_keys(package, ROWS, 1).verifying_key
        deployment = session.ensure_deployed(key)
        context = session.context(deployment.settlement)
        result, stages, parts = best_proof(package, runs, prompt=PROMPT, context=context)
        verify_seconds = min(clock(lambda: result.proof.verify(key))[0] for _ in range(runs))
        settled = session.settle(result.proof, key, package.tokenizer.token_bytes, verified=True)
        verification = verification_gas(session, deployment.verifier, result.proof)
        code = {name: len(session.rpc.code(getattr(deployment, name))) for name in ("verifier", "settlement")}
    return {
        "model": "demo-gpt2",
        "shape": {"N": ROWS, "k": 1, "T": result.proof.T},
        "setup_seconds": setup_seconds,
        "prove_seconds": stages,
        "prove_parts_seconds": parts,
        "verify_seconds": verify_seconds,
        "proof_file_bytes": len(result.proof.to_bytes()),
        "proof_bytes": len(result.proof.body),
        "calldata_bytes": settled.calldata_bytes,
        "settlement_gas": settled.gas_used,
        "verification_gas": verification,
        "deploy_gas": {name: receipt.gas_used for name, receipt in session.deployed.items()},
        "code_bytes": code,
        "fixed_columns": len(key.fixed_commitments),
        "witness_columns": key.num_witness_columns,
        "circuit_log2_size": key.n_log2,
        "security_bits_with_a_ceremony": security_bits(key),
        "srs_kind": key.srs_kind,
    }


# ---- circuits


def circuit_rows(config: ProgramConfig) -> list[dict[str, Any]]:
    """The outer circuit at several depths of the demo model."""
    rows = []
    for layers in LAYERS:
        classes = (config.mlp_class + config.mlp_class[:1] * layers)[:layers]
        deep = sized(replace(config, n_layer=layers, mlp_class=classes), ROWS)
        circuit = build_circuit(describe(deep, ROWS, 1))
        rows.append({"layers": layers, "rows": circuit.num_rows, "by_section": dict(circuit.rows_by_section)})
    return rows


# ---- costs by unit, and GPT-2 XL


def sizes(protocol: Description, macs: int, circuit_size: int) -> dict[str, int]:
    """What the prover's stages grow with."""
    mu = protocol.shape.config.mu
    return {
        "lookups": sum(lookups(protocol).values()),
        "witness_coefficients": protocol.witness.used,
        "coefficients": protocol.witness.used + protocol.fixed.used,
        "multiply_accumulates": macs,
        "column": 1 << mu,
        "circuit": circuit_size,
        "one": 1,
    }


UNITS = {
    "trace": "multiply_accumulates",
    "witness": "witness_coefficients",
    "commit witness": "witness_coefficients",
    "inner: statement": "one",
    "inner: lookups": "lookups",
    "inner: zero-check": "witness_coefficients",
    "inner: product sums": "multiply_accumulates",
    "inner: linear claims": "one",
    "inner: reduction": "coefficients",
    "outer: circuit": "circuit",
    "outer: combine columns": "coefficients",
    "outer: fold h": "column",
    "outer: open q, g": "column",
    "outer: open S, D": "one",
    "outer: wires": "circuit",
    "outer: quotients": "circuit",
    "outer: evaluate": "circuit",
    "outer: opening W": "circuit",
    "outer: opening W'": "circuit",
}
"""What each part of proving is taken to be proportional to."""


def units(folder: Path, runs: int) -> dict[str, Any]:
    """Costs by unit on the wide model."""
    write_checkpoint(folder / "wide-hf", **WIDE)
    options = BuildOptions(quantizer=QuantizerOptions(mu=WIDE_MU), rows=ROWS)
    package = build_package(folder / "wide-hf", folder / "wide", options)
    api.setup_keys(package, ROWS)
    keys = api.shape_keys(package, ROWS, 1)
    _, stages, parts = best_proof(package, runs, tokens=list(range(10, 10 + ROWS)))
    seconds = {k: v for k, v in {**stages, **parts}.items() if k in UNITS}

    blocks = sub_blocks(keys.protocol)
    macs = sum(b.multiply_accumulates for b in blocks)
    ours = sizes(keys.protocol, macs, 1 << keys.verifying_key.n_log2)

    per = lambda names, unit: 1e9 * sum(seconds[n] for n in names) / ours[unit]
    return {
        "model": WIDE | {"mu": WIDE_MU, "N": ROWS},
        "seconds": seconds | {"total": stages["total"]},
        "sizes": ours,
        "nanoseconds": {
            "a lookup": per(["inner: lookups"], "lookups"),
            "a committed coefficient": per(["commit witness"], "witness_coefficients"),
            "a multiply-accumulate, executed": per(["trace"], "multiply_accumulates"),
            "a multiply-accumulate, proved": per(["inner: product sums"], "multiply_accumulates"),
            "a coefficient in the reduction": per(["inner: reduction"], "coefficients"),
            "a coefficient in the opening": per(["outer: open q, g"], "column"),
        },
    }


# ---- report


def report(data: dict[str, Any]) -> list[str]:
    m, d = data["machine"], data["demo"]
    lines = [
        f"{m['machine']}, {m['cores']} cores, backend {api.backend()}, load {m['load']:.1f}",
        "",
        f"demo-gpt2, N={ROWS}, k=1; SRS: {d['srs_kind']} "
        f"({d['security_bits_with_a_ceremony']:.0f} bits with a ceremony's)",
        *table(
            ("", "seconds"),
            [
                ("set up", d["setup_seconds"]),
                *((f"prove: {name}", t) for name, t in d["prove_seconds"].items()),
                ("verify in pure Python", d["verify_seconds"]),
            ],
        ),
        "",
        *table(("part of proving", "seconds"), list(d["prove_parts_seconds"].items())),
        "",
        *table(
            ("", "gas or bytes"),
            [
                ("settlement transaction, gas", d["settlement_gas"]),
                ("verification alone, gas", d["verification_gas"]),
                *((f"deploying {name}, gas", gas) for name, gas in d["deploy_gas"].items()),
                ("calldata, bytes", d["calldata_bytes"]),
                ("proof, bytes", d["proof_bytes"]),
                ("proof file, bytes", d["proof_file_bytes"]),
                *((f"{name} code, bytes", size) for name, size in d["code_bytes"].items()),
            ],
        ),
        "",
        "outer circuit by layers (scripts/gas says where the gas goes)",
        *table(("layers", "rows"), [(r["layers"], r["rows"]) for r in data["circuits"]]),
    ]
    if "units" in data:
        u = data["units"]
        lines += [
            "",
            f"costs by unit, on a random model ({', '.join(f'{k} {v}' for k, v in u['model'].items())})",
            *table(("", "ns"), list(u["nanoseconds"].items())),
        ]
    return [*lines, "", f"peak memory {data['peak_memory_bytes'] / 2**30:.2f} GiB"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2, help="the best of this many (default 2)")
    parser.add_argument("--skip-units", action="store_true", help="the demo model only")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json", help="where the JSON goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data: dict[str, Any] = {"machine": machine(), "demo": demo(folder, arguments.runs)}
        config = ModelPackage.load(folder / "demo").config
        assert isinstance(config, ProgramConfig)
        data["circuits"] = circuit_rows(config)
        if not arguments.skip_units:
            data["units"] = units(folder, arguments.runs)
    data["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    text = json.dumps(data, indent=2) + "\n"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print(text if arguments.json else "\n".join([*report(data), f"as JSON: {arguments.out}"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
