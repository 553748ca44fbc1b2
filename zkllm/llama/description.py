"""A Llama as a program of the protocol: its axes, its operations in their order, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from zkllm.llama.config import LlamaConfig
from zkllm.ops.axes import HEAD, INNER, OWN, PARTLY, RESIDUAL, SHARED
from zkllm.ops.capped_attention import CappedAttention
from zkllm.ops.embedding import Embedding
from zkllm.ops.gated import Activated, GatedProduct
from zkllm.ops.grouped_attention import GroupedAttention
from zkllm.ops.head import FinalNorm, Head
from zkllm.ops.head_norm import HeadNorm
from zkllm.ops.layernorm import LayerNorm
from zkllm.ops.linear import Kind, Linear
from zkllm.ops.norm import Normalisation
from zkllm.ops.post_norm import PostNorm
from zkllm.ops.residual import Residual
from zkllm.ops.rmsnorm import RmsNorm
from zkllm.ops.rotary import Rotary
from zkllm.protocol.forms import Alternate
from zkllm.protocol.manifest import PROJECTION, ROW, TOKEN, Axis
from zkllm.protocol.operation import Operation
from zkllm.protocol.sources import Packing

ATTENTION = "RMSNorm and self-attention"
FIRST, SECOND = "gate, up and their product", "down and residual"
EMBEDDING, HEAD_PART = "embedding", "final RMSNorm and head"

HEADS = (*SHARED, *OWN)


def head(c: LlamaConfig) -> tuple[str, ...]:
    """Axes of a head's features."""
    return PARTLY if c.turned else HEAD


def points(c: LlamaConfig) -> tuple[tuple[str, ...], ...]:
    return (("l", "t", *SHARED, *head(c)), ("l", "t", *RESIDUAL), ("l", "t", "f"), ("v",), ("p",))


