"""EZKL and zkLLM side by side, in one run: the sub-block "first linear layer and GELU" of a decoder block.

    python -m scripts.bench.peers [--widths 64x256 128x512 256x1024] [--rows 1] [--limit 900] [--memory 20]
                                  [--xl build/bench-xl.jsonl] [--again] [--out build/bench-peers.jsonl]

Both sides get the same float weights and the same input, and prove the same N tokens. EZKL 23.0.5 comes from
PyPI into an environment of its own (build/peers/venv); its scales are those that its calibration chooses, its
SRS is made here and not timed, as ours is. Every stage of either side runs in a process of its own. Prints a
table, and one JSON line a case. A case that exceeds --limit seconds or --memory GiB in a stage is recorded as
such, and no larger one is tried.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts import BUILD
from scripts.bench.common import Failed, Lines, last_json, machine, rounded, run_apart, say
from zkllm.cli.text import size, table

EZKL = "ezkl==23.0.5"
REQUIRED = (EZKL, "onnx==1.23.2", "numpy==2.4.6")
STAGES = ("model", "settings", "srs", "setup", "witness", "prove", "verify")
WIDTHS = ("64x256", "128x512", "256x1024")
PEERS = BUILD / "peers"
DIFFERENCES = """what differs between the two:
  statement   both: fixed weights, g = GELU(y W + b) on N tokens. EZKL: y and g public, weights in the circuit
              (its verifying key). Ours: weights, y and g are committed tensors.
  arithmetic  EZKL: fixed point at the scale that its calibration chose, one field element a number, rescaled
              by lookups. Ours: exact 16-bit integers, {slots} weights packed into one field element.
  GELU        EZKL: a polynomial and a lookup of tanh. Ours: one lookup of GELU itself.
  argument    EZKL: Halo2 (PLONK, KZG), every multiplication in a row. Ours: sumchecks and LogUp-GKR inside of
              an outer PLONK with a Mercury opening (KZG); the outer proof is included, and dominates here.
  security    both BN254, KZG and Fiat-Shamir, about 100 bits; ours adds the inner argument's error terms
              (docs/security.md). A test SRS, whose secret is known, on both sides.
  verifying   EZKL: native code. Ours: pure Python."""


def environment() -> Path:
    """Python of the peer's environment, made on the first run."""
    python = PEERS / "venv" / "bin" / "python"
    if not python.exists():
        say(f"installing {EZKL} into {PEERS / 'venv'}")
        PEERS.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(PEERS / "venv")], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIRED], check=True)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(PEERS / "venv", ignore_errors=True)
            raise Failed(f"the peer's environment cannot be made ({error})") from None
    return python


