"""`zkllm setup --plan`: what each size of columns costs, before a model is set up.

Columns, gas, memory and disk follow from sizes. Seconds are predicted: the work of each stage
(`profiling.stage_counts`) at the rates that this machine's kernels have alone (`limits`), measured now.
A whole proof takes longer, by a factor that docs/benchmarks.md gives for measured models; what a table saves
is in the same measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path

from zkllm.bits import ceil_log2
from zkllm.families import Config, describe
from zkllm.files import JsonObject
from zkllm.limits import MAX_MU, MIN_MU
from zkllm.measure.limits import limits, point_mul, point_muls
from zkllm.measure.profiling import Sizes, predicted, sizes_of, stage_counts, windows
from zkllm.memory import estimate, weights_bytes
from zkllm.model.architecture import load_architecture
from zkllm.model.build import sized
from zkllm.model.family import family_of
from zkllm.model.hub import find_checkpoint
from zkllm.model.package import ModelPackage
from zkllm.pcs.curve import G1_BYTES
from zkllm.pcs.mercury import column_bits
from zkllm.pcs.srs import srs_powers_needed
from zkllm.preflight import DEFAULT_ROWS, check_positions
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.transformed_srs import transform_bytes

CHOICES, SHORTER = 4, 2
"""Sizes (mu) that are compared; log2 of how much shorter witness columns are in a second case of each."""
GAS_OF_TWELVE_COLUMNS, GAS_OF_A_COLUMN, GAS_OF_A_SIBLING = 403_576, 6_450, 670
"""Of a settlement (docs/gas.md): with 16 siblings in the vocabulary proof, and what one more costs."""
GAS_OF_A_NODE, GAS_OF_A_WORD, GAS_OF_A_TOKEN = 1_100, 512, 4_000
GAS_OF_CODE, GAS_OF_A_BYTE = 37_000, 200
"""Of a settlement of several tokens: a hash of their common vocabulary proof, a sibling's calldata, decoding
and checking a token; keeping the record as a contract's code, and a byte of it (contracts/gas.json)."""
RECORD_BYTES, RECORD_BYTES_OF_A_TOKEN = 2, 9
"""Of the record: a token takes 5 bytes and its text, here 4."""


@dataclass(frozen=True)
class Choice:
    """Sizes of columns. Seconds are predicted."""

    mu: int
    witness_mu: int
    rows: int
    fixed_columns: int
    witness_columns: int
    gas: int
    memory_bytes: int  # of a proof, mapped files included
    tabled_memory_bytes: int
    disk_bytes: int  # weights and the SRS that is needed
    prove_s: float
    tabled_prove_s: float
    transform_bytes: int  # of the cache, once for an SRS and this size
    table_bytes: int
    transform_s: float
    table_s: float

    @property
    def pays_after(self) -> int | None:
        """Proofs after which a table has paid for itself; None where it saves nothing worth."""
        saved = self.prove_s - self.tabled_prove_s
        if saved < 0.01 * self.prove_s:
            return None
        return ceil((self.transform_s + self.table_s) / saved)


@dataclass(frozen=True)
class Plan:
    source: str  # what the sizes are from
    private: bool  # the weights are hidden
    tokens: int
    circuit_log2: int
    nanoseconds: dict[str, float]
    choices: tuple[Choice, ...]

    def to_dict(self) -> JsonObject:
        choices = [asdict(c) | {"pays_after": c.pays_after} for c in self.choices]
        return asdict(self) | {"choices": choices}


def plan(
    model: str | Path,
    tokens: int | None = None,
    nanoseconds: Mapping[str, float] | None = None,
    private: bool = False,
) -> Plan:
    """Of a package, or of a checkpoint's shape; `private`: with its weights hidden, as a package may be
    anyway. `nanoseconds`: rates by kind, `point_mul` too, instead of this machine's."""
    config, source, _ = configuration(model)
    config = replace(config, hidden=config.hidden or private)
    rows = tokens if tokens is not None else min(DEFAULT_ROWS, config.n_ctx)
    check_positions(config, rows)
    rates = dict(nanoseconds) if nanoseconds else {**limits(18), "point_mul": point_mul()}
    widest = describe(config.with_columns(ColumnSizes.full(MAX_MU, config.hidden)), rows, 1)
    fixed, witness = (ceil_log2(group.longest) for group in (widest.fixed, widest.witness))
    top = max(fixed + config.hidden, witness + 1)  # one column of each
    highest = max(MIN_MU, min(MAX_MU, top))
    mus = range(max(MIN_MU, highest - CHOICES + 1), highest + 1)
    circuit_log2 = build_circuit(describe(sized(config, rows, highest), rows, 1)).log2_size
    columns = [c for mu in mus for c in candidates(config, rows, mu)]
    choices = tuple(choice(c, rows, circuit_log2, rates) for c in columns)
    return Plan(source, config.hidden, rows, circuit_log2, rates, choices)


