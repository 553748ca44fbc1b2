"""`zkllm plan`: what proofs of one shape take, on a machine of any number of cores and on many of them.

Sizes, disk and the proof's bytes are counted; seconds, memory and gas are predicted (`forecast`, `memory`,
`planning`), from the kernels' rates measured now on this machine: others are taken to have its cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from zkllm.families import describe
from zkllm.files import JsonObject
from zkllm.measure.forecast import MEASURED, SOURCE, Forecast, forecast, paces_of
from zkllm.measure.limits import limits
from zkllm.measure.planning import configuration, settlement_gas, srs_bytes, table_bytes
from zkllm.measure.profiling import Sizes, sizes_of
from zkllm.measure.sharded_forecast import ShardedForecast, Traffic, sharded, traffic
from zkllm.memory import estimate, weights_bytes
from zkllm.model.build import sized
from zkllm.outer.transcript import body_bytes
from zkllm.preflight import DEFAULT_ROWS, check_positions
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.description import Description

SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Capacity:
    """Of one proof of N positions and k certified tokens. Bytes are counted, but for the memory, which with
    the gas is predicted."""

    source: str
    rows: int
    certified: int
    vocabulary: int
    mu: int
    witness_mu: int
    fixed_columns: int
    witness_columns: int
    circuit_log2: int
    proof_bytes: int
    weights_bytes: int
    srs_bytes: int
    table_bytes: int  # of an opening table, where there is one
    private_bytes: int  # peak memory besides mapped files
    resident_bytes: int  # mapped files included
    gas: int
    paced_by: str  # the proof that the stages' paces were measured on
    nanoseconds: Mapping[str, float]
    sizes: Sizes
    proof: Forecast
    tabled: Forecast
    protocol: Description

    @property
    def disk_bytes(self) -> int:
        return self.weights_bytes + self.srs_bytes

    def proofs_a_day(self, cores: float, tabled: bool = False) -> float:
        """Of one machine that makes one after the other."""
        return SECONDS_A_DAY / (self.tabled if tabled else self.proof).on(cores)

    def machines_for(self, proofs: float, cores: float) -> int:
        """That make so many a day."""
        return ceil(proofs / self.proofs_a_day(cores))

    def traffic(self, workers: int) -> Traffic:
        """Of one proof over so many workers."""
        return traffic(self.protocol, self.sizes, self.vocabulary, workers)

    def over(self, workers: int, cores: float) -> ShardedForecast:
        """One proof that is cut over so many workers, of so many cores each, without an opening table."""
        return sharded(self.proof, self.traffic(workers), workers, cores)

    def to_dict(self) -> JsonObject:
        own = {name: value for name, value in self.__dict__.items() if name != "protocol"}
        own |= {"sizes": asdict(self.sizes), "proof": self.proof.to_dict(), "tabled": self.tabled.to_dict()}
        return own | {"disk_bytes": self.disk_bytes}


def capacity(
    model: str | Path,
    rows: int | None = None,
    certified: int = 1,
    mu: int | None = None,
    profile: JsonObject | None = None,
    nanoseconds: Mapping[str, float] | None = None,
) -> Capacity:
    """Of a package, or of a checkpoint's shape (its config.json is enough). `mu`: other columns than the
    package's or those that a set-up would choose. `profile`: a proof of this machine that says how far its
    stages are from the kernels' rates, instead of the one in `forecast.MEASURED`. `nanoseconds`: rates by
    kind, instead of this machine's, measured now. StatementError where the model has fewer positions."""
    config, source, built = configuration(model)
    rows = rows if rows is not None else min(DEFAULT_ROWS, config.n_ctx)
    check_positions(config, rows)
    rates = dict(nanoseconds) if nanoseconds is not None else limits()
    if mu is not None or not built:
        config = sized(config, rows, mu)
    protocol = describe(config, rows, certified)
    circuit_log2 = build_circuit(protocol).log2_size
    memory, sizes = estimate(protocol, circuit_log2), sizes_of(protocol, 1 << circuit_log2)
    fixed, witness = protocol.fixed.num_columns, protocol.witness.num_columns
    paces = MEASURED if profile is None else paces_of(profile, rates)
    return Capacity(
        source=source,
        rows=rows,
        certified=certified,
        vocabulary=config.vocab_size,
        mu=config.mu,
        witness_mu=config.witness_mu,
        fixed_columns=fixed,
        witness_columns=witness,
        circuit_log2=circuit_log2,
        proof_bytes=body_bytes(witness),
        weights_bytes=sum(weights_bytes(protocol)),
        srs_bytes=srs_bytes(circuit_log2, config.mu),
        table_bytes=table_bytes(fixed, config.mu),
        private_bytes=memory.private,
        resident_bytes=memory.resident,
        gas=settlement_gas(fixed + witness, config.vocab_size, certified),
        paced_by=SOURCE if profile is None else f"{profile['model']}, N = {profile['N']}",
        nanoseconds=rates,
        sizes=sizes,
        proof=forecast(sizes, rates, paces),
        tabled=forecast(sizes, rates, paces, tabled=True),
        protocol=protocol,
    )
