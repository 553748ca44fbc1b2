"""Every kernel test runs on each backend that the processor has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zkllm import _native


@pytest.fixture(autouse=True, scope="module", params=["scalar", "avx512ifma"])
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    default = _native.field_backend()
    try:
        _native.set_field_backend(request.param)
    except ValueError:
        pytest.skip(f"no {request.param}")
    yield
    _native.set_field_backend(default)
