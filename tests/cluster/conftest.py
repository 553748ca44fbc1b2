from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testkit.machines import Machines
from testkit.processes import MARK
from tests.serve.package import make_package
from zkllm.cluster.local import _MOST_BASE, require_token
from zkllm.model.package import ModelPackage

os.environ.setdefault(MARK, secrets.token_hex(8))  # processes of this run of the tests are found by it
require_token()  # before Ray is imported


@pytest.fixture(scope="module")
def machines() -> Iterator[Callable[..., Machines]]:
    """Starts the machines of a module, which end with it."""
    started: list[Machines] = []

    def start(*sizes: tuple[int, int], port: int | None = None) -> Machines:
        started.append(Machines(Path(f"/tmp/zk{os.getpid()}m{len(started)}"), sizes, port))
        return started[-1]

    yield start
    for one in started:
        one.end()
        shutil.rmtree(one.folder, ignore_errors=True)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for Ray's sockets."""
    folder = Path("/tmp") / f"zk{os.getpid()}"  # `session_folder` would go elsewhere from a longer one
    assert len(str(folder)) <= _MOST_BASE
    folder.mkdir()
    yield folder
    left = list(folder.iterdir())
    shutil.rmtree(folder)  # the next test has it empty
    assert not left


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """2 layers, width 40, 301 tokens, with a chat template and keys of (8, 2) and (16, 4)."""
    return make_package(tmp_path_factory.mktemp("package"))
