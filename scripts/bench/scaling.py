"""How cost grows: with layers at GPT-2 XL's width, with the rows N, and over GPT-2's four sizes.

    python -m scripts.bench.scaling [--layers 6 12 24 48] [--rows 8 16 32 64] [--models gpt2 gpt2-medium ..]

Cases are those of xl.py (which see), at the set-up's own mu unless --mu is given. Prints one JSON line
a case; a case whose line exists is skipped. Takes some hours.
"""

from __future__ import annotations

import sys

from scripts.bench.cases import LAYERS, Case, arguments, run_cases


def main() -> int:
    parser = arguments(__doc__, "bench-scaling.jsonl")
    parser.add_argument("--wide", default="gpt2-xl", help="the shape whose layers and rows vary")
    parser.add_argument("--layers", type=int, nargs="*", default=[6, 12, 24, 48])
    parser.add_argument("--rows", type=int, nargs="*", default=[8, 16, 32, 64], metavar="N")
    parser.add_argument("--models", nargs="*", default=list(LAYERS), choices=list(LAYERS))
    parser.add_argument("--mu", type=int, default=24, help="log2 of a column (default 24)")
    given = parser.parse_args()
    full = LAYERS[given.wide]
    cases = [Case(model, 16, mu=given.mu) for model in given.models if model != given.wide]
    cases += [Case(given.wide, 16, layers=n, mu=given.mu) for n in given.layers if n != full]
    cases += [Case(given.wide, n, mu=given.mu) for n in sorted({*given.rows, 16})]
    return run_cases(cases, given)


if __name__ == "__main__":
    sys.exit(main())
