"""One proof cut over workers of this machine: seconds, bytes sent, memory of each worker, by their number.

    python -m scripts.bench.shards --model DIR --shards 1 2

Workers of one machine share its cores, so that seconds say what cutting costs, not what it gains.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from zkllm.files import JsonObject

MIB = 1 << 20


def prove(model: Path, tokens: str, rows: int | None, shards: int | None, out: Path) -> JsonObject:
    """What `zkllm prove --json` says, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "zkllm",
        "prove",
        str(model),
        "--tokens",
        tokens,
        "--out",
        str(out),
        "--json",
    ]
    command += ["--max-tokens", str(rows)] if rows is not None else []
    command += ["--shards", str(shards)] if shards is not None else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"zkllm prove --shards {shards}: {done.stderr.strip().splitlines()[-1]}")
    data: JsonObject = json.loads(done.stdout)
    return data


def line(count: int | None, data: JsonObject) -> str:
    seconds = sum(data["timings"].values())
    if count is None:
        return f"| one process | {seconds:.1f} | | | | |"
    shards = data["shards"]
    way = lambda name: sum(sum(stage[name].values()) for stage in shards["bytes"].values()) / MIB
    calls = sum(stage["calls"] for stage in shards["bytes"].values())
    peak, estimate = max(shards["peak_memory_bytes"]) / MIB, shards["estimated_memory_bytes"] / MIB
    return (
        f"| {count} | {seconds:.1f} | {way('sent'):.1f} | {way('received'):.1f} | {calls} | "
        f"{peak:,.0f} of {estimate:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a package with its keys")
    parser.add_argument("--tokens", default="1,2,3", help="the prompt's ids (default: 1,2,3)")
    parser.add_argument("--rows", type=int, help="positions of the shape (default: the package's)")
    parser.add_argument(
        "--shards", type=int, nargs="+", default=[1, 2], help="numbers of workers (default: 1 2)"
    )
    arguments = parser.parse_args()
    print("| workers | s | MiB sent | MiB received | commands | MiB of a worker, of its estimate |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for count in (None, *arguments.shards):
            out = Path(folder) / f"{count}.zkllm"
            print(
                line(count, prove(arguments.model, arguments.tokens, arguments.rows, count, out)), flush=True
            )


if __name__ == "__main__":
    main()
