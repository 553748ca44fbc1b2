"""Many jobs through one node, proved and settled: half are answers that clients want settled, half requests
of the chain with a reward. In the end each was settled, none twice, and no process has more memory than it
had after the first ones.

    python -m scripts.serve.soak [--jobs N] [--model DIR | --toy]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from scripts import ROOT
from scripts.serve import toy
from scripts.serve.ledger import require_settled_once
from scripts.serve.running import NodeEnded, RunningNode
from scripts.serve.usage import Usage, usages
from testkit.checkpoints import write_checkpoint
from zkllm import api
from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.model.package import ModelPackage
from zkllm.serve.jobs import State
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.escrow import State as RequestState
from zkllm.settle.escrow import read_request, request_call
from zkllm.settle.networks import network
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session
from zkllm.statement import claim_id, prompt_digest, request_id
from zkllm.units import ETHER

WORK, TOY_WORK = (ROOT / "build" / name for name in ("serve-soak", "serve-soak-toy"))
RESULT = "result.json"
NODE = 0
CLIENTS, ASKERS = 4, (1, 2, 3, 4)
"""Threads that ask over HTTP, and development accounts that post requests: each has one job at a time."""
SAMPLES = 20
SMALL = {"layers": 1, "heads": 2, "width": 16, "vocab_size": 270, "n_ctx": 8}
ROWS = 4
WARM = 0.1
"""Of the jobs: before them caches fill."""
MIB = 1 << 20
MOST_GROWTH = 16 * MIB
"""Bytes that a process may have more in the end: far less than a leak of a kilobyte a job and process would
be noise, but more than allocators' ups and downs."""
MOST_MORE = 8
"""The same of open files, and of threads."""
REWARD = ETHER // 100
SECONDS = 7 * 86400
"""To the requests' deadlines."""
PAUSE = 0.5

Sample = tuple[int, float, dict[str, Usage]]
"""Jobs that are settled, seconds since the first was asked for, what each process uses."""


