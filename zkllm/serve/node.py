"""The node: its state, its models, and the threads that prove, answer, watch the chain and settle."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.answers import Answerer
from zkllm.serve.board import Board
from zkllm.serve.chain import Chain
from zkllm.serve.cluster import Cluster, RayPlace
from zkllm.serve.computing import Computing, TaskFailed, Tell, Worker
from zkllm.serve.database import Database, StorageError
from zkllm.serve.guard import Rates
from zkllm.serve.jobs import CHAIN, Jobs, Order
from zkllm.serve.keys import Client, load_keys
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Served
from zkllm.serve.opening import Opening
from zkllm.serve.prover import Prover, order_of, proving_measure
from zkllm.serve.recovery import recover
from zkllm.serve.service import Service
from zkllm.serve.settings import LOCAL, Settings
from zkllm.serve.settler import Settler
from zkllm.serve.watcher import Watcher
from zkllm.settle.journal import Journal
from zkllm.settle.session import SETTLE_PREFIX, Session
from zkllm.statement import Context

LOG = logging.getLogger("zkllm.serve")
CLEAN_SECONDS = 3600.0


class Cleaner(Service):
    """Forgets what has been over for long: jobs, and the records of transactions that settled them."""

    name = "cleaner"

    def __init__(self, jobs: Jobs, days: float, journal: Journal | None = None):
        super().__init__()
        self._jobs, self._days, self._journal = jobs, days, journal

    def step(self) -> float:
        if count := self._jobs.forget(self._days):
            LOG.info("forgot jobs that were over", extra={"count": count})
        if self._journal is not None:
            self._journal.forget_mined(SETTLE_PREFIX, time.time() - self._days * 86400)
        return CLEAN_SECONDS


class Node:
    """`session`: the account and the chain, where there is one. `start` opens the models, which may take
    long (`opening` tells of it); `failed` is told where that does not succeed."""

    def __init__(self, settings: Settings, session: Session | None, opening: Opening | None = None):
        self.settings = settings
        self.opening = opening or Opening()
        self.clients: dict[str, Client] = {}
        if settings.server.keys_file is not None:
            self.clients = load_keys(settings.path(settings.server.keys_file))
        self.database = Database(settings.data_folder)
        self.database.lock()
        self.jobs = Jobs(self.database)
        self.board = Board()
        self.rates = Rates(settings.server.requests_per_minute)
        self.models: dict[str, Served] = {}
        self.started = int(time.time())
        self.fault: ZkllmError | None = None
        self.draining = threading.Event()
        self._end = 0.0  # of the time that what is under way has, once the node is being stopped
        self._ready = threading.Event()
        self._lock = threading.Lock()
        hidden = _secret_variables(settings, session)
        answering = Worker("answerer", told_models(settings), hidden=hidden, proves=False)
        self.proving = proving_of(settings, "prover", hidden)
        self._answering = answering
        self.metrics = Metrics(
            lambda: {state.value: n for state, n in self.jobs.counts().items()}, self.proving.census
        )
        self.answerer = Answerer(answering, self.metrics, settings.jobs.waiting_answers)
        self.prover = Prover(
            self.jobs, self.proving, self.board, self.metrics, settings.jobs, self.wake_settler
        )
        self.chain: Chain | None = None
        self._chain_services: list[Service] = []
        if session is not None and settings.chain is not None:
            self.chain = Chain(session, settings.chain, self.metrics)
            settler = Settler(self.jobs, self.chain, self.board, self.metrics, settings.jobs, self.models)
            self._chain_services.append(settler)
            if settings.chain.requests:
                self._chain_services.append(
                    Watcher(
                        self.database,
                        self.chain,
                        self.metrics,
                        settings,
                        self.models,
                        self.prover.wake,
                        self.proving.census,
                    )
                )

    # ---- beginning and end
    def start(self, failed: Callable[[], None]) -> None:
        threading.Thread(target=self._start, args=[failed], name="start", daemon=True).start()

    def _start(self, failed: Callable[[], None]) -> None:
        try:
            settings = self.settings.jobs
            queued, given_up = recover(self.database, settings.attempts, settings.retry_seconds)
            if queued:
                LOG.info("took up jobs that were being proved", extra={"count": queued})
            if given_up:
                LOG.error("gave up jobs with whose proofs the node ended", extra={"count": given_up})
            opening, names = self.opening, [model.name for model in self.settings.models]
            opening.begin("opening the models, to prove", {"models": names})
            told = self.proving.start(opening.hear)  # makes the keys that are missing
            opening.begin("opening the models, to answer")
            self._answering.start(opening.hear)
            opening.begin("reading vocabularies and verifying keys")
            models = {name: Served.open(name, about) for name, about in told.items()}
            if self.chain is not None:
                opening.begin(f"looking at the contracts on {self.chain.session.network.name}")
                self.chain.open(models.values(), opening.part)
                if self.chain.settings.requests:
                    measure_shapes(self.jobs, self.proving, models, opening.begin, opening.hear)
            self.models.update(models)
        except ZkllmError as error:
            self.fault = error
            failed()
            return
        except Exception as error:
            LOG.exception("the node cannot start")
            self.fault = ZkllmError(f"internal error: {type(error).__name__}: {error}")
            failed()
            return
        finally:
            self.opening.end()
        with self._lock:
            if self.draining.is_set():
                return
            for service in self._services:
                service.start()
            self._ready.set()
        LOG.info("ready", extra={"models": list(self.models)})

    @property
    def _services(self) -> list[Service]:
        journal = None if self.chain is None else self.chain.session.sender.journal
        cleaner = Cleaner(self.jobs, self.settings.jobs.keep_days, journal)
        return [self.answerer, self.prover, cleaner, *self._chain_services]

    def drain(self) -> None:
        """Nothing new is begun; what is under way goes on."""
        if self.draining.is_set():
            return
        self._end = time.monotonic() + self.settings.server.drain_seconds
        self.draining.set()
        self.answerer.finish()
        for service in (self.prover, *self._chain_services):
            service.stop()

    def hurry(self) -> None:
        """No more time is given to what is under way."""
        self._end = 0.0

    def stop(self) -> None:
        """Ends what is under way, after the time that the settings give it: a proof that is being made is
        queued again, a transaction that was sent is taken up by the next start."""
        self.drain()
        with self._lock:
            started = self._ready.is_set()
        if started:
            for service in (*self._chain_services, self.prover):
                while not service.join(0.1) and time.monotonic() < self._end:
                    pass
            if not self.prover.join(0.0):
                self.prover.abandon()
                self.prover.join(5.0)
        for computing in (self.proving, self._answering):
            computing.stop()

    # ---- what is going on
    def trouble(self) -> list[str]:
        """Why the node is not ready; nothing where it is."""
        if self.draining.is_set():
            return ["the node is being stopped"]
        if not self._ready.is_set():
            return [f"the node is not ready yet: {self.opening}"]
        found = []
        try:
            self.jobs.counts()
        except StorageError as error:
            found.append(str(error))
        if self.proving.trouble:
            found.append(self.proving.trouble)
        if self.chain is not None and self.chain.trouble:
            found.append(self.chain.trouble)
        return found

    @property
    def is_open(self) -> bool:
        """Whether questions are taken."""
        return self._ready.is_set() and not self.draining.is_set()

    def wake_settler(self) -> None:
        for service in self._chain_services:
            if isinstance(service, Settler):
                service.wake()


def told_models(settings: Settings) -> list[JsonObject]:
    """The models as workers take them. A folder is relative to the settings, hf:ID is not."""
    told = []
    for model in settings.models:
        there = settings.path(model.package)
        shapes = [[entry.max_tokens, entry.new_tokens] for entry in model.shapes]
        package = str(there) if there.exists() else model.package
        told.append({"name": model.name, "package": package, "shapes": shapes})
    return told


def proving_of(settings: Settings, name: str, hidden: Sequence[str] = ()) -> Computing:
    """A process of this machine, or those of a Ray."""
    told, jobs = told_models(settings), settings.jobs
    if jobs.ray is None:
        return Worker(name, told, jobs.memory_budget, hidden)
    address = None if jobs.ray == LOCAL else jobs.ray
    where = RayPlace(address, jobs.ray_cores, jobs.ray_processes)
    return Cluster(name, told, where, jobs.memory_budget, hidden)


def measure_shapes(
    jobs: Jobs,
    computing: Computing,
    models: Mapping[str, Served],
    begin: Callable[[str, Mapping[str, object]], None],
    hear: Tell = lambda message: None,
) -> None:
    """A proof of each shape whose time is not known yet: no request is taken before it is. `begin` is told
    which, and what else is known of it; `hear` what the process says meanwhile."""
    unknown = [
        (model, shape, name)
        for model in models.values()
        for shape in model.keys
        if jobs.measure(name := proving_measure(model.model_id, shape)) is None
    ]
    for i, (model, shape, name) in enumerate(unknown):
        question = model.of_ids([0], shape.certified)
        order = Order(CHAIN, model.name, model.model_id, shape, question.prompt, question.claim_id, Context())
        step = f"measuring a proof of {model.name}, {shape} ({i + 1} of {len(unknown)})"
        begin(step, {"model": model.name, "shape": str(shape), "left": len(unknown) - i})
        try:
            done = computing.run({"prove": order_of(order)}, hear)
        except TaskFailed as error:
            LOG.warning("requests of %s %s are not taken: %s", model.name, shape, error)
            continue
        jobs.note_measure(name, sum(done["seconds"].values()))


def _secret_variables(settings: Settings, session: Session | None) -> list[str]:
    """Names of variables that are no business of the processes that compute."""
    if settings.chain is None or session is None:
        return []
    names = (settings.chain.key_env, settings.chain.password_env, session.network.rpc_url_env)
    return [name for name in names if name]
