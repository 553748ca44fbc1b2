"""Structured reference strings: what a model is set up with (zkllm setup --srs FILE). A ceremony's .ptau file
of any power is imported once, checked, and kept in a smaller file of ours."""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zkllm.cli import paths
from zkllm.cli.arguments import log2_size
from zkllm.cli.console import Console
from zkllm.errors import PathError
from zkllm.files import MOST_TEXT, read_bytes, reading

INTERRUPTED = "nothing was written; give the same command again"
SUMMARY = "import, check, export or contribute to a structured reference string"
EXAMPLES = """
{program} fetch-plan --mu 22 --out ceremony.ptau --script > fetch.sh
{program} import ceremony.ptau --mu 22 --partial --out ceremony.srs
{program} info ceremony.srs
{program} check powersOfTau28_hez_final_20.ptau
{program} export development --power 12 --out development.ptau
{program} contribute before.ptau --out after.ptau --name Alice
"""
DEVELOPMENT = "development"
MAX_COUNT = 1 << 29
_Pairs = list[tuple[str, object]]


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (text, add, _) in ACTIONS.items():
        lines = [line for line in EXAMPLES.strip().splitlines() if line.startswith("{program} " + name)]
        child = actions.add_parser(
            name,
            help=text.split(":")[0],
            description=text[0].upper() + text[1:] + ".",
            epilog="examples:\n" + "\n".join(f"  {line.replace('{program}', parser.prog)}" for line in lines),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add(child)
        for option, what in (("--json", "print the result as JSON"), ("--quiet", "no progress bars")):
            child.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=what)


def run(arguments: argparse.Namespace, console: Console) -> int:
    ACTIONS[arguments.action][2](arguments, console)
    return 0


def _out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--out", type=paths.OrdinaryTarget, required=True, metavar="FILE", help=what)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or not 2 <= int(text) <= MAX_COUNT:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 2 to {MAX_COUNT}")
    return int(text)


def _power(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 2 or not 1 <= int(text) <= 28:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a power from 1 to 28")
    return int(text)


def _add_size(parser: argparse.ArgumentParser, required: bool) -> None:
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--mu", type=log2_size, metavar="MU", help="enough for columns of 2^MU coefficients")
    group.add_argument("--powers", type=_count, metavar="COUNT", help="so many powers of tau in G1")


def _powers(arguments: argparse.Namespace) -> int | None:
    from zkllm.pcs.fetch_plan import powers_for

    return powers_for(arguments.mu) if arguments.mu is not None else arguments.powers


def _stage(console: Console, name: str) -> Callable[[int, int], None]:
    return lambda done, total: console.progress(name, done, total)


def _kind(kind: str) -> str:
    return "development: anyone can forge, for tests only" if kind == DEVELOPMENT else kind


def _describe(kind: str, tau_g1: bytes, tau_g2: bytes, powers: int, g2: int, path: Path) -> dict[str, Any]:
    from zkllm.pcs.fetch_plan import served_mu
    from zkllm.pcs.srs import srs_digest

    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "srs_kind": kind,
        "srs_digest": srs_digest(kind, tau_g1, tau_g2),
        "tau_g1": tau_g1,
        "tau_g2": tau_g2,
        "powers": powers,
        "mu": served_mu(powers, g2),
    }


def _pairs(data: dict[str, Any]) -> _Pairs:
    from zkllm.cli.text import size

    return [
        ("file", f"{data['file']}, {size(data['bytes'])}"),
        ("SRS", _kind(data["srs_kind"])),
        ("digest", "0x" + data["srs_digest"].hex()),
        ("[tau]_2", "0x" + data["tau_g2"].hex()),
        ("powers", f"{data['powers']:,} in G1"),
        ("serves", "no mu" if data["mu"] is None else f"mu up to {data['mu']}"),
    ]


def _describe_srs(path: Path) -> dict[str, Any]:
    from zkllm.pcs.srs import Srs

    srs = Srs.load(path)
    return _describe(srs.kind, srs.points[1], srs.g2_power(0), srs.num_powers, len(srs.g2_raw), path)


# ---- import


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ptau", type=paths.SourceFile, metavar="PTAU", help="a .ptau file of any power")
    _out(parser, "the SRS, for zkllm setup --srs")
    _add_size(parser, required=False)
    parser.add_argument(
        "--partial", action="store_true", help="PTAU holds only the ranges of zkllm srs fetch-plan"
    )


