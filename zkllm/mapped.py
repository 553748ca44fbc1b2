"""Memory-mapped arrays and what of them is resident."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

import numpy as np


def release(arrays: Iterable[np.ndarray]) -> None:
    """Takes the pages of mapped files off this process' resident memory; they stay in the system's cache.

    For after a pass over weights of gigabytes. Arrays that are no shared file mappings are left alone: the
    contents of private pages would be lost.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    maps = {
        id(array._mmap): array._mmap  # type: ignore[attr-defined]
        for array in arrays
        if isinstance(array, np.memmap) and array.mode in ("r", "r+", "w+")
    }
    for mapping in maps.values():
        mapping.madvise(mmap.MADV_DONTNEED)
