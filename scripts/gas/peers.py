"""Verifiers of other proof systems, to be measured beside ours: snarkjs's PLONK and fflonk, and Groth16.

The circuit is a chain of squarings with one public output. What verifying costs depends on it by its public
inputs alone, and by a few squarings for the domain's size. It is written in the formats of snarkjs (.r1cs and
.wtns), so nothing has to be compiled; the SRS is made anew and thrown away.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT
from zkllm.field import R
from zkllm.settle.abi import selector

SNARKJS = ROOT / "node_modules/snarkjs/build/cli.cjs"
SQUARINGS = 60
SRS_LOG2 = 10
FIRST_VALUE = 3


@dataclass(frozen=True)
class Peer:
    """A verifier of somebody else, and calldata of a proof that it accepts."""

    name: str
    contract: str
    source: str
    calldata: bytes


def make_peers(folder: Path) -> list[Peer]:
    """Circuit, SRS, keys and one proof of each system; about half a minute. `folder` is filled with files.

    Raises:
        OSError: Node is missing.
        subprocess.CalledProcessError: snarkjs is missing, or refuses.
    """
    circuit, witness = write_circuit(folder)
    tau = folder / "phase1.ptau", folder / "contributed.ptau", folder / "phase2.ptau"
    _snarkjs("powersoftau", "new", "bn128", SRS_LOG2, tau[0])
    _snarkjs("powersoftau", "contribute", tau[0], tau[1], "--name=measured", "-e=thrown away")
    _snarkjs("powersoftau", "prepare", "phase2", tau[1], tau[2])
    peers = []
    for system, label in (("groth16", "Groth16"), ("plonk", "PLONK"), ("fflonk", "fflonk")):
        key, proof, public, source = (
            folder / f"{system}{suffix}" for suffix in (".zkey", ".json", ".public.json", ".sol")
        )
        _snarkjs(system, "setup", circuit, tau[2], key)
        _snarkjs(system, "prove", key, witness, proof, public)
        _snarkjs("zkey", "export", "solidityverifier", key, source)
        text = source.read_text()
        arguments = _snarkjs("zkey", "export", "soliditycalldata", public, proof)
        (contract,) = re.findall(r"^contract (\w+)", text, re.MULTILINE)
        peers.append(Peer(f"snarkjs {label}", contract, text, _calldata(text, arguments)))
    return peers


def write_circuit(folder: Path) -> tuple[Path, Path]:
    """The circuit and its witness."""
    circuit, witness = folder / "circuit.r1cs", folder / "circuit.wtns"
    circuit.write_bytes(_r1cs())
    witness.write_bytes(_wtns())
    return circuit, witness


def _calldata(source: str, arguments: str) -> bytes:
    """The arguments are all words in a row: the verifiers take arrays of fixed lengths."""
    (parameters,) = re.findall(r"function verifyProof\(([^)]*)\)", source)
    types = [re.sub(r"\buint\b", "uint256", p.split()[0]) for p in parameters.split(",")]
    words = re.findall(r"0x([0-9a-fA-F]+)", arguments)
    body = b"".join(bytes.fromhex(word.rjust(64, "0")) for word in words)
    return selector(f"verifyProof({','.join(types)})") + body


def _snarkjs(*arguments: object) -> str:
    done = subprocess.run(
        ["node", str(SNARKJS), *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def _integers(*values: int, size: int) -> bytes:
    return b"".join(value.to_bytes(size, "little") for value in values)


def _sections(kind: bytes, version: int, sections: dict[int, bytes]) -> bytes:
    """The container of all files of snarkjs: type, version, number of sections; then the sections."""
    parts = [kind + _integers(version, len(sections), size=4)]
    for number, content in sections.items():
        parts.append(_integers(number, size=4) + _integers(len(content), size=8) + content)
    return b"".join(parts)


def _wires() -> list[int]:
    """1, the public output, then what the squarings begin with and go through."""
    chain = [FIRST_VALUE]
    for _ in range(SQUARINGS):
        chain.append(pow(chain[-1], 2, R))
    return [1, chain[-1], *chain[:-1]]


def _r1cs() -> bytes:
    """a_i a_i = a_(i+1); a wire's place in the chain is 2 above its index, the last one's is 1."""
    count = len(_wires())
    header = _integers(32, size=4) + _integers(R, size=32)
    header += _integers(count, 1, 0, 1, size=4) + _integers(count, size=8) + _integers(SQUARINGS, size=4)
    constraints = []
    for i in range(SQUARINGS):
        result = 1 if i == SQUARINGS - 1 else i + 3
        for wire in (i + 2, i + 2, result):
            constraints.append(_integers(1, wire, size=4) + _integers(1, size=32))
    labels = _integers(*range(count), size=8)
    return _sections(b"r1cs", 1, {2: b"".join(constraints), 1: header, 3: labels})


def _wtns() -> bytes:
    wires = _wires()
    header = _integers(32, size=4) + _integers(R, size=32) + _integers(len(wires), size=4)
    return _sections(b"wtns", 2, {1: header, 2: _integers(*wires, size=32)})


def about(peers: list[Peer]) -> str:
    """What was measured, in a line."""
    version = json.loads((ROOT / "node_modules/snarkjs/package.json").read_text())["version"]
    return f"{', '.join(p.name for p in peers)}: snarkjs {version}, {SQUARINGS} squarings, one public input"
