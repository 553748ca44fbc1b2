"""Set up, prove, verify and check, by the command line's functions, on models that transformers wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from testkit.llamas import MODELS
from zkllm import api
from zkllm.errors import PackageError, ProofError
from zkllm.llama.config import LlamaConfig
from zkllm.model.audit import check_package
from zkllm.model.build import BuildOptions, build_package
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.family import family_of
from zkllm.model.llama.weights import LlamaTables, tables_of
from zkllm.outer.keys import VerifyingKey
from zkllm.public_model import PublicLlama, PublicModel
from zkllm.shape_id import ShapeId

pytest.importorskip("transformers")


BEYOND = ("qwen3, a window by layer, tied", "gemma2")
"""Proved with more rows than their window has."""


# of those that `make test-long` tries, others here have the parts
LONG = ("mistral", "qwen2", "qwen3", "qwen3, a window by layer, tied", "gemma")


@pytest.mark.parametrize(
    "name",
    [
        "llama, tied, biases, a width of its own", "gemma2", "gemma3",
        "phi3, some features are turned, a window", "gpt_neox",
        *(pytest.param(name, marks=pytest.mark.long) for name in LONG),
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
    assert c.up_bits == {"fast": 16, "exact": 20}[quality]
    assert c.head_bits == {"fast": 0, "exact": 22}[quality]
    assert c.product_bits == 16 if quality == "fast" else 16 < c.product_bits <= 26
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

    folder = MODELS[name].write(tmp_path / "model")
    report = measure_accuracy(build_package(folder, tmp_path / "package"), folder, max_tokens=64)
    assert report.agreement > 0.95 and min(report.cosine_min) > 0.999


def test_a_package_of_other_weights_is_refused(tmp_path: Path) -> None:
    small, out = MODELS["qwen2"], tmp_path / "package"
    api.setup(small.write(tmp_path / "one"), out, rows=4)
    with pytest.raises(PackageError, match="recorded range"):
        api.check_setup(small.write(tmp_path / "other", seed=2), out)


def test_a_longrope_of_more_positions_than_the_original_ones_is_refused_by_name(tmp_path: Path) -> None:
    """By whoever checks the package, public or private, and by whoever makes keys from the public record:
    the program itself is sound, with cosines, sines and widths of that many positions."""
    folder = MODELS["phi3, tied, long positions"].write(tmp_path / "model")
    words = "unsound: longrope: no more positions than the original ones$"
    for hidden in (False, True):
        package = build_package(folder, tmp_path / f"package-{hidden}", BuildOptions(hidden=hidden))
        c, spec = package.config, package.weights.tables
        assert isinstance(c, LlamaConfig) and isinstance(spec, LlamaTables) and c.n_ctx == 24
        longer = replace(c, n_ctx=48, div_bits=c.div_bits + 1)
        arrays = {**dict(package.weights.arrays()), **tables_of(spec, longer)}
        for config, n_ctx in ((c, 24), (longer, 48)):
            for original in (float(n_ctx), 23.0):  # as if the model had as many; and one less than there are
                own = replace(spec, rotary=replace(spec.rotary, original=original))
                public = PublicLlama(1, config, own, bytes(32), "development", bytes(32), ())
                path = tmp_path / "public.json"
                path.write_bytes(public.to_bytes())
                refused = "0 commitments" if original == n_ctx else words
                refused = refused if hidden else "the model is not private"
                with pytest.raises(PackageError, match=refused):
                    PublicModel.load(path).verifying_key(ShapeId(4, 1, False))
        bent = replace(package, weights=family_of(longer).model(longer, spec, arrays))
        with pytest.raises(PackageError, match=words):
            check_package(bent, load_checkpoint(folder))
        with pytest.raises(PackageError, match=words):
            api.setup_keys(bent, 4)


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
    package = api.setup(MODELS[name].write(tmp_path / "model"), tmp_path / "package", rows=4, private=True)
    result = api.prove(package, tokens=[5, 9, 3], certified=1, rows=4)
    api.verify(result.proof, result.verifying_key)
    public = PublicModel.of(package, api.own_setup(package))
    path = tmp_path / "public.json"
    path.write_bytes(public.to_bytes())
    assert PublicModel.load(path) == public
    assert public.verifying_key(ShapeId(4, 1, False)) == result.verifying_key
