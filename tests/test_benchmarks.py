"""The benchmarks' bookkeeping: processes apart with limits, lines that are kept, tables and plots."""

from __future__ import annotations

import argparse
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import context, families, report, tokens, xl
from scripts.bench.cases import KEYS, Case
from scripts.bench.common import Failed, Lines, last_json, rounded, run_apart
from scripts.bench.plots import draw


def line(**changes: Any) -> dict[str, Any]:
    stages = {"trace": 1.0, "lookups": 3.0}
    data: dict[str, Any] = {"model": "gpt2-xl", "layers": 48, "N": 16, "k": 1, "mu": 24, "width": 1600}
    data |= {"backend_asked": None, "backend": "avx512ifma", "machine": "m", "cores": 2, "load": 0.1}
    data |= {"memory_bytes": 1 << 34, "srs": "development", "security_bits": 100.0, "parameters": 10**9}
    data |= {"statement": {"T": 3, "ids": [1, 2, 3, 4]}, "prove_runs_s": [5.0], "prove_s": 5.0}
    data |= {"prove_cpu_s": 9.0, "stages": stages, "stages_cpu": stages, "predicted": {"lookups": 2.0}}
    data |= {"stages_peak": dict.fromkeys(stages, 1 << 30), "kernel_ns": {"field_mul": 1.5}, "setup_s": 99.0}
    data |= {"peak_rss_bytes": 1 << 32, "overhead": 20.0, "torch_s": 0.25, "rows": 43633, "columns": [20, 3]}
    return data | {"tx_gas": 450000, "verify_gas": 300000} | changes


PEER: dict[str, Any] = {
    "case": "peers", "widths": "256x1024", "N": 1, "parameters": 263168, "time_ratio": 40.0,
    "ours": {"prove_s": 3.0, "seconds_per_parameter": 1e-5, "peak_rss_bytes": 1 << 28, "proof_bytes": 1792,
             "proving_key_bytes": 2_000_000, "weights_bytes": 600_000, "verify_s": 1.0, "max_error": 1e-3},
    "ezkl": {"prove_s": 120.0, "seconds_per_parameter": 4e-4, "peak_rss_bytes": 1 << 32, "proof_bytes": 3648,
             "proving_key_bytes": 2_600_000_000, "verify_s": 0.2, "max_error": 2e-3},
}  # fmt: skip


def test_lines_are_found_and_replaced(tmp_path: Path) -> None:
    kept, case = Lines(tmp_path / "x" / "lines.jsonl", KEYS), Case("gpt2", 16, mu=24)
    assert kept.find(case.key) is None
    kept.put(case.key | {"prove_s": 1.0, "layers": 12})
    kept.put(Case("gpt2", 32, mu=24).key | {"prove_s": 2.0})
    kept.put(case.key | {"prove_s": 3.0, "layers": 12})
    found = kept.find(case.key)
    assert found is not None and found["prove_s"] == 3.0 and len(list(kept)) == 2
    assert kept.find(Case("gpt2", 16, mu=24, backend="scalar").key) is None
    assert kept.find(Case("gpt2", 16, layers=6, mu=24).key) is None


def test_cases_are_named_by_what_they_need() -> None:
    assert Case("gpt2-xl", 16, mu=24).package == "gpt2-xl-mu24"
    assert Case("gpt2-xl", 16, layers=6).name == "gpt2-xl-6L" != Case("gpt2-xl", 16).name
    assert Case("gpt2-xl", 16, layers=48).name == "gpt2-xl"


def test_cases_of_the_largest_model() -> None:
    given = argparse.Namespace(
        model="m", rows=[16, 64], mu=[24, 25], certified=1, backend=["scalar"], tables=True
    )
    cases = xl.cases_of(given)
    asked = [(c.model, c.N, c.mu, c.backend, c.table, c.extras) for c in cases if c.model == "m"]
    first = [("m", 16, 24, None, False, True), ("m", 64, 24, None, False, False)]
    others = [("m", 16, 24, "scalar", False, False), ("m", 16, 25, None, False, False)]
    assert asked == [*first, *others, *(("m", n, 24, None, True, False) for n in (16, 64))]
    assert len({str(c.key) for c in cases}) == len(cases) == len(asked) + len(xl.SMALL)
    assert len({c.package for c in cases if c.table} & {c.package for c in cases if not c.table}) == 0
    given.tables = False
    assert not any(c.table for c in xl.cases_of(given))


