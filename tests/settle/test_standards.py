"""The adapters for other people's standards (contracts/src/adapters), deployed on a real Anvil: what Python
encodes for them is what they take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scripts.generate.settlement import sources_of
from tests.settle.toy import ToyModel
from verifier_gen.standard_json import standard_json
from zkllm.errors import SettlementError
from zkllm.settle.abi import SENTENCES, explain, read
from zkllm.settle.accounts import development_account
from zkllm.settle.contracts import Artifact, build
from zkllm.settle.rpc import Reverted, Rpc, to_hex
from zkllm.settle.session import Session
from zkllm.settle.standards import AnswerReport, ProofVerifierCall, proof_verifier_call
from zkllm.statement import Context

pytestmark = pytest.mark.slow

IDS = (5, 6, 7, 0)
CALLER = development_account(4).address
REQUEST = bytes([9] * 32)
REPORT = "(uint256,bytes32,uint32[],uint256,bytes,bytes32)"

Deploy = Callable[..., bytes]


def artifact(name: str) -> Artifact:
    return build(standard_json(sources_of(f"adapters/{name}.sol")), name)


@pytest.fixture
def deploy(rpc: Rpc) -> Deploy:
    """(name, types and values of the constructor's arguments) to the contract's address."""

    def deployed(name: str, types: tuple[str, ...] = (), values: tuple[object, ...] = ()) -> bytes:
        from eth_abi import encode

        transaction = {
            "from": to_hex(CALLER),
            "data": to_hex(artifact(name).creation + encode(types, values)),
        }
        receipt = rpc.request("eth_getTransactionReceipt", rpc.request("eth_sendTransaction", transaction))
        return bytes.fromhex(receipt["contractAddress"][2:])

    return deployed


def asked(rpc: Rpc, adapter: bytes, call: ProofVerifierCall, caller: bytes = CALLER) -> bool:
    data = {"from": to_hex(caller), "to": to_hex(adapter), "data": to_hex(call.calldata)}
    return int(rpc.request("eth_call", data, "latest"), 16) == 1


def test_proofs_are_verified_through_erc_8274(rpc, session: Session, model: ToyModel, deploy):
    adapter = deploy("ZkLLMProofVerifier")
    verifier = session.ensure_deployed(model.verifying_key).verifier
    proof = model.prove(IDS, Context(31337, adapter, CALLER, REQUEST))
    call = proof_verifier_call(proof, verifier)
    assert asked(rpc, adapter, call)
    assert not asked(rpc, adapter, call, development_account(5).address), "another caller"
    other = proof_verifier_call(model.prove(IDS, session.context(adapter, REQUEST)), verifier)
    assert not asked(rpc, adapter, other), "made for another caller"

    (system,) = read(rpc, adapter, "proofSystem()", ["string"])
    assert system == "zk/zkllm"
    with pytest.raises(SettlementError) as caught:
        refused(rpc, adapter, call, bytes(32))
    assert f"is about another prompt: its inputHash is {to_hex(call.input_hash)}" in str(caught.value)


def refused(rpc: Rpc, adapter: bytes, call: ProofVerifierCall, input_hash: bytes) -> None:
    signature = "check(address,bytes32,bytes32,bytes,bytes)"
    arguments = (to_hex(CALLER), input_hash, call.output_hash, call.metadata, call.proof)
    try:
        read(rpc, adapter, signature, [], *arguments)
    except Reverted as error:
        raise explain(error) from None


def test_reports_have_the_hashes_of_the_validator(rpc, session: Session, model: ToyModel, deploy):
    settlement = session.ensure_deployed(model.verifying_key).settlement
    addresses = (to_hex(settlement), to_hex(bytes([1] * 20)))
    validator = deploy("AnswerValidator", ("address", "address"), addresses)
    report = AnswerReport(7, model.verifying_key.model_id, IDS[:-1], 1, b" magic\xff", bytes([3] * 32))
    fields = (7, report.model_id, list(report.prompt), 1, report.text, report.salt)
    (hashed,) = read(rpc, validator, f"requestHashOf({REPORT})", ["bytes32"], fields)
    assert hashed == report.request_hash


@pytest.mark.parametrize("name", ["ZkLLMProofVerifier", "AnswerValidator", "AnswerToken"])
def test_every_error_has_its_sentence(name: str):
    inherited = ("ERC721", "StringsInsufficientHexLength")  # OpenZeppelin's
    errors = [
        f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})"
        for entry in artifact(name).abi
        if entry["type"] == "error" and not entry["name"].startswith(inherited)
    ]
    assert errors and not [e for e in errors if e not in SENTENCES]
