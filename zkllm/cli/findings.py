"""Prints what an examination found: a line each, with its cure; exit code 1 if something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.cli.console import Console
from zkllm.files import JsonObject
from zkllm.findings import Finding

MARKS = {"ok": "ok  ", "warning": "note", "wrong": "WRONG"}


def report(findings: Sequence[Finding], console: Console) -> int:
    healthy = all(f.level != "wrong" for f in findings)
    data: JsonObject = {"ok": healthy, "findings": [vars(f) for f in findings]}
    lines = [
        f"{MARKS[f.level]:<5} {f.about:<12} {f.text}" + (f"; cure: {f.cure}" if f.cure else "")
        for f in findings
    ]
    lines.append("everything that was examined is in order" if healthy else "something is wrong: see above")
    console.result(data, lines)
    return 0 if healthy else 1
