"""A random decoder of given widths, as a checkpoint that is nowhere stored: for benchmarks of its parts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkllm.model.architecture import Architecture
from zkllm.model.calibrate import measure, random_sequences
from zkllm.model.checkpoint import Checkpoint, tensor_shapes
from zkllm.model.quantize import QuantizerOptions, Scales, quantize
from zkllm.model.weights import QuantizedModel

_SEQUENCES, _VOCABULARY = 8, 256


@dataclass(frozen=True)
class RandomCheckpoint(Checkpoint):
    """Gaussian weights whose rows keep the size of what they are applied to; gains near 1."""

    seed: int = 1

    def tensor(self, name: str) -> np.ndarray:
        shape = tensor_shapes(self.gpt2)[name]
        generator = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        values = generator.standard_normal(shape)
        if ".ln_" in name or name.startswith("ln_"):
            return 0.02 * values + (1 if name.endswith("weight") else 0)
        if name.endswith("bias"):
            return 0.05 * values
        return values * (1 if name.startswith("w") else shape[0] ** -0.5)

    def stored(self, name: str) -> np.ndarray:
        return self.tensor(name)


def random_checkpoint(
    width: int, heads: int, inner: int, context: int, layers: int = 1, seed: int = 1
) -> RandomCheckpoint:
    architecture = Architecture(
        n_layer=layers, n_head=heads, head_dim=width // heads, d_inner=inner, vocab_size=_VOCABULARY,
        n_ctx=context, layer_norm_epsilon=1e-5, scale_scores=True, scale_by_layer=False, pad_id=0,
    )  # fmt: skip
    return RandomCheckpoint(Path("random"), architecture, {}, seed=seed)


def quantized_random(checkpoint: RandomCheckpoint) -> tuple[QuantizedModel, Scales]:
    """Calibrated on random ids."""
    a = checkpoint.gpt2
    ids = random_sequences(a.vocab_size, a.n_ctx, _SEQUENCES, a.pad_id, checkpoint.seed)
    ranges = measure(checkpoint, [np.array(ids, dtype=np.int64)])
    return quantize(checkpoint, ranges, QuantizerOptions(mu=19))
