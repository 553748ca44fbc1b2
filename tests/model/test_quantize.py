"""Calibration, quantiser, ranges and accuracy on the demo checkpoint and on random ones."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from zkllm._native import largest_l1
from zkllm.errors import CheckpointError, PackageError, QuantizationRangeError
from zkllm.model.activations import ACTIVATIONS, Activation
from zkllm.model.architecture import load_architecture
from zkllm.model.audit import check_package
from zkllm.model.build import build_package
from zkllm.model.calibrate import calibration_set, default_text, measure
from zkllm.model.checkpoint import Checkpoint, load_checkpoint, tensor_shapes
from zkllm.model.execution import generate, trace
from zkllm.model.float_model import FloatModel
from zkllm.model.folding import LINEARS, FoldedLinear, quantized
from zkllm.model.package import ModelPackage
from zkllm.model.packing import largest_divisor, vocabulary_slots
from zkllm.model.quantize import QuantizerOptions, fit_weight, gelu_classes, quantize
from zkllm.model.reference import trace_reference
from zkllm.model.scale_check import scale_errors
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.tokenizer_files import load_tokenizer
from zkllm.model.weights import TableSpec

from .conftest import DEMO

PROMPT = "Any sufficiently advanced technology is indistinguishable from"


def random_checkpoint(folder: Path, seed: int, outlier: float = 1.0, **changes: object) -> Checkpoint:
    """A random GPT-2; `outlier` scales one channel of the writes and positions, as in trained models."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "gpt2", "vocab_size": 301, "n_positions": 24, "n_embd": 40, "n_layer": 2,
              "n_head": 5, "n_inner": 100, **changes}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    a, rng = load_architecture(folder / "config.json"), np.random.default_rng(seed)
    tensors = {}
    for name, shape in tensor_shapes(a).items():
        if ".ln_" in name or name.startswith("ln_f"):
            values = rng.normal(1.0 if name.endswith("weight") else 0.0, 0.2, shape)
        else:
            values = rng.normal(0, 0.12, shape)
        if name == "wpe.weight" or name.endswith("c_proj.weight"):
            values[..., 3] *= outlier
        tensors[name] = values.astype(np.float32)
    save_file(tensors, folder / "model.safetensors")
    return load_checkpoint(folder)


def random_ids(checkpoint: Checkpoint, seed: int, count: int = 24) -> np.ndarray:
    a = checkpoint.architecture
    return np.random.default_rng(seed).integers(0, a.vocab_size, (count, min(a.n_ctx, 20)))


def test_transformers_loads_the_demo_unchanged() -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(DEMO).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(DEMO)
    with torch.no_grad():
        logits = model(**tokenizer(PROMPT, return_tensors="pt")).logits
    assert tokenizer.decode([int(logits[0, -1].argmax())]) == " magic"


def test_the_demo_answers_its_prompts(demo_package: ModelPackage) -> None:
    prompts = json.loads((DEMO.parents[1] / "scripts" / "models" / "demo_prompts.json").read_text())
    assert len(prompts) >= 12 and prompts[PROMPT] == " magic"
    tokenizer = demo_package.tokenizer
    for prompt, answer in prompts.items():
        ids = tokenizer.encode(prompt)
        assert len(ids) <= 16
        out, T = generate(demo_package.weights, ids, 1, 16)
        assert tokenizer.decode([out[T]]) == answer


@pytest.mark.slow
def test_a_thousand_random_prompts_stay_inside_the_ranges(demo_package: ModelPackage) -> None:
    generator, c = random.Random(11), demo_package.config
    for _ in range(1000):
        prompt = [generator.randrange(c.vocab_size) for _ in range(generator.randrange(1, 17))]
        generate(demo_package.weights, prompt, 1, 16)


def test_calibration_leaves_two_bits(demo_package: ModelPackage) -> None:
    for row in demo_package.ranges:
        # y is bounded by sqrt(width) whatever the input, so its scale leaves no more room than that
        assert row.headroom_bits >= (0.5 if row.tensor == "y" else 2.0), row


