"""Writes contracts/gas.json: gas of the fixtures' settlements by part.

python -m scripts.generate.gas_snapshot
"""

from __future__ import annotations

import json

from scripts import ROOT
from scripts.gas.table import SNAPSHOT, Case, measure


def main() -> None:
    results = [measure(Case.from_fixture(fixture), hardfork) for fixture, hardfork in SNAPSHOT]
    (ROOT / "contracts/gas.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
