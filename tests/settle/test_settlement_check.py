"""`make settlement-check` goes through, and notices what goes wrong."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from scripts import ROOT
from scripts.settlement.check import run
from scripts.settlement.scene import Outcome, Wrong, check, reverts
from zkllm.settle.abi import selector
from zkllm.settle.rpc import Reverted

SOMEBODY = bytes([7] * 20)


@pytest.mark.long
def test_the_whole_way():
    command = [sys.executable, "-m", "scripts.settlement.check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    *steps, last = done.stdout.splitlines()
    assert done.returncode == 0 and last == "settlement check: everything went as it must", done
    numbers = [re.match(r"ok +([0-9]+)/16  ", step) for step in steps]
    assert [found and int(found[1]) for found in numbers] == list(range(1, 17)), done.stdout


def test_the_first_step_that_goes_wrong_ends_it(capsys):
    def good() -> str:
        return "as it must"

    def bad_step() -> str:
        check(False, "not as it must")
        return "never said"

    def unreached() -> str:
        raise AssertionError

    assert run([good, bad_step, unreached]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("ok     1/3  as it must") and second == "WRONG  2/3  bad step: not as it must"
    assert run([good]) == 0


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("settle", 0, "{}", ""),  # it was not refused
        Outcome("settle", 1, "", "settle: another reason\n"),
        Outcome("settle", 1, "", "settle: the reason\nTraceback\n"),
        Outcome("settle", 2, "", "settle: the reason\n"),
    ],
)
def test_only_the_right_refusal_counts(outcome):
    with pytest.raises(Wrong, match="was to be refused"):
        outcome.refused("the reason")
    Outcome("settle", 1, "", "settle: the reason\n").refused("the reason")
    with pytest.raises(Wrong, match="exit code 1"):
        Outcome("settle", 1, "", "settle: the reason\n").json()


class Answering:
    """A node that takes a call, or reverts with an error."""

    def __init__(self, error: str | None):
        self.error = error

    def request(self, *_: object) -> str:
        if self.error is not None:
            raise Reverted(selector(self.error))
        return "0x"


def test_only_the_right_error_of_the_chain_counts():
    reverts(Answering("PairingFailed()"), SOMEBODY, SOMEBODY, b"", "PairingFailed()")
    with pytest.raises(Wrong, match="the chain takes what it was to refuse"):
        reverts(Answering(None), SOMEBODY, SOMEBODY, b"", "PairingFailed()")
    for other in ("InvalidPoint()", "UnheardOf()"):
        with pytest.raises(Wrong, match=r"with PairingFailed\(\), not with"):
            reverts(Answering(other), SOMEBODY, SOMEBODY, b"", "PairingFailed()")
