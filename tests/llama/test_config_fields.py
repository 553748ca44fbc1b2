"""config.json is judged by what transformers' classes read of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testkit.llamas import LLAMA3, MODELS, SHAPE
from zkllm.errors import CheckpointError
from zkllm.model.activations import GATES
from zkllm.model.architecture import load_architecture
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.config_fields import REFUSED
from zkllm.model.llama.architecture import HONOURED, LLAMAS, parse_llama
from zkllm.model.llama.gemma import odd_part
from zkllm.model.llama.rotary import Rotary

BASE: dict[str, Any] = {**SHAPE, "model_type": "llama"}
GEMMA: dict[str, Any] = {"model_type": "gemma", "dtype": "bfloat16"}
GEMMA3: dict[str, Any] = {"model_type": "gemma3_text", "dtype": "bfloat16"}
GEMMA2: dict[str, Any] = {"model_type": "gemma2", "dtype": "bfloat16"}
PHI3: dict[str, Any] = {"model_type": "phi3"}
NEOX: dict[str, Any] = {"model_type": "gpt_neox"}
LONG: dict[str, Any] = {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0]}

# What the classes read, and why it leaves the logits of inference as they are.
INERT = {
    "dropout, which is off": {"attention_dropout", "resid_pdrop", "embd_pdrop", "hidden_dropout"},
    "training": {"initializer_range", "gradient_checkpointing"},
    "no longer used": {"pretraining_tp"},
    "what is given back beside the logits": {"output_attentions", "return_dict", "output_hidden_states",
                                             "_output_attentions", "use_cache", "use_return_dict"},
    "kernels of the same function": {"_attn_implementation", "_attn_implementation_internal",
                                     "_experts_implementation", "_experts_implementation_internal"},
    "plans for several devices": {"base_model_ep_plan", "base_model_fsdp_plan", "base_model_pp_plan",
                                  "base_model_tp_plan"},
    "names": {"_name_or_path", "name_or_path"},
    "of the class, not of the file": {"sub_configs", "_heterogeneity_spec", "is_heterogeneous",
                                      "ignore_keys_at_rope_validation", "default_theta"},
    "it keeps the order of logits": {"final_logit_softcapping"},
    "read where there is an image": {"vision_aspect_ratio", "vision_feature_layer",
                                     "vision_feature_select_strategy"},
}  # fmt: skip
METHODS = {"get_text_config", "to_dict", "dict_dtype_to_str", "_remove_keys_not_serialized",
           "_update_heterogeneous_to_dict_output", "standardize_rope_params", "validate_rope",
           "convert_rope_params_to_dict"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "llama", "mistral", "qwen2", "qwen2, a window, tied", "qwen3", "qwen3, a window by layer, tied",
        "gemma",
        "gemma2", "gemma3", "gemma3, a scaled rotation, types by layer", "phi3", "phi3, tied, long positions",
        "gpt_neox", "gpt_neox, serial, no biases of attention, all turned, tied",
    ],
)  # fmt: skip
def test_every_field_that_is_read_is_judged(name: str, tmp_path: Path) -> None:
    """A model whose configuration notes what is asked of it: made, loaded, and run in either attention."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = MODELS[name].write(tmp_path / "model")
    plain: Any = getattr(transformers, f"{MODELS[name].cls}Config")
    model_class = getattr(transformers, f"{MODELS[name].cls.removesuffix('Text')}ForCausalLM")
    read: set[str] = set()

    class Noting(plain):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

        def __getattr__(self, name: str) -> Any:
            read.add(name)
            raise AttributeError(name)

    config = Noting(**json.loads((folder / "config.json").read_text()))
    read.clear()
    for make in (lambda: model_class(config), lambda: model_class.from_pretrained(folder, config=config)):
        model = make().eval()
        for attention in ("eager", "sdpa") if model_class._supports_sdpa else ("eager",):
            model.set_attn_implementation(attention)
            for cached in (False, True):
                model(torch.tensor([[1, 2, 3]]), use_cache=cached)
    read = {name for name in read if not name.startswith("__")} - METHODS
    judged, inert = HONOURED | set(REFUSED), set().union(*INERT.values())
    assert read - judged - inert == set()
    assert inert & judged == set()


