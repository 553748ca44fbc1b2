from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.settle.toy import ToyModel
from zkllm.settle import lagging
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.networks import network
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session


@pytest.fixture(autouse=True)
def nodes_that_lag_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lagging, "PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="session")
def model() -> ToyModel:
    return ToyModel()


@pytest.fixture(scope="session")
def node() -> Iterator[Rpc]:
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture
def rpc(node: Rpc) -> Iterator[Rpc]:
    """The node, put back to its state after the test."""
    snapshot = node.request("evm_snapshot")
    yield node
    node.request("evm_revert", snapshot)


@pytest.fixture
def open_(rpc: Rpc, tmp_path: Path) -> Callable[..., Session]:
    """Sessions on the node that share one folder of records."""

    def make(index: int = 0, **changes: object) -> Session:
        session = Session(rpc, network("anvil"), development_account(index), tmp_path)
        for name, value in changes.items():
            setattr(session, name, value)
        return session

    return make


@pytest.fixture
def session(open_: Callable[..., Session]) -> Session:
    return open_()
