"""A layer's matrices as the integer program has them: (in, parts, out), the RMSNorm's gain before them folded
in, their channels equalised. In float64, the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.folding import LARGEST
from zkllm.model.llama.scales import Exponents
from zkllm.model.llama.tensors import NORMS, linears

KINDS = ("qkv", "o", "gate", "up", "down")
STORED = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "o": ("self_attn.o_proj",),
    "gate": ("mlp.gate_proj",), "up": ("mlp.up_proj",), "down": ("mlp.down_proj",),
}  # fmt: skip
"""kind -> names in a layer of what it is made from."""


@dataclass(frozen=True)
class Folded:
    """One kind of one layer. `weight` float64 (in, parts, out), `bias` float64 (parts, out) or None."""

    name: str
    weight: np.ndarray
    bias: np.ndarray | None

    @classmethod
    def read(cls, checkpoint: Checkpoint, l: int, kind: str, exponents: Exponents | None) -> Folded:
        """Without exponents: as the checkpoint has it."""
        a = checkpoint.llama
        parts: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        for stored in STORED[kind]:
            weight = checkpoint.tensor(f"layers.{l}.{stored}.weight").T  # (in, out)
            parts.append(_by_part(weight, kind, a.n_kv_head, a.head_dim))
            if linears(a)[stored][2]:
                bias = checkpoint.tensor(f"layers.{l}.{stored}.bias")
                biases.append(_by_part(bias[None], kind, a.n_kv_head, a.head_dim)[0])
        weight = np.concatenate(parts, axis=1)
        if kind in NORMS:
            weight = weight * checkpoint.tensor(f"layers.{l}.{NORMS[kind]}.weight")[:, None, None]
        joined = np.concatenate(biases) if biases else None
        if exponents is not None:
            inputs, outputs = _moved(exponents, l, kind, a.n_kv_head, a.head_dim, a.group)
            weight = np.ldexp(weight, outputs if inputs is None else inputs[:, None, None] + outputs)
            joined = None if joined is None else np.ldexp(joined, outputs)
        return cls(f"layer {l}: {kind}", weight, joined)

    def maxima(self) -> np.ndarray:
        """float64[parts]: largest magnitudes."""
        most: np.ndarray = np.abs(self.weight).max(axis=(0, 2))
        return most

    def quantized(self, scales: np.ndarray) -> np.ndarray:
        """int16 (in, parts, out), to nearest, at a scale for each part; a weight of 2^15 units becomes 2^15 -
        1."""
        units = np.rint(np.ldexp(self.weight, scales[:, None]))
        if not (np.abs(units) <= LARGEST).all():
            raise CheckpointError(
                f"{self.name} does not fit int16 at scale 2^{scales.tolist()}: the weights are too extreme"
            )
        return np.ascontiguousarray(np.clip(units, 1 - LARGEST, LARGEST - 1), np.int16)


def _by_part(weight: np.ndarray, kind: str, shared: int, head_dim: int) -> np.ndarray:
    """(in, out) as (in, part, out): of q k v a part is a member of every group, with its heads in order."""
    if kind != "qkv":
        return weight[:, None]
    inputs = len(weight)
    heads = weight.reshape(inputs, shared, -1, head_dim).transpose(0, 2, 1, 3)
    return heads.reshape(inputs, heads.shape[1], -1)


def _moved(
    exponents: Exponents, l: int, kind: str, shared: int, head_dim: int, group: int
) -> tuple[np.ndarray | None, np.ndarray]:
    """Exponents of the inputs (None: 0) and, over (parts, out) or broadcast to it, of the outputs."""
    none = np.zeros((1, 1), np.int64)
    if kind == "up":
        return None, -np.array([exponents.mlp[l]], np.int64)
    if kind == "down":
        return np.array(exponents.mlp[l], np.int64), none
    if kind == "gate":
        return None, none
    values = np.array(exponents.values[l], np.int64)
    if kind == "o":
        by_head = values.reshape(shared, 1, head_dim)
        return np.broadcast_to(by_head, (shared, group, head_dim)).reshape(-1), none
    pairs = np.array(exponents.turned[l], np.int64).reshape(shared, 1, -1)
    turned = np.broadcast_to(pairs, (shared, 2, pairs.shape[-1])).reshape(-1)
    return None, np.stack([turned] * group + [-turned, -values])


def head_columns(weight: np.ndarray, shared: int, head_dim: int) -> np.ndarray:
    """Largest magnitudes of W_o (in, 1, out) by feature of a head of values."""
    most: np.ndarray = np.abs(weight).max(axis=(1, 2)).reshape(shared, -1, head_dim).max(axis=1)
    return most.reshape(-1)
