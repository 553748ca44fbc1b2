"""Set up, prove, verify and check, by the command line's functions, on models that transformers wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.llamas import MODELS
from zkllm import api
from zkllm.errors import PackageError, ProofError
from zkllm.llama.config import LlamaConfig
from zkllm.outer.keys import VerifyingKey

pytest.importorskip("transformers")


BEYOND = ("qwen3, a window by layer, tied", "gemma2")
"""Proved with more rows than their window has."""


# of those that `make test-long` tries, others here have the parts
LONG = ("qwen2", "qwen3", "gemma")


@pytest.mark.parametrize(
    "name",
    [
        "llama, tied, biases, a width of its own", "mistral", "gemma3",
        "phi3, some features are turned, a window", "gpt_neox", "qwen3, a window by layer, tied",
        "gemma2", *(pytest.param(name, marks=pytest.mark.long) for name in LONG),
    ],
)  # fmt: skip
def test_a_model_is_set_up_proved_and_checked(name: str, tmp_path: Path) -> None:
    import torch

    small, rows = MODELS[name], 12 if name in BEYOND else 6
    folder, out = small.write(tmp_path / "model"), tmp_path / "package"
    package = api.setup(folder, out, rows=rows)
    tokens = [5, 9, 3] if rows == 6 else list(range(20, 18 + rows))
    result = api.prove(package, tokens=tokens, certified=2, rows=rows)
    path = tmp_path / "proof.zkllm"
    result.proof.save(path)
    proof, vk = api.Proof.load(path), result.verifying_key
    assert isinstance(vk, VerifyingKey)
    api.verify(proof, vk)
    with torch.no_grad():
        model, ids = small.model(), list(tokens)
        for _ in range(2):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert result.answer_ids == ids[len(tokens) :]
    broken = bytearray(proof.body)
    broken[-40] ^= 1
    with pytest.raises(ProofError):
        api.verify(api.Proof(*(bytes(broken) if v is proof.body else v for v in vars(proof).values())), vk)
    audit = api.check_setup(folder, out)
    assert audit.model_id == vk.model_id and vk.verifier_id in audit.verifier_ids.values()


@pytest.mark.parametrize("quality", ["fast", "exact"])
def test_a_quality_is_set_up_proved_and_checked(quality: str, tmp_path: Path) -> None:
    folder, out = MODELS["qwen2"].write(tmp_path / "model"), tmp_path / "package"
    package = api.setup(folder, out, rows=4, quality=quality)
    assert package.quality == quality and api.open_package(out).quality == quality
    c = package.config
    assert isinstance(c, LlamaConfig)
    assert (c.product_bits, c.up_bits) == {"fast": (16, 16), "exact": (24, 20)}[quality]
    result = api.prove(package, tokens=[5, 9, 3], certified=1, rows=4)
    api.verify(result.proof, result.verifying_key)
    api.check_setup(folder, out)


def test_a_gpt2_has_no_qualities(tmp_path: Path) -> None:
    from tests.model.conftest import DEMO

    with pytest.raises(PackageError, match="the quality 'fast' is for models of the Llama family"):
        api.setup(DEMO, tmp_path / "package", quality="fast")
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("name", ["llama", "qwen2, a window, tied", "gemma2", "gemma3", "gpt_neox"])
def test_accuracy_is_measured_against_transformers(name: str, tmp_path: Path) -> None:
    from zkllm.model.accuracy import measure_accuracy
    from zkllm.model.build import build_package

    folder = MODELS[name].write(tmp_path / "model")
    report = measure_accuracy(build_package(folder, tmp_path / "package"), folder, max_tokens=64)
    assert report.agreement > 0.95 and min(report.cosine_min) > 0.999


def test_a_package_of_other_weights_is_refused(tmp_path: Path) -> None:
    small, out = MODELS["qwen2"], tmp_path / "package"
    api.setup(small.write(tmp_path / "one"), out, rows=4)
    with pytest.raises(PackageError, match="recorded range"):
        api.check_setup(small.write(tmp_path / "other", seed=2), out)


def test_a_gpt2_s_package_is_no_llama_s(tmp_path: Path) -> None:
    from tests.model.conftest import DEMO

    out = tmp_path / "package"
    small = MODELS["qwen2"].write(tmp_path / "model")
    api.setup(small, out, rows=4)
    with pytest.raises(PackageError):
        api.check_setup(DEMO, out)


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_a_private_model_is_proved_and_published(name: str, tmp_path: Path) -> None:
    """Its tables, cosines and sines are in columns apart, which anyone makes again."""
    from zkllm.public_model import PublicModel
    from zkllm.shape_id import ShapeId

    package = api.setup(MODELS[name].write(tmp_path / "model"), tmp_path / "package", rows=4, private=True)
    result = api.prove(package, tokens=[5, 9, 3], certified=1, rows=4)
    api.verify(result.proof, result.verifying_key)
    public = PublicModel.of(package, api.own_setup(package))
    path = tmp_path / "public.json"
    path.write_bytes(public.to_bytes())
    assert PublicModel.load(path) == public
    assert public.verifying_key(ShapeId(4, 1, False)) == result.verifying_key
