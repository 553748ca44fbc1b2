"""The settlement contract that the node works with: what its proofs are bound to, which verifiers are
registered, and what a transaction costs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from zkllm.errors import SettlementError, reason
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Served
from zkllm.serve.settings import ChainSettings
from zkllm.settle.contracts import CodeMismatch
from zkllm.settle.deploy import Unregistered
from zkllm.settle.rpc import PATIENCE, Rpc, checksum_address, parse_address
from zkllm.settle.session import Session
from zkllm.settle.submission import Submission, settle_calldata
from zkllm.statement import Context

LOG = logging.getLogger("zkllm.serve")
READ_SECONDS = 20.0
"""For an answer of the chain's node to the threads that only read."""


class Chain:
    """`session` is used by one thread; others have nodes of their own (`reader`)."""

    def __init__(self, session: Session, settings: ChainSettings, metrics: Metrics):
        self.session, self.settings, self.metrics = session, settings, metrics
        self.contract = bytes(20)
        self._verifiers: dict[bytes, bytes] = {}
        self._troubles: dict[str, str] = {}

    @property
    def chain_id(self) -> int:
        return self.session.network.chain_id

    def open(self, models: Iterable[Served], tell: Callable[[str], None] = lambda part: None) -> None:
        """Finds the settlement contract and the verifiers of the models' shapes, each checked to the byte;
        deploys what is missing where the settings say so. What is not registered cannot be settled. `tell` is
        told which shape's turn it is."""
        settings = self.settings
        contract = None if settings.contract is None else parse_address(settings.contract)
        owner = None if settings.owner is None else parse_address(settings.owner)
        keys = [key for model in models for key in model.keys.values()]
        if settings.deploy:
            for i, key in enumerate(keys):
                tell(f"deploying what is missing for {key.shape} ({i + 1} of {len(keys)})")
                deployment = self.session.ensure_deployed(key, owner, contract)
                contract, owner = deployment.settlement, None
                self._verifiers[key.verifier_id] = deployment.verifier
        self.contract = self.session.locate(owner, contract)
        for i, key in enumerate(keys):
            tell(f"comparing the verifier of {key.shape} ({i + 1} of {len(keys)})")
            try:
                self._verifiers[key.verifier_id], _ = self.session.deployer(key).at(self.contract)
            except (Unregistered, CodeMismatch) as error:
                LOG.warning("answers of %s are proved and not settled: %s", key.shape, error)
        LOG.info(
            "the settlement contract is there",
            extra={
                "network": self.session.network.name,
                "contract": checksum_address(self.contract),
                "account": checksum_address(self.session.account.address),
                "verifiers": len(self._verifiers),
            },
        )

    def reader(self) -> Rpc:
        """For another thread than the session's."""
        network = self.session.network
        rpc = Rpc(
            self.session.rpc.url, network.name, READ_SECONDS, () if network.local_node else PATIENCE[:2]
        )
        rpc.expect_chain(network.chain_id)
        return rpc

    def context(self, request_id: bytes = bytes(32)) -> Context:
        return self.session.context(self.contract, request_id)

    def is_for_us(self, context: Context) -> bool:
        """Whether a proof of this context can be settled with this contract, by whomever."""
        return (context.chain_id, context.contract) == (self.chain_id, self.contract)

    def is_ours(self, context: Context) -> bool:
        """The same by this account."""
        return self.is_for_us(context) and context.sender == self.session.account.address

    def verifier(self, key: VerifyingKey) -> bytes | None:
        """Its address; None where it is not registered."""
        return self._verifiers.get(key.verifier_id)

    def submission(self, proof: Proof, key: VerifyingKey, model: Served, verifier: bytes) -> Submission:
        return settle_calldata(proof, key, model.package.tokenizer.token_bytes, verifier)

    # ---- how it goes
    def went_wrong(self, who: str, error: Exception) -> None:
        if isinstance(error, SettlementError):
            self.metrics.failed("chain")
        self._troubles[who] = reason(error) if isinstance(error, SettlementError) else type(error).__name__

    def went_well(self, who: str) -> None:
        self._troubles.pop(who, None)

    @property
    def trouble(self) -> str | None:
        """What keeps the chain from being followed, or answers from being settled."""
        return next(iter(list(self._troubles.values())), None)
