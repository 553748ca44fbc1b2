"""The example consumer, contracts/src/examples/AnswerVault.sol, on a node that signs for the depositor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

from eth_abi import encode

from verifier_gen.standard_json import standard_json
from zkllm.settle.contracts import build
from zkllm.settle.rpc import Receipt, Rpc, to_hex

SOURCES = Path(__file__).parents[1] / "contracts" / "src"


class Terms(NamedTuple):
    """Arguments of the vault's constructor."""

    settlement: bytes
    model_id: bytes
    prompt_ids: tuple[int, ...]
    k: int
    text: bytes  # the answer that releases the ether
    beneficiary: bytes
    deadline: int


def deploy_vault(rpc: Rpc, depositor: bytes, terms: Terms, deposit: int) -> bytes:
    """Address of a vault with a deposit in wei. `depositor`: an account that the node signs for."""
    paths = [
        "examples/AnswerVault.sol",
        *(f"interfaces/{p.name}" for p in (SOURCES / "interfaces").glob("*")),
    ]
    vault = build(standard_json({p: (SOURCES / p).read_text() for p in paths}), "AnswerVault")
    types = ["address", "bytes32", "uint32[]", "uint256", "bytes", "address", "uint256"]
    data = vault.creation + encode(types, terms)
    transaction = {"from": to_hex(depositor), "data": to_hex(data), "value": to_hex(deposit)}
    receipt = send(rpc, transaction)
    assert receipt.succeeded and receipt.contract_address is not None
    return receipt.contract_address


def send(rpc: Rpc, transaction: dict[str, Any]) -> Receipt:
    """Of an account that the node signs for; waits until it is mined."""
    transaction_hash = bytes.fromhex(rpc.request("eth_sendTransaction", transaction)[2:])
    while (receipt := rpc.receipt(transaction_hash)) is None:
        time.sleep(0.02)
    return receipt
