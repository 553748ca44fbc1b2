"""Loads a checkpoint of any family, a folder or a model of the hub, without torch or transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zkllm.errors import CheckpointError, reason
from zkllm.files import UNREADABLE, read_json
from zkllm.model.architecture import AnyArchitecture, Architecture, load_architecture
from zkllm.model.hub import find_checkpoint
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.stored import Part
from zkllm.model.llama.stored import stored as stored_llama
from zkllm.model.quantised_weights import CURE, method_of_tensors
from zkllm.model.safetensors_file import SafetensorsFile
from zkllm.model.ties import Head, head_of

EMBEDDING, HEAD = "wte.weight", "lm_head.weight"
_BLOCK = 1 << 24  # values that are read at a time
_WRAPPERS = {"_orig_mod.": "torch.compile", "module.": "DataParallel or DeepSpeed",
             "_fsdp_wrapped_module.": "FSDP", "_forward_module.": "Lightning",
             "pretrained_model.": "TRL", "base_model.model.": "PEFT"}  # fmt: skip


@dataclass(frozen=True)
class Naming:
    """How a family names its parameters."""

    text: str  # a model of it
    base: str  # the decoder's place in the class with the head
    embedding: str
    head: str
    shapes: dict[str, tuple[int, ...]]  # those that have to be there
    own_head: bool  # a head of its own is one of them; else it may be stored, and equal the embedding
    parts: Mapping[str, Part] = field(default_factory=dict)  # parameters that are rows of those, or renamed


def naming_of(a: AnyArchitecture) -> Naming:
    if isinstance(a, LlamaArchitecture):
        own, text = stored_llama(a), f"a {a.model_type} model"
        return Naming(text, own.base, own.embedding, own.head, own.shapes, not a.tied_head, own.parts)
    return Naming("a GPT-2", "transformer.", EMBEDDING, HEAD, tensor_shapes(a), False)


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a GPT-2's parameters. Linear weights are stored (in, out)."""
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
    architecture: AnyArchitecture
    files: dict[str, tuple[SafetensorsFile, str]]  # canonical name -> file, name in the file
    parts: Mapping[str, Part] = field(default_factory=dict)  # of names that no tensor has: what they are of

    @property
    def gpt2(self) -> Architecture:
        """Of a GPT-2."""
        if not isinstance(self.architecture, Architecture):
            raise TypeError("not a GPT-2's checkpoint")
        return self.architecture

    @property
    def llama(self) -> LlamaArchitecture:
        """Of a Llama."""
        if not isinstance(self.architecture, LlamaArchitecture):
            raise TypeError("not a Llama's checkpoint")
        return self.architecture

    def stored(self, name: str) -> np.ndarray:
        """float32 or float64, perhaps not finite: see `SafetensorsFile.stored`."""
        file, stored, rows = self._place(name)
        if rows is None:
            return file.stored(stored)
        first, last = int(rows.min()), int(rows.max()) + 1
        read = file.stored(stored, slice(first, last))
        return read if np.array_equal(rows, np.arange(first, last)) else read[rows - first]

    def _place(self, name: str) -> tuple[SafetensorsFile, str, np.ndarray | None]:
        """File, name in it, and which rows; None: all."""
        part = self.parts.get(name)
        return (*self.files[part.stored if part else name], part.rows if part else None)

    def blocks(self, name: str) -> Iterator[np.ndarray]:
        """The same of a whole matrix, some rows at a time."""
        file, stored, _ = self._place(name)
        shape = file.entries[stored].shape
        rows = max(1, _BLOCK // shape[1])
        for start in range(0, shape[0], rows):
            yield file.stored(stored, slice(start, start + rows))

    def picked(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The same, of any rows."""
        file, stored, _ = self._place(name)
        return file.picked(stored, rows)

    def tensor(self, name: str) -> np.ndarray:
        """float64, finite."""
        file, stored, rows = self._place(name)
        values = file.tensor(stored)
        return values if rows is None else values[rows]


def stamps(folder: Path) -> list[tuple[str, int, int]]:
    """(name, bytes, time in ns) of every file that a package is made from: a checkpoint counts as unchanged
    while these are."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".safetensors", ".txt", ".jinja"))
    return [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads, in the order in which it does."""
    if (folder / "adapter_config.json").exists():
        raise CheckpointError(
            f"{folder}: adapter_config.json makes it an adapter; merge it into its model first"
        )
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").exists():
        return [folder / "model.safetensors"]
    if not index.exists():
        if any(folder.glob("*.bin")):
            raise CheckpointError(
                f"{folder}: only pickled weights (.bin), which can run code; convert them to safetensors "
                "(transformers: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW))"
            )
        others = sorted(path.name for path in folder.glob("*.safetensors"))[:3]
        hint = f" ({', '.join(others)} would have to be named so)" if others else ""
        raise CheckpointError(f"{folder}: no model.safetensors{hint}")
    try:
        names = set(read_json(index)["weight_map"].values())
    except UNREADABLE as error:
        raise CheckpointError(f"{index}: damaged index ({reason(error)}); download it again") from None
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
            raise CheckpointError(f"{index}: names the file {str(name)[:80]!r}, which is not in the folder")
    return [folder / name for name in sorted(names)]


def load_checkpoint(model: str | Path, revision: str | None = None) -> Checkpoint:
    folder = find_checkpoint(model, revision)
    return read_weights(folder, load_architecture(folder / "config.json"))


def read_weights(folder: Path, architecture: AnyArchitecture) -> Checkpoint:
    naming = naming_of(architecture)
    return Checkpoint(folder, architecture, _find_tensors(folder, architecture, naming), naming.parts)


def _canonical(stored: str, parameters: set[str], base: str) -> str | None:
    """The parameter that transformers loads a stored tensor to: the base model's prefix may be missing, or be
    there once too often. None where it leaves the tensor aside."""
    for name in (stored.removeprefix(base), base + stored, stored):
        if name in parameters:
            return name.removeprefix(base)
    return None


def _find_tensors(folder: Path, a: AnyArchitecture, naming: Naming) -> dict[str, tuple[SafetensorsFile, str]]:
    """Where each parameter is stored. What is no parameter (masks of old versions, heads of other tasks,
    layers beyond n_layer) is not read, as transformers does not."""
    shapes, base, head = naming.shapes, naming.base, naming.head
    parameters = {head, *(base + name for name in shapes if name != head)}
    found: dict[str, list[tuple[SafetensorsFile, str]]] = {}
    others: list[str] = []
    for path in weight_files(folder):
        file = SafetensorsFile(path)
        for stored in file.entries:
            name = _canonical(stored, parameters, base)
            if name is None:
                others.append(stored)
            else:
                found.setdefault(name, []).append((file, stored))
    for name, places in found.items():
        expected = shapes[naming.embedding if name == head else name]
        for file, stored in places:
            file.require_float(stored)
            if (shape := file.entries[stored].shape) != expected:
                raise CheckpointError(f"{folder}: tensor {name} is {shape}, not {expected}")
        if any(not _same(places[0], place) for place in places[1:]):
            raise CheckpointError(f"{folder}: tensor {name} is stored twice, with different values")
    if not naming.own_head:
        _tie(folder, a.tied_head, found, naming)
    missing = [name for name in shapes if name not in found]
    if missing:
        raise CheckpointError(f"{folder}: {_why_missing(missing, others, naming)}")
    return {name: found[name][0] for name in shapes}


def _same(left: tuple[SafetensorsFile, str], right: tuple[SafetensorsFile, str]) -> bool:
    return np.array_equal(left[0].stored(left[1]), right[0].stored(right[1]))


def _tie(
    folder: Path, tied: bool, found: dict[str, list[tuple[SafetensorsFile, str]]], naming: Naming
) -> None:
    """The head is the embedding: either may be stored for both, but not where the head is declared untied."""
    embedding, own = naming.embedding, naming.head
    same = lambda: _same(found[own][0], found[embedding][0])
    head = head_of(embedding in found, own in found, tied, same)
    if head is Head.OWN and not same():
        raise CheckpointError(f"{folder}: {own} differs from {embedding}: an untied head is refused")
    if head in (Head.NO_HEAD, Head.NO_EMBEDDING) and not tied:
        missing = embedding if own in found else own
        raise CheckpointError(f"{folder}: tie_word_embeddings is false, and tensor {missing} is missing")
    if head is Head.TIED_BY_HEAD:
        found[embedding] = found[own]


def _why_missing(missing: list[str], others: list[str], naming: Naming) -> str:
    """`others` are the stored tensors that are no parameters."""
    more = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
    for name in missing:
        for other in others:
            if other.endswith("." + name):
                prefix = other.removesuffix(name).removesuffix(naming.base) or naming.base
                causes = [cause for wrapper, cause in _WRAPPERS.items() if wrapper in prefix]
                return (
                    f"tensor {name}{more} missing; the names have the prefix {prefix[:60]!r} "
                    f"({', '.join(causes) or 'of a wrapper'}): save the model without its wrapper"
                )
    if (known := method_of_tensors(others)) is not None:
        return f"tensor {missing[0]}{more} missing; the weights are quantised by {known}: {CURE}"
    there = f"; {', '.join(o[:80] for o in others[:3])} there, not of {naming.text}" if others else ""
    return f"tensor {missing[0]}{more} missing{there}"
