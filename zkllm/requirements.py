"""What to say where a package is missing: the release that this one was made for, from its own metadata."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

FLOAT_MODEL = ("torch", "transformers")
"""What the float model needs: the extra `model`."""
SERVICE = ("fastapi", "starlette", "uvicorn", "pydantic", "prometheus_client")
"""What `zkllm serve` needs: the extra `serve`."""
CLUSTER = ("ray",)
"""What work over several processes or machines needs: the extra `cluster`."""
_DISTRIBUTIONS = {"Crypto": "pycryptodome", "solcx": "py-solc-x"}
"""Where a module is of another name than what is installed."""


def _name(text: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", text)
    return re.sub(r"[-_.]+", "-", found[0] if found else text).lower()


def pinned(extra: str = "") -> dict[str, str] | None:
    """The releases that this one was made for, by package: what it always needs, or what an extra adds. None
    where zkllm is not installed."""
    try:
        lines = requires("zkllm") or []
    except PackageNotFoundError:
        return None
    wanted = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        found = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        if (found[1] if found else "") == extra:
            name, _, release = requirement.strip().partition("==")
            wanted[_name(name)] = release
    return wanted


def install(*modules: str) -> str:
    """The command that installs these modules' packages."""
    try:
        lines = requires("zkllm") or []
    except PackageNotFoundError:  # run from a checkout
        lines = []
    pins = {_name(line): line.partition(";")[0].strip() for line in lines}
    names = [_DISTRIBUTIONS.get(module, module) for module in modules]
    return pip_install(pins.get(_name(name), _name(name)) for name in names)


def pip_install(packages: Iterable[str]) -> str:
    """By the pip of this Python, which is named by its path where the shell's is another one, or none."""
    found = shutil.which("pip")
    ours = found is not None and Path(found).parent.samefile(Path(sys.executable).parent)
    pip = "pip" if ours else f"{shlex.quote(sys.executable)} -m pip"
    return f"{pip} install {' '.join(packages)}"