def ours(width: int, inner: int, given: argparse.Namespace, tensors: Path) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "zkllm",
        "bench",
        "sub-block",
        "--block",
        "fc1-gelu",
        "--json",
        "--quiet",
    ]
    command += ["--width", str(width), "--inner", str(inner), "--rows", str(given.rows)]
    command += ["--heads", str(max(1, width // 64)), "--runs", str(given.runs), "--export", str(tensors)]
    (result,) = json.loads(run_apart(command, seconds=given.limit))["results"]
    return dict(result)


def theirs(width: int, inner: int, given: argparse.Namespace, tensors: Path) -> dict[str, Any]:
    """Wall clock, processor time and peak memory of each stage, and what the stages found; `failed` where a
    limit ended it."""
    python, folder = environment(), PEERS / f"{width}x{inner}-N{given.rows}"
    options = {"srs_folder": str(PEERS), "inner_cols": given.inner_cols, "scale": given.scale}
    found: dict[str, Any] = {"stages": {}}
    for stage in STAGES:
        say(f"EZKL {width}x{inner}: {stage}")
        command = [python, "-m", "scripts.bench.ezkl_stage", stage, folder, tensors]
        limit = None if stage == "srs" else given.limit
        try:
            text = run_apart([*command, json.dumps(options)], seconds=limit, memory=given.memory << 30)
        except Failed as error:
            found["failed"] = f"{stage}: {error}"
            break
        result = last_json(text)
        measured = {name: result.pop(name) for name in ("wall_s", "processor_s", "peak_rss_bytes")}
        found["stages"][stage] = measured
        found |= result
    if not given.keep:
        shutil.rmtree(folder, ignore_errors=True)  # proving keys take gigabytes
    return found


def case(text: str, given: argparse.Namespace) -> dict[str, Any]:
    width, inner = map(int, text.split("x"))
    line: dict[str, Any] = {"case": "peers", "widths": text, "N": given.rows, **machine()}
    say(f"zkLLM {text}, N = {given.rows}")
    PEERS.mkdir(parents=True, exist_ok=True)
    tensors = PEERS / f"{text}-N{given.rows}.npz"
    mine = ours(width, inner, given, tensors)
    mine.pop("stages")
    peer = theirs(width, inner, given, tensors)
    line |= {"parameters": mine["parameters"], "ours": mine, "ezkl": peer}
    if "failed" not in peer:
        prove = peer["stages"]["witness"]["wall_s"] + peer["stages"]["prove"]["wall_s"]
        line["ezkl"] |= {
            "prove_s": prove,
            "verify_s": peer["stages"]["verify"]["wall_s"],
            "peak_rss_bytes": peer["stages"]["prove"]["peak_rss_bytes"],
            "seconds_per_parameter": prove / mine["parameters"],
        }
        line["time_ratio"] = prove / mine["prove_s"]
        line["time_ratio_per_parameter"] = line["time_ratio"]  # the parameters are the same
        line["memory_ratio"] = peer["stages"]["prove"]["peak_rss_bytes"] / mine["peak_rss_bytes"]
        line["key_ratio"] = peer["proving_key_bytes"] / (mine["proving_key_bytes"] + mine["weights_bytes"])
    return dict(rounded(line))


def report(lines: Iterable[dict[str, Any]]) -> list[str]:
    rows: list[list[object]] = []
    for line in lines:
        for name in ("ours", "ezkl"):
            r = line[name]
            if "failed" in r:
                rows.append([line["widths"], line["N"], name, r["failed"], *["-"] * 7])
                continue
            key = r["proving_key_bytes"] + r.get("weights_bytes", 0)
            rows.append(
                [
                    line["widths"],
                    line["N"],
                    name,
                    f"{r['prove_s']:.2f} s",
                    f"{1e6 * r['seconds_per_parameter']:.2f} us",
                    size(r["peak_rss_bytes"]),
                    size(key),
                    size(r["proof_bytes"]),
                    f"{r['verify_s']:.3f} s",
                    f"{r['max_error']:.1e}",
                    f"{line['time_ratio']:.1f}x" if name == "ezkl" else "",
                ]
            )
    head = ("widths", "N", "prover", "prove", "a parameter", "memory", "key", "proof", "verify", "max error")
    return table((*head, "time over ours"), rows)


def against_xl(lines: list[dict[str, Any]], path: Path) -> dict[str, Any] | None:
    """EZKL's best time per parameter over ours at XL."""
    done = [line for line in lines if "failed" not in line["ezkl"]]
    large = [line for line in Lines(path, ()) if line.get("model") == "gpt2-xl" and "prove_s" in line]
    if not done or not large:
        return None
    best = min(done, key=lambda line: float(line["ezkl"]["seconds_per_parameter"]))
    fast = min(large, key=lambda line: float(line["prove_s"]))
    per_parameter = fast["prove_s"] / fast["parameters"]
    return {
        "case": "peers against gpt2-xl",
        "ezkl_widths": best["widths"],
        "ezkl_seconds_per_parameter": best["ezkl"]["seconds_per_parameter"],
        "xl_N": fast["N"],
        "xl_mu": fast["mu"],
        "xl_seconds_per_parameter": per_parameter,
        "ratio": best["ezkl"]["seconds_per_parameter"] / per_parameter,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--widths", nargs="+", default=WIDTHS, metavar="DxF", help=f"default {' '.join(WIDTHS)}"
    )
    parser.add_argument("--rows", type=int, default=1, help="tokens N on both sides (default 1)")
    parser.add_argument(
        "--runs", type=int, default=3, help="our proofs a case; the median counts (default 3)"
    )
    parser.add_argument("--limit", type=float, default=900, help="seconds a stage may take (default 900)")
    parser.add_argument("--memory", type=int, default=20, help="GiB that the peer may take (default 20)")
    parser.add_argument("--inner-cols", type=int, help="EZKL's num_inner_cols (default: its own)")
    parser.add_argument("--scale", type=int, help="EZKL's scale (default: its calibration's choice)")
    parser.add_argument("--xl", type=Path, default=BUILD / "bench-xl.jsonl", help="lines of make bench-xl")
    parser.add_argument("--out", type=Path, default=BUILD / "bench-peers.jsonl")
    parser.add_argument("--again", action="store_true", help="run cases that have a line already")
    parser.add_argument("--keep", action="store_true", help="keep the peer's keys")
    given = parser.parse_args()
    kept = Lines(given.out, ("widths", "N"))
    lines: list[dict[str, Any]] = []
    try:
        for text in given.widths:
            line = kept.find({"widths": text, "N": given.rows})
            if line is None or given.again:
                line = case(text, given)
                kept.put(line)
            lines.append(line)
            if "failed" in line["ezkl"]:
                say(f"EZKL did not finish {text} ({line['ezkl']['failed']}); no larger case is tried")
                break
    except Failed as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    slots = lines[-1]["ours"]["slots"]
    print("\n".join([*report(lines), "", DIFFERENCES.format(slots=slots), ""]))
    for line in lines:
        print(json.dumps(line))
    compared = against_xl(lines, given.xl)
    if compared is not None:
        print(json.dumps(rounded(compared)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
