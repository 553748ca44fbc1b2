"""What a wheel must hold, whatever machine it is for: read, not run."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("zkllm", "verifier_gen")
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}
MODULE = "zkllm/_native.abi3.so"


class WheelError(Exception):
    """The wheel is not what it should be."""


def machine_of(wheel: Path) -> str:
    """By its name, which ends with the machine; raises WheelError where that is none of ours."""
    found = next((m for m in MACHINES if wheel.name.endswith(f"_{m}.whl")), None)
    if found is None:
        raise WheelError(f"{wheel.name}: not a wheel for {' or '.join(MACHINES)}")
    return found


def inspect(wheel: Path, glibc: str) -> str:
    """What was found in order; raises WheelError."""
    machine, tags = machine_of(wheel), wheel.stem.split("-")
    if tags[2:4] != ["cp311", "abi3"] or f"manylinux_{glibc.replace('.', '_')}_" not in tags[4]:
        raise WheelError(f"{wheel.name}: not a wheel of abi3 and manylinux {glibc}")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        missing = sorted(tracked() - names)
        if missing:
            raise WheelError(f"{wheel.name}: {len(missing)} files of the packages are missing: {missing[:3]}")
        if MODULE not in names:
            raise WheelError(f"{wheel.name}: no {MODULE}")
        newest = _inspect_module(archive.read(MODULE), machine, glibc, wheel.name)
    return f"{len(names)} files, all of the packages; {machine}, abi3, glibc {newest}"


def tracked() -> set[str]:
    """Files of the packages, data among them, as the repository has them."""
    listed = subprocess.run(["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, capture_output=True, check=True)
    return {name for name in listed.stdout.decode().split("\0") if name}


def _inspect_module(data: bytes, machine: str, glibc: str, name: str) -> str:
    """The newest glibc that it asks for."""
    module = ELFFile(io.BytesIO(data))
    if module["e_machine"] != MACHINES[machine]:
        raise WheelError(f"{name}: its module is for {module['e_machine']}")
    symbols = module.get_section_by_name(".dynsym")
    if not isinstance(symbols, SymbolTableSection):
        raise WheelError(f"{name}: its module exports nothing")
    exported = {s.name for s in symbols.iter_symbols() if s["st_shndx"] != "SHN_UNDEF"}
    if "PyInit__native" not in exported:
        raise WheelError(f"{name}: its module does not export PyInit__native")
    needed = [s for s in module.iter_sections() if isinstance(s, GNUVerNeedSection)]
    versions = [a.name for s in needed for _, entries in s.iter_versions() for a in entries]
    glibcs = [_numbers(v.removeprefix("GLIBC_")) for v in versions if v.startswith("GLIBC_2")]
    newest = max(glibcs, default=(0,))
    if newest > _numbers(glibc):
        raise WheelError(f"{name}: its module asks for glibc {'.'.join(map(str, newest))}")
    return ".".join(map(str, newest))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
