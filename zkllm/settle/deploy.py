"""Deploying a model's verifier and the settlement contract once, at addresses that follow from their init
code, registering the one with the other, and checking what is deployed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from zkllm.errors import SettlementError, reason
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.abi import REGISTER, encode_call, explain, explain_revert, selector
from zkllm.settle.contracts import (
    Artifact,
    CodeMismatch,
    compare_code,
    settlement_artifact,
    verifier_artifact,
)
from zkllm.settle.create2 import PROXY, create2_address, create2_calldata, require_proxy
from zkllm.settle.deployments import Deployment, Deployments
from zkllm.settle.fees import Call, require_means
from zkllm.settle.lagging import shown
from zkllm.settle.networks import DEV_CHAIN_ID, MAINNET_CHAIN_ID, Network
from zkllm.settle.registry import Status, owner_of, status_of, verifiers_of
from zkllm.settle.rpc import Receipt, Rpc, checksum_address
from zkllm.settle.settlement import check_settlement, settlement_address, settlement_init_code, word
from zkllm.settle.transactions import Sender
from zkllm.settle.unsigned import unsigned_transactions

Progress = Callable[[str, int, int], None]
VERIFIER, SETTLEMENT, REGISTRATION = "ZkLLMVerifier", "ZkLLMSettlement", "registration"
"""What a plan's calls make, and names of their receipts."""
WHAT = {VERIFIER: "verifier", SETTLEMENT: "settlement contract"}
REGISTER_GAS = 250_000
"""Above what registering takes, for when the node cannot estimate it: before the contracts are there."""


class Unregistered(SettlementError):
    """A settlement contract does not know the verifier."""


def refuse_development_srs(verifying_key: VerifyingKey, network: Network) -> None:
    """Anyone can forge proofs under a development SRS: only for chains where nothing has a value."""
    worthless = network.chain_id == DEV_CHAIN_ID or network.testnet and network.chain_id != MAINNET_CHAIN_ID
    if verifying_key.development_srs and not worthless:
        remedy = "" if network.chain_id == MAINNET_CHAIN_ID else ", or say testnet: true of a test network"
        raise SettlementError(
            "this model was set up with the development SRS, whose secret is public, so anyone could forge "
            f"its answers on {network.name} (chain {network.chain_id}); set it up again with --srs FILE of a "
            f"ceremony{remedy}"
        )


@dataclass(frozen=True)
class Plan:
    """Where the contracts of a key are or will be, and what is left to do, in order."""

    verifier: bytes
    settlement: bytes
    initial_owner: bytes
    steps: tuple[tuple[str, Call], ...]  # (what it makes, the call)
    awaited_owner: bytes | None  # who has to register the verifier, where the account is not the owner

    @property
    def calls(self) -> list[Call]:
        return [call for _, call in self.steps]

    def not_registered(self) -> SettlementError:
        assert self.awaited_owner is not None
        return SettlementError(
            f"the verifier {checksum_address(self.verifier)} is not registered with the settlement contract "
            f"{checksum_address(self.settlement)}, and this account is not the owner, "
            f"{checksum_address(self.awaited_owner)}, who has to run the command deploy"
        )