def configuration(model: str | Path) -> tuple[Config, str, bool]:
    """Of a package, or a checkpoint's usual one; in words, which of them; and whether it is a package's."""
    folder = Path(model)
    if (folder / "manifest.json").is_file():
        return ModelPackage.load(folder, verify=False).config, f"the package {folder}", True
    checkpoint = find_checkpoint(model)
    architecture = load_architecture(checkpoint / "config.json")
    source = f"the shape of {model}, with the usual widths and packing"
    return family_of(architecture).nominal(architecture), source, False


def settlement_gas(columns: int, vocab_size: int, certified: int = 1) -> int:
    """Of one answer of `certified` distinct tokens, without a request; repeated tokens take less."""
    depth, shared = ceil_log2(vocab_size), ceil_log2(certified)
    gas = GAS_OF_TWELVE_COLUMNS + GAS_OF_A_COLUMN * (columns - 12)
    if certified == 1:
        return gas + GAS_OF_A_SIBLING * (depth - 16)
    siblings = certified * max(0, depth - shared)
    record = RECORD_BYTES + certified * RECORD_BYTES_OF_A_TOKEN
    proofs = GAS_OF_A_NODE * (siblings + certified) + GAS_OF_A_WORD * siblings + GAS_OF_A_TOKEN * certified
    return gas - GAS_OF_A_SIBLING * 16 + proofs + GAS_OF_CODE + GAS_OF_A_BYTE * record


def srs_bytes(circuit_log2: int, mu: int) -> int:
    """Of the powers that proofs need."""
    return G1_BYTES * srs_powers_needed(circuit_log2, mu)


def table_bytes(fixed_columns: int, mu: int) -> int:
    """Of an opening table."""
    return G1_BYTES * fixed_columns * ((1 << mu - column_bits(mu)) - 1)


def candidates(config: Config, rows: int, mu: int) -> list[Config]:
    """Witness columns as set-up would choose them, and a quarter of that, unless fixed ones had to be shorter
    then too (lookup tables would be cut)."""
    usual = sized(config, rows, mu)
    shorter = sized(config, rows, mu, usual.witness_mu - SHORTER)
    return [usual, shorter] if shorter.fixed_mu == usual.fixed_mu else [usual]


def choice(config: Config, rows: int, circuit_log2: int, rates: Mapping[str, float]) -> Choice:
    protocol, mu = describe(config, rows, 1), config.mu
    fixed, witness = protocol.fixed.num_columns, protocol.witness.num_columns
    sizes = sizes_of(protocol, 1 << circuit_log2)
    seconds = lambda tabled: sum(predicted(c, rates) for c in stage_counts(sizes, tabled).values())
    rows_log2 = mu - column_bits(mu)
    return Choice(
        mu=mu,
        witness_mu=config.witness_mu,
        rows=1 << rows_log2,
        fixed_columns=fixed,
        witness_columns=witness,
        gas=settlement_gas(fixed + witness, config.vocab_size),
        memory_bytes=estimate(protocol, circuit_log2).resident,
        tabled_memory_bytes=estimate(protocol, circuit_log2, tabled=True).resident,
        disk_bytes=sum(weights_bytes(protocol)) + srs_bytes(circuit_log2, mu),
        prove_s=seconds(False),
        tabled_prove_s=seconds(True),
        transform_bytes=transform_bytes(mu),
        table_bytes=table_bytes(fixed, mu),
        transform_s=1e-9 * rates["point_mul"] * point_muls(1 << mu, rows_log2),
        table_s=table_seconds(sizes, fixed, rows_log2, rates),
    )


def table_seconds(s: Sizes, columns: int, rows_log2: int, rates: Mapping[str, float]) -> float:
    """2 rows multi-scalar multiplications of b points a column, and as many passes over its integers."""
    passes, b = 2 << rows_log2, 1 << s.mu - rows_log2
    points = columns * passes * windows(b)["bucket_add"] * rates["bucket_add"]
    coefficients = columns * 2 * passes * rows_log2 * rates["point_mul"]
    return 1e-9 * (points + coefficients + passes * s.weights * rates["weight_mul"])
