"""GPT-2 XL on this machine: set up, prove, verify, settle on a local chain, and float inference beside.

    python -m scripts.bench.xl [--rows 16 32 64] [--mu 24 25] [--backend scalar] [--runs 3] [--model gpt2-xl]

Every phase runs in a process of its own; proving three times, of which the median counts. The checkpoint is
synthetic and made where it is absent (--model takes a Hugging Face folder). The first mu is measured at every
N; the others, and the other backends, at the first N alone. Prints one JSON line a case; a case whose line
exists is skipped. Takes about an hour and 20 GB of disk.
"""

from __future__ import annotations

import sys

from scripts.bench.cases import Case, arguments, run_cases


def main() -> int:
    parser = arguments(__doc__, "bench-xl.jsonl")
    parser.add_argument("--model", default="gpt2-xl", help="a shape, or a Hugging Face folder")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 32, 64], metavar="N")
    parser.add_argument("--mu", type=int, nargs="+", default=[24, 25], help="log2 of a column")
    parser.add_argument("--certified", type=int, default=1, metavar="K", help="certified tokens (default 1)")
    parser.add_argument(
        "--backend", nargs="*", default=["scalar"], help="further backends at the first N (default: scalar)"
    )
    given = parser.parse_args()
    first, *others = given.mu
    cases = [Case(given.model, n, given.certified, mu=first) for n in given.rows]
    cases += [Case(given.model, given.rows[0], given.certified, mu=first, backend=b) for b in given.backend]
    cases += [Case(given.model, given.rows[0], given.certified, mu=mu) for mu in others]
    return run_cases(cases, given)


if __name__ == "__main__":
    sys.exit(main())
