from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.serve.toy import put_toy_keys
from tests.serve.package import SHAPES, make_package
from tests.serve.scene import ASKER, NODE, Scene, Toys
from tests.settle.toy import ToyModel
from zkllm import api
from zkllm.model.package import ModelPackage
from zkllm.serve.database import Database
from zkllm.serve.jobs import Jobs
from zkllm.settle import lagging
from zkllm.settle.anvil import LocalNode
from zkllm.settle.rpc import Rpc
from zkllm.units import GWEI


@pytest.fixture(autouse=True)
def nodes_that_lag_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lagging, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "node")


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


@pytest.fixture(scope="session")
def real_package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return make_package(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def toy_package(real_package: ModelPackage, tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """The same with the toy's keys, of which a proof takes a tenth of a second."""
    folder = tmp_path_factory.mktemp("toys") / real_package.folder.name
    shutil.copytree(real_package.folder, folder)
    copied = api.open_package(folder)
    put_toy_keys(copied, SHAPES)
    return copied


@pytest.fixture(scope="session")
def toys() -> Toys:
    return Toys(ToyModel())


@pytest.fixture(scope="session")
def anvil(toys: Toys) -> Iterator[Rpc]:
    """A node with the toy's contracts."""
    with LocalNode() as running:
        toys.deploy(running.rpc, NODE)
        yield running.rpc


@pytest.fixture
def rpc(anvil: Rpc) -> Iterator[Rpc]:
    """The node, put back to its state after the test."""
    snapshot = anvil.request("evm_snapshot")
    yield anvil
    anvil.request("evm_setAutomine", True)
    anvil.request("evm_revert", snapshot)
    anvil.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))  # which a snapshot does not hold
    anvil.request("anvil_mine", "0x1")


@pytest.fixture
def scene(rpc: Rpc, toys: Toys, tmp_path: Path) -> Scene:
    return Scene(rpc, toys, tmp_path)


@pytest.fixture
def ask(scene: Scene) -> Callable[..., bytes]:
    return lambda *arguments, **options: scene.ask(ASKER, *arguments, **options)
