"""Where programs are looked for: an environment variable, the repository of an editable install, PATH. Never
the working directory, which anybody may have filled.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from zkllm.errors import SettlementError
from zkllm.settle.rpc import one_line


def named_program(variable: str) -> Path | None:
    """The program that an environment variable names, if it is set."""
    named = os.environ.get(variable)
    if not named:
        return None
    found = shutil.which(named)
    if found is None:
        raise SettlementError(f"${variable} names {one_line(named)}, which is not an executable file")
    return Path(found)


def program_on_path(name: str) -> Path | None:
    """On PATH, whose relative entries are passed over: they mean the working directory."""
    path = os.pathsep.join(entry for entry in os.get_exec_path() if os.path.isabs(entry))
    found = shutil.which(name, path=path)
    return None if found is None else Path(found)


def node_modules() -> Path:
    """Those of the repository, where this package is run from one."""
    return Path(__file__).resolve().parents[2] / "node_modules"


def foundry_program(name: str) -> Path | None:
    """Foundry's `anvil`, `forge` or `cast` in the repository: the program of npm's platform package, since
    the wrapper in node_modules/.bin drops its exit code."""
    found = node_modules() / foundry_path(name)
    return found if os.access(found, os.X_OK) else None


def foundry_path(name: str) -> Path:
    """Where npm's platform package has a program, below node_modules."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return Path("@foundry-rs") / f"{name}-{platform.system().lower()}-{architecture}" / "bin" / name
