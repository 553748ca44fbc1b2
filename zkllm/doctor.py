"""What this program relies on, examined: machine, kernels, packages, tools, the cache and a network's node.
Changes nothing; what is optional and missing is a warning, with what it is for."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__
from .cache import DEVELOPMENT, PTAU, cache_directory
from .cache_entries import entries
from .errors import SettlementError, ZkllmError, reason
from .files import require_folder_place
from .findings import Finding
from .memory import GIB, available_memory
from .requirements import pinned, pip_install
from .timings import available_cores

LEAST_MEMORY = 1 * GIB
"""Below it a warning: the demo model takes less, published models more."""
LEAST_DISK = 2 * GIB
"""Of the cache: the development SRS for columns of 2^24 coefficients takes 1.1 GB."""
EXTRAS = {
    "model": "the float model: zkllm accuracy, zkllm prove --float-logits",
    "gguf": "GGUF files in the place of a checkpoint",
    "serve": "zkllm serve, a node that answers and proves",
    "cluster": "--ray: work over several processes or machines",
}
"""Of the wheel: what each is for."""
_PROGRAM_SECONDS = 20.0


def examine(network: str | None = None, rpc_url: str | None = None) -> list[Finding]:
    findings = [*_python(), *_kernels(), *_machine(), *_packages(), *_cache(), *_tools()]
    return findings + (list(_network(network, rpc_url)) if network is not None else [])


# ---- the machine


def _python() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield Finding("ok", "zkllm", f"{__version__}, Python {platform.python_version()}, {system}")


def _kernels() -> Iterator[Finding]:
    from .kernels.backends import NAMES, VARIABLE, backends

    try:
        used, available = backends()
    except ImportError:
        yield Finding(
            "wrong",
            "kernels",
            "the native extension is not built, or not for this machine: nothing can be proved",
            "run make setup, or install the wheel of this machine",
        )
    except ZkllmError as error:
        yield Finding("wrong", "kernels", str(error), f"unset {VARIABLE}")
    else:
        text = f"{used}, of {', '.join(available)}"
        if used == available[-1]:
            yield Finding("ok", "kernels", text)
        else:
            cure = f"unset {VARIABLE} for {available[-1]}"
            yield Finding("warning", "kernels", f"{text}: a slower one is chosen", cure)
        if available[-1] != NAMES[-1]:
            text = f"this processor has no {NAMES[-1]}: proofs are the same, and take longer"
            yield Finding("warning", "processor", text, f"none, but a processor with {NAMES[-1]}")


def _machine() -> Iterator[Finding]:
    cores, all_cores = available_cores(), os.cpu_count() or 1
    note = "" if cores == all_cores else f" of {all_cores}: this process is held to them"
    yield Finding("ok", "cores", f"{cores}{note}")
    memory = available_memory()
    if memory is None:
        yield Finding("warning", "memory", "the system does not tell what is available")
    elif memory < LEAST_MEMORY:
        yield Finding(
            "warning",
            "memory",
            f"{memory / GIB:.1f} GiB available",
            "end other programs; zkllm setup MODEL --plan says what a model's proofs take",
        )
    else:
        yield Finding("ok", "memory", f"{memory / GIB:.1f} GiB available")


# ---- Python packages


def _packages() -> Iterator[Finding]:
    yield from _pins("", "packages", "")
    for extra, purpose in EXTRAS.items():
        yield from _pins(extra, extra, purpose)


def _pins(extra: str, about: str, purpose: str) -> Iterator[Finding]:
    """`purpose`: of an extra, which may be missing."""
    wanted = pinned(extra)
    if wanted is None:
        yield Finding("warning", about, "zkllm is run without being installed", "run make setup")
        return
    found = {name: _installed(name) for name in wanted}
    missing = [f"{name}=={wanted[name]}" for name, here in found.items() if here is None]
    other = [f"{name}=={wanted[name]}" for name, here in found.items() if here not in (None, wanted[name])]
    if missing:
        text = f"not installed: {', '.join(missing)}"
        text += f"; needed for {purpose}" if purpose else ""
        level = "warning" if purpose else "wrong"
        yield Finding(level, about, text, pip_install(missing))
    if other:
        here = ", ".join(f"{name} {found[name]}" for name in found if found[name] not in (None, wanted[name]))
        text = f"not the releases that zkllm is tested with: {here}"
        yield Finding("warning", about, text, pip_install(other))
    if not missing and not other:
        names = ", ".join(f"{name} {here}" for name, here in found.items()) if extra else f"all {len(found)}"
        yield Finding("ok", about, f"{names}, as pinned")


def _installed(name: str) -> str | None:
    """Its release, without what a builder appended (+cpu)."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


# ---- the cache


