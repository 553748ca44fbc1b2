"""Every kernel test runs on each backend that the processor has and that field elements know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends import use_backend


@pytest.fixture(autouse=True, scope="module", params=["scalar", "avx512ifma"])
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_backend(request.param):
        yield
