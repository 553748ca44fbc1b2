"""The sizes of outer circuits, put between the marks in README.md and docs/protocol.md.

python -m scripts.generate.circuit_sizes

They follow from configurations alone: the demo model's as the quantiser chooses it, and GPT-2 XL's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts import ROOT
from scripts.bench.costs import DEMO, LAYERS, ROWS, circuit_rows
from scripts.soundness_report import XL
from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.measure.inspection import run_on_wires
from zkllm.measure.soundness import OuterSizes, report
from zkllm.model.build import BuildOptions, build_package, sized
from zkllm.model.package import ModelPackage
from zkllm.protocol.circuit import build_circuit

BEGIN, END = "<!-- circuit sizes: begin -->", "<!-- circuit sizes: end -->"
PAGES = (ROOT / "README.md", ROOT / "docs" / "protocol.md")


def demo_config() -> ProgramConfig:
    with tempfile.TemporaryDirectory() as folder:
        build_package(DEMO, Path(folder) / "demo", BuildOptions(rows=ROWS))
        config = ModelPackage.load(Path(folder) / "demo").config
        assert isinstance(config, ProgramConfig)
        return config


def large(rows: int, mu: int) -> tuple[str, ...]:
    protocol = describe(sized(XL, rows, mu), rows, 1)
    circuit = build_circuit(protocol)
    sizes = OuterSizes(circuit.log2_size, protocol.num_columns, mu, protocol.shape.num_words)
    least = min(report(run_on_wires(protocol), sizes), key=lambda term: term.bits)
    columns = f"{protocol.fixed.num_columns} + {protocol.witness.num_columns}"
    return f"GPT-2 XL, mu = {mu}", str(rows), "48", f"{circuit.num_rows:,}", columns, f"{least.bits:.0f}"


def table() -> str:
    demo = circuit_rows(demo_config())
    rows = [
        ("outer circuit, one certified token", "N", "layers", "rows", "fixed + witness columns", "bits"),
        ("---",) * 6,
        (
            "demo model",
            str(ROWS),
            ", ".join(map(str, LAYERS)),
            "; ".join(f"{d['rows']:,}" for d in demo),
            "",
            "",
        ),
        *(large(rows, mu) for rows, mu in ((16, 24), (16, 25), (64, 24))),
    ]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in rows)


def between(page: Path) -> str:
    """What a page says."""
    return page.read_text(encoding="utf-8").split(f"{BEGIN}\n\n")[1].split(f"\n{END}")[0]


def main() -> None:
    text = table()
    for page in PAGES:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
