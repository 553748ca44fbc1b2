"""A thousand jobs through one node: none is lost or paid for twice, and no process has more memory in the
end; and that the soak would notice."""

from __future__ import annotations

import sys

import pytest

from scripts.serve import soak
from scripts.serve.ledger import require_settled_once
from scripts.serve.usage import Usage
from tests.serve.scene import NODE, RIVAL
from zkllm.errors import ZkllmError
from zkllm.serve.jobs import State
from zkllm.settle import transactions
from zkllm.settle.accounts import development_account

OTHER = (8, 9)


@pytest.mark.long
def test_a_thousand_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", "--jobs", "1000", "--toy"])
    assert soak.main() == 0


@pytest.fixture
def settled(scene, ask):
    """A node that has settled two claims, the claims, and what looks through them."""
    node, claims = scene.node(withdraw_factor=1e9), {scene.toys.claim(), scene.toys.claim(OTHER)}
    ask(), ask(OTHER, salt=1)
    for _ in range(3):
        node.step()
    look = lambda of: require_settled_once(
        scene.folder / "node", scene.rpc, scene.contract, development_account(NODE).address, of
    )
    return node, claims, look


def test_what_was_settled_once_is(settled):
    _, claims, look = settled
    assert look(claims)["settled"] == 2


def test_a_job_that_is_lost_is_noticed(settled, scene, ask):
    node, claims, look = settled
    with pytest.raises(ZkllmError, match="3 jobs were to be settled, and the node has {'settled': 2}"):
        look({*claims, bytes(32)})
    with pytest.raises(ZkllmError, match="2 claims were to be settled, and 2 were"):
        look({scene.toys.claim(), bytes(32)})
    node.jobs.move(node.jobs.all()[0].id, [State.SETTLED], State.FAILED)
    with pytest.raises(ZkllmError, match="'failed': 1"):
        look(claims)


def test_a_second_payment_is_noticed(settled, scene, ask, monkeypatch):
    """One that fails on the chain, and is made by another job."""
    node, claims, look = settled
    ask((5, 9), salt=2)
    node.watch(), node.prove()
    with monkeypatch.context() as patch:
        patch.setattr(transactions, "gas_limit", lambda *_: 200_000)  # too little
        node.settle()
    node.jobs.retry(node.jobs.all()[-1].id)
    node.settle()
    with pytest.raises(ZkllmError, match="3 jobs were paid for with 4 transactions, of which 1 failed"):
        look({*claims, scene.toys.claim((5, 9))})


def test_a_settlement_of_somebody_elses_is_none_of_ours(settled, scene):
    _, claims, look = settled
    scene.settle(RIVAL, (5, 9))
    with pytest.raises(ZkllmError, match="2 claims were to be settled, and 3 were"):
        look(claims)


MIB = 1 << 20


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (Usage(108 * MIB, 24, 12), []),
        (Usage(40 * MIB, 10, 3), []),
        (Usage(120 * MIB, 20, 10), ["the memory of the node has grown by 20 MiB"]),
        (Usage(100 * MIB, 30, 10), ["the node has 10 more files in the end"]),
        (Usage(100 * MIB, 20, 19), ["the node has 9 more threads in the end"]),
    ],
)
def test_what_has_grown(end: Usage, found: list[str]) -> None:
    assert soak.grown({"node": Usage(100 * MIB, 20, 10)}, {"node": end}) == found
