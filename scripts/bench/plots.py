"""Draws what benchmark lines show, as SVG.

    python -m scripts.bench.plots build/bench-xl.jsonl build/bench-scaling.jsonl build/bench-peers.jsonl \\
        --out docs/plots

Takes the JSON lines of xl.py, scaling.py and peers.py, in any mixture; a plot is drawn
where there are lines for it: time by stage against N, layers and parameters; memory against N and layers;
time per parameter of EZKL and of zkLLM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.bench.common import Lines
from scripts.bench.figures import lines, stacked

Line = dict[str, Any]
GROUPS = {
    "trace, witness": ("keys", "trace", "witness"),
    "commit witness": ("commit witness",),
    "lookups": ("lookups",),
    "relations": ("statement", "zero-check", "product sums", "linear claims"),
    "reduction": ("reduction",),
    "combine columns": ("combine columns",),
    "open the columns": ("fold h", "open q, g", "open S, D"),
    "outer circuit": ("circuit", "wires", "quotients", "evaluate", "opening W", "opening W'"),
}
"""Stages that are drawn as one."""


def grouped(line: Line) -> dict[str, float]:
    """Seconds by group; what no stage covers is `rest`."""
    stages: dict[str, float] = line["stages"]
    found = {group: sum(stages.get(name, 0.0) for name in names) for group, names in GROUPS.items()}
    found["rest"] = max(0.0, line["prove_s"] - sum(found.values()))
    return found


def varied(found: Iterable[Line], by: str, **fixed: Any) -> dict[float, Line]:
    """One line for each value of `by`, on the machine's best backend."""
    kept = [x for x in found if "stages" in x and all(x.get(k) == v for k, v in fixed.items())]
    return {x[by]: x for x in sorted(kept, key=lambda x: x[by]) if x.get("backend_asked") is None}


def draw(found: list[Line]) -> dict[str, str]:
    """File names and pictures."""
    proofs = [x for x in found if "prove_s" in x and "stages" in x and "model" in x]
    peers = [x for x in found if x.get("case") == "peers" and "failed" not in x["ezkl"]]
    pictures: dict[str, str] = {}
    if proofs:
        mu = min(x["mu"] for x in proofs)
        wide = max(proofs, key=lambda x: x["parameters"])["model"]
        deep = max(x["layers"] for x in proofs if x["model"] == wide)
        by_rows = varied(proofs, "N", model=wide, mu=mu, layers=deep, k=1)
        by_layers = varied(proofs, "layers", model=wide, mu=mu, N=16, k=1)
        sizes = [x for x in proofs if x["N"] == 16 and x["layers"] == max_layers(proofs, x["model"])]
        by_size = varied(sizes, "parameters", mu=mu, k=1)
        for name, axis, lines_ in (("rows", "rows N", by_rows), ("layers", "layers", by_layers)):
            if len(lines_) > 1:
                title = f"{wide}: proving time by stage"
                bars = {x: grouped(line) for x, line in lines_.items()}
                pictures[f"time-by-{name}.svg"] = stacked(title, axis, "seconds", bars)
                series = {
                    label: [(x, get(line)) for x, line in lines_.items()] for label, get in MEMORY.items()
                }
                pictures[f"memory-by-{name}.svg"] = lines(f"{wide}: resident memory", axis, "GiB", series)
        if len(by_size) > 1:
            series = {
                label: [(x, line[key]) for x, line in by_size.items() if line.get(key)]
                for label, key in (("set up", "setup_s"), ("prove", "prove_s"), ("float32", "torch_s"))
            }
            kept = {name: points for name, points in series.items() if points}
            pictures["time-by-parameters.svg"] = lines(
                "GPT-2's sizes, N = 16", "parameters", "seconds", kept, log=True
            )
    if peers:
        series = {
            "EZKL": [(x["parameters"], 1e6 * x["ezkl"]["seconds_per_parameter"]) for x in peers],
            "zkLLM, same part": [(x["parameters"], 1e6 * x["ours"]["seconds_per_parameter"]) for x in peers],
        }
        if proofs:
            series["zkLLM, whole models"] = [
                (x["parameters"], 1e6 * x["prove_s"] / x["parameters"])
                for x in proofs
                if x["N"] == 16 and x.get("backend_asked") is None
            ]
        title = "proving time per parameter"
        pictures["peers.svg"] = lines(title, "parameters", "microseconds", series, log=True)
    return pictures


def max_layers(proofs: Iterable[Line], model: str) -> int:
    return max(x["layers"] for x in proofs if x["model"] == model)


MEMORY: dict[str, Callable[[Line], float]] = {
    "peak, proving": lambda x: x["peak_rss_bytes"] / 2**30,
    "peak, set-up": lambda x: (x.get("setup_peak_rss_bytes") or 0) / 2**30,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="JSONL")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "plots", help="default docs/plots")
    given = parser.parse_args()
    pictures = draw([line for path in given.files for line in Lines(path, ())])
    given.out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (given.out / name).write_text(picture, encoding="utf-8")
        print(given.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
