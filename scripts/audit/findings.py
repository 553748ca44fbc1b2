"""Findings of slither and halmos, and their comparison with the explained ones in contracts/audit.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HALMOS_EXIT_CODES = {1: "counterexample", 2: "timeout", 3: "stuck", 4: "vacuous"}
"""halmos's exit code of a check; all others but 0 are "error". "vacuous": every path reverts."""


class ExplanationError(Exception):
    """contracts/audit.toml is malformed."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool found.

    tool: slither or halmos; check: slither's detector, or what became of halmos's check;
    where: the function or variable, then " @ " and the expressions that slither points at;
    place: file and line, which explanations do not depend on.
    """

    tool: str
    check: str
    where: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.tool}: {self.check}: {self.where}" + (f" ({self.place})" if self.place else "")


@dataclass(frozen=True)
class Explanation:
    """Why findings of one check stand. In `where`, * stands for any text."""

    tool: str
    check: str
    where: str
    why: str

    def explains(self, finding: Finding) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.where.split("*"))
        same = (self.tool, self.check) == (finding.tool, finding.check)
        return same and re.fullmatch(pattern, finding.where) is not None

    def __str__(self) -> str:
        return f"{self.tool}: {self.check}: {self.where}"


def read_explanations(path: Path) -> list[Explanation]:
    """One for each `where` of each [[slither]] and [[halmos]] of the file.

    Raises ExplanationError for anything else in it."""
    try:
        tables = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ExplanationError(f"{path}: {error}") from None
    explanations = []
    for tool, entries in tables.items():
        if tool not in ("slither", "halmos"):
            raise ExplanationError(f"{path}: [[{tool}]] is neither slither nor halmos")
        for entry in entries:
            if set(entry) != {"check", "where", "why"} or not entry["where"] or not entry["why"].strip():
                raise ExplanationError(f"{path}: an entry of {tool} has check, where and why: {entry}")
            explanations += [Explanation(tool, entry["check"], w, entry["why"]) for w in entry["where"]]
    return explanations


def _name(element: Mapping[str, Any]) -> str:
    """Contract.function(types) or Contract.function(types).variable."""
    fields = element.get("type_specific_fields", {})
    name = str(fields.get("signature", element["name"]))
    parent = fields.get("parent")
    return f"{_name(parent)}.{name}" if parent and parent["type"] in ("contract", "function") else name


def slither_findings(report: Mapping[str, Any]) -> list[Finding]:
    """Those of slither's JSON report. Raises ValueError where slither itself failed."""
    if not report.get("success"):
        raise ValueError(str(report.get("error") or "slither failed"))
    findings = []
    for result in report["results"].get("detectors", []):
        first, *rest = result["elements"]
        where = _name(first)
        nodes = [e["name"] for e in rest if e["type"] == "node" and e["name"]]
        # slither names the contract for all its constants; what it points at tells them apart
        if first["type"] == "function" and first["name"].startswith("slitherConstructor"):
            where, nodes = first["type_specific_fields"]["parent"]["name"], nodes or [result["description"]]
        mapping = first["source_mapping"]
        place = f"{mapping['filename_relative']}:{mapping['lines'][0]}"
        findings.append(Finding("slither", result["check"], " @ ".join([where, *sorted(nodes)]), place))
    return findings


def halmos_findings(report: Mapping[str, Any], expected: Iterable[str]) -> list[Finding]:
    """Those of halmos's JSON report: checks that did not pass, whose loops were cut off, or that did not run
    though their sources (`expected`: Contract.function) have them."""
    findings = []
    missing = set(expected)
    for place, results in report.get("test_results", {}).items():
        path, contract = place.rsplit(":", 1)
        for result in results:
            where = f"{contract}.{result['name'].split('(')[0]}"
            missing.discard(where)
            if result["exitcode"] != 0:
                check = HALMOS_EXIT_CODES.get(result["exitcode"], "error")
                findings.append(Finding("halmos", check, where, path))
            if result.get("num_bounded_loops"):
                findings.append(Finding("halmos", "loop-bound", where, path))
    return findings + [Finding("halmos", "not-run", where) for where in missing]


def symbolic_checks(folder: Path) -> list[str]:
    """Contract.function of every symbolic check below `folder`."""
    found = []
    for path in sorted(folder.rglob("*.t.sol")):
        contract = ""
        for declared in re.finditer(
            r"^contract (\w+)|^    function (check_\w+)", path.read_text(), re.MULTILINE
        ):
            contract = declared[1] or contract
            if declared[2]:
                found.append(f"{contract}.{declared[2]}")
    return found


def compare(
    findings: Iterable[Finding], explanations: Iterable[Explanation]
) -> tuple[list[Finding], list[Explanation]]:
    """(findings that nothing explains, explanations of nothing that was found), sorted."""
    findings, explanations = sorted(set(findings)), list(explanations)
    new = [f for f in findings if not any(e.explains(f) for e in explanations)]
    stale = [e for e in explanations if not any(e.explains(f) for f in findings)]
    return new, sorted(stale, key=str)
