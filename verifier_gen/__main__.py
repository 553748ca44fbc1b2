"""Solidity verifier of a verifying key, and its compiler's standard JSON input.

usage: python -m verifier_gen DIR --out FOLDER [--max-tokens N] [--new-tokens K] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from verifier_gen import CONTRACT_NAME, generate
from verifier_gen.standard_json import SOLC_LONG_VERSION, dump
from zkllm.errors import PackageError, ZkllmError
from zkllm.outer.keys import VerifyingKey

KEY_FILE = "vk.json"
SHAPE = re.compile(r"N(\d+)-k(\d+)")

EXAMPLES = """examples:
  python -m verifier_gen build/demo --out verifier
  python -m verifier_gen build/demo --max-tokens 16 --new-tokens 2 --out verifier
  python -m verifier_gen build/demo/keys/N16-k1/vk.json --out verifier --json
"""


def find_key(path: Path, rows: int | None, certified: int | None) -> Path:
    """The verifying key that `path` means: itself, the one in the folder, or one of a model package's.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
    if path.is_file():
        return path
    if (path / KEY_FILE).is_file() and not (path / "manifest.json").is_file():
        return path / KEY_FILE
    shapes = {}
    for candidate in sorted(path.glob(f"keys/*/{KEY_FILE}")):
        match = SHAPE.fullmatch(candidate.parent.name)
        if match:
            shapes[int(match[1]), int(match[2])] = candidate
    chosen = {
        shape: candidate
        for shape, candidate in shapes.items()
        if rows in (None, shape[0]) and certified in (None, shape[1])
    }
    if len(chosen) == 1:
        return next(iter(chosen.values()))
    known = ", ".join(f"N={n} k={k}" for n, k in sorted(shapes))
    if not shapes:
        raise PackageError(f"{path} has no verifying key; run zkllm setup MODEL --out {path}")
    if not chosen:
        raise PackageError(f"{path} has no key of this shape, only {known}; zkllm prove makes a shape's keys")
    raise PackageError(
        f"{path} has keys of several shapes ({known}); choose with --max-tokens and --new-tokens"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m verifier_gen",
        description="Writes the Solidity verifier of a model and shape, and the compiler's standard JSON "
        "input that block explorers take. Equal keys give equal files. The key is taken at its word: compare "
        "the VERIFIER_ID with one that zkllm setup --check printed.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="model package, keys folder or vk.json")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="positions of the shape")
    parser.add_argument("--new-tokens", type=int, metavar="K", help="certified tokens of the shape")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    arguments = parser.parse_args(argv)
    try:
        key = VerifyingKey.load(find_key(arguments.dir, arguments.max_tokens, arguments.new_tokens))
        generated = generate(key)
        source = arguments.out / f"{CONTRACT_NAME}.sol"
        standard = arguments.out / f"{CONTRACT_NAME}.standard.json"
        arguments.out.mkdir(parents=True, exist_ok=True)
        source.write_text(generated.source, encoding="utf-8")
        standard.write_text(dump(generated.standard_json), encoding="utf-8")
    except (ZkllmError, OSError) as error:
        print(f"verifier_gen: {error}", file=sys.stderr)
        return 1
    result = {
        "contract": CONTRACT_NAME,
        "verifier_id": "0x" + key.verifier_id.hex(),
        "model_id": "0x" + key.model_id.hex(),
        "N": key.N,
        "k": key.k,
        "development_srs": key.srs_kind != "ceremony",
        "compiler": SOLC_LONG_VERSION,
        "source": str(source),
        "standard_json": str(standard),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{source}: verifier of N={key.N}, k={key.k}, VERIFIER_ID {result['verifier_id']}")
        print(f"{standard}: standard JSON input for solc {SOLC_LONG_VERSION}")
        if result["development_srs"]:
            print(
                "development SRS: anyone can forge proofs for this verifier; "
                "never use it with anything of value"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