def refused(text: str, **fields: Any) -> None:
    with pytest.raises(CheckpointError) as caught:
        parse_llama({**BASE, **fields})
    assert text in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text, fields",
    [
        ("num_key_value_heads = 4 is not supported: it does not divide", {"num_key_value_heads": 4}),
        ("head_dim = 5 is not supported: heads of 5 features have no halves", {"head_dim": 5}),
        ("hidden_size = 37 is not supported: it is not a multiple", {"hidden_size": 37}),
        ("hidden_act = 'relu' is not supported: only the SiLU or the tanh form of the GELU or the GELU is",
         {"hidden_act": "relu"}),
        ("intermediate_size = 131072 is not supported", {"intermediate_size": 1 << 17}),
        ("rms_norm_eps = -1 is not supported", {"rms_norm_eps": -1}),
        ("attention_bias = 1 is not supported", {"attention_bias": 1}),
        ("mlp_bias = 'no' is not supported", {"mlp_bias": "no"}),
        ("tie_word_embeddings = 0 is not supported", {"tie_word_embeddings": 0}),
        ("is_causal = False is not supported", {"is_causal": False}),
        ("sliding_window = 3 is not supported: every token must see all", {"sliding_window": 3}),
        ("layer_types = ['sliding_attention'", {"layer_types": ["sliding_attention"] * 2}),
        ("layer_types = ['sliding_attention'",
         {"model_type": "mistral", "layer_types": ["sliding_attention"] * 2}),
        ("sliding_window = 0 is not supported", {"model_type": "mistral", "sliding_window": 0}),
        ("layer_types = ['sliding_attention'",
         {"model_type": "qwen2", "layer_types": ["sliding_attention", "full_attention"]}),
        ("use_sliding_window = None is not supported", {"model_type": "qwen2", "use_sliding_window": None}),
        ("attention_chunk_size = 8 is not supported", {"attention_chunk_size": 8}),
        ("per_layer_config = {'0': {}} is not supported", {"per_layer_config": {"0": {}}}),
        ("quantization_config = {'bits': 4} is not supported", {"quantization_config": {"bits": 4}}),
        ("rope_type 'yarn' is not default, linear, dynamic or llama3",
         {"rope_scaling": {"type": "yarn", "factor": 2.0}}),
        ("rope_type 'longrope' is not", {"rope_scaling": {"rope_type": "longrope"}}),
        ("linear needs factor, a number", {"rope_scaling": {"type": "linear"}}),
        ("llama3 needs high_freq_factor",
         {"rope_scaling": {k: v for k, v in LLAMA3.items() if k != "high_freq_factor"}}),
        ("rope_scaling = 3 is not supported: it is not an object", {"rope_scaling": 3}),
        ("rope_parameters says something else",
         {"rope_scaling": LLAMA3, "rope_parameters": {"rope_type": "default", "rope_theta": 5.0}}),
        ("partial_rotary_factor = 0.5 is not supported", {"partial_rotary_factor": 0.5}),
        ("rope_theta = '1e6' is not supported", {"rope_theta": "1e6"}),
        ("rotary positions: base or factor out of range", {"rope_theta": 0.5}),
        ("positions of images", {"rope_scaling": {"type": "default", "mrope_section": [1, 2]}}),
        ("attention_bias = None is not supported", {"model_type": "qwen3", "attention_bias": None}),
        ("head_dim = None is not supported", {"model_type": "qwen3", "head_dim": None}),
        ("layer_types = ['sliding_attention'",
         {"model_type": "qwen3", "layer_types": ["sliding_attention", "full_attention"]}),
        ("sliding_window = 8 is not supported: every token must see all",
         {**GEMMA, "sliding_window": 8}),
        ("layer_types = ['sliding_attention'", {**GEMMA, "layer_types": ["sliding_attention"] * 2}),
        ("num_key_value_heads = None", {**GEMMA, "num_key_value_heads": None}),
        ("hidden_act = 'relu' is not supported", {**GEMMA, "hidden_act": "relu"}),
        ("hidden_activation = 'silu' is not supported: hidden_act is what counts",
         {**GEMMA, "hidden_activation": "silu"}),
        ("use_bidirectional_attention = True is not supported",
         {**GEMMA, "use_bidirectional_attention": True}),
        ("dtype = None is not supported: the embedding is scaled by a number of one of bfloat16, float16",
         {"model_type": "gemma"}),
        ("torch_dtype = 'int8' is not supported", {"model_type": "gemma", "torch_dtype": "int8"}),
        ("hidden_activation = 'relu' is not supported", {**GEMMA3, "hidden_activation": "relu"}),
        ("use_bidirectional_attention = True", {**GEMMA3, "use_bidirectional_attention": True}),
        ("sliding_window = None is not supported: a layer has a window", {**GEMMA3, "sliding_window": None}),
        ("layer_types = ['full_attention'] is not supported", {**GEMMA3, "layer_types": ["full_attention"]}),
        ("sliding_window_pattern = 0 is not supported", {**GEMMA3, "sliding_window_pattern": 0}),
        ("query_pre_attn_scalar = 20.5 is not supported", {**GEMMA3, "query_pre_attn_scalar": 20.5}),
        ("query_pre_attn_scalar = 0 is not supported", {**GEMMA3, "query_pre_attn_scalar": 0}),
        ("hidden_size = 37 is not supported: it is not a multiple", {**GEMMA3, "hidden_size": 37}),
        ("'rope_theta' is no type of layer", {**GEMMA3, "rope_parameters": {"rope_theta": 1e5}}),
        ("rope_parameters says something else", {
            **GEMMA3, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
            "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6}},
        }),
        ("rope_type 'yarn' is not", {
            **GEMMA3, "rope_parameters": {"sliding_attention": {"rope_type": "yarn", "rope_theta": 1e6}},
        }),
        ("partial_rotary_factor = 0.3 is not supported: 1 of 4 features have no halves",
         {**PHI3, "partial_rotary_factor": 0.3}),
        ("partial_rotary_factor = 0 is not supported: it is not a share",
         {**PHI3, "partial_rotary_factor": 0}),
        ("partial_rotary_factor = 1.5 is not supported: it is not a share",
         {**PHI3, "partial_rotary_factor": 1.5}),
        ("partial_rotary_factor = 0.5 is not supported: rope_parameters says something else", {
            **PHI3, "partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 1.0},
        }),
        ("rope_type 'linear' is not default or longrope",
         {**PHI3, "rope_scaling": {"type": "linear", "factor": 2.0}}),
        ("rope_type 'llama3' is not default or longrope", {**PHI3, "rope_parameters": LLAMA3}),
        ("longrope needs short_factor, 2 numbers", {**PHI3, "rope_scaling": {"type": "su"}}),
        ("longrope needs short_factor, 2 numbers",
         {**PHI3, "rope_scaling": {**LONG, "short_factor": [1.0] * 3}}),
        ("longrope needs short_factor, 2 numbers",
         {**PHI3, "rope_scaling": {**LONG, "short_factor": [1.0, True]}}),
        ("factor or attention_factor is not a number",
         {**PHI3, "rope_scaling": {**LONG, "attention_factor": "1"}}),
        ("attention_factor is not a number above 0",
         {**PHI3, "rope_scaling": {**LONG, "attention_factor": 0.0}}),
        ("factors or attention out of range", {**PHI3, "rope_scaling": {**LONG, "short_factor": [1.0, 0.0]}}),
        ("factors or attention out of range", {**PHI3, "rope_scaling": {**LONG, "attention_factor": 2.5}}),
        ("attention lies between two entries", {**PHI3, "rope_scaling": {**LONG, "attention_factor": 1.25}}),
        ("low, high or original out of range",
         {**PHI3, "rope_scaling": LONG, "original_max_position_embeddings": 1}),
        ("original_max_position_embeddings = '8' is not supported",
         {**PHI3, "rope_scaling": LONG, "original_max_position_embeddings": "8"}),
        ("layer_types = ['sliding_attention'", {**PHI3, "layer_types": ["sliding_attention"] * 2}),
        ("sliding_window = 0 is not supported", {**PHI3, "sliding_window": 0}),
        ("attn_logit_softcapping = 0 is not supported", {**GEMMA2, "attn_logit_softcapping": 0}),
        ("attn_logit_softcapping = '50' is not supported", {**GEMMA2, "attn_logit_softcapping": "50"}),
        ("query_pre_attn_scalar = 0.5 is not supported", {**GEMMA2, "query_pre_attn_scalar": 0.5}),
        ("sliding_window = None is not supported: a layer has a window", {**GEMMA2, "sliding_window": None}),
        ("use_bidirectional_attention = True", {**GEMMA2, "use_bidirectional_attention": True}),
        ("head_dim = None", {**GEMMA2, "head_dim": None}),
        ("dtype = None is not supported: the embedding is scaled", {"model_type": "gemma2"}),
        ("head_dim = 20 is not supported: it is not hidden_size over", {**NEOX, "head_dim": 20}),
        ("hidden_size = 37 is not supported: it is not a multiple", {**NEOX, "hidden_size": 37}),
        ("use_parallel_residual = None is not supported", {**NEOX, "use_parallel_residual": None}),
        ("attention_bias = 1 is not supported", {**NEOX, "attention_bias": 1}),
        ("layer_norm_eps = -1 is not supported", {**NEOX, "layer_norm_eps": -1}),
        ("hidden_act = 'quick_gelu' is not supported", {**NEOX, "hidden_act": "quick_gelu"}),
        ("rotary_pct = 0.3 is not supported: 1 of 4 features have no halves", {**NEOX, "rotary_pct": 0.3}),
        ("rotary_pct = 0.2 is not supported: 0 of 4 features have no halves", {**NEOX, "rotary_pct": 0.2}),
        ("rotary_pct = 1.0 is not supported: rope_parameters says something else",
         {**NEOX, "rotary_pct": 1.0, "rope_parameters": {"partial_rotary_factor": 0.5}}),
        ("rope_theta = 500.0 is not supported: the class does not read it",
         {**NEOX, "rotary_pct": 0.5, "rope_theta": 500.0}),
        ("partial_rotary_factor = inf is not supported: the class does not read it",
         {**NEOX, "rotary_pct": 0.5, "partial_rotary_factor": float("inf")}),
        ("rope_theta = 'x' is not supported: the class does not read it",
         {**NEOX, "rotary_pct": 0.5, "rope_theta": "x"}),
        ("rotary_pct = nan is not supported", {**NEOX, "rotary_pct": float("nan")}),
        ("partial_rotary_factor = 1.0 is not supported: the class does not read it",
         {**NEOX, "rotary_pct": 0.5, "partial_rotary_factor": 1.0}),
        ("sliding_window = 3 is not supported", {**NEOX, "sliding_window": 3}),
        ("rope_type 'yarn' is not", {**NEOX, "rope_scaling": {"type": "yarn", "factor": 2.0}}),
        ("architectures = ['GPTNeoXForSequenceClassification']",
         {**NEOX, "architectures": ["GPTNeoXForSequenceClassification"]}),
        ("architectures = ['Gemma3TextForSequenceClassification'] is not supported",
         {**GEMMA3, "architectures": ["Gemma3TextForSequenceClassification"]}),
        ("architectures = ['LlamaForSequenceClassification'] is not supported",
         {"architectures": ["LlamaForSequenceClassification"]}),
        ("auto_map = {'AutoModelForCausalLM': 'x.Y'} is not supported: the model has code of its own",
         {"auto_map": {"AutoModelForCausalLM": "x.Y"}}),
    ],
)  # fmt: skip
def test_what_is_another_function_is_refused_by_name(text: str, fields: dict[str, Any]) -> None:
    refused(text, **fields)


