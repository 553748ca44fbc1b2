"""Flips every single bit of proof files; the Python verifier must reject each one.

    python -m scripts.fuzz_bits [PROOF --key VK_JSON] [--every STEP]

Without arguments: the proofs of the contracts' fixtures. With PROOF: that proof file, under the verifying key
in VK_JSON (a model package has it as keys/<shape>/vk.json).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from tqdm import tqdm

from scripts import ROOT
from zkllm.errors import ProofError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.statement import Context

FIXTURES = ROOT / "contracts/test/fixtures"


def fixture_proof(name: str) -> tuple[bytes, str]:
    """(proof file, verifying key) of a fixture of the contracts' tests."""
    data = json.loads((FIXTURES / f"{name}.json").read_text())
    key = (FIXTURES / f"{name}.vk.json").read_text()
    vk = VerifyingKey.from_json(key)
    binary = lambda field: bytes.fromhex(data[field].removeprefix("0x"))
    words = tuple(int(w, 16) for w in data["words"])
    context = Context(data["chainId"], binary("settlement"), binary("sender"), binary("requestId"))
    body = b"".join(bytes.fromhex(word.removeprefix("0x")) for word in data["proof"])
    development = vk.srs_kind != "ceremony"
    proof = Proof(vk.verifier_id, development, context, vk.N, vk.k, vk.sealed, words, body)
    return proof.to_bytes(), key


def rejection(data: bytes, vk: VerifyingKey) -> str | None:
    """The check that rejects a proof file, None if it is accepted."""
    try:
        Proof.from_bytes(data).verify(vk)
    except ProofError as error:
        return str(error).split(":")[0]
    return None


@cache
def parsed(key: str) -> VerifyingKey:
    """Once a process: checking the key's points takes longer than rejecting a proof."""
    return VerifyingKey.from_json(key)


def flip(bit: int, data: bytes, key: str) -> tuple[int, str | None]:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 0x80 >> bit % 8
    return bit, rejection(bytes(damaged), parsed(key))


def sweep(data: bytes, key: str, bits: range) -> Iterator[tuple[int, str | None]]:
    """(bit, check that rejected its flip), over all cores."""
    with multiprocessing.Pool() as pool:
        yield from pool.imap_unordered(partial(flip, data=data, key=key), bits, chunksize=64)


def run(name: str, data: bytes, key: str, step: int) -> list[int]:
    """Prints a summary and returns the bits whose flip was accepted."""
    if rejection(data, parsed(key)) is not None:
        raise SystemExit(f"fuzz-bits: the honest proof {name} is rejected")
    bits = range(0, 8 * len(data), step)
    start = time.monotonic()
    checks: Counter[str] = Counter()
    accepted = []
    for bit, check in tqdm(sweep(data, key, bits), total=len(bits), desc=name, leave=False, disable=None):
        if check is None:
            accepted.append(bit)
        else:
            checks[check] += 1
    by_check = ", ".join(f"{check} {count}" for check, count in checks.most_common())
    print(f"{name}: {len(bits)} bits of {len(data)} bytes in {time.monotonic() - start:.0f} s; {by_check}")
    return accepted


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proof", type=Path, nargs="?", help="proof file")
    parser.add_argument("--key", type=Path, help="its verifying key, vk.json")
    parser.add_argument("--every", type=int, default=1, metavar="STEP", help="only every STEP-th bit")
    arguments = parser.parse_args()
    if (arguments.proof is None) != (arguments.key is None):
        parser.error("PROOF and --key belong together")
    if arguments.proof:
        cases = {arguments.proof.name: (arguments.proof.read_bytes(), arguments.key.read_text())}
    else:
        cases = {name: fixture_proof(name) for name in ("single", "multi", "sealed")}
    failed = False
    for name, (data, key) in cases.items():
        for bit in run(name, data, key, arguments.every):
            failed = True
            print(f"{name}: accepted with bit {bit % 8} of byte {bit // 8} flipped", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
