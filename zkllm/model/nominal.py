"""A configuration before calibration, for plans: widths and packing as the quantiser usually chooses them."""

from __future__ import annotations

from dataclasses import replace

from zkllm.files import JsonObject
from zkllm.gpt2.config import ProgramConfig
from zkllm.limits import MAX_MU
from zkllm.model.architecture import Architecture
from zkllm.model.packing import choose_slots
from zkllm.protocol.column_sizes import ColumnSizes


def nominal_config(a: Architecture) -> ProgramConfig:
    scales: JsonObject = dict(
        wte_shift=0, wpe_shift=2, kappa=41, ln_shift=32, qkv_shift=13, o_shift=13, fc1_shift=16, fc2_shift=6,
        final_shift=16, exp_shift=12, eps_int=1, mlp_class=(0,) * a.n_layer, fc1_gains=(0,), fc2_gains=(0,),
        act_bits=16, write_bits=32, rho_bits=32, norm_bits=96, over_bits=16, div_bits=32, logit_bits=32,
        diff_bits=32, exp_bits=11, gelu_bits=16, limb_bits=16,
        **ColumnSizes.full(MAX_MU)._asdict(),
        slots=1, slot_bits=0, inner_slots=1, inner_slot_bits=0, vocab_slots=1, vocab_slot_bits=0,
    )  # fmt: skip
    config = ProgramConfig(
        n_layer=a.n_layer,
        n_head=a.n_head,
        head_dim=a.head_dim,
        d_inner=a.d_inner,
        vocab_size=a.vocab_size,
        n_ctx=a.n_ctx,
        pad_id=a.pad_id,
        **scales,
    )
    widths = dict.fromkeys(("qkv", "o", "fc1", "fc2"), 50) | dict.fromkeys(("head", "embedding"), 60)
    slots: JsonObject = {**choose_slots(config, widths)}
    return replace(config, **slots)
