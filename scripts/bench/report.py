"""The tables of docs/benchmarks.md, as markdown, from the lines that benchmarks left in build/.

    python -m scripts.bench.report [--xl build/bench-xl.jsonl] [--scaling ..] [--peers ..] [--write]

Prints targets against measured figures, the stages against what the kernels' limits predict, set-up, scaling
and the comparison with EZKL. With --write, puts them between the marks in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts import BUILD, ROOT
from scripts.bench.common import Lines
from zkllm.timings import Stage

Line = dict[str, Any]
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE = ROOT / "docs" / "benchmarks.md"
MISSING = "not measured"
FACTOR = 1.5  # beyond which measured and predicted are said to differ


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    line = lambda cells: "| " + " | ".join(cells) + " |"
    return [line(head), line(["---"] * len(head)), *map(line, rows), ""]


def seconds(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def gigabytes(value: float | None) -> str:
    return MISSING if value is None else f"{value / 2**30:.2f} GiB"


class Measured:
    """The lines, by what they measure."""

    def __init__(self, xl: list[Line], scaling: list[Line], peers: list[Line]):
        self.xl, self.peers = [x for x in xl if "prove_s" in x], peers
        self.all = [*self.xl, *(x for x in scaling if "prove_s" in x)]

    def proof(self, n: int = 16, mu: int = 24, backend: str | None = None, layers: int = 48) -> Line | None:
        wanted = {"model": "gpt2-xl", "N": n, "mu": mu, "k": 1, "layers": layers, "backend_asked": backend}
        return next((x for x in self.all if all(x.get(k) == v for k, v in wanted.items())), None)

    def value(self, key: str, **case: Any) -> Any:
        line = self.proof(**case)
        return None if line is None else line.get(key)

    def ratio(self, key: str, upper: dict[str, Any], lower: dict[str, Any]) -> float | None:
        a, b = self.value(key, **upper), self.value(key, **lower)
        return a / b if a and b else None

    def peer(self) -> Line | None:
        done = [x for x in self.peers if x.get("widths") == "256x1024" and "failed" not in x["ezkl"]]
        return done[0] if done else None

    def peer_per_parameter(self) -> float | None:
        done = [x["ezkl"]["seconds_per_parameter"] for x in self.peers if "failed" not in x["ezkl"]]
        ours = [x["prove_s"] / x["parameters"] for x in self.xl if x["model"] == "gpt2-xl"]
        return min(done) / min(ours) if done and ours else None


def targets(m: Measured) -> list[str]:
    def pair(key: str, show: Callable[[Any], str], *cases: dict[str, Any]) -> str:
        return "; ".join(show(m.value(key, **case)) for case in cases)

    number = lambda v: MISSING if v is None else f"{v:,.0f}"
    times = lambda v: MISSING if v is None else f"{v:,.3g}x"
    size = lambda v: MISSING if v is None else f"{v / 1e6:,.1f} MB"
    peer, sent = m.peer(), m.value("proof_bytes")
    rows = [
        ("model setup (SRS present)", "5 min", "2.5 min", pair("setup_s", seconds, {})),
        ("keys besides weights and SRS", "300 MB", "50 MB", pair("keys_bytes", size, {})),
        ("weights package", "3.6 GB", "3.2 GB", pair("package_bytes", size, {})),
        (
            "proof, IFMA: mu = 24; mu = 25",
            "45 s; 60 s",
            "19 s; 28 s",
            pair("prove_s", seconds, {}, {"mu": 25}),
        ),
        ("proof, scalar, mu = 24", "180 s", "84 s", pair("prove_s", seconds, {"backend": "scalar"})),
        ("peak resident memory", "10 GiB", "4.5 GiB", pair("peak_rss_bytes", gigabytes, {})),
        ("overhead over torch float32", "45x", "18x", pair("overhead", times, {})),
        (
            "aggregated proof; pure-Python verification",
            "2.5 KB; 4 s",
            "2 KB; 2 s",
            f"{number(sent)} B; {seconds(m.value('verify_s'))}",
        ),
        (
            "settlement transaction, mu = 25; mu = 24",
            "420k; 490k gas",
            "398k; 464k gas",
            pair("tx_gas", number, {"mu": 25}, {}),
        ),
        ("outer circuit rows, N = 16 and 64", "2^16", "2^16", pair("rows", number, {}, {"n": 64})),
        ("verification alone, mu = 25", "330k gas", "300k gas", pair("verify_gas", number, {"mu": 25})),
        ("N = 64 over N = 16", "2.2x", "1.6x", times(m.ratio("prove_s", {"n": 64}, {}))),
        ("48 layers over 12", "4.2x", "3x", times(m.ratio("prove_s", {}, {"layers": 12}))),
        ("EZKL over ours, 256x1024", "15x", "40x", times(peer["time_ratio"] if peer else None)),
        ("EZKL's best per parameter over ours at XL", "5,000x", "20,000x", times(m.peer_per_parameter())),
    ]
    head = ("GPT-2 XL, N = 16, one certified token", "must", "aim", "measured")
    return ["### Targets", "", *table(head, rows)]


def about(line: Line) -> list[str]:
    """Machine, backend, SRS, security, statement."""
    s = line["statement"]
    return [
        f"**Machine**: {line['machine']}, {line['cores']} cores, {line['memory_bytes'] / 2**30:.0f} GiB; "
        f"load {line['load']} when the case began; backend `{line['backend']}`. **SRS**: {line['srs']}. "
        f"**Security**: {line['security_bits']} bits with a ceremony's SRS. **Statement**: N = {line['N']}, "
        f"k = {line['k']}, T = {s['T']}; ids {', '.join(map(str, s['ids']))}. The median of "
        f"{len(line['prove_runs_s'])} proofs: {', '.join(seconds(x) for x in line['prove_runs_s'])}.",
        "",
    ]


def stages(line: Line) -> list[str]:
    """Measured against what the kernels' limits of the same run predict."""
    rows, cores = [], line["cores"]

    def serial(*names: str) -> str:
        """As `zkllm.timings.Stage.serial`."""
        parts = [Stage(name, line["stages"][name], line["stages_cpu"][name]).serial(cores) for name in names]
        return "" if None in parts else f"{sum(part or 0.0 for part in parts):.2f}"

    for name, measured in line["stages"].items():
        best = line["predicted"].get(name)
        peak = line["stages_peak"].get(name)
        row = [name, f"{measured:.2f}", f"{line['stages_cpu'][name]:.2f}", serial(name)]
        row += [f"{best:.2f}", f"{measured / best:.1f}"] if best else ["", ""]
        rows.append([*row, gigabytes(peak) if peak else ""])
    total = sum(line["predicted"].values())
    whole = [f"{line['prove_s']:.2f}", f"{line['prove_cpu_s']:.2f}", serial(*line["stages"]), f"{total:.2f}"]
    rows.append(["**all**", *whole, f"{line['prove_s'] / total:.1f}", gigabytes(line["peak_rss_bytes"])])
    rates = ", ".join(f"{name} {ns:.3g}" for name, ns in line["kernel_ns"].items())
    head = ("stage", "measured s", "processor s", "serial s", "kernel limits s", "ratio", "peak memory")
    title = f"### Stages: {line['model']}, N = {line['N']}, mu = {line['mu']}, `{line['backend']}`"
    return [title, "", f"Kernels in the same run, ns on all cores together: {rates}.", "", *table(head, rows)]


