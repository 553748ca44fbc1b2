"""The compiler's standard JSON input for generated verifiers: what block explorers verify sources with.

The settings are the ones of foundry.toml, so that Foundry, this module and an explorer make the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SOLC_VERSION = "0.8.30"
SOLC_LONG_VERSION = "v0.8.30+commit.73712a01"
EVM_VERSION = "cancun"
MAX_CODE_BYTES = 24_576


def standard_json(sources: Mapping[str, str]) -> dict[str, Any]:
    """Input for `solc --standard-json` from source path -> text."""
    return {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sorted(sources.items())},
        "settings": {
            "optimizer": {"enabled": True, "runs": 1_000_000},
            "evmVersion": EVM_VERSION,
            "viaIR": False,
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }


def dump(value: object) -> str:
    """Canonical text of a JSON file: sorted keys, two spaces, one newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
