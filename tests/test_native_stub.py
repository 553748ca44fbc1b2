"""The typed stub and the native extension name the same things."""

from __future__ import annotations

import ast
from pathlib import Path

from zkllm import _native

STUB = Path(_native.__file__ or "").with_name("_native.pyi")


def declared() -> dict[str, set[str]]:
    """Functions (no members) and classes (their public methods and properties) of the stub."""
    names: dict[str, set[str]] = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = set()
        elif isinstance(node, ast.ClassDef):
            members = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
            members |= {
                m.target.id
                for m in node.body
                if isinstance(m, ast.AnnAssign) and isinstance(m.target, ast.Name)
            }
            names[node.name] = {m for m in members if not m.startswith("_")}
    return names


def test_stub_and_extension_agree() -> None:
    present = {
        name: {m for m in vars(value) if not m.startswith("_")} if isinstance(value, type) else set()
        for name, value in vars(_native).items()
        if not name.startswith("_")
    }
    assert declared() == present