def test_families_stand_beside_their_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Lines(tmp_path / "lines.jsonl", KEYS)
    chat = next(t for t in families.TARGETS if t.case.k == 32)
    measured = {"setup_peak_private_bytes": 1 << 30, "peak_private_bytes": 1 << 31, "command_s": 9.0}
    measured |= {"verify_s": 0.5, "proof_bytes": 2000, "prove_s": 16.0, "setup_cpu_s": 70.0}
    kept.put(line(**(measured | chat.case.key)))
    text = families.report(kept)
    assert len(text) == 4 and "16 s (9 s); 0.5 s a token" in text[2] and "2.00 GiB" in text[2]
    assert len({str(t.case.key) for t in families.TARGETS}) == len(families.TARGETS)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{families.BEGIN}\nold\n{families.END}\nafter\n")
    monkeypatch.setattr(families, "PAGE", page)
    families.write(text)
    families.write(text)
    before, after = page.read_text().split("\n".join(text))
    assert before == f"before\n{families.BEGIN}\n\n" and after == f"\n{families.END}\nafter\n"


def test_what_a_token_costs(tmp_path: Path) -> None:
    kept, cases = Lines(tmp_path / "lines.jsonl", KEYS), [Case("gpt2", 16, 1), Case("gpt2", 64, 48)]
    kept.put(cases[1].key | {"prove_s": 96.0, "tx_gas": 480_000})
    head, rule, *rows = tokens.report(cases, kept)
    assert [row.split() for row in rows] == [["48", "64", "96", "2", "480,000", "10,000"]]
    assert [tokens.rows_for(k) for k in (1, 16, 17, 64, 300)] == [16, 16, 64, 64, 300]


def test_what_a_longer_context_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = context.cases_of(["gpt2", "m.gguf"], [16, 1024], 128)
    assert [(c.package, c.k) for c in cases[:2]] == [("gpt2-N16", 16), ("gpt2-N1024", 128)]
    memory = {"peak_private_bytes": 1 << 31, "estimated_private_bytes": 5 << 29}
    found = [
        line(
            model="gpt2",
            N=n,
            prove_s=n / 16,
            witness_mu=23,
            proof_bytes=2000,
            columns=[2, n // 16],
            prove_cpu_s=7.0,
            **memory,
        )
        for n in (64, 16)
    ]
    text = context.report(found)
    assert text[0] == "`m`, 2 cores; backend `avx512ifma`; SRS: development."
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text[4:6]]
    assert [row[1] for row in rows] == ["16", "64"] and rows[1][3:6] == ["4 s", "7 s", "0.062"]
    assert rows[1][6:8] == ["2.00 GiB", "1.25"] and rows[1][9] == "2 + 4 of 2^23"
    assert text[7:] == ["* gpt2: seconds a row, over those before: 1.00 from N = 16 to 64.", ""]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{context.BEGIN}\nold\n{context.END}\nafter\n")
    monkeypatch.setattr(context, "PAGE", page)
    context.write(found, tmp_path / "plots")
    written = page.read_text()
    assert written.startswith("before\n") and written.endswith("after\n")
    assert "old" not in written and "2^23" in written
    names = {"time", "memory", "gas", "columns", "stages-gpt2"}
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {f"context-{name}.svg" for name in names}


