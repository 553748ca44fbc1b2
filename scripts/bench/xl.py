"""GPT-2 XL on this machine: set up, prove, verify, settle on a local chain, and float inference beside.

    python -m scripts.bench.xl [--rows 16 32 64] [--mu 24 25] [--backend scalar] [--runs 3] [--model gpt2-xl]

Every phase runs in a process of its own; proving three times, of which the median counts, and as often the
whole command. The checkpoint is synthetic and made where it is absent (--model takes a Hugging Face folder).
The first mu is measured at every N; the others, and the other backends, at the first N alone, and there too
what blinding costs and four claims in one settlement. GPT-2 and the demo model follow. With --tables, the
first and the last N again with an opening table. Prints one JSON line a case; a case whose line exists is
skipped. Takes about half an hour and 20 GB of disk, the tables three quarters of an hour more.
"""

from __future__ import annotations

import argparse
import sys

from scripts import ROOT
from scripts.bench.cases import Case, arguments, run_cases

SMALL = (Case("gpt2", 16), Case("gpt2", 16, mu=22), Case(str(ROOT / "models" / "demo-gpt2"), 16))


def main() -> int:
    parser = arguments(__doc__, "bench-xl.jsonl")
    parser.add_argument("--model", default="gpt2-xl", help="a shape, or a Hugging Face folder")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 32, 64], metavar="N")
    parser.add_argument("--mu", type=int, nargs="+", default=[24, 25], help="log2 of a column")
    parser.add_argument("--certified", type=int, default=1, metavar="K", help="certified tokens (default 1)")
    parser.add_argument(
        "--backend", nargs="*", default=["scalar"], help="further backends at the first N (default: scalar)"
    )
    parser.add_argument("--tables", action="store_true", help="with opening tables too")
    given = parser.parse_args()
    return run_cases(cases_of(given), given)


def cases_of(given: argparse.Namespace) -> list[Case]:
    model, k, (first, *others), (fewest, *more) = given.model, given.certified, given.mu, given.rows
    cases = [Case(model, fewest, k, mu=first, extras=True)]
    cases += [Case(model, n, k, mu=first) for n in more]
    cases += [Case(model, fewest, k, mu=first, backend=b) for b in given.backend]
    cases += [Case(model, fewest, k, mu=mu) for mu in others]
    cases += SMALL
    if given.tables:
        cases += [Case(model, n, k, mu=first, table=True) for n in sorted({fewest, given.rows[-1]})]
    return cases


if __name__ == "__main__":
    sys.exit(main())
