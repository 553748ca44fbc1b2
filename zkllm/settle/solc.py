"""The Solidity compiler, through py-solc-x: the one version whose bytes everyone compares with."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from verifier_gen.standard_json import SOLC_VERSION
from zkllm.errors import SettlementError, reason
from zkllm.files import JsonObject
from zkllm.settle.executables import named_program, program_on_path
from zkllm.settle.rpc import one_line

ENVIRONMENT = "ZKLLM_SOLC"
CURE = (
    f"put it on PATH, set ${ENVIRONMENT} to it, or (Node >= 18) run npm install -g solc@{SOLC_VERSION} "
    "and set NODE_PATH to what npm root -g prints"
)
"""Where there is no compiler of the right version."""


def compile_standard(request: JsonObject) -> JsonObject:
    """Output for standard JSON input; a refusal is an error of one line."""
    with _solc() as binary:
        return compile_with(binary, request)


def compile_with(binary: Path, request: JsonObject) -> JsonObject:
    """The same by a compiler that is given."""
    import solcx
    from solcx.exceptions import SolcError

    try:
        output: JsonObject = solcx.compile_standard(dict(request), solc_binary=binary)
    except SolcError as error:
        words = error.message or error.stderr_data or "no reason given"
        raise SettlementError(f"solc refused the contracts: {one_line(str(words))}") from None
    except (OSError, ValueError) as error:
        raise SettlementError(f"{binary} does not work as a Solidity compiler: {reason(error)}") from None
    return output


@contextmanager
def compilers() -> Iterator[list[tuple[str, Path]]]:
    """Every compiler of the right version on this machine: (where it comes from, program)."""
    with as_file(files("verifier_gen").joinpath("solc.js")) as wrapper:
        candidates = (
            (f"${ENVIRONMENT}", named_program(ENVIRONMENT)),
            ("npm's solc (WebAssembly)", wrapper),
            ("the solc on PATH", program_on_path("solc")),
            ("py-solc-x's solc", _installed(SOLC_VERSION)),
        )
        found: dict[Path, str] = {}
        for name, path in candidates:
            if path is not None and path.resolve() not in found and _version(path) == SOLC_VERSION:
                found[path.resolve()] = name
        yield [(name, path) for path, name in found.items()]


@contextmanager
def _solc() -> Iterator[Path]:
    """$ZKLLM_SOLC, the wrapper of npm's solc, a `solc` on PATH, or one that py-solc-x has installed."""
    named = named_program(ENVIRONMENT)
    if named is not None:
        if _version(named) != SOLC_VERSION:
            raise SettlementError(
                f"${ENVIRONMENT} must be solc {SOLC_VERSION}, since deployed code is compared"
            )
        yield named
        return
    with as_file(files("verifier_gen").joinpath("solc.js")) as wrapper:
        for candidate in (wrapper, program_on_path("solc"), _installed(SOLC_VERSION)):
            if candidate is not None and _version(candidate) == SOLC_VERSION:
                yield candidate
                return
    raise SettlementError(f"compiling contracts needs solc {SOLC_VERSION}: {CURE}")


def _version(binary: Path) -> str | None:
    """None where it cannot be run. What it complains of is not shown: another candidate may do."""
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    found = re.search(r"Version: (\d+\.\d+\.\d+)\+", done.stdout)
    return found[1] if found else None


def _installed(version: str) -> Path | None:
    import solcx

    folder = os.environ.get("SOLCX_BINARY_PATH") or str(Path.home() / ".solcx")
    if not Path(folder).is_dir():  # py-solc-x would make it
        return None
    try:
        return Path(solcx.install.get_executable(version))
    except Exception:  # of many kinds, all meaning that it is not there
        return None