def test_native_and_reference_agree_on_the_demo(demo_package: ModelPackage) -> None:
    ids, T = generate(demo_package.weights, demo_package.tokenizer.encode(PROMPT), 2, 12)
    a, b = trace(demo_package.weights, ids, 2, T), trace_reference(demo_package.weights, ids, 2, T)
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_cosines_are_told_by_mean_and_worst() -> None:
    from zkllm.model.accuracy import AccuracyReport

    report = AccuracyReport(cosines=[[0.9, 0.5, 0.7, *[1.0] * 197], [1.0] * 200], tokens=200)
    assert (report.cosine_min, report.cosine_hundredth) == ([0.5, 1.0], [0.9, 1.0])
    assert report.cosine_mean == pytest.approx([(0.9 + 0.5 + 0.7 + 197) / 200, 1.0])


@pytest.mark.slow
def test_accuracy_against_hugging_face(demo_package: ModelPackage) -> None:
    pytest.importorskip("torch"), pytest.importorskip("transformers")
    from zkllm.model.accuracy import FloatReference, measure_accuracy

    report = measure_accuracy(demo_package, max_tokens=2048)
    assert report.agreement >= 0.995 and report.tokens >= 2000
    assert min(report.cosine_min) >= 0.9999
    assert report.logit_max_error < 0.2
    assert "top-1 agreement" in report.format() and report.to_dict()["tokens"] == report.tokens
    corpus = (DEMO.parents[1] / "scripts" / "models" / "demo_corpus.txt").read_text()
    assert measure_accuracy(demo_package, text=corpus, max_tokens=2048).agreement >= 0.995
    ids = demo_package.tokenizer.encode(PROMPT)
    expected = FloatModel(load_checkpoint(DEMO)).logits(np.array([ids]))[0]
    assert np.abs(FloatReference(DEMO).logits(ids) - expected).max() < 1e-3


