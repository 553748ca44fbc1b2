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

    def proof(
        self, n: int = 16, mu: int | None = 24, backend: str | None = None, layers: int | None = 48,
        model: str = "gpt2-xl", k: int = 1, table: bool = False,
    ) -> Line | None:  # fmt: skip
        wanted = {"model": model, "N": n, "mu": mu, "k": k, "layers": layers, "backend_asked": backend}
        wanted = {key: v for key, v in wanted.items() if v is not None or key == "backend_asked"}
        wanted |= {"table_asked": True if table else None}
        return next((x for x in self.all if all(x.get(k) == v for k, v in wanted.items())), None)

    def value(self, key: str, **case: Any) -> Any:
        line = self.proof(**case)
        return None if line is None else line.get(key)

    def fastest(self, model: str) -> Line | None:
        """Of all sizes of columns, N = 16."""
        lines = [x for x in self.xl if x["model"] == model and x["N"] == 16]
        return min(lines, key=lambda x: float(x["prove_s"]), default=None)

    def serial(self, **case: Any) -> float | None:
        line = self.proof(**case)
        return None if line is None else serial_seconds(line, line["stages"])

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
    tabled, last = {"table": True}, {"n": 64, "table": True}
    peer = m.peer()
    two = lambda x: "; ".join(seconds(x and x.get(key)) for key in ("prove_s", "command_s"))
    both = lambda case: two(m.proof(**case))
    blinded, plain = m.value("blinded_s"), m.value("unblinded_s")
    cost = MISSING if blinded is None else f"{(blinded / plain - 1) * 100:.1f} %"
    claims, together = m.value("batch_claims"), m.value("batch_gas")
    cheapest = min((x["tx_gas"] for x in m.xl if x["model"] == "gpt2-xl" and x["N"] == 16), default=None)
    block = next((x["ours"]["prove_s"] for x in m.peers if x.get("widths") == "64x256"), None)
    rows = [
        ("proof with an opening table: stages; whole command", "16 s; 18 s", "12 s; 13 s", both(tabled)),
        ("proof without: stages; whole command", "22 s; -", "19 s; -", both({})),
        ("proof with a table, N = 64", "36 s", "28 s", seconds(m.value("prove_s", **last))),
        ("serial seconds, without a table", "3 s", "1.5 s", seconds(m.serial())),
        ("proof, scalar backend", "52 s", "42 s", pair("prove_s", seconds, {"backend": "scalar"})),
        ("peak resident memory, N = 16; 64", "3.3 GiB; 5.2 GiB", "2.5 GiB; 4 GiB",
         pair("peak_rss_bytes", gigabytes, {}, {"n": 64})),
        ("zero-knowledge costs, of the time", "4 %", "2 %", cost),
        ("set-up without tables; table", "115 s; 10 min", "100 s; 6 min",
         f"{pair('setup_s', seconds, {})}; {seconds(m.value('table_s', **tabled))}"),
        ("over one float32 pass of torch: with a table; without", "19x; -", "14x; -",
         pair("overhead", times, tabled, {})),
        ("settlement, the best of these sizes", "396k", "380k", number(cheapest)),
        ("settlement of four claims at once, a claim", "310k", "290k",
         number(together / claims if claims else None)),
        ("GPT-2 (124 M), the fastest size: stages; whole command", "5 s; 6 s", "3.5 s; 4 s",
         two(m.fastest("gpt2"))),
        ("demo model: stages; whole command", "1.8 s; -", "1.2 s; -", two(m.fastest("demo-gpt2"))),
        ("sub-block 64x256 with GELU", "0.8 s", "0.35 s", seconds(block)),
        ("aggregated proof; pure-Python verification", "-", "-",
         f"{number(m.value('proof_bytes'))} B; {seconds(m.value('verify_s'))}"),
        ("outer circuit rows, N = 16 and 64", "2^16", "2^16", pair("rows", number, {}, {"n": 64})),
        ("48 layers over 12", "-", "-", times(m.ratio("prove_s", {}, {"layers": 12}))),
        ("EZKL over ours, 256x1024", "-", "-", times(peer["time_ratio"] if peer else None)),
        ("EZKL's best per parameter over ours at XL", "-", "-", times(m.peer_per_parameter())),
    ]  # fmt: skip
    head = ("GPT-2 XL, N = 16, one certified token", "must", "aim", "measured")
    return ["### Targets", "", *table(head, rows)]


def serial_seconds(line: Line, names: Iterable[str]) -> float | None:
    """As `zkllm.timings.Stage.serial`."""
    cores = line["cores"]
    parts = [Stage(name, line["stages"][name], line["stages_cpu"][name]).serial(cores) for name in names]
    return None if None in parts else sum(part or 0.0 for part in parts)


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


def with_table(line: Line) -> str:
    return ", with an opening table" if line.get("table_asked") else ""


def stages(line: Line) -> list[str]:
    """Measured against what the kernels' limits of the same run predict."""
    rows = []

    def serial(*names: str) -> str:
        found = serial_seconds(line, names)
        return "" if found is None else f"{found:.2f}"

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
    case = f"{line['model']}, N = {line['N']}, mu = {line['mu']}, `{line['backend']}`{with_table(line)}"
    return [
        f"### Stages: {case}",
        "",
        f"Kernels in the same run, ns on all cores together: {rates}.",
        "",
        *table(head, rows),
    ]


def scaling(lines: list[Line]) -> list[str]:
    rows = []
    order = sorted(lines, key=lambda x: (x["parameters"], x["N"], x["mu"], x["backend"]))
    for x in order:
        rows.append(
            [
                f"{x['model']}, {x['layers']} layers{with_table(x)}",
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
        others = (m.proof(table=True), m.proof(backend="scalar"), m.proof(mu=25), m.proof(n=64))
        for line in (first, *others):
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
