"""Faults of wheels that `make wheel` must find, in wheels around the module that tests run with."""

from __future__ import annotations

import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.wheel import inspect_wheel, try_wheel
from scripts.wheel.__main__ import build
from scripts.wheel.inspect_wheel import MODULE, ROOT, WheelError, inspect, machine_of, tracked
from scripts.wheel.try_wheel import Untried, python_of
from zkllm import _native

MACHINE = platform.machine()
MACHINES = list(inspect_wheel.MACHINES)
OTHER = next(m for m in MACHINES if m != MACHINE)
MODULE_BYTES = Path(str(_native.__file__)).read_bytes()
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def wheel(*, machine: str = MACHINE, without: str = "", module: bytes | None = MODULE_BYTES) -> Path:
        path = tmp_path / f"zkllm-0.1.0-cp311-abi3-manylinux_2_99_{machine}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in tracked() - {without}:
                archive.writestr(name, (ROOT / name).read_bytes())
            if module is not None:
                archive.writestr(MODULE, module)
        return path

    return wheel


def test_a_whole_wheel(make: Make) -> None:
    assert f"all of the packages; {MACHINE}, abi3, glibc 2." in inspect(make(), "2.99")


@pytest.mark.parametrize("name", ["zkllm/settle/settlement.json", "zkllm/explorer/static/index.html"])
def test_missing_data(make: Make, name: str) -> None:
    assert name in tracked()
    with pytest.raises(WheelError, match=f"1 files of the packages are missing: .*{name}"):
        inspect(make(without=name), "2.99")


def test_wrong_modules(make: Make) -> None:
    for module, machine, words in (
        (None, MACHINE, "no zkllm/_native"),
        (MODULE_BYTES, OTHER, "its module is for EM_"),
        (MODULE_BYTES.replace(b"PyInit__native", b"PyInit__notive"), MACHINE, "does not export"),
    ):
        with pytest.raises(WheelError, match=words):
            inspect(make(machine=machine, module=module), "2.99")


def test_glibc(make: Make, tmp_path: Path) -> None:
    made = make()
    with pytest.raises(WheelError, match="not a wheel of abi3 and manylinux 2.5"):
        inspect(made, "2.5")
    older = made.rename(tmp_path / made.name.replace("2_99", "2_5"))
    with pytest.raises(WheelError, match="asks for glibc 2"):
        inspect(older, "2.5")


def test_the_machine_is_that_of_the_name(make: Make) -> None:
    assert [machine_of(Path(f"zkllm-0.1.0-cp311-abi3-manylinux_2_28_{m}.whl")) for m in MACHINES] == MACHINES
    for name in ("riscv64.whl", f"{MACHINE}.zip", f"{MACHINE}.whl.part"):
        wheel = make().rename(make().with_name(f"zkllm-0.1.0-cp311-abi3-manylinux_2_99_{name}"))
        for looked_at in (machine_of, lambda path: inspect(path, "2.99")):
            with pytest.raises(WheelError, match=f"{name}: not a wheel for x86_64 or aarch64"):
                looked_at(wheel)


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_rust_compiler_that_is_named_is_asked_for_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rustc = program(tmp_path / "rustc", "#!/bin/sh\necho /none\n")
    monkeypatch.setenv("RUSTC", str(rustc))
    with pytest.raises(WheelError, match=f"{rustc} has no target {OTHER}-unknown-linux-gnu"):
        build(OTHER, tmp_path)


def test_a_wheel_of_another_machine_is_tried_where_that_ones_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_wheel, "FOREIGN", tmp_path)
    with pytest.raises(Untried, match=f"no {tmp_path}/{OTHER}/usr/bin/python3"):
        python_of(OTHER)
    python = program(tmp_path / OTHER / "usr" / "bin" / "python3", "\x7fELF of no machine")
    with pytest.raises(Untried, match="does not run here.*qemu"):
        python_of(OTHER)
    program(python, f'#!/bin/sh\ntest "$QEMU_LD_PREFIX" = {tmp_path / OTHER}\n')
    assert python_of(OTHER) == (python, {"QEMU_LD_PREFIX": str(tmp_path / OTHER)})
