"""The backends of the native kernels, for tests that run on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zkllm import _native
from zkllm.kernels.backends import NAMES

BACKENDS = NAMES


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Skips the test where the processor lacks it."""
    default = _native.field_backend()
    try:
        _native.set_field_backend(name)
    except ValueError:
        pytest.skip(f"the processor lacks {name}")
    try:
        yield
    finally:
        _native.set_field_backend(default)
