"""The float model that rounds: exact where nothing is rounded, the program where everything is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from testkit.llamas import MODELS
from zkllm.model.build import build_package
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.execution import trace
from zkllm.model.family import family_of
from zkllm.model.float_model import FloatModel
from zkllm.model.llama.float_model import LlamaFloat
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.noise import NOTHING, Roundable, Rounded, costs, divergence, log_softmax
from zkllm.model.package import ModelPackage

from .conftest import DEMO

pytest.importorskip("transformers")
LLAMAS = ("llama, tied, biases, a width of its own", "qwen2", "gemma3",
          "phi3, some features are turned, a window", "gpt_neox", "gemma2")  # fmt: skip


@pytest.fixture(scope="module", params=["gpt2", *LLAMAS])
def made(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Path, ModelPackage]:
    folder: Path = tmp_path_factory.mktemp("rounded")
    checkpoint = DEMO if request.param == "gpt2" else MODELS[request.param].write(folder / "model")
    return checkpoint, build_package(checkpoint, folder / "package")


def rounding(made: tuple[Path, ModelPackage]) -> Roundable:
    checkpoint, package = made
    return family_of(package.config).rounded(load_checkpoint(checkpoint), package.weights, package.scales)


def ids_of(package: ModelPackage) -> np.ndarray:
    """Of which hardly a row comes near a tie: about one in ten such draws does, and others attend to it."""
    c = package.config
    return np.random.default_rng(8).integers(0, c.vocab_size, (3, min(c.n_ctx, 16)))


def run(model: Roundable, ids: np.ndarray, rounded: Rounded) -> np.ndarray:
    x = model.embedded(ids, rounded)
    for l in range(model.layers):
        x = model.read(l)(x, rounded)
    return model.logits_of(x, rounded)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt((x**2).mean()))


def test_nothing_rounded_is_the_float_model(made: tuple[Path, ModelPackage]) -> None:
    checkpoint, ids = load_checkpoint(made[0]), ids_of(made[1])
    plain = FloatModel if made[0] == DEMO else LlamaFloat
    expected = plain(checkpoint).logits(ids)
    assert np.allclose(run(rounding(made), ids, NOTHING), expected, rtol=1e-9, atol=1e-9 * rms(expected))


def test_everything_rounded_is_the_program(made: tuple[Path, ModelPackage]) -> None:
    package, ids = made[1], ids_of(made[1])
    c, rows = package.config, ids.shape[1]
    found = np.stack([
        trace(package.weights, [*row, c.pad_id], rows, rows, check=False)["logits"] for row in ids.tolist()
    ]) / 2.0**package.scales.logits  # fmt: skip
    model = rounding(made)
    exact, rounded = run(model, ids, NOTHING), run(model, ids, frozenset(model.tensors))
    off = np.sqrt(((rounded - found) ** 2).mean(axis=-1))
    assert (off < 0.02 * rms(exact - found)).mean() > 0.95  # a row or two that come near a tie


def test_every_tensor_costs_something(made: tuple[Path, ModelPackage]) -> None:
    model, ids = rounding(made), ids_of(made[1])
    exact = log_softmax(run(model, ids, NOTHING))
    for name in model.tensors:
        other = log_softmax(run(model, ids, frozenset({name})))
        assert divergence(exact, other).mean() > 0 or name in ("rho", "gain", "x0", "post_gain"), name


def test_the_tensor_that_costs_most_is_found(made: tuple[Path, ModelPackage]) -> None:
    """That whose scale was made coarser by eight bits, and with a Llama's v, in which layer."""
    checkpoint, package = made
    ids, scales = ids_of(package).tolist(), package.scales
    steps = []
    for name in ("y", "yf"):
        coarse = replace(scales, **{name: getattr(scales, name) - 8})
        found = costs(
            rounding((checkpoint, replace(package, scales=coarse))), ids, lambda *at: steps.append(at)
        )
        assert found[0].tensor == name and found[0].layer is None
        assert [cost.layer for cost in found if cost.tensor == name] == [None, *range(package.config.n_layer)]
    assert steps[-1] == (2 * package.config.n_layer,) * 2
    if isinstance(scales, LlamaScales):
        coarse = replace(scales, v=(scales.v[0], scales.v[1] - 8, *scales.v[2:]))
        found = costs(rounding((checkpoint, replace(package, scales=coarse))), ids)
        assert found[0].tensor == "v" or found[0].tensor == "o"
        by_layer = {cost.layer: cost.kl for cost in found if cost.layer is not None}
        assert by_layer[1] > 100 * by_layer[0]


def test_divergence_is_that_of_two_distributions() -> None:
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])
    assert np.allclose(log_softmax(np.log(p) + 3), np.log(p))
    assert divergence(np.log(p), np.log(q)) == pytest.approx((p * np.log(p / q)).sum())
    assert divergence(np.log(p), np.log(p)) == 0
