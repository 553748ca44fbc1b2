"""The tables of docs/mutants.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .mutation import Mutant
from .results import Explanation, Line

DOCUMENT = "docs/mutants.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
COLUMNS = ("killed", "hang", "explained", "unexplained", "no program")


def kind(line: Line, explained: Mapping[str, Explanation]) -> str:
    if line.status == "invalid":
        return "no program"
    if line.status == "killed":
        return "hang" if line.by in ("hang", "memory") else "killed"
    return "explained" if line.id in explained and explained[line.id].why else "unexplained"


def table(
    mutants: Mapping[str, Sequence[Mutant]], outcome: Mapping[str, Line], explained: Mapping[str, Explanation]
) -> str:
    """`mutants`: those of a run, by area."""
    kinds = {m.id: kind(outcome[m.id], explained) for own in mutants.values() for m in own}
    by_area = {name: Counter(kinds[m.id] for m in own) for name, own in mutants.items() if own}
    by_rule: dict[str, Counter[str]] = {}
    for own in mutants.values():
        for m in own:
            by_rule.setdefault(m.edit.rule, Counter())[kinds[m.id]] += 1
    parts = [_counts("area", by_area), _counts("rule", dict(sorted(by_rule.items())))]
    everything = {m.id: m for own in mutants.values() for m in own}
    lives = [m for m in everything.values() if kinds[m.id] in ("explained", "unexplained")]
    if lives:
        rows = [
            (
                f"`{m.file}:{m.line}` {_code(m)}",
                explained[m.id].why if m.id in explained else "**unexplained**",
            )
            for m in lives
        ]
        parts.append(_rows(("what lives", "why"), rows))
    added = [
        (f"`{m.file}:{m.line}` {_code(m)}", f"`{explained[m.id].killed_by}`")
        for m in everything.values()
        if m.id in explained and explained[m.id].killed_by
    ]
    if added:
        parts.append(_rows(("what lived", "the test that was added"), added))
    return "\n\n".join(parts)


def _counts(title: str, counts: Mapping[str, Counter[str]]) -> str:
    total = sum(counts.values(), Counter())
    rows = [
        (name, str(sum(c.values())), *(str(c[k]) for k in COLUMNS))
        for name, c in [*counts.items(), ("**all**", total)]
    ]
    return _rows((title, "mutants", *COLUMNS), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(mutant: Mutant) -> str:
    quote = lambda text: f"`{text}`".replace("|", "\\|") if text else "nothing"
    return f"{mutant.edit.rule}: {quote(mutant.before)} → {quote(mutant.after)}"


def write(root: Path, text: str) -> None:
    page = (root / DOCUMENT).read_text()
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    (root / DOCUMENT).write_text(f"{page[:start]}\n{text}\n{page[end:]}")
