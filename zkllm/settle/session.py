"""One account on one network: deploy, submit a proof, read the claim back.

The order is chosen so that nothing is paid before everything that can be known was checked: the proof's
context, the proof itself in pure Python, the deployed code, and a simulation of the call on the node.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from zkllm.errors import SettlementError, reason
from zkllm.files import JsonObject
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.settle import escrow
from zkllm.settle.abi import SettledEvent, explain, explain_revert, read, selector, settled_event
from zkllm.settle.accounts import Account, KeySource
from zkllm.settle.anvil import LocalNode
from zkllm.settle.claims import claims_in, is_settled
from zkllm.settle.contracts import settlement_artifact
from zkllm.settle.deploy import Deployer, Plan, Progress
from zkllm.settle.deployments import Deployment, Deployments
from zkllm.settle.endpoint import Unavailable
from zkllm.settle.fees import SETTLE_GAS, Call, Fees, require_means
from zkllm.settle.journal import Journal
from zkllm.settle.lagging import shown
from zkllm.settle.networks import Network
from zkllm.settle.rpc import PATIENCE, Receipt, Rpc, WrongChain, checksum_address
from zkllm.settle.settlement import check_settlement, settlement_address
from zkllm.settle.submission import Submission, calldata_gas, settle_calldata
from zkllm.settle.transactions import Sender
from zkllm.settle.unsigned import unsigned_transactions
from zkllm.statement import Context

HOME_ENVIRONMENT = "ZKLLM_HOME"
SETTLE_PREFIX = "settle-"
"""With which the intents of settlements begin."""


def default_home() -> Path:
    """Where transactions and deployments are recorded."""
    return Path(os.environ.get(HOME_ENVIRONMENT) or ".zkllm")


class ReadBack:
    """A claim as it was read back from the chain."""

    text: bytes

    def to_dict(self) -> JsonObject:
        """For JSON: bytes in hexadecimal, addresses with checksums."""
        out: JsonObject = {}
        for name, value in vars(self).items():
            if name in ("verifier", "settlement", "sender"):
                value = checksum_address(value)
            elif isinstance(value, bytes):
                value = "0x" + value.hex()
            out[name] = list(value) if isinstance(value, tuple) else value
        return out | {"text_utf8": self.text.decode("utf-8", errors="replace")}


@dataclass(frozen=True)
class Settled(ReadBack):
    """That a transaction of its own settled."""

    claim_id: bytes
    model_id: bytes
    prompt_ids: tuple[int, ...] | None  # None where the prompt is sealed
    token_ids: tuple[int, ...]
    text: bytes
    chain_id: int
    verifier: bytes
    settlement: bytes
    sender: bytes
    request_id: bytes
    reward: int  # wei, credited by the request; 0 without one
    srs_kind: str
    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    gas_used: int
    gas_price: int
    calldata_bytes: int
    calldata_gas: int
    resumed: bool
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A proof that was checked in every way, ready to be sent."""

    call: Call
    submission: Submission
    verifier: bytes
    settlement: bytes


