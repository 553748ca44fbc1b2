"""The quantised program computes the float model; equalising leaves the function as it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from testkit.llamas import MODELS
from zkllm.errors import CheckpointError, PackageError
from zkllm.llama.config import LlamaConfig
from zkllm.model.audit import check_package
from zkllm.model.build import build_package, load_folder
from zkllm.model.calibrate import calibration_set, token_budget
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.execution import trace
from zkllm.model.folding import LARGEST
from zkllm.model.llama.calibrate import LlamaRanges, measure
from zkllm.model.llama.equalise import (
    Channels,
    Words,
    balance,
    largest_after,
    least_noise,
    mlp_exponents,
    value_exponents,
)
from zkllm.model.llama.float_model import LlamaFloat, read_layers
from zkllm.model.llama.folding import Folded, kinds, read_lines
from zkllm.model.llama.gained import Made, choose_norm, eps_of
from zkllm.model.llama.heads import HeadScales
from zkllm.model.llama.quantize import _head_norm, gate_classes
from zkllm.model.llama.scales import CLAMP, Exponents, LlamaScales
from zkllm.model.llama.weights import LlamaModel, LlamaTables, arrays
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import fit_weight

pytest.importorskip("transformers")
FREE = 99
"""Fractional bits of g and W_down together, which are as many as they like."""


def words(least: int, most: int) -> Words:
    return Words(up=16, g=(least, most), room=2.0, wide_room=8.0)


BUILT = ("llama, tied, biases, a width of its own", "llama, rotation of llama3", "mistral", "qwen2", "qwen3",
         "gemma", "gemma2", "gemma3", "qwen3, a window by layer, tied",
         "gemma3, a scaled rotation, types by layer",
         "phi3, some features are turned, a window", "phi3, tied, long positions", "gpt_neox",
         "gpt_neox, serial, no biases of attention, all turned, tied")  # fmt: skip


@pytest.fixture(scope="module", params=BUILT)
def built(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Checkpoint, ModelPackage]:
    folder = MODELS[request.param].write(tmp_path_factory.mktemp("llama") / "model")
    return load_checkpoint(folder), build_package(folder, folder.parent / "package")


def test_logits_are_near_the_float_model(built: tuple[Checkpoint, ModelPackage]) -> None:
    checkpoint, package = built
    c, scale = package.config, 2.0**package.scales.logits
    ids = np.random.default_rng(5).integers(0, c.vocab_size, (4, c.n_ctx))
    expected = LlamaFloat(checkpoint).logits(ids)
    found = np.stack([
        trace(package.weights, [*row, c.pad_id], c.n_ctx, c.n_ctx, check=False)["logits"] / scale
        for row in ids.tolist()
    ])  # fmt: skip
    assert np.sqrt(((found - expected) ** 2).mean()) < 0.003 * np.sqrt((expected**2).mean())
    assert (found.argmax(-1) == expected.argmax(-1)).mean() > 0.97


def test_numbers_that_no_logit_tells_are_the_checkpoints(built: tuple[Checkpoint, ModelPackage]) -> None:
    """The auditor chooses again with the same quantiser, and so would err with it."""
    a, package = built[0].llama, built[1]
    c, s, spec = package.config, package.scales, package.weights.tables
    assert isinstance(c, LlamaConfig) and isinstance(s, LlamaScales) and isinstance(spec, LlamaTables)
    eps = lambda width, scale: max(1, round(Fraction(a.norm_eps) * width * 4**scale))
    assert c.eps_int == eps(a.d_model ** (3 if a.centred else 1), s.residual)
    if c.head_norm and s.head_norm:
        for found, scales in (
            (c.head_norm.query_eps, s.head_norm.query),
            (c.head_norm.key_eps, s.head_norm.key),
        ):
            assert found == tuple(eps(a.head_dim, scale) for scale in scales)
    if c.post_norm and s.post_norm:
        assert c.post_norm.eps == tuple(eps(a.d_model, scale) for scale in s.post_norm.out)
    scale = Fraction(c.wte_factor << c.wte_shift, 1 << c.x0_shift)
    assert scale == Fraction(a.embedding_scale) * Fraction(2) ** (s.residual - s.wte)
    assert (spec.activation, spec.score_divisor, spec.rotaries) == (a.activation, a.score_divisor, a.rotaries)
    assert (spec.cap.bound if spec.cap else 0.0) == a.cap
    for name in ("window", "sliding", "angles", "turned", "parallel", "centred", "gated"):
        assert getattr(c, name) == getattr(a, name), name


def test_queries_and_keys_have_an_eps_of_their_own(tmp_path: Path) -> None:
    """Keys that are sixteen times as large have another scale."""
    folder = MODELS["qwen3"].write(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    large = {name: 16 * tensor for name, tensor in tensors.items() if ".k_proj." in name}
    assert large
    save_file({**tensors, **large}, folder / "model.safetensors")
    package = build_package(folder, tmp_path / "package")
    c, s, a = package.config, package.scales, load_checkpoint(folder).llama
    assert isinstance(c, LlamaConfig) and isinstance(s, LlamaScales) and c.head_norm and s.head_norm
    assert all(query > key for query, key in zip(s.head_norm.query, s.head_norm.key, strict=True))
    for found, scales in ((c.head_norm.query_eps, s.head_norm.query), (c.head_norm.key_eps, s.head_norm.key)):
        assert found == tuple(max(1, round(Fraction(a.norm_eps) * a.head_dim * 4**x)) for x in scales)


@pytest.mark.parametrize("name", ["qwen3", "gemma3"])
def test_gains_of_heads_take_up_the_exponents_of_pairs(name: str, tmp_path: Path) -> None:
    """No score tells their signs, which queries and keys have the other way round; nor are all 0, as they are
    where keys are no larger than queries."""
    folder, turned = MODELS[name].write(tmp_path / "model"), {0: 2, 1: 5}  # a pair in each layer
    checkpoint = load_checkpoint(folder)
    a, half, tensors = (
        checkpoint.llama,
        checkpoint.llama.head_dim // 2,
        load_file(folder / "model.safetensors"),
    )
    for l, pair in turned.items():
        keys = tensors[f"model.layers.{l}.self_attn.k_norm.weight"]
        keys[[pair, half + pair]] = 256 * (a.gain_offset + keys[[pair, half + pair]]) - a.gain_offset
    save_file(tensors, folder / "model.safetensors")
    package = build_package(folder, tmp_path / "package")
    c, s = package.config, package.scales
    assert isinstance(c, LlamaConfig) and isinstance(s, LlamaScales) and c.head_norm and s.head_norm
    assert isinstance(model := package.weights, LlamaModel)
    for l in range(a.n_layer):
        e = np.array(s.exponents.turned[l])
        assert l not in turned or e[turned[l]] >= 3 and np.argmax(e) == turned[l]
        for i, (kind, of, sign) in enumerate(
            (("q", s.head_norm.query_gain, 1), ("k", s.head_norm.key_gain, -1))
        ):
            stored = tensors[f"model.layers.{l}.self_attn.{kind}_norm.weight"].astype(np.float64)
            gain = np.ldexp(a.gain_offset + stored, of[l] + sign * np.append(e, e))
            found = model["head_gain"][l][i]
            assert np.abs(found - gain).max() <= 0.5 and np.abs(found).max() >= 2**14, (l, kind)


def test_widths_of_head_norms_are_of_each_gain_at_its_scale(tmp_path: Path) -> None:
    """In limbs of one bit, which hide nothing: a large gain is another tensor's than the coarse scale."""
    folder = MODELS["qwen3"].write(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.self_attn.k_norm.weight"] *= 16
    save_file(tensors, folder / "model.safetensors")
    checkpoint, scales, eps = load_checkpoint(folder), {"q": (9, 3), "k": (12, 5)}, 8
    heads = HeadScales(16, (), ({"q": eps, "k": eps},) * 2, (1, 1), *scales.values())
    found, _ = _head_norm(checkpoint, None, heads, 1)
    made = [
        Made(float(np.abs(tensors[f"model.layers.{l}.self_attn.{kind}_norm.weight"]).max()), scale)
        for kind, of in scales.items()
        for l, scale in enumerate(of)
    ]
    a = checkpoint.llama
    norm = choose_norm(a.head_dim, 16, made, [eps_of(a.norm_eps, a.head_dim, eps)], 1)
    assert (found.kappa, found.shift) == (norm.kappa, norm.shift)


def test_the_auditor_finds_what_the_quantiser_chose(built: tuple[Checkpoint, ModelPackage]) -> None:
    check_package(built[1], built[0])


def test_scales_are_not_accepted_without_the_quantisers_choice(
    built: tuple[Checkpoint, ModelPackage],
) -> None:
    """Nor is it suggested. Another part of a fault's line is what is wrong, which other tests look at."""
    checkpoint, package = built
    with pytest.raises(PackageError, match="--allow-scales is for GPT-2's family: .*--calibration FILE"):
        check_package(package, checkpoint, allow_scales=True)
    record = package.calibration
    assert record is not None
    recorded = lambda **changes: replace(package, recorded=replace(record, **changes).to_bytes())
    for other, words in (
        (replace(package, recorded=None), "set the model up again$"),
        (recorded(seed=7), "another seed.*set the model up again$"),
        (recorded(text="00" * 32), "give it with --calibration FILE$"),
        (replace(package, scales=replace(package.scales, yf=1)), "ranges: yf is 1, not [0-9]+$"),
    ):
        with pytest.raises(PackageError, match=words):
            check_package(other, checkpoint)


def _there(package: ModelPackage, name: str) -> str:
    """What is there, or what a model without a gate has instead."""
    assert isinstance(package.config, LlamaConfig)
    return name if package.config.gated else {"mlp": "values", "w_up": "beta", "g": "k"}.get(name, name)


def _exponents(package: ModelPackage, name: str, step: int) -> Exponents:
    scales = package.scales
    assert isinstance(scales, LlamaScales)
    layers = [list(layer) for layer in getattr(scales.exponents, name)]
    layers[1][2] += step
    return replace(scales.exponents, **{name: tuple(map(tuple, layers))})


@pytest.mark.parametrize("name", ["mlp", "values", "turned"])
def test_another_exponent_is_found(built: tuple[Checkpoint, ModelPackage], name: str) -> None:
    checkpoint, package = built
    scales = package.scales
    assert isinstance(scales, LlamaScales)
    other = replace(package, scales=replace(scales, exponents=_exponents(package, _there(package, name), 1)))
    with pytest.raises(PackageError, match="not what the quantiser chooses from its ranges: exponents"):
        check_package(other, checkpoint)


LEFT_OUT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a window": ({"window": 0, "sliding": ()}, {"window": 5, "sliding": (1, 0)}),
    "parallel layers": ({"parallel": False}, {"parallel": True}),
    "the embedding's factor": ({"wte_factor": 1}, {"wte_factor": 3}),
    "the embedding's rounding": ({"x0_shift": 0}, {"x0_shift": 3, "wte_shift": 0}),
}
"""Fields that change the program and no array: without one, where the configuration then says nothing of it,
and with one that the checkpoint does not have."""


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_part_of_the_program_that_is_left_out_or_added_is_found(
    built: tuple[Checkpoint, ModelPackage], name: str
) -> None:
    checkpoint, package = built
    model = package.weights
    assert isinstance(model, LlamaModel)
    without, other = LEFT_OUT[name]
    has = any(getattr(model.config, field) != value for field, value in without.items())
    changed = replace(model, config=replace(model.config, **(without if has else other)))
    assert set(arrays(changed.config).items()) == set(arrays(model.config).items())
    bent = replace(package, weights=changed)
    field = next(iter(without))
    with pytest.raises(PackageError, match=f"quantiser chooses from its ranges: .*{field} "):
        check_package(bent, checkpoint)


