"""A GPT-2 as a program of the protocol: its axes, its operations in their order, and its parts."""

from __future__ import annotations

from zkllm.gpt2.config import ProgramConfig
from zkllm.ops.attention import Attention
from zkllm.ops.axes import INNER, WIDTH, WIDTH_IN
from zkllm.ops.embedding import Embedding
from zkllm.ops.head import FinalNorm, Head
from zkllm.ops.layernorm import LayerNorm
from zkllm.ops.linear import Gelu, Kind, Linear
from zkllm.ops.residual import Residual
from zkllm.protocol.forms import Along, Alternate
from zkllm.protocol.manifest import PROJECTION, ROW, TOKEN, Axis
from zkllm.protocol.operation import Operation
from zkllm.protocol.sources import Packing

ATTENTION = "LayerNorm and self-attention"
FIRST, SECOND = "first linear and GELU", "second linear and residual"
EMBEDDING, HEAD = "embedding", "final LayerNorm and tied head"

POINTS = (("l", "t", *WIDTH), ("f",), ("v",), ("q",))


def axes(c: ProgramConfig, rows: int, certified: int) -> tuple[Axis, ...]:
    """Every axis with its real size."""
    return (
        Axis("l", c.n_layer, ROW),
        Axis("n", 2 * c.n_layer + 1, ROW),
        Axis("m", 2 * c.n_layer),
        Axis("t", rows, TOKEN),
        Axis("u", rows),
        Axis("i", certified, TOKEN),
        Axis("s", rows * c.vocab_slots),
        Axis("q", 3, PROJECTION),  # queries, keys, values
        Axis("c", c.slots),
        Axis("h", c.heads_per_slot),
        Axis("e", c.head_dim),
        Axis("kc", c.slots),
        Axis("kh", c.heads_per_slot),
        Axis("ke", c.head_dim),
        Axis("fc", c.inner_slots),
        Axis("f", c.inner_per_slot),
        Axis("w", c.vocab_slots),
        Axis("v", c.vocab_block),
        Axis("pos", c.n_ctx),
        Axis("gelu", 1 << c.gelu_bits),
        Axis("exp", 1 << c.exp_bits),
    )


def linear_kinds(c: ProgramConfig, mlp: int = 1) -> tuple[Kind, ...]:
    """`mlp`: the place of the MLP's LayerNorm and write among a layer's, 0 where there are no others."""
    row, heads = tuple(Along(a) for a in WIDTH_IN), Packing("c", c.slot_bits)
    return (
        Kind(
            "qkv",
            part=ATTENTION,
            shift=c.qkv_shift,
            source="y",
            source_maps=(Alternate("l", 0), "t", *row),
            inputs=WIDTH_IN,
            output_dims=("q", WIDTH),
            packing=heads,
            point=("q", *WIDTH),
            target="qkv",
            layer="l",
            remainder="qkv_rem",
            bits=c.act_bits,
        ),
        Kind(
            "o",
            part=ATTENTION,
            shift=c.o_shift,
            source="o",
            source_maps=("l", "t", *row),
            inputs=WIDTH_IN,
            output_dims=(WIDTH,),
            packing=heads,
            point=WIDTH,
            target="write",
            layer=Alternate("l", 0),
            remainder="o_rem",
        ),
        Kind(
            "fc1",
            part=FIRST,
            shift=c.fc1_shift,
            source="y",
            source_maps=(Alternate("l", mlp), "t", *row),
            inputs=WIDTH_IN,
            output_dims=(INNER,),
            packing=Packing("fc", c.inner_slot_bits),
            point=("f",),
            target="f",
            layer="l",
            remainder="f_rem",
            gains=c.gains("fc1"),
        ),
        Kind(
            "fc2",
            part=SECOND,
            shift=c.fc2_shift,
            source="g",
            source_maps=("l", "t", *INNER),
            inputs=INNER,
            output_dims=(WIDTH,),
            packing=heads,
            point=WIDTH,
            target="write",
            layer=Alternate("l", mlp),
            remainder="fc2_rem",
            gains=c.gains("fc2"),
        ),
    )


def residual(c: ProgramConfig) -> Residual:
    return Residual(c.write_bits, parts={ATTENTION: 1 / 2, SECOND: 1 / 2})


def layer_norm(c: ProgramConfig) -> LayerNorm:
    each, last = c.n_layer / (2 * c.n_layer + 1), 1 / (2 * c.n_layer + 1)
    return LayerNorm(
        parts={ATTENTION: each, FIRST: each, HEAD: last},
        width=c.width,
        kappa=c.kappa,
        eps=c.eps_int,
        shift=c.ln_shift,
        bits=c.act_bits,
        rho_bits=c.rho_bits,
        norm_bits=c.norm_bits,
    )


def attention(c: ProgramConfig, triangular: bool = False) -> Attention:
    return Attention(
        shift=c.exp_shift,
        bits=c.act_bits,
        over_bits=c.over_bits,
        div_bits=c.div_bits,
        triangular=triangular,
        parts={ATTENTION: 1},
    )


def gelu(c: ProgramConfig) -> Gelu:
    return Gelu(c.gelu_bits, c.mlp_class, c.mlp_classes, parts={FIRST: 1})


def operations(c: ProgramConfig, triangular: bool = False) -> tuple[Operation, ...]:
    """All of a model, in the order in which their tensors are declared and their relations run."""
    return (
        Embedding(
            c.vocabulary,
            slot_bits=c.vocab_slot_bits,
            bits=c.act_bits,
            token_shift=c.wte_shift,
            position_shift=c.wpe_shift,
            parts={EMBEDDING: 1},
        ),
        residual(c),
        layer_norm(c),
        Linear(linear_kinds(c)),
        attention(c, triangular),
        gelu(c),
        FinalNorm(c.final_shift, c.act_bits, parts={HEAD: 1}),
        Head(
            c.vocabulary,
            slot_bits=c.vocab_slot_bits,
            logit_bits=c.logit_bits,
            diff_bits=c.diff_bits,
            parts={HEAD: 1},
        ),
    )
