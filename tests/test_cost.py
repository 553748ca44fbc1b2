"""`python -m scripts.cost`: the arithmetic, what it refuses, and the table that docs/comparison.md shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from scripts.cost import LARGEST, Prices, Work, cost, main

PAGE = Path(__file__).resolve().parent.parent / "docs" / "comparison.md"
USUAL = ["--seconds", "12.5", "--gas", "499189"]


def test_cents_by_hand() -> None:
    """Two cores for half an hour at 8 ct; 2,000,000 gas at 3 gwei are 0.006 ether, at 2,500 dollars 15."""
    found = cost(Work(1800, 2, 2_000_000, 4), Prices(core_hour=8, gwei=3, ether=2500))
    assert found.proof == pytest.approx(8)
    assert found.settlement == pytest.approx(1500)
    assert found.total == pytest.approx(1508)
    assert found.token == pytest.approx(377)


@pytest.mark.parametrize(
    "option, part",
    [("--cores", "proof"), ("--core-hour", "proof"), ("--gwei", "settlement"), ("--ether", "settlement")],
)
def test_every_price_counts_where_it_belongs(
    capsys: pytest.CaptureFixture[str], option: str, part: str
) -> None:
    found = []
    for value in ("1", "3"):
        assert main([*USUAL, "--json", option, value]) == 0
        found.append(json.loads(capsys.readouterr().out)["cases"][0]["cents"])
    other = {"proof": "settlement", "settlement": "proof"}[part]
    assert found[1][part] == pytest.approx(3 * found[0][part]) and found[1][other] == found[0][other]


def test_one_value_holds_for_all_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["--seconds", "3600", "--gas", "0", "1,000", "2_000", "--tokens", "1", "2", "4", "--json"]) == 0
    )
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert [(c["seconds"], c["gas"], c["tokens"]) for c in cases] == [
        (3600, 0, 1), (3600, 1000, 2), (3600, 2000, 4),
    ]  # fmt: skip
    assert cases[0]["cents"]["total"] == pytest.approx(10) and cases[0]["cents"]["settlement"] == 0


def test_large_sums_have_no_exponent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*USUAL, "--gwei", "1000"]) == 0
    out = capsys.readouterr().out
    assert "149,757" in out and "e+" not in out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--gas", "1"], "required: --seconds"),
        (["--seconds", "1"], "required: --gas"),
        (["--seconds", "x", "--gas", "1"], "--seconds: 'x' is not a number"),
        (["--seconds", "nan", "--gas", "1"], "--seconds: nan is not between 0 and"),
        (["--seconds", "1", "--gas", "-1"], "--gas: -1 is not between 0 and"),
        (["--seconds", "1", "--gas", str(LARGEST + 1)], "is not between 0 and"),
        (["--seconds", "1", "--gas", "1.5"], "--gas: '1.5' is not a whole number"),
        ([*USUAL, "--tokens", "0"], "--tokens: 0 is not above 0"),
        ([*USUAL, "--cores", "0"], "--cores: 0 is not above 0"),
        ([*USUAL, "--ether", "inf"], "--ether: inf is not between 0 and"),
        (["--seconds", "1", "2", "--gas", "1", "2", "3"], "--seconds has 2 values, another option 3"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith("cost: ") and said in err


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```\n\$ python -m scripts\.cost (.*?)\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for arguments, shown in blocks:
        assert main(shlex.split(arguments)) == 0
        assert capsys.readouterr().out == shown
