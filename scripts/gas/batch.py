"""What settling several answers at once costs: real transactions of 1, 2, 4 and 8 claims on a local Anvil.

    python -m scripts.gas.batch [--hardfork prague] [--json]

Answers of the contracts' fixture "single", settled with `settleMany`, each time from the same state of the
chain, beside as many transactions of `settle`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass

from scripts.gas.trace import DEPLOYER, Node, anvil, compile_programs
from scripts.generate.chain_fixtures import ANSWERS, CASES, Answer, Made, Model
from scripts.generate.settlement import sources_of
from verifier_gen import CONTRACT_NAME
from zkllm.errors import ZkllmError
from zkllm.outer.contract import verifier_contract
from zkllm.settle.abi import REGISTER, SETTLE, SETTLE_MANY, encode_call
from zkllm.settle.contracts import SETTLEMENT

COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Cost:
    """Gas of transactions, with calldata and base. `apart`: of as many of `settle`."""

    claims: int
    together: int
    apart: int
    calldata_bytes: int


def answers() -> list[Made]:
    """As many proofs of "single" as the largest batch has, of prompts of full length."""
    first = ANSWERS["single"]
    model = Model(CASES[first.case])
    prompts = [(i, *first.ids[1:]) for i in range(max(COUNTS))]
    return [model.prove(Answer(first.case, ids, first.context)) for ids in prompts]


def measure(made: list[Made], hardfork: str) -> list[Cost]:
    context, source = made[0].answer.context, verifier_contract(made[0].model.vk).source
    (verifier,) = compile_programs({f"{CONTRACT_NAME}.sol": source}, [CONTRACT_NAME])
    (settlement,) = compile_programs(sources_of(f"{SETTLEMENT}.sol"), [SETTLEMENT])
    sender, contract = "0x" + context.sender.hex(), "0x" + context.contract.hex()
    with anvil(context.chain_id, hardfork) as node:
        address = bytes.fromhex(node.send(DEPLOYER, None, verifier.creation)["contractAddress"][2:])
        owner = bytes.fromhex(DEPLOYER[2:]).rjust(32, b"\0")
        deployed = node.send(DEPLOYER, None, settlement.creation + owner)["contractAddress"]
        node("anvil_setCode", contract, node("eth_getCode", deployed, "latest"))
        node("anvil_setStorageAt", contract, "0x0", "0x" + owner.hex())
        node.send(DEPLOYER, contract, encode_call(REGISTER, address))
        settlements = [(address, m.answer.context.request_id, *m.settle_arguments) for m in made]
        apart = _gas(node, sender, contract, [encode_call(SETTLE, *one) for one in settlements])
        costs = []
        for count in COUNTS:
            data = encode_call(SETTLE_MANY, settlements[:count])
            (together,) = _gas(node, sender, contract, [data])
            costs.append(Cost(count, together, sum(apart[:count]), len(data)))
    return costs


def _gas(node: Node, sender: str, contract: str, calls: list[bytes]) -> list[int]:
    """Gas of each transaction; the chain is then as it was before them."""
    snapshot = node("evm_snapshot")
    used = [int(node.send(sender, contract, data)["gasUsed"], 16) for data in calls]
    node("evm_revert", snapshot)
    return used


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hardfork", default="osaka", help="osaka (default), prague ...")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    try:
        costs = measure(answers(), arguments.hardfork)
    except (ZkllmError, OSError) as error:
        print(f"gas: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps([vars(cost) for cost in costs], indent=2))
        return 0
    print(f"{'claims':>6}  {'gas':>9}  {'a claim':>9}  {'apart':>9}  {'saved':>5}  {'calldata':>8}")
    for cost in costs:
        saved = 1 - cost.together / cost.apart
        print(
            f"{cost.claims:>6}  {cost.together:>9,}  {cost.together // cost.claims:>9,}  {cost.apart:>9,}  "
            f"{saved:>5.0%}  {cost.calldata_bytes:>8,}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