@pytest.mark.parametrize("name", ["wte", "w_qkv", "w_o", "w_gate", "w_up", "w_down", "gain"])
def test_another_array_is_found(built: tuple[Checkpoint, ModelPackage], name: str) -> None:
    checkpoint, package = built
    model = package.weights
    assert isinstance(model, LlamaModel)
    name = _there(package, name)
    array = np.array(model[name])
    array.reshape(-1)[3] += 1 if array.reshape(-1)[3] <= 0 else -1
    with pytest.raises(PackageError, match=f"array {name} is not what the checkpoint quantises to"):
        check_package(replace(package, weights=model.with_arrays(**{name: array})), checkpoint)


def test_any_size_is_calibrated_on_enough_tokens_and_on_tokens_alone(tmp_path: Path) -> None:
    folder = MODELS["qwen2"].write(tmp_path / "model")
    checkpoint, tokenizer = load_folder(folder)
    a, size = checkpoint.llama, checkpoint.llama.vocab_size
    assert token_budget(replace(a, d_inner=1 << 17, n_layer=1000)) == 2048
    assert token_budget(a) == 16384
    *texts, alone = calibration_set(checkpoint, tokenizer)
    assert all(ids.shape[1] > 1 for ids in texts) and alone.shape[1] == 1
    assert set(alone[:, 0]) == {*range(min(512, size)), *(i for i in tokenizer.added_ids if i < size)}
    # they say how large values get, and nothing of how large they are on the whole
    few = [ids[:2] for ids in texts]
    without, with_them = measure(checkpoint, few), measure(checkpoint, [*few, alone])
    assert with_them.squares == without.squares
    assert all((with_them.largest(name) > without.largest(name)).any() for name in ("up", "g", "k"))
    assert np.array(measure(checkpoint, [alone]).squares["g"]).min() > 0


