"""What the node would do about the requests that are open now. Nothing is sent, proved or noted."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from zkllm.files import JsonObject
from zkllm.serve.chain import Chain
from zkllm.serve.database import FILE, Database
from zkllm.serve.jobs import Jobs
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Served
from zkllm.serve.node import measure_shapes, proving_of
from zkllm.serve.settings import Settings
from zkllm.serve.watcher import Watcher
from zkllm.settle.session import Session
from zkllm.timings import Progress


def survey(
    settings: Settings, session: Session, progress: Progress = lambda stage, done, total: None
) -> list[JsonObject]:
    """A decision about each request that was not taken yet, the best rewards first."""
    assert settings.chain is not None
    metrics = Metrics(dict)
    with tempfile.TemporaryDirectory() as folder:
        _copy(settings.data_folder / FILE, Path(folder))
        database = Database(Path(folder))
        proving = proving_of(settings, "surveyor")
        try:
            progress("opening the models", 0, 1)
            models = {name: Served.open(name, told) for name, told in proving.start().items()}
            measure_shapes(Jobs(database), proving, models, lambda step, about: progress(step, 0, 1))
        finally:
            proving.stop()
        chain = Chain(session, settings.chain.model_copy(update={"deploy": False}), metrics)
        chain.open(models.values())
        watcher = Watcher(database, chain, metrics, settings, models)
        while not watcher.look():
            pass
        return [
            {
                "request_id": "0x" + one.offer.request_id.hex(),
                "claim_id": "0x" + one.offer.claim_id.hex(),
                "reward": one.offer.reward,
                "deadline": one.offer.deadline,
                "take": one.decision.take,
                "reason": one.decision.reason,
            }
            for one in watcher.offers()
        ]


def _copy(path: Path, folder: Path) -> None:
    """The node's state as it is now, which a running node goes on to change."""
    if path.is_file():
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as source:
            with sqlite3.connect(folder / FILE) as target:
                source.backup(target)
