"""GGUF files: the model and tokenizer that they were written from, and what transformers makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from testkit.gguf_files import plain_tokens, tokenizer_metadata, write_gguf
from testkit.published_tokenizers import PUBLISHED, definition, strings, write_folder
from zkllm.errors import CheckpointError, ResourceError, TokenizerError, ZkllmError
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.conversation import load_conversation
from zkllm.model.gguf_config import Keys, _share
from zkllm.model.gguf_folder import convert
from zkllm.model.hub import find_checkpoint
from zkllm.model.llama.float_model import LlamaFloat
from zkllm.model.safetensors_file import SafetensorsFile
from zkllm.model.safetensors_writer import write_float32
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer

pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "bos_token_id": 0, "eos_token_id": 299, "pad_token_id": None,
}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "llama": lambda **c: transformers.LlamaConfig(**SIZES, rope_theta=5e5, **c),
    "llama tied": lambda **c: transformers.LlamaConfig(**SIZES, tie_word_embeddings=True, head_dim=32, **c),
    "llama with biases": lambda **c: transformers.LlamaConfig(
        **SIZES, attention_bias=True, mlp_bias=True, **c
    ),
    "qwen2": lambda **c: transformers.Qwen2Config(**SIZES, rope_theta=1e6, **c),
    "qwen3": lambda **c: transformers.Qwen3Config(**SIZES, head_dim=32, tie_word_embeddings=True, **c),
    "gemma3": lambda **c: transformers.Gemma3TextConfig(
        **{**SIZES, "num_hidden_layers": 7}, head_dim=32, query_pre_attn_scalar=32, sliding_window=8, **c
    ),
    "gemma": lambda **c: transformers.GemmaConfig(**SIZES, head_dim=32, **c),
    "gemma2": lambda **c: transformers.Gemma2Config(
        **{**SIZES, "num_hidden_layers": 3}, head_dim=32, query_pre_attn_scalar=32, sliding_window=8,
        attn_logit_softcapping=20.0, **c
    ),
    "phi3": lambda **c: transformers.Phi3Config(
        **SIZES, original_max_position_embeddings=128, sliding_window=11, **c
    ),
    "phi3 with longrope": lambda **c: transformers.Phi3Config(
        **{**SIZES, "max_position_embeddings": 512}, original_max_position_embeddings=64,
        tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
            "short_factor": [1.0, 1.05, 1.1, 1.25, 1.5, 2.0], "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "original_max_position_embeddings": 64,
        }, **c
    ),
    "gpt_neox": lambda **c: transformers.GPTNeoXConfig(
        **{n: v for n, v in SIZES.items() if n not in ("rms_norm_eps", "num_key_value_heads")}, **c
    ),
    "gpt_neox, not parallel": lambda **c: transformers.GPTNeoXConfig(
        **{n: v for n, v in SIZES.items() if n not in ("rms_norm_eps", "num_key_value_heads")},
        use_parallel_residual=False, rotary_pct=0.75, layer_norm_eps=1e-6, **c
    ),
    "gpt2": lambda **c: transformers.GPT2Config(
        vocab_size=300, n_positions=128, n_embd=64, n_layer=2, n_head=4, eos_token_id=299, bos_token_id=0, **c
    ),
}  # fmt: skip
IDS = torch.arange(24)[None] * 11 % 300


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))


def model_of(name: str, **changes: Any) -> Any:
    """With every parameter random: norms and biases too."""
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name](**changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def logits(model: Any) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(IDS).logits.double())


def converted(path: Path) -> Path:
    folder = path.with_suffix("")
    convert(path, folder)
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_the_folder_is_the_model_that_was_written(tmp_path: Path, name: str) -> None:
    model = model_of(name)
    folder = converted(write_gguf(tmp_path / "x.gguf", model))
    again = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    expected = {n: p.numpy() for n, p in model.state_dict().items()}
    found = {n: p.numpy() for n, p in again.state_dict().items()}
    assert found.keys() == expected.keys()
    settings = json.loads((folder / "config.json").read_text())
    assert settings["tie_word_embeddings"] == model.config.tie_word_embeddings
    for tensor, values in expected.items():  # Gemma's norms were raised by 1
        assert np.allclose(found[tensor], values, rtol=0, atol=2e-7 if "norm" in tensor else 0), tensor
    assert np.abs(logits(again) - logits(model)).max() < 1e-4


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "gpt2"])
def test_the_folder_is_a_checkpoint_of_the_same_function(tmp_path: Path, name: str) -> None:
    """A Gemma's within its window, scaled by the number of float32, which is what the file holds. Held
    below a bound as the eager attention does; what the last logits are held below is not computed."""
    model = model_of(name)
    checkpoint = load_checkpoint(converted(write_gguf(tmp_path / "x.gguf", model)))
    ids = IDS[:, : checkpoint.llama.n_ctx]
    if name == "gemma2":
        model.set_attn_implementation("eager")
        model.config.final_logit_softcapping = None
    with torch.no_grad():
        expected = model(ids).logits.numpy()
    found = LlamaFloat(checkpoint).logits(ids.numpy())
    assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("quantised", ["F16", "BF16", "Q8_0", "Q4_0", "Q5_1"])
@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma3", "gpt2"])
def test_quantised_tensors_are_those_of_transformers(tmp_path: Path, name: str, quantised: str) -> None:
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    model = model_of(name)
    path = write_gguf(tmp_path / "x.gguf", model, quantised=quantised)
    theirs = load_gguf_checkpoint(path, return_tensors=True, model_to_load=model)["tensors"]
    ours = load_file(converted(path) / "model.safetensors")
    assert len(ours) >= 10 and ours.keys() <= theirs.keys() | {"lm_head.weight"}
    for tensor, values in ours.items():
        assert values.dtype == np.float32 and (values == theirs[tensor].float().numpy()).all(), tensor


def test_rotations_of_llama_3_are_known_by_their_factors(tmp_path: Path) -> None:
    """As the converter computes them of the configuration, in float32."""
    import gguf

    rope = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 32.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}  # fmt: skip
    model = model_of("llama", head_dim=64)
    frequencies = 5e5 ** -(np.arange(0, 64, 2) / 64)
    changed = transformers.modeling_rope_utils.ROPE_INIT_FUNCTIONS["llama3"](
        transformers.LlamaConfig(**SIZES, head_dim=64, rope_parameters=rope), device="cpu"
    )[0]
    factors = (frequencies / changed.double().numpy()).astype(np.float32)
    assert factors.min() == pytest.approx(1) and factors.max() == pytest.approx(32)

    def written(values: np.ndarray) -> Path:
        original = gguf.GGUFWriter.write_header_to_file

        def with_factors(self: Any, *arguments: Any) -> None:
            self.add_tensor("rope_freqs.weight", values)
            original(self, *arguments)

        gguf.GGUFWriter.write_header_to_file = with_factors
        try:
            return write_gguf(tmp_path / "x.gguf", model)
        finally:
            gguf.GGUFWriter.write_header_to_file = original

    folder = converted(written(factors))
    assert json.loads((folder / "config.json").read_text())["rope_parameters"] == rope
    assert "rope_freqs.weight" not in load_file(folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="factors of no rotation that is known"):
        converted(written(factors * np.float32(1.001)))


def test_gemma_3_s_local_base_is_the_file_s_where_it_has_one(tmp_path: Path) -> None:
    model = model_of("gemma3")
    for i, (more, base) in enumerate([({}, 10_000.0), ({"rope__freq_base_swa": 5000.0}, 5000.0)]):
        folder = converted(write_gguf(tmp_path / f"{i}.gguf", model, **more))
        rope = json.loads((folder / "config.json").read_text())["rope_parameters"]
        assert rope["sliding_attention"] == {"rope_type": "default", "rope_theta": base}


def test_longrope_s_factors_are_those_of_the_file(tmp_path: Path) -> None:
    """Both lists, as float32, and the factor of cosines and sines; one without the other is refused."""
    model = model_of("phi3 with longrope")
    rope = dict(model.config.rope_parameters)
    made = json.loads((converted(write_gguf(tmp_path / "x.gguf", model)) / "config.json").read_text())
    assert made["original_max_position_embeddings"] == 64 and made["sliding_window"] is None
    found = made["rope_parameters"]
    for side in ("short_factor", "long_factor"):
        assert found[side] == np.array(rope[side], np.float32).tolist()
    assert found["partial_rotary_factor"] == 0.75
    assert found["attention_factor"] == pytest.approx((1 + np.log(8) / np.log(64)) ** 0.5, rel=1e-6)
    for side in ("short_factor", "long_factor"):
        model.config.rope_parameters = {**rope, side: None}
        with pytest.raises(
            CheckpointError, match="has one of rope_factors_long.weight and .* without the other"
        ):
            converted(write_gguf(tmp_path / "one.gguf", model))


@pytest.mark.parametrize("rotated", range(2, 64, 2))
def test_the_share_that_is_turned_is_rounded_down_to_the_file_s_number(rotated: int) -> None:
    # of 52, 78, 88, 94 and 98 some quotients, multiplied again, fall short of the number
    for size in (rotated, 48, 52, 64, 78, 80, 88, 94, 96, 98, 120, 128):
        if rotated <= size:
            assert int(size * _share(Keys({}, "x"), rotated, size)) == rotated


def test_a_file_of_gpt2_loads_like_a_folder(tmp_path: Path) -> None:
    model = model_of("gpt2")
    path = write_gguf(tmp_path / "x.gguf", model)
    folder = find_checkpoint(path)
    assert folder.parent == tmp_path / "cache" / "gguf" and find_checkpoint(path) == folder
    checkpoint = load_checkpoint(path)
    parameters = {n.removeprefix("transformer."): p.numpy() for n, p in model.state_dict().items()}
    for name in checkpoint.files:
        assert (checkpoint.tensor(name) == parameters[name]).all(), name
    assert load_tokenizer(folder, 300).encode("ab") == [ord("a") - 33, ord("b") - 33]
    assert load_conversation(folder, 300).ends == (299,)
    write_gguf(path, model_of("gpt2", layer_norm_epsilon=1e-4))
    assert find_checkpoint(path) != folder and load_checkpoint(path).architecture.layer_norm_epsilon > 9e-5


# ---- tokenizers

SPLITS = {"llama-3": "llama-bpe", "qwen-2": "qwen2", "smollm-2": "smollm", "tekken": "tekken",
          "gpt-neox": "olmo"}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*split as tokenizer.json says")
@pytest.mark.parametrize("kind", SPLITS)
def test_byte_level_tokenizers_are_the_published_ones(tmp_path: Path, kind: str) -> None:
    made = PUBLISHED[kind]
    size = write_folder(tmp_path / "published", made)
    published = load_tokenizer(tmp_path / "published", size)
    data = tokenizer_metadata(definition(made), SPLITS[kind], chat_template="{{ bos_token }}x")
    ids = {token: i for i, token in enumerate(data["tokens"])}
    begin = made.config.get("bos_token")
    data |= {"eos_token_id": ids[made.config["eos_token"]], "eot_token_id": 5}
    data |= {"bos_token_id": ids[begin]} if begin else {}
    data |= {"add_bos_token": True} if made.begins else {}
    model = model_of("qwen2" if kind == "qwen-2" else "llama", **{})
    model.resize_token_embeddings(size + 3)
    data["tokens"] += [f"[PAD{size + i}]" for i in range(3)]
    data["token_type"] += [5, 5, 5]
    folder = converted(write_gguf(tmp_path / "x.gguf", model, data))
    ours = load_tokenizer(folder, size + 3)
    assert ours.token_bytes == [*published.token_bytes, b"", b"", b""]
    for text in strings(500, 9, [*made.first, *made.last, *made.plain]):
        assert ours.encode(text) == published.encode(text), text
    conversation = load_conversation(folder, size)
    assert conversation.ends == (data["eos_token_id"], 5) and conversation.template == "{{ bos_token }}x"
    assert conversation.tokens.get("bos_token") == begin


@pytest.mark.parametrize("kind", ["llama-2 with Metaspace", "gemma"])
def test_sentencepiece_tokenizers_are_those_of_transformers(tmp_path: Path, kind: str) -> None:
    made, gemma = PUBLISHED[kind], kind == "gemma"
    data = tokenizer_metadata(definition(made), None, bos_token_id=2 if gemma else 1,
                              eos_token_id=1 if gemma else 2, unknown_token_id=3 if gemma else 0)  # fmt: skip
    if gemma:
        data["tokens"] = [" " * len(t) if set(t) == {"\u2581"} and len(t) > 1 else t for t in data["tokens"]]
        data |= {"padding_token_id": 0, "add_space_prefix": False, "add_bos_token": True}
    model = model_of("gemma3" if gemma else "llama")
    model.resize_token_embeddings(len(data["tokens"]))
    path = write_gguf(tmp_path / "x.gguf", model, data)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="x.gguf")
    folder = converted(path)
    ours = load_tokenizer(folder, len(data["tokens"]))
    assert ours.encode("x")[0] == data["bos_token_id"]
    for text in strings(500, 9, [*made.first, *made.plain]):
        assert ours.encode(text, bare=True) == theirs(text, add_special_tokens=False).input_ids, text


@pytest.mark.filterwarnings("ignore:the model's tokenizer swallows")
def test_phi3_s_tokenizer_is_the_published_one(tmp_path: Path) -> None:
    """The file does not say that its tokens take white space, nor that a space is put before each part."""
    from transformers.convert_slow_tokenizer import generate_merges

    made = definition(PUBLISHED["phi-3"])
    vocabulary = made["model"]["vocab"]
    scores = {token: -float(i) for token, i in vocabulary.items()}
    made["model"]["merges"] = [list(pair) for pair in generate_merges(vocabulary, scores)]
    size = 1 + max(token["id"] for token in made["added_tokens"])
    published = ByteLevelTokenizer(json.dumps(made), size + 2)
    end = next(t["id"] for t in made["added_tokens"] if t["content"] == "<|endoftext|>")
    data = tokenizer_metadata(made, None, bos_token_id=1, eos_token_id=end, unknown_token_id=0)
    data |= {"padding_token_id": end, "add_bos_token": False}
    for i in range(2):  # rows of the embedding that no token has
        data["tokens"].append(f"[PAD{size + i}]")
        data["token_type"].append(5)
        data["scores"].append(-1e4)
    model = model_of("phi3")
    model.resize_token_embeddings(size + 2)
    ours = load_tokenizer(converted(write_gguf(tmp_path / "x.gguf", model, data)), size + 2)
    assert ours.token_bytes == published.token_bytes and ours.token_bytes[-2:] == [b"", b""]
    kind = PUBLISHED["phi-3"]
    for text in strings(1000, 9, [*kind.first, *kind.last, *kind.plain, "\n", " "]):
        assert ours.counted(text) == published.counted(text), text
    assert ours.encode("x", bare=True) == ours.encode("x")
    assert (
        ours.decode(ours.encode("<|user|>\n Hi<|end|>\n<|assistant|>\n")) == "<|user|> Hi<|end|><|assistant|>"
    )


# ---- refusals


@pytest.mark.parametrize(
    "name, more, words",
    [
        ("llama", {"expert_count": 8}, "llama.expert_count = 8 is not supported"),
        ("llama", {"rope__scaling__type": "yarn"}, "rope.scaling.type = yarn is not supported"),
        (
            "llama",
            {"rope__dimension_count": 8, "attention__key_length": 16},
            "a rotation of 8 features of 16",
        ),
        ("llama", {"attention__value_length": 8}, "attention.value_length = 8 is not supported"),
        ("llama", {"vocab_size": 299}, "vocab_size = 299 is not supported"),
        ("llama", {"block_count": "x"}, "block_count = x is not one number"),
        (
            "qwen2",
            {"attention__key_length": 32, "attention__value_length": 32},
            "4 heads of 32 in a width of 64",
        ),
        ("gemma3", {"attn_logit_softcapping": 50.0}, "gemma3.attn_logit_softcapping = 50.0 is not supported"),
        ("gemma", {"attention__sliding_window": 8}, "gemma.attention.sliding_window = 8 is not supported"),
        ("gemma2", {"attention__value_length": 8}, "attention.value_length = 8 is not supported"),
        ("phi3", {"rope__scaling__type": "yarn"}, "phi3.rope.scaling.type = yarn is not supported"),
        ("phi3", {"rope__scaling__attn_factor": 1.5}, "attn_factor = 1.5, but no rope_factors_short"),
        (
            "phi3",
            {"rope__scaling__original_context_length": 64},
            "64 original positions, but no rope_factors",
        ),
        ("phi3", {"rope__dimension_count": 17}, "a rotation of 17 features of 16 is not supported"),
        ("phi3", {"attention__sliding_window": "x"}, "attention.sliding_window = x is not one number"),
        ("phi3 with longrope", {"rope__dimension_count": 8}, "are not 4 numbers each"),
        ("phi3 with longrope", {"rope__dimension_count": "x"}, "a rotation of x features of 16 is not supp"),
        ("gpt_neox", {"attention__head_count_kv": 2}, "attention.head_count_kv = 2 is not supported"),
        ("gpt_neox", {"use_parallel_residual": 3}, "use_parallel_residual = 3 is not true or false"),
        ("gpt2", {"rope__freq_base": 1e4}, "gpt2.rope.freq_base = 10000.0 is not supported"),
    ],
)
def test_keys_that_change_the_function_are_refused(tmp_path: Path, name: str, more: Any, words: str) -> None:
    path = write_gguf(tmp_path / "x.gguf", model_of(name), **more)
    with pytest.raises(CheckpointError, match=words):
        converted(path)
    assert not path.with_suffix("").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": "bert"}, "the tokenizer 'bert' is neither"),
        ({"pre": "jais"}, "the split 'jais' .* is none of gpt-2, olmo, smollm"),
        ({"merges": 3}, "has no merges"),
        ({"tokens": 3}, "has no tokens"),
        ({"token_type": [1]}, "300 tokens, and the kinds of 1"),
        ({"eos_token_id": 300}, "the eos_token has id 300, of 300 tokens"),
        ({"tokens": ["a"] * 300}, "the token 'a' is there twice"),
        ({"model": "llama"}, "has neither merges nor a score"),
    ],
)
def test_tokenizers_that_are_not_known_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    data = {**plain_tokens(300), **change}
    if data["model"] == "llama":
        del data["merges"]
    path = write_gguf(tmp_path / "x.gguf", model_of("gpt2"), data)
    with pytest.raises(TokenizerError, match=words):
        converted(path)
    assert not path.with_suffix("").exists()


def test_other_tensors_and_architectures_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from testkit import gguf_files

    monkeypatch.setitem(gguf_files._LAYER, "mlp.up_proj", "ffn_up_exps")
    with pytest.raises(CheckpointError, match="tensor blk.0.ffn_up_exps.weight is none of a llama"):
        converted(write_gguf(tmp_path / "x.gguf", model_of("llama")))
    monkeypatch.setitem(gguf_files.ARCHITECTURES, "llama", "falcon")
    with pytest.raises(
        CheckpointError, match="the architecture 'falcon' is none of llama, qwen2, qwen3, gemma"
    ):
        converted(write_gguf(tmp_path / "x.gguf", model_of("llama")))


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = model_of("gpt2")
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight[3, 5] = float("nan")
    path = write_gguf(tmp_path / "x.gguf", model)
    with pytest.raises(CheckpointError, match="tensor blk.1.ffn_up.weight has values that are not finite"):
        find_checkpoint(path)
    with pytest.raises(CheckpointError, match="not finite"):
        find_checkpoint(path)  # and nothing half made is taken for it


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "x.gguf", model_of("gpt2"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ResourceError, match="the file as float32 takes .* MiB and the disk has .*make room"):
        converted(path)
    assert not path.with_suffix("").exists()


def test_damage_gives_a_clear_error(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "x.gguf", model_of("gpt2"))
    intact, generator, refused = path.read_bytes(), np.random.default_rng(5), 0
    for i in range(60):
        data = bytearray(intact)
        if i % 3 == 0:
            del data[int(generator.integers(len(data))) :]
        else:
            at = int(generator.integers(4096 if i % 2 else 400))
            data[at] ^= 1 << int(generator.integers(8))
        path.write_bytes(data)
        try:
            convert(path, tmp_path / f"out{i}")
            load_tokenizer(tmp_path / f"out{i}", 300)
        except ZkllmError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 25


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = write_gguf(tmp_path / "x.gguf", model_of("gpt2"))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(CheckpointError, match="reading GGUF needs more: .*pip install gguf"):
        find_checkpoint(path)


def test_written_safetensors_are_read_back(tmp_path: Path) -> None:
    values = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b.c": np.array([-0.0, 1e-30], np.float32)}
    shapes = {name: value.shape for name, value in values.items()}
    write_float32(tmp_path / "x", shapes, ((n, [v[:1], v[1:]]) for n, v in values.items()))
    file = SafetensorsFile(tmp_path / "x")
    for name, value in values.items():
        assert file.stored(name).tobytes() == value.tobytes() and file.stored(name).shape == value.shape
    for wrong in ([("a", [values["a"]]), ("b.c", [])], [("b.c", [values["a"]]), ("a", [values["b.c"]])]):
        with pytest.raises(ValueError, match="values, not those of"):
            write_float32(tmp_path / "y", shapes, wrong)
    assert not (tmp_path / "y").exists()
