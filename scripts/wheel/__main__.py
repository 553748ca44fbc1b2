"""`make wheel`: wheels for Linux, on x86-64 or arm64, in dist/, for every Python from 3.11 on (abi3) and
every system with glibc 2.28 or newer (manylinux_2_28). Zig links, so that this system's glibc does not count.

Each wheel is inspected, then installed in a fresh environment and used from an empty folder: that of another
machine under qemu, where docs/tools.md's folder is there. Runs in an environment with requirements.txt."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from scripts.wheel.inspect_wheel import MACHINES, WheelError, inspect, machine_of
from scripts.wheel.try_wheel import Untried, python_of, try_out

ROOT = Path(__file__).resolve().parents[2]
GLIBC = "2.28"


def target(machine: str) -> str:
    return f"{machine}-unknown-linux-gnu"


def build(machine: str, out: Path) -> Path:
    """The wheel, newly made, by cargo's $RUSTC where that is set. Raises WheelError."""
    rustc = os.environ.get("RUSTC") or "rustc"
    installed = subprocess.run(
        [rustc, "--print", "target-libdir", "--target", target(machine)], capture_output=True, text=True
    )
    if not Path(installed.stdout.strip() or "/none").is_dir():
        raise WheelError(f"{rustc} has no target {target(machine)}: run rustup target add {target(machine)}")
    tools = Path(sys.executable).parent
    command: list[str | Path] = [
        tools / "maturin",
        "build",
        "--release",
        "--zig",
        "--quiet",
        "--target",
        target(machine),
    ]
    command += ["--compatibility", f"manylinux_{GLIBC.replace('.', '_')}", "--out", out]
    command += ["--manifest-path", ROOT / "native" / "Cargo.toml"]
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.whl")}
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        raise WheelError(f"maturin could not build the wheel for {machine}: see above")
    made = [p for p in out.glob(f"*{machine}.whl") if before.get(p) != p.stat().st_mtime_ns]
    if len(made) != 1:
        raise WheelError(f"{out}: {len(made)} new wheels for {machine} instead of one")
    return made[0]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.wheel", description=__doc__)
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help="x86_64 (default), aarch64")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--check", type=Path, metavar="WHEEL", help="check this one, build none")
    arguments = parser.parse_args()
    unknown = set(arguments.machines) - set(MACHINES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: the machines are {', '.join(MACHINES)}")
    try:
        wheels = [arguments.check] if arguments.check else []
        for machine in () if wheels else arguments.machines or ("x86_64",):
            print(f"wheel: {machine} (some minutes the first time)", flush=True)
            wheels.append(build(machine, arguments.out))
        for wheel in wheels:
            print(f"{wheel.name}: {inspect(wheel, GLIBC)}", flush=True)
            try:
                used = try_out(wheel, *python_of(machine_of(wheel)))
            except Untried as reason:
                used = f"not tried: {reason}"
            print(f"{wheel.name}: {used}", flush=True)
    except WheelError as error:
        print(f"wheel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
