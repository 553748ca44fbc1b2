"""Writes contracts/generated: the verifiers of the contracts' fixtures.

python -m scripts.generate.verifiers
"""

from __future__ import annotations

from scripts import ROOT
from verifier_gen import CONTRACT_NAME
from zkllm.outer.contract import verifier_contract
from zkllm.outer.keys import VerifyingKey


def main() -> None:
    for path in sorted((ROOT / "contracts/test/fixtures").glob("*.vk.json")):
        folder = ROOT / "contracts/generated" / path.name.removesuffix(".vk.json")
        folder.mkdir(parents=True, exist_ok=True)
        generated = verifier_contract(VerifyingKey.load(path))
        (folder / f"{CONTRACT_NAME}.sol").write_text(generated.source)


if __name__ == "__main__":
    main()
