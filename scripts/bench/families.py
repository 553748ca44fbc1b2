"""Llama-type models on this machine, published and of published shapes: set up, prove, verify, settle.

    python -m scripts.bench.families [--models smollm2 qwen llama-3.2-1b llama-3.1-8b] [--runs 1] [--write]

smollm2 and qwen are published weights (scripts.models.published); the others are synthetic checkpoints in
bfloat16 of exactly the published shapes (scripts.models.synthetic_llama). Those that no target is set for
(qwen3-0.6b, qwen2.5-1.5b, gemma-2-2b, phi-3-mini) run where they are named. As scripts.bench.xl in all else:
each phase in a process of its own, a line of JSON a case, and a case whose line exists is skipped. Prints a
table; --write puts that of the lines that are there between the marks in docs/benchmarks.md. The largest
takes 40 GB of disk.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.bench.cases import KEYS, Case, arguments, run_cases
from scripts.bench.common import Lines
from scripts.bench.report import PAGE, gigabytes, seconds, table

BEGIN, END = "<!-- families: begin -->", "<!-- families: end -->"
CHAT = (("system", "You are a poet."), ("user", "Tell me of the sea."))


@dataclass(frozen=True)
class Target:
    """A case, and what its proof is to take at most: seconds and GiB besides mapped files, must and aim; None
    where nobody has said."""

    name: str
    case: Case
    must: tuple[float, float] | None = None
    aim: tuple[float, float] | None = None


TARGETS = (
    Target("SmolLM2-135M-Instruct", Case("smollm2", 32), (12, 2), (7, 1.5)),
    Target("SmolLM2-135M-Instruct, at its fastest size", Case("smollm2", 32, mu=22), (12, 2), (7, 1.5)),
    Target("the same, a chat", Case("smollm2", 64, 32, mu=22, messages=CHAT), (32, 3), (16, 2)),
    Target("Qwen2.5-Coder-1.5B-Instruct", Case("qwen", 16), (22, 4), (15, 3)),
    Target("the same, a chat", Case("qwen", 64, 32, messages=CHAT), (51, 6), (32, 4)),
    Target("Llama-3.2-1B's shape", Case("llama-3.2-1b", 16), (18, 4), (13, 3)),
    Target("Llama-3.1-8B's shape", Case("llama-3.1-8b", 16), (90, 16), (55, 8)),
    Target("Qwen3-0.6B's shape", Case("qwen3-0.6b", 16)),
    Target("Qwen2.5-1.5B's shape", Case("qwen2.5-1.5b", 16)),
    Target("Gemma-2-2B's shape", Case("gemma-2-2b", 16)),
    Target("Phi-3-mini's shape", Case("phi-3-mini", 16)),
)
MODELS = tuple(dict.fromkeys(target.case.model for target in TARGETS))
USUAL = tuple(dict.fromkeys(target.case.model for target in TARGETS if target.must))
"""What runs where no models are named."""


def report(kept: Lines) -> list[str]:
    """As markdown; in brackets the seconds of all processors together."""
    rows = []
    for target in TARGETS:
        line = kept.find(target.case.key)
        if line is not None:
            rows.append(_row(target, line))
    head = ("model", "parameters", "N, k, mu", "set up (processors); private peak", "prove: must; aim",
            "measured (processors)", "private peak: must; aim", "measured", "command", "verify", "proof",
            "gas")  # fmt: skip
    return table(head, rows)


def _row(target: Target, line: dict[str, Any]) -> list[str]:
    timed = lambda name: f"{seconds(line[f'{name}_s'])} ({seconds(line[f'{name}_cpu_s'])})"
    proof = timed("prove")
    if line["k"] > 1:
        proof += f"; {seconds(line['prove_s'] / line['k'])} a token"
    targets = [target.must, target.aim]
    both = lambda i, unit: "; ".join(f"{t[i]:g} {unit}" for t in targets if t is not None) or "none"
    return [
        target.name,
        f"{line['parameters'] / 1e6:,.0f} M",
        f"{line['N']}, {line['k']}, {line['mu']}",
        f"{timed('setup')}; {gigabytes(line['setup_peak_private_bytes'])}",
        both(0, "s"),
        proof,
        both(1, "GiB"),
        gigabytes(line["peak_private_bytes"]),
        seconds(line["command_s"]),
        seconds(line["verify_s"]),
        f"{line['proof_bytes']:,} B",
        f"{line['tx_gas']:,}",
    ]


def write(text: Sequence[str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text("\n".join([before + BEGIN, "", *text, END + after]), encoding="utf-8")


def main() -> int:
    parser = arguments(__doc__, "bench-families.jsonl")
    parser.add_argument("--models", nargs="+", default=USUAL, choices=MODELS, metavar="MODEL")
    parser.add_argument(
        "--write", action="store_true", help="run nothing: put the lines' table into docs/benchmarks.md"
    )
    given = parser.parse_args()
    given.skip_torch = True  # the float models of the larger ones do not fit beside
    cases = [target.case for target in TARGETS if target.case.model in given.models]
    code = 0 if given.write else run_cases(cases, given)
    text = report(Lines(given.out, KEYS))
    print("", *text, sep="\n")
    if given.write and not given.out.exists():
        print(f"families: no {given.out}; the page's table would be lost", file=sys.stderr)
        return 1
    if given.write:
        write(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
