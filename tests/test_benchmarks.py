"""The benchmarks' bookkeeping: processes apart with limits, lines that are kept, tables and plots."""

from __future__ import annotations

import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import report, tokens
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


def test_what_a_token_costs(tmp_path: Path) -> None:
    kept, cases = Lines(tmp_path / "lines.jsonl", KEYS), [Case("gpt2", 16, 1), Case("gpt2", 64, 48)]
    kept.put(cases[1].key | {"prove_s": 96.0, "tx_gas": 480_000})
    head, rule, *rows = tokens.report(cases, kept)
    assert [row.split() for row in rows] == [["48", "64", "96", "2", "480,000", "10,000"]]
    assert [tokens.rows_for(k) for k in (1, 16, 17, 64, 300)] == [16, 16, 64, 64, 300]


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
    lines = [line(), line(N=64, prove_s=8.0)]
    text = report.report(report.Measured(lines, [line(layers=12, prove_s=2.0)], [PEER]))
    assert "| N = 64 over N = 16 | 2.2x | 1.6x | 1.6x |" in text
    assert "| 48 layers over 12 | 4.2x | 3x | 2.5x |" in text
    assert "| EZKL over ours, 256x1024 | 15x | 40x | 40x |" in text
    assert "84 s | not measured |" in text and "| lookups | 3.00 | 3.00 | 3.00 | 2.00 | 1.5 |" in text
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