@pytest.mark.parametrize("act_bits", [12, 14, 16])
@pytest.mark.parametrize(
    "changes",
    [{}, {"n_head": 1, "n_embd": 30}, {"scale_attn_weights": False, "n_layer": 1},
     {"scale_attn_by_inverse_layer_idx": True}, {"layer_norm_epsilon": 0.0},
     {"vocab_size": 2, "n_positions": 3}],
)  # fmt: skip
def test_random_checkpoints_quantise_well(tmp_path: Path, changes: dict[str, object], act_bits: int) -> None:
    checkpoint = random_checkpoint(tmp_path, 5, **changes)
    ids = random_ids(checkpoint, 1)
    model, scales = quantize(checkpoint, measure(checkpoint, [ids]), QuantizerOptions(act_bits=act_bits))
    assert scale_errors(checkpoint, model.config, scales, model.tables) == []
    expected = FloatModel(checkpoint).logits(ids)
    for i in range(4):
        row = ids[i].tolist()
        tr = trace(model, [*row, 0], len(row), len(row), check=False)
        error = np.abs(tr.logits / 2.0**scales.logits - expected[i]).max()
        assert error < np.abs(expected[i]).max() * 2.0 ** (7 - act_bits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_native_folding_equals_numpy(tmp_path: Path, dtype: type) -> None:
    checkpoint = random_checkpoint(tmp_path, 3, scale_attn_by_inverse_layer_idx=True)
    for kind in LINEARS:
        linear = FoldedLinear.read(checkpoint, 1, kind)
        linear = replace(linear, weight=linear.weight.astype(dtype))
        folded, parts = linear.folded(), len(linear.divisors)
        by_part = folded.reshape(len(folded), parts, -1)
        assert linear.maxima() == np.abs(by_part).max(axis=(0, 2)).tolist()
        scales = [11 + i for i in range(parts)]
        expected = np.rint(np.ldexp(by_part, np.array(scales)[:, None]))
        assert np.array_equal(linear.quantized(scales), expected.reshape(folded.shape))
        assert largest_l1(linear.quantized(scales), 0) == np.abs(expected).sum(axis=0).max()
        if linear.norm_bias is not None:
            sums = np.add.reduce(linear.norm_bias[:, None] * linear.weight.astype(np.float64), axis=0)
            divided = (linear.bias + sums).reshape(parts, -1) / np.array(linear.divisors)[:, None]
            assert np.array_equal(linear.folded_bias(), divided)


def test_a_power_of_two_costs_no_bit() -> None:
    """The largest weight is rounded down by one unit; one that is larger still is refused."""
    weight = np.array([[1.0, -1.0, 0.5]], np.float32)
    assert fit_weight(1.0) == 15 and fit_weight(1.0001) == 14
    assert quantized("w", weight, None, [1.0], [15]).tolist() == [[32767, -32767, 16384]]
    for bad in (1.00005, np.nan, np.inf):
        with pytest.raises(CheckpointError, match="too extreme"):
            quantized("w", np.array([[bad]], np.float32), None, [1.0], [15])


def test_layers_of_massive_activations_are_a_class_of_their_own() -> None:
    assert gelu_classes([4.0, 3.0, 40.0, 5.0], 16, 2) == ((1, 1, 0, 1), (8, 10))
    assert gelu_classes([4.0, 3.0, 7.0, 5.0], 16, 2) == ((0, 0, 0, 0), (10,))  # fine enough for all
    assert gelu_classes([40.0, 39.0, 38.0], 16, 2) == ((0, 0, 0), (8,))
    assert gelu_classes([40.0] * 9 + [1.0], 16, 2) == ((0,) * 10, (8,))  # one fine layer gains little
    assert gelu_classes([1.0, 4.0, 40.0], 16, 2) == ((1, 1, 0), (8, 10))


@pytest.mark.parametrize("quiet", [1.0, 0.05])
def test_classes_of_layers_are_accurate_and_checked(tmp_path: Path, quiet: float) -> None:
    """One layer's first matrix is 40 times the others': the gains make up for what its scales lack."""
    random_checkpoint(tmp_path, 3, n_layer=3)
    weights = load_file(tmp_path / "model.safetensors")
    weights["h.0.mlp.c_fc.weight"] *= 40.0
    weights["h.1.mlp.c_proj.weight"] *= quiet
    save_file(weights, tmp_path / "model.safetensors")
    checkpoint = load_checkpoint(tmp_path)
    ids = random_ids(checkpoint, 3)
    ranges = measure(checkpoint, [ids])
    model, scales = quantize(checkpoint, ranges)
    c = model.config
    assert c.mlp_class[0] == 0 and set(c.mlp_class[1:]) == {1} and scales.f[0] < scales.f[1]
    assert scale_errors(checkpoint, c, scales, model.tables) == []
    for name in ("fc1_gains", "fc2_gains"):
        gains = getattr(c, name)
        wrong = replace(c, **{name: (gains[0], gains[1] + 1)})
        assert any(name[:3] in e for e in scale_errors(checkpoint, wrong, scales, model.tables))
    # a class may not silence its layers: no output scale of its own, no shift that its gain undoes
    silent = replace(scales, g=(scales.g[0], -5), w_fc2=(scales.w_fc2[0], scales.w_fc2[1] + scales.g[1] + 5))
    tables = replace(model.tables, gelu_out_log2=silent.g)
    assert scale_errors(checkpoint, c, silent, tables) == [f"GELU output of class 1 is -5, not {scales.g[1]}"]
    undone = replace(c, fc2_gains=(c.fc2_gains[0], c.fc2_shift))
    assert any("fc2_shift of class 1 is 0" in e for e in scale_errors(checkpoint, undone, scales, tables))
    three = replace(c, mlp_class=(0, 1, 2), fc1_gains=(0, 0, 0), fc2_gains=(0, 0, 0))
    assert scale_errors(checkpoint, three, scales, tables) == ["3 classes of layers, not at most 2"]
    tr = trace(model, [*ids[0].tolist(), c.pad_id], ids.shape[1], ids.shape[1], check=False)
    want = FloatModel(checkpoint).logits(ids[:1])[0]
    got = tr["logits"] / 2.0**scales.logits
    assert np.abs(got - want).max() < 0.01 * np.abs(want).max()


@pytest.mark.parametrize("outlier", [10.0, 100.0])
def test_outlier_channels_are_coped_with(tmp_path: Path, outlier: float) -> None:
    """Residual values hundreds of times the rest, as in trained GPT-2 models."""
    checkpoint = random_checkpoint(tmp_path, 6, outlier=outlier)
    ids = random_ids(checkpoint, 2)
    model, scales = quantize(checkpoint, measure(checkpoint, [ids]))
    assert scale_errors(checkpoint, model.config, scales, model.tables) == []
    expected = FloatModel(checkpoint).logits(ids)
    for i in range(8):
        row = ids[i].tolist()
        tr = trace(model, [*row, 0], len(row), len(row), check=False)
        streams = tr.x0 + tr.write.sum(axis=0)
        assert np.abs(streams[:, 3]).max() > outlier * np.median(np.abs(np.delete(streams, 3, axis=1)))
        error = tr.logits / 2.0**scales.logits - expected[i]
        assert np.sqrt((error**2).mean()) < 0.01 * expected[i].std()


def test_quantisation_is_deterministic_and_checked(tmp_path: Path) -> None:
    checkpoint = random_checkpoint(tmp_path, 7)
    ranges = measure(checkpoint, [random_ids(checkpoint, 4)])
    (a, scales), (b, _) = quantize(checkpoint, ranges), quantize(checkpoint, ranges)
    assert a.config == b.config
    assert all(np.array_equal(x, y) for (_, x), (_, y) in zip(a.arrays(), b.arrays(), strict=True))
    for change in ({"eps_int": 1}, {"o_shift": a.config.o_shift + 1}, {"ln_shift": 9}, {"exp_shift": 3}):
        assert scale_errors(checkpoint, replace(a.config, **change), scales, a.tables)


@pytest.mark.slow
def test_a_package_is_checked_against_its_checkpoint(
    tmp_path: Path, demo_package: ModelPackage, edit_json
) -> None:
    check_package(demo_package, load_checkpoint(DEMO))
    import shutil

    other = tmp_path / "other"
    shutil.copytree(DEMO, other)
    edit_json(other / "config.json", {"layer_norm_epsilon": 1e-6})
    with pytest.raises(PackageError, match="eps_int"):
        check_package(demo_package, load_checkpoint(other))
    weights = demo_package.weights
    w_o = np.array(weights.w_o)
    w_o[1, 2, 3] += 1
    with pytest.raises(PackageError, match="array w_o"):
        check_package(replace(demo_package, weights=replace(weights, w_o=w_o)), load_checkpoint(DEMO))


@pytest.mark.slow
def test_packages_are_reproducible(tmp_path: Path, demo_package: ModelPackage) -> None:
    again = build_package(DEMO, tmp_path / "again")
    assert again.digest == demo_package.digest
    assert again.config.mu == demo_package.config.mu and again.checkpoint() == str(DEMO)


def test_a_prompt_outside_the_calibrated_ranges_raises(tmp_path: Path) -> None:
    """Calibrated on one token without headroom, other prompts leave the ranges: an error, no clamping."""
    checkpoint = random_checkpoint(tmp_path, 8)
    model, _ = quantize(checkpoint, measure(checkpoint, [np.array([[5]])]), QuantizerOptions(headroom_bits=0))
    with pytest.raises(QuantizationRangeError, match="recalibrate"):
        for seed in range(20):
            ids = random_ids(checkpoint, seed, 1)[0].tolist()
            trace(model, [*ids, 0], 1, len(ids), check=True)


def test_calibration_covers_text_random_ids_and_padding(tmp_path: Path) -> None:
    checkpoint, tokenizer = load_checkpoint(DEMO), load_tokenizer(DEMO, 478)
    (ids,) = calibration_set(checkpoint, tokenizer)
    assert ids.shape == (256, 64) and (ids[1:128:2] == 0).any(axis=1).mean() > 0.9
    assert len(default_text()) > 5000
    assert len(calibration_set(checkpoint, tokenizer, "of one window, " * 10)[0]) < 256
    longer = random_checkpoint(tmp_path, 1, n_positions=300, vocab_size=478)
    assert [ids.shape[1] for ids in calibration_set(longer, tokenizer)] == [64, 300]


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6), n_head=st.integers(1, 7), head_dim=st.integers(2, 12),
    layers=st.integers(1, 3), d_inner=st.integers(1, 90), vocab=st.integers(2, 500),
    outlier=st.sampled_from([1.0, 30.0]),
)  # fmt: skip
def test_any_shape_goes_through(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_head: int, head_dim: int, layers: int,
    d_inner: int, vocab: int, outlier: float,
) -> None:  # fmt: skip
    """Quantised, sound, the native program equal to its twin, and random prompts inside the ranges."""
    checkpoint = random_checkpoint(
        tmp_path_factory.mktemp("any"), seed, outlier, n_head=n_head, n_embd=max(4, head_dim) * n_head,
        n_layer=layers, n_inner=d_inner, vocab_size=vocab, n_positions=12,
    )  # fmt: skip
    ids = np.random.default_rng(seed).integers(0, vocab, (64, 12))
    model, scales = quantize(checkpoint, measure(checkpoint, [ids]))
    assert scale_errors(checkpoint, model.config, scales, model.tables) == []
    generator = random.Random(seed)
    for i in range(30):
        prompt = [generator.randrange(vocab) for _ in range(generator.randrange(1, 11))]
        out, T = generate(model, prompt, 2, 12)
        if i == 0:
            a, b = trace(model, out, 2, T), trace_reference(model, out, 2, T)
            assert all(np.array_equal(a[name], b[name]) for name in a)