def test_mean_squares_are_in_units_of_the_row_of_the_stream(tmp_path: Path) -> None:
    checkpoint, tokenizer = load_folder(MODELS["qwen2"].write(tmp_path / "model"))
    groups = calibration_set(checkpoint, tokenizer)[:1]
    model, seen = LlamaFloat(checkpoint), dict[tuple[str, int], np.ndarray]()
    x = model.embed(groups[0])
    found = measure(checkpoint, groups)
    for l, layer in enumerate(read_layers(checkpoint, np.float64)):
        x = model.block(layer, x, lambda name, at, array: seen.update({(name, at): array}), l)
        units = (x**2).mean(axis=-1, keepdims=True)
        for name in ("a", "g"):
            expected = (seen[name, l] ** 2 / units).mean(axis=(0, 1))
            assert np.allclose(found.mean_squares(name)[l], expected, rtol=1e-3), name
        assert np.allclose(found.mean_squares("one")[l], [(1 / units).mean()], rtol=1e-3)


@pytest.mark.parametrize("name", ["g", "v", "q"])
def test_another_channels_range_is_found(built: tuple[Checkpoint, ModelPackage], name: str) -> None:
    checkpoint, package = built
    record = package.calibration
    assert record is not None and isinstance(record.ranges, LlamaRanges)
    channels = {n: [list(layer) for layer in layers] for n, layers in record.ranges.channels.items()}
    name = _there(package, name)
    channels[name][0][1] *= 1.5
    ranges = replace(record.ranges, channels=channels)
    with pytest.raises(PackageError, match=rf"recorded range of channels\.{name}\.0\.1 is not"):
        check_package(replace(package, recorded=replace(record, ranges=ranges).to_bytes()), checkpoint)