def test_faults_are_named_at_once() -> None:
    refused("head_dim = 5", head_dim=5, is_causal=False)
    refused("is_causal = False", head_dim=5, is_causal=False)


@pytest.mark.parametrize(
    "extra",
    [
        {"initializer_range": 1.0, "pretraining_tp": 4, "attention_dropout": 0.5}, {"torch_dtype": "float16"},
        {"bos_token_id": 3, "use_cache": False, "architectures": ["LlamaModel"]}, {"sliding_window": None},
        {"layer_types": ["full_attention"] * 2}, {"rope_scaling": None}, {"partial_rotary_factor": 1.0},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 10000}}, {"is_causal": True},
        {"rope_scaling": {"type": "dynamic", "factor": 4.0}}, {"n_embd": 3, "author": "x"},
    ],
)  # fmt: skip
def test_fields_that_change_nothing(extra: dict[str, Any]) -> None:
    assert parse_llama({**BASE, **extra}) == parse_llama(BASE)


def test_fields_of_one_class_are_not_read_by_another() -> None:
    mistral = {**BASE, "model_type": "mistral"}
    assert parse_llama({**mistral, "attention_bias": True, "mlp_bias": True}) == parse_llama(mistral)
    qwen = {**BASE, "model_type": "qwen2"}
    assert parse_llama({**qwen, "sliding_window": 3, "max_window_layers": 0}) == parse_llama(qwen)


