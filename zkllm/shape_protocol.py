"""The protocol of a package's shape (N, k) and its circuit: made once for all that a run asks of them."""

from __future__ import annotations

from functools import lru_cache

from .errors import StatementError
from .families import Config, describe
from .model.package import ModelPackage
from .outer.rows import Circuit
from .pcs.srs import srs_powers_needed
from .protocol.circuit import build_circuit
from .protocol.description import Description


def protocol_of(package: ModelPackage, rows: int, certified: int, sealed: bool = False) -> Description:
    """StatementError where the model has no such shape."""
    return protocol_with(package.config, rows, certified, sealed)


@lru_cache(maxsize=4)
def protocol_with(config: Config, rows: int, certified: int, sealed: bool) -> Description:
    try:
        return describe(config, rows, certified, sealed)
    except ValueError:
        raise StatementError(
            f"--max-tokens {rows} with --new-tokens {certified}: the model has {config.n_ctx} "
            "positions (n_ctx), and an answer takes as many as it has tokens"
        ) from None


@lru_cache(maxsize=1)
def circuit_of(protocol: Description) -> Circuit:
    return build_circuit(protocol)


def powers_needed(protocol: Description) -> int:
    """Powers of tau that the shape's keys and proofs need."""
    return srs_powers_needed(circuit_of(protocol).log2_size, protocol.mu)
