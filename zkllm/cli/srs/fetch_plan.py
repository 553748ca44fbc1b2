"""Says which bytes of a ceremony's file are needed."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.srs import options

SUMMARY = "say which bytes of a ceremony's file are needed"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_size(parser, required=True)
    parser.add_argument(
        "--power", type=options.power, metavar="P", help="the file's power (default: the smallest)"
    )
    parser.add_argument("--url", metavar="URL", help="where the file is (default: the public ceremony's)")
    parser.add_argument(
        "--out",
        type=paths.FileName,
        default=paths.FileName("ceremony.ptau"),
        metavar="FILE",
        help="the sparse file that the commands fill (default: ceremony.ptau)",
    )
    parser.add_argument("--script", action="store_true", help="print the commands alone, for sh")


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import size, table
    from zkllm.pcs.fetch_plan import ceremony_url, fetch_plan
    from zkllm.pcs.ptau import SECTION_NAMES

    plan = fetch_plan(options.powers(arguments) or 2, arguments.power)
    url = arguments.url or ceremony_url(plan.power)
    commands = plan.commands(url, arguments.out)
    data = {
        "ok": True,
        "url": url,
        "power": plan.power,
        "powers": plan.num_powers,
        "file_bytes": plan.file_size,
        "fetched_bytes": plan.fetched,
        "sections": {
            i: {"name": SECTION_NAMES[i], "bytes": n, "needed": i <= 3} for i, n in plan.sections.items()
        },
        "ranges": [{"start": r.start, "stop": r.stop, "what": r.what} for r in plan.ranges],
        "commands": commands,
    }
    if arguments.script:
        console.result(data, commands)
        return
    wanted = {1: "all", 2: f"the first {plan.num_powers:,} points", 3: "the generator and tau^(2^i)"}
    sections = [
        (f"{i} {SECTION_NAMES[i]}", size(n), wanted.get(i, "nothing")) for i, n in plan.sections.items()
    ]
    ranges = [(r.what, str(r.start), str(r.stop - 1), size(r.size)) for r in plan.ranges]
    console.result(
        data,
        [
            f"{url}: power {plan.power}, {size(plan.file_size)} and the record of contributions",
            f"to fetch: {size(plan.fetched)}",
            "",
            *table(("section", "size", "needed"), sections),
            "",
            *table(("range", "first byte", "last byte", "size"), ranges),
            "",
            "--script prints the commands that fetch them; then",
            f"  zkllm srs import {arguments.out} --partial --powers {plan.num_powers} --out ceremony.srs",
        ],
    )
