"""The scales of a Llama's integer program, and the powers of two that its channels are equalised by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from zkllm.errors import Malformed
from zkllm.files import JsonObject
from zkllm.records import ABSENT, from_data, to_data

CLAMP = 12
"""No exponent is larger."""
ByLayer = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Exponents:
    """By layer: e of each inner channel (row of W_up times 2^-e, column of W_down times 2^e; where there is
    no gate none, since what the activation reads cannot be moved), of each feature
    of a head of values (W_v and W_o alike, all heads that share it), and of each pair of features that are
    turned together (keys times 2^-e, all queries of the group 2^e; of all heads alike in the gains of their
    RMSNorms, where they have these). The function is the same whatever they are; the integers are not."""

    mlp: ByLayer
    values: ByLayer
    turned: ByLayer

    def check(self) -> None:
        """Malformed where one is beyond `CLAMP`."""
        for layers in (self.mlp, self.values, self.turned):
            if any(abs(e) > CLAMP for layer in layers for e in layer):
                raise Malformed("scales: an exponent out of range")


def _flat(value: Any) -> Iterator[int]:
    """The numbers of nested lists."""
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _flat(item)
    else:
        yield value


@dataclass(frozen=True)
class HeadNormScales:
    """Of what the norms of queries and keys read, in each layer, and of their gains."""

    query: tuple[int, ...]
    key: tuple[int, ...]
    query_gain: tuple[int, ...]
    key_gain: tuple[int, ...]


@dataclass(frozen=True)
class PostNormScales:
    """Of what attention and the MLP put out: of each write; and of the gains."""

    out: tuple[int, ...]
    gain: int


@dataclass(frozen=True)
class LlamaScales:
    """Fractional bits of every tensor (2^f units make 1.0), once its channels are equalised."""

    wte: int
    head: int  # of the head's matrix: wte where it is the embedding
    residual: int
    y: int
    q: tuple[int, ...]  # of each layer, as all weights, and what attention and the MLP compute
    k: tuple[int, ...]
    v: tuple[int, ...]  # and the attention output's
    w_qkv: tuple[tuple[int, int, int], ...]
    w_o: tuple[int, ...]
    f: tuple[int, ...]  # the same in all layers of a class
    a: tuple[int, ...]
    w_gate: tuple[int, ...]
    w_down: tuple[int, ...]
    gain: int
    yf: int
    exponents: Exponents
    up: tuple[int, ...] = field(default=(), metadata=ABSENT)  # where there is a gate
    g: tuple[int, ...] = field(default=(), metadata=ABSENT)
    w_up: tuple[int, ...] = field(default=(), metadata=ABSENT)
    head_norm: HeadNormScales | None = field(default=None, metadata=ABSENT)
    post_norm: PostNormScales | None = field(default=None, metadata=ABSENT)

    @property
    def scores(self) -> int:
        """Of Q K, gains included: that of the layer where it is the finest."""
        return max(q + k for q, k in zip(self.q, self.k, strict=True))

    @property
    def logits(self) -> int:
        return self.yf + self.head

    def to_dict(self) -> JsonObject:
        return to_data(self)

    @classmethod
    def from_dict(cls, data: JsonObject) -> LlamaScales:
        scales: LlamaScales = from_data(cls, data, "scales")
        if any(abs(x) > 100 for name, value in data.items() if name != "exponents" for x in _flat(value)):
            raise Malformed("scales: out of range")
        scales.exponents.check()
        return scales
