"""Writes the settlement's standard JSON input and the keccak256 of its creation code, which ship with
zkllm.settle.

    python -m scripts.generate.settlement
"""

from __future__ import annotations

import posixpath
import re

from scripts import ROOT
from verifier_gen.standard_json import dump, standard_json
from zkllm.hashing import keccak256
from zkllm.settle.contracts import SETTLEMENT, SETTLEMENT_DIGEST, build

FOLDERS = {"@openzeppelin/": ROOT / "node_modules", "": ROOT / "contracts/src"}
"""Where sources are, by how their names begin: those of packages, and ours."""


def sources_of(name: str) -> dict[str, str]:
    """A source of contracts/src and all that it imports, by the names under which the compiler looks for
    them."""
    sources: dict[str, str] = {}
    ahead = [name]
    while ahead:
        name = ahead.pop()
        if name in sources:
            continue
        folder = next(folder for prefix, folder in FOLDERS.items() if name.startswith(prefix))
        sources[name] = (folder / name).read_text()
        for imported in re.findall(r'^import .*from "(.*)";$', sources[name], re.MULTILINE):
            relative = imported.startswith(".")
            ahead.append(
                posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
                if relative
                else imported
            )
    return sources


def main() -> None:
    source = standard_json(sources_of(f"{SETTLEMENT}.sol"))
    (ROOT / "zkllm/settle/settlement.json").write_text(dump(source))
    digest = keccak256(build(source, SETTLEMENT).creation)
    (ROOT / "zkllm/settle" / SETTLEMENT_DIGEST).write_text(f"0x{digest.hex()}\n")


if __name__ == "__main__":
    main()
