"""The kernels' interface: how each is cut is said, both implementations keep it, no proof goes round it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from zkllm.kernels import interface
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE

ROOT = Path(interface.__file__).parents[1]

# What is imported of the extension outside of the kernels: nothing that a proof computes.
APART = {
    "api.py": {"field_backend"},  # its name
    # powers of tau as ceremonies hand them on: files that are read, checked and written before any proof
    "pcs/contributions.py": {"Blake2b", "Points", "g2_from_raw", "g2_to_raw"},
    "pcs/powers.py": {"g2_from_raw", "g2_powers", "pairing_product_is_one"},
    "pcs/ptau.py": {"G2Points", "Points", "g2_from_raw"},
    "pcs/ptau_check.py": {"g1_encoded", "pairing_product_is_one"},
    "pcs/ptau_write.py": {"Blake2b", "G2Points", "Points", "g1_encoded", "g1_multiplied", "g2_powers"},
    "pcs/srs.py": {"g2_from_raw"},  # an encoding
}


@pytest.fixture(autouse=True)
def backend() -> None:
    """Only the default one: replaces the fixture of conftest.py."""


def imported(path: Path) -> set[str]:
    """Names that a module takes from `_native`, wherever in its text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == "_native":
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "_native":
            names.add(node.attr)
        elif isinstance(node, ast.Import):
            assert not any("_native" in a.name for a in node.names), f"{path}: import it by name"
    return names


def test_a_proof_computes_by_its_kernels_alone() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in ROOT.rglob("*.py")
        if path.parent != ROOT / "kernels" and (names := imported(path))
    }
    assert found == APART


def described() -> list[tuple[str, str]]:
    """(class and method, its docstring) of everything that kernels and their objects compute."""
    return [
        (f"{name}.{method}", inspect.getdoc(function) or "")
        for name, kind in vars(interface).items()
        if inspect.isclass(kind) and kind.__module__ == interface.__name__
        for method, function in vars(kind).items()
        if inspect.isfunction(function) and not method.startswith("_")
    ]


def test_every_kernel_says_how_it_is_cut() -> None:
    silent = [name for name, text in described() if "Shards: " not in text and "Not cut" not in text]
    assert silent == [] and len(described()) > 50


def test_both_implementations_offer_the_interface_and_no_more() -> None:
    offered = {name for name in dir(interface.KernelsOf) if not name.startswith("_")}
    assert len(offered) > 30
    for kernels in (NATIVE, NAIVE):
        assert {name for name in dir(kernels) if not name.startswith("_")} == offered
        assert not getattr(kernels, "__abstractmethods__", None)
