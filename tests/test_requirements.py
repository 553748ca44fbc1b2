"""What is said where a package is missing can be done."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

from zkllm import requirements
from zkllm.requirements import FLOAT_MODEL, install, pip_install

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_releases_are_those_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a wheel's metadata has them."""
    lines = [*PROJECT["dependencies"]]
    for extra, wanted in PROJECT["optional-dependencies"].items():
        lines += [f"{line} ; extra == '{extra}'" for line in wanted]
    monkeypatch.setattr(requirements, "requires", lambda _: lines)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert install(*FLOAT_MODEL) == "pip install " + " ".join(PROJECT["optional-dependencies"]["model"])
    assert [install("gguf")] == [f"pip install {line}" for line in PROJECT["optional-dependencies"]["gguf"]]
    for module, line in (
        ("solcx", "py-solc-x"), ("Crypto", "pycryptodome"), ("eth_abi", "eth-abi"), ("py_ecc", "py_ecc"),
        ("tqdm", "tqdm"), ("huggingface_hub", "huggingface_hub"),
    ):  # fmt: skip
        (pinned,) = [d for d in PROJECT["dependencies"] if d.startswith(f"{line}==")]
        assert install(module) == f"pip install {pinned}"
    assert install("Something_else") == "pip install something-else"


def imported() -> set[str]:
    """Modules of others that what is shipped names, wherever it does."""
    found: set[str] = set()
    for path in (*ROOT.glob("zkllm/**/*.py"), *ROOT.glob("verifier_gen/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"zkllm", "verifier_gen", "_typeshed"}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    names = ("model", "gguf", "serve", "cluster")
    extras = [line for name in names for line in PROJECT["optional-dependencies"][name]]
    declared = {requirements._name(line) for line in (*PROJECT["dependencies"], *extras)}
    named = {requirements._name(requirements._DISTRIBUTIONS.get(m, m)) for m in imported()}
    assert named == declared


def test_without_metadata_the_names_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(requirements, "requires", missing)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert install(*FLOAT_MODEL) == "pip install torch transformers"


@pytest.mark.parametrize("other", [True, False])
def test_another_pip_is_not_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, other: bool) -> None:
    if other:
        (tmp_path / "pip").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip_install(["a==1", "b"]) == f"{sys.executable} -m pip install a==1 b"


def test_nobody_is_sent_to_an_index_for_this_package() -> None:
    texts = [
        *ROOT.glob("zkllm/**/*.py"),
        *ROOT.glob("verifier_gen/**/*.py"),
        *ROOT.glob("docs/*.md"),
        ROOT / "README.md",
    ]
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"install\s+['\"]?zkllm", text), path
