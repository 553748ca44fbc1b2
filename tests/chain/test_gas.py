"""The gas snapshot adds up and keeps to the limits at GPT-2 XL's size; snarkjs takes the compared circuit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts import ROOT
from scripts.gas.peers import write_circuit
from tests.pcs.ptaus import SNARKJS, needs_snarkjs

SNAPSHOT = json.loads((ROOT / "contracts/gas.json").read_text())

SETTLEMENT_LIMIT, VERIFICATION_LIMIT = 405_000, 315_000
XL_COLUMNS, XL_DEPTH = 12, 16
"""GPT-2 XL at mu = 25: 10 fixed and 2 witness columns, 50,257 tokens."""
COLUMN_GAS = 6_520
"""A multiplication (6,000), an addition (150), two calls (200), what is around, a share of the larger mu."""
SIBLING_GAS = 670
"""32 bytes of calldata (512) and a level of the path."""
FIXTURE_DEPTH = 9


@pytest.mark.parametrize("case", SNAPSHOT, ids=lambda c: f"{c['case']}-{c['hardfork']}")
def test_the_parts_add_up(case):
    total = case["settlement_transaction_gas"]
    assert sum(part["gas"] for part in case["parts"]) == total
    assert sum(group["gas"] for group in case["groups"]) == total


@pytest.mark.parametrize("case", [c for c in SNAPSHOT if "single" in c["case"]], ids=lambda c: c["hardfork"])
def test_gpt2_xl_stays_below_the_limits(case):
    """From the fixture, which has the same N and the longest prompt; `make gas PROOF=..` measures it."""
    columns = (XL_COLUMNS - case["fixed_columns"] - case["witness_columns"]) * COLUMN_GAS
    path = (XL_DEPTH - FIXTURE_DEPTH) * SIBLING_GAS
    assert case["verification_gas"] + columns < VERIFICATION_LIMIT
    assert case["settlement_transaction_gas"] + columns + path < SETTLEMENT_LIMIT


@needs_snarkjs
def test_snarkjs_accepts_the_circuit_and_its_witness(tmp_path):
    circuit, witness = write_circuit(tmp_path)
    assert "WITNESS IS CORRECT" in _check(circuit, witness)
    wrong = bytearray(witness.read_bytes())
    wrong[-32] ^= 1
    witness.write_bytes(wrong)
    assert "WITNESS IS NOT CORRECT" in _check(circuit, witness)


def _check(circuit: Path, witness: Path) -> str:
    command = ["node", str(SNARKJS), "wtns", "check", str(circuit), str(witness)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
