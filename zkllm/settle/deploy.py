"""Deploying a model's verifier and settlement contract once, at addresses that follow from their init code,
and checking what is deployed.
"""

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
from zkllm.settle.create2 import PROXY, create2_address, create2_calldata, require_proxy
from zkllm.settle.deployments import Deployment, Deployments
from zkllm.settle.networks import DEV_CHAIN_ID, MAINNET_CHAIN_ID, Network
from zkllm.settle.rpc import Receipt, Rpc, checksum_address
from zkllm.settle.transactions import Sender

Progress = Callable[[str, int, int], None]
WHAT = ("verifier", "settlement contract")


def refuse_development_srs(verifying_key: Any, network: Network) -> None:
    """Anyone can forge proofs under a development SRS: only for chains where nothing has a value."""
    worthless = network.chain_id == DEV_CHAIN_ID or network.testnet and network.chain_id != MAINNET_CHAIN_ID
    if verifying_key.srs_kind != "ceremony" and not worthless:
        remedy = "" if network.chain_id == MAINNET_CHAIN_ID else ", or say testnet: true of a test network"
        raise SettlementError(
            "this model was set up with the development SRS, whose secret is public, so anyone could forge "
            f"its answers on {network.name} (chain {network.chain_id}); set it up again with --srs FILE of a "
            f"ceremony{remedy}"
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
        refuse_development_srs(verifying_key, network)
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

    def addresses(self) -> tuple[bytes, bytes]:
        """(verifier, settlement): they commit to the init code, and with it to what storage began with."""
        ours, above = self.artifacts()
        verifier = create2_address(ours.creation)
        return verifier, create2_address(above.creation + verifier.rjust(32, b"\0"))

    def check(self, verifier: bytes, settlement: bytes) -> None:
        """Both contracts are, to the byte, what the compiler makes here, and were made by its init code."""
        ours, above = self.artifacts()
        expected = self.addresses()
        for what, given, computed in zip(WHAT, (verifier, settlement), expected, strict=True):
            if given != computed:
                raise CodeMismatch(
                    f"the contract at {checksum_address(given)} is not the {what} that this version deploys "
                    f"for this model and shape, which is at {checksum_address(computed)}; do not use it"
                )
        compare_code(WHAT[0], verifier, self.rpc.code(verifier), ours.code_with({}))
        code = above.code_with(settlement_immutables(self.key, verifier))
        compare_code(WHAT[1], settlement, self.rpc.code(settlement), code)

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
        if not self.rpc.code(settlement):
            raise SettlementError(
                f"there is no contract at {checksum_address(settlement)} on chain {self.network.chain_id}"
            )
        verifier, _ = self.addresses()
        self.check(verifier, settlement)
        return verifier, settlement

    def ensure(self, sender: Sender) -> Deployment:
        """The recorded deployment, or what is at the computed addresses already, or a new one."""
        found = self.find()
        if found is not None:
            return found
        ours, above = self.artifacts()
        verifier, settlement = self.addresses()
        require_proxy(self.rpc, self.network.chain_id)
        tag = self.key.verifier_id.hex()[:32]
        self._progress("deploy", 0, 2)
        first = self._deploy(sender, f"deploy-verifier-{tag}", ours, b"")
        self._progress("deploy", 1, 2)
        name = f"deploy-settlement-{tag}-{verifier.hex()[:16]}"
        second = self._deploy(sender, name, above, verifier.rjust(32, b"\0"))
        self._progress("deploy", 2, 2)
        self.check(verifier, settlement)
        deployment = Deployment(
            self.key.verifier_id,
            self.key.model_id,
            self.key.N,
            self.key.k,
            self.key.srs_kind,
            verifier,
            settlement,
            None if first is None else first.transaction_hash,
            None if second is None else second.transaction_hash,
            None if second is None else second.block_number,
        )
        self.deployments.add(deployment)
        return deployment

    def _deploy(self, sender: Sender, intent: str, artifact: Artifact, arguments: bytes) -> Receipt | None:
        """None where the contract is there already, and not by a transaction of ours."""
        init_code = artifact.creation + arguments
        if self.rpc.code(create2_address(init_code)):
            record = sender.journal.load(intent)
            return None if record is None else self.rpc.receipt(record.transaction_hash)
        receipt = sender.resume(intent, finished=True)
        missing = receipt is not None and receipt.succeeded and not self.rpc.code(create2_address(init_code))
        if missing and not self.network.local_node:
            raise SettlementError(
                f"the node does not show the code of {artifact.name}, whose deployment was mined; run the "
                "same command again later"
            )
        if receipt is None or not receipt.succeeded or missing:
            try:
                receipt = sender.send(intent, PROXY, create2_calldata(init_code))
            except SettlementError as error:
                raise explain(error) from None
        if not receipt.succeeded:
            raise SettlementError(f"deploying {artifact.name} failed: 0x{receipt.transaction_hash.hex()}")
        self.receipts[artifact.name] = receipt
        return receipt
