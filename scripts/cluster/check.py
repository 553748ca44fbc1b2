"""Work over several machines of a Ray, all of them on this one: limited memory, processes that are killed,
results that must be the same to the byte, and what must be left of it: nothing. Prints a line for each step
with what was checked; ends at the first that goes wrong, with exit code 1."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts import ROOT
from testkit.checkpoints import write_checkpoint
from testkit.machines import Machines, killing
from testkit.processes import MARK, marked
from zkllm import api
from zkllm.cluster.local import require_token
from zkllm.key_files import opening_table_file, verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.proving import estimate_memory

PROMPTS = 6
SHARDS = 3


class Wrong(Exception):
    """A step that did not end as it must."""


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


class Way:
    """The steps in their order; each returns what it has checked, in words. Others append theirs."""

    def __init__(self, work: Path, machines: Machines, need: int, package: ModelPackage):
        self.work, self.machines, self.need, self.package = work, machines, need, package
        self.steps: list[Callable[[], str]] = [
            self.set_up,
            self.opening_table,
            self.many,
            self.many_again,
            self.sharded,
            self.too_little_memory,
            self.own_ray,
        ]

    def zkllm(self, *arguments: object, ray: bool = True, code: int = 0) -> dict[str, Any]:
        """A command in a process of its own; its JSON."""
        command = [sys.executable, "-m", "zkllm", *map(str, arguments), "--json", "--quiet"]
        command += ["--ray", self.machines.address] if ray else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        check(done.returncode == code, f"exit code {done.returncode}: {done.stdout} {done.stderr}")
        data: dict[str, Any] = json.loads(done.stdout)
        return data

    def set_up(self) -> str:
        with killing("_task", delay=0.0) as killed:
            out = self.work / "again"
            told = self.zkllm("setup", self.work / "checkpoint", "--out", out, "--max-tokens", 8, "--mu", 12)
        check(len(killed) == 1, "no process was killed")
        check(_files(out) == _files(self.package.folder), "the packages differ")
        return (
            f"a set-up of {told['fixed_columns']} columns, one process killed: the same package to the byte"
        )

    def opening_table(self) -> str:
        here = Path(shutil.copytree(self.package.folder, self.work / "here"))
        api.precompute(ModelPackage.load(here))
        with killing("_task", delay=0.0) as killed:
            told = self.zkllm("precompute", self.work / "again")
        check(len(killed) == 1, "no process was killed")
        tables = [opening_table_file(folder).read_bytes() for folder in (here, self.work / "again")]
        check(tables[0] == tables[1], "the tables differ")
        return f"an opening table of {told['columns']} columns, one process killed: the same to the byte"

    def many(self) -> str:
        lines = [json.dumps({"tokens": [i + 1, 2], "sealed": i == 0}) for i in range(PROMPTS)]
        (self.work / "prompts.jsonl").write_text("\n".join(lines))
        with killing("Prover.prove", times=2) as killed:
            told = self._many()
        check((told["proved"], len(killed)) == (PROMPTS, 2), f"{told}, {len(killed)} killed")
        for path in (self.work / "proofs").glob("*.zkllm"):
            proof = Proof.load(path)
            proof.verify(VerifyingKey.load(verifying_key_file(self.package.folder, *proof.shape)))
        count = len(list((self.work / "proofs").glob("*.zkllm")))
        check(count == PROMPTS, f"{count} proofs")
        return f"{PROMPTS} prompts on machines that hold one proof each, two processes killed: all verify"

    def many_again(self) -> str:
        (self.work / "proofs" / "000002.zkllm").unlink()
        told = self._many()
        check((told["found"], told["proved"]) == (PROMPTS - 1, 1), str(told))
        return "the same command again: what is there is found, and one that was lost is proved"

    def sharded(self) -> str:
        path = self.work / "sharded.zkllm"
        command = ["prove", self.package.folder, "--tokens", "1,2", "--max-tokens", 8, "--out", path]
        with killing("_Actor", delay=1.0) as killed:
            told = self.zkllm(*command, "--shards", SHARDS)
        cut = told["shards"]
        check((len(killed), cut["lost"]) == (1, 1), f"{len(killed)} killed, {cut['lost']} lost")
        check(max(cut["peak_memory_bytes"]) <= cut["estimated_memory_bytes"], f"memory: {cut}")
        proof = Proof.load(path)
        proof.verify(VerifyingKey.load(verifying_key_file(self.package.folder, *proof.shape)))
        sent = sum(sum(b[way].values()) for b in cut["bytes"].values() for way in ("sent", "received"))
        return (
            f"one proof over {SHARDS} workers, one of them killed: it verifies; each stayed under its "
            f"estimate, {sent:,} bytes crossed"
        )

    def too_little_memory(self) -> str:
        small = Machines(self.work / "ray2", [(2, self.need // 2), (2, self.need // 2)])
        usual, self.machines = self.machines, small
        try:
            told = self._many(out="none", code=1)
        finally:
            self.machines = usual
            small.end()
        check("no machine of the cluster offers that" in told["error"], told["error"])
        return "proofs that no machine has the memory for are refused before any of them is begun"

    def own_ray(self) -> str:
        before, mark = set(os.listdir("/dev/shm")), secrets.token_hex(8)
        os.environ[MARK], ours = mark, os.environ[MARK]
        try:
            told = self._many("--workers", 2, "--cores", 1, out="local", ray=False)
        finally:
            os.environ[MARK] = ours
        check(told["proved"] == PROMPTS, str(told))
        until = time.monotonic() + 10
        while (left := marked(mark)) and time.monotonic() < until:
            time.sleep(0.1)
        check(not left, f"processes are left: {list(left.values())}")
        check(set(os.listdir("/dev/shm")) <= before, "something is left in /dev/shm")
        return "a Ray of its own for one command: no process, no file, no shared memory is left"

    def _many(self, *options: object, out: str = "proofs", ray: bool = True, code: int = 0) -> dict[str, Any]:
        """Proves the prompts of the file into a folder of the work's."""
        command = ["prove-many", self.work / "prompts.jsonl", "--model", self.package.folder]
        command += ["--out", self.work / out, "--max-tokens", 8, *options]
        return self.zkllm(*command, ray=ray, code=code)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.environ.setdefault(MARK, secrets.token_hex(8))
    require_token()
    with tempfile.TemporaryDirectory(prefix="zkc", dir="/tmp") as name:
        work = Path(name)
        package = api.setup(write_checkpoint(work / "checkpoint"), work / "package", rows=8, mu=12)
        need = estimate_memory(package, 8, 1, sealed=True).private
        machines = Machines(work / "ray", [(1, 1 << 30), (2, 1 << 30), (1, need * 3 // 2)])
        try:
            for step in Way(work, machines, need, package).steps:
                start = time.perf_counter()
                try:
                    words = step()
                except Wrong as error:
                    print(f"WRONG {step.__name__.replace('_', ' ')}: {error}", file=sys.stderr)
                    return 1
                print(f"ok    {words} ({time.perf_counter() - start:.0f} s)", flush=True)
        finally:
            machines.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
