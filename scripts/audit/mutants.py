"""Puts the faults of mutants.toml into copies of the contracts and runs the checks that have to find them:
halmos's (`check_..`), or, of what halmos cannot run, the forge tests (`test_..`).

Run by `make audit-mutants`.

    build/audit/venv/bin/python -m scripts.audit.mutants                          all of them
    build/audit/venv/bin/python -m scripts.audit.mutants --file RequestEscrow     those of one source

Exit codes: 0 each fault is found by the named checks; 1 not so, with a line for each that is missed;
2 a fault does not fit the sources, or a tool could not be run."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from scripts import ROOT
from scripts.audit.run import BUILD, SOLVER, ToolError, forge_folder, run

MUTANT = ROOT / BUILD / "mutant"
COPIED = ("contracts/src", "contracts/symbolic", "contracts/generated", "contracts/test")


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


def failed_tests(contract: str, functions: list[str]) -> set[str]:
    """Those of a contract's forge tests that do not pass."""
    for path in MUTANT.glob("contracts/test/*.t.sol"):  # compiling them all takes minutes
        if f"contract {contract} " not in path.read_text():
            path.unlink()
    command = [str(forge_folder() / "forge"), "test", "--json", "--root", str(MUTANT)]
    command += ["--out", str(ROOT / BUILD / "tests"), "--cache-path", str(ROOT / BUILD / "tests-cache")]
    command += ["--dynamic-test-linking"]  # else each fault has the verifiers compiled anew
    command += ["--match-contract", f"^{contract}$", "--match-test", f"^({'|'.join(functions)})\\("]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        suites = json.loads(output.stdout)
    except ValueError:
        raise ToolError(f"forge made no report: {(output.stderr or output.stdout).strip()[-300:]}") from None
    return {
        f"{contract}.{name.split('(')[0]}"
        for suite in suites.values()
        for name, result in suite["test_results"].items()
        if result["status"] != "Success"
    }


def missed(mutant: dict[str, object]) -> list[str]:
    """The checks that should find a fault, and do not."""
    checks = mutant["found_by"]
    assert isinstance(checks, list) and checks
    prepare(str(mutant["file"]), str(mutant["old"]), str(mutant["new"]))
    found: set[str] = set()
    for contract in sorted({check.split(".")[0] for check in checks}):
        functions = [c.split(".")[1] for c in checks if c.startswith(f"{contract}.")]
        tests = all(name.startswith("test_") for name in functions)
        found |= (failed_tests if tests else failed)(contract, functions)
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
