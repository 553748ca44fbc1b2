"""A GGUF file as an ordinary Hugging Face folder: its float32 weights are the model from then on."""

from __future__ import annotations

import hashlib
import json
import warnings
from math import prod
from pathlib import Path

from zkllm.cache import GGUF
from zkllm.cache_sources import note_use
from zkllm.errors import CheckpointError, ZkllmWarning, reason
from zkllm.files import JsonObject, require_room, write_atomically
from zkllm.model.gguf_config import FACTORS, config_of
from zkllm.model.gguf_file import GgufFile
from zkllm.model.gguf_tensors import streams, tensors_of
from zkllm.model.gguf_tokenizer import tokenizer_of
from zkllm.model.safetensors_writer import write_float32

_VERSION = 2  # of what is made of a file
_ENDS = ("eos", "eot", "eom")


def folder_of(path: Path) -> Path:
    """The folder of a file, in the cache; made on first use, and again where the file was written since."""
    state = path.stat()
    name = f"{path.resolve()} {state.st_size} {state.st_mtime_ns} {_VERSION}"
    folder = GGUF.path(f"{path.stem}-{hashlib.sha256(name.encode()).hexdigest()[:16]}")
    if not (folder / "config.json").is_file():
        convert(path, folder)
    note_use(folder, [path])
    return folder


def convert(path: Path, folder: Path) -> None:
    """Everything is looked at before anything is written. config.json is written last."""
    file = GgufFile(path)
    factors = {name: file.whole(name) for name in FACTORS if name in file.shapes}
    config = config_of(file.metadata, file.shapes, factors, str(path))
    tensors = tensors_of(config, file.shapes, str(path))
    definition, settings = tokenizer_of(file.metadata, str(path))
    size = sum(4 * prod(tensor.shape) for tensor in tensors.values())
    require_room(folder, size, "the file as float32")
    text = f"{path.name} is made into float32 weights, {size >> 20:,} MiB, once; they are kept in the cache"
    warnings.warn(text, ZkllmWarning, stacklevel=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_float32(
            folder / "model.safetensors", {n: t.shape for n, t in tensors.items()}, streams(tensors, file)
        )
        _write_json(folder / "tokenizer.json", definition)
        _write_json(folder / "tokenizer_config.json", settings)
        _write_json(folder / "generation_config.json", {"eos_token_id": _ends(file.metadata)})
        chat = file.metadata.get("tokenizer.chat_template")
        if isinstance(chat, str):
            write_atomically(folder / "chat_template.jinja", chat.encode())
        _write_json(folder / "config.json", config)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be written: {reason(error)}") from None


def _ends(metadata: JsonObject) -> list[int] | None:
    """The ids that end a sequence, a turn or a message."""
    ids = [metadata.get(f"tokenizer.ggml.{name}_token_id") for name in _ENDS]
    return list(dict.fromkeys(i for i in ids if i is not None)) or None


def _write_json(path: Path, data: JsonObject) -> None:
    write_atomically(path, json.dumps(data, ensure_ascii=False, indent=1).encode())