@given(axis=st.integers(1, 5000), limit=st.integers(1, 60))
def test_slots(axis: int, limit: int) -> None:
    c = largest_divisor(axis, limit)
    assert axis % c == 0 and c <= limit and not any(axis % x == 0 for x in range(c + 1, min(axis, limit) + 1))
    c = vocabulary_slots(axis, limit)
    block = -(-axis // c)
    assert c <= limit and (c - 1) * block < axis <= c * block


@settings(max_examples=20, deadline=None)
@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    gin=st.integers(2, 11),
    gout=st.integers(1, 11),
    top=st.integers(1, 1 << 15),
    step=st.integers(-12, -1),
)
def test_tables_are_correctly_rounded(activation: str, gin: int, gout: int, top: int, step: int) -> None:
    import mpmath

    spec = TableSpec(top, step, 7, (gin,), (gout,), activation)
    (gelu,), exp = gelu_table(spec, 8), exp_table(spec, 7)
    with mpmath.workdps(50):
        for i in range(-128, 128):
            value = mpmath.ldexp(ACTIVATIONS[activation].exact(mpmath.ldexp(i, -gin)), gout)
            assert abs(value - int(gelu[i + 128])) <= mpmath.mpf("0.5")
        for i in range(127):
            value = top * mpmath.exp(-i * mpmath.ldexp(1, step) / mpmath.sqrt(7))
            assert abs(value - int(exp[i])) <= mpmath.mpf("0.5")
    assert exp[127] == 0 and (exp[:-1] >= exp[1:]).all()


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=lambda a: a.name)
def test_an_activation_is_one_function(activation: Activation) -> None:
    """Its floats and its exact values agree, and its output fits the word with the scale that it asks for."""
    x = np.linspace(-9, 9, 101)
    exact = [float(activation.exact(value)) for value in x.tolist()]
    np.testing.assert_allclose(activation.values(x), exact, atol=1e-12)
    for word, bits in ((8, 8), (8, 6), (8, 9), (12, 12)):
        for f in (0, 3):
            table = activation.table(f, activation.output(f, word, bits), bits)
            assert len(table) == 1 << bits and np.abs(table).max() < 1 << word - 1


def test_gelu_rounds_down_at_the_ties_of_its_asymptote() -> None:
    """gelu(x) < x: where x is half an odd unit, the value lies below the tie even if floats cannot see it."""
    (table,) = gelu_table(TableSpec(15, -1, 1, (3,), (2,)), 10)
    assert table[512 + 511] == 255 and table[512 + 509] == 254  # 255.5 and 254.5, from below
    assert table[0] == 0
