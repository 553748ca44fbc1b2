"""What the cache holds: packages made on first use, development SRS, transformed SRS, float32 weights of GGUF
files, compiled contracts. `list` shows each entry, its size, the days since it was used, and what makes it
again; `prune` removes what was not used for some time.

Nothing goes that cannot be made again (its source is gone or has changed, a rescued proof), that a running
process has open, or that an entry which stays is made from. What tells one's own keys stays too."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.errors import PathError

if TYPE_CHECKING:
    from zkllm.cache_entries import Entry

INTERRUPTED = "what was removed is removed, the rest is whole"
SUMMARY = "list what the cache holds, remove what can be made again"
EXAMPLES = """
{program}
{program} --json
{program} prune --dry-run
{program} prune --older-than 7
{program} prune --all --yes
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("list", "prune"), default="list", help="(default: list)"
    )
    group = parser.add_argument_group("prune")
    age = group.add_mutually_exclusive_group()
    age.add_argument(
        "--older-than",
        dest="days",
        type=types.index,
        metavar="DAYS",
        help="what was not used for so many days (default: 30)",
    )
    age.add_argument("--all", action="store_true", help="whenever it was used")
    group.add_argument("--dry-run", action="store_true", help="say what would be removed, remove nothing")
    group.add_argument("--yes", action="store_true", help="do not ask (required where nobody can be asked)")


def misuse(arguments: argparse.Namespace) -> str | None:
    given = arguments.days is not None or arguments.all or arguments.dry_run or arguments.yes
    return "these options are for prune" if given and arguments.action != "prune" else None


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cache_entries import entries

    return _prune(arguments, console) if arguments.action == "prune" else _list(entries(), console)


def _list(found: Sequence[Entry], console: Console) -> int:
    from zkllm.cache import cache_directory
    from zkllm.cli.text import size

    now, total = time.time(), sum(e.bytes for e in found)
    data = {
        "ok": True,
        "folder": str(cache_directory()),
        "bytes": total,
        "entries": [e.to_dict(now) for e in found],
    }
    lines = [f"{cache_directory()} ($ZKLLM_CACHE): {size(total)}", *_rows(found, now)]
    console.result(data, lines)
    return 0


def _rows(found: Sequence[Entry], now: float) -> list[str]:
    from zkllm.cli.text import size, table

    if not found:
        return []
    rows = [
        (e.name, e.kind, size(e.bytes), f"{e.days(now):.0f} days", e.kept or f"by {e.again}") for e in found
    ]
    return ["", *table(("entry", "kind", "size", "unused for", "made again, or why it is kept"), rows)]


def _prune(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cache_entries import OLD_DAYS, entries, remove, to_remove
    from zkllm.cli.text import size

    days = 0 if arguments.all else OLD_DAYS if arguments.days is None else arguments.days
    now, found = time.time(), entries()
    chosen = to_remove(found, days, now)
    total = sum(e.bytes for e in chosen)
    what = f"{len(chosen)} of {len(found)} entries, {size(total)}"
    removing = bool(chosen) and not arguments.dry_run
    if removing and not arguments.yes:
        removing = _ask(_rows(chosen, now), f"remove {what}? [y/N] ")
    if removing:
        for number, entry in enumerate(chosen):
            console.progress("remove", number, len(chosen))
            remove(entry)
        console.progress("remove", len(chosen), len(chosen))
    data = {
        "ok": True,
        "removed": removing,
        "bytes": total,
        "entries": [e.to_dict(now) for e in chosen],
        "kept": [e.to_dict(now) for e in found if e not in chosen],
    }
    verb = "removed" if removing else "nothing removed; it would be" if chosen else "nothing to remove:"
    console.result(data, [f"{verb} {what}", *_rows(chosen, now)])
    return 0


def _ask(lines: Sequence[str], question: str) -> bool:
    """The question goes where progress goes: stdout is the result's."""
    if not sys.stdin.isatty():
        raise PathError("nobody can be asked here: give --yes to remove, or --dry-run to look at it")
    print(*lines, sep="\n", file=sys.stderr)
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
