"""What `make` and CI run fails when what they check is broken: a step that cannot fail checks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent

OUR_OWN = ("MAKE", "MFLAGS", "PYTHONPATH", "PYTEST")
"""Variables by which the make and the pytest around these tests would speak to those that they start."""
COPIED = (
    *("Makefile", "foundry.toml", "pyproject.toml", "package.json", "package-lock.json"),
    *("verifier_gen/solc.js", "native/rustfmt.toml", "scripts/check_tools.sh"),
    "examples/tsconfig.json",
    *(
        f"explorer/{name}"
        for name in ("package.json", "jsconfig.json", "eslint.config.js", ".prettierrc.json")
    ),
)
MODULES = ("@foundry-rs", "solc", "eslint", "@eslint", "globals", "typescript", "@typescript", "prettier")
"""Of node_modules, what the steps run."""
SOUND = {
    "zkllm/__init__.py": "def double(x: int) -> int:\n    return 2 * x\n",
    "verifier_gen/__init__.py": "",
    "testkit/__init__.py": "WORD = 2\n",
    "scripts/__init__.py": "",
    "scripts/four.py": "from testkit import WORD\nfrom zkllm import double\n\nprint(double(WORD))\n",
    "tests/__init__.py": "",
    "tests/test_double.py": "from zkllm import double\n\n\ndef test_double() -> None:\n"
    "    assert double(2) == 4\n",
    "tests/test_slow.py": "import pytest\n\nfrom zkllm import double\n\n\n@pytest.mark.slow\n"
    "def test_slow() -> None:\n    assert double(3) == 6\n",
    "native/Cargo.toml": '[package]\nname = "kernels"\nversion = "0.1.0"\nedition = "2024"\n',
    "native/Cargo.lock": 'version = 4\n\n[[package]]\nname = "kernels"\nversion = "0.1.0"\n',
    "native/src/lib.rs": "pub fn double(x: i32) -> i32 {\n    2 * x\n}\n\n#[test]\nfn doubles() {\n"
    "    assert_eq!(double(2), 4);\n}\n",
    "contracts/src/Double.sol": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n\n"
    "function double(uint256 x) pure returns (uint256) {\n    return 2 * x;\n}\n",
    "contracts/test/Double.t.sol": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n\n"
    'import {double} from "../src/Double.sol";\n\ncontract DoubleTest {\n'
    "    function test_double() external pure {\n        assert(double(2) == 4);\n    }\n}\n",
    "explorer/src/double.js": "/** @param {number} x */\nexport const double = (x) => 2 * x;\n",
    "explorer/test/unit/double.test.js": 'import assert from "node:assert/strict";\n'
    'import { test } from "node:test";\nimport { double } from "../../src/double.js";\n\n'
    'test("double", () => assert.equal(double(2), 4));\n',
    "examples/double.mts": "export const double = (x: number): number => 2 * x;\n",
    "contracts/symbolic/Nothing.t.sol": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n",
}
"""A project with one line of each language, whose every step passes."""

BREAKS = {
    "pytest": ("test", "tests/test_double.py", "== 4", "== 5", "1 failed"),
    "pytest of what is slow": ("test-python", "tests/test_slow.py", "== 6", "== 7", "1 failed, 1 passed"),
    "pytest of what is fast": ("test-fast", "tests/test_double.py", "== 4", "== 5", "1 failed in"),
    "pytest, markers": ("test-fast", "tests/test_slow.py", "mark.slow", "mark.slwo", "'slwo' not found"),
    "cargo test": ("test", "native/src/lib.rs", "(double(2), 4)", "(double(2), 5)", "test result: FAILED"),
    "forge test": ("test", "contracts/test/Double.t.sol", "== 4", "== 5", "1 failed"),
    "forge build": ("test", "contracts/src/Double.sol", "2 * x", "2 * y", "Undeclared identifier"),
    "ruff check": ("lint", "zkllm/__init__.py", "def", "import os\n\n\ndef", "F401"),
    "ruff format": ("lint", "zkllm/__init__.py", "2 * x", "2  * x", "1 file would be reformatted"),
    "mypy": ("lint", "zkllm/__init__.py", "2 * x", 'f"{x}"', "Incompatible return value"),
    "mypy of the testkit": ("lint", "testkit/__init__.py", "2", 'len("ab") + ""', "Unsupported operand"),
    "mypy of a script's names": ("lint", "scripts/four.py", "import double", "import gone as double", "gone"),
    "mypy of a script's calls": ("lint", "scripts/four.py", "(WORD)", "(WORD, 3)", "Too many arguments"),
    "mypy of a test's names": ("lint", "tests/test_double.py", "double(2)", "double.of(2)", '"of"'),
    "cargo fmt": ("lint", "native/src/lib.rs", "2 * x", "2  * x", "Diff in"),
    "clippy": ("lint", "native/src/lib.rs", "    2 * x", "    return 2 * x;", "needless_return"),
    "forge fmt": ("lint", "contracts/src/Double.sol", "2 * x", "2  *  x", "Double.sol"),
    "node's tests": ("test", "explorer/test/unit/double.test.js", "(2), 4", "(2), 5", "fail 1"),
    "eslint": ("lint", "explorer/src/double.js", "2 * x", "2 * document.body.innerHTML", "never markup"),
    "tsc": ("lint", "explorer/src/double.js", "2 * x", "2 * x.length", "Property 'length'"),
    "prettier": ("lint", "explorer/src/double.js", "2 * x", "2  *  x", "src/double.js"),
    "tsc of the examples": ("lint", "examples/double.mts", "2 * x", "`${x}`", "not assignable"),
    "prettier of the examples": ("lint", "examples/double.mts", "2 * x", "2  *  x", "double.mts"),
    "forge fmt of symbolic checks": (
        "lint",
        "contracts/symbolic/Nothing.t.sol",
        "0.8",
        " 0.8",
        "Nothing.t.sol",
    ),
}
"""Step -> (target, file, what is in it, what breaks this step and none before it, what is said then)."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound project, with this repository's Makefile, configuration and tools."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name, text in SOUND.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, parts in (".venv", ["bin", "lib", "pyvenv.cfg"]), ("node_modules", MODULES):
        (folder / name).mkdir()
        for part in parts:
            (folder / name / part).symlink_to((ROOT / name / part).resolve())
        for stamp in (".stamp", ".develop.stamp"):  # newer than what tests and cargo write: nothing is set up
            (folder / name / stamp).touch()
            os.utime(folder / name / stamp, (time.time() + 3600,) * 2)
    return folder


