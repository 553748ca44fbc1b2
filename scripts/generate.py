"""Writes every generated file of the repository anew; CI runs it and fails on a difference.

python scripts/generate.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from verifier_gen import CONTRACT_NAME, generate
from verifier_gen.standard_json import dump, standard_json
from zkllm.hashing import keccak256
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.contracts import SETTLEMENT, SETTLEMENT_DIGEST, build

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = (
    "generate_poseidon2.py",
    "make_circuit_digests.py",
    "make_outer_vectors.py",
    "make_chain_fixtures.py",
)
"""Scripts that write files of their own, in this order."""


def verifiers() -> None:
    """contracts/generated: the verifiers of the contracts' fixtures."""
    for path in sorted((ROOT / "contracts/test/fixtures").glob("*.vk.json")):
        folder = ROOT / "contracts/generated" / path.name.removesuffix(".vk.json")
        folder.mkdir(parents=True, exist_ok=True)
        generated = generate(VerifyingKey.load(path))
        (folder / f"{CONTRACT_NAME}.sol").write_text(generated.source)


def settlement() -> None:
    """The settlement's standard JSON input and the keccak256 of its creation code, which ship with
    zkllm.settle."""
    folder = ROOT / "contracts/src"
    sources: dict[str, str] = {}
    _add_source(folder, f"{SETTLEMENT}.sol", sources)
    source = standard_json(sources)
    (ROOT / "zkllm/settle/settlement.json").write_text(dump(source))
    digest = keccak256(build(source, SETTLEMENT).creation)
    (ROOT / "zkllm/settle" / SETTLEMENT_DIGEST).write_text(f"0x{digest.hex()}\n")


def _add_source(folder: Path, name: str, sources: dict[str, str]) -> None:
    """Adds a source and all that it imports, by their paths below `folder`."""
    if name in sources:
        return
    sources[name] = (folder / name).read_text()
    for imported in re.findall(r'^import .*from "(\..*)";$', sources[name], re.MULTILINE):
        path = (folder / name).parent / imported
        _add_source(folder, os.path.relpath(os.path.normpath(path), folder), sources)


def gas_snapshot() -> None:
    """contracts/gas.json: gas of the fixtures' settlements by part."""
    from gas_table import SNAPSHOT, Case, measure

    results = [measure(Case.from_fixture(fixture), hardfork) for fixture, hardfork in SNAPSHOT]
    (ROOT / "contracts/gas.json").write_text(json.dumps(results, indent=2) + "\n")


def main() -> int:
    for script in SCRIPTS:
        print(f"generate: {script}")
        subprocess.run([sys.executable, str(ROOT / "scripts" / script)], check=True, cwd=ROOT)
    for step in (verifiers, settlement, gas_snapshot):
        print(f"generate: {step.__name__}")
        step()
    return 0


if __name__ == "__main__":
    sys.exit(main())
