"""Whether committed polynomials are quotient and remainder of a division by X^b - alpha."""

from __future__ import annotations

from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import G2_GENERATOR, decode_g1, encode_g1, linear_combination_g1
from zkllm.pcs.powers import same_ratio


def divides(f: bytes, quotient: bytes, remainder: bytes, alpha: int, g2_tau_b: bytes) -> bool:
    """[f] - [remainder] = (tau^b - alpha) [quotient], all points in wire encoding: by one pairing
    check."""
    q, g = decode_g1(quotient), decode_g1(remainder)
    image = linear_combination_g1([(1, decode_g1(f)), (1, bn.neg(g)), (alpha, q)])  # tau^b q, where it holds
    if not any(quotient):
        return bool(bn.is_inf(image))
    return same_ratio(quotient, encode_g1(image), G2_GENERATOR, g2_tau_b)