def scaling(lines: list[Line]) -> list[str]:
    rows = []
    order = sorted(lines, key=lambda x: (x["parameters"], x["N"], x["mu"], x["backend"]))
    for x in order:
        rows.append(
            [
                f"{x['model']}, {x['layers']} layers",
                f"{x['parameters'] / 1e6:,.0f} M",
                f"{x['N']}, {x['mu']}",
                x["backend"],
                seconds(x.get("setup_s")),
                seconds(x["prove_s"]),
                gigabytes(x["peak_rss_bytes"]),
                f"{x['overhead']:.1f}x" if "overhead" in x else "",
                f"{x['rows']:,}",
                " + ".join(map(str, x["columns"])),
                f"{x['tx_gas']:,}",
                f"{x['verify_gas']:,}",
            ]
        )
    head = (
        "model",
        "parameters",
        "N, mu",
        "backend",
        "set up",
        "prove",
        "peak",
        "over torch",
        "rows",
        "columns",
    )
    return ["### All cases", "", *table((*head, "tx gas", "verify gas"), rows)]


def peers(lines: list[Line]) -> list[str]:
    rows = []
    for x in lines:
        o, e = x["ours"], x["ezkl"]
        if "failed" in e:
            rows.append([x["widths"], str(x["N"]), seconds(o["prove_s"]), e["failed"], *[""] * 6])
            continue
        mb = lambda r: f"{(r['proving_key_bytes'] + r.get('weights_bytes', 0)) / 1e6:,.1f} MB"
        rows.append(
            [
                x["widths"],
                str(x["N"]),
                seconds(o["prove_s"]),
                seconds(e["prove_s"]),
                f"{x['time_ratio']:.1f}x",
                f"{gigabytes(o['peak_rss_bytes'])}; {gigabytes(e['peak_rss_bytes'])}",
                f"{mb(o)}; {mb(e)}",
                f"{o['proof_bytes']:,}; {e['proof_bytes']:,}",
                f"{seconds(o['verify_s'])}; {seconds(e['verify_s'])}",
                f"{o['max_error']:.1e}; {e['max_error']:.1e}",
            ]
        )
    head = ("widths", "N", "ours", "EZKL", "ratio", "memory", "proving key", "proof B", "verify", "max error")
    return ["### EZKL beside", "", "Pairs are ours; EZKL's.", "", *table(head, rows)]


def report(m: Measured) -> str:
    first = m.proof() or (m.all[0] if m.all else None)
    parts = targets(m) if m.xl else []
    if first is not None:
        parts = [*about(first), *parts]
        for line in (first, m.proof(backend="scalar"), m.proof(mu=25), m.proof(n=64)):
            if line is not None:
                parts += stages(line)
        parts += scaling(list({(str(x), x["N"]): x for x in m.all}.values()))
    if m.peers:
        parts += peers(m.peers)
    return "\n".join(parts) if parts else "Nothing is measured yet.\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("xl", "scaling", "peers"):
        parser.add_argument(f"--{name}", type=Path, default=BUILD / f"bench-{name}.jsonl")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    given = parser.parse_args()
    lines = [list(Lines(path, ())) for path in (given.xl, given.scaling, given.peers)]
    text = report(Measured(*lines))
    if given.write:
        if not all(lines):
            print(
                "report: the page's tables would be lost; make bench-xl, bench-scaling and "
                "bench-peers measure what they say",
                file=sys.stderr,
            )
            return 1
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
