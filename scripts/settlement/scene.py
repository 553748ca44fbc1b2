"""What `check.py` works with: nodes, people with keys and records of their own, the real command
line in processes apart, and calls that bypass the client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import ROOT
from testkit.services import KEY, FakeEtherscan, FakeSourcify
from zkllm.settle.abi import SENTENCES, selector
from zkllm.settle.accounts import DEV_MNEMONIC, development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.journal import Journal, Record
from zkllm.settle.networks import DEV_CHAIN_ID, MAINNET_CHAIN_ID
from zkllm.settle.rpc import Reverted, Rpc, checksum_address, to_hex

PEOPLE = ("owner", "asker", "prover", "thief", "depositor", "beneficiary")
"""Each has the development account of this index, a variable with its key, and a folder of records."""
NETWORKS = {"origin": 1, "fork": 1, "deep": 2}
"""Confirmations. "deep" is the origin as well, with an impatient client, that raises its offer every few
seconds."""
BUMP_SECONDS = 4
WAIT_SECONDS = 180.0
VAULT_ERRORS = ("NotAnswered(bytes32)", "NotEntitled(address)", "Empty()")
ERRORS = {selector(signature): signature for signature in (*SENTENCES, *VAULT_ERRORS)}


class Wrong(Exception):
    """A step did not go as it must; one line."""


def check(condition: object, what: str) -> None:
    if not condition:
        raise Wrong(what)


def wait_for(condition: Callable[[], Any], what: str, process: subprocess.Popen[str] | None = None) -> Any:
    """The first value of `condition` that is true, before `process` ends."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        found = condition()
        if found:
            return found
        if process is not None and process.poll() is not None:
            out, err = process.communicate()
            raise Wrong(f"the client ended before {what}: {(err or out).strip()[-300:]}")
        check(time.monotonic() < end, f"{what}: it did not happen in {WAIT_SECONDS:.0f} s")
        time.sleep(0.05)


@dataclass
class Outcome:
    """How a command ended."""

    command: str
    code: int
    out: str
    err: str

    @property
    def lines(self) -> str:
        return (self.err.strip() or self.out.strip())[-400:]

    def json(self) -> dict[str, Any]:
        """What it printed, where it succeeded."""
        check(self.code == 0, f"{self.command}: exit code {self.code}: {self.lines}")
        data = json.loads(self.out)
        check(isinstance(data, dict), f"{self.command}: it did not print an object")
        return dict(data)

    def refused(self, words: str) -> None:
        """Exit code 1, with one line that says why."""
        what = f"{self.command} was to be refused with {words!r}, not"
        check(self.code == 1, f"{what} to end with exit code {self.code}: {self.lines}")
        check(words in self.err and self.err.count("\n") == 1, f"{what} with: {self.lines}")


