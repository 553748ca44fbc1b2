"""Keys of an outer circuit: the proving key, its file, and the verifying key made with it."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from zkllm.errors import PackageError
from zkllm.files import reading, write_atomically
from zkllm.kernels.interface import Circuit as CircuitKernel
from zkllm.kernels.interface import CircuitColumns, CircuitOf, Kernels, KernelsOf, V, Vector
from zkllm.outer.gates import COSET_SHIFTS, FLAGS, SELECTORS
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.rows import Circuit
from zkllm.pcs.mercury import column_bits
from zkllm.pcs.srs import Srs
from zkllm.statement import num_words

MAGIC = b"zkllm proving key 3\n"


@dataclass(frozen=True)
class Prepared:
    """A circuit as kernels hold it."""

    circuit: CircuitKernel
    c0: Vector  # its preprocessed polynomials, packed

    @classmethod
    def of(cls, circuit: Circuit, kernels: Kernels) -> Prepared:
        kernel = circuit_kernel(circuit, kernels)
        return cls(kernel, kernels.pack(kernel.preprocessed()))


@dataclass(frozen=True)
class ProvingKey:
    vk: VerifyingKey
    circuit: Circuit
    _prepared: dict[Kernels, Prepared] = field(default_factory=dict, repr=False, compare=False)

    def prepared(self, kernels: Kernels) -> Prepared:
        """Made when first asked for, and kept."""
        if kernels not in self._prepared:
            self._prepared[kernels] = Prepared.of(self.circuit, kernels)
        return self._prepared[kernels]

    def save(self, path: Path) -> None:
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        payload = self._payload()
        return MAGIC + hashlib.sha256(payload).digest() + payload

    def _payload(self) -> bytes:
        c = self.circuit
        header = {
            "vk": self.vk.to_json(),
            "log2_size": c.log2_size,
            "num_rows": c.num_rows,
            "public_names": c.public_names,
            "rows_by_section": c.rows_by_section,
            "assertions": sorted(c.assertions.items()),
            "copy_assertions": c.copy_assertions,
            "selectors": {name: len(c.selectors[name]) for name in SELECTORS},
        }
        arrays = {"input_variables": c.input_variables, "own_wires": c.own_wires, "equal_to": c.equal_to}
        arrays["defines"] = c.defines
        for name in SELECTORS:
            rows = sorted(c.selectors[name])
            arrays[f"{name}_rows"] = np.array(rows, np.uint32)
            values = b"".join(c.selectors[name][row].to_bytes(32, "little") for row in rows)
            arrays[f"{name}_values"] = np.frombuffer(values, np.uint8)
        out = io.BytesIO()
        text = json.dumps(header, sort_keys=True).encode()
        out.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(arrays):
            np.save(out, arrays[name], allow_pickle=False)
        return out.getvalue()

    @classmethod
    def load(cls, path: Path, key_type: type[VerifyingKey] = VerifyingKey) -> ProvingKey:
        with reading(path, "proving key", PackageError):
            data = path.read_bytes()
        payload = memoryview(data)[len(MAGIC) + 32 :]
        if (
            data[: len(MAGIC)] != MAGIC
            or hashlib.sha256(payload).digest() != data[len(MAGIC) : len(MAGIC) + 32]
        ):
            raise PackageError(
                f"the proving key {path} is damaged or of another version; delete it to make it again"
            )
        file = io.BytesIO(payload)
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        names = ["input_variables", "own_wires", "equal_to", "defines"]
        names += [f"{name}_{part}" for name in SELECTORS for part in ("rows", "values")]
        arrays = {name: np.load(file, allow_pickle=False) for name in sorted(names)}
        selectors = {}
        for name in SELECTORS:
            values = arrays[f"{name}_values"].tobytes()
            numbers = (int.from_bytes(values[i : i + 32], "little") for i in range(0, len(values), 32))
            selectors[name] = dict(zip(arrays[f"{name}_rows"].tolist(), numbers, strict=True))
        circuit = Circuit(
            log2_size=header["log2_size"],
            num_rows=header["num_rows"],
            public_names=header["public_names"],
            rows_by_section=header["rows_by_section"],
            assertions=dict(header["assertions"]),
            copy_assertions=[tuple(c) for c in header["copy_assertions"]],
            selectors=selectors,
            **{name: arrays[name] for name in ("input_variables", "own_wires", "equal_to", "defines")},
        )
        return cls(key_type.from_json(header["vk"]), circuit)


def circuit_kernel(circuit: Circuit, kernels: KernelsOf[V]) -> CircuitOf[V]:
    """Refuses a circuit whose Poseidon flags reach the public rows or the last row."""
    flagged = {row for name in FLAGS for row in circuit.selectors[name]}
    forbidden = flagged & {*range(circuit.num_public), circuit.size - 1}
    if forbidden:
        raise ValueError(f"Poseidon flags on rows {sorted(forbidden)}, which are public or the last")
    columns = CircuitColumns(
        circuit.num_rows,
        circuit.num_variables,
        circuit.input_variables,
        circuit.own_wires.reshape(-1),
        np.ascontiguousarray(circuit.wires).reshape(-1),
        circuit.permutation(),
        circuit.defines,
        [kernels.from_list(circuit.selector_column(name)) for name in SELECTORS],
        list(COSET_SHIFTS),
    )
    return kernels.circuit(columns)


class KeyFields(TypedDict):
    """What the circuit and the columns do not say of a key."""

    version: int
    N: int
    k: int
    sealed: bool
    vocab_size: int
    pad_id: int
    n_ctx: int
    model_id: bytes
    config_digest: bytes
    vocabulary_root: bytes


def setup_outer(
    circuit: Circuit,
    srs: Srs,
    kernels: Kernels,
    fixed_commitments: list[bytes],
    num_witness_columns: int,
    mu: int,
    fields: KeyFields,
    key_type: type[VerifyingKey] = VerifyingKey,
) -> tuple[ProvingKey, VerifyingKey]:
    """Keys for the circuit, whose columns have 2^mu coefficients."""
    prepared = Prepared.of(circuit, kernels)
    b_log2 = column_bits(mu)
    vk = key_type(
        n_log2=circuit.log2_size,
        num_words=num_words(fields["N"], fields["k"], fields["sealed"]),
        num_witness_columns=num_witness_columns,
        fixed_commitments=tuple(fixed_commitments),
        c0=srs.commit(prepared.c0),
        mu=mu,
        b_log2=b_log2,
        srs_kind=srs.kind,
        srs_digest=srs.digest,
        g2_tau=srs.g2_power(0),
        g2_tau_b=srs.g2_power(b_log2),
        **fields,
    )
    vk.check()
    if circuit.num_public != vk.num_public:
        raise ValueError(f"the circuit's public inputs must be {vk.public_input_names}, in this order")
    return ProvingKey(vk, circuit, {kernels: prepared}), vk
