"""Puts the faults of mutants.toml into copies of the contracts and runs the checks that have to find them.

Run by `make audit-mutants`.

    build/audit/venv/bin/python -m scripts.audit.mutants                          all of them
    build/audit/venv/bin/python -m scripts.audit.mutants --file RequestEscrow     those of one source

Exit codes: 0 each fault is found by the named checks; 1 not so, with a line for each that is missed;
2 a fault does not fit the sources, or a tool could not be run."""

from __future__ import annotations

import argparse
import shutil
import sys
import tomllib
from pathlib import Path

from scripts import ROOT
from scripts.audit.run import BUILD, SOLVER, ToolError, run

MUTANT = ROOT / BUILD / "mutant"
COPIED = ("contracts/src", "contracts/symbolic", "contracts/generated/single", "contracts/test/utils")


def prepare(file: str, old: str, new: str) -> None:
    """A project with one fault. Raises ToolError unless `old` is in the file once."""
    shutil.rmtree(MUTANT, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(ROOT / folder, MUTANT / folder)
    for name in ("foundry.toml", "verifier_gen/solc.js"):
        (MUTANT / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, MUTANT / name)
    (MUTANT / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    path = MUTANT / file
    source = path.read_text()
    if source.count(old) != 1:
        raise ToolError(f"{file} has {source.count(old)} times what a fault replaces: {old.strip()}")
    path.write_text(source.replace(old, new))


def failed(contract: str, functions: list[str]) -> set[str]:
    """Those of the checks that do not pass. A fault may lead halmos where it cannot go on (the pairing): that
    fails the check as a counterexample does."""
    report = MUTANT / "halmos.json"
    command = [
        "halmos",
        "--root",
        str(MUTANT),
        "--forge-build-out",
        str(BUILD / "out"),
        "--solver-command",
        SOLVER,
    ]
    command += ["--contract", contract, "--match-test", f"^({'|'.join(functions)})\\("]
    command += ["--no-status", "--json-output", str(report)]
    results = run(command, report, report.with_suffix(".log"))["test_results"]
    assert isinstance(results, dict)
    return {
        f"{contract}.{r['name'].split('(')[0]}"
        for place in results.values()
        for r in place
        if r["exitcode"] != 0
    }


def missed(mutant: dict[str, object]) -> list[str]:
    """The checks that should find a fault, and do not."""
    checks = mutant["found_by"]
    assert isinstance(checks, list) and checks
    prepare(str(mutant["file"]), str(mutant["old"]), str(mutant["new"]))
    found: set[str] = set()
    for contract in sorted({check.split(".")[0] for check in checks}):
        found |= failed(contract, [c.split(".")[1] for c in checks if c.startswith(f"{contract}.")])
    return [check for check in checks if check not in found]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--file", default="", metavar="NAME", help="only faults in files whose path has NAME in it"
    )
    arguments = parser.parse_args()
    mutants = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())["mutant"]
    mutants = [m for m in mutants if arguments.file in m["file"]]
    status = 0
    for i, mutant in enumerate(mutants, start=1):
        what = f"{mutant['file']}: {' '.join(mutant['old'].split())}"
        print(f"audit: fault {i} of {len(mutants)}: {what}", file=sys.stderr, flush=True)
        try:
            for check in missed(mutant):
                print(f"missed: {check}: {what}")
                status = 1
        except ToolError as error:
            print(f"audit: {error}", file=sys.stderr)
            return 2
    print(f"audit: {len(mutants)} faults, {'some missed' if status else 'each found'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
