"""The page's files: what the package ships, and data beside it.

Files of data are scripts that hand a value to the page: a page that is opened from a disk may load nothing
else. What is in them is ASCII, so no encoding matters.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from zkllm import __version__
from zkllm.errors import SettlementError
from zkllm.explorer.site import Site, SiteModel, code_digest
from zkllm.files import JsonObject, write_atomically
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.rpc import to_hex

Progress = Callable[[str, int, int], None]

PAGE = ("index.html", "explorer.js", "style.css", "icon.svg")
"""Of the package's folder `static`."""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest is in the page itself
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What a server sends along with each file, beyond what the page says itself."""


def static_folder() -> Path:
    """Where the package has the page without data: visitors are asked for a node and a contract."""
    return Path(str(files("zkllm.explorer").joinpath("static")))


def files_of(site: Site, progress: Progress | None = None) -> dict[str, bytes]:
    """Every file of the page by its name, data included. Compiles the verifiers of all keys."""
    contents = {name: (static_folder() / name).read_bytes() for name in PAGE}
    for model in site.models:
        if model.tokens is not None:
            contents[_vocabulary_file(model)] = _vocabulary_script(model, model.tokens)
    contents["data/site.js"] = _call("site", _site_data(site, progress or (lambda stage, done, total: None)))
    return contents


def write_site(out: Path, site: Site, progress: Progress | None = None) -> dict[str, bytes]:
    """Writes `files_of` the site to a folder, data first, so that a page that is there finds its data."""
    contents = files_of(site, progress)
    (out / "data").mkdir(parents=True, exist_ok=True)
    for name in sorted(contents, key=lambda name: not name.startswith("data/")):
        write_atomically(out / name, contents[name])
    return contents


def _call(function: str, *values: object) -> bytes:
    arguments = ", ".join(json.dumps(value, sort_keys=True, ensure_ascii=True) for value in values)
    return f"zkllmExplorer.{function}({arguments});\n".encode("ascii")


def _site_data(site: Site, progress: Progress) -> JsonObject:
    network = site.network
    keys = [key for model in site.models for key in model.keys]
    digests = dict(_code_digests(keys, progress))
    return {
        "version": __version__,
        "network": {
            "name": network.name,
            "chain_id": network.chain_id,
            "explorer": network.explorer,
            "confirmations": network.confirmations,
        },
        "rpc_url": site.rpc_url,
        "contract": to_hex(site.contract),
        "first_block": site.first_block,
        "models": [
            {
                "model_id": to_hex(model.model_id),
                "name": model.name,
                "vocabulary": None if model.tokens is None else _vocabulary_file(model),
                "vocabulary_size": model.keys[0].vocab_size,
                "verifiers": [
                    {"key": json.loads(key.to_json()), "code_digest": to_hex(digests[key.verifier_id])}
                    for key in model.keys
                ],
            }
            for model in site.models
        ],
    }


def _code_digests(keys: Sequence[VerifyingKey], progress: Progress) -> Iterable[tuple[bytes, bytes]]:
    for done, key in enumerate(keys):
        progress("compile the verifiers", done, len(keys))
        yield key.verifier_id, code_digest(key)
        progress("compile the verifiers", done + 1, len(keys))


def _vocabulary_file(model: SiteModel) -> str:
    return f"data/{model.vocabulary_root.hex()}.js"


def _vocabulary_script(model: SiteModel, tokens: Sequence[bytes]) -> bytes:
    """For each id the length of its bytes (LEB128), then the bytes; in base64."""
    if VocabularyTree(tokens).root != model.vocabulary_root or len(tokens) != model.keys[0].vocab_size:
        raise SettlementError(f"{model.name}: the tokenizer is not the one that its verifying keys commit to")
    packed = b"".join(_leb128(len(token)) + token for token in tokens)
    return _call("vocabulary", _vocabulary_file(model), base64.b64encode(packed).decode())


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