class Deployer:
    """The contracts of one verifying key on one chain."""

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        deployments: Deployments,
        verifying_key: VerifyingKey,
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

    # ---- addresses: they commit to the init code, and with it to what storage began with
    def verifier_address(self) -> bytes:
        return create2_address(self.artifacts()[0].creation)

    # ---- checking
    def check_verifier(self) -> bytes:
        """The verifier's address, where its code is, to the byte, what the compiler makes here."""
        ours, address = self.artifacts()[0], self.verifier_address()
        compare_code(WHAT[VERIFIER], address, self.rpc.code(address), ours.code_with({}))
        return address

    def check_settlement(self, settlement: bytes) -> bytes:
        """Its initial owner, where it is what this version deploys."""
        return check_settlement(self.rpc, self.network.chain_id, settlement)

    def at(self, settlement: bytes) -> tuple[bytes, bytes]:
        """(verifier, settlement) of a settlement contract given by its address, both checked, the verifier
        registered and not frozen."""
        self.check_settlement(settlement)
        status = status_of(self.rpc, settlement, self.verifier_address())
        if status is Status.UNKNOWN:
            raise Unregistered(str(self._refused("UnknownVerifier(address)")))
        if status is Status.FROZEN:
            raise self._refused("FrozenVerifier(address)")
        return self.check_verifier(), settlement

    def _refused(self, error: str) -> SettlementError:
        return SettlementError(explain_revert(selector(error) + word(self.verifier_address()), ""))

    def find(self, initial_owner: bytes | None = None) -> Deployment | None:
        """The recorded deployment, checked. A local chain that was started anew has none."""
        # a verifier at another address is that of another version of this program
        found = self.deployments.latest(self.key.verifier_id, initial_owner, self.verifier_address())
        if found is None:
            return None
        try:
            self.at(found.settlement)
        except (CodeMismatch, Unregistered):
            if not self.network.local_node:
                raise
            self.deployments.drop(found)
            return None
        return found

    # ---- deploying
    def target(self, account: bytes, owner: bytes | None = None, contract: bytes | None = None) -> Plan:
        """The recorded deployment, with nothing left to do, or else a plan."""
        found = self.find(owner) if contract is None else None
        if found is not None:
            return Plan(found.verifier, found.settlement, found.initial_owner, (), None)
        return self.plan(account, owner, contract)

    def plan(self, account: bytes, owner: bytes | None = None, contract: bytes | None = None) -> Plan:
        """What is left to do, after checking what is there. `owner`: of a settlement contract to deploy, the
        account by default; `contract`: one that is there."""
        ours = self.artifacts()[0]
        verifier = self.verifier_address()
        if contract is not None:
            initial, settlement = self.check_settlement(contract), contract
            if owner not in (None, initial):
                raise SettlementError(f"the first owner of {checksum_address(contract)} is another")
        else:
            initial = owner or account
            if not any(initial):
                raise SettlementError(
                    "a settlement contract cannot begin without an owner: name one with --owner, who can "
                    "give the ownership up later (renounce-ownership)"
                )
            settlement = settlement_address(initial)
        steps: list[tuple[str, Call]] = []
        if self.rpc.code(verifier):
            self.check_verifier()
        else:
            steps.append((VERIFIER, self._creation(VERIFIER, verifier, ours.creation)))
        there = bool(self.rpc.code(settlement))
        if there:
            self.check_settlement(settlement)
        else:
            steps.append((SETTLEMENT, self._creation(SETTLEMENT, settlement, settlement_init_code(initial))))
        if steps:
            require_proxy(self.rpc, self.network.chain_id)
        awaited = None
        if not there or not self._is_registered(settlement):
            present = owner_of(self.rpc, settlement) if there else initial
            call = Call(
                f"register-{verifier.hex()}-{settlement.hex()}",
                "register the verifier",
                settlement,
                encode_call(REGISTER, verifier),
                gas=REGISTER_GAS if steps else None,
            )
            steps.append((REGISTRATION, call))
            if present != account:
                awaited = present
                steps.pop()
        return Plan(verifier, settlement, initial, tuple(steps), awaited)

    def _creation(self, name: str, address: bytes, init_code: bytes) -> Call:
        return Call(f"deploy-{address.hex()}", f"deploy the {WHAT[name]}", PROXY, create2_calldata(init_code))

    def _is_registered(self, settlement: bytes) -> bool:
        status = status_of(self.rpc, settlement, self.verifier_address())
        if status is Status.FROZEN:
            raise self._refused("FrozenVerifier(address)")
        if status is Status.ACTIVE:
            return True
        for other in verifiers_of(self.rpc, settlement, self.key.model_id):
            if other.shape == self.key.shape:
                shape = self.key.model_id + b"".join(x.to_bytes(32, "big") for x in map(int, other.shape))
                error = selector("ShapeTaken(bytes32,uint256,uint256,bool)")
                raise SettlementError(explain_revert(error + shape, ""))
        return False

    def ensure(
        self,
        sender: Sender,
        owner: bytes | None = None,
        contract: bytes | None = None,
        unregistered: bool = False,
    ) -> Deployment:
        """The recorded deployment, or what is at the computed addresses already, or a new one. With
        `unregistered`, also where somebody else has to register the verifier."""
        if contract is None and not unregistered:
            found = self.find(owner)
            if found is not None:
                return found
        plan = self.plan(sender.account.address, owner, contract)
        if plan.awaited_owner is not None and not unregistered:
            raise plan.not_registered()
        self._check_balance(sender, plan)
        hashes = self._run(sender, plan)
        if plan.awaited_owner is None:
            shown(self.network, lambda: self.at(plan.settlement))
        deployment = Deployment(
            self.key.verifier_id,
            self.key.model_id,
            self.key.N,
            self.key.k,
            self.key.sealed,
            self.key.srs_kind,
            plan.verifier,
            plan.settlement,
            plan.initial_owner,
            hashes.get(VERIFIER),
            hashes.get(SETTLEMENT),
            hashes.get(REGISTRATION),
        )
        if plan.awaited_owner is None:
            self._record(deployment)
        return deployment

    def _check_balance(self, sender: Sender, plan: Plan) -> None:
        """The account can pay for all that is left to do, before the first part of it is paid."""
        if not plan.calls or any(sender.journal.load(call.intent) for call in plan.calls):
            return  # an earlier run has begun: each part is looked at by itself
        account = sender.account.address
        planned = unsigned_transactions(self.rpc, self.network, account, plan.calls)
        what = "to " + ", ".join(call.what for call in plan.calls)
        require_means(self.rpc, account, sum(t["most"] for t in planned), what)

    def _record(self, deployment: Deployment) -> None:
        try:
            self.deployments.add(deployment)
        except OSError as error:  # what is deployed is found again at its computed address
            raise SettlementError(
                f"the contracts are deployed, but {self.deployments.path} cannot be written: {reason(error)}"
            ) from None

    def _run(self, sender: Sender, plan: Plan) -> dict[str, bytes]:
        """Hashes of the transactions, this run's and earlier ones' of this journal, by what they made."""
        hashes = {}
        left = dict(plan.steps)
        done = {
            VERIFIER: lambda: bool(self.rpc.code(plan.verifier)),
            SETTLEMENT: lambda: bool(self.rpc.code(plan.settlement)),
            REGISTRATION: lambda: status_of(self.rpc, plan.settlement, plan.verifier) is not Status.UNKNOWN,
        }
        intents = {
            VERIFIER: f"deploy-{plan.verifier.hex()}",
            SETTLEMENT: f"deploy-{plan.settlement.hex()}",
            REGISTRATION: f"register-{plan.verifier.hex()}-{plan.settlement.hex()}",
        }
        for index, name in enumerate(done):
            self._progress("deploy", index, len(done))
            if name in left:
                if name == REGISTRATION:
                    # what is registered is what was meant
                    shown(self.network, self.check_verifier)
                    shown(self.network, lambda: self.check_settlement(plan.settlement))
                receipt = self._send(sender, replace(left[name], gas=None), done[name])
                self.receipts[name] = receipt
                hashes[name] = receipt.transaction_hash
            else:
                record = sender.journal.load(intents[name])
                if record is not None:
                    hashes[name] = record.transaction_hash
        self._progress("deploy", len(done), len(done))
        return hashes

    def _send(self, sender: Sender, call: Call, is_done: Callable[[], bool]) -> Receipt:
        receipt = sender.resume(call.intent, finished=True)
        missing = receipt is not None and receipt.succeeded and not shown(self.network, is_done)
        if missing and not self.network.local_node:
            raise SettlementError(
                f"the node does not show the effect of the transaction to {call.what}, which was mined; run "
                "the same command again later"
            )
        if receipt is None or not receipt.succeeded or missing:
            try:
                receipt = sender.send(call)
            except SettlementError as error:
                raise explain(error) from None
        if not receipt.succeeded:
            raise SettlementError(
                f"the transaction to {call.what} failed: 0x{receipt.transaction_hash.hex()}"
            )
        shown(self.network, is_done)  # to whichever node is asked next
        return receipt
