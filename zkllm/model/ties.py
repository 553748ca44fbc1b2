"""Whether a model's output head is its embedding, as transformers decides it when it loads a folder."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Head(Enum):
    """Where the values of embedding and head are stored."""

    TIED = "the embedding is stored for both"
    TIED_BY_HEAD = "the head is stored for both"
    OWN = "each is stored for itself"
    NO_HEAD = "the head is missing"
    NO_EMBEDDING = "the embedding is missing"


def head_of(embedding: bool, head: bool, declared_tied: bool, equal: Callable[[], bool]) -> Head:
    """`embedding`, `head`: whether a tensor is stored; `equal`: whether both, where both are, have the same
    values. The declaration alone ties nothing: two tensors that differ stay two."""
    if embedding and head:
        return Head.TIED if declared_tied and equal() else Head.OWN
    if declared_tied and (embedding or head):
        return Head.TIED if embedding else Head.TIED_BY_HEAD
    return Head.NO_HEAD if embedding else Head.NO_EMBEDDING
