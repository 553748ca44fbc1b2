"""Where the gas of a settlement goes: an honest one on a local Anvil, traced, attributed to functions.

    python -m scripts.gas.table [--fixture single | --proof FILE --model DIR] [--detail] [--compare] [--json]

The proof, of a fixture of the contracts' tests or a file, is settled for real: chain, contract and sender are
the ones it was made for.
Every step of the trace is attributed, by the compiler's source map, to the Solidity function it comes from,
and functions are put together by what they are for. With --compare, verifiers of others (snarkjs, from npm)
are measured on the same chain in the same way.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.gas.peers import Peer, about, make_peers
from scripts.gas.trace import (
    DEPLOYER,
    FAR_DEADLINE,
    INTRINSIC,
    Node,
    anvil,
    attribute,
    compile_programs,
)
from scripts.generate.settlement import sources_of
from verifier_gen import CONTRACT_NAME
from zkllm.api import open_package
from zkllm.cli.models import verifying_key
from zkllm.errors import SettlementError, ZkllmError
from zkllm.outer.contract import verifier_contract
from zkllm.proof import Proof
from zkllm.settle.abi import REGISTER, REQUEST, REQUEST_SEALED, SETTLE, VERIFY, encode_call
from zkllm.settle.contracts import SETTLEMENT
from zkllm.settle.submission import calldata_gas, settle_arguments, verify_calldata

REWARD = 10**18
SNAPSHOT = (("single", "osaka"), ("single", "prague"), ("multi", "osaka"))
"""(fixture, hardfork) of the committed snapshot, contracts/gas.json."""

BY_KIND = {
    "pairing": "pairing, three pairs",
    "ecMul": "point multiplications",
    "ecAdd": "point additions",
    "event": "event",
}
REGISTRY, STORAGE = "registry, verifier's parameters", "storage of the claim"
REST = "ABI coding, statement, record, rest"
BY_FUNCTION = {
    name: group
    for group, names in {
        "transcript (keccak256)": ["_drawChallenges"],
        "field arithmetic": [
            *("_invertDenominators", "_deriveGateQuotient", "_derivePermutationQuotient", "_deriveMercury"),
            "_batchOpenings",
        ],
        "terms of the sum and pairs, in memory": ["_combineCommitments", "_completePairs", "_checkPairing"],
        "ranges, curve points, one encoding": [
            *("_isCanonical", "_encodingEnd", "_wordsInRange", "_scalarsInRange", "_pointsOnCurve")
        ],
        "vocabulary proof": [
            *("_checkTokens", "_distinct", "leafOf", "rootOf", "_parentOf", "depthOf", "isDepthOf")
        ],
        REGISTRY: ["_shapeOf", "_read", "parameters"],
        STORAGE: ["write"],
    }.items()
    for name in names
}
"""What each function's computation is for; anything else is the rest."""


