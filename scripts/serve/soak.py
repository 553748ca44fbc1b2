"""Many jobs through one node, asked by several clients at once: how much memory each of its processes has in
between, and what a job takes.

    python -m scripts.serve.soak [--jobs N] [--model DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.serve.running import RunningNode
from testkit.checkpoints import write_checkpoint
from zkllm import api

WORK = ROOT / "build" / "serve-soak"
RESULT = ROOT / "build" / "serve-soak.json"
CLIENTS = 4
SAMPLES = 20
SMALL = {"layers": 1, "heads": 2, "width": 16, "vocab_size": 270, "n_ctx": 8}
WARM = 0.1
"""Of the jobs: before them caches fill."""
MIB = 1 << 20
MOST_GROWTH = 16 * MIB
"""Bytes that a process may have more in the end: far less than a leak of a kilobyte a job and process would
be noise, but more than allocators' ups and downs."""


def resident(pid: int) -> int:
    """Bytes that are no pages of mapped files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


def processes(pid: int) -> dict[str, int]:
    """The node's, by what they do: they are started in this order."""
    children = [
        int(entry)
        for entry in os.listdir("/proc")
        if entry.isdigit() and f"\nPPid:\t{pid}\n" in _status(int(entry))
    ]
    return dict(zip(("node", "prover", "answerer"), [pid, *sorted(children)], strict=True))


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def ask(node: RunningNode, model: str, number: int) -> None:
    """One question, as often as it takes until the node has room."""
    body = {"model": model, "prompt": [number % 256, number // 256 % 256, 65], "temperature": 0}
    data = json.dumps(body).encode()
    while True:
        request = urllib.request.Request(
            node.url + "/v1/completions", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                response.read()
                return
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise
            time.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--model", help="a package (default: one of a layer, width 16)")
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    package = (
        api.open_package(arguments.model)
        if arguments.model
        else api.setup(write_checkpoint(WORK / "checkpoint", **SMALL), WORK / "small", rows=4)
    )
    options = ["--model", str(package.folder), "--data", str(WORK / "node"), "--port", "0"]
    with RunningNode(options, WORK / "log", {"PYTHONPATH": str(ROOT)}) as node:
        result = soak(node, package.folder.name, arguments.jobs)
    print(f"{result['jobs']} jobs in {result['seconds']:.0f} s, {result['seconds_a_job']:.2f} s each")
    for name, (begin, end) in result["resident"].items():
        print(
            f"{name:9} {begin / MIB:6.1f} MiB after {WARM:.0%} of the jobs, {end / MIB:6.1f} MiB in the end"
        )
    grown = {name: end - begin for name, (begin, end) in result["resident"].items()}
    if worst := [name for name, more in grown.items() if more > MOST_GROWTH]:
        print(f"the memory of {worst[0]} has grown", file=sys.stderr)
        return 1
    return 0


def soak(node: RunningNode, model: str, jobs: int) -> dict[str, Any]:
    """Resident memory of each process, after the first jobs and after all; the node refuses or loses none."""
    found = processes(node.process.pid)
    numbers = iter(range(jobs))
    lock = threading.Lock()
    start = time.monotonic()

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            ask(node, model, number)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    series: dict[str, list[int]] = {name: [] for name in found}
    marks = [int(jobs * (WARM + (1 - WARM) * i / SAMPLES)) for i in range(SAMPLES + 1)]
    for mark in marks:
        while finished(node) < mark:
            time.sleep(0.2)
        for name, pid in found.items():
            series[name].append(resident(pid))
        seconds = time.monotonic() - start
        result = {
            "jobs": mark,
            "seconds": seconds,
            "seconds_a_job": seconds / mark,
            "resident": {name: (values[0], values[-1]) for name, values in series.items()},
            "series": series,
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")  # a run that is ended has said so much
    for thread in threads:
        thread.join()
    return result


def finished(node: RunningNode) -> int:
    """Proofs that are made. SystemExit where one has failed."""
    with urllib.request.urlopen(node.url + "/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    counts = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("zkllm_jobs{")}
    if failed := counts['zkllm_jobs{state="failed"}']:
        raise SystemExit(f"{failed:.0f} jobs have failed: see {node.log}")
    return int(counts['zkllm_jobs{state="proved"}'])


if __name__ == "__main__":
    sys.exit(main())
