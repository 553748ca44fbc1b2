"""What fixes the integer program of a Llama: the architecture, every scale, every width.

A `LlamaConfig` and the quantised weights determine the program completely; both are committed to by
`model_id`. What only some of the family have is left out of the data of the others (`records.ABSENT`).
Widths are in bits, shifts are powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zkllm.errors import Malformed
from zkllm.files import JsonObject
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.shape import Vocabulary
from zkllm.records import ABSENT, from_data, to_data

FAMILY = "llama"
"""In the data of a configuration, which GPT-2's lack: a configuration of one family is none of another's."""


@dataclass(frozen=True)
class NormConfig:
    """Of RMSNorms with a gain: rho^2 Q <= d 4^kappa < (rho + 1)^2 Q, out = round(gain D rho)."""

    kappa: int
    shift: int
    rho_bits: int  # unsigned
    norm_bits: int  # u and v: unsigned


@dataclass(frozen=True)
class HeadNormConfig(NormConfig):
    """Of each head of queries and keys, over its own features."""

    query_eps: tuple[int, ...]  # eps_int of each layer, at least 1
    key_eps: tuple[int, ...]


@dataclass(frozen=True)
class PostNormConfig(NormConfig):
    """Of what attention and the MLP put out."""

    out_bits: int  # signed
    eps: tuple[int, ...]  # eps_int of each write, at least 1


@dataclass(frozen=True)
class CapConfig:
    """Of scores that a table holds below a bound: c = cap[z], z = round(Z / 2^shift)."""

    shift: int
    bits: int  # of z: signed; the table has 2^bits entries


@dataclass(frozen=True)
class LlamaConfig:
    """Integers only, so that equality and the digest are exact."""

    # architecture
    n_layer: int
    n_head: int  # of queries
    n_kv_head: int  # of keys and values, that divide them
    head_dim: int  # even
    d_model: int  # the width of the residual stream
    d_inner: int
    vocab_size: int
    n_ctx: int
    pad_id: int  # every id after x_T
    qkv_bias: bool
    o_bias: bool
    mlp_bias: bool  # of gate, up and down
    tied_head: bool  # the head is the embedding

    # scales; round_s(z) = floor((z + 2^(s-1)) / 2^s)
    wte_shift: int  # X_0 = 2^wte_shift wte
    kappa: int  # rho^2 Q <= d 2^(2 kappa) < (rho + 1)^2 Q
    norm_shift: int  # y = round(X rho)
    qkv_shift: int
    rotary_shift: int  # fractional bits of cos and sin
    o_shift: int
    gate_shift: int
    down_shift: int
    final_shift: int
    exp_shift: int  # delta = 2^exp_shift (idx + over) + rem
    eps_int: int  # Q = sum X^2 + eps_int, at least 1

    act_class: tuple[int, ...]  # of each layer: which table of the activation
    # log2, of each layer: scales differ by layer, shifts do not; Z = 2^gain A W + b, g = round(2^gain a up)
    qkv_gains: tuple[int, ...]
    score_gains: tuple[int, ...]  # Z = 2^gain Q K
    o_gains: tuple[int, ...]
    gate_gains: tuple[int, ...]
    down_gains: tuple[int, ...]

    # widths
    act_bits: int  # y, o, wte, slots, and where `head_bits` says nothing else what heads read: signed
    gate_bits: int  # f, the activation's input, signed: its table has 2^gate_bits entries
    final_bits: int  # yf: signed
    write_bits: int  # residual writes: signed
    rho_bits: int  # unsigned
    norm_bits: int  # u and v of RMSNorm: unsigned, below (2 rho + 1) Q
    over_bits: int  # over: the score difference beyond the exp table
    div_bits: int  # div and div_rest: unsigned, below 2 M
    logit_bits: int  # logit: signed
    diff_bits: int  # diff = logit - another id's: unsigned
    exp_bits: int  # the exp table has 2^exp_bits entries
    limb_bits: int  # widest range table; wider values are limbs

    # packing: slots an axis is cut into, and bits a slot
    head_slots: int  # of half a head's features, for q, k and v
    head_slot_bits: int
    width_slots: int  # of the width, for o and down
    width_slot_bits: int
    inner_slots: int  # of the inner width, for gate and up
    inner_slot_bits: int
    vocab_slots: int  # id = slot * vocab_block + v'
    vocab_slot_bits: int

    # commitments
    mu: int  # the opening sees 2^mu coefficients in every column
    fixed_mu: int  # of which tensors fill 2^fixed_mu of a fixed column, at most all,
    witness_mu: int  # and 2^witness_mu of a witness column, at most half
    hidden: bool  # fixed columns are masked above that, but for those of lookup tables, which are apart

    # what only some have: an MLP with a gate, g = round(2^gain a up) from a = act(f) of the gate's f
    up_shift: int = field(default=0, metadata=ABSENT)
    product_shift: int = field(default=0, metadata=ABSENT)
    up_gains: tuple[int, ...] = field(default=(), metadata=ABSENT)
    product_gains: tuple[int, ...] = field(default=(), metadata=ABSENT)
    up_bits: int = field(default=0, metadata=ABSENT)  # signed; 0: there is none, and down reads a
    product_bits: int = field(default=0, metadata=ABSENT)  # g: signed

    head_bits: int = field(default=0, metadata=ABSENT)  # q, k, v, and q and k normed and turned; 0: act_bits
    head_norm: HeadNormConfig | None = field(default=None, metadata=ABSENT)
    post_norm: PostNormConfig | None = field(default=None, metadata=ABSENT)
    wte_factor: int = field(default=1, metadata=ABSENT)  # X_0 = round(wte_factor 2^wte_shift wte), odd
    x0_shift: int = field(default=0, metadata=ABSENT)  # of that rounding; 0: none
    angles: tuple[int, ...] = field(
        default=(), metadata=ABSENT
    )  # of each layer: which table of cosines and sines; none: there is one
    turned: int = field(default=0, metadata=ABSENT)  # of a head's features, those that are turned; 0: all
    cap: CapConfig | None = field(default=None, metadata=ABSENT)  # exp_shift and over_bits are 0 then
    window: int = field(default=0, metadata=ABSENT)  # positions that some layers see at most, below n_ctx
    sliding: tuple[int, ...] = field(default=(), metadata=ABSENT)  # 1 for each layer with the window, else 0
    centred: bool = field(default=False, metadata=ABSENT)  # LayerNorms with biases, not RMSNorms
    parallel: bool = field(default=False, metadata=ABSENT)  # attention and MLP read the same stream

    @property
    def width(self) -> int:
        return self.d_model

    @property
    def group(self) -> int:
        """Heads of queries that share keys and values."""
        return self.n_head // self.n_kv_head

    @property
    def attended(self) -> int:
        """Features of all heads of queries."""
        return self.n_head * self.head_dim

    @property
    def read_bits(self) -> int:
        """Of what heads read: q, k, v, and q and k normed and turned."""
        return self.head_bits or self.act_bits

    @property
    def half(self) -> int:
        """Features of half a head."""
        return self.head_dim // 2

    @property
    def pairs(self) -> int:
        """Features of half a head that are turned, each with one of the other half."""
        return (self.turned or self.head_dim) // 2

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.vocab_size, self.vocab_slots, self.pad_id)

    @property
    def vocab_block(self) -> int:
        return self.vocabulary.block

    def first_seen(self, l: int, t: int) -> int:
        """The first position that row t of a layer sees."""
        return max(0, t + 1 - self.window) if self.window and self.sliding[l] else 0

    @property
    def gated(self) -> bool:
        return self.up_bits > 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of linear layers."""
        return ("qkv", "o", "gate", "up", "down") if self.gated else ("qkv", "o", "gate", "down")

    @property
    def gained(self) -> tuple[str, ...]:
        """What has a gain in each layer."""
        return (*self.kinds, "score", *(("product",) if self.gated else ()))

    @property
    def act_classes(self) -> int:
        return max(self.act_class) + 1

    def gains(self, kind: str) -> tuple[int, ...]:
        """log2 of what multiplies A W in each layer, or Q K of a "score", or the gated "product"."""
        by_layer: tuple[int, ...] = getattr(self, f"{kind}_gains")
        return by_layer

    def biased(self, kind: str) -> bool:
        """Whether a kind of linear layer has biases."""
        own = {"qkv": self.qkv_bias, "o": self.o_bias}.get(kind, self.mlp_bias)
        return own or self.centred and kind in ("qkv", "gate", "up")  # the norm's bias is folded into it

    def with_columns(self, sizes: ColumnSizes) -> LlamaConfig:
        return replace(self, **sizes._asdict())

    def to_dict(self) -> JsonObject:
        return {"family": FAMILY, **to_data(self)}

    @classmethod
    def from_dict(cls, data: JsonObject) -> LlamaConfig:
        if not isinstance(data, dict) or data.get("family") != FAMILY:
            raise Malformed(f"program configuration: its family is not {FAMILY!r}")
        fields = {name: value for name, value in data.items() if name != "family"}
        return from_data(cls, fields, "program configuration")