class Scene:
    """A context manager. Two local nodes, `origin` and `fork`, and `mainnet`, an Anvil that says it has chain
    id 1; local verification services; and a folder for everything that is written."""

    def __init__(self, work: Path):
        self.work = work
        self.origin: Rpc
        self.fork: Rpc
        self.mainnet: Rpc
        self.etherscan: FakeEtherscan
        self.sourcify: FakeSourcify
        self._stack = ExitStack()
        self._environment = {
            name: value for name, value in os.environ.items() if not name.endswith("_RPC_URL")
        } | {"PYTHONPATH": str(ROOT), "ETHERSCAN_API_KEY": KEY}
        self._environment |= {_key_name(person): _secret(i) for i, person in enumerate(PEOPLE)}

    def __enter__(self) -> Scene:
        try:
            self.origin = self._stack.enter_context(LocalNode()).rpc
            self.etherscan, self.sourcify = FakeEtherscan(self.origin), FakeSourcify(self.origin)
            for service in (self.etherscan, self.sourcify):
                service.busy = False  # the tests wait in queues; this saves half a minute
                self._stack.callback(service.close)
            for name in ("origin", "deep"):
                self._reachable(name, self.origin)
            self._write_networks()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start_fork(self) -> None:
        """A second Anvil, which begins with the first one's chain. It is no place for a reorganisation:
        anvil_reorg of Anvil 1.7.1 leaves storage there as it was."""
        self.fork = self._stack.enter_context(LocalNode(fork_url=self.origin.url)).rpc
        self._reachable("fork", self.fork)

    def start_mainnet(self) -> None:
        self.mainnet = self._stack.enter_context(LocalNode(chain_id=MAINNET_CHAIN_ID)).rpc
        self._reachable("mainnet", self.mainnet)

    def _reachable(self, network: str, rpc: Rpc) -> None:
        self._environment[f"ZKLLM_{network.upper()}_RPC_URL"] = rpc.url

    def _write_networks(self) -> None:
        common = {
            "chain_id": DEV_CHAIN_ID,
            "rpc_url": None,
            "explorer": None,
            "local_node": False,
            "max_fee_gwei": 1000,
        }
        entries: dict[str, Any] = {
            name: common | {"rpc_url_env": f"ZKLLM_{name.upper()}_RPC_URL", "confirmations": confirmations}
            for name, confirmations in NETWORKS.items()
        }
        entries["origin"] |= {"etherscan": self.etherscan.url + "/v2/api", "sourcify": self.sourcify.url}
        entries["deep"] |= {"bump_seconds": BUMP_SECONDS}
        path = self.work / "networks.json"
        path.write_text(json.dumps(entries))
        self._environment["ZKLLM_NETWORKS"] = str(path)

    # ---- the command line
    def zkllm(self, *arguments: object) -> Outcome:
        """`python -m zkllm ...`."""
        return self._run("-m", "zkllm", *arguments)

    def settle(self, person: str, network: str, command: str, *arguments: object) -> Outcome:
        """`python -m zkllm.settle COMMAND ...` by a person; "" is no command."""
        return self._run(*self._settle(person, network, command, *arguments))

    def start(self, person: str, network: str, command: str, *arguments: object) -> subprocess.Popen[str]:
        """As `settle`, without waiting."""
        process = self._popen(*self._settle(person, network, command, *arguments))
        self._stack.callback(process.kill)
        return process

    def outcome(self, process: subprocess.Popen[str]) -> Outcome:
        try:
            out, err = process.communicate(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong(f"a command did not end in {WAIT_SECONDS:.0f} s") from None
        words = [str(w) for w in process.args[1:]] if isinstance(process.args, list) else []
        return Outcome(" ".join(words[:4]), process.returncode, out, err)

    def _settle(self, person: str, network: str, command: str, *arguments: object) -> list[object]:
        options = ["--network", network, "--home", self.home(person), "--key-env", _key_name(person)]
        named = [command] if command else []
        return ["-m", "zkllm.settle", *named, *options, *arguments, "--json", "--quiet"]

    def _run(self, *arguments: object) -> Outcome:
        return self.outcome(self._popen(*arguments))

    def _popen(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=self.work,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    # ---- people and their records
    def home(self, person: str) -> Path:
        return self.work / person

    def record(self, person: str, prefix: str) -> Record | None:
        """The newest transaction of a kind in a person's journal."""
        journal = Journal(self.home(person) / "transactions" / str(DEV_CHAIN_ID))
        found = [record for record in journal.all() if record.intent.startswith(prefix)]
        return found[-1] if found else None


def address(person: str) -> bytes:
    return development_account(PEOPLE.index(person)).address


def named(raw: bytes) -> str:
    """An address as the commands take it."""
    return checksum_address(raw)


def _key_name(person: str) -> str:
    return f"KEY_OF_{person.upper()}"


def _secret(index: int) -> str:
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    return key_from_seed(seed_from_mnemonic(DEV_MNEMONIC, ""), f"m/44'/60'/0'/0/{index}").hex()


# ---- calls that no client checks
def reverts(rpc: Rpc, sender: bytes, to: bytes | None, data: bytes, error: str) -> None:
    """The chain itself refuses the call (`to` None: the creation), with this error and no other."""
    transaction = {"from": to_hex(sender), "data": to_hex(data), "gas": hex(12_000_000)}
    if to is not None:
        transaction["to"] = to_hex(to)
    try:
        rpc.request("eth_call", transaction, "latest")
    except Reverted as reverted:
        found = ERRORS.get(reverted.data[:4], f"0x{reverted.data[:4].hex()}")
        check(found == error, f"the chain was to refuse with {error}, not with {found}")
        return
    raise Wrong(f"the chain takes what it was to refuse with {error}")
