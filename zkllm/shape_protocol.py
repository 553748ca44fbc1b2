"""The protocol of a package's shape (N, k): made once for all that a run asks of it."""

from __future__ import annotations

from functools import lru_cache

from .errors import StatementError
from .gpt2.config import ProgramConfig
from .gpt2.description import describe
from .model.package import ModelPackage
from .protocol.description import Description


def protocol_of(package: ModelPackage, rows: int, certified: int) -> Description:
    """StatementError where the model has no such shape."""
    return _protocol(package.config, rows, certified)


@lru_cache(maxsize=4)
def _protocol(config: ProgramConfig, rows: int, certified: int) -> Description:
    try:
        return describe(config, rows, certified)
    except ValueError:
        raise StatementError(
            f"--max-tokens {rows} with --new-tokens {certified}: the model has {config.n_ctx} "
            "positions (n_ctx), and an answer takes as many as it has tokens"
        ) from None
