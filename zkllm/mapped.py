"""Memory-mapped arrays and what of them is resident."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

_RELEASING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="release")
"""Taking gigabytes of pages off takes a while, which nobody has to wait for."""


def release(arrays: Iterable[np.ndarray]) -> list[Future[None]]:
    """Takes the pages of mapped files off this process' resident memory, in the background; they stay in the
    system's cache.

    For after a pass over weights of gigabytes. Arrays that are no shared file mappings are left alone: the
    contents of private pages would be lost.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):
        return []
    maps = {
        id(array._mmap): array._mmap  # type: ignore[attr-defined]
        for array in arrays
        if isinstance(array, np.memmap) and array.mode in ("r", "r+", "w+")
    }
    return [_RELEASING.submit(mapping.madvise, mmap.MADV_DONTNEED) for mapping in maps.values()]
