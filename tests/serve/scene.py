"""A node's watcher and settler on a real Anvil, step by step, with a toy model's proofs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.settle.toy import ToyModel
from zkllm.serve.board import Board
from zkllm.serve.chain import Chain
from zkllm.serve.database import Database
from zkllm.serve.jobs import Job, Jobs, State
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Served
from zkllm.serve.prover import proving_measure
from zkllm.serve.settings import Settings, parse_settings
from zkllm.serve.settler import Settler
from zkllm.serve.watcher import Watcher
from zkllm.settle.accounts import development_account
from zkllm.settle.escrow import request_call
from zkllm.settle.networks import network
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session
from zkllm.statement import Statement, claim_id, prompt_digest, request_id
from zkllm.units import ETHER

NODE, ASKER, RIVAL = 0, 1, 2
"""Development accounts."""
ANSWER = 0
PROMPT = (5, 6, 7)


class Toys:
    """The toy model as a node serves it."""

    def __init__(self, model: ToyModel):
        self.model, self.key = model, model.verifying_key
        package: Any = SimpleNamespace(
            tokenizer=SimpleNamespace(token_bytes=model.tokens),
            config=SimpleNamespace(vocab_size=len(model.tokens), n_ctx=64),
            conversation=SimpleNamespace(ends=()),
        )
        self.served = Served("toy", package, self.key.model_id, {self.key.shape: self.key})

    def deploy(self, rpc: Rpc, owner: int) -> bytes:
        import tempfile

        with tempfile.TemporaryDirectory() as home:
            session = Session(rpc, network("anvil"), development_account(owner), Path(home))
            return session.ensure_deployed(self.key).settlement

    def claim(self, prompt: tuple[int, ...] = PROMPT) -> bytes:
        return claim_id(self.key.model_id, self.key.k, prompt_digest(prompt))


class Scene:
    """`node()` is one that starts with what another has left."""

    def __init__(self, rpc: Rpc, toys: Toys, folder: Path):
        self.rpc, self.toys, self.folder = rpc, toys, folder
        self.contract = self.session(NODE).locate()

    def session(self, index: int, rpc: Rpc | None = None) -> Session:
        home = self.folder / f"account-{index}"
        return Session(rpc or self.rpc, network("anvil"), development_account(index), home)

    def node(self, url: str | None = None, **chain: object) -> Node:
        """`url`: of a gateway before the chain's node; `chain`: other settings."""
        rpc = self.rpc if url is None else Rpc(url, "the gateway", timeout=2)
        return Node(self.session(NODE, rpc), self.toys, self.folder / "node", chain)

    def ask(
        self,
        account: int,
        prompt: tuple[int, ...] = PROMPT,
        *,
        reward: int = ETHER,
        seconds: int = 3600,
        salt: int = 0,
        hide: bool = False,
        prompt_salt: int | None = None,
    ) -> bytes:
        """Posts a request; its id."""
        session, key = self.session(account), self.toys.key
        word = salt.to_bytes(32, "big")
        found, deadline = request_id(session.account.address, word), self.rpc.timestamp() + seconds
        what = key.model_id, prompt, key.k, deadline, word, reward, hide, prompt_salt
        session.execute(request_call(self.contract, found, *what))
        return found

    def settle(self, account: int, prompt: tuple[int, ...] = PROMPT, request: bytes = bytes(32)) -> None:
        """As somebody else than the node."""
        session = self.session(account)
        proof = self.toys.model.prove((*prompt, ANSWER), session.context(self.contract, request))
        session.settle(proof, self.toys.key, self.toys.model.tokens, verified=True)

    def paid(self) -> int:
        """Transactions that the node's account has sent."""
        return self.rpc.nonce(development_account(NODE).address)

    def revert(self, snapshot: object) -> None:
        """A reorganisation: the chain ends where it did then, and other blocks follow."""
        assert self.rpc.request("evm_revert", snapshot) is True
        self.rpc.request("anvil_mine", "0x3")


class Node:
    """Without threads: what each would do is done by `step`."""

    def __init__(self, session: Session, toys: Toys, folder: Path, chain: dict[str, object]):
        self.toys = toys
        self.settings: Settings = parse_settings(
            {
                "models": [{"package": "toy", "name": "toy"}],
                "jobs": {"retry_seconds": 0.001},
                "chain": {"network": "anvil", "settle_seconds": 60.0} | chain,
            },
            "the test",
        )
        self.database = Database(folder)
        self.jobs = Jobs(self.database)
        self.metrics = Metrics(dict)
        assert self.settings.chain is not None
        self.chain = Chain(session, self.settings.chain, self.metrics)
        models = {"toy": toys.served}
        self.chain.open(models.values())
        self.jobs.note_measure(proving_measure(toys.key.model_id, toys.key.shape), 10.0)
        self.watcher = Watcher(self.database, self.chain, self.metrics, self.settings, models)
        self.settler = Settler(self.jobs, self.chain, Board(), self.metrics, self.settings.jobs, models)

    def watch(self) -> None:
        self.watcher.step()

    def prove(self) -> Job | None:
        """As the prover does."""
        job = self.jobs.next_to_prove()
        if job is None:
            return None
        ids = (*job.order.prompt, ANSWER)
        assert Statement(job.order.model_id, 1, ids).claim_id() == job.order.claim_id
        proof = self.toys.model.prove(ids, job.order.context).to_bytes()
        self.jobs.move(job.id, [State.PROVING], State.PROVED, fields={"proof": proof, "answer": "[0]"})
        return self.jobs.get(job.id)

    def settle(self) -> None:
        self.settler.step()

    def step(self) -> None:
        """Everything, once."""
        self.watch()
        self.prove()
        self.settle()

    def only(self) -> Job:
        (job,) = self.jobs.all()
        return job

    def reason(self, request: bytes) -> str:
        """Why it was not taken."""
        return self.watcher._requests.reasons([request])[request]
