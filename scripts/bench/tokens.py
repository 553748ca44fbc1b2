"""What a certified token costs: seconds and gas of answers of 1, 8, 32 and 48 tokens, each settled once.

    python -m scripts.bench.tokens [--certified 1 8 32 48] [--mu 24] [--model gpt2-xl] [--runs 3]

As scripts.bench.xl in all else. Rows are the fewest of 16, 64, 256 that hold the answer. Prints a line of
JSON a case, and then the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from scripts.bench.cases import KEYS, Case, arguments, run_cases
from scripts.bench.common import Lines
from zkllm.cli.text import table

ROWS = (16, 64, 256)


def rows_for(certified: int) -> int:
    """Of one causal pass that certifies as many tokens: k <= N."""
    return next((rows for rows in ROWS if certified <= rows), certified)


def cases_of(given: argparse.Namespace) -> list[Case]:
    return [Case(given.model, rows_for(k), k, mu=given.mu) for k in given.certified]


def report(cases: Sequence[Case], kept: Lines) -> list[str]:
    rows = []
    for case in cases:
        if (line := kept.find(case.key)) is None:
            continue
        seconds, gas = line["prove_s"], line["tx_gas"]
        rows.append((case.k, case.N, seconds, round(seconds / case.k, 3), gas, round(gas / case.k)))
    head = ("certified tokens", "N", "proof, s", "s a token", "settlement, gas", "gas a token")
    return table(head, rows)


def main() -> int:
    parser = arguments(__doc__, "bench-tokens.jsonl")
    parser.add_argument("--model", default="gpt2-xl", help="a shape, or a Hugging Face folder")
    parser.add_argument("--certified", type=int, nargs="+", default=[1, 8, 32, 48], metavar="K")
    parser.add_argument("--mu", type=int, help="log2 of a column (default: the set-up's choice)")
    given = parser.parse_args()
    cases = cases_of(given)
    code = run_cases(cases, given)
    print("", *report(cases, Lines(given.out, KEYS)), sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