class Session:
    """Made by `open_session`."""

    def __init__(
        self, rpc: Rpc, network: Network, account: Account, home: Path, progress: Progress | None = None
    ):
        self.rpc, self.network, self.account, self.home = rpc, network, account, home
        self.deployments = Deployments(home / "deployments", network.chain_id)
        journal = Journal(home / "transactions" / str(network.chain_id))
        self._progress = progress or (lambda stage, done, total: None)
        self.sender = Sender(rpc, network, account, journal, explain=explain, progress=self._progress)
        self.own_chain: LocalNode | None = None
        """A local chain that ends with this session, and goes on with the next one."""
        self.deployed: dict[str, Receipt] = {}
        """Receipts of what this session deployed."""

    def capped(self, fee_cap: int) -> Session:
        """The same account and records, offering at most so much, in wei a gas."""
        network = replace(self.network, fee_cap=fee_cap)
        return Session(self.rpc, network, self.account, self.home, self._progress)

    def deployer(self, verifying_key: VerifyingKey) -> Deployer:
        return Deployer(self.rpc, self.network, self.deployments, verifying_key, self._progress)

    def ensure_deployed(
        self,
        verifying_key: VerifyingKey,
        owner: bytes | None = None,
        contract: bytes | None = None,
        unregistered: bool = False,
    ) -> Deployment:
        """The contracts of this key, deployed and registered now where they are not yet. `owner`: of the
        settlement contract, this account by default; `contract`: one that is there. `unregistered`: also
        where the owner is another account, who registers the verifier later."""
        deployer = self.deployer(verifying_key)
        deployment = deployer.ensure(self.sender, owner, contract, unregistered)
        self.deployed |= deployer.receipts
        return deployment

    def target(
        self, verifying_key: VerifyingKey, owner: bytes | None = None, contract: bytes | None = None
    ) -> Plan:
        """Where this key's proofs are settled, and what is left to do for that."""
        deployer = self.deployer(verifying_key)
        if owner is None and contract is None and not any(self.account.address):
            self._refuse_nobody([d for d in self.deployments.all() if d.model_id == verifying_key.model_id])
        return deployer.target(self.account.address, owner, contract)

    @staticmethod
    def _refuse_nobody(recorded: Sequence[object]) -> None:
        """Without an account, a record or a name, there is no telling which contract is meant."""
        if not recorded:
            raise SettlementError(
                "which settlement contract? give --contract ADDRESS, --owner ADDRESS, or an account"
            )

    def locate(self, owner: bytes | None = None, contract: bytes | None = None) -> bytes:
        """The settlement contract that is meant, checked: `contract`, or that of its first owner, or the one
        of the records, or this account's."""
        if contract is None and owner is None:
            recorded = {d.settlement for d in self.deployments.all()}
            if len(recorded) > 1:
                raise SettlementError(
                    "several settlement contracts are recorded: name one with --contract ADDRESS"
                )
            contract = next(iter(recorded), None)
            if not any(self.account.address):
                self._refuse_nobody(list(recorded))
        address = contract or settlement_address(owner or self.account.address)
        check_settlement(self.rpc, self.network.chain_id, address)
        return address

    def check_tools(self, owner: bytes | None = None, contract: bytes | None = None) -> None:
        """What can be known before a model is opened: that there is a compiler, and the contract that is
        named."""
        settlement_artifact()
        if contract is not None:
            self.locate(owner, contract)

    def is_begun(self, claim_id: bytes, plan: Plan) -> bool:
        """Whether an earlier run has sent a part of it, so that it is only taken up."""
        intents = [settle_intent(claim_id, plan.settlement), *(call.intent for call in plan.calls)]
        return any(map(self.sender.is_unfinished, intents))

    def check_means(self, calls: Sequence[Call]) -> None:
        """Before time is spent on a proof: the account can pay for these calls and for settling an answer, at
        what is offered now."""
        fees = Fees.suggest(self.rpc, self.network)
        cost = sum(t["most"] for t in self.planned(calls)) + SETTLE_GAS * fees.max_fee
        what = "to " + ", ".join([*(call.what for call in calls), "settle the answer"])
        require_means(self.rpc, self.account.address, cost, what)

    def planned(self, calls: Sequence[Call]) -> list[JsonObject]:
        """The calls as transactions for another wallet to sign."""
        return unsigned_transactions(self.rpc, self.network, self.account.address, calls)

    def context(self, settlement: bytes, request_id: bytes = bytes(32)) -> Context:
        """What a proof must be made for to be settled there by this account."""
        return Context(self.network.chain_id, settlement, self.account.address, request_id)

    def check_context(self, proof: Proof) -> None:
        """Refuses a proof that was made for another chain or sender, before anything is sent."""
        made, chain_id = proof.context, self.network.chain_id
        if made.is_empty:
            raise SettlementError(
                "the proof was made without a context, so it cannot be settled; prove again with --context "
                f"{chain_id}:CONTRACT:{checksum_address(self.account.address)}"
            )
        if made.chain_id != chain_id:
            raise SettlementError(
                f"the proof was made for chain {made.chain_id}, {self.network.name} is chain {chain_id}; "
                "prove again"
            )
        if made.sender != self.account.address:
            raise SettlementError(
                f"the proof was made for the sender {checksum_address(made.sender)}, this account is "
                f"{checksum_address(self.account.address)}; prove again, or use that account"
            )

    def refuse_settled(self, claim_id: bytes, settlement: bytes, request_id: bytes | None = None) -> None:
        """Refuses a claim that is settled, and a request that settling it would not fulfil, before time is
        spent on the proof; an unfinished run of our own is taken up instead."""
        if self.sender.is_unfinished(settle_intent(claim_id, settlement)):
            return
        if is_settled(self.rpc, settlement, claim_id):
            reason = explain_revert(selector("AlreadySettled(bytes32)") + claim_id, "")
            raise SettlementError(reason)
        if request_id is not None and any(request_id):
            escrow.check_request(self.rpc, settlement, request_id, claim_id)

    def prepare(
        self,
        proof: Proof,
        verifying_key: VerifyingKey,
        tokens: Sequence[bytes],
        settlement: bytes | None = None,
        verified: bool = False,
        clock: _Clock | None = None,
    ) -> Prepared:
        """All checks that need no transaction: context, proof, tokens, deployed code, registration, request.

        `settlement`: where the caller means to settle; by default the contract that the proof was made for.
        `verified`: the caller has just verified the proof.
        """
        clock = clock or _Clock({})
        self.check_context(proof)
        if settlement is not None and proof.context.contract != settlement:
            raise SettlementError(
                f"the proof was made for the contract {checksum_address(proof.context.contract)}, not for "
                f"{checksum_address(settlement)}; prove again"
            )
        deployer = self.deployer(verifying_key)
        if not verified:
            self._progress("verify", 0, 1)
            proof.verify(verifying_key)
            self._progress("verify", 1, 1)
            clock.lap("verify")
        verifier, settlement = deployer.at(proof.context.contract)
        submission = settle_calldata(proof, verifying_key, tokens, verifier)
        clock.lap("check the contracts")
        intent = settle_intent(submission.claim_id, settlement)
        call = Call(intent, "settle the answer", settlement, submission.calldata)
        return Prepared(call, submission, verifier, settlement)

    def settle(
        self,
        proof: Proof,
        verifying_key: VerifyingKey,
        tokens: Sequence[bytes],
        settlement: bytes | None = None,
        verified: bool = False,
    ) -> Settled:
        """Submits a proof, waits, and reads the claim back. Arguments as of `prepare`."""
        timings: dict[str, float] = {}
        clock = _Clock(timings)
        prepared = self.prepare(proof, verifying_key, tokens, settlement, verified, clock)
        submission, settlement = prepared.submission, prepared.settlement
        receipt = self.sender.resume(prepared.call.intent)
        resumed = receipt is not None
        if receipt is None:
            self.refuse_under_way([submission.claim_id], settlement, prepared.call.intent)
            self.simulate(prepared)
            clock.lap("simulate")
            receipt = self.sender.send(prepared.call)
        clock.lap("confirm")
        if not receipt.succeeded:
            self.simulate(prepared)  # says why, where the reason still holds
            raise failed_on_chain(receipt)
        event = settled_event(receipt.logs, settlement)
        self.check_claim(proof, settlement, submission, event)
        reward = self.reward(proof, settlement)
        clock.lap("read back")
        return Settled(
            submission.claim_id,
            verifying_key.model_id,
            proof.prompt,
            submission.token_ids,
            submission.text,
            self.network.chain_id,
            prepared.verifier,
            settlement,
            self.account.address,
            proof.context.request_id,
            reward,
            verifying_key.srs_kind,
            receipt.transaction_hash,
            receipt.block_number,
            receipt.block_hash,
            receipt.gas_used,
            receipt.gas_price,
            len(submission.calldata),
            calldata_gas(submission.calldata),
            resumed,
            timings,
        )

    def refuse_under_way(self, claims: Sequence[bytes], settlement: bytes, intent: str) -> None:
        """Refuses claims that an unfinished transaction of another intent is to settle, alone or with others:
        both would be paid for."""
        for record in self.sender.journal.unfinished():
            if record.intent == intent or record.to != settlement:
                continue
            for claim in set(claims).intersection(claims_in(self.rpc, record)):
                raise SettlementError(
                    f"an unfinished transaction, 0x{record.transaction_hash.hex()}, settles the claim "
                    f"0x{claim.hex()}: run the command that sent it again, or delete "
                    f"{self.sender.journal.path(record.intent)} if that transaction is lost"
                )

    def execute(self, call: Call) -> tuple[Receipt, bool]:
        """The receipt of a call, and whether an earlier run had sent it."""
        receipt = self.sender.resume(call.intent)
        resumed = receipt is not None
        if receipt is None:
            receipt = self.sender.send(call)
        if not receipt.succeeded:
            raise SettlementError(
                f"the transaction to {call.what} failed on chain: 0x{receipt.transaction_hash.hex()}; run "
                "the same command again"
            )
        return receipt, resumed

    def simulate(self, prepared: Prepared) -> None:
        """Runs the call on the node without sending it."""
        self._progress("simulate", 0, 1)
        answer = self.answer(prepared.call)
        if answer != prepared.submission.claim_id:
            raise SettlementError("the settlement contract derives another claim id than this program")
        self._progress("simulate", 1, 1)

    def answer(self, call: Call) -> bytes:
        """What a call would return to this account; its errors become sentences."""
        try:
            return self.rpc.call(call.to, call.data, self.account.address)
        except SettlementError as error:
            raise explain(error) from None

    def reward(self, proof: Proof, settlement: bytes) -> int:
        """In wei, of the request that a settled proof answers; 0 where it answers none."""
        request_id = proof.context.request_id
        if not any(request_id):
            return 0
        return shown(self.network, lambda: escrow.read_request(self.rpc, settlement, request_id)).reward

    def check_claim(
        self, proof: Proof, settlement: bytes, submission: Submission, event: SettledEvent
    ) -> None:
        """What the chain now says about the claim is what was meant."""
        claim = submission.claim_id

        def agrees() -> bool:
            (text,) = read(self.rpc, settlement, "textOf(bytes32)", ["bytes"], claim)
            (ids,) = read(self.rpc, settlement, "tokensOf(bytes32)", ["uint32[]"], claim)
            same = text == event.text == submission.text and tuple(ids) == submission.token_ids
            return same and is_settled(self.rpc, settlement, claim)

        announced = (event.claim_id, event.settler, event.request_id)
        meant = (claim, self.account.address, proof.context.request_id)
        if announced != meant or not shown(self.network, agrees):
            raise SettlementError(
                f"the claim 0x{claim.hex()} that is on chain is not the one that was submitted"
            )


