from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zkllm.model.build import build_package
from zkllm.model.package import ModelPackage

DEMO = Path(__file__).parents[2] / "models" / "demo-gpt2"


@pytest.fixture
def demo_copy(tmp_path: Path) -> Path:
    """A copy of the demo checkpoint that a test may damage."""
    folder = tmp_path / "model"
    shutil.copytree(DEMO, folder)
    return folder


@pytest.fixture
def edit_json() -> Callable[[Path, dict[str, Any]], None]:
    def edit(path: Path, changes: dict[str, Any]) -> None:
        data = json.loads(path.read_text())
        data.update(changes)
        path.write_text(json.dumps(data))

    return edit


@pytest.fixture(scope="session")
def demo_package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """The demo checkpoint's package, built once."""
    return build_package(DEMO, tmp_path_factory.mktemp("package") / "demo")