def prompt_of(number: int) -> list[int]:
    return [number % 256, number // 256 % 256, 65]


class Soak:
    """A node at work, and those who ask it `jobs` questions; `folder`: theirs."""

    def __init__(self, node: RunningNode, rpc: Rpc, package: ModelPackage, jobs: int, folder: Path):
        self._folder = folder
        self._node, self._rpc, self._package, self._jobs = node, rpc, package, jobs
        self._model_id = api.open_setup(package).model_id
        self.contract = self._session(ASKERS[0]).locate(owner=development_account(NODE).address)
        self._numbers, self._lock = iter(range(jobs)), threading.Lock()
        self._troubles: list[str] = []

    @property
    def claims(self) -> set[bytes]:
        """That are settled in the end."""
        digests = [prompt_digest(prompt_of(number)) for number in range(self._jobs)]
        return {claim_id(self._model_id, 1, digest) for digest in digests}

    def run(self, tell: Callable[[list[Sample]], None]) -> list[Sample]:
        """Until all are settled. ZkllmError where one fails, or the node ends."""
        asks: list[Callable[[int], None]] = [self._answer] * CLIENTS + [self._asker(i) for i in ASKERS]
        threads = [threading.Thread(target=self._work, args=[ask], daemon=True) for ask in asks]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        samples: list[Sample] = []
        for mark in [int(self._jobs * (WARM + (1 - WARM) * i / SAMPLES)) for i in range(SAMPLES + 1)]:
            while self._settled() < mark:
                time.sleep(PAUSE)
            samples.append((mark, time.monotonic() - start, usages(self._node.process.pid)))
            tell(samples)
        for thread in threads:
            thread.join()
        self._look()
        return samples

    def _settled(self) -> int:
        self._look()
        text = self._node.read("/metrics").decode()
        lines = [line.split() for line in text.splitlines() if line.startswith("zkllm_jobs{")]
        counts = {name: int(float(value)) for name, value in lines}
        for state in (State.FAILED, State.CANCELLED):
            if lost := counts[f'zkllm_jobs{{state="{state}"}}']:
                raise ZkllmError(f"{lost} jobs are {state}: see {self._node.log}")
        return counts[f'zkllm_jobs{{state="{State.SETTLED}"}}']

    def _look(self) -> None:
        if self._troubles:
            raise ZkllmError(f"{self._troubles[0]}; {self._node.log} may say more")
        if (code := self._node.process.poll()) is not None:
            raise ZkllmError(f"the node ended with exit code {code}; {self._node.log} says why")

    # ---- who asks
    def _work(self, ask: Callable[[int], None]) -> None:
        try:
            while True:
                with self._lock:
                    number = next(self._numbers, None)
                if number is None:
                    return
                ask(number)
        except Exception as error:
            self._troubles.append(f"one who asks ended: {type(error).__name__}: {error}")

    def _answer(self, number: int) -> None:
        """Over HTTP, to be settled; then the proof's events are followed to their end."""
        body = {"model": self._package.folder.name, "prompt": prompt_of(number), "zkllm": {"settle": True}}
        proof = self._node.post("/v1/completions", body)["zkllm"]["proof_id"]
        if b"event: done" not in self._node.read(f"/v1/proofs/{proof}/events"):
            raise ZkllmError(f"the events of {proof} ended before its job")

    def _asker(self, account: int) -> Callable[[int], None]:
        session = self._session(account)

        def ask(number: int) -> None:
            """A request with a reward, which is waited for."""
            prompt, salt = prompt_of(number), number.to_bytes(32, "big")
            found, deadline = request_id(session.account.address, salt), session.rpc.timestamp() + SECONDS
            session.execute(
                request_call(self.contract, found, self._model_id, prompt, 1, deadline, salt, REWARD)
            )
            while read_request(session.rpc, self.contract, found).state is RequestState.OPEN:
                time.sleep(PAUSE)

        return ask

    def _session(self, account: int) -> Session:
        """With a connection of its own: each is one thread's."""
        rpc = Rpc(self._rpc.url, "anvil")
        return Session(
            rpc, network("anvil"), development_account(account), self._folder / f"account-{account}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--model", help="a package (default: one of a layer, width 16)")
    parser.add_argument(
        "--toy", action="store_true", help="proofs of a tenth of a second: all but the prover"
    )
    arguments = parser.parse_args()
    try:
        more = run(arguments.jobs, arguments.model, arguments.toy)
    except (ZkllmError, NodeEnded) as error:
        print(f"serve-soak: {error}", file=sys.stderr)
        return 1
    for what in more:
        print(f"serve-soak: {what}", file=sys.stderr)
    return 1 if more else 0


def package_of(model: str | None, is_toy: bool, folder: Path) -> ModelPackage:
    if model is not None:
        return api.open_package(model)
    package = api.setup(write_checkpoint(folder / "checkpoint", **SMALL), folder / "small", rows=ROWS)
    if is_toy:
        toy.put_toy_keys(package, [(ROWS, 1)])
    return package


def run(jobs: int, model: str | None = None, is_toy: bool = False) -> list[str]:
    """What has grown."""
    folder = TOY_WORK if is_toy else WORK
    shutil.rmtree(folder, ignore_errors=True)
    package, data = package_of(model, is_toy, folder), folder / "node"
    with LocalNode() as chain:
        options = ["--model", str(package.folder), "--data", str(data), "--port", "0"]
        options += ["--network", "anvil", "--deploy"]
        environment = {"ZKLLM_ANVIL_RPC_URL": chain.url, "PYTHONPATH": str(ROOT)}
        os.environ["ZKLLM_ANVIL_RPC_URL"] = chain.url
        program = toy.NODE if is_toy else "zkllm"
        with RunningNode(options, folder / "log", environment, program) as node:
            soak = Soak(node, chain.rpc, package, jobs, folder)
            samples = soak.run(lambda samples: note(folder, samples))
        account = development_account(NODE).address
        found = require_settled_once(data, chain.rpc, soak.contract, account, soak.claims)
    note(folder, samples, found)
    _, seconds, last = samples[-1]
    print(f"{jobs} jobs in {seconds:.0f} s, {seconds / jobs:.2f} s each: all settled, none twice")
    state, journal = (found[name] / jobs for name in ("state_bytes", "journal_bytes"))
    print(f"on disk {state:,.0f} bytes a job, and {journal:,.0f} of its transaction")
    first = samples[0][2]
    for name, end in last.items():
        begin = first[name]
        print(
            f"{name:9} {begin.memory / MIB:6.1f} MiB, {begin.files} files, {begin.threads} threads after "
            f"{WARM:.0%} of the jobs; {end.memory / MIB:6.1f} MiB, {end.files}, {end.threads} in the end"
        )
    return grown(first, last)


def note(folder: Path, samples: list[Sample], found: JsonObject | None = None) -> None:
    """Into the file; a run that is ended has said so much."""
    rows = [
        {"jobs": jobs, "seconds": seconds, **{name: asdict(usage) for name, usage in used.items()}}
        for jobs, seconds, used in samples
    ]
    (folder / RESULT).write_text(json.dumps({"samples": rows, **(found or {})}, indent=1) + "\n")


def grown(first: dict[str, Usage], last: dict[str, Usage]) -> list[str]:
    """What a process has more of in the end than its ups and downs explain."""
    found = []
    for name, end in last.items():
        begin = first[name]
        if end.memory - begin.memory > MOST_GROWTH:
            more = (end.memory - begin.memory) / MIB
            found.append(f"the memory of the {name} has grown by {more:.0f} MiB")
        for what, more in (("files", end.files - begin.files), ("threads", end.threads - begin.threads)):
            if more > MOST_MORE:
                found.append(f"the {name} has {more} more {what} in the end")
    return found


if __name__ == "__main__":
    sys.exit(main())
