"""What a longer context costs: seconds, memory, gas and columns of GPT-2 and SmolLM2 at N = 16 to 1,024.

    python -m scripts.bench.context [--models gpt2 smollm2] [--rows 16 64 256 1024] [--runs 1] [--write]

As scripts.bench.xl in all else, but that every N has a package of its own, with the columns that set-up
chooses for it. `gpt2` is the synthetic checkpoint of that shape, `smollm2` the published weights
(scripts.models.published). Prints a line of JSON a case, and then the table; with --write the table goes into
docs/benchmarks.md and the plots into docs/plots. N = 1,024 wants some 20 GiB of memory and an SRS of 2^26.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.bench.cases import KEYS, Case, arguments, run_cases
from scripts.bench.common import Lines
from scripts.bench.figures import lines, stacked
from scripts.bench.plots import grouped
from scripts.bench.report import gigabytes, seconds, table

BEGIN, END = "<!-- context: begin -->", "<!-- context: end -->"
PAGE = ROOT / "docs" / "benchmarks.md"
Line = dict[str, Any]


class ContextCase(Case):
    """A package for each number of rows."""

    @property
    def package(self) -> str:
        return f"{super().package}-N{self.N}"


def cases_of(models: Iterable[str], rows: Iterable[int], k: int) -> list[Case]:
    return [ContextCase(model, n, min(k, n)) for model in models for n in rows]


def report(found: list[Line]) -> list[str]:
    """A table, and how a row's cost grows."""
    head = (
        "model",
        "N",
        "tokens",
        "prove",
        "processor",
        "s a row",
        "private memory",
        "estimate over that",
        "circuit",
        "columns",
        "proof",
        "settlement, gas",
        "load",
    )
    found = sorted(found, key=lambda x: (x["parameters"], x["k"], x["N"]))
    rows = [
        (
            x["model"],
            f"{x['N']:,}",
            f"{x['k']:,}",
            seconds(x["prove_s"]),
            seconds(x["prove_cpu_s"]),
            f"{x['prove_s'] / x['N']:.3f}",
            gigabytes(x["peak_private_bytes"]),
            f"{x['estimated_private_bytes'] / x['peak_private_bytes']:.2f}",
            f"{x['rows']:,} rows",
            f"{x['columns'][0]} + {x['columns'][1]} of 2^{x['witness_mu']}",
            f"{x['proof_bytes']:,} B",
            f"{x['tx_gas']:,}",
            f"{x['load']:.2f}",
        )
        for x in found
    ]
    about = [
        f"`{x['machine']}`, {x['cores']} cores; backend `{x['backend']}`; SRS: {x['srs']}." for x in found
    ]
    return [*dict.fromkeys(about), "", *table(head, rows), *growth(found), ""]


def growth(found: list[Line]) -> list[str]:
    """What a row takes at each N, over what it takes at the one before: 1 is linear."""
    said = []
    for case in dict.fromkeys((x["model"], x["k"]) for x in found):
        own = [x for x in found if (x["model"], x["k"]) == case]
        ratios = [
            f"{b['prove_s'] / b['N'] / (a['prove_s'] / a['N']):.2f} from N = {a['N']:,} to {b['N']:,}"
            for a, b in pairwise(own)
        ]
        if ratios:
            said.append(f"* {case[0]}: seconds a row, over those before: {'; '.join(ratios)}.")
    return said


DRAWN: dict[str, tuple[str, Callable[[Line], float]]] = {
    "time": ("seconds", lambda x: x["prove_s"]),
    "memory": ("GiB", lambda x: x["peak_private_bytes"] / 2**30),
    "gas": ("gas of a settlement", lambda x: x["tx_gas"]),
    "columns": ("witness columns", lambda x: x["columns"][1]),
}


def draw(found: list[Line]) -> dict[str, str]:
    """File names and pictures: each figure by N, and where the time goes."""
    models = {x["model"]: [y for y in found if y["model"] == x["model"] and y["k"] == x["k"]] for x in found}
    pictures = {}
    for name, (unit, get) in DRAWN.items():
        series = {model: [(x["N"], get(x)) for x in own] for model, own in models.items()}
        log = name in ("time", "memory")
        pictures[f"context-{name}.svg"] = lines(f"{name} by rows", "rows N", unit, series, log=log)
    for model, own in models.items():
        bars = {
            x["N"]: {k: v / x["N"] for k, v in grouped(x).items()} for x in sorted(own, key=lambda x: x["N"])
        }
        title = f"{model}: proving time of a row, by stage"
        short = model.lower().split("-")[0]
        pictures[f"context-stages-{short}.svg"] = stacked(title, "rows N", "seconds a row", bars)
    return pictures


def write(found: list[Line], plots: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    text = "\n".join(report(found))
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    plots.mkdir(parents=True, exist_ok=True)
    for name, picture in draw(found).items():
        (plots / name).write_text(picture, encoding="utf-8")


def main() -> int:
    parser = arguments(__doc__, "bench-context.jsonl")
    parser.set_defaults(runs=1, skip_torch=True, skip_command=True)
    parser.add_argument("--models", nargs="+", default=["gpt2", "smollm2"], metavar="MODEL")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 64, 256, 1024], metavar="N")
    parser.add_argument("--certified", type=int, default=1, metavar="K", help="certified tokens (default 1)")
    parser.add_argument("--write", action="store_true", help="put table and plots into docs/")
    given = parser.parse_args()
    code = run_cases(cases_of(given.models, given.rows, given.certified), given)
    found = [x for x in Lines(given.out, KEYS) if "prove_s" in x]
    print("", *report(found), sep="\n")
    if given.write and found:
        write(found, ROOT / "docs" / "plots")
    return code


if __name__ == "__main__":
    sys.exit(main())
