"""config.json is judged by what transformers' GPT2LMHeadModel reads of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zkllm.errors import CheckpointError
from zkllm.model.activations import ACTIVATIONS
from zkllm.model.architecture import ALIASES, HONOURED, REFUSED, parse_architecture
from zkllm.model.folder import load_folder

from .conftest import DEMO

BASE = {"model_type": "gpt2", "vocab_size": 50, "n_positions": 16, "n_embd": 12, "n_layer": 2, "n_head": 3}

# What GPT2LMHeadModel reads, and why it leaves the logits of inference as they are.
INERT = {
    "dropout, which is off": {"attn_pdrop", "embd_pdrop", "resid_pdrop"},
    "training": {"initializer_range", "gradient_checkpointing"},
    "what is given back beside the logits": {"output_attentions", "output_cross_attentions", "return_dict",
                                             "output_hidden_states", "_output_attentions", "use_cache"},
    "kernels of the same function": {"_attn_implementation", "_attn_implementation_internal",
                                     "_experts_implementation", "_experts_implementation_internal",
                                     "reorder_and_upcast_attn", "dtype"},
    "plans for several devices": {"base_model_ep_plan", "base_model_fsdp_plan", "base_model_pp_plan",
                                  "base_model_tp_plan"},
    "names": {"_name_or_path", "name_or_path"},
    "of the class, not of the file": {"sub_configs", "_heterogeneity_spec", "is_heterogeneous"},
    "read where there is an image": {"vision_aspect_ratio", "vision_feature_layer",
                                     "vision_feature_select_strategy"},
}  # fmt: skip
METHODS = {"get_text_config", "to_dict", "dict_dtype_to_str", "_remove_keys_not_serialized",
           "_update_heterogeneous_to_dict_output"}  # fmt: skip


@pytest.mark.slow
def test_every_field_that_gpt2_reads_is_judged() -> None:
    """A model whose configuration notes what is asked of it: made, loaded, and run in either attention."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    plain: Any = transformers.GPT2Config
    read: set[str] = set()

    class Noting(plain):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

        def __getattr__(self, name: str) -> Any:
            read.add(name)
            raise AttributeError(name)

    config = Noting(**json.loads((DEMO / "config.json").read_text()))
    read.clear()
    for make in (
        lambda: transformers.GPT2LMHeadModel(config),
        lambda: transformers.GPT2LMHeadModel.from_pretrained(DEMO, config=config),
    ):
        model = make().eval()
        for attention in ("eager", "sdpa"):
            model.set_attn_implementation(attention)
            for cached in (False, True):
                model(torch.tensor([[1, 2, 3]]), use_cache=cached)
    read = {name for name in read if not name.startswith("__")} - METHODS
    assert HONOURED - {"eos_token_id"} <= read | {ALIASES[n] for n in read if n in ALIASES}
    judged = HONOURED | set(REFUSED) | set(ALIASES)
    inert = set().union(*INERT.values())
    assert not read - judged - inert
    assert not inert & judged


@pytest.mark.parametrize(
    "extra",
    [
        {"n_special": 0, "predict_special_tokens": True, "finetuning_task": None}, {"loss_type": None},
        {"xla_device": True, "line_by_line": True}, {"_attn_implementation": "sdpa"}, {"n_vocab": 7},
        {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 16},
        {"n_ctx": 15}, {"rope_theta": 1e4}, {"pruned_heads": {"0": [1]}}, {"torchscript": True},
        {"chunk_size_feed_forward": 8}, {"author": {"name": "x"}, "languages": ["en"]}, {"is_decoder": True},
        {"architectures": ["GPT2Model"]}, {"architectures": ["Mine"]}, {"architectures": None},
        {"layer_types": ["full_attention"] * 2}, {"sliding_window": None}, {"attn_pdrop": 0.5},
    ],
)  # fmt: skip
def test_fields_that_gpt2_does_not_read_are_not_looked_at(extra: dict[str, Any]) -> None:
    assert parse_architecture({**BASE, **extra}) == parse_architecture(BASE)


def test_inert_fields_leave_the_logits_alone(demo_copy: Path, edit_json) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")

    def logits() -> np.ndarray:
        model = transformers.GPT2LMHeadModel.from_pretrained(demo_copy).eval()
        with torch.no_grad():
            return model(torch.arange(12)[None] * 7).logits.numpy()

    expected = logits()
    changes = {
        "n_special": 3, "predict_special_tokens": True, "n_vocab": 7, "n_ctx": 15, "rope_theta": 1.0,
        "pruned_heads": {"0": [1]}, "chunk_size_feed_forward": 8, "is_decoder": True, "attn_pdrop": 0.5,
        "architectures": ["Mine"], "hidden_size": 48, "torchscript": True, "xla_device": True,
    }  # fmt: skip
    edit_json(demo_copy / "config.json", changes)
    assert (logits() == expected).all()