@dataclass(frozen=True)
class Case:
    """A proof with everything that settling it takes."""

    name: str
    verifier_source: str
    fixed_columns: int
    witness_columns: int
    certified_tokens: int
    chain_id: int
    settlement: str
    sender: str
    verify: bytes
    statement: tuple[list[int], list[int], list[bytes], list[bytes]]
    """words, proof, siblings and tokens, as `settle` takes them."""
    request_id: bytes
    request: bytes | None
    """Calldata that posts the request, where there is one."""

    def settle(self, verifier: bytes) -> bytes:
        return encode_call(SETTLE, verifier, self.request_id, *self.statement)

    def calldata(self, settle: bytes) -> dict[str, int]:
        """Gas of the calldata by what it is."""
        words, proof, siblings, tokens = self.statement
        parts = {
            "calldata: proof": b"".join(x.to_bytes(32, "big") for x in proof),
            "calldata: vocabulary proof": b"".join(siblings) + b"".join(tokens),
            "calldata: statement": b"".join(x.to_bytes(32, "big") for x in words),
        }
        gas = {name: calldata_gas(data) for name, data in parts.items()}
        return gas | {"calldata: the rest": calldata_gas(settle) - sum(gas.values())}

    @classmethod
    def from_fixture(cls, name: str) -> Case:
        data = json.loads((ROOT / f"contracts/test/fixtures/{name}.json").read_text())
        words, proof = ([int(x, 16) for x in data[key]] for key in ("words", "proof"))
        siblings, tokens = ([bytes.fromhex(x[2:]) for x in data[key]] for key in ("siblings", "tokens"))
        request_id, context, model_id, salt = (
            bytes.fromhex(data[key][2:]) for key in ("requestId", "context", "modelId", "salt")
        )
        prompt = data["ids"][: len(data["ids"]) - data["k"]]
        rest = (data["k"], FAR_DEADLINE, salt)
        if data["sealed"]:
            asked = encode_call(REQUEST_SEALED, model_id, words[0], *rest)
        else:
            asked = encode_call(REQUEST, model_id, prompt, *rest)
        return cls(
            name=f"fixture {name}",
            verifier_source=(ROOT / f"contracts/generated/{name}/{CONTRACT_NAME}.sol").read_text(),
            fixed_columns=data["fixedColumns"],
            witness_columns=data["witnessColumns"],
            certified_tokens=data["k"],
            chain_id=data["chainId"],
            settlement=data["settlement"],
            sender=data["sender"],
            verify=encode_call(VERIFY, context, words, proof),
            statement=(words, proof, siblings, tokens),
            request_id=request_id,
            request=asked if any(request_id) else None,
        )

    @classmethod
    def from_proof(cls, path: Path, model: Path) -> Case:
        proof = Proof.load(path)
        if proof.context.is_empty:
            raise SettlementError(f"{path} was made without a context, so it cannot be settled")
        if any(proof.context.request_id):
            raise SettlementError(f"{path} answers a request, which a fresh chain does not have")
        package = open_package(model)
        vk = verifying_key(model, proof)
        return cls(
            name=path.name,
            verifier_source=verifier_contract(vk).source,
            fixed_columns=len(vk.fixed_commitments),
            witness_columns=vk.num_witness_columns,
            certified_tokens=vk.k,
            chain_id=proof.context.chain_id,
            settlement="0x" + proof.context.contract.hex(),
            sender="0x" + proof.context.sender.hex(),
            verify=verify_calldata(proof),
            statement=settle_arguments(proof, vk, package.tokenizer.token_bytes),
            request_id=proof.context.request_id,
            request=None,
        )


def measure(case: Case, hardfork: str, peers: list[Peer] | None = None) -> dict[str, Any]:
    """Settles the case on a fresh chain; gas of the transaction and of each part of it, and of the peers'
    verifiers."""
    (verifier,) = compile_programs({f"{CONTRACT_NAME}.sol": case.verifier_source}, [CONTRACT_NAME])
    (settlement,) = compile_programs(sources_of(f"{SETTLEMENT}.sol"), [SETTLEMENT])

    with anvil(case.chain_id, hardfork) as node:
        verifier_at = node.send(DEPLOYER, None, verifier.creation)["contractAddress"]
        verifier_address, owner = (bytes.fromhex(x[2:]) for x in (verifier_at, DEPLOYER))
        owner = owner.rjust(32, b"\0")
        deployed = node.send(DEPLOYER, None, settlement.creation + owner)["contractAddress"]
        node("anvil_setCode", case.settlement, node("eth_getCode", deployed, "latest"))
        node("anvil_setStorageAt", case.settlement, "0x0", "0x" + owner.hex())
        node.send(DEPLOYER, case.settlement, encode_call(REGISTER, verifier_address))
        if case.request is not None:
            node.send(case.sender, case.settlement, case.request, REWARD)
        alone = node.send(case.sender, verifier_at, case.verify)
        settle = case.settle(verifier_address)
        receipt = node.send(case.sender, case.settlement, settle)
        trace = node("debug_traceTransaction", receipt["transactionHash"], {"disableStorage": True})
        compared = [measure_peer(node, peer) for peer in peers or ()]
    used = attribute(trace["structLogs"], {1: settlement, 2: verifier})
    alone_total, total = int(alone["gasUsed"], 16), int(receipt["gasUsed"], 16)
    groups = Counter({"base of a transaction": INTRINSIC} | case.calldata(settle))
    for (where, what), gas in used.items():
        groups[group_of(where, what)] += gas
    result = {
        "case": case.name,
        "hardfork": hardfork,
        "fixed_columns": case.fixed_columns,
        "witness_columns": case.witness_columns,
        "certified_tokens": case.certified_tokens,
        "verifier_code_bytes": verifier.code_bytes,
        "settlement_calldata_bytes": len(settle),
        "verify_calldata_bytes": len(case.verify),
        "verification_gas": alone_total - INTRINSIC - calldata_gas(case.verify),
        "verification_transaction_gas": alone_total,
        "settlement_transaction_gas": total,
        "groups": [{"what": what, "gas": gas} for what, gas in groups.most_common()],
        "parts": [
            {"where": "transaction", "what": "intrinsic", "gas": INTRINSIC},
            {"where": "transaction", "what": "calldata", "gas": calldata_gas(settle)},
            *({"where": where, "what": what, "gas": gas} for (where, what), gas in used.most_common()),
        ],
    }
    return result | ({"peers": compared} if compared else {})


