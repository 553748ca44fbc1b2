"""What the page knows before it asks a node: chain and contract, models, verifying keys, digests of code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import PackageError
from zkllm.hashing import keccak256
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.contracts import verifier_artifact
from zkllm.settle.networks import Network
from zkllm.timings import Progress


@dataclass(frozen=True)
class SiteModel:
    """A model that the page knows. `tokens`: bytes of every id; None where only keys are at hand, so that the
    page shows ids in the place of prompts."""

    name: str
    model_id: bytes
    tokens: Sequence[bytes] | None
    keys: tuple[VerifyingKey, ...]

    def __post_init__(self) -> None:
        if not self.keys or any(key.model_id != self.model_id for key in self.keys):
            raise ValueError("a model of the page has keys, which are its own")

    @property
    def vocabulary_root(self) -> bytes:
        return self.keys[0].vocabulary_root


@dataclass(frozen=True)
class Site:
    """`rpc_url`: written into files that everybody can read, so without secrets (`require_public`); None
    where visitors are asked for a node. `first_block`: the contract has no earlier event."""

    network: Network
    contract: bytes
    rpc_url: str | None
    first_block: int
    models: tuple[SiteModel, ...]


def model_at(path: str | Path, progress: Progress | None = None) -> SiteModel:
    """A model package with all keys of its shapes that this user made or checked, or a verifying key
    (vk.json) alone. Raises ZkllmError."""
    from zkllm.settle.doctor import keys_of

    if Path(path).is_file():
        key = VerifyingKey.load(Path(path))
        return SiteModel(f"model of {Path(path).name}", key.model_id, None, (key,))
    from zkllm import api

    package = api.open_package(path, progress=progress)
    model_id = api.own_setup(package, progress).model_id
    keys = keys_of(package.folder, package.digest, model_id)
    if not keys:
        raise PackageError(f"{path} has no verifying key; zkllm setup and zkllm prove make them")
    return SiteModel(package.source, model_id, package.tokenizer.token_bytes, tuple(keys))


def merged(models: Iterable[SiteModel]) -> tuple[SiteModel, ...]:
    """Each model once, with all keys that were given of it."""
    found: dict[bytes, SiteModel] = {}
    for model in models:
        known = found.get(model.model_id)
        if known is None:
            found[model.model_id] = model
            continue
        better = known if known.tokens is not None else model
        keys = {key.verifier_id: key for key in (*known.keys, *model.keys)}
        found[model.model_id] = SiteModel(better.name, model.model_id, better.tokens, tuple(keys.values()))
    return tuple(found.values())


def code_digest(key: VerifyingKey) -> bytes:
    """keccak256 of the deployed code of the verifier that is generated from the key."""
    return keccak256(verifier_artifact(key).code_with({}))