def failed_on_chain(receipt: Receipt) -> SettlementError:
    """Of a transaction that a simulation had passed."""
    return SettlementError(
        f"transaction 0x{receipt.transaction_hash.hex()} failed on chain after a successful simulation; run "
        "the same command again"
    )


def settle_intent(claim_id: bytes, settlement: bytes) -> str:
    """Name of the transaction that settles a claim."""
    return f"{SETTLE_PREFIX}{claim_id.hex()}-{settlement.hex()}"


class _Clock:
    def __init__(self, laps: dict[str, float]):
        self._laps, self._last = laps, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = now - self._last
        self._last = now


@contextmanager
def open_session(
    network: Network,
    keys: KeySource,
    home: Path | None = None,
    *,
    fresh_chain: bool = False,
    reading: bool = False,
    ask_password: Callable[[str], str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Session]:
    """A session on `network`. Where it is a local one and no node listens, an Anvil runs for its duration, on
    the chain of the last time (`fresh_chain`: on an empty one, and what was recorded about it is
    forgotten). `reading`: nothing will be sent, so that it may run beside another session."""
    home = home or default_home()
    with naming_nodes(network.whose_nodes()):
        own_node = network.local_node and (fresh_chain or not _listens(network))
    lock = nullcontext() if reading and not own_node else _locked(home, network)
    named = nullcontext() if own_node else naming_nodes(network.whose_nodes())
    with lock, named, _node(network, home, own_node, fresh_chain) as (rpc, local):
        session = _session(rpc, network, keys, home, ask_password, progress)
        session.own_chain = None if fresh_chain else local
        yield session


@contextmanager
def naming_nodes(whose: str) -> Iterator[None]:
    """Of nodes that do not answer, or are of another chain, it is told which they are: `whose`."""
    try:
        yield
    except (Unavailable, WrongChain) as error:
        raise type(error)(f"{error}; {whose}") from None


@contextmanager
def _node(
    network: Network, home: Path, own_node: bool, fresh_chain: bool
) -> Iterator[tuple[Rpc, LocalNode | None]]:
    if own_node:
        state = home / "anvil" / "state.json"
        if fresh_chain:
            for path in (state, Deployments(home / "deployments", network.chain_id).path):
                path.unlink(missing_ok=True)
            for path in (home / "transactions" / str(network.chain_id)).glob("*.json"):
                path.unlink()
        with LocalNode(None if fresh_chain else state) as node:
            yield node.rpc, node
        return
    url = network.url()
    if url is None:
        raise SettlementError(
            f"{network.name} needs a node: set ${network.rpc_url_env} to its URL, or give --rpc-url"
        )
    yield Rpc(url, network.name, patience=() if network.local_node else PATIENCE), None


@contextmanager
def _locked(home: Path, network: Network) -> Iterator[None]:
    """The folder is this session's alone: of two runs at once, both could send. The system lets go of it
    whatever becomes of this process."""
    descriptor = None
    try:
        try:
            home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # now rather than after a proof
            for folder in (home / "transactions" / str(network.chain_id), home / "deployments"):
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
        except BlockingIOError:
            raise SettlementError(
                f"another run is settling with the records of {home}; wait for its end, or give "
                "another --home"
            ) from None
        except OSError as error:
            raise SettlementError(f"cannot use the folder {home}: {reason(error)}") from None
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _listens(network: Network) -> bool:
    url = network.url()
    if url is None:
        return False
    try:
        Rpc(url, network.name, timeout=5).chain_id()
    except SettlementError:
        if network.named_url:
            raise  # asked for by name: then its absence is an error
        return False
    return True


def _session(
    rpc: Rpc,
    network: Network,
    keys: KeySource,
    home: Path,
    ask_password: Callable[[str], str] | None,
    progress: Progress | None,
) -> Session:
    # before any key is touched: the development key works on one chain only
    rpc.expect_chain(network.chain_id)
    return Session(rpc, network, keys.account(network.chain_id, ask_password), home, progress)
