"""What a certified token costs, in cents: from measured seconds and gas, at prices that anyone can change.

    python -m scripts.cost --seconds 12.5 --cores 2 --gas 499189 [--tokens 1]
                           [--core-hour 5] [--gwei 1] [--ether 3000] [--json]

Seconds are wall clock on that many cores, all of which are paid for; gas is the whole transaction's. Several
cases: --seconds, --gas and --tokens take as many values. Proving alone: --gas 0. Prices are yours to state:
the defaults are round numbers, not those of any market. What is not counted: set-up, disk, memory beyond what
comes with a core, an L2's fee for data, whoever is paid for the answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import NoReturn, TypeVar

from zkllm.cli.text import table
from zkllm.errors import ZkllmError

SECONDS_PER_HOUR = 3600
GWEI_PER_ETHER = 10**9
CENTS_PER_DOLLAR = 100
LARGEST = 10**12  # of any number given: what comes out is finite

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Prices:
    """`core_hour`: cents for one core for an hour. `gwei`: for a unit of gas. `ether`: dollars for one."""

    core_hour: float
    gwei: float
    ether: float


@dataclass(frozen=True)
class Work:
    """One proof and its settlement: seconds of wall clock on `cores`, gas, certified tokens."""

    seconds: float
    cores: float
    gas: int
    tokens: int


@dataclass(frozen=True)
class Cost:
    """Cents: of the proof, of its settlement, of both, and of both over the certified tokens."""

    proof: float
    settlement: float
    total: float
    token: float


def cost(work: Work, prices: Prices) -> Cost:
    proof = work.seconds * work.cores / SECONDS_PER_HOUR * prices.core_hour
    settlement = work.gas * prices.gwei / GWEI_PER_ETHER * prices.ether * CENTS_PER_DOLLAR
    total = proof + settlement
    return Cost(proof, settlement, total, total / work.tokens)


def works(seconds: Sequence[float], cores: float, gas: Sequence[int], tokens: Sequence[int]) -> list[Work]:
    """One for each value; an option with one value holds for all. ZkllmError where the counts differ."""
    counts = {"--seconds": len(seconds), "--gas": len(gas), "--tokens": len(tokens)}
    cases = max(counts.values())
    for name, count in counts.items():
        if count not in (1, cases):
            raise ZkllmError(f"{name} has {count} values, another option {cases}: give 1 or {cases} of each")
    return [
        Work(s, cores, g, t)
        for s, g, t, _ in zip(cycle(seconds), cycle(gas), cycle(tokens), range(cases), strict=False)
    ]


def amount(text: str) -> float:
    """A number from 0 to LARGEST."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    return _bounded(value, text)


def whole(text: str) -> int:
    """A whole number from 0 to LARGEST; 499,189 and 499_189 are read too."""
    try:
        value = int(text.replace(",", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    return _bounded(value, text)


def positive(parse: Callable[[str], N]) -> Callable[[str], N]:
    def parsed(text: str) -> N:
        value = parse(text)
        if value == 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return parsed


def _bounded(value: N, text: str) -> N:
    """Neither NaN nor an infinity is."""
    if not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {LARGEST:,}")
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage, which --help has."""
        print(f"cost: {message}", file=sys.stderr)
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="python -m scripts.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seconds", type=amount, nargs="+", required=True, help="of a proof, wall clock")
    made.add_argument("--cores", type=positive(amount), default=2, help="that are paid for (default: 2)")
    made.add_argument("--gas", type=whole, nargs="+", required=True, help="of a settlement, all of it")
    made.add_argument("--tokens", type=positive(whole), nargs="+", default=[1], help="certified (default: 1)")
    made.add_argument("--core-hour", type=amount, default=5, help="cents a core-hour (default: 5)")
    made.add_argument("--gwei", type=amount, default=1, help="gwei a unit of gas (default: 1)")
    made.add_argument("--ether", type=amount, default=3000, help="dollars an ether (default: 3000)")
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return made


def _without_exponent(value: float) -> float:
    """`table` writes four digits of a float."""
    return value if value < 1000 else round(value)


def report(cases: Sequence[Work], prices: Prices) -> list[str]:
    head = ("seconds", "cores", "gas", "tokens", "proof, ct", "settlement, ct", "together, ct", "a token, ct")
    rows = []
    for work in cases:
        found = cost(work, prices)
        parts = (found.proof, found.settlement, found.total, found.token)
        rows.append((work.seconds, work.cores, work.gas, work.tokens, *map(_without_exponent, parts)))
    said = f"{prices.core_hour:g} ct a core-hour, {prices.gwei:g} gwei, {prices.ether:,.10g} dollars an ether"
    return [f"Prices: {said}.", "", *table(head, rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    prices = Prices(given.core_hour, given.gwei, given.ether)
    try:
        cases = works(given.seconds, given.cores, given.gas, given.tokens)
    except ZkllmError as error:
        print(f"cost: {error}", file=sys.stderr)
        return 2
    if given.json:
        lines = [asdict(work) | {"cents": asdict(cost(work, prices))} for work in cases]
        print(json.dumps({"prices": asdict(prices), "cases": lines}, indent=2))
    else:
        print("\n".join(report(cases, prices)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