def test_what_is_left_out_is_what_transformers_takes() -> None:
    transformers = pytest.importorskip("transformers")
    for kind, cls in (
        ("llama", "Llama"), ("mistral", "Mistral"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3"),
        ("gemma", "Gemma"), ("gemma2", "Gemma2"), ("gemma3_text", "Gemma3Text"), ("phi3", "Phi3"),
        ("gpt_neox", "GPTNeoX"),
    ):  # fmt: skip
        config = getattr(transformers, f"{cls}Config")()
        a = parse_llama({"model_type": kind, "dtype": "float32"})
        assert (a.n_layer, a.n_head, a.d_model) == (
            config.num_hidden_layers, config.num_attention_heads, config.hidden_size,
        )  # fmt: skip
        shared = config.num_attention_heads if kind == "gpt_neox" else config.num_key_value_heads
        assert (a.d_inner, a.vocab_size, a.n_kv_head) == (config.intermediate_size, config.vocab_size, shared)
        eps = config.layer_norm_eps if kind == "gpt_neox" else config.rms_norm_eps
        assert a.norm_eps == eps and a.tied_head == config.tie_word_embeddings
        assert a.n_ctx <= min(config.max_position_embeddings, 2048)
        assert a.head_dim == getattr(config, "head_dim", a.head_dim)
        later = kind in ("gemma2", "gemma3_text")
        names = next(known.names for known in GATES.values() if known.name == a.activation)
        assert (config.hidden_activation if later else config.hidden_act) in names
        if kind == "gemma2":
            assert (a.cap, a.score_divisor) == (config.attn_logit_softcapping, config.query_pre_attn_scalar)
            assert a.rotaries == (Rotary(),) and config.layer_types[:2] == [
                "sliding_attention",
                "full_attention",
            ]
            continue
        if kind == "gemma3_text":
            assert a.score_divisor == config.query_pre_attn_scalar and a.window == 0 < a.n_ctx
            assert a.rotaries == (Rotary(), Rotary(theta=1e6))
            full = [t == "full_attention" for t in config.layer_types]
            assert [a.rotary_of(l).theta == 1e6 for l in range(a.n_layer)] == full
            continue
        assert a.rotary == Rotary()


def test_positions_are_those_that_every_rule_allows() -> None:
    """Trained positions, and what a program commits to at most."""
    long = {**BASE, "max_position_embeddings": 131072}
    assert parse_llama(BASE).n_ctx == 24 and parse_llama(long).n_ctx == 2048
    phi = {**long, **PHI3}
    for original, positions in ((None, 2048), (1000, 1000), (4096, 2048)):
        fields = {} if original is None else {"original_max_position_embeddings": original}
        assert parse_llama({**phi, **fields}).n_ctx == 2048  # a default rotation goes on
        assert parse_llama({**phi, **fields, "rope_scaling": LONG}).n_ctx == positions


def test_a_window_is_of_the_layers_that_say_so() -> None:
    long = {**BASE, "max_position_embeddings": 131072, "num_hidden_layers": 4}
    windowed = lambda fields: (lambda a: (a.n_ctx, a.window, a.sliding))(parse_llama({**long, **fields}))
    none, all_of_them = (2048, 0, ()), (2048, 100, (1, 1, 1, 1))
    mistral, phi = {"model_type": "mistral"}, PHI3
    for kind in (mistral, phi):
        assert windowed({**kind, "sliding_window": 100}) == all_of_them
        assert windowed({**kind, "sliding_window": None}) == windowed(kind) == none
        assert windowed({**kind, "sliding_window": 2048}) == none
        assert windowed({**kind, "sliding_window": 2047}) == (2048, 2047, (1, 1, 1, 1))
    assert windowed({**mistral, "sliding_window": 20, "max_position_embeddings": 21}) == (21, 20, (1,) * 4)
    assert windowed({**mistral, "max_position_embeddings": 20, "sliding_window": 20}) == (20, 0, ())
    for kind in ("qwen2", "qwen3"):
        qwen = {"model_type": kind, "use_sliding_window": True, "sliding_window": 100}
        assert windowed({**qwen, "max_window_layers": 4}) == windowed(qwen) == none
        assert windowed({**qwen, "max_window_layers": 1}) == (2048, 100, (0, 1, 1, 1))
        assert windowed({**qwen, "max_window_layers": 0}) == all_of_them
        types = [f"{name}_attention" for name in ("full", "sliding", "full", "sliding")]
        assert windowed({**qwen, "layer_types": types, "max_window_layers": 0}) == (2048, 100, (0, 1, 0, 1))
        assert windowed({**qwen, "use_sliding_window": False, "max_window_layers": 0}) == none
    gemma = {**GEMMA3, "sliding_window": 512}
    assert windowed({**gemma, "sliding_window_pattern": 2}) == (2048, 512, (1, 0, 1, 0))
    assert windowed(gemma) == (2048, 512, (1, 1, 1, 1)) and windowed({**gemma, "layer_types": types}) == (
        2048, 512, (0, 1, 0, 1)
    )  # fmt: skip
    assert windowed({**GEMMA3, "layer_types": ["full_attention"] * 4, "sliding_window": 3}) == none


def test_rotations_are_read_in_either_spelling() -> None:
    old = {k: v for k, v in LLAMA3.items() if k != "rope_theta"}
    rotary = Rotary("llama3", 500.0, 8.0, 1.0, 4.0, 12.0)
    assert parse_llama({**BASE, "rope_parameters": LLAMA3}).rotary == rotary
    assert parse_llama({**BASE, "rope_scaling": old, "rope_theta": 500.0}).rotary == rotary
    top = parse_llama({**BASE, "rope_parameters": LLAMA3, "original_max_position_embeddings": 6}).rotary
    assert top == replace(rotary, original=6.0)
    without = {k: v for k, v in LLAMA3.items() if k != "original_max_position_embeddings"}
    assert parse_llama({**BASE, "rope_parameters": without}).rotary == replace(rotary, original=24.0)


def test_a_phi_3_turns_a_share_of_its_features() -> None:
    phi = {**BASE, **PHI3, "head_dim": 20}
    assert parse_llama(phi).turned == 0 and parse_llama(phi).pairs == 10
    for fields in (
        {"partial_rotary_factor": 0.6}, {"rope_parameters": {"partial_rotary_factor": 0.6}},
        {"rope_scaling": {"rope_type": "default", "partial_rotary_factor": 0.6}},
    ):  # fmt: skip
        assert parse_llama({**phi, **fields}).turned == 12
    assert parse_llama({**phi, "partial_rotary_factor": 0.7}).turned == int(20 * 0.7) == 14
    assert parse_llama({**phi, "partial_rotary_factor": 0.63}).turned == 12  # of 12.6: rounded down
    assert parse_llama({**phi, "partial_rotary_factor": 1}) == parse_llama(phi)


def test_a_gpt_neox_says_what_is_turned_and_read_by_names_of_its_own() -> None:
    neox = {**BASE, **NEOX, "hidden_size": 360, "num_key_value_heads": 4}
    a = parse_llama(neox)
    assert (a.head_dim, a.n_kv_head, a.pairs, a.rotary) == (40, 9, 5, Rotary())
    assert a.parallel and a.centred and not a.gated and a.activation == "gelu"
    assert (a.qkv_bias, a.o_bias, a.mlp_bias, a.tied_head) == (True, True, True, False)
    for fields in (
        {"rotary_pct": 0.6, "rotary_emb_base": 500}, {"rope_parameters": {"rope_theta": 500.0,
                                                                         "partial_rotary_factor": 0.6}},
        {"rotary_pct": 0.6, "rotary_emb_base": 500, "rope_theta": 500, "partial_rotary_factor": 0.6},
    ):  # fmt: skip
        a = parse_llama({**neox, **fields})
        assert a.pairs == 12 and a.rotary == Rotary(theta=500.0)
    assert parse_llama({**neox, "rotary_pct": 0.37}).pairs == 7  # of 14.8 features: rounded down
    scaled = parse_llama({**neox, "rope_scaling": {"type": "linear", "factor": 2.0}, "rotary_emb_base": 500})
    assert scaled.rotary == Rotary("linear", 500.0, 2.0) and scaled.pairs == 5
    serial = parse_llama({**neox, "use_parallel_residual": False, "attention_bias": False})
    assert not serial.parallel and (serial.qkv_bias, serial.o_bias, serial.mlp_bias) == (False, False, True)
    assert parse_llama({**neox, "rms_norm_eps": 0.5, "mlp_bias": False}) == parse_llama(neox)


def test_long_positions_are_read_in_either_spelling() -> None:
    shape = {**BASE, **PHI3, "max_position_embeddings": 48, "original_max_position_embeddings": 12}
    expected = Rotary("longrope", 10000.0, 4.0, original=12.0, factors=(1.0, 1.5))
    for kind in ("longrope", "su", "yarn"):
        assert parse_llama({**shape, "rope_scaling": {**LONG, "type": kind}}).rotary == expected
    new = {"rope_type": "longrope", "rope_theta": 5e4, "short_factor": [1, 1.5], "factor": 8}
    a = parse_llama({**shape, "rope_parameters": {**new, "original_max_position_embeddings": 7}})
    assert a.rotary == replace(expected, theta=5e4, factor=8.0) and a.n_ctx == 12  # the field is what counts
    given = parse_llama({**shape, "rope_scaling": {**LONG, "attention_factor": 1.19}}).rotary
    assert given == replace(expected, attention=1.19) and given.magnitude == 1.19


def test_pad_ids_are_tokens() -> None:
    for fields, pad in (
        ({"pad_token_id": 7}, 7), ({"pad_token_id": None, "eos_token_id": 9}, 9),
        ({"pad_token_id": None, "eos_token_id": [8, 9]}, 8), ({"pad_token_id": -1, "eos_token_id": None}, 0),
    ):  # fmt: skip
        assert parse_llama({**BASE, **fields}).pad_id == pad


def test_a_gemma_is_scaled_by_a_number_of_its_type() -> None:
    torch = pytest.importorskip("torch")
    for width in (640, 1152, 2048, 2304, 2560, 3072, 3584, 3840, 4608, 5376, 36, 30):
        for dtype in ("bfloat16", "float16", "float32", "float64"):
            scale = torch.tensor(width**0.5).to(getattr(torch, dtype))
            for name in ("dtype", "torch_dtype"):
                a = parse_llama({"model_type": "gemma", "hidden_size": width, name: dtype})
                assert a.embedding_scale == float(scale), (width, dtype)
            c, k = odd_part(a.embedding_scale)
            assert c % 2 == 1 and c * 2.0**-k == a.embedding_scale and c < 1 << 24
    assert parse_llama({**GEMMA, "hidden_size": 3072}).embedding_scale == 55.5
    both = parse_llama({**GEMMA, "torch_dtype": "float32", "hidden_size": 3072})
    assert both.embedding_scale == 55.5  # dtype is what counts


def test_a_gemma_3_has_a_rotation_for_each_type_of_layer() -> None:
    old = {"rope_theta": 5e5, "rope_local_base_freq": 2e4, "rope_scaling": {"type": "linear", "factor": 8.0}}
    new = {"rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
        "sliding_attention": {"rope_type": "default", "rope_theta": 2e4},
    }}  # fmt: skip
    shape = {**GEMMA3, "num_hidden_layers": 4, "sliding_window_pattern": 2}
    for fields in (old, new):
        a = parse_llama({**shape, **fields})
        assert a.rotaries == (Rotary(theta=2e4), Rotary("linear", 5e5, 8.0)) and a.angles == (0, 1, 0, 1)
    full = parse_llama({**shape, **new, "layer_types": ["full_attention"] * 4})
    assert full.rotaries == (Rotary("linear", 5e5, 8.0),) and full.angles == ()
    assert full.n_ctx == 2048 and parse_llama({**shape, "sliding_window": 512}).window == 512
    first = parse_llama({**shape, "layer_types": ["full_attention", *["sliding_attention"] * 3]})
    assert first.angles == (0, 1, 1, 1) and first.rotary.theta == 1e6
    same = parse_llama({**shape, "rope_local_base_freq": 1e6})
    assert same.rotaries == (Rotary(theta=1e6),) and same.angles == ()


