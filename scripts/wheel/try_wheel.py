"""A wheel, installed in a fresh environment and used from an empty folder: on its machine, or under qemu."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.wheel.inspect_wheel import ROOT, WheelError

FOREIGN = ROOT / "build" / "wheel"
"""Another machine's Debian, in a folder of its name: docs/tools.md says how to get one."""

SCRIPT = """
from importlib.resources import files
import zkllm, verifier_gen
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE
coordinates = [3, 1 << 200, 7]
assert [int(x) for x in NATIVE.eq_table(coordinates)] == [int(x) for x in NAIVE.eq_table(coordinates)]
for package, name in (("zkllm.settle", "settlement.json"), ("zkllm.settle", "networks.json"),
                      ("zkllm.explorer", "static/index.html"), ("verifier_gen", "solc.js")):
    assert files(package).joinpath(name).read_bytes(), name
print(zkllm.__file__)
"""


class Untried(Exception):
    """Why wheels of a machine cannot be tried here."""


def python_of(machine: str) -> tuple[Path, Mapping[str, str]]:
    """A Python of that machine which runs here, and what it wants in the environment. Raises Untried."""
    if machine == platform.machine():
        return Path(sys.executable), {}
    root = FOREIGN / machine
    python, libraries = root / "usr" / "bin" / "python3", {"QEMU_LD_PREFIX": str(root)}
    if not python.exists():
        raise Untried(f"no {python}; docs/tools.md says how to get it")
    try:
        subprocess.run(
            [python, "-c", "import ensurepip, venv"],
            env=os.environ | libraries,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Untried(f"{python} does not run here (qemu-user-static would do it): {error}") from error
    return python, libraries


def try_out(wheel: Path, base: Path, more: Mapping[str, str]) -> str:
    """What was done, with the Python `base`, `more` in its environment; raises WheelError. Everything that is
    made is removed."""
    with tempfile.TemporaryDirectory(prefix="zkllm-wheel-") as place:
        venv, empty = Path(place, "venv"), Path(place, "empty")
        empty.mkdir()
        python = venv / "bin" / "python"
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "NODE_PATH", "ZKLLM_BACKEND")
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        environment |= {"ZKLLM_CACHE": str(Path(place, "cache")), "HOME": place, **more}

        def run(*command: str | Path) -> str:
            done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
            if done.returncode:
                lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
                raise WheelError(f"{wheel.name}: {Path(command[0]).name} {command[1]}: {lines[-1]}")
            return done.stdout.strip()

        run(base, "-m", "venv", venv)
        cache = {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")}
        environment |= cache
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel.resolve())
        imported = run(python, "-c", SCRIPT)
        if not Path(imported).is_relative_to(venv):
            raise WheelError(f"{wheel.name}: zkllm was imported from {imported}")
        zkllm = venv / "bin" / "zkllm"
        version = run(zkllm, "--version")
        run(zkllm, "doctor", "--quiet")
        run(zkllm, "completion", "bash")
        run(zkllm, "explorer", "--out", "site", "--network", "sepolia", "--contract", "0x" + "11" * 20)
    return f"installed and used: {version}"
