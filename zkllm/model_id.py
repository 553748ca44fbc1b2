"""What `model_id` commits to. Pure Python: anyone can recompute it from the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .hashing import keccak256
from .outer.keys import VERSION

CONFIG_TAG = keccak256(b"zkllm.v1.config")
MODEL_TAG = keccak256(b"zkllm.v1.model")


def config_digest(config: Mapping[str, object], tables: Mapping[str, object]) -> bytes:
    """Configuration with every scale and width, and the specification of the tables: canonical JSON."""
    text = json.dumps({"config": config, "tables": tables}, sort_keys=True, separators=(",", ":"))
    return keccak256(CONFIG_TAG, text.encode())


def model_id(digest: bytes, vocabulary_root: bytes, fixed_commitments: Sequence[bytes]) -> bytes:
    """keccak256(tag, version, config digest, vocabulary root, number of fixed columns, their commitments)."""
    numbers = [n.to_bytes(32, "big") for n in (VERSION, len(fixed_commitments))]
    return keccak256(MODEL_TAG, numbers[0], digest, vocabulary_root, numbers[1], *fixed_commitments)