def test_a_process_apart() -> None:
    assert last_json(run_apart([sys.executable, "-c", "print('noise'); print('{\"a\": 1}')"])) == {"a": 1}
    with pytest.raises(Failed, match="exit code 3"):
        run_apart([sys.executable, "-c", "raise SystemExit(3)"])
    start = time.monotonic()
    with pytest.raises(Failed, match="stopped after"):
        run_apart([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.5)
    grows = "import time; x = bytearray(200 << 20); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)"
    with pytest.raises(Failed, match="of memory"):
        run_apart([sys.executable, "-c", grows], memory=100 << 20)
    assert time.monotonic() - start < 30


def test_rounding_keeps_significant_digits() -> None:
    assert rounded({"a": [1.23456789, 7], "b": "x"}) == {"a": [1.235, 7], "b": "x"}


def test_the_report_says_what_is_missing() -> None:
    small = line(model="demo-gpt2", mu=16, layers=2, prove_s=1.5, command_s=2.5)
    whole = {
        "command_s": 6.0,
        "blinded_s": 5.25,
        "unblinded_s": 5.0,
        "batch_claims": 4,
        "batch_gas": 1_000_000,
    }
    lines = [line(**whole), line(N=64, peak_rss_bytes=1 << 31), line(mu=25, tx_gas=390_000), small]
    lines += [line(model="gpt2", mu=mu, prove_s=s, command_s=s + 1) for mu, s in ((24, 8.0), (22, 3.0))]
    lines.append(line(table_asked=True, prove_s=3.0, table_s=500.0))
    text = report.report(report.Measured(lines, [line(layers=12, prove_s=2.0)], [PEER]))
    for row in (
        "proof with an opening table: stages; whole command | 16 s; 18 s | 12 s; 13 s | 3 s; not measured",
        "proof without: stages; whole command | 22 s; - | 19 s; - | 5 s; 6 s",
        "proof with a table, N = 64 | 36 s | 28 s | not measured",
        "serial seconds, without a table | 3 s | 1.5 s | 4 s",
        "peak resident memory, N = 16; 64 | 3.3 GiB; 5.2 GiB | 2.5 GiB; 4 GiB | 4.00 GiB; 2.00 GiB",
        "zero-knowledge costs, of the time | 4 % | 2 % | 5.0 %",
        "set-up without tables; table | 115 s; 10 min | 100 s; 6 min | 99 s; 500 s",
        "settlement, the best of these sizes | 396k | 380k | 390,000",
        "settlement of four claims at once, a claim | 310k | 290k | 250,000",
        "GPT-2 (124 M), the fastest size: stages; whole command | 5 s; 6 s | 3.5 s; 4 s | 3 s; 4 s",
        "demo model: stages; whole command | 1.8 s; - | 1.2 s; - | 1.5 s; 2.5 s",
        "48 layers over 12 | - | - | 2.5x",
        "EZKL over ours, 256x1024 | - | - | 40x",
        "lookups | 3.00 | 3.00 | 3.00 | 2.00 | 1.5",
    ):
        assert f"| {row} |" in text
    assert report.report(report.Measured([], [], [])).startswith("Nothing")


def test_tables_are_not_lost_where_nothing_was_measured(tmp_path: Path, monkeypatch, capsys) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"{report.BEGIN}\nfigures\n{report.END}\n")
    monkeypatch.setattr(report, "PAGE", page)
    given = [f"--{name}={tmp_path / name}" for name in ("xl", "scaling", "peers")]
    monkeypatch.setattr(sys, "argv", ["report", "--write", *given])
    assert report.main() == 1
    assert "figures" in page.read_text() and "make bench-xl" in capsys.readouterr().err


def test_plots_of_all_kinds() -> None:
    lines = [line(), line(N=64, prove_s=8.0), line(layers=12, prove_s=2.0, parameters=4 * 10**8)]
    lines += [line(model="gpt2", layers=12, parameters=124 * 10**6, prove_s=1.5), PEER]
    pictures = draw(lines)
    kinds = ("time-by-rows", "memory-by-rows", "time-by-layers", "memory-by-layers", "time-by-parameters")
    assert set(pictures) == {f"{name}.svg" for name in (*kinds, "peers")}
    for picture in pictures.values():
        ElementTree.fromstring(picture)
    assert pictures == draw(lines)  # to the byte
    assert not draw([]) and "peers.svg" not in draw([{**PEER, "ezkl": {"failed": "setup: stopped"}}])