def make(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OUR_OWN)}
    return subprocess.run(
        ["make", target], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("target", ["test", "lint", pytest.param("test-fast", marks=pytest.mark.long)])
def test_a_sound_project_passes(project: Path, target: str) -> None:
    done = make(project, target)
    assert done.returncode == 0, done.stdout + done.stderr


OFTEN = ("pytest", "cargo test", "ruff check", "mypy", "clippy", "forge fmt", "node's tests", "eslint")
"""Of each kind of tool one that CI breaks too."""


def seldom(names: Iterable[str], often: Iterable[str]) -> list[ParameterSet]:
    return [pytest.param(name, marks=[] if name in often else pytest.mark.long) for name in names]


@pytest.mark.parametrize("step", seldom(BREAKS, OFTEN))
def test_a_broken_step_fails_the_target(project: Path, step: str) -> None:
    target, name, old, new, said = BREAKS[step]
    path = project / name
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    try:
        done = make(project, target)
        assert done.returncode != 0 and said in done.stdout + done.stderr, done.stdout + done.stderr
    finally:
        path.write_text(SOUND[name])


def test_a_tool_whose_failures_are_dropped_fails_the_set_up(tmp_path: Path) -> None:
    """npm's wrappers of Foundry's programs exit 0 whatever the program says."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    makefile = tmp_path / "Makefile"
    makefile.write_text(makefile.read_text() + "\ncheck-%:\n\t$(call must_fail,./$*)\n")
    for name, code, passes in (("sound", 1, True), ("swallowing", 0, False)):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\nexit {code}\n')
        program.chmod(0o755)
        done = subprocess.run(["make", f"check-{name}"], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode == 0) == passes, done.stderr


# ---- .ci/run, with a `make` that records what it is asked for


STEPS = ["shells", "test", "chromium", "test-explorer", "lint", "audit", "docs", "generate"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    git = ["git", "-c", "user.name=ci", "-c", "user.email=ci@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    return folder


def ci(folder: Path, script: str, git: str | None = None) -> tuple[int, list[str]]:
    """(exit code, targets made) of .ci/run where `make TARGET` is a script in which $1 is TARGET."""
    bins, log = folder.parent / "bin", folder.parent / "made"
    bins.mkdir()
    programs = {"make": f'echo "$1" >> {log}\n{script}', **({"git": git} if git else {})}
    for name, text in programs.items():
        (bins / name).write_text(f"#!/bin/sh\n{text}\n")
        (bins / name).chmod(0o755)
    path = os.pathsep.join([str(bins), os.environ["PATH"]])
    done = subprocess.run(["bash", ".ci/run"], cwd=folder, env={**os.environ, "PATH": path}, text=True)
    return done.returncode, log.read_text().split()


def test_ci_passes_where_every_step_does(checkout: Path) -> None:
    assert ci(checkout, "exit 0") == (0, STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_ci_ends_with_the_first_step_that_fails(checkout: Path, step: str) -> None:
    code, made = ci(checkout, f'[ "$1" != {step} ] || exit 2')
    assert code != 0 and made == STEPS[: STEPS.index(step) + 1]


@pytest.mark.parametrize("change", ["echo '# new' >> .ci/run", "touch new-file"])
def test_ci_fails_where_a_generated_file_differs(checkout: Path, change: str) -> None:
    code, _ = ci(checkout, f'[ "$1" != generate ] || {change}')
    assert code == 1


def test_ci_fails_where_git_cannot_say_what_differs(checkout: Path) -> None:
    code, _ = ci(checkout, "exit 0", git="exit 128")
    assert code != 0


# ---- a skipped test of CI is a check that did not run


@pytest.mark.parametrize(
    "ci, reason, code",
    [("true", "no snarkjs", 1), ("true", "the processor lacks avx512ifma", 0), ("", "no snarkjs", 0)],
)
def test_skipped_tests_fail_ci(tmp_path: Path, ci: str, reason: str, code: int) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_skipped.py").write_text(
        f"import pytest\n\n\n@pytest.mark.skipif(True, reason={reason!r})\ndef test_it():\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout
    assert ("skipped in CI" in done.stdout) == bool(code)