def test_a_gemma_2_caps_its_scores() -> None:
    for fields, cap in (({}, 50.0), ({"attn_logit_softcapping": 30}, 30.0),
                        ({"attn_logit_softcapping": None}, 0.0)):  # fmt: skip
        a = parse_llama({**GEMMA2, **fields})
        assert a.cap == cap and a.post_norm and not a.head_norm and a.score_divisor == 256
    assert parse_llama({**GEMMA2, "final_logit_softcapping": 5.0}) == parse_llama(GEMMA2)
    windowed = parse_llama({**GEMMA2, "sliding_window": 100, "num_hidden_layers": 3})
    assert (windowed.window, windowed.sliding, windowed.angles) == (100, (1, 0, 1), ())


def test_caps_on_scores_and_logits_change_nothing_that_is_proved() -> None:
    caps = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
    assert parse_llama({**GEMMA3, **caps}) == parse_llama(GEMMA3)


def test_the_oldest_gemmas_mean_the_tanh_form() -> None:
    for fields in ({"hidden_act": "gelu"}, {"hidden_activation": "gelu_pytorch_tanh"}, {}):
        assert parse_llama({**GEMMA, **fields}).activation == "gelu_new"


@pytest.mark.parametrize("kind", ["gemma3", "mixtral"])
def test_other_families_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**BASE, "model_type": kind}))
    expected = f"model_type = '{kind}' is not 'gpt2', 'llama', "
    with pytest.raises(CheckpointError, match=expected):
        load_architecture(path)
    assert kind not in LLAMAS


def test_heads_are_tied_as_transformers_ties_them(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tied = MODELS["qwen2, a window, tied"].write(tmp_path / "tied")
    assert "lm_head.weight" not in load_file(tied / "model.safetensors")
    assert load_checkpoint(tied).llama.tied_head
    tensors = load_file(tied / "model.safetensors")
    embedding = tensors["model.embed_tokens.weight"]
    save_file({**tensors, "lm_head.weight": embedding.copy()}, tied / "model.safetensors")
    load_checkpoint(tied)
    save_file({**tensors, "lm_head.weight": embedding + 1}, tied / "model.safetensors")
    with pytest.raises(CheckpointError, match="lm_head.weight differs from embed_tokens.weight"):
        load_checkpoint(tied)
    untied = MODELS["qwen2"].write(tmp_path / "untied")
    tensors = load_file(untied / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, untied / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"tensor lm_head\.weight is missing"):
        load_checkpoint(untied)


def test_missing_biases_are_named(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = MODELS["qwen2"].write(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.self_attn.k_proj.bias"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"layers\.1\.self_attn\.k_proj\.bias is missing"):
        load_checkpoint(folder)
