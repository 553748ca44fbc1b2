"""What fixes the integer program: the architecture, every scale, every width.

A `ProgramConfig` and the quantised weights determine the program completely; both are committed to
by `model_id`. Widths are in bits, shifts are powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from zkllm.files import JsonObject
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.shape import Vocabulary
from zkllm.records import from_data, to_data


@dataclass(frozen=True)
class ProgramConfig:
    """Integers only, so that equality and the digest are exact."""

    # architecture (GPT-2 family)
    n_layer: int
    n_head: int
    head_dim: int
    d_inner: int
    vocab_size: int
    n_ctx: int
    pad_id: int  # every id after x_T

    # scales; round_s(z) = floor((z + 2^(s-1)) / 2^s)
    wte_shift: int  # X_0 = 2^wte_shift wte + 2^wpe_shift wpe
    wpe_shift: int
    kappa: int  # rho^2 Q <= d 2^(2 kappa) < (rho + 1)^2 Q
    ln_shift: int  # y = round(D rho), kappa minus the fractional bits of y
    qkv_shift: int
    o_shift: int
    fc1_shift: int
    fc2_shift: int
    final_shift: int
    exp_shift: int  # delta = 2^exp_shift (idx + over) + rem
    eps_int: int  # Q = sum D^2 + eps_int, at least 1

    # the MLP's scales differ by class of layers; Z = 2^gain A W + b
    mlp_class: tuple[int, ...]  # of each layer: which GELU table and which gains
    fc1_gains: tuple[int, ...]  # log2, of each class
    fc2_gains: tuple[int, ...]

    # widths
    act_bits: int  # y, q, k, v, o, f, g, yf, wte, slots: signed
    write_bits: int  # residual writes Y_o, Y_p: signed
    rho_bits: int  # unsigned
    norm_bits: int  # u and v of LayerNorm: unsigned, below (2 rho + 1) Q
    over_bits: int  # over: the score difference beyond the exp table
    div_bits: int  # div and div_rest: unsigned, below 2 M
    logit_bits: int  # logit: signed
    diff_bits: int  # diff = logit - another id's: unsigned
    exp_bits: int  # the exp table has 2^exp_bits entries
    gelu_bits: int  # a GELU table has 2^gelu_bits entries, inputs signed
    limb_bits: int  # widest range table; wider values are limbs

    # packing: slots an axis is cut into, and bits a slot
    slots: int  # of the head axis, for q, k, v, o and the second MLP matrix
    slot_bits: int
    inner_slots: int  # of the inner width, for the first MLP matrix
    inner_slot_bits: int
    vocab_slots: int  # id = slot * vocab_block + v'
    vocab_slot_bits: int

    # commitments
    mu: int  # the opening sees 2^mu coefficients in every column
    fixed_mu: int  # of which tensors fill 2^fixed_mu of a fixed column, at most all,
    witness_mu: int  # and 2^witness_mu of a witness column, at most half
    hidden: bool  # fixed columns are masked above that, but for those of lookup tables, which are apart

    @property
    def width(self) -> int:
        return self.n_head * self.head_dim

    @property
    def heads_per_slot(self) -> int:
        return self.n_head // self.slots

    @property
    def inner_per_slot(self) -> int:
        return self.d_inner // self.inner_slots

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.vocab_size, self.vocab_slots, self.pad_id)

    @property
    def vocab_block(self) -> int:
        return self.vocabulary.block

    @property
    def mlp_classes(self) -> int:
        return len(self.fc1_gains)

    def gains(self, kind: str) -> tuple[int, ...]:
        """log2 of what multiplies A W in each layer, for the MLP's "fc1" and "fc2"."""
        by_class: tuple[int, ...] = getattr(self, f"{kind}_gains")
        return tuple(by_class[p] for p in self.mlp_class)

    def with_columns(self, sizes: ColumnSizes) -> ProgramConfig:
        return replace(self, **sizes._asdict())

    def one_layer(self, l: int) -> ProgramConfig:
        """Of layer l alone."""
        own: JsonObject = {
            name: (getattr(self, name)[self.mlp_class[l]],) for name in ("fc1_gains", "fc2_gains")
        }
        return replace(self, n_layer=1, mlp_class=(0,), **own)

    def to_dict(self) -> JsonObject:
        return to_data(self)

    @classmethod
    def from_dict(cls, data: JsonObject) -> ProgramConfig:
        return from_data(cls, data, "program configuration")
