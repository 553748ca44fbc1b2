"""A layer's matrices as the integer program has them: (in, parts, out), the gain of the norm before them
folded in, its bias in their own, their channels equalised. In float64, the same on every machine.

The folded matrices are never held: their largest magnitudes, line by line, and their quantised values come
from one native pass each over what the checkpoint stores. Powers of two change nothing but exponents, so that
the largest of a line is known whatever a channel is equalised by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.kernels.native import NATIVE
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.scales import Exponents
from zkllm.model.llama.tensors import HEAD_NORMS, linears, norm_before

STORED = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "o": ("self_attn.o_proj",),
    "gate": ("mlp.gate_proj",), "up": ("mlp.up_proj",), "down": ("mlp.down_proj",),
}  # fmt: skip
"""kind -> names in a layer of what it is made from."""


def kinds(a: LlamaArchitecture) -> tuple[str, ...]:
    """Of linear layers."""
    return tuple(kind for kind in STORED if a.gated or kind != "up")


@dataclass(frozen=True)
class Lines:
    """Largest magnitudes in a matrix of a layer, its gain folded in: of each output (parts, out), and of each
    input (in,)."""

    outputs: np.ndarray
    inputs: np.ndarray

    def maxima(self, moved: Moved) -> np.ndarray:
        """float64[parts]: of the equalised matrix, where its inputs or its outputs are moved, not both."""
        if moved.inputs is not None:
            return np.ldexp(self.inputs, moved.inputs).max(keepdims=True)
        most: np.ndarray = np.ldexp(self.outputs, moved.outputs).max(axis=1)
        return most


@dataclass(frozen=True)
class Moved:
    """Exponents of the inputs (None: 0) and, over (parts, out) or broadcast to it, of the outputs."""

    inputs: np.ndarray | None
    outputs: np.ndarray


@dataclass(frozen=True)
class Folded:
    """One kind of one layer. `stored` (out, in) as the checkpoint has them, float32 or float64; in float64
    `gain` (in,) or None and `bias` (parts, out) or None."""

    name: str
    stored: tuple[np.ndarray, ...]
    gain: np.ndarray | None
    bias: np.ndarray | None
    moved: Moved
    heads: tuple[int, int] | None  # of q k v: heads of keys, and features of a head

    @classmethod
    def read(cls, checkpoint: Checkpoint, l: int, kind: str, exponents: Exponents | None) -> Folded:
        """Without exponents: as the checkpoint has it."""
        a = checkpoint.llama
        heads = (a.n_kv_head, a.head_dim) if kind == "qkv" else None
        moved, norm = moved_by(exponents, l, kind, a), norm_before(a, kind)
        norm_bias = checkpoint.tensor(f"layers.{l}.{norm}.bias") if a.centred and norm else None
        weights, biases = [], []
        for stored in STORED[kind]:
            name = f"layers.{l}.{stored}"
            weights.append(checkpoint.stored(f"{name}.weight"))
            parts = [checkpoint.tensor(f"{name}.bias")] if linears(a)[stored][2] else []
            if norm_bias is not None:
                parts.append(NATIVE.weighted_row_sum(np.ascontiguousarray(weights[-1].T), norm_bias))
            if parts:
                biases.append(_by_part(np.sum(parts, axis=0), heads))
        return cls(
            f"layer {l}: {kind}",
            tuple(weights),
            None if norm is None else gain_of(checkpoint, f"layers.{l}.{norm}.weight"),
            np.ldexp(np.concatenate(biases), moved.outputs) if biases else None,
            moved,
            heads,
        )

    def _runs(self) -> Iterator[tuple[int, np.ndarray]]:
        """(part, consecutive stored rows) in the order of parts and, within, of outputs."""
        part = 0
        for stored in self.stored:
            if self.heads is None:
                yield part, stored
                part += 1
                continue
            shared, features = self.heads
            group = len(stored) // (shared * features)
            for member in range(group):
                for head in range(shared):
                    start = (head * group + member) * features
                    yield part + member, stored[start : start + features]
            part += group

    @property
    def shape(self) -> tuple[int, int, int]:
        """(in, parts, out)."""
        outputs = sum(map(len, self.stored))
        out = outputs if self.heads is None else self.heads[0] * self.heads[1]
        return self.stored[0].shape[1], outputs // out, out

    def lines(self) -> Lines:
        """Before equalising."""
        found = [NATIVE.stored_maxima(rows, self.gain) for _, rows in self._runs()]
        outputs = np.concatenate([of_outputs for of_outputs, _ in found]).reshape(self.shape[1:])
        if not np.isfinite(outputs).all():
            raise CheckpointError(f"{self.name}: the weights have values that are not finite")
        return Lines(outputs, np.max([of_inputs for _, of_inputs in found], axis=0))

    def folded(self) -> np.ndarray:
        """float64 (in, parts, out): the matrix itself, which large models never form."""
        rows = np.concatenate([rows for _, rows in self._runs()]).astype(np.float64)
        rows = rows if self.gain is None else rows * self.gain
        inputs, outputs = self.moved.inputs, self.moved.outputs
        matrix = np.ldexp(rows.T.reshape(self.shape), outputs)
        return matrix if inputs is None else np.ldexp(matrix, inputs[:, None, None])

    def quantized(self, scales: np.ndarray) -> np.ndarray:
        """int16 (in, parts, out), to nearest, at a scale for each part; a weight of 2^15 units becomes 2^15 -
        1."""
        inputs, parts, out = self.shape
        units = np.ldexp(1.0, np.broadcast_to(self.moved.outputs + scales[:, None], (parts, out)).reshape(-1))
        factors = self.gain
        if self.moved.inputs is not None:
            factors = np.ldexp(np.ones(inputs) if factors is None else factors, self.moved.inputs)
        result = np.empty((inputs, parts * out), np.int16)
        first = 0
        for _, rows in self._runs():
            own = np.ascontiguousarray(units[first : first + len(rows)])
            if not NATIVE.quantize_stored(rows, factors, own, result, first):
                why = f"does not fit int16 at scale 2^{scales.tolist()}: the weights are too extreme"
                raise CheckpointError(f"{self.name} {why}")
            first += len(rows)
        return result.reshape(self.shape)


def read_lines(checkpoint: Checkpoint, l: int) -> dict[str, Lines]:
    """By kind, of one layer."""
    return {kind: Folded.read(checkpoint, l, kind, None).lines() for kind in kinds(checkpoint.llama)}


def _by_part(values: np.ndarray, heads: tuple[int, int] | None) -> np.ndarray:
    """(out,) as (part, out): of q k v a part is a member of every group, with its heads in order."""
    if heads is None:
        return values[None]
    shared, features = heads
    by_member = values.reshape(shared, -1, features).transpose(1, 0, 2)
    return by_member.reshape(len(by_member), -1)


def gain_of(checkpoint: Checkpoint, name: str) -> np.ndarray:
    """float64: what a norm multiplies by, which some classes store less one."""
    gain: np.ndarray = checkpoint.llama.gain_offset + checkpoint.tensor(name)
    return gain


def head_gains(checkpoint: Checkpoint, l: int, exponents: Exponents | None) -> np.ndarray:
    """float64 (2, head_dim): of a layer's queries and keys, with the exponents of pairs that are turned."""
    gains = np.stack([gain_of(checkpoint, f"layers.{l}.{norm}.weight") for norm in HEAD_NORMS])
    if exponents is None:
        return gains
    pairs = np.tile(np.array(exponents.turned[l], np.int64), 2)
    return np.ldexp(gains, np.stack([pairs, -pairs]))


