"""Every requirement on a package's scales, broken alone. One without a case fails the suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zkllm.gpt2.config import ProgramConfig
from zkllm.model.activations import ACTIVATIONS
from zkllm.model.calibrate import measure
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.float_model import FloatModel
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import QuantizerOptions, Scales, choose_config
from zkllm.model.scale_check import CheckpointFacts, equalities, floors, scale_errors
from zkllm.model.weights import TableSpec

from .conftest import DEMO
from .test_quantize import random_checkpoint, random_ids


@dataclass
class Declared:
    """What a package declares, to be changed."""

    c: ProgramConfig
    s: Scales
    spec: TableSpec

    def config(self, **steps: int) -> Declared:
        fields = {name: getattr(self.c, name) + step for name, step in steps.items()}
        return replace(self, c=replace(self.c, **fields))

    def scales(self, **steps: Any) -> Declared:
        """Steps of numbers; of tuples, a step for each entry."""
        fields: dict[str, Any] = {}
        for name, step in steps.items():
            old = getattr(self.s, name)
            fields[name] = tuple(np.add(old, step).tolist()) if isinstance(old, tuple) else old + step
        return replace(self, s=replace(self.s, **fields))

    def tables(self, **fields: Any) -> Declared:
        return replace(self, spec=replace(self.spec, **fields))

    def gains(self, name: str, p: int) -> Declared:
        gains = list(getattr(self.c, name))
        gains[p] += 1
        return replace(self, c=replace(self.c, **{name: tuple(gains)}))

    def follow(self) -> Declared:
        """With tables at the scales that are declared."""
        return self.tables(gelu_in_log2=self.s.f, gelu_out_log2=self.s.g)


def one(p: int, step: int) -> tuple[int, int]:
    return (step, 0) if p == 0 else (0, step)


def narrow_words(d: Declared) -> Declared:
    bits = 11
    g = tuple(ACTIVATIONS[d.spec.activation].output(f, bits, d.c.gelu_bits) for f in d.s.f)
    lost = tuple(np.subtract(d.s.g, g).tolist())
    d = d.scales(g=tuple(-x for x in lost), w_fc2=lost).follow().tables(exp_top=1 << bits - 1)
    return d.config(act_bits=bits - d.c.act_bits)


def narrow_tables(d: Declared) -> Declared:
    """The GELU's output stays as it is: a coarser input has room for it."""
    return d.scales(f=(-5, -5), w_fc1=(-5, -5)).follow().config(gelu_bits=-5)


def coarse_stream(d: Declared) -> Declared:
    d = d.scales(residual=-3, wte=-3, wpe=-3).config(o_shift=3, fc2_shift=3)
    epsilon = round(1e-5 * 2 ** (2 * d.s.residual) * d.c.width**3)
    return d.config(eps_int=epsilon - d.c.eps_int)


def coarse_inputs(p: int) -> Callable[[Declared], Declared]:
    return lambda d: d.scales(f=one(p, -2), g=one(p, -2), w_fc1=one(p, -2), w_fc2=one(p, 2)).follow()


def by_class(name: str, change: Callable[[int], Callable[[Declared], Declared]]) -> dict[str, Any]:
    return {name.format(p): change(p) for p in (0, 1)}


