"""Writes tests/vectors/circuits.json: digests of small circuits of the real protocol. Deterministic.

    python -m scripts.generate.circuit_digests

A circuit decides what a proof proves, so a change of it has to be seen by whoever reviews the change. Keys
made before it are others afterwards.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from scripts import ROOT
from testkit.small import PACKED, RAGGED, SMALLEST
from zkllm import families
from zkllm.outer.rows import Circuit
from zkllm.protocol.circuit import build_circuit
from zkllm.statement import LIMBS_PER_WORD

PATH = ROOT / "tests/vectors/circuits.json"


def two_words() -> Circuit:
    """The statement of the smallest model with more ids than a word holds."""
    config = replace(SMALLEST.model.config, n_ctx=LIMBS_PER_WORD)
    return build_circuit(families.describe(config, LIMBS_PER_WORD, 1))


def sealed() -> Circuit:
    """The smallest model with a prompt that is sealed, of more ids than the first block holds."""
    config = replace(SMALLEST.model.config, n_ctx=20)
    return build_circuit(families.describe(config, 20, 1, sealed=True))


CIRCUITS = {
    "smallest": lambda: SMALLEST.circuit,
    "packed": lambda: PACKED.circuit,
    "ragged": lambda: RAGGED.circuit,
    "two words": two_words,
    "sealed": sealed,
}
"""The shapes that the tamper suite proves, and a longer one."""


def digest(value: Any) -> str:
    """Of an array of integers, or of what JSON can say."""
    if isinstance(value, np.ndarray):
        data = repr(value.shape).encode() + value.astype("<u4").tobytes()
    else:
        data = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def describe(circuit: Circuit) -> dict[str, Any]:
    """All that makes the key, piece by piece, and where the rows belong."""
    return {
        "rows": circuit.num_rows,
        "log2_size": circuit.log2_size,
        "inputs": circuit.num_inputs,
        "public": circuit.public_names,
        "rows_by_section": circuit.rows_by_section,
        "wires": digest(circuit.own_wires),
        "equal_to": digest(circuit.equal_to),
        "selectors": digest({name: sorted(rows.items()) for name, rows in circuit.selectors.items()}),
        "input_variables": digest(circuit.input_variables),
        "assertions": digest([sorted(circuit.assertions.items()), circuit.copy_assertions]),
    }


def main() -> int:
    PATH.write_text(json.dumps({name: describe(make()) for name, make in CIRCUITS.items()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