def moved_by(exponents: Exponents | None, l: int, kind: str, a: LlamaArchitecture) -> Moved:
    """What equalising does to a matrix of a layer."""
    none = np.zeros((1, 1), np.int64)
    if exponents is None or kind == "gate" or not a.gated and kind == "down":
        return Moved(None, none)
    if kind == "up":
        return Moved(None, -np.array([exponents.mlp[l]], np.int64))
    if kind == "down":
        return Moved(np.array(exponents.mlp[l], np.int64), none)
    values, (shared, head_dim) = np.array(exponents.values[l], np.int64), (a.n_kv_head, a.head_dim)
    if kind == "o":
        by_head = values.reshape(shared, 1, head_dim)
        return Moved(np.broadcast_to(by_head, (shared, a.group, head_dim)).reshape(-1), none)
    if a.head_norm:  # those of pairs are in its gains
        return Moved(None, np.stack([np.zeros_like(values)] * (a.group + 1) + [-values]))
    pairs = np.array(exponents.turned[l], np.int64).reshape(shared, 1, -1)
    turned = np.broadcast_to(pairs, (shared, 2, pairs.shape[-1])).reshape(-1)
    return Moved(None, np.stack([turned] * a.group + [-turned, -values]))


def head_columns(inputs: np.ndarray, shared: int, head_dim: int) -> np.ndarray:
    """The largest of W_o's inputs by feature of a head of values."""
    most: np.ndarray = inputs.reshape(shared, -1, head_dim).max(axis=1)
    return most.reshape(-1)
