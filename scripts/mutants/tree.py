"""A copy of the repository in which one mutant at a time is tested; the working tree is never touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.common import resident
from zkllm.settle.executables import foundry_program

from .areas import Stage
from .mutation import Mutant

MEMORY = 4 << 30
TEST_SECONDS = 900
"""Of one test of pytest, beyond which it is taken to hang."""
GENERATE = ("-m", "scripts.generate.verifiers")


class ToolError(Exception):
    """A tool could not be run, or the tests fail without a mutant."""


@dataclass(frozen=True)
class Result:
    """`status`: "passed", "killed", or "invalid" (it does not compile). `by`: the test that failed, "hang" or
    "memory"."""

    status: str
    by: str = ""
    cpu: float = 0.0
    output: str = ""


def forge() -> str:
    program = foundry_program("forge")
    if program is None:
        raise ToolError("no forge in node_modules; run: make setup")
    return str(program)


class Tree:
    """build/mutants/tree-<number>."""

    def __init__(self, number: int, root: Path):
        self.root = root
        self.path = root / f"build/mutants/tree-{number}"

    def refresh(self) -> None:
        """Makes the copy what the working tree is, file by file, so that forge's cache stays good."""
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        names = {n for n in listed.stdout.splitlines() if (self.root / n).is_file()}
        names |= {str(p.relative_to(self.root)) for p in (self.root / "zkllm").glob("_native*.so")}
        for name in sorted(names):
            self.restore(name)
        for folder in ("zkllm", "verifier_gen", "contracts", "tests", "testkit", "scripts"):
            for path in (self.path / folder).rglob("*"):
                is_own = "__pycache__" in path.parts or path.is_dir()
                if not is_own and str(path.relative_to(self.path)) not in names:
                    path.unlink()
        for link in (".venv", "node_modules"):
            if not (self.path / link).exists():
                (self.path / link).symlink_to((self.root / link).resolve())

    def restore(self, name: str) -> None:
        source, target = self.root / name, self.path / name
        if target.exists() and target.stat().st_size == source.stat().st_size:
            if target.read_bytes() == source.read_bytes():
                return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)  # with its mode: solc.js is run

    def test(self, mutant: Mutant | None, stage: Stage, limit: float | None, first: str = "") -> Result:
        """Runs a stage's tests on a mutant, up to the first that fails. `limit`: seconds of one process."""
        if mutant is not None:
            source = (self.root / mutant.file).read_text()
            (self.path / mutant.file).write_text(mutant.apply(source))
        try:
            return self._test(stage, limit, first)
        finally:
            if mutant is not None:
                self.restore(mutant.file)
            if stage.generate:
                for path in (self.root / "contracts/generated").rglob("*.sol"):
                    self.restore(str(path.relative_to(self.root)))

    def _test(self, stage: Stage, limit: float | None, first: str) -> Result:
        cpu, output = 0.0, ""
        for name, command in self._commands(stage, first):
            ended, output, used = self._run(command, limit)
            cpu += used
            if ended == "failed" and name == "build":
                return Result("invalid", "", cpu, output)
            if ended == "failed":
                return Result("killed", failed_test(output) or name, cpu, output)
            if ended:
                return Result("killed", ended, cpu, output)
        return Result("passed", "", cpu, output)

    def _commands(self, stage: Stage, first: str) -> list[tuple[str, list[str]]]:
        python = str(self.path / ".venv/bin/python")
        commands = []
        if stage.generate:
            commands.append(("the generator", [python, *GENERATE]))
        if stage.pytest:
            options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-rfE", "--hypothesis-seed=0"]
            options += [
                "-o",
                f"faulthandler_timeout={TEST_SECONDS}",
                "-o",
                "faulthandler_exit_on_timeout=true",
            ]
            files = list(stage.pytest)
            if "::" in first and (self.path / first.split("::")[0]).is_file():
                files.insert(0, first)
            commands.append(("pytest", [python, "-m", "pytest", *options, *files]))
        if stage.forge:
            files = list(stage.forge)
            commands.append(("build", [forge(), "build"]))
            for path in files:
                commands.append((path, [forge(), "test", "--fail-fast", "--match-path", path]))
        return commands

    def _run(self, command: list[str], limit: float | None) -> tuple[str, str, float]:
        """("" or "failed", "hang", "memory"; output; CPU seconds).

        The limit is of CPU, so that a busy machine makes no hangs; what sleeps is pytest's to end.
        """
        log = self.path / "build-mutant.log"
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.path),
            "FOUNDRY_FUZZ_SEED": "0x5",
            "NO_COLOR": "1",
        }
        environment |= {"FOUNDRY_LINT_LINT_ON_BUILD": "false", "PYTHONDONTWRITEBYTECODE": "1"}
        if limit is not None:
            command = ["/bin/sh", "-c", f'ulimit -t {int(limit) + 1}; exec "$@"', "sh", *command]
        with log.open("w") as output:
            child = subprocess.Popen(
                command, cwd=self.path, env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            ended = ""
            try:
                while True:
                    pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                    if pid:
                        child.returncode = os.waitstatus_to_exitcode(status)
                        break
                    if resident(child.pid) > MEMORY:
                        ended = "memory"
                        break
                    time.sleep(0.05)
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)  # its own session: nothing else is in it
                except ProcessLookupError:
                    pass
                if child.returncode is None:
                    _, status, usage = os.wait4(child.pid, 0)
                    child.returncode = os.waitstatus_to_exitcode(status)
        text = log.read_text(errors="replace")
        if not ended and child.returncode:
            over = child.returncode in (-signal.SIGXCPU, -signal.SIGKILL) or "\nTimeout (" in text
            ended = "hang" if over else "failed"
        return ended, text, usage.ru_utime + usage.ru_stime


def failed_test(output: str) -> str:
    """The first test that a log of pytest or forge says failed."""
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" ", 1)[1].split(" - ")[0]
        if line.startswith("[FAIL"):
            return line.rsplit("] ", 1)[-1].split("(")[0]
    return ""


if sys.platform != "linux":
    raise ToolError("make mutants needs Linux: /proc, wait4")
