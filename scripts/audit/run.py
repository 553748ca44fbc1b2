"""Runs slither and halmos on the contracts and compares what they find with contracts/audit.toml.

Run by `make audit`, which makes the environment of the two tools.

    build/audit/venv/bin/python -m scripts.audit.run                     both
    build/audit/venv/bin/python -m scripts.audit.run slither --json      one, the findings as JSON
    build/audit/venv/bin/python -m scripts.audit.run halmos --only EscrowCheck

Exit codes: 0 every finding is explained and every explanation is of a finding; 1 not so, with a line for
each; 2 a tool could not be run."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts import ROOT
from scripts.audit.findings import (
    Explanation,
    ExplanationError,
    Finding,
    compare,
    halmos_findings,
    read_explanations,
    slither_findings,
    symbolic_checks,
)

BUILD = Path("build/audit")
EXPLANATIONS = ROOT / "contracts/audit.toml"
SLITHER_TARGETS = {"sources": ".", "verifier": "contracts/generated/single/ZkLLMVerifier.sol"}
"""contracts/src as a whole, and the generated verifier of the smaller fixture."""
SYMBOLIC = "contracts/symbolic"
SOLVER = "yices-smt2 --smt2-model-format --bvconst-in-decimal"
"""The Yices that halmos brings; its own choice would be downloaded."""


class ToolError(Exception):
    """A tool could not be run."""


def forge_folder() -> Path:
    """Where npm's platform package has its `forge`: the wrapper in node_modules/.bin drops the exit code."""
    found = list((ROOT / "node_modules/@foundry-rs").glob("forge-*/bin"))
    if len(found) != 1:
        raise ToolError(
            f"node_modules has {len(found)} platform packages of forge, not one; run make develop"
        )
    return found[0]


def run(command: list[str], report: Path, log: Path) -> dict[str, object]:
    """The JSON report that a command writes. Raises ToolError where there is none."""
    bins = [str(Path(sys.executable).parent), str(forge_folder()), os.environ.get("PATH", "")]
    environment = {**os.environ, "PATH": os.pathsep.join(bins), "FOUNDRY_PROFILE": "audit", "NO_COLOR": "1"}
    report.unlink(missing_ok=True)
    with log.open("w") as output:
        try:
            subprocess.run(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
            )
        except OSError as error:
            raise ToolError(f"{command[0]}: {error.strerror}; make audit installs it") from None
    if not report.is_file():
        last = (log.read_text().strip() or "no output").splitlines()[-1]
        raise ToolError(f"{command[0]} made no report: {last} (all of it: {log})")
    found: dict[str, object] = json.loads(report.read_text())
    return found


def slither(progress: bool) -> list[Finding]:
    findings = []
    for name, target in SLITHER_TARGETS.items():
        say(progress, f"slither: {name}")
        report = ROOT / BUILD / f"slither-{name}.json"
        command = ["slither", target, "--fail-none", "--json", str(report)]
        command += ["--foundry-out-directory", str(BUILD / "out")]
        try:
            findings += slither_findings(run(command, report, report.with_suffix(".log")))
        except ValueError as error:
            raise ToolError(f"slither: {error}") from None
    return findings


def halmos(progress: bool, only: str | None) -> list[Finding]:
    expected = [c for c in symbolic_checks(ROOT / SYMBOLIC) if only is None or c.startswith(f"{only}.")]
    if not expected:
        raise ToolError(f"no symbolic checks in {only or SYMBOLIC}")
    say(progress, f"halmos: {len(expected)} symbolic checks")
    report = ROOT / BUILD / "halmos.json"
    command = ["halmos", "--forge-build-out", str(BUILD / "out"), "--solver-command", SOLVER]
    command += ["--no-status", "--json-output", str(report)]
    if only is not None:
        command += ["--contract", only]
    return halmos_findings(run(command, report, report.with_suffix(".log")), expected)


def say(progress: bool, line: str) -> None:
    if progress:
        print(f"audit: {line}", file=sys.stderr, flush=True)


def show(findings: list[Finding], new: list[Finding], stale: list[Explanation], as_json: bool) -> None:
    if as_json:
        parts: dict[str, Sequence[Finding | Explanation]] = {"findings": findings, "new": new, "stale": stale}
        print(json.dumps({name: [asdict(item) for item in items] for name, items in parts.items()}, indent=2))
        return
    for finding in new:
        print(f"new: {finding}")
    for explanation in stale:
        print(f"stale: {explanation}")
    if new or stale:
        print(f"audit: {len(new)} unexplained, {len(stale)} stale; see docs/audit.md")
    else:
        print(f"audit: {len(findings)} findings, all explained in {EXPLANATIONS.relative_to(ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tool", nargs="?", choices=("slither", "halmos"), help="run this one alone")
    parser.add_argument("--only", metavar="CONTRACT", help="halmos: the checks of one contract")
    parser.add_argument("--json", action="store_true", help="print findings, new and stale ones as JSON")
    arguments = parser.parse_args()
    if arguments.only and arguments.tool != "halmos":
        parser.error("--only is for halmos alone")
    start = time.monotonic()
    findings: list[Finding] = []
    try:
        explanations = [e for e in read_explanations(EXPLANATIONS) if arguments.tool in (None, e.tool)]
        (ROOT / BUILD).mkdir(parents=True, exist_ok=True)
        if arguments.tool != "halmos":
            findings += slither(not arguments.json)
        if arguments.tool != "slither":
            findings += halmos(not arguments.json, arguments.only)
    except (ToolError, ExplanationError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    if arguments.only:
        explanations = [e for e in explanations if e.where.startswith(f"{arguments.only}.")]
    new, stale = compare(findings, explanations)
    show(findings, new, stale, arguments.json)
    say(not arguments.json, f"{time.monotonic() - start:.0f} s")
    return 1 if new or stale else 0


if __name__ == "__main__":
    sys.exit(main())
