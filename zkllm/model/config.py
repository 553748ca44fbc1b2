"""What fixes the integer program: the architecture, every scale, every width.

A `ProgramConfig` and the quantised weights determine the program completely; both are committed to
by `model_id`. Widths are in bits, shifts are powers of two.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


def ceil_log2(n: int) -> int:
    """Bits that index n items (0 for one item)."""
    return max(0, (n - 1).bit_length())


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
    exp_shift: int  # delta = 2^exp_shift (idx + ov) + rem
    eps_int: int  # Q = sum D^2 + eps_int, at least 1

    # widths
    act_bits: int  # y, q, k, v, o, f, G, y_f, wte, slots: signed
    write_bits: int  # residual writes Y_o, Y_p: signed
    rho_bits: int  # unsigned
    norm_bits: int  # U and V of LayerNorm: unsigned, below (2 rho + 1) Q
    over_bits: int  # ov: the score difference beyond the exp table
    div_bits: int  # w and w' of the division: unsigned, below 2 M
    logit_bits: int  # L: signed
    diff_bits: int  # D = L - logit: unsigned
    exp_bits: int  # the exp table has 2^exp_bits entries
    gelu_bits: int  # the GELU table has 2^gelu_bits entries, inputs signed
    limb_bits: int  # widest range table; wider values are limbs

    # packing: slots an axis is cut into, and bits a slot
    slots: int  # of the head axis, for q, k, v, o and the second MLP matrix
    slot_bits: int
    inner_slots: int  # of the inner width, for the first MLP matrix
    inner_slot_bits: int
    vocab_slots: int  # id = slot * vocab_block + v'
    vocab_slot_bits: int

    # commitments
    mu: int  # columns have 2^mu coefficients

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
    def vocab_block(self) -> int:
        """J: real ids a vocabulary slot (the last slot may hold fewer)."""
        return -(-self.vocab_size // self.vocab_slots)

    def to_dict(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, int]) -> ProgramConfig:
        names = {f.name for f in fields(cls)}
        if set(data) != names or not all(type(v) is int for v in data.values()):
            raise ValueError(f"program configuration: wrong fields {sorted(set(data) ^ names)} or types")
        return cls(**data)
