"""A thousand jobs through one node: nothing fails, and no process has more memory in the end."""

from __future__ import annotations

import sys

import pytest

from scripts.serve import soak

pytestmark = pytest.mark.long


def test_memory_stays_as_it_is_over_a_thousand_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", "--jobs", "1000"])
    assert soak.main() == 0
