"""The error terms that docs/security.md gives are those that the command prints."""

from __future__ import annotations

from pathlib import Path

from scripts.soundness_report import XL, terms_of
from zkllm.measure.soundness import CEREMONY_POWERS, OuterSizes, outer_terms, work_terms

ROOT = Path(__file__).resolve().parents[1]


def test_the_documented_terms_are_those_of_the_report() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| ")]
    documented = {row[1]: row for row in rows if len(row) == 7 and row[4] in ("statistical", "work")}
    _, _, terms = terms_of(XL, 16, 1)
    assert set(documented) == {t.name for t in terms}
    for term in terms:
        _, name, bits, _, kind, source, _ = documented[term.name]
        assert (name, bits, kind, source) == (term.name, f"{term.bits:.1f}", term.kind, term.source)


def test_degrees_are_what_a_ceremony_allows() -> None:
    """Not what proving needs: a prover may use every power that was published."""
    small, large = OuterSizes(12, 5, 10, 2), OuterSizes(12, 5, 20, 2)
    assert small.powers == large.powers == CEREMONY_POWERS == 2**29 - 1
    bits = {t.name: t.bits for t in [*outer_terms(small), *work_terms(small)]}
    # z' and four wires: D / 3 + 4 D / 4; r has 253.6 bits
    assert 253.6 - 29 - 0.5 < bits["evaluation y"] < 253.6 - 29 - 0.4
    assert 224 < bits["Mercury alpha"] < 225 and 112 < bits["tau"] < 113
