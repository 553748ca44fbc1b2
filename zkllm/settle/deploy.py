"""Deploying a model's verifier and settlement contract once, and checking what is deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zkllm.errors import SettlementError
from zkllm.model.vocabulary import tree_depth
from zkllm.settle.abi import explain
from zkllm.settle.contracts import (
    Artifact,
    CodeMismatch,
    compare_code,
    settlement_artifact,
    verifier_artifact,
)
from zkllm.settle.deployments import Deployment, Deployments
from zkllm.settle.networks import MAINNET_CHAIN_ID, Network
from zkllm.settle.rpc import Receipt, Rpc, checksum_address
from zkllm.settle.transactions import Sender

Progress = Callable[[str, int, int], None]


def refuse_development_srs(verifying_key: Any, chain_id: int) -> None:
    """Anyone can forge proofs under a development SRS: never on the main network."""
    if verifying_key.srs_kind != "ceremony" and chain_id == MAINNET_CHAIN_ID:
        raise SettlementError(
            "this model was set up with the development SRS, whose secret is public; set it up again with "
            "--srs FILE of a ceremony before using Ethereum's main network"
        )


def settlement_immutables(verifying_key: Any, verifier: bytes) -> dict[str, bytes]:
    """What the settlement contract must hold for this key and this verifier."""
    number = lambda x: int(x).to_bytes(32, "big")
    return {
        "VERIFIER": verifier.rjust(32, b"\0"),
        "MODEL_ID": verifying_key.model_id,
        "VOCABULARY_ROOT": verifying_key.vocabulary_root,
        "DEPTH": number(tree_depth(verifying_key.vocab_size)),
        "N": number(verifying_key.N),
        "K": number(verifying_key.k),
    }


class Deployer:
    """The contracts of one verifying key on one chain."""

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        deployments: Deployments,
        verifying_key: Any,
        progress: Progress | None,
    ):
        refuse_development_srs(verifying_key, network.chain_id)
        self.rpc, self.network, self.deployments, self.key = rpc, network, deployments, verifying_key
        self._progress = progress or (lambda stage, done, total: None)
        self._artifacts: tuple[Artifact, Artifact] | None = None
        self.receipts: dict[str, Receipt] = {}

    def artifacts(self) -> tuple[Artifact, Artifact]:
        """(verifier, settlement)."""
        if self._artifacts is None:
            self._progress("compile the contracts", 0, 2)
            verifier = verifier_artifact(self.key)
            self._progress("compile the contracts", 1, 2)
            self._artifacts = verifier, settlement_artifact()
            self._progress("compile the contracts", 2, 2)
        return self._artifacts

    def check(self, verifier: bytes, settlement: bytes) -> None:
        """Both contracts are, to the byte, what the compiler makes here."""
        ours, above = self.artifacts()
        compare_code("verifier", verifier, self.rpc.code(verifier), ours.code_with({}))
        expected = above.code_with(settlement_immutables(self.key, verifier))
        compare_code("settlement contract", settlement, self.rpc.code(settlement), expected)

    def find(self) -> Deployment | None:
        """The recorded deployment, checked. A local chain that was started anew has none."""
        found = self.deployments.latest(self.key.verifier_id)
        if found is None:
            return None
        try:
            self.check(found.verifier, found.settlement)
        except CodeMismatch:
            if not self.network.local_node:
                raise
            self.deployments.drop(found)
            return None
        return found

    def at(self, settlement: bytes) -> tuple[bytes, bytes]:
        """(verifier, settlement) of a settlement contract given by its address, checked."""
        from zkllm.settle.abi import read

        if not self.rpc.code(settlement):
            raise SettlementError(
                f"there is no contract at {checksum_address(settlement)} on chain {self.network.chain_id}"
            )
        try:
            (verifier,) = read(self.rpc, settlement, "VERIFIER()", ["address"])
        except SettlementError:
            raise SettlementError(
                f"the contract at {checksum_address(settlement)} is no settlement contract"
            ) from None
        address = bytes.fromhex(verifier[2:])
        self.check(address, settlement)
        return address, settlement

    def ensure(self, sender: Sender) -> Deployment:
        """The recorded deployment, or a new one."""
        found = self.find()
        if found is not None:
            return found
        ours, above = self.artifacts()
        tag = self.key.verifier_id.hex()[:32]
        self._progress("deploy", 0, 2)
        first = self._deploy(sender, f"deploy-verifier-{tag}", ours, b"")
        self._progress("deploy", 1, 2)
        verifier = _address(first)
        name = f"deploy-settlement-{tag}-{verifier.hex()[:16]}"
        second = self._deploy(sender, name, above, verifier.rjust(32, b"\0"))
        self._progress("deploy", 2, 2)
        settlement = _address(second)
        self.check(verifier, settlement)
        deployment = Deployment(
            self.key.verifier_id,
            self.key.model_id,
            self.key.N,
            self.key.k,
            self.key.srs_kind,
            verifier,
            settlement,
            first.transaction_hash,
            second.transaction_hash,
            second.block_number,
        )
        self.deployments.add(deployment)
        return deployment

    def _deploy(self, sender: Sender, intent: str, artifact: Artifact, arguments: bytes) -> Receipt:
        receipt = sender.resume(intent, finished=True)
        if receipt is None or not receipt.succeeded or not self.rpc.code(_address(receipt)):
            try:
                receipt = sender.send(intent, None, artifact.creation + arguments)
            except SettlementError as error:
                raise explain(error) from None
        if not receipt.succeeded:
            raise SettlementError(f"deploying {artifact.name} failed: 0x{receipt.transaction_hash.hex()}")
        self.receipts[artifact.name] = receipt
        return receipt


def _address(receipt: Receipt) -> bytes:
    if receipt.contract_address is None:
        raise SettlementError("the node reports no address for a deployed contract")
    return receipt.contract_address