def test_equalising_leaves_the_function_alone(built: tuple[Checkpoint, ModelPackage]) -> None:
    """Products of what a power of two moves between are the same to the bit."""
    checkpoint, a = built[0], built[0].llama
    rng = np.random.default_rng(1)
    drawn = lambda channels: tuple(map(tuple, rng.integers(-5, 6, (a.n_layer, channels)).tolist()))
    shared = a.n_kv_head * a.head_dim
    exponents = Exponents(drawn(a.d_inner), drawn(shared), drawn(shared // 2))
    for l in range(a.n_layer):
        plain = {kind: Folded.read(checkpoint, l, kind, None) for kind in kinds(a)}
        moved = {kind: Folded.read(checkpoint, l, kind, exponents) for kind in kinds(a)}
        if a.gated:
            mlp = lambda of: np.einsum("if,fo->fio", of["up"].folded()[:, 0], of["down"].folded()[:, 0])
            assert np.array_equal(mlp(plain), mlp(moved))
        else:
            assert np.array_equal(plain["down"].folded(), moved["down"].folded())
        heads = (a.n_kv_head, a.group, a.head_dim)
        for of in (plain, moved):
            of["v"] = of["qkv"].folded()[:, -1].reshape(-1, a.n_kv_head, a.head_dim)
            of["out"] = of["o"].folded()[:, 0].reshape(*heads, -1)
            of["q"] = of["qkv"].folded()[:, : a.group].reshape(-1, a.group, a.n_kv_head, a.head_dim)
            of["k"] = of["qkv"].folded()[:, a.group].reshape(-1, a.n_kv_head, a.head_dim)
        values = lambda of: np.einsum("ibe,bgeo->bgeio", of["v"], of["out"])
        assert np.array_equal(values(plain), values(moved))
        scores = lambda of: np.einsum("igbe,kbe->gbeik", of["q"], of["k"])
        assert np.array_equal(scores(plain), scores(moved))
        if moved["qkv"].bias is not None:
            by = moved["qkv"].folded()[0] / plain["qkv"].folded()[0]  # powers of two
            assert np.array_equal(moved["qkv"].bias, plain["qkv"].bias * by)


def test_one_pass_over_what_is_stored_gives_the_folded_matrices(
    built: tuple[Checkpoint, ModelPackage],
) -> None:
    """Largest magnitudes and quantised values, of every kind, with every exponent moved."""
    checkpoint, a = built[0], built[0].llama
    rng = np.random.default_rng(2)
    drawn = lambda channels: tuple(map(tuple, rng.integers(-5, 6, (a.n_layer, channels)).tolist()))
    shared = a.n_kv_head * a.head_dim
    exponents = Exponents(drawn(a.d_inner), drawn(shared), drawn(shared // 2))
    for kind in kinds(a):
        plain, moved = (Folded.read(checkpoint, 1, kind, e) for e in (None, exponents))
        sizes, lines = np.abs(plain.folded()), plain.lines()
        assert np.array_equal(lines.outputs, sizes.max(axis=0))
        assert np.array_equal(lines.inputs, sizes.max(axis=(1, 2)))
        matrix = moved.folded()
        maxima = np.abs(matrix).max(axis=(0, 2))
        assert np.array_equal(lines.maxima(moved.moved), maxima)
        scales = np.array([fit_weight(most) for most in maxima])
        expected = np.rint(np.ldexp(matrix, scales[:, None])).clip(1 - LARGEST, LARGEST - 1)
        assert np.array_equal(moved.quantized(scales), expected)
        with pytest.raises(CheckpointError, match=f"layer 1: {kind} does not fit int16"):
            moved.quantized(scales + 1)


def test_a_weight_that_is_not_finite_is_named(tmp_path: Path) -> None:
    folder = MODELS["qwen2"].write(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.down_proj.weight"][0, 1] = np.inf
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="layer 1: down: the weights have values that are not finite"):
        read_lines(load_checkpoint(folder), 1)


def test_a_massive_channel_is_taken_up_by_the_weights() -> None:
    of, against = np.array([1.0, 4096.0, 1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    assert balance(of, against, centred=True) == (0, 6, 0, 0, 0)
    assert balance(np.array([4.0, 4.0]), np.array([1.0, 1.0]), centred=True) == (0, 0)
    assert balance(np.array([4.0, 2.0**-40]), np.array([1.0, 1.0]), centred=False) == (1, -CLAMP)


def test_exponents_balance_what_was_seen(built: tuple[Checkpoint, ModelPackage]) -> None:
    checkpoint, package = built
    record, scales = package.calibration, package.scales
    assert record is not None and isinstance(record.ranges, LlamaRanges) and isinstance(scales, LlamaScales)
    lines = [read_lines(checkpoint, l) for l in range(checkpoint.llama.n_layer)]
    a, after = checkpoint.llama, largest_after(record.ranges, scales.exponents)
    writes = scales.post_norm.out[1::2] if scales.post_norm else [scales.residual] * a.n_layer
    together = [scale + 16 for scale in writes]
    mlps = mlp_exponents(a, lines, record.ranges, words(16, 26), together) if a.gated else []
    assert tuple(e for e, _ in mlps) == scales.exponents.mlp
    assert value_exponents(a, lines, record.ranges) == scales.exponents.values
    bits, c = [own for _, own in mlps], package.config
    finest = [words(16, 26).product_scale(*of) for of in zip(bits, after.get("g", ()), strict=True)]
    assert isinstance(c, LlamaConfig) and c.product_bits == max(bits, default=0)
    assert all(own <= scale for own, scale in zip(scales.g, finest, strict=True))


def test_layers_get_classes_where_that_halves_the_noise() -> None:
    assert gate_classes([10, 10, 10], 4) == ((0, 0, 0), (10,))
    assert gate_classes([10, 8, 8, 8], 4) == ((0, 0, 0, 0), (8,))
    assert gate_classes([10, 8, 10, 10], 4) == ((1, 0, 1, 1), (8, 10))
    assert gate_classes([10, 8, 10, 11, 10] + [10] * 3, 4) == ((1, 0, *[1] * 6), (8, 10))
    assert gate_classes([10, 8, *[10] * 9], 1) == ((0,) * 11, (8,))
    mixed = gate_classes([4, *[7] * 64, *[12] * 4096], 4)
    assert mixed[1] == (4, 7, 12) and mixed[0].count(2) == 4096
    assert gate_classes([4, *[7] * 64, *[12] * 4096], 2)[1][0] == 4


def _scale(values: np.ndarray, bits: int, room: float = 1.0) -> int:
    return int(np.floor(np.log2((2 ** (bits - 1) - 1) / (room * np.abs(values).max()))))


def _rounded(values: np.ndarray, scale: int) -> np.ndarray:
    return np.ldexp(np.rint(np.ldexp(values, scale)), -scale)


class _Mlp:
    """Random rows of an MLP without its gate matrix, two channels of it of other sizes."""

    def __init__(self, massive: float, weight: float):
        rng, (rows, width, inner) = np.random.default_rng(3), (64, 48, 200)
        self.y, self.up_of = rng.normal(size=(rows, width)), rng.normal(size=(width, inner)) / width**0.5
        self.down, self.a = rng.normal(size=(inner, width)), np.maximum(rng.normal(size=(rows, inner)), 0)
        self.up_of[:, 5] *= massive
        self.down[7] *= weight
        up = self.y @ self.up_of
        g = self.a * up
        self.exact = g @ self.down
        self.of_stream = (self.exact**2).mean(axis=1, keepdims=True)
        most = lambda of, axis: np.abs(of).max(axis=axis)
        of_a, of_g, one = ((of**2 / self.of_stream).mean(axis=0) for of in (self.a, g, np.ones((rows, 1))))
        maxima = most(up, 0), most(g, 0), most(self.up_of, 0), most(self.down, 1)
        self.channels = Channels(*maxima, of_a, of_g, one, width)

    def noise(self, exponents: Any, bits: int = 20, together: int = FREE) -> float:
        """What is left of rounding in the write."""
        e = np.array(exponents)
        up_of, down = np.ldexp(self.up_of, -e), np.ldexp(self.down, e[:, None])
        up = self.y @ _rounded(up_of, _scale(up_of, 16))
        g = self.a * _rounded(up, _scale(up, 16, 2))
        product = _scale(g, bits, 8)
        made = _rounded(g, product) @ _rounded(down, min(_scale(down, 16), together - product))
        return float(((made - self.exact) ** 2 / self.of_stream).mean())


@pytest.mark.parametrize("massive, weight", [(1.0, 1.0), (3000.0, 0.3), (500.0, 20.0), (1.0, 300.0)])
def test_an_mlp_is_equalised_for_the_least_noise(massive: float, weight: float) -> None:
    """No more than with exponents that balance sizes, or with none."""
    mlp = _Mlp(massive, weight)
    none = mlp.noise([0] * len(mlp.down))
    chosen = mlp.noise(least_noise(mlp.channels, words(20, 20), FREE)[0])
    assert chosen < 1.1 * mlp.noise(balance(mlp.channels.g, mlp.channels.w_down, centred=True))
    assert chosen < 1.1 * none
    if massive > 1 or weight > 100:
        assert chosen < 0.5 * none


@pytest.mark.parametrize("massive, weight", [(1.0, 1.0), (3000.0, 0.3), (500.0, 20.0), (1.0, 300.0)])
@pytest.mark.parametrize("together", [10, 14, 18, 22, 26, FREE])
def test_a_product_has_the_bits_of_least_noise(massive: float, weight: float, together: int) -> None:
    """Neither so few that rounding them shows, nor so many that W_down has to be much coarser."""
    mlp = _Mlp(massive, weight)
    exponents, bits = least_noise(mlp.channels, words(16, 30), together)
    each = {
        other: mlp.noise(least_noise(mlp.channels, words(other, other), together)[0], other, together)
        for other in range(16, 31)
    }
    chosen = mlp.noise(exponents, bits, together)
    assert chosen < 2 * min(each.values())
    if together <= 18:
        assert 5 * chosen < each[30]
    if together == FREE:
        assert 5 * chosen < each[16]
