"""How long the columns are that a set-up chooses: longer ones where a long context would have many."""

from __future__ import annotations

import pytest

from zkllm.families import describe
from zkllm.limits import MAX_CHOSEN_MU, MAX_MU
from zkllm.model.build import sized
from zkllm.model.tiny import tiny_config

WIDTHS = dict(
    act_bits=16, gelu_bits=16, limb_bits=16, write_bits=32, exp_bits=11, over_bits=16, div_bits=32,
    logit_bits=32, diff_bits=32, rho_bits=32, norm_bits=96, ln_shift=32, slot_bits=50, inner_slot_bits=50,
    vocab_slots=4, vocab_slot_bits=63, vocab_size=50257, n_ctx=1024, head_dim=64,
)  # fmt: skip
GPT2 = tiny_config(n_layer=12, n_head=12, d_inner=3072, slots=4, inner_slots=4, **WIDTHS)
XL = tiny_config(n_layer=48, n_head=25, d_inner=6400, slots=5, inner_slots=5, **WIDTHS)


@pytest.mark.parametrize(
    "config, rows, mu", [(GPT2, 16, 24), (GPT2, 256, 24), (XL, 16, 24), (XL, 64, 24)], ids=str
)
def test_short_contexts_stay_within_2_to_the_24(config, rows: int, mu: int) -> None:
    assert sized(config, rows).mu == mu == MAX_CHOSEN_MU


@pytest.mark.parametrize("rows", [512, 1024])
def test_long_contexts_have_few_columns(rows: int) -> None:
    chosen = sized(GPT2, rows)
    at_most_24 = sized(GPT2, rows, MAX_CHOSEN_MU)
    few, many = (describe(c, rows, 1).witness.num_columns for c in (chosen, at_most_24))
    assert chosen.mu == MAX_MU and chosen.witness_mu == MAX_MU - 1
    assert few < many / 3 and at_most_24.mu == MAX_CHOSEN_MU


def test_what_is_asked_for_is_chosen() -> None:
    assert (sized(GPT2, 1024, 25).mu, sized(GPT2, 1024, witness_mu=23).witness_mu) == (25, 23)
    assert sized(GPT2, 1024, witness_mu=23).mu == MAX_CHOSEN_MU


def test_the_longest_column_is_what_is_opened() -> None:
    """Masks are its highest coefficients, or the fixed column's last tensor."""
    protocol = describe(sized(GPT2, 1024), 1024, 1)
    assert protocol.coefficients == protocol.witness_coefficients == max(map(max, protocol.masks)) + 1
    assert protocol.fixed_coefficients < protocol.coefficients < 1 << protocol.mu
    short = describe(sized(GPT2, 16), 16, 1)
    assert short.coefficients == short.fixed_coefficients == min(short.fixed.used, 1 << short.fixed.mu)
