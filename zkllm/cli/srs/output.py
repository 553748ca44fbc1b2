"""How the commands describe an SRS and a .ptau file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zkllm.cli.console import Console
from zkllm.files import JsonObject

DEVELOPMENT = "development"
Rows = list[tuple[str, object]]


def stage(console: Console, name: str) -> Callable[[int, int], None]:
    return lambda done, total: console.progress(name, done, total)


def _describe(kind: str, tau_g1: bytes, tau_g2: bytes, powers: int, g2: int, path: Path) -> JsonObject:
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


def srs_rows(data: JsonObject) -> Rows:
    from zkllm.cli.text import size, srs_kind_in_words

    return [
        ("file", f"{data['file']}, {size(data['bytes'])}"),
        ("SRS", srs_kind_in_words(data["srs_kind"])),
        ("digest", "0x" + data["srs_digest"].hex()),
        ("[tau]_2", "0x" + data["tau_g2"].hex()),
        ("powers", f"{data['powers']:,} in G1"),
        ("serves", "no mu" if data["mu"] is None else f"mu up to {data['mu']}"),
    ]


def describe_srs(path: Path) -> JsonObject:
    from zkllm.pcs.srs import Srs

    srs = Srs.load(path)
    return _describe(srs.kind, srs.points[1], srs.g2_power(0), srs.num_powers, len(srs.g2_raw), path)


def describe_ptau(path: Path) -> JsonObject:
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


def ptau_rows(data: JsonObject) -> Rows:
    from zkllm.cli.text import quote, size
    from zkllm.pcs.ptau import SECTION_NAMES

    cut = f", cut from a ceremony of {data['ceremony_power']}"
    rows = srs_rows(data)
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
