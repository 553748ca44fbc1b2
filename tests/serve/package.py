"""A small package that converses, and nodes that serve it in processes of their own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.serve.running import RunningNode
from testkit.checkpoints import write_checkpoint
from zkllm import api
from zkllm.model.package import ModelPackage
from zkllm.serve.database import FILE, Database
from zkllm.serve.jobs import Job, Jobs, State

SHAPES = [(8, 2), (16, 4)]
NAME = "odd"
TEMPLATE = "{% for m in messages %}{{ m.role[0] }}{{ m.content }}{% endfor %}a"


def make_package(folder: Path) -> ModelPackage:
    """2 layers, width 40, 301 tokens, with a chat template, and keys of `SHAPES`. The token of the end takes
    white space behind it."""
    checkpoint = write_checkpoint(folder / "checkpoint")
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    tokenizer["added_tokens"][0]["rstrip"] = True
    (checkpoint / "tokenizer.json").write_text(json.dumps(tokenizer))
    (checkpoint / "chat_template.jinja").write_text(TEMPLATE)
    package = api.setup(checkpoint, folder / NAME, rows=8)
    for rows, certified in SHAPES:
        api.shape_keys(package, rows, certified)
    return package


def write_settings(
    folder: Path, package: ModelPackage, shapes: Sequence[tuple[int, int]] = SHAPES, **tables: dict[str, Any]
) -> Path:
    """A settings file in the folder; its node's state is there too."""
    offered = [{"max_tokens": rows, "new_tokens": certified} for rows, certified in shapes]
    models = [{"name": NAME, "package": str(package.folder), "shapes": offered}]
    server = {"port": 0, "drain_seconds": 30.0} | tables.pop("server", {})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "node.toml"
    path.write_text(_toml({"data": "state", "models": models, "server": server, **tables}))
    return path


def _toml(data: dict[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in data.items())


def _value(value: object) -> str:
    """JSON's numbers, texts and lists are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_value(of)}" for name, of in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


class Served(RunningNode):
    """Its jobs can be read beside it."""

    def __init__(self, settings: Path, program: str = "zkllm", **environment: str):
        options = ["--config", str(settings)]
        variables = {"PYTHONPATH": os.getcwd(), **environment}
        super().__init__(options, settings.parent / "log", variables, program)
        self.state = settings.parent / "state"

    def jobs(self) -> list[Job]:
        if not (self.state / FILE).exists():
            return []
        database = Database(self.state, reading=True)
        try:
            return Jobs(database).all()
        finally:
            database.connection.close()  # a file system on which it is open cannot be unmounted

    def wait_for(self, condition: Callable[[list[Job]], Any], seconds: float = 120.0) -> list[Job]:
        """The jobs, once that is true of them."""
        end = time.monotonic() + seconds
        while True:
            found = self.jobs()
            if condition(found):
                return found
            states = [(job.state.value, job.reason) for job in found]
            assert time.monotonic() < end, (states, self.log.read_text()[-3000:])
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def wait_for_state(self, *states: State, seconds: float = 120.0) -> Job:
        """The only job, once it is in one of the states."""
        return self.wait_for(lambda jobs: [j for j in jobs if j.state in states], seconds)[0]
