"""What `make audit` makes of the reports of slither and halmos."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import ROOT
from scripts.audit import findings, run
from scripts.audit.findings import ExplanationError, Finding

TOML = """
[[slither]]
check = "timestamp"
where = ["Escrow.reclaim(bytes32) @ block.timestamp <= deadline", "Vault.*"]
why = "Deadlines are times."
"""
CONTRACT = {"type": "contract", "name": "Escrow"}
FUNCTION = {
    "type": "function",
    "name": "reclaim",
    "source_mapping": {"filename_relative": "contracts/src/Escrow.sol", "lines": [38, 39]},
    "type_specific_fields": {"parent": CONTRACT, "signature": "reclaim(bytes32)"},
}


def result(check: str, *elements: dict[str, Any]) -> dict[str, Any]:
    return {"check": check, "elements": elements, "description": "what it says"}


def node(expression: str) -> dict[str, Any]:
    return {"type": "node", "name": expression}


def report(*results: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "error": None, "results": {"detectors": list(results)}}


@pytest.fixture
def explanations(tmp_path: Path) -> list[findings.Explanation]:
    path = tmp_path / "audit.toml"
    path.write_text(TOML)
    return findings.read_explanations(path)


EXPLAINED = result("timestamp", FUNCTION, node("block.timestamp <= deadline"))
IN_VAULT = Finding("slither", "timestamp", "Vault.open() @ block.timestamp > DEADLINE")


def test_explained_findings(explanations) -> None:
    found = findings.slither_findings(report(EXPLAINED))
    assert [f.where for f in found] == ["Escrow.reclaim(bytes32) @ block.timestamp <= deadline"]
    assert found[0].place == "contracts/src/Escrow.sol:38"
    assert findings.compare([*found, IN_VAULT], explanations) == ([], [])


@pytest.mark.parametrize(
    "new",
    [
        result("timestamp", FUNCTION, node("block.timestamp < deadline")),
        result("timestamp", FUNCTION, node("block.timestamp <= deadline"), node("now > 0")),
        result("reentrancy-eth", FUNCTION, node("block.timestamp <= deadline")),
    ],
    ids=["another expression", "one more expression", "another check"],
)
def test_new_findings_are_unexplained(explanations, new) -> None:
    found = findings.slither_findings(report(EXPLAINED, new))
    unexplained, stale = findings.compare([*found, IN_VAULT], explanations)
    assert len(unexplained) == 1 and unexplained[0].check == new["check"]
    assert not stale


def test_explanations_of_nothing_are_stale(explanations) -> None:
    found = findings.slither_findings(report(EXPLAINED))
    unexplained, stale = findings.compare(found, explanations)
    assert not unexplained and [e.where for e in stale] == ["Vault.*"]


def test_variables_are_named_by_their_function() -> None:
    local = FUNCTION | {
        "type": "variable",
        "name": "used",
        "type_specific_fields": {"parent": FUNCTION},
    }
    assert findings.slither_findings(report(result("uninitialized-local", local)))[0].where == (
        "Escrow.reclaim(bytes32).used"
    )


def test_slither_that_failed_is_no_clean_report() -> None:
    with pytest.raises(ValueError, match="no solc"):
        findings.slither_findings({"success": False, "error": "no solc", "results": {}})


@pytest.mark.parametrize(
    "text",
    [
        "[[mythril]]\n",
        '[[slither]]\ncheck = "x"\nwhere = ["y"]\nwhy = " "\n',
        "[[slither]]\nwhere = []\n",
        "x",
    ],
)
def test_malformed_explanations(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.toml"
    path.write_text(text)
    with pytest.raises(ExplanationError):
        findings.read_explanations(path)


def test_the_explanations_of_the_contracts_can_be_read() -> None:
    assert findings.read_explanations(run.EXPLANATIONS)


def checks(*results: tuple[str, int, int]) -> dict[str, Any]:
    tests = [
        {"name": f"{n}(uint256)", "exitcode": code, "num_bounded_loops": cut} for n, code, cut in results
    ]
    return {"test_results": {"contracts/symbolic/Escrow.t.sol:EscrowCheck": tests}}


@pytest.mark.parametrize(
    ("code", "cut", "expected"),
    [
        (0, 0, None),
        (1, 0, "counterexample"),
        (2, 0, "timeout"),
        (3, 0, "stuck"),
        (4, 0, "vacuous"),
        (127, 0, "error"),
        (0, 2, "loop-bound"),
    ],
)
def test_symbolic_checks_that_prove_nothing(code: int, cut: int, expected: str | None) -> None:
    found = findings.halmos_findings(checks(("check_a", code, cut)), ["EscrowCheck.check_a"])
    assert [(f.check, f.where) for f in found] == ([(expected, "EscrowCheck.check_a")] if expected else [])


def test_symbolic_checks_that_did_not_run() -> None:
    found = findings.halmos_findings(
        checks(("check_a", 0, 0)), ["EscrowCheck.check_a", "EscrowCheck.check_b"]
    )
    assert [str(f) for f in found] == ["halmos: not-run: EscrowCheck.check_b"]


def test_every_symbolic_check_finds_a_fault_that_fits_the_sources() -> None:
    known = set(findings.symbolic_checks(ROOT / run.SYMBOLIC))
    faults = tomllib.loads((ROOT / "scripts/audit/mutants.toml").read_text())["mutant"]
    for fault in faults:
        assert (ROOT / fault["file"]).read_text().count(fault["old"]) == 1, fault["old"]
        assert fault["found_by"]
    found_by = {check for fault in faults for check in fault["found_by"]}
    tests = {check for check in found_by if check.split(".")[1].startswith("test_")}
    assert found_by - tests == known
    assert tests <= set(forge_tests())


def forge_tests() -> Iterator[str]:
    for path in (ROOT / "contracts/test").glob("*.t.sol"):
        contract = ""
        for declared in re.finditer(
            r"^contract (\w+)|^    function (test_\w+)", path.read_text(), re.MULTILINE
        ):
            contract = declared[1] or contract
            if declared[2]:
                yield f"{contract}.{declared[2]}"


@pytest.fixture
def fake(monkeypatch, explanations, capsys):
    """Runs the program with these findings in place of slither's."""

    def go(*found: Finding, arguments: tuple[str, ...] = ("slither",)) -> tuple[int, str]:
        monkeypatch.setattr(run, "slither", lambda progress: list(found))
        monkeypatch.setattr(run, "read_explanations", lambda path: explanations)
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        return run.main(), capsys.readouterr().out

    return go


def test_exit_code_and_a_line_for_each(fake) -> None:
    explained = findings.slither_findings(report(EXPLAINED))
    assert fake(*explained, IN_VAULT)[0] == 0
    code, printed = fake(*explained, Finding("slither", "tx-origin", "Vault.open()", "contracts/src/V.sol:3"))
    assert code == 1
    assert printed.splitlines()[:2] == [
        "new: slither: tx-origin: Vault.open() (contracts/src/V.sol:3)",
        "stale: slither: timestamp: Vault.*",
    ]
    code, printed = fake(*explained, arguments=("slither", "--json"))
    assert code == 1 and [e["where"] for e in json.loads(printed)["stale"]] == ["Vault.*"]


def test_a_missing_tool_is_an_error(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["run", "slither"])
    monkeypatch.setattr(run, "SLITHER_TARGETS", {"nothing": "."})
    monkeypatch.setattr(run.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run.main() == 2
    assert "make audit installs it" in capsys.readouterr().err