def group_of(where: str, what: str) -> str:
    """The line of the table that a part of the trace belongs to."""
    group = BY_FUNCTION.get(where.partition(".")[2], REST)
    if group in (REGISTRY, STORAGE):
        return group
    if what == "storage":
        return STORAGE
    return group if what == "computation" else BY_KIND.get(what, REST)


def measure_peer(node: Node, peer: Peer) -> dict[str, Any]:
    """A verifier of somebody else: deployed, called in a transaction, measured as ours is."""
    (program,) = compile_programs({f"{peer.contract}.sol": peer.source}, [peer.contract])
    address = node.send(DEPLOYER, None, program.creation)["contractAddress"]
    call = {"from": DEPLOYER, "to": address, "data": "0x" + peer.calldata.hex()}
    if int(node("eth_call", call, "latest"), 16) != 1:
        raise RuntimeError(f"{peer.name} refuses its own proof")
    total = int(node.send(DEPLOYER, address, peer.calldata)["gasUsed"], 16)
    return {
        "name": peer.name,
        "calldata_bytes": len(peer.calldata),
        "verification_gas": total - INTRINSIC - calldata_gas(peer.calldata),
        "verification_transaction_gas": total,
    }


def print_table(result: dict[str, Any], detail: bool) -> None:
    print(
        f"{result['case']}: {result['fixed_columns']} fixed and {result['witness_columns']} witness columns, "
        f"{result['certified_tokens']} certified token(s), hardfork {result['hardfork']}\n"
    )
    print(f"{'gas':>9}  settling")
    for group in result["groups"]:
        print(f"{group['gas']:>9,}  {group['what']}")
    listed = sum(group["gas"] for group in result["groups"])
    print(f"{listed:>9,}  sum; the transaction used {result['settlement_transaction_gas']:,}\n")
    if detail:
        print(f"{'gas':>9}  by function")
        for part in result["parts"]:
            print(f"{part['gas']:>9,}  {part['where']}: {part['what']}")
        print()
    ours = result | {"name": "this verifier", "calldata_bytes": result["verify_calldata_bytes"]}
    print(f"{'execution':>9}  {'transaction':>11}  {'calldata':>8}  verification alone")
    for line in [ours, *result.get("peers", ())]:
        print(
            f"{line['verification_gas']:>9,}  {line['verification_transaction_gas']:>11,}  "
            f"{line['calldata_bytes']:>8,}  {line['name']}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fixture", default="single", help="name in contracts/test/fixtures")
    parser.add_argument("--proof", type=Path, help="a proof file made for a settlement, instead of a fixture")
    parser.add_argument("--model", type=Path, help="its model package")
    parser.add_argument("--hardfork", default="osaka", help="osaka (default), prague ...")
    parser.add_argument("--detail", action="store_true", help="also by function")
    parser.add_argument("--compare", action="store_true", help="also verifiers of others; half a minute more")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if (arguments.proof is None) != (arguments.model is None):
        parser.error("--proof and --model belong together")
    try:
        if arguments.proof:
            case = Case.from_proof(arguments.proof, arguments.model)
        else:
            case = Case.from_fixture(arguments.fixture)
        peers = []
        if arguments.compare:
            print("gas: proofs of others, half a minute", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                peers = make_peers(Path(folder))
        result = measure(case, arguments.hardfork, peers)
    except (ZkllmError, OSError) as error:
        print(f"gas: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"gas: {' '.join(error.cmd[:4])} failed: {error.stdout}{error.stderr}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(result, indent=2))
        return 0
    print_table(result, arguments.detail)
    if peers:
        print(f"\n{about(peers)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