def _import(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.ptau import import_ptau, require

    wanted = _powers(arguments)
    srs = import_ptau(arguments.ptau, wanted, _stage(console, "check powers"), arguments.partial)
    require(srs, arguments.ptau, wanted or 2)
    srs.save(arguments.out, _stage(console, "write SRS"))
    data = _describe_srs(arguments.out)
    console.result(
        {"ok": True, **data},
        pairs([*_pairs(data), ("checked", "all powers that were kept; zkllm srs check reads the record")]),
    )


# ---- export


class _ExportSource(paths.SourceFile):
    """The same, or the word for the development SRS."""

    def check(self) -> None:
        if str(self) != DEVELOPMENT:
            super().check()


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=_ExportSource,
        metavar="SOURCE",
        help="development, a development SRS, or a .ptau file",
    )
    _out(parser, "the .ptau file")
    parser.add_argument("--power", type=_power, metavar="P", help="2^(P+1) - 1 powers (default: SOURCE's)")


def _export(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.errors import SrsError
    from zkllm.pcs.fetch_plan import smallest_power
    from zkllm.pcs.ptau import is_ptau, open_ptau
    from zkllm.pcs.ptau_write import truncate_ptau, write_development_ptau
    from zkllm.pcs.srs import Srs

    source, power = arguments.source, arguments.power
    if str(source) == DEVELOPMENT:
        if power is None:
            raise SrsError("give the power of the development SRS: --power P")
        write_development_ptau(arguments.out, power, console.progress)
    elif is_ptau(source):
        if power is None:
            with open_ptau(source) as file:
                power = file.power
        truncate_ptau(source, arguments.out, power, console.progress)
    else:
        srs = Srs.load(source)
        if srs.kind != DEVELOPMENT:
            raise SrsError(
                f"{source} keeps only what proving needs: a .ptau file also has alpha, beta, all powers in "
                "G2 and the record of contributions; export the .ptau file that it came from"
            )
        write_development_ptau(arguments.out, power or smallest_power(srs.num_powers), console.progress)
    data = _describe_ptau(arguments.out)
    console.result({"ok": True, **data}, pairs(_ptau_pairs(data)))


# ---- check and info


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=paths.SourceFile, metavar="FILE", help="an SRS or a whole .ptau file")


