"""Writes the explorer's page, which ships with zkllm.explorer, from its sources in explorer/: the
settlement's creation code as one of them, then everything as one script (esbuild, pinned in package.json).

    python -m scripts.generate.explorer
"""

from __future__ import annotations

import subprocess

from scripts import ROOT
from zkllm.settle.contracts import settlement_artifact

GENERATED = ROOT / "explorer/src/generated/settlement.js"


def main() -> None:
    code = settlement_artifact().creation.hex()
    GENERATED.parent.mkdir(exist_ok=True)
    GENERATED.write_text(
        "// The settlement contract's creation code, written by scripts/generate/explorer.py.\n\n"
        'import { fromHex } from "../bytes.js";\n\n'
        "/** Without the constructor's argument. */\n"
        f'export const SETTLEMENT_CREATION = () =>\n  fromHex("0x{code}");\n'
    )
    subprocess.run(["node", str(ROOT / "explorer/build.js")], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
