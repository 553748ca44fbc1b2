"""What the repository's packages may name of each other."""

from __future__ import annotations

import importlib.util
import re
import tomllib

import pytest

from scripts import ROOT
from tests.test_imports import imported

MAY_IMPORT: dict[str, set[str]] = {
    "zkllm": set(),
    "verifier_gen": set(),
    "testkit": set(),
    "scripts": {"testkit"},
    "tests": {"testkit", "scripts"},
}
"""Of the packages that are not installed: tests, scripts and what both work with."""
NOT_INSTALLED = {"testkit", "scripts", "tests"}

NAMED = re.compile(r'-m (scripts[\w.]*\w)|script\("([\w.]+)"|"-m", f?"(scripts[\w.]*\w)"')
"""How texts name a script to run: on the command line, by scripts.bench.common, in a list of arguments."""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_in_one_direction(package: str) -> None:
    names = set()
    for path in (ROOT / package).rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names |= {(module, target) for target in imported(module, path)}
    assert names
    refused = NOT_INSTALLED - MAY_IMPORT[package] - {package}
    assert not [f"{of} imports {target}" for of, target in names if target.split(".")[0] in refused]


def test_only_the_product_is_installed() -> None:
    maturin = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]
    assert set(maturin["python-packages"]) == set(MAY_IMPORT) - NOT_INSTALLED


def test_scripts_that_are_named_exist() -> None:
    paths = [ROOT / "Makefile", ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
    for folder in MAY_IMPORT:
        paths += [path for kind in ("py", "md", "toml") for path in (ROOT / folder).rglob(f"*.{kind}")]
    named = {}
    for path in paths:
        for whole, short, listed in NAMED.findall(path.read_text(encoding="utf-8")):
            named[whole or listed or f"scripts.{short}"] = path
    assert {"scripts.generate", "scripts.bench.phases", "scripts.bench.ezkl_stage"} <= set(named)
    missing = {name: path for name, path in named.items() if importlib.util.find_spec(name) is None}
    assert not missing
