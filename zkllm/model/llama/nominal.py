"""A configuration before calibration, for plans: widths and packing as the quantiser usually chooses them."""

from __future__ import annotations

from dataclasses import replace

from zkllm.files import JsonObject
from zkllm.limits import MAX_MU
from zkllm.llama.config import CapConfig, HeadNormConfig, LlamaConfig, PostNormConfig
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.packing import choose_slots
from zkllm.protocol.column_sizes import ColumnSizes


def nominal_config(a: LlamaArchitecture) -> LlamaConfig:
    scales: JsonObject = dict(
        wte_shift=0, kappa=41, norm_shift=32, qkv_shift=13, rotary_shift=14, o_shift=16, gate_shift=14,
        down_shift=16, final_shift=16, exp_shift=12, eps_int=1,
        act_bits=16, gate_bits=16, final_bits=20, write_bits=32, rho_bits=32,
        norm_bits=96, over_bits=16, div_bits=32, logit_bits=32, diff_bits=32, exp_bits=11, limb_bits=16,
        **ColumnSizes.full(MAX_MU)._asdict(),
        head_slots=1, head_slot_bits=0, width_slots=1, width_slot_bits=0, inner_slots=1, inner_slot_bits=0,
        vocab_slots=1, vocab_slot_bits=0,
    )  # fmt: skip
    names = ("n_layer", "n_head", "n_kv_head", "head_dim", "d_model", "d_inner", "vocab_size", "n_ctx",
             "pad_id", "qkv_bias", "o_bias", "mlp_bias", "tied_head")  # fmt: skip
    own: JsonObject = {name: getattr(a, name) for name in names}
    own["act_class"] = (0,) * a.n_layer
    gained = ["qkv", "o", "gate", "down", "score"]
    if a.gated:
        own |= {"up_bits": 16, "product_bits": 26, "up_shift": 14, "product_shift": 12}
        gained += ["up", "product"]
    own |= {f"{kind}_gains": (0,) * a.n_layer for kind in gained}
    norm: JsonObject = dict(kappa=25, shift=32, rho_bits=32, norm_bits=64)
    ones = (1,) * a.n_layer
    if a.head_norm:
        own["head_norm"] = HeadNormConfig(**norm, query_eps=ones, key_eps=ones)
    if a.post_norm:
        own["post_norm"] = PostNormConfig(**norm, out_bits=20, eps=2 * ones)
    if a.embedding_scale != 1:
        own |= {"wte_factor": 3, "x0_shift": 16}
    own |= {"angles": a.angles, "turned": a.turned, "centred": a.centred, "parallel": a.parallel}
    own |= {"window": a.window, "sliding": a.sliding}
    if a.cap:
        own["cap"] = CapConfig(16, 16)
        scales |= {"exp_shift": 0, "over_bits": 0, "exp_bits": 16}
    if a.centred:  # D is d times as large
        scales |= {"kappa": 48, "norm_shift": 39}
    config = LlamaConfig(**own, **scales)
    widths = dict.fromkeys(("qkv", "o", "gate", "up"), 50) | dict.fromkeys(("down", "head", "embedding"), 60)
    slots: JsonObject = {**choose_slots(config, widths)}
    return replace(config, **slots)