def _cache() -> Iterator[Finding]:
    folder = cache_directory()
    try:
        require_folder_place(folder)
        found = entries()
    except ZkllmError as error:
        yield Finding("wrong", "cache", str(error), "set ZKLLM_CACHE to a folder that you can write to")
        return
    total = sum(entry.bytes for entry in found)
    yield Finding("ok", "cache", f"{folder}: {len(found)} entries, {total / GIB:.2f} GiB (zkllm cache)")
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free
    if free < LEAST_DISK:
        cure = "make room (zkllm cache prune), or set ZKLLM_CACHE to a folder of another disk"
        yield Finding("warning", "disk", f"{free / GIB:.1f} GiB left for {folder}", cure)
    else:
        yield Finding("ok", "disk", f"{free / GIB:.1f} GiB left for {folder}")
    left = [entry for entry in found if entry.left_over]
    if left:
        text = f"{len(left)} files of runs that were killed"
        yield Finding("warning", "cache", text, "zkllm cache prune removes them")
    yield from _srs_files([e.paths[0] for e in found if e.kind in (DEVELOPMENT.name, PTAU.name)])


def _srs_files(paths: list[Path]) -> Iterator[Finding]:
    """Headers and sizes; what is inside is checked when it is used."""
    try:
        from .pcs.srs import read_header
    except (ImportError, ZkllmError):  # of the native extension: named above
        return
    powers: dict[str, list[int]] = {}
    for path in sorted(paths):
        try:
            header = read_header(path)
        except ZkllmError as error:
            yield Finding("wrong", "SRS", str(error), f"remove {path}: it is made again")
            continue
        powers.setdefault(header.kind, []).append(header.powers)
    for kind, counts in powers.items():
        note = ": anyone can forge, for tests only" if kind == "development" else ""
        yield Finding("ok", "SRS", f"{kind}, {len(counts)} files of up to {max(counts):,} powers{note}")
    if not paths:
        yield Finding("ok", "SRS", "none yet: the development SRS is made on first use")


# ---- tools


def _tools() -> Iterator[Finding]:
    if _installed("py-solc-x") is None or _installed("web3") is None:
        return  # named above
    yield from _solc()
    yield from _anvil()


def _solc() -> Iterator[Finding]:
    from verifier_gen.standard_json import SOLC_VERSION

    from .settle.solc import CURE, compilers

    try:
        with compilers() as found:
            names = [f"{SOLC_VERSION}, {name}: {path}" for name, path in found]
    except SettlementError as error:
        yield Finding("wrong", "solc", str(error), "set it to solc, or unset it")
        return
    if names:
        yield Finding("ok", "solc", names[0])
    else:
        text = f"no {SOLC_VERSION}: needed for deploying and for comparing deployed code"
        yield Finding("warning", "solc", text, CURE)


def _anvil() -> Iterator[Finding]:
    from .settle.anvil import ENVIRONMENT, find_anvil

    try:
        program = find_anvil()
    except SettlementError as error:
        wrong = bool(os.environ.get(ENVIRONMENT))
        yield Finding("wrong" if wrong else "warning", "Anvil", f"{error}; needed for local chains")
        return
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        cure = "install it again: npm install -g @foundry-rs/anvil"
        yield Finding("wrong", "Anvil", f"{program} does not run: {_why(error)}", cure)
        return
    first = (done.stdout.splitlines() or ["of no version"])[0]
    yield Finding("ok", "Anvil", f"{first}: {program}")


def _why(error: Exception) -> str:
    return reason(error) if isinstance(error, OSError) else type(error).__name__


# ---- a network


def _network(name: str, rpc_url: str | None) -> Iterator[Finding]:
    """Its node; `zkllm settle doctor` examines a model's contracts there."""
    from dataclasses import replace

    from .settle import network
    from .settle.doctor import examine_node
    from .settle.rpc import Rpc

    chosen = network(name)
    if rpc_url is not None:
        chosen = replace(chosen, rpc_url_flag=rpc_url)
    url = chosen.url()
    if url is None:
        cure = f"set ${chosen.rpc_url_env} to the URL of one, or give --rpc-url"
        yield Finding("wrong", "node", f"{name} has none", cure)
        return
    try:
        rpc, start = Rpc(url, name, patience=()), time.perf_counter()
        rpc.expect_chain(chosen.chain_id)
        yield from examine_node(chosen, rpc)
        yield Finding("ok", "node", f"answers in {(time.perf_counter() - start) * 1000:.0f} ms all told")
    except SettlementError as error:
        if chosen.local_node and not chosen.named_url:
            yield Finding("ok", "node", "none listens: commands start Anvil")
        else:
            cure = f"{chosen.whose_nodes()}; correct it, or use another node"
            yield Finding("wrong", "node", str(error), cure)
