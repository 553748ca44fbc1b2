"""A node that is killed in every state of a job, with real proofs and a real chain: no job is lost, and none
is paid for twice."""

from __future__ import annotations

import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from tests.serve.package import NAME, SHAPES, Served, write_settings
from tests.serve.test_chain import forget_journal, set_base_fee
from zkllm import api
from zkllm.model.package import ModelPackage
from zkllm.serve.jobs import DROPPED, STOPPING, State
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.escrow import State as RequestState
from zkllm.settle.escrow import read_request, request_call
from zkllm.settle.networks import network
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session
from zkllm.statement import request_id
from zkllm.units import ETHER, GWEI

pytestmark = pytest.mark.slow

NODE, ASKER, RIVAL = 0, 1, 2
SHAPE = SHAPES[0]
PROMPT = [72, 101, 108]


@pytest.fixture(scope="module")
def package(real_package: ModelPackage) -> ModelPackage:
    return real_package


class World:
    """A chain of its own with the package's contracts, a node that is started again and again, and others."""

    def __init__(self, package: ModelPackage, folder: Path, rpc: Rpc):
        self.package, self.folder, self.rpc = package, folder, rpc
        self.key = api.shape_keys(package, *SHAPE).verifying_key
        self.contract = self.session(NODE).ensure_deployed(self.key).settlement
        set_base_fee(rpc, GWEI)
        self.node = Served(
            write_settings(
                folder / "node",
                package,
                [SHAPE],
                jobs={"retry_seconds": 0.2, "attempts": 20},  # nothing that is killed here is a job's fault
                chain={"network": "anvil", "poll_seconds": 0.2, "withdraw_factor": 1e12},
            ),
            ZKLLM_ANVIL_RPC_URL=rpc.url,
        )

    def session(self, index: int) -> Session:
        home = self.folder / f"account-{index}"
        return Session(self.rpc, network("anvil"), development_account(index), home)

    def ask(self, prompt: list[int] = PROMPT, reward: int = ETHER // 100) -> bytes:
        session, salt = self.session(ASKER), bytes(31) + bytes([prompt[0]])
        found, deadline = request_id(session.account.address, salt), self.rpc.timestamp() + 3600
        model_id, k = self.key.model_id, self.key.k
        session.execute(request_call(self.contract, found, model_id, prompt, k, deadline, salt, reward))
        return found

    def paid(self) -> int:
        return self.rpc.nonce(development_account(NODE).address)

    def revert(self, snapshot: object) -> None:
        """A reorganisation: the chain ends where it did then, and other blocks follow."""
        assert self.rpc.request("evm_revert", snapshot) is True
        self.rpc.request("anvil_mine", "0x3")
        set_base_fee(self.rpc, GWEI)

    def automine(self, on: bool) -> None:
        self.rpc.request("evm_setAutomine", on)


@pytest.fixture
def world(package: ModelPackage, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        chain = stack.enter_context(LocalNode())
        found = World(package, tmp_path, chain.rpc)
        stack.callback(lambda: found.node.process.poll() is None and found.node.kill())
        yield found


def queued(world: World) -> None:
    """Another is being proved before it."""
    world.ask([73, 101, 108])
    world.node.wait_for(lambda jobs: len(jobs) == 2 and jobs[1].state is State.QUEUED)


def proving(world: World) -> None:
    world.node.wait_for_state(State.PROVING)


def proved(world: World) -> None:
    """Gas has become too dear since the request was taken."""
    proving(world)
    set_base_fee(world.rpc, 100 * GWEI)
    world.node.wait_for_state(State.PROVED)
    world.node.wait_for(lambda jobs: "waiting for gas" in jobs[0].reason)


def settling(world: World) -> None:
    """The transaction was sent, and is not mined."""
    world.automine(False)
    world.node.wait_for_state(State.SETTLING)
    journal = world.node.state / "transactions" / "31337"
    world.node.wait_for(lambda _: [p for p in journal.glob("settle-*.json") if '"sent"' in p.read_text()])


def settling_unsent(world: World) -> None:
    """The chain's node has stopped at the simulation, or somewhere near."""
    world.node.wait_for_state(State.SETTLING, State.SETTLED)


def settled(world: World) -> None:
    world.node.wait_for_state(State.SETTLED)


STATES: dict[str, Callable[[World], None]] = {
    "queued": queued, "proving": proving, "proved": proved, "settling": settling,
    "about to settle": settling_unsent, "settled": settled,
}  # fmt: skip


def survives(world: World, reach: Callable[[World], None]) -> None:
    request = world.ask()
    before = world.paid()
    world.node.start()
    reach(world)
    world.node.kill()
    after = world.node.jobs()
    world.automine(True)
    world.rpc.request("anvil_mine", "0x1")
    set_base_fee(world.rpc, GWEI)
    world.node.start()
    world.node.wait_for(lambda jobs: all(job.state is State.SETTLED for job in jobs))
    found = world.node.jobs()
    assert {job.id for job in after} <= {job.id for job in found}
    assert world.paid() == before + len(found), "one transaction for each job"
    assert read_request(world.rpc, world.contract, request).state is RequestState.CLOSED
    time.sleep(1.0)
    assert world.paid() == before + len(found)
    page, data = (fetch(world.node, path) for path in ("/", "/data/site.js"))
    assert page.startswith(b"<!") and world.contract.hex() in data.decode().lower()
    assert world.node.stop() == 0


def fetch(node: Served, path: str) -> bytes:
    with urllib.request.urlopen(node.url + path, timeout=60) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        return bytes(response.read())


def complete(node: Served, prompt: list[int]) -> None:
    client = openai.OpenAI(base_url=node.url + "/v1", api_key="none", max_retries=0)
    client.completions.create(model=NAME, prompt=prompt, max_tokens=SHAPE[1])


@pytest.fixture
def alone(package: ModelPackage, tmp_path: Path) -> Iterator[Served]:
    """A node without a chain, which begins a job twice."""
    jobs = {"retry_seconds": 0.1, "attempts": 2}
    found = Served(write_settings(tmp_path / "node", package, [SHAPE], jobs=jobs))
    yield found
    if found.process.poll() is None:
        found.kill()


def test_a_job_with_which_the_node_is_killed_each_time_is_given_up_and_the_others_are_proved(alone):
    alone.start()
    complete(alone, PROMPT)
    alone.wait_for(lambda jobs: jobs[0].state is State.PROVING)
    complete(alone, [73, 101, 108])
    alone.kill()
    alone.start()
    alone.wait_for(lambda jobs: (jobs[0].state, jobs[0].attempts) == (State.PROVING, 2))
    alone.kill()
    alone.start()
    fatal, other = alone.wait_for(lambda jobs: jobs[1].state is State.PROVED)
    assert (fatal.state, fatal.attempts, fatal.failures) == (State.FAILED, 2, 2)
    assert "given up after 2 failed attempts: with the last one the node itself ended" in fatal.reason
    assert "gave up jobs with whose proofs the node ended" in alone.log.read_text()
    assert alone.stop() == 0


def test_a_node_that_is_stopped_while_it_proves_takes_that_for_no_attempt(alone):
    """Whether it ends in order, or is killed because that takes longer than somebody's patience."""
    alone.start()
    complete(alone, PROMPT)
    for _ in range(3):
        alone.wait_for(lambda jobs: jobs[0].state is State.PROVING and jobs[0].reason == "")
        alone.process.send_signal(signal.SIGTERM)
        alone.wait_for(lambda jobs: jobs[0].reason == STOPPING)
        alone.kill()
        alone.start()
    job = alone.wait_for_state(State.PROVED, State.FAILED)
    assert (job.state, job.attempts, job.failures) == (State.PROVED, 1, 0), job.reason
    assert alone.stop() == 0


@pytest.mark.parametrize("state", ["settling"])
def test_a_node_that_is_killed_pays_once(world, state):
    survives(world, STATES[state])


@pytest.mark.long
@pytest.mark.parametrize("state", [state for state in STATES if state != "settling"])
def test_a_node_that_is_killed_in_any_other_state_pays_once(world, state):
    survives(world, STATES[state])


@pytest.mark.long
def test_killed_again_and_again_at_any_moment(world):
    """Eight questions, and a node that never lives longer than some seconds until all are settled."""
    questions = [[65 + i, 101, 108] for i in range(8)]
    for question in questions:
        world.ask(question)
    before = world.paid()
    lives = 0
    while True:
        world.node.start()
        lives += 1
        end = time.monotonic() + (0.4 + 0.7 * lives if lives < 14 else 300.0)
        done = lambda: [job.state for job in world.node.jobs()] == [State.SETTLED] * len(questions)
        while time.monotonic() < end and not done():
            time.sleep(0.05)
        finished = done()
        world.node.kill()
        if finished:
            break
        assert lives < 15, [(job.state, job.reason) for job in world.node.jobs()]
    assert lives > 3 and world.paid() == before + len(questions)
    world.node.process.wait()


@pytest.mark.long
def test_a_settlement_that_a_reorganisation_removes_while_the_node_is_down_is_sent_again(world):
    world.ask()
    before = world.paid()
    world.node.start()
    proved(world)
    snapshot = world.rpc.request("evm_snapshot")
    set_base_fee(world.rpc, GWEI)
    first = world.node.wait_for_state(State.SETTLED)
    world.node.kill()
    world.revert(snapshot)
    assert world.paid() == before
    world.node.start()
    (again,) = world.node.wait_for(
        lambda jobs: jobs[0].state is State.SETTLED and jobs[0].block_hash != first.block_hash
    )
    assert again.transaction_hash == first.transaction_hash and world.paid() == before + 1
    assert world.node.stop() == 0


@pytest.mark.long
def test_a_request_that_a_reorganisation_removes_is_taken_up_where_it_comes_back(world):
    """The node is killed before and after it has seen that."""
    snapshot = world.rpc.request("evm_snapshot")
    world.ask()
    world.node.start()
    proving(world)
    world.node.kill()
    world.revert(snapshot)
    before = world.paid()
    world.node.start()
    job = world.node.wait_for_state(State.CANCELLED)
    assert job.reason == DROPPED and world.paid() == before
    world.node.kill()
    forget_journal(world, ASKER)
    world.ask()
    world.node.start()
    assert world.node.wait_for_state(State.SETTLED).id == job.id and world.paid() == before + 1
    assert world.node.stop() == 0


@pytest.mark.long
def test_a_rival_settles_while_the_node_proves(world):
    request = world.ask()
    before = world.paid()
    world.node.start()
    proving(world)
    session = world.session(RIVAL)
    proof = api.prove(
        world.package,
        tokens=PROMPT,
        certified=SHAPE[1],
        rows=SHAPE[0],
        context=session.context(world.contract, request),
    ).proof
    world.node.process.send_signal(19)  # stopped, so that the rival is first on any machine
    session.settle(proof, world.key, world.package.tokenizer.token_bytes)
    world.node.process.send_signal(18)
    job = world.node.wait_for_state(State.CANCELLED, State.SETTLED)
    assert job.state is State.CANCELLED and world.paid() == before
    assert world.node.stop() == 0


@pytest.mark.long
def test_what_a_client_wants_settled_is_settled_whatever_happens(world):
    world.node.start()
    before = world.paid()
    client = openai.OpenAI(base_url=world.node.url + "/v1", api_key="none", max_retries=0)
    body = {"zkllm": {"settle": True}}
    answer = client.completions.create(model=NAME, prompt=PROMPT, max_tokens=SHAPE[1], extra_body=body)
    proving(world)
    world.node.kill()
    world.node.start()
    job = world.node.wait_for_state(State.SETTLED)
    assert job.id == answer.model_dump()["zkllm"]["proof_id"] and world.paid() == before + 1
    later = openai.OpenAI(base_url=world.node.url + "/v1", api_key="none", max_retries=0)
    again = later.completions.create(model=NAME, prompt=PROMPT, max_tokens=SHAPE[1], extra_body=body)
    assert again.model_dump()["zkllm"]["proof_id"] == job.id and world.paid() == before + 1
    assert world.node.stop() == 0


@pytest.mark.long
def test_a_disk_that_is_full_takes_nothing_and_loses_nothing(world, package, tmp_path):
    """The node's folder is a file system of its own, which fills up."""
    import subprocess

    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.fail(f"this test mounts a file system, as root: {mounted.stderr}")
    try:
        settings = write_settings(
            folder,
            package,
            [SHAPE],
            jobs={"retry_seconds": 0.2},
            chain={"network": "anvil", "poll_seconds": 0.2, "withdraw_factor": 1e12,
                   "contract": "0x" + world.contract.hex()},
        )  # fmt: skip
        world.node = Served(settings, ZKLLM_ANVIL_RPC_URL=world.rpc.url)
        world.node.log = tmp_path / "log"
        world.node.start()
        before = world.paid()
        client = openai.OpenAI(base_url=world.node.url + "/v1", api_key="none", max_retries=0)
        body = {"zkllm": {"settle": True}}
        ask = lambda prompt: client.completions.create(
            model=NAME, prompt=prompt, max_tokens=SHAPE[1], extra_body=body
        )
        first = ask(PROMPT).model_dump()["zkllm"]["proof_id"]
        proving(world)
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 10))
            except OSError:
                pass
        with pytest.raises(openai.InternalServerError) as caught:
            for number in range(60, 120):  # what is left of SQLite's own pages is soon taken
                ask([number])
        assert caught.value.status_code == 503 and caught.value.response.headers["retry-after"]
        time.sleep(3.0)
        taken = {job.id for job in world.node.jobs()}
        assert first in taken and world.node.process.poll() is None
        ballast.unlink()
        world.node.wait_for(lambda jobs: all(job.state is State.SETTLED for job in jobs), seconds=300)
        found = world.node.jobs()
        assert taken <= {job.id for job in found} and world.paid() == before + len(found)
        assert world.node.stop() == 0
    finally:
        if world.node.process.poll() is None:
            world.node.kill()
        subprocess.run(["umount", str(folder)], check=True)
