"""Watches the chain for requests that are worth a proof, takes them as jobs, and cancels the jobs of those
that are open no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from zkllm.errors import SettlementError, ZkllmError
from zkllm.serve.chain import Chain
from zkllm.serve.database import Database
from zkllm.serve.decisions import Costs, Decision, Offer, Policy, decide
from zkllm.serve.jobs import (
    CANCELLABLE,
    CHAIN,
    CLOSED,
    DROPPED,
    OURS,
    Jobs,
    Order,
    State,
    insert,
)
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Question, Served
from zkllm.serve.prover import proving_measure
from zkllm.serve.requests import Requests
from zkllm.serve.scanner import BEHIND_SECONDS, Moving, Scanner
from zkllm.serve.service import LOG, Service
from zkllm.serve.settings import Settings
from zkllm.settle.doctor import STALE_SECONDS
from zkllm.settle.escrow import State as RequestState
from zkllm.settle.escrow import read_request
from zkllm.settle.fees import SETTLE_GAS, data_fee, price_now
from zkllm.settle.rpc import Rpc

MOST_OFFERS = 200
"""Looked at each time, the best rewards first: anybody can post requests that are worth nothing."""
USUAL_CALLDATA = bytes(3000)
"""As long as what settles an answer: what its bytes cost is known before it is there."""


def gas_measure(verifier_id: bytes) -> str:
    """Name of the gas that settling an answer of a shape takes."""
    return f"gas {verifier_id.hex()}"


@dataclass(frozen=True)
class Considered:
    """An offer and what was decided. `asked`: the model and the question, where it is one that could be
    answered here."""

    offer: Offer
    decision: Decision
    asked: tuple[Served, Question] | None


class Watcher(Service):
    """`taken` is told when jobs were made. `provers`: proving processes by what they do."""

    name = "watcher"

    def __init__(
        self,
        database: Database,
        chain: Chain,
        metrics: Metrics,
        settings: Settings,
        models: Mapping[str, Served],
        taken: Callable[[], None] = lambda: None,
        provers: Callable[[], Mapping[str, int]] = dict,
    ):
        super().__init__()
        assert settings.chain is not None
        self._database, self._jobs, self._chain, self._metrics = database, Jobs(database), chain, metrics
        self._settings, self._limits, self._models, self._taken = settings.chain, settings.jobs, models, taken
        self._provers = provers

    # what needs the contract's address, which is known once the node has started
    @cached_property
    def _rpc(self) -> Rpc:
        return self._chain.reader()

    @cached_property
    def _requests(self) -> Requests:
        us = self._chain.session.account.address
        return Requests(self._database, self._chain.chain_id, self._chain.contract, us)

    @cached_property
    def _scanner(self) -> Scanner:
        network, settings = self._chain.session.network, self._settings
        first = settings.first_block
        if first is None and network.local_node:
            first = 0
        return Scanner(
            self._database,
            self._rpc,
            network.chain_id,
            self._chain.contract,
            first,
            settings.blocks_at_once,
            settings.request_confirmations,
            0.0 if network.local_node else BEHIND_SECONDS,
        )

    def step(self) -> float:
        try:
            while not self.look() and not self.stopping.is_set():
                pass
            self.follow()
            if self._answer(self.offers()):
                self._taken()
        except Moving as error:
            LOG.info("watcher: %s", error)
            return self._settings.poll_seconds
        self._chain.went_well(self.name)
        return self._settings.poll_seconds

    def failed(self, error: Exception) -> None:
        self._chain.went_wrong(self.name, error)

    # ---- what was announced
    def look(self) -> bool:
        """Notes what the next blocks hold; whether these were the newest."""
        look = self._scanner.look()
        if look.forked_at is not None:
            LOG.warning("a reorganisation dropped blocks", extra={"after": look.forked_at})
        models = {model.model_id for model in self._models.values()}
        with self._database.writing() as connection:
            self._requests.note(connection, look, models)
            self._scanner.note(connection, look)
        self._metrics.block.set(look.last)
        return look.complete

    def follow(self) -> None:
        """Jobs whose requests are open no more are cancelled, and go on where they are open again."""
        ends = self._requests.ends()
        where = self._chain.chain_id, self._chain.contract
        for job in self._jobs.of_requests(*where):
            end = ends.get(job.order.context.request_id, DROPPED)
            if end in (None, OURS):  # what this node settled is noted by who settles
                continue
            if self._jobs.move(job.id, CANCELLABLE, State.CANCELLED, str(end)):
                LOG.info("cancelled: %s", end, extra={"job": job.id})
        for job in self._jobs.revivable(*where):
            if ends.get(job.order.context.request_id, DROPPED) is None:
                to = State.QUEUED if job.proof is None else State.PROVED
                if self._jobs.move(job.id, [State.CANCELLED], to, "its request is open again"):
                    LOG.info("its request is open again", extra={"job": job.id})
                    self._taken()

    # ---- what is worth it
    def offers(self) -> list[Considered]:
        """A decision about each open request that was not taken."""
        now = self.now()
        offers = self._requests.undecided(now, MOST_OFFERS)
        if not offers:
            return []
        price = price_now(self._rpc, self._chain.session.network)
        waiting = self._waiting_seconds()
        found = []
        for offer in offers:
            model, question, refusal = self._question(offer)
            if model is None or question is None:
                found.append(Considered(offer, Decision(False, refusal), None))
                continue
            decision, costs = self._decide(offer, model, question, now, price, waiting)
            if decision.take:
                waiting += costs.proving_seconds
            found.append(Considered(offer, decision, (model, question)))
        return found

    def now(self) -> int:
        """Chain time. A node whose blocks are old is behind, and nothing is decided by it."""
        newest = self._rpc.timestamp()
        age = int(time.time()) - newest
        if age > STALE_SECONDS and not self._chain.session.network.local_node:
            raise SettlementError(f"the node's newest block is {age:,} s old: it is behind, or stands still")
        return max(newest, int(time.time()))

    def _question(self, offer: Offer) -> tuple[Served | None, Question | None, str]:
        """What is asked, or why that cannot be answered here. What the node tells is not believed where it
        can be computed."""
        model = next((m for m in self._models.values() if m.model_id == offer.model_id), None)
        if model is None:
            return None, None, "its model is not served here"
        if not offer.prompt:
            return None, None, "its prompt is not told, but its digest alone, or sealed"
        try:
            question = model.exactly(offer.prompt, offer.certified)
        except ZkllmError as error:
            return None, None, str(error)
        if question.claim_id != offer.claim_id:
            return None, None, "it is announced for another claim than its prompt's"
        if self._chain.verifier(model.keys[question.shape]) is None:
            return None, None, f"no verifier of {question.shape} is registered"
        return model, question, ""

    def _decide(
        self, offer: Offer, model: Served, question: Question, now: int, price: int, waiting: float
    ) -> tuple[Decision, Costs]:
        key = model.keys[question.shape]
        proving = self._jobs.measure(proving_measure(model.model_id, question.shape))
        gas = int(self._jobs.measure(gas_measure(key.verifier_id)) or SETTLE_GAS)
        fee = data_fee(self._rpc, self._chain.session.network, USUAL_CALLDATA, gas)
        costs = Costs(gas, price, fee, waiting, proving or 0.0)
        if proving is None:
            return Decision(False, f"how long a proof of {question.shape} takes is not known yet"), costs
        settings = self._settings
        policy = Policy(settings.margin, settings.time_margin, settings.settle_seconds)
        decision = decide(offer, costs, now, policy)
        if not decision.take:
            return decision, costs
        posted = read_request(self._rpc, self._chain.contract, offer.request_id)
        if posted.state is RequestState.CLOSED:
            return Decision(False, CLOSED), costs
        if (posted.state, posted.claim_id, posted.reward, posted.deadline) != (
            *(RequestState.OPEN, offer.claim_id),
            *(offer.reward, offer.deadline),
        ):
            return Decision(False, "the contract does not have it as it was announced"), costs
        return decision, costs

    def _waiting_seconds(self) -> float:
        """Until a proof that is taken now is begun: whoever is idle takes the next."""
        seconds, provers = 0.0, self._provers()
        for job in self._jobs.to_prove():
            seconds += self._jobs.measure(proving_measure(job.order.model_id, job.order.shape)) or 0.0
        return seconds / max(1, provers.get("busy", 0) + provers.get("idle", 0))

    def _answer(self, found: list[Considered]) -> int:
        """Jobs of what is taken, each with its request's mark in one transaction. Returns how many."""
        known = self._requests.reasons(one.offer.request_id for one in found)
        count = 0
        for one in found:
            offer, decision = one.offer, one.decision
            extra = {"request_id": "0x" + offer.request_id.hex()}
            take = decision.take and self._jobs.counts()[State.QUEUED] < self._limits.waiting_proofs
            with self._database.writing() as connection:
                self._requests.decided(connection, offer.request_id, take, decision.reason)
                if take and one.asked is not None:
                    job_id = insert(connection, self._order(offer, *one.asked))
                    extra["job"] = job_id
                    count += 1
            if take or decision.reason.partition(":")[0] != known[offer.request_id].partition(":")[0]:
                LOG.info("%s: %s", "taken" if take else "not taken", decision.reason, extra=extra)
                self._metrics.decided(take)
        return count

    def _order(self, offer: Offer, model: Served, question: Question) -> Order:
        return Order(
            CHAIN,
            model.name,
            model.model_id,
            question.shape,
            question.prompt,
            question.claim_id,
            self._chain.context(offer.request_id),
            True,
            offer.reward,
            offer.deadline,
        )