TAKEN = "bits that rounding takes off "
CASES: dict[str, Callable[[Declared], Declared]] = {
    **{name: (lambda d, name=name: d.config(**{name: 1})) for name in (
        "n_layer", "n_head", "head_dim", "d_inner", "vocab_size", "n_ctx", "pad_id", "eps_int", "wte_shift",
        "wpe_shift", "ln_shift", "o_shift", "final_shift",
    )},
    "q": lambda d: d.scales(w_qkv=(1, 0, 0)),
    "k": lambda d: d.scales(w_qkv=(0, 1, 0)),
    "v": lambda d: d.scales(w_qkv=(0, 0, 1)),
    "exp step": lambda d: d.tables(exp_step_log2=d.spec.exp_step_log2 + 1),
    "exp_top": lambda d: d.tables(exp_top=d.spec.exp_top - 1),
    "score divisor": lambda d: d.tables(score_divisor=d.spec.score_divisor - 1),
    "activation": lambda d: d.tables(activation="another"),
    "GELU input": lambda d: d.tables(gelu_in_log2=(d.s.f[0], d.s.f[1] + 1)),
    "GELU output": lambda d: d.tables(gelu_out_log2=(d.s.g[0] + 1, d.s.g[1])),
    **by_class("GELU output of class {}",
               lambda p: lambda d: d.scales(g=one(p, -1), w_fc2=one(p, 1)).follow()),
    **by_class("fc1_shift of class {}", lambda p: lambda d: d.gains("fc1_gains", p)),
    **by_class("fc2_shift of class {}", lambda p: lambda d: d.gains("fc2_gains", p)),
    "act_bits": narrow_words,
    "gelu_bits": narrow_tables,
    "limb_bits": lambda d: d.config(limb_bits=-5),
    "scale of y": lambda d: d.scales(y=-1, w_qkv=(1, 1, 1), w_fc1=(1, 1), gain=1).config(ln_shift=1),
    "scale of q k": lambda d: d.scales(q=-3, w_qkv=(-3, 0, 0)).config(exp_shift=-3),
    "scale of v": lambda d: d.scales(v=-2, w_qkv=(0, 0, -2), w_o=2),
    "scale of yf": lambda d: d.scales(yf=-2, gain=-2),
    "scale of the residual stream": coarse_stream,
    "scale of wte": lambda d: d.scales(wte=-1).config(wte_shift=1),
    "scale of wpe": lambda d: d.scales(wpe=-1).config(wpe_shift=1),
    "scale of the final gain": lambda d: d.scales(gain=-1).config(final_shift=-1),
    **by_class("scale of f of class {}", coarse_inputs),
    TAKEN + "w_qkv": lambda d: d.scales(w_qkv=(-1, -1, -1)).config(qkv_shift=-1),
    TAKEN + "w_o": lambda d: d.scales(w_o=-1).config(o_shift=-1),
    **by_class(TAKEN + "w_fc1 of class {}",
               lambda p: lambda d: d.scales(w_fc1=one(p, -1)).gains("fc1_gains", p)),
    **by_class(TAKEN + "w_fc2 of class {}",
               lambda p: lambda d: d.scales(w_fc2=one(p, -1)).gains("fc2_gains", p)),
    "kappa": lambda d: d.config(kappa=-18, ln_shift=-18),
    "exp_bits": lambda d: d.config(exp_bits=-1),
    "exp_shift": lambda d: d.config(exp_shift=4).tables(exp_step_log2=d.spec.exp_step_log2 + 4),
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(DEMO)


@pytest.fixture(scope="module")
def facts(checkpoint: Checkpoint) -> CheckpointFacts:
    return CheckpointFacts.read(checkpoint)


@pytest.fixture
def honest(demo_package: ModelPackage) -> Declared:
    return Declared(demo_package.config, demo_package.scales, demo_package.weights.tables)


def test_every_requirement_has_a_case(
    honest: Declared, checkpoint: Checkpoint, facts: CheckpointFacts
) -> None:
    a = checkpoint.architecture
    names = [r.name for r in equalities(a, honest.c, honest.s, honest.spec)]
    names += [r.name for r in floors(a, honest.c, honest.s, honest.spec, facts)]
    assert sorted(names) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_requirement_fails_alone(
    name: str, honest: Declared, checkpoint: Checkpoint, facts: CheckpointFacts
) -> None:
    broken = CASES[name](honest)
    assert scale_errors(checkpoint, honest.c, honest.s, honest.spec, facts) == []
    errors = scale_errors(checkpoint, broken.c, broken.s, broken.spec, facts)
    assert len(errors) == 1 and errors[0].startswith(f"{name} is "), errors


def test_other_numbers_of_classes_are_named(honest: Declared, checkpoint: Checkpoint) -> None:
    three = replace(honest.c, fc1_gains=(0, 0, 0), fc2_gains=(0, 0, 0))
    (error,) = scale_errors(checkpoint, three, honest.s, honest.spec)
    assert error == "3 classes of layers, not at most 2"
    single = replace(honest.c, fc1_gains=(0,), fc2_gains=(0,))
    (error,) = scale_errors(checkpoint, single, honest.s, honest.spec)
    assert error == "1 classes of layers, not 2 as the scales have"


@pytest.mark.parametrize("outlier", [1.0, 100.0])
def test_bounds_hold_whatever_the_input(tmp_path: Path, outlier: float) -> None:
    """No text and no ids make an activation larger than the facts allow, and they are not far from that."""
    checkpoint = random_checkpoint(tmp_path, 5, outlier, scale_attn_by_inverse_layer_idx=True)
    facts = CheckpointFacts.read(checkpoint)
    seen = measure(checkpoint, [random_ids(checkpoint, 6)])
    pairs = [(seen.tensors[name], getattr(facts, name)) for name in ("q", "k", "v", "yf", "logits")]
    pairs += [*zip(seen.layers["f"], facts.layers["f"], strict=True)]
    for most, bound in pairs:
        assert most <= bound <= 8 * most
    assert seen.weights == facts.weights
    assert {k: seen.layers[k] for k in ("fc1", "fc2")} == {k: facts.layers[k] for k in ("fc1", "fc2")}
    x0 = FloatModel(checkpoint).embed(np.arange(checkpoint.architecture.vocab_size)[:, None])
    assert facts.embedding == pytest.approx(float(np.median(x0.std(axis=-1))))


@pytest.mark.parametrize("zero", ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "ln_f", "wpe"])
def test_what_is_zero_may_be_rounded_to_zero(tmp_path: Path, zero: str) -> None:
    """Pruned parts have no finest scale."""
    from safetensors.numpy import load_file, save_file

    random_checkpoint(tmp_path, 4)
    tensors = load_file(tmp_path / "model.safetensors")
    for name in tensors:
        if zero in name:
            tensors[name] *= 0
    save_file(tensors, tmp_path / "model.safetensors")
    checkpoint = load_checkpoint(tmp_path)
    ranges = measure(checkpoint, [random_ids(checkpoint, 1)])
    config, scales, spec = choose_config(checkpoint, ranges, QuantizerOptions())
    assert scale_errors(checkpoint, config, scales, spec) == []


@pytest.mark.parametrize("factor", [1 / 64, 1.0, 64.0])
def test_floors_follow_the_size_of_the_model(tmp_path: Path, factor: float) -> None:
    """A model and the same one with an embedding that is larger or smaller."""
    from safetensors.numpy import load_file, save_file

    random_checkpoint(tmp_path, 4)
    tensors = load_file(tmp_path / "model.safetensors")
    for name in ("wte.weight", "wpe.weight"):
        tensors[name] *= factor
    save_file(tensors, tmp_path / "model.safetensors")
    checkpoint = load_checkpoint(tmp_path)
    ranges = measure(checkpoint, [random_ids(checkpoint, 1)])
    config, scales, spec = choose_config(checkpoint, ranges, QuantizerOptions())
    assert scale_errors(checkpoint, config, scales, spec) == []
    facts = CheckpointFacts.read(checkpoint)
    (rho,) = [r for r in floors(checkpoint.architecture, config, scales, spec, facts) if r.name == "kappa"]
    deviation = config.width * facts.embedding * 2.0**scales.residual
    assert 8 <= rho.want - log2(deviation) < 9