def _check(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.powers import check_srs
    from zkllm.pcs.ptau import is_ptau, open_ptau
    from zkllm.pcs.ptau_check import check_ptau
    from zkllm.pcs.srs import Srs

    path = arguments.path
    if is_ptau(path):
        with open_ptau(path) as file:
            report = check_ptau(file, console.progress)
        data = _describe_ptau(path) | {"transcript_hash": report.transcript_hash}
        checked = f"{report.num_points:,} points, the record of {len(report.contributions)} contributions"
        checked += (
            " and its hash of the powers" if report.transcript_hash else "; not its hash, as the file was cut"
        )
        rows = _ptau_pairs(data)
    else:
        check_srs(Srs.load(path), _stage(console, "check SRS"))
        data = _describe_srs(path)
        checked, rows = "all powers", _pairs(data)
    console.result({"ok": True, **data}, pairs([*rows, ("checked", checked)]))


def _describe_ptau(path: Path) -> dict[str, Any]:
    from zkllm.pcs.contributions import BEACON
    from zkllm.pcs.powers import checkable_g2_powers, kind_of
    from zkllm.pcs.ptau import TAU_G1, TAU_G2, num_points, open_ptau
    from zkllm.pcs.ptau_check import read_contributions

    with open_ptau(path) as file:
        tau_g1, tau_g2 = file.g1(TAU_G1, 1, 1)[0], file.g2(TAU_G2, 1, 1)[0]
        powers = num_points(TAU_G1, file.power)
        g2 = min(file.power, checkable_g2_powers(powers))
        return {
            **_describe(kind_of(tau_g1), tau_g1, tau_g2, powers, g2, path),
            "power": file.power,
            "ceremony_power": file.ceremony_power,
            "sections": {i: size for i, (_, size) in file.sections.items()},
            "contributions": [
                {"name": c.text, "beacon": c.kind == BEACON, "response": c.response}
                for c in read_contributions(file)
            ],
        }


def _ptau_pairs(data: dict[str, Any]) -> _Pairs:
    from zkllm.cli.text import quote, size
    from zkllm.pcs.ptau import SECTION_NAMES

    cut = f", cut from a ceremony of {data['ceremony_power']}"
    rows = _pairs(data)
    rows.append(
        ("power", f"{data['power']}{cut if data['power'] != data['ceremony_power'] else ''}"),
    )
    rows += [
        (f"section {i}", f"{SECTION_NAMES.get(i, 'unknown')}, {size(n)}") for i, n in data["sections"].items()
    ]
    for i, c in enumerate(data["contributions"], 1):
        kind = "beacon" if c["beacon"] else "contribution"
        rows.append((f"{kind} {i}", f"{quote(c['name'])}, response {c['response'].hex()[:32]}.."))
    return rows


def _info(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.ptau import is_ptau

    if is_ptau(arguments.path):
        data = _describe_ptau(arguments.path)
        rows = _ptau_pairs(data)
    else:
        data = _describe_srs(arguments.path)
        rows = _pairs(data)
    console.result({"ok": True, **data}, pairs(rows))


# ---- contribute


def _add_contribute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=paths.SourceFile, metavar="FILE", help="a whole .ptau file, or an SRS of ours"
    )
    _out(parser, "the new file")
    parser.add_argument("--name", default="", help="who contributes: public, in the record of a .ptau file")
    parser.add_argument(
        "--entropy",
        type=paths.SourceOrStdin,
        metavar="TEXT",
        help="a file to add to the system's entropy, - for stdin",
    )


def _contribute(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.errors import SrsError
    from zkllm.pcs.ptau import is_ptau
    from zkllm.pcs.ptau_write import contribute, contribute_srs

    # a crash must not write the secrets to a file
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    entropy = b""
    if arguments.entropy is not None:
        with reading(arguments.entropy, "entropy", PathError):
            stdin = str(arguments.entropy) == "-"
            entropy = sys.stdin.buffer.read() if stdin else read_bytes(arguments.entropy, MOST_TEXT)
    if arguments.name and not is_ptau(arguments.source):
        raise SrsError("--name is for the record of a .ptau file, which an SRS of ours does not keep")
    if is_ptau(arguments.source):
        made = contribute(arguments.source, arguments.out, arguments.name, entropy, console.progress)
        data = _describe_ptau(arguments.out) | {"response": made.response}
        rows = [*_ptau_pairs(data), ("response", made.response.hex())]
    else:
        contribute_srs(arguments.source, arguments.out, entropy, console.progress)
        data = _describe_srs(arguments.out)
        rows = [*_pairs(data), ("record", "none: only a .ptau file lets others check that it follows")]
    console.result({"ok": True, **data}, pairs(rows))


# ---- fetch-plan


def _add_fetch_plan(parser: argparse.ArgumentParser) -> None:
    _add_size(parser, required=True)
    parser.add_argument("--power", type=_power, metavar="P", help="the file's power (default: the smallest)")
    parser.add_argument("--url", metavar="URL", help="where the file is (default: the public ceremony's)")
    parser.add_argument(
        "--out",
        type=paths.FileName,
        default=paths.FileName("ceremony.ptau"),
        metavar="FILE",
        help="the sparse file that the commands fill (default: ceremony.ptau)",
    )
    parser.add_argument("--script", action="store_true", help="print the commands alone, for sh")


def _fetch_plan(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import size, table
    from zkllm.pcs.fetch_plan import ceremony_url, fetch_plan
    from zkllm.pcs.ptau import SECTION_NAMES

    plan = fetch_plan(_powers(arguments) or 2, arguments.power)
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


ACTIONS: dict[str, tuple[str, Callable[..., None], Callable[..., None]]] = {
    "import": ("import a .ptau file: check what is kept, and keep what proving needs", _add_import, _import),
    "export": (
        "write a .ptau file, for snarkjs: the development SRS, or one of less power",
        _add_export,
        _export,
    ),
    "check": ("check every power by pairings, and the contributions of a .ptau file", _add_check, _check),
    "info": ("show what a file says of itself: kind, powers, digest, contributions", _add_check, _info),
    "contribute": (
        "multiply tau by a fresh secret that is kept nowhere: one honest contribution makes an SRS safe",
        _add_contribute,
        _contribute,
    ),
    "fetch-plan": ("say which bytes of a ceremony's file are needed", _add_fetch_plan, _fetch_plan),
}
