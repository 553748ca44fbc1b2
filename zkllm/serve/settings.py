"""The node's settings: one TOML file, or the options of `zkllm serve`. Nothing in them is secret: keys,
passwords and nodes' URLs are in files for their owner alone, or in the environment.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from zkllm.errors import ZkllmError, reason
from zkllm.files import JsonObject, read_text
from zkllm.shape_id import ShapeId

LOCAL = "local"
"""In the place of a Ray's address: one of this machine that ends with the node."""
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=1e9)]


class SettingsError(ZkllmError):
    """A setting that is missing, unknown or of no use."""


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}", text):
        raise ValueError("is not a name: letters, digits, and . _ : / - after the first")
    return text


def _address(text: str) -> str:
    from zkllm.errors import SettlementError
    from zkllm.settle.rpc import parse_address

    try:
        parse_address(text)
    except SettlementError as error:
        raise ValueError(str(error)) from None
    return text


def _public(url: str) -> str:
    from zkllm.errors import SettlementError
    from zkllm.explorer.public_urls import require_public

    try:
        return require_public(url, "explorer_rpc")
    except SettlementError as error:
        raise ValueError(str(error)) from None


Address = Annotated[str, AfterValidator(_address)]
PublicUrl = Annotated[str, AfterValidator(_public)]


class _Table(BaseModel):
    """Unknown names are refused, and values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ShapeSettings(_Table):
    """A circuit: N positions, k certified tokens."""

    max_tokens: Positive
    new_tokens: Positive

    @property
    def shape(self) -> ShapeId:
        return ShapeId(self.max_tokens, self.new_tokens)


class ModelSettings(_Table):
    """A model that is served. `package`: what `zkllm prove` takes; `shapes`: what is offered of it, by
    default what the package has keys of."""

    package: str
    name: Annotated[str, AfterValidator(_name)]
    shapes: tuple[ShapeSettings, ...] = Field(default=(), strict=False)


class ServerSettings(_Table):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=1 << 16)] = 8080
    keys_file: str | None = None  # of API keys' digests (`zkllm serve --new-key`)
    body_bytes: Positive = 1 << 20
    connections: Positive = 1000  # at once; more are told to come back
    head_seconds: Seconds = 10.0  # for a request's head
    body_seconds: Seconds = 30.0  # for its body
    send_seconds: Seconds = 30.0  # for which a reader may let a part of an answer wait
    requests_per_minute: Positive = 600  # of each API key
    drain_seconds: Annotated[float, Field(ge=0)] = 60.0  # for what is under way when the node is stopped


class JobSettings(_Table):
    waiting_answers: Positive = 64
    waiting_proofs: Positive = 256
    attempts: Positive = 3  # to prove, where something else than the question is at fault
    retry_seconds: Seconds = 10.0
    keep_days: Seconds = 90.0
    memory_budget: Positive | None = None  # bytes that a proof may take
    ray: Annotated[str, Field(min_length=1)] | None = None  # HOST:PORT, auto or local; None: proves here
    ray_cores: Positive | None = None  # of each proving process
    ray_processes: Positive | None = None  # at most


class ChainSettings(_Table):
    """Where answers are settled, and which requests are taken."""

    network: str
    contract: Address | None = None
    owner: Address | None = None  # first owner of the settlement contract, from which its address follows
    keystore: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    key_env: str | None = None
    deploy: bool = False  # what is missing: verifiers, settlement contract
    requests: bool = True  # whether requests of the chain are answered
    first_block: Annotated[int, Field(ge=0)] | None = None  # to look for them, where none is stored
    request_confirmations: Positive = 1  # blocks, the request's own included
    margin: Annotated[float, Field(ge=1, le=1000)] = 1.2  # of a reward over the gas that it takes
    time_margin: Annotated[float, Field(ge=1, le=1000)] = 1.5  # of a deadline over the time to prove
    settle_seconds: Seconds = 120.0  # kept free before a deadline
    poll_seconds: Seconds = 4.0
    blocks_at_once: Positive = 2000
    watched_blocks: Positive = 64  # for which a settlement is looked at again
    withdraw_factor: Annotated[float, Field(ge=1)] = 20.0  # of credit over the gas of withdrawing it
    explorer: bool = True  # whether the page of settled claims is at /
    explorer_rpc: PublicUrl | None = None  # that visitors' browsers ask; default: they name one themselves


class Settings(_Table):
    """All of it. Paths are relative to `folder`, the settings file's."""

    data: str = ".zkllm/serve"
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    models: tuple[ModelSettings, ...] = Field(strict=False, min_length=1)
    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    chain: ChainSettings | None = None
    folder: Path = Path()

    def path(self, named: str) -> Path:
        return self.folder / Path(named).expanduser()

    @property
    def data_folder(self) -> Path:
        return self.path(self.data)

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine's users can connect."""
        return self.server.host in ("127.0.0.1", "::1", "localhost")


def parse_settings(data: JsonObject, source: str, folder: Path = Path()) -> Settings:
    """SettingsError, of one line, names the first setting that is wrong."""
    if "folder" in data:
        raise SettingsError(f"{source}: folder: unknown setting")
    try:
        settings = Settings.model_validate({**data, "folder": folder})
    except ValidationError as error:
        raise SettingsError(f"{source}: {_first(error)}") from None
    names = [model.name for model in settings.models]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(f"{source}: two models are called {repeated!r}")
    for model in settings.models:
        for shape in (entry.shape for entry in model.shapes):
            if shape.certified > shape.rows:
                raise SettingsError(f"{source}: {model.name}: {shape} certifies more tokens than it has")
    if settings.jobs.ray is None and (settings.jobs.ray_cores or settings.jobs.ray_processes):
        raise SettingsError(f"{source}: jobs.ray_cores and ray_processes are of a node that has jobs.ray")
    if settings.server.keys_file is None and not settings.is_local:
        raise SettingsError(
            f"{source}: a node that others reach (host {settings.server.host}) needs API keys: make one with "
            "zkllm serve --new-key NAME --keys FILE, and name the file"
        )
    return settings


def load_settings(path: Path) -> Settings:
    try:
        data = tomllib.loads(read_text(path, 1 << 20))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: it is not TOML: {error}") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the settings {path}: {reason(error)}") from None
    return parse_settings(data, str(path), path.resolve().parent)


def _first(error: ValidationError) -> str:
    """Pydantic's first complaint, without the value: somebody may have written a secret there."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in found["loc"])
    said = "unknown setting" if found["type"] == "extra_forbidden" else found["msg"]
    return f"{place}: {said.removeprefix('Value error, ')[0].lower()}{said.removeprefix('Value error, ')[1:]}"
