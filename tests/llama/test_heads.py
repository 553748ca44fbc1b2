"""Queries and keys are as wide, and equalised as far, as the scores need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from testkit.llamas import MODELS
from zkllm.llama.config import LlamaConfig
from zkllm.model.build import BuildOptions, build_package
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.execution import trace
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.equalise import balance
from zkllm.model.llama.folding import read_lines
from zkllm.model.llama.heads import (
    LayerRanges,
    LayerScales,
    choose_heads,
    common_shift,
    layer_ranges,
)
from zkllm.model.llama.predicates import array_predicates, failed_predicates
from zkllm.model.llama.rounded import RoundedLlama
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import QuantizerOptions, fit

pytest.importorskip("transformers")
MASSIVE = 400.0
OPTIONS = QuantizerOptions()
BIASED = "self_attn.k_proj.bias"


def massive(folder: Path, layer: int = 1, by: float = MASSIVE) -> Path:
    """A Qwen2 some of whose keys are as large as those of published ones: by their biases."""
    MODELS["qwen2"].write(folder)
    tensors = load_file(folder / "model.safetensors")
    bias = tensors[f"model.layers.{layer}.{BIASED}"].reshape(3, -1)
    bias[:, [1, 1 + bias.shape[1] // 2]] += by
    save_file(tensors, folder / "model.safetensors")
    return folder


def built(folder: Path, **options: int) -> tuple[ModelPackage, LlamaConfig, LlamaScales]:
    chosen = BuildOptions(quantizer=replace(OPTIONS, **options))
    package = build_package(folder, folder.parent / f"package{options}", chosen)
    c, s = package.config, package.scales
    assert isinstance(c, LlamaConfig) and isinstance(s, LlamaScales)
    return package, c, s


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return massive(tmp_path_factory.mktemp("massive") / "model")


@pytest.fixture(scope="module")
def wide(folder: Path) -> tuple[ModelPackage, LlamaConfig, LlamaScales]:
    return built(folder)


def layers_of(checkpoint: Checkpoint, package: ModelPackage) -> list[LayerRanges]:
    s, record, a = package.scales, package.calibration, checkpoint.llama
    assert isinstance(s, LlamaScales) and record is not None and isinstance(record.ranges, LlamaRanges)
    lines = [read_lines(checkpoint, l) for l in range(a.n_layer)]
    return layer_ranges(a, lines, record.ranges, s.exponents.values, s.y)


class _Watched(RoundedLlama):
    """Keeps the last q and k of each layer, which are turned, as they are rounded."""

    def __init__(self, checkpoint: Checkpoint, model: LlamaModel, scales: LlamaScales):
        super().__init__(checkpoint, model, scales)
        self.seen: dict[str, np.ndarray] = {}

    def _round(self, name: str, l: int, array: np.ndarray) -> None:
        super()._round(name, l, array)
        self.seen[name] = np.array(array)

    def scores(self, ids: np.ndarray, rounded: frozenset[str]) -> list[np.ndarray]:
        """Of each layer, q k / sqrt(score divisor), each on the exact stream."""
        found, x = [], self.embedded(ids, frozenset())
        for l in range(self.layers):
            block = self.read(l)
            block(x, rounded)
            scores = self.seen["q"] @ np.swapaxes(self.seen["k"], -1, -2)
            found.append(scores / np.sqrt(self.a.score_divisor))
            x = block(x, frozenset())
        return found


def test_words_are_enough_where_keys_are_small(tmp_path: Path) -> None:
    package, c, s = built(MODELS["qwen2"].write(tmp_path / "model"))
    assert c.head_bits == 0 and c.read_bits == 16
    assert "head_bits" not in c.to_dict()  # whose package has the model_id that it had before
    for layer in layers_of(load_checkpoint(tmp_path / "model"), package):
        assert layer.in_words(OPTIONS).noise <= 2.0**-OPTIONS.score_bits


def test_massive_keys_widen_queries_and_keys(
    folder: Path, wide: tuple[ModelPackage, LlamaConfig, LlamaScales]
) -> None:
    """And scores are as much nearer to the float model."""
    package, c, _ = wide
    assert c.head_bits == 22 and isinstance(package.weights, LlamaModel)
    assert failed_predicates(package.weights) == []
    ids = np.random.default_rng(5).integers(0, c.vocab_size, (4, c.n_ctx))
    narrow = built(folder, head_bits=16)
    assert narrow[1].head_bits == 0
    errors = []
    for found, _, s in (wide, narrow):
        assert isinstance(found.weights, LlamaModel)
        traced = trace(found.weights, [*ids[0].tolist(), c.pad_id], c.n_ctx, c.n_ctx, check=False)
        assert (np.abs(traced["rot"]).max() >= 1 << 15) == (found is package)
        assert np.abs(traced["qkv"][:, :, -1]).max() < 1 << 15  # values: what attention puts out is a word
        model = _Watched(load_checkpoint(folder), found.weights, s)
        exact, rounded = (model.scores(ids, frozenset(names))[1] for names in ("", "qk"))
        errors.append(float(np.sqrt(((rounded - exact) ** 2).mean())))
    assert errors[0] < errors[1] / 6


def test_a_fast_package_has_no_wide_heads(folder: Path) -> None:
    c = build_package(folder, folder.parent / "fast", BuildOptions(quality="fast")).config
    assert isinstance(c, LlamaConfig) and c.head_bits == 0


def test_the_noise_of_scores_is_what_rounding_makes(
    folder: Path, wide: tuple[ModelPackage, LlamaConfig, LlamaScales]
) -> None:
    """With the other side at its largest, as massive keys always are."""
    checkpoint = load_checkpoint(folder)
    for package, c, s in (wide, built(folder, head_bits=16)):
        ids = np.random.default_rng(6).integers(0, c.vocab_size, (8, c.n_ctx))
        assert isinstance(package.weights, LlamaModel)
        model = _Watched(checkpoint, package.weights, s)
        exact, found = (model.scores(ids, frozenset(names)) for names in ((), ("q", "k", "w_qkv")))
        for l, layer in enumerate(layers_of(checkpoint, package)):
            noise = float(np.sqrt(((found[l] - exact[l]) ** 2).mean()))
            widened = c.head_bits and l == 1
            own = layer.widened(22, OPTIONS) if widened else layer.in_words(OPTIONS)
            assert 0.7 * noise < own.noise < 4 * noise, l


def test_words_balance_queries_and_keys_and_wide_ones_what_leaves_least_noise(
    wide: tuple[ModelPackage, LlamaConfig, LlamaScales],
) -> None:
    package, _, s = wide
    layers, few, tried = layers_of(load_checkpoint(package.checkpoint()), package), [], range(17, 22)
    alike = [balance(layer.k, layer.q, centred=False) for layer in layers]
    assert s.exponents.turned[0] == alike[0] and s.exponents.turned[1] != alike[1]
    for bits in tried:
        exponents = [balance(layers[1].k**part * layers[1].w_k ** (1 - part),
                             layers[1].q**part * layers[1].w_q ** (1 - part), centred=False)
                     for part in np.linspace(0, 1, 5)]  # fmt: skip
        few.append(
            min((layers[1].with_exponents(e, bits, OPTIONS) for e in exponents), key=lambda of: of.noise)
        )
    enough = max(1 / 64, 1.1 * few[-1].noise)
    expected = next(layer for layer in few if layer.noise <= enough)
    assert (s.q[1], s.k[1], s.exponents.turned[1]) == (expected.q, expected.k, expected.turned)


def test_normed_heads_keep_the_exponents_of_what_is_turned(tmp_path: Path) -> None:
    """Which their gains have: no weight is moved."""
    folder = MODELS["qwen3"].write(tmp_path / "model")
    for options in ({}, {"score_bits": 10}):
        package, c, s = built(folder, **options)
        assert c.head_bits == (22 if options else 0)
        for layer, turned in zip(
            layers_of(load_checkpoint(folder), package), s.exponents.turned, strict=True
        ):
            assert turned == balance(layer.k, layer.q, centred=False)


def test_a_matrix_has_the_finest_weights_that_its_shift_allows(
    wide: tuple[ModelPackage, LlamaConfig, LlamaScales],
) -> None:
    """Those of some part have 16 bits in each layer: else a larger shift would leave outputs as fine."""
    model = wide[0].weights
    assert isinstance(model, LlamaModel)
    for own in model["w_qkv"]:
        parts = np.abs(own).max(axis=(0, 2))
        assert max(parts) >= 1 << 14


def alone(a: LlamaArchitecture, largest: float) -> LayerRanges:
    """Of exact weights, and massive queries and keys."""
    q, tiny = np.array([largest, largest / 4]), np.array([1e-9, 1e-9])
    return LayerRanges(a, q=q, k=q, w_q=tiny, w_k=tiny, w_v=1e-9, v=1.0, raw={}, y=9)


def test_a_bit_of_wide_heads_is_headroom_and_rounding_counts_twice(folder: Path) -> None:
    a = load_checkpoint(folder).llama
    found = alone(a, 3000.0).widened(22, OPTIONS)
    assert found.q == found.k == fit(21, 2 * 3000.0)
    squares = (3000.0**2 + 750.0**2) / 2
    each = 2 * 4.0**-found.q / 12 * squares  # once as it is made, once as it is turned
    assert found.noise == pytest.approx(np.sqrt(2 * each * a.head_dim / a.score_divisor), rel=1e-3)


def heads(noise: float, q: int, k: int) -> LayerScales:
    scales = {"q": q, "k": k, "v": 12}
    return LayerScales(noise, (0,), {name: scale + 14 for name, scale in scales.items()}, scales, q, k)


@pytest.mark.parametrize(
    "head_dim, bits, gain", [(64, 16, 16), (128, 22, 12), (256, 22, 11), (256, 24, 7), (1 << 16, 24, 0)]
)
def test_scores_fit_what_they_are_traced_in(head_dim: int, bits: int, gain: int, folder: Path) -> None:
    """Queries of a layer are made coarser where its gain would be larger than that leaves."""
    a = replace(load_checkpoint(folder).llama, head_dim=head_dim)
    layers: list[Any] = [_Fixed(heads(1.0, 6, 6)), _Fixed(heads(1.0, 15, 14))]
    found = choose_heads(a, layers, replace(OPTIONS, head_bits=bits))
    assert found.q[0] + found.k[0] == 12 and found.k == (6, 14)
    assert found.q[1] + found.k[1] == 12 + gain
    assert found.made[1]["q"] == found.q[1] and found.shifts == (14, 14)
    assert (head_dim << 2 * (bits - 1) + gain) < 1 << 62 or gain == 0


@dataclass(frozen=True)
class _Fixed:
    own: LayerScales

    def in_words(self, options: QuantizerOptions) -> LayerScales:
        return self.own

    def widened(self, bits: int, options: QuantizerOptions) -> LayerScales:
        return self.own


def test_parts_of_a_matrix_share_the_shift_of_least_noise() -> None:
    assert common_shift([14, 14, 14], 16, 10, 576) == 14
    assert common_shift([12, 15, 15], 16, 10, 576) == 14  # coarser outputs of one for finer weights of two
    assert common_shift([12, 15, 15], 13, 10, 576) == 13  # a limb at most
    assert common_shift([15, 16, 17], 16, 6, 64) == 15  # weights that are fine enough as they are
    assert common_shift([18, 20, 19], 16, 10, 576) == 18


def test_a_score_that_a_trace_cannot_hold_is_found(
    wide: tuple[ModelPackage, LlamaConfig, LlamaScales],
) -> None:
    model = wide[0].weights
    assert isinstance(model, LlamaModel)
    wrong = lambda m: {p.name for p in array_predicates(m) if not p.holds}
    beyond = replace(model, config=replace(model.config, head_bits=24, score_gains=(0, 16)))
    assert "traced scores" in wrong(beyond) and "traced scores" not in wrong(model)
