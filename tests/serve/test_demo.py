"""`make serve-demo` as its user meets it: three answers paid for, an explorer that is there, and one more
question by the command that it prints."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from scripts import ROOT
from testkit.processes import MARK, marked
from zkllm.errors import SettlementError
from zkllm.settle.abi import read
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.slow


def test_the_demo_leads_to_an_explored_answer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.serve.demo", "--work", str(tmp_path / "demo")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            said: dict[str, list[str]] = {}
            for line in demo.stdout:
                if line.startswith("Ctrl-C"):
                    break
                found = re.fullmatch(r"([a-z]+(?: [a-z]+)?) {2,}(.*)\n", line)
                if found:
                    said.setdefault(found[1], []).append(found[2])
            assert [line.split(" -> ")[1] for line in said["settled"]] == ['" magic"', '" perfect"', '" t"']
            assert said["earned"][0].startswith("0.030000 ether, ")
            assert said["node"][0].endswith("its model is demo-gpt2")

            (explorer,) = said["explorer"]
            address = explorer.split()[0]
            with urllib.request.urlopen(address, timeout=30) as response:
                assert "<title>zkLLM explorer" in response.read().decode()
            with urllib.request.urlopen(address + "data/site.js", timeout=30) as response:
                assert '"demo-gpt2"' in response.read().decode()

            (more,) = said["ask more"]
            asked = subprocess.run(
                more, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
            )
            (digits,) = re.findall(r"request +0x([0-9a-f]{64})", asked.stdout)
            request = bytes.fromhex(digits)
            contract = bytes.fromhex(said["contract"][0][2:])
            url = said["chain"][0].split(",")[0]
            wait_until_answered(Rpc(url, "the demo's chain"), contract, request)
        finally:
            demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 0
    with pytest.raises(urllib.error.URLError):  # nothing is left of it
        urllib.request.urlopen(address, timeout=30)
    with pytest.raises(SettlementError):
        Rpc(url, "the demo's chain").request("eth_chainId")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_demo_that_ends_while_its_node_starts(
    ending: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, mark := secrets.token_hex(8))
    command = [sys.executable, "-m", "scripts.serve.demo", "--work", str(tmp_path / "demo")]
    before = signal.signal(
        signal.SIGHUP, signal.SIG_DFL
    )  # under nohup the demo would inherit that it is ignored
    try:
        demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    starts = lambda: any(" -m zkllm serve " in words for words in marked(mark).values())
    with demo:
        try:
            wait_until(starts, "no node was started", 300)  # after a set-up
            demo.send_signal(ending)
            assert demo.wait(60) == 0
            wait_until(lambda: not marked(mark), "something is left of it")
        finally:
            for pid in marked(mark):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


def wait_until_answered(rpc: Rpc, contract: bytes, request: bytes) -> None:
    """Closed, by a settlement: its deadline is a day away."""
    types = ["address", "uint64", "uint8", "bytes32", "uint256"]
    closed = lambda: read(rpc, contract, "requestOf(bytes32)", types, request)[2] == 2
    wait_until(closed, "the node did not answer it")
