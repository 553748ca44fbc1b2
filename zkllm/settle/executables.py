"""Where programs are looked for: an environment variable, the repository of an editable install, NODE_PATH,
PATH. Never the working directory, which anybody may have filled.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from zkllm.errors import SettlementError
from zkllm.settle.rpc import one_line

SCOPE = "@foundry-rs"
"""Of Foundry's packages at npm."""


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
    """Foundry's `anvil`, `forge` or `cast` of the repository, of a folder of NODE_PATH, or behind npm's
    wrapper on PATH: the program of npm's platform package, since the wrapper drops its exit code."""
    entries = os.environ.get("NODE_PATH", "").split(os.pathsep)
    folders = [node_modules(), *(Path(entry) for entry in entries if os.path.isabs(entry))]
    wrapper = program_on_path(name)
    if wrapper is not None and wrapper.resolve().parent.parts[-2:] == (SCOPE, name):
        folders.append(wrapper.resolve().parents[2])
    # what is installed globally has what it depends on inside
    nested = Path(SCOPE) / name / "node_modules"
    for folder in folders:
        for found in (folder / foundry_path(name), folder / nested / foundry_path(name)):
            if os.access(found, os.X_OK):
                return found
    return None


def foundry_path(name: str) -> Path:
    """Where npm's platform package has a program, below node_modules."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return Path(SCOPE) / f"{name}-{platform.system().lower()}-{architecture}" / "bin" / name