def test_aliases_stand_for_the_field() -> None:
    other = {"vocab_size": 50, "model_type": "gpt2", "hidden_size": 12, "num_hidden_layers": 2,
             "num_attention_heads": 3, "max_position_embeddings": 16}  # fmt: skip
    assert parse_architecture(other) == parse_architecture(BASE)
    for alias, name in ALIASES.items():
        with pytest.raises(CheckpointError, match=f"{alias}.* differs from {name}"):
            parse_architecture({**BASE, alias: BASE[name] + 1})


def test_what_is_left_out_is_what_transformers_takes() -> None:
    transformers = pytest.importorskip("transformers")
    config, ours = transformers.GPT2Config(), parse_architecture({"model_type": "gpt2"})
    assert (ours.vocab_size, ours.n_ctx, ours.width) == (config.vocab_size, config.n_positions, config.n_embd)
    assert (ours.n_layer, ours.n_head, ours.d_inner) == (config.n_layer, config.n_head, 4 * config.n_embd)
    assert config.attribute_map == ALIASES


def test_activations_are_those_of_the_same_function() -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    x = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    for name in transformers.activations.ACT2FN:
        if name == "xielu":  # has parameters of its own, in bfloat16
            same = []
        else:
            with torch.no_grad():
                found = transformers.activations.ACT2FN[name].double()(x).numpy()
            same = [a for a in ACTIVATIONS.values() if np.abs(found - a.values(x.numpy())).max() < 1e-9]
        assert same == [a for a in ACTIVATIONS.values() if name in a.names], name
        if same:
            expected = replace(parse_architecture(BASE), activation=same[0].name)
            assert parse_architecture({**BASE, "activation_function": name}) == expected
        else:
            with pytest.raises(CheckpointError, match="only the tanh form"):
                parse_architecture({**BASE, "activation_function": name})


@pytest.mark.parametrize(
    "name, value",
    [("activation_function", "gelu"), ("activation_function", "relu"), ("tie_word_embeddings", 1),
     ("add_cross_attention", True), ("model_type", "gpt_neo"), ("n_embd", 13), ("n_head", 0),
     ("n_layer", "2"), ("vocab_size", (1 << 24) + 1), ("vocab_size", None), ("layer_norm_epsilon", -1.0),
     ("layer_norm_epsilon", float("nan")), ("layer_norm_epsilon", "1e-5"), ("layer_norm_epsilon", 10**400),
     ("quantization_config", {"bits": 4}), ("architectures", ["GPT2ForSequenceClassification"]),
     ("scale_attn_weights", 1), ("is_encoder_decoder", True), ("is_causal", False), ("sliding_window", 4),
     ("attention_chunk_size", 4), ("layer_types", ["sliding_attention"]), ("per_layer_config", {"0": {}}),
     ("kv_sharing_modes", ["reuse"]), ("fusion_config", {"a": 1}), ("text_config", {"n_embd": 3}),
     ("decoder", {}), ("generator", {}), ("transformers_weights", "x.safetensors"), ("hidden_size", None),
     ("configuration_files", ["config.4.0.0.json"]), ("auto_map", {"AutoModelForCausalLM": "m.M"})],
)  # fmt: skip
def test_fields_that_change_the_function_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(CheckpointError, match=name):
        parse_architecture({**BASE, name: value})


def test_all_faults_are_named_at_once_the_model_type_first() -> None:
    bad = {**BASE, "n_layer": 0, "activation_function": "silu", "sliding_window": 3, "hidden_size": 9}
    bad["model_type"] = "llama"
    with pytest.raises(CheckpointError) as caught:
        parse_architecture(bad)
    text = str(caught.value)
    assert text.startswith("config.json: model_type = 'llama' is not 'gpt2'; ")
    assert all(
        name in text
        for name in ("hidden_size = 9", "n_layer = 0", "activation_function = 'silu'", "sliding_window = 3")
    )


def test_a_folder_names_the_faults_of_all_its_parts(demo_copy: Path, edit_json) -> None:
    load_folder(demo_copy)
    edit_json(demo_copy / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    (demo_copy / "model.safetensors").rename(demo_copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="only pickled weights.*; .*tokenizer_class = 'BertTokenizer'"):
        load_folder(demo_copy)
    edit_json(demo_copy / "config.json", {"n_head": 0, "model_type": "gpt_neo"})
    with pytest.raises(CheckpointError) as caught:
        load_folder(demo_copy)
    places = [str(caught.value).find(w) for w in ("model_type", "n_head", "only pickled", "tokenizer_class")]
    assert -1 < places[0] < places[1] < places[2] < places[3]
