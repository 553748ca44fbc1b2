"""How near prompts of other kinds than the calibration's come to a package's ranges: code, languages, tokens
over and over, special tokens, random ids (`scripts.models.prompts`).

    python -m scripts.models.headroom build/smollm2 [--prompts 1000] [--tokens 16]

Prints the nearest values; fails where a prompt leaves a range.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from scripts.models.prompts import prompts
from zkllm.errors import QuantizationRangeError
from zkllm.model.execution import trace
from zkllm.model.package import ModelPackage
from zkllm.model.ranges import RangeReport, RangeRow, format_rows


@dataclass
class Headroom:
    """`left`: (kind, what left which range) of each prompt that did."""

    rows: list[RangeRow]
    kinds: Counter[str] = field(default_factory=Counter)
    left: list[tuple[str, str]] = field(default_factory=list)


def measure(package: ModelPackage, count: int, tokens: int) -> Headroom:
    """Of prompts of up to `tokens` tokens, padded as a proof pads them, every width enforced."""
    c, report, found = package.config, RangeReport(package.config), Headroom([])
    for done, (kind, ids) in enumerate(prompts(package.tokenizer, c.vocab_size, count, tokens)):
        padded = [*ids, *[c.pad_id] * (tokens + 1 - len(ids))]
        found.kinds[kind] += 1
        one = RangeReport(c)
        try:
            traced = trace(package.weights, padded, tokens, tokens, check=False)
        except QuantizationRangeError as error:
            found.left.append((kind, str(error)))
            continue
        report.observe(traced)
        one.observe(traced)
        for row in one.rows():
            if row.seen >= row.bound:
                found.left.append((kind, f"{row.tensor} reaches {row.seen}, beyond {row.bound}"))
        if sys.stderr.isatty():
            print(f"\r{done + 1} of {count}", end="", file=sys.stderr)
    found.rows = report.rows()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=16, help="positions of each")
    given = parser.parse_args()
    found = measure(ModelPackage.load(given.package), given.prompts, given.tokens)
    print(", ".join(f"{count} of {kind}" for kind, count in found.kinds.items()))
    print(format_rows(found.rows))
    for kind, text in found.left:
        print(f"left its range ({kind}): {text}")
    return 1 if found.left else 0


if __name__ == "__main__":
    sys.exit(main())
