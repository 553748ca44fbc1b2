"""What hides the weights of a hidden model: a mask in each fixed column but those of lookup tables.

A commitment to a column is [C] + m [tau^a], a the address above the column's tensors: with m unknown it says
nothing of C (Pedersen 1991), and m is in everything that a proof takes from the column. The masks come from
the package's key (HMAC-SHA512, RFC 2104) by way of all that the columns and their commitments depend on: two
contents with one mask would tell their difference, and one content under two SRS could be guessed.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from .field import R
from .model.package import ModelPackage
from .protocol.masks import hidden_masks
from .shape_protocol import protocol_of

_TAG = b"zkllm.v2.mask"


def fixed_masks(package: ModelPackage, srs_digest: bytes) -> tuple[Mapping[int, int], ...]:
    """Of the fixed columns in their order, what hides each: a coefficient by its address."""
    if package.hiding_key is None:
        return ()
    key = package.hiding_key.to_bytes(32, "big")

    def mask(column: int) -> int:
        message = b"".join([_TAG, package.digest, srs_digest, column.to_bytes(4, "big")])
        return int.from_bytes(hmac.digest(key, message, "sha512"), "big") % R

    return hidden_masks(protocol_of(package, 1, 1).fixed, mask)