def axes(c: LlamaConfig, rows: int, certified: int) -> tuple[Axis, ...]:
    """Every axis with its real size."""
    several = [
        *([Axis("kind", 2)] if c.head_norm else []),  # a query, a key
        *([Axis("angle", max(c.angles) + 1)] if c.angles else []),
        *([Axis("y", c.pairs // c.head_slots)] if c.turned else []),
        *([Axis("cap", 1 << c.cap.bits)] if c.cap else []),
    ]
    return (
        Axis("l", c.n_layer, ROW),
        Axis("n", 2 * c.n_layer + 1, ROW),
        Axis("m", 2 * c.n_layer, ROW),
        Axis("t", rows, TOKEN),
        Axis("u", rows),
        Axis("i", certified, TOKEN),
        Axis("s", rows * c.vocab_slots),
        Axis("p", c.group + 2, PROJECTION),  # queries, key, value of a shared head
        Axis("x", c.group + 1),  # queries and key, which are turned
        Axis("b", c.n_kv_head),
        Axis("g", c.group),
        Axis("z", 2),
        Axis("c", c.head_slots),
        Axis("j", c.half // c.head_slots),
        Axis("d", c.width_slots),
        Axis("r", c.d_model // c.width_slots),
        Axis("fc", c.inner_slots),
        Axis("f", c.d_inner // c.inner_slots),
        Axis("w", c.vocab_slots),
        Axis("v", c.vocab_block),
        Axis("pos", c.n_ctx),
        Axis("act", 1 << c.gate_bits),
        Axis("exp", 1 << c.exp_bits),
        *several,
    )


def linear_kinds(c: LlamaConfig) -> tuple[Kind, ...]:
    width, inner, of_head = Packing("d", c.width_slot_bits), Packing("fc", c.inner_slot_bits), head(c)
    put_out = "out" if c.post_norm else "write"  # what o and down make

    def first(name: str, shift: int, target: str, bits: int | None) -> Kind:
        """Of the MLP's: from the second RMSNorm's output to the inner width."""
        return Kind(
            name,
            part=FIRST,
            shift=shift,
            source="y",
            source_maps=(Alternate("l", 1), "t", *RESIDUAL),
            inputs=RESIDUAL,
            output_dims=(INNER,),
            packing=inner,
            point=("f",),
            target=target,
            layer="l",
            remainder=f"{name}_rem",
            bits=bits,
            gains=c.gains(name),
            biased=c.biased(name),
        )

    return (
        Kind(
            "qkv",
            part=ATTENTION,
            shift=c.qkv_shift,
            source="y",
            source_maps=(Alternate("l", 0), "t", *RESIDUAL),
            inputs=RESIDUAL,
            output_dims=("p", (*SHARED, *of_head)),
            packing=Packing("c", c.head_slot_bits),
            point=("p", *SHARED, *of_head),
            target="qkv",
            layer="l",
            remainder="qkv_rem",
            bits=c.read_bits,
            gains=c.gains("qkv"),
            biased=c.biased("qkv"),
        ),
        Kind(
            "o",
            part=ATTENTION,
            shift=c.o_shift,
            source="o",
            source_maps=("l", "t", *HEADS, *of_head),
            inputs=(*HEADS, *of_head),
            output_dims=(RESIDUAL,),
            packing=width,
            point=RESIDUAL,
            target=put_out,
            layer=Alternate("l", 0),
            remainder="o_rem",
            gains=c.gains("o"),
            biased=c.biased("o"),
        ),
        first("gate", c.gate_shift, "f", None),
        *([first("up", c.up_shift, "up", c.up_bits)] if c.gated else []),
        Kind(
            "down",
            part=SECOND,
            shift=c.down_shift,
            source="g" if c.gated else "a",
            source_maps=("l", "t", *INNER),
            inputs=INNER,
            output_dims=(RESIDUAL,),
            packing=width,
            point=RESIDUAL,
            target=put_out,
            layer=Alternate("l", 1),
            remainder="down_rem",
            gains=c.gains("down"),
            biased=c.biased("down"),
        ),
    )


def residual(c: LlamaConfig) -> Residual:
    return Residual(c.write_bits, RESIDUAL, parts={ATTENTION: 1 / 2, SECOND: 1 / 2})


def stream_norm(c: LlamaConfig) -> Normalisation:
    """Of the residual stream."""
    each, last = c.n_layer / (2 * c.n_layer + 1), 1 / (2 * c.n_layer + 1)
    of_stream = LayerNorm if c.centred else RmsNorm
    return of_stream(
        parts={ATTENTION: each, FIRST: each, HEAD_PART: last},
        width=c.d_model,
        kappa=c.kappa,
        eps=c.eps_int,
        shift=c.norm_shift,
        bits=c.act_bits,
        rho_bits=c.rho_bits,
        norm_bits=c.norm_bits,
        width_axes=RESIDUAL,
        parallel=c.parallel,
    )


def head_norms(c: LlamaConfig) -> list[HeadNorm]:
    """The one that some have."""
    norm = c.head_norm
    if norm is None:
        return []
    return [
        HeadNorm(
            parts={ATTENTION: 1},
            width=c.head_dim,
            kappa=norm.kappa,
            rho_bits=norm.rho_bits,
            norm_bits=norm.norm_bits,
            shift=norm.shift,
            bits=c.read_bits,
            query_eps=norm.query_eps,
            key_eps=norm.key_eps,
        )
    ]


def post_norms(c: LlamaConfig) -> list[PostNorm]:
    """The one that some have."""
    norm = c.post_norm
    if norm is None:
        return []
    return [
        PostNorm(
            parts={ATTENTION: 1 / 2, SECOND: 1 / 2},
            width=c.d_model,
            kappa=norm.kappa,
            rho_bits=norm.rho_bits,
            norm_bits=norm.norm_bits,
            shift=norm.shift,
            bits=norm.out_bits,
            eps=norm.eps,
        )
    ]


def rotary(c: LlamaConfig) -> Rotary:
    normed, partial = c.head_norm is not None, c.turned > 0
    return Rotary(c.rotary_shift, c.read_bits, normed, c.angles, partial, parts={ATTENTION: 1})


def attention(c: LlamaConfig, rows: int, triangular: bool = False) -> GroupedAttention:
    """Of so many rows: none of no more than a window sees less than all before it."""
    windowed = c.window < rows
    make: Callable[..., GroupedAttention] = GroupedAttention
    if c.cap:
        make = partial(CappedAttention, cap_shift=c.cap.shift, cap_bits=c.cap.bits)
    return make(
        shift=c.exp_shift,
        bits=c.act_bits,
        over_bits=c.over_bits,
        div_bits=c.div_bits,
        gains=c.gains("score"),
        head=head(c),
        triangular=triangular,
        window=c.window if windowed else 0,
        sliding=c.sliding if windowed else (),
        parts={ATTENTION: 1},
    )


def activated(c: LlamaConfig) -> Activated:
    if not c.gated:
        return Activated(c.gate_bits, c.act_class, c.act_classes, parts={FIRST: 1})
    return GatedProduct(
        c.gate_bits,
        c.act_class,
        c.act_classes,
        c.product_shift,
        c.product_bits,
        c.gains("product"),
        parts={FIRST: 1},
    )


def operations(c: LlamaConfig, rows: int, triangular: bool = False) -> tuple[Operation, ...]:
    """All of a model, in the order in which their tensors are declared and their relations run."""
    return (
        Embedding(
            c.vocabulary,
            slot_bits=c.vocab_slot_bits,
            bits=c.act_bits,
            token_shift=c.wte_shift,
            position_shift=None,
            width_axes=RESIDUAL,
            factor=c.wte_factor,
            rounding=c.x0_shift,
            parts={EMBEDDING: 1},
        ),
        residual(c),
        stream_norm(c),
        Linear(linear_kinds(c)),
        *head_norms(c),
        rotary(c),
        attention(c, rows, triangular),
        activated(c),
        *post_norms(c),
        FinalNorm(c.final_shift, c.final_bits, biased=c.centred, width_axes=RESIDUAL, parts={HEAD_PART: 1}),
        Head(
            c.vocabulary,
            slot_bits=c.vocab_slot_bits,
            logit_bits=c.logit_bits,
            diff_bits=c.diff_bits,
            own_matrix=not c.tied_head,
            width_axes=RESIDUAL,
            parts={HEAD_PART: 1},
        ),
    )
