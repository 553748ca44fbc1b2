"""Deadlines are shown as dates."""

from __future__ import annotations

from zkllm.settle.abi import explain_revert, selector
from zkllm.settle.dates import utc


def test_timestamps_are_dates_whatever_a_contract_says():
    assert utc(0) == "1970-01-01 00:00:00 UTC" and utc(1_795_901_445) == "2026-11-28 21:30:45 UTC"
    assert utc((1 << 64) - 1) == "Unix time 18446744073709551615"
    assert utc(-(1 << 70)).startswith("Unix time -")


def test_a_deadline_that_a_contract_refuses_is_a_date():
    data = selector("InvalidDeadline(uint256)") + (1_795_901_445).to_bytes(32, "big")
    said = explain_revert(data, "")
    assert said == "the deadline, 2026-11-28 21:30:45 UTC, is not between now and a year from now"
