"""Loads a GPT-2 family checkpoint, a Hugging Face folder or a hub id, without torch or transformers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.model.architecture import Architecture, load_architecture
from zkllm.model.safetensors_file import SafetensorsFile

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_HUB_FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer.json",
              "tokenizer_config.json", "vocab.json", "merges.txt"]  # fmt: skip
_BUFFERS = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")  # the causal mask, stored by old versions


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the parameters. Linear weights are stored (in, out)."""
    d, ff = a.width, a.d_inner
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (a.vocab_size, d), "wpe.weight": (a.n_ctx, d)}
    for l in range(a.n_layer):
        for name, sizes in (
            ("ln_1", (d,)), ("attn.c_attn", (d, 3 * d)), ("attn.c_proj", (d, d)),
            ("ln_2", (d,)), ("mlp.c_fc", (d, ff)), ("mlp.c_proj", (ff, d)),
        ):  # fmt: skip
            shapes[f"h.{l}.{name}.weight"] = sizes
            shapes[f"h.{l}.{name}.bias"] = sizes[-1:]
    shapes["ln_f.weight"] = shapes["ln_f.bias"] = (d,)
    return shapes


@dataclass(frozen=True)
class Checkpoint:
    """A checked folder. Tensors are read one at a time."""

    folder: Path
    architecture: Architecture
    files: dict[str, tuple[SafetensorsFile, str]]  # canonical name -> file, name in the file

    def stored(self, name: str) -> np.ndarray:
        """float32 or float64, perhaps not finite: see `SafetensorsFile.stored`."""
        file, stored = self.files[name]
        return file.stored(stored)

    def tensor(self, name: str) -> np.ndarray:
        """float64, finite."""
        file, stored = self.files[name]
        return file.tensor(stored)


def find_checkpoint(model: str | Path, revision: str | None = None) -> Path:
    """The folder of `model`: itself, or a download of the hub id."""
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.exists() or not _HUB_ID.fullmatch(str(model)):
        raise CheckpointError(f"{model}: neither a Hugging Face folder nor a hub id")
    try:
        import huggingface_hub
    except ImportError:
        raise CheckpointError(
            f"{model}: no such folder; to download it as a hub id, pip install huggingface_hub"
        ) from None
    try:
        return Path(
            huggingface_hub.snapshot_download(str(model), revision=revision, allow_patterns=_HUB_FILES)
        )
    except Exception as error:  # the hub client raises errors of many libraries
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise CheckpointError(f"{model}: no such folder, and the hub cannot provide it ({reason})") from None


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").exists():
        return [folder / "model.safetensors"]
    if not index.exists():
        if any(folder.glob("*.bin")):
            raise CheckpointError(f"{folder}: only pickled weights (.bin); convert them to safetensors")
        raise CheckpointError(f"{folder}: no model.safetensors")
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CheckpointError(f"{index}: damaged index; download it again") from None
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
            raise CheckpointError(f"{index}: names the file {str(name)[:80]!r}, which is not in the folder")
    return [folder / name for name in sorted(names)]


def load_checkpoint(model: str | Path, revision: str | None = None) -> Checkpoint:
    folder = find_checkpoint(model, revision)
    architecture = load_architecture(folder / "config.json")
    files: dict[str, tuple[SafetensorsFile, str]] = {}
    for path in _weight_files(folder):
        file = SafetensorsFile(path)
        for stored in file.entries:
            name = stored.removeprefix("transformer.")
            if name in files:
                raise CheckpointError(f"{path}: tensor {name} is stored twice")
            files[name] = (file, stored)
    checkpoint = Checkpoint(folder, architecture, files)
    _check_tensors(checkpoint)
    return checkpoint


def _check_tensors(checkpoint: Checkpoint) -> None:
    shapes, folder = tensor_shapes(checkpoint.architecture), checkpoint.folder
    for name, shape in shapes.items():
        if name not in checkpoint.files:
            raise CheckpointError(f"{folder}: tensor {name} is missing")
        file, stored = checkpoint.files[name]
        if file.entries[stored].shape != shape:
            raise CheckpointError(f"{folder}: tensor {name} is {file.entries[stored].shape}, not {shape}")
    for name in checkpoint.files:
        if name in shapes or _BUFFERS.fullmatch(name):
            continue
        if name != "lm_head.weight":
            raise CheckpointError(f"{folder}: unknown tensor {name[:80]}; it is not part of a GPT-2")
        if not np.array_equal(checkpoint.stored(name), checkpoint.stored("wte.weight")):
            raise CheckpointError(
                f"{folder}: lm_head.weight differs from wte.weight: an untied head is refused"
            )
