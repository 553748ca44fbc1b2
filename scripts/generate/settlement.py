"""Writes the settlement's standard JSON input and the keccak256 of its creation code, which ship with
zkllm.settle.

    python -m scripts.generate.settlement
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from scripts import ROOT
from verifier_gen.standard_json import dump, standard_json
from zkllm.hashing import keccak256
from zkllm.settle.contracts import SETTLEMENT, SETTLEMENT_DIGEST, build


def add_source(folder: Path, name: str, sources: dict[str, str]) -> None:
    """Adds a source and all that it imports, by their paths below `folder`."""
    if name in sources:
        return
    sources[name] = (folder / name).read_text()
    for imported in re.findall(r'^import .*from "(\..*)";$', sources[name], re.MULTILINE):
        path = (folder / name).parent / imported
        add_source(folder, os.path.relpath(os.path.normpath(path), folder), sources)


def main() -> None:
    sources: dict[str, str] = {}
    add_source(ROOT / "contracts/src", f"{SETTLEMENT}.sol", sources)
    source = standard_json(sources)
    (ROOT / "zkllm/settle/settlement.json").write_text(dump(source))
    digest = keccak256(build(source, SETTLEMENT).creation)
    (ROOT / "zkllm/settle" / SETTLEMENT_DIGEST).write_text(f"0x{digest.hex()}\n")


if __name__ == "__main__":
    main()
