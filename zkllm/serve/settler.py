"""Settles what is proved, one transaction after the other, and withdraws the rewards.

Before anything is sent a job is settling, and stays so until the chain has shown what became of its
transaction, whatever ends the node in between: the journal of transactions (`zkllm.settle.journal`) knows
what was sent, and pays for nothing twice. A settlement is looked at again for some blocks, for
reorganisations.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.serve.board import Board
from zkllm.serve.chain import Chain
from zkllm.serve.jobs import CLOSED, FORESTALLED, UNCHANGED, Job, Jobs, State
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Served
from zkllm.serve.service import LOG, Service
from zkllm.serve.settings import JobSettings
from zkllm.serve.watcher import gas_measure
from zkllm.settle.abi import SETTLE, argument_types, decode, settled_events
from zkllm.settle.claims import is_settled
from zkllm.settle.endpoint import Unavailable
from zkllm.settle.escrow import State as RequestState
from zkllm.settle.escrow import credit_of, read_request, withdraw_call
from zkllm.settle.fees import SETTLE_GAS, TooDear, data_fee, price_now
from zkllm.settle.journal import Record
from zkllm.settle.rpc import Behind, Indexing, RateLimited, Receipt
from zkllm.settle.session import Prepared, settle_intent
from zkllm.units import ETHER, ether

NOT_NOW = (Unavailable, RateLimited, Behind, Indexing, TooDear)
"""Says nothing of the job: it is tried again until its deadline."""
FAILURES = 5
"""Attempts to settle a job that fail for another reason."""
WITHDRAW_SECONDS = 600.0
TO_SETTLE = (State.PROVED, State.SETTLING)


class _Later(Exception):
    """Nothing is wrong with the job, and it is not to be settled now."""


class _Over(Exception):
    """The job is not to be settled any more, and ends in `state`."""

    def __init__(self, reason: str, state: State = State.CANCELLED):
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True)
class _Case:
    """A job, with what settling it takes."""

    job: Job
    proof: Proof
    key: VerifyingKey
    tokens: list[bytes]

    @property
    def claim_id(self) -> bytes:
        return self.job.order.claim_id

    @property
    def is_rewarded(self) -> bool:
        return any(self.job.order.context.request_id)


class Settler(Service):
    """The one thread that sends."""

    name = "settler"

    def __init__(
        self,
        jobs: Jobs,
        chain: Chain,
        board: Board,
        metrics: Metrics,
        settings: JobSettings,
        models: Mapping[str, Served],
    ):
        super().__init__()
        self._jobs, self._chain, self._board, self._metrics = jobs, chain, board, metrics
        self._settings, self._models = settings, models
        self._withdraw_at = 0.0

    def step(self) -> float:
        self._look_back()
        for job in self._jobs.to_settle(time.time()):
            if self.stopping.is_set():
                return 0.0
            self._take(job)
            self._board.changed(job.id)
        if time.monotonic() >= self._withdraw_at:
            self._withdraw()
            self._withdraw_at = time.monotonic() + WITHDRAW_SECONDS
        self._chain.went_well(self.name)
        return self._chain.settings.poll_seconds

    def failed(self, error: Exception) -> None:
        self._chain.went_wrong(self.name, error)

    # ---- one job
    def _take(self, job: Job) -> None:
        case = self._case(job)
        if case is None:
            reason = f"the model {job.order.model} is not served any more, or in another shape"
            self._move(job, State.FAILED, reason)
            return
        failed = self._failed_transaction(case)
        try:
            if self._was_mined(case):
                return
            cap = self._cap_of(case) if self._is_under_way(case) else self._worth(case)
            if not self._jobs.move(job.id, [job.state], State.SETTLING, job.reason):
                return  # cancelled meanwhile
            self._board.changed(job.id)
            self._settle(case, cap)
        except _Over as over:
            self._move(job, over.state, str(over))
            LOG.info("%s: %s", over.state, over, extra={"job": job.id})
        except _Later as later:
            self._wait(job, str(later))
        except SettlementError as error:
            self._troubled(case, error, self._failed_transaction(case) not in (None, failed))

    def _case(self, job: Job) -> _Case | None:
        model = self._models.get(job.order.model)
        key = None if model is None else model.keys.get(job.order.shape)
        if model is None or key is None or key.model_id != job.order.model_id or job.proof is None:
            return None
        return _Case(job, Proof.from_bytes(job.proof), key, model.package.tokenizer.token_bytes)

    def _is_under_way(self, case: _Case) -> bool:
        """Whether a transaction was signed that settles the claim; it is taken up then."""
        return self._chain.session.sender.is_unfinished(settle_intent(case.claim_id, self._chain.contract))

    def _worth(self, case: _Case) -> int | None:
        """The most that is to be offered for it, in wei a gas; None where no reward bounds it. Raises _Later
        or _Over where it is not to be settled now, or not at all."""
        session, order = self._chain.session, case.job.order
        if not self._chain.is_ours(order.context):
            raise _Over("the proof was made for another contract or sender")
        if is_settled(session.rpc, self._chain.contract, case.claim_id):
            if case.is_rewarded:
                raise _Later(FORESTALLED)  # the watcher cancels it when it sees by whom
            # nobody pays for it: who wanted it settled has what he wanted
            raise _Over("by another transaction", State.SETTLED)
        if not case.is_rewarded:
            return None
        posted = read_request(session.rpc, self._chain.contract, order.context.request_id)
        now = max(session.rpc.timestamp(), int(time.time()))
        if order.deadline is not None and now >= order.deadline:
            raise _Over("the deadline of its request has passed")
        if posted.state is not RequestState.OPEN or posted.claim_id != case.claim_id:
            raise _Later("its request is not on the chain" if posted.state is RequestState.NONE else CLOSED)
        return self._cap(posted.reward, case, self._prepare(case))

    def _cap(self, reward: int, case: _Case, prepared: Prepared) -> int:
        """What a unit of gas may cost so that the reward is not below the whole."""
        session, call = self._chain.session, prepared.call
        gas = session.rpc.estimate_gas(session.account.address, call.to, call.data)
        fee = data_fee(session.rpc, session.network, call.data, gas)
        price = price_now(session.rpc, session.network)
        if reward < gas * price + fee:
            raise _Later(
                f"settling costs {ether(gas * price + fee)} now, more than its reward of {ether(reward)}; "
                "waiting for gas to be cheaper"
            )
        return (reward - fee) // gas

    def _cap_of(self, case: _Case) -> int | None:
        """Of a transaction that is under way: by its reward alone, since the call may not be possible any
        more."""
        if not case.is_rewarded:
            return None
        gas = self._jobs.measure(gas_measure(case.key.verifier_id)) or SETTLE_GAS
        return max(1, case.job.order.reward // int(gas))

    def _prepare(self, case: _Case) -> Prepared:
        return self._chain.session.prepare(
            case.proof, case.key, case.tokens, self._chain.contract, verified=True
        )

    def _settle(self, case: _Case, cap: int | None) -> None:
        session = self._chain.session if cap is None else self._chain.session.capped(cap)
        settled = session.settle(case.proof, case.key, case.tokens, self._chain.contract, verified=True)
        where = settled.transaction_hash, settled.block_number, settled.block_hash
        self._done(case, *where, settled.gas_used, settled.gas_price)

    def _done(self, case: _Case, transaction: bytes, number: int, block: bytes, gas: int, price: int) -> None:
        moved = self.persist(
            lambda: self._jobs.move(
                case.job.id,
                TO_SETTLE,
                State.SETTLED,
                fields={
                    "transaction_hash": transaction,
                    "block_number": number,
                    "block_hash": block,
                    "gas_used": gas,
                    "gas_price": str(price),
                },
            )
        )
        if not moved:
            return
        reward = case.job.order.reward if case.is_rewarded else 0
        self._jobs.note_measure(gas_measure(case.key.verifier_id), gas)
        self._metrics.paid("settling", gas, price)
        self._metrics.rewarded(reward)
        self._withdraw_at = 0.0
        LOG.info(
            "settled",
            extra={
                "job": case.job.id,
                "transaction": "0x" + transaction.hex(),
                "gas": gas,
                "paid_ether": gas * price / ETHER,
                "reward_ether": reward / ETHER,
            },
        )

    # ---- what is not as usual
    def _was_mined(self, case: _Case) -> bool:
        """Whether a transaction of this node has settled the job's claim for the job's request: the node may
        have ended before that was noted. One that the chain does not show any more is under way again."""
        session, intent = self._chain.session, settle_intent(case.claim_id, self._chain.contract)
        record = session.sender.journal.load(intent)
        if record is None or record.receipt is None or not record.receipt.succeeded:
            return False
        receipt = session.rpc.receipt(record.receipt.transaction_hash)
        if receipt is None and request_in(record) == case.job.order.context.request_id:
            session.sender.reopen(intent)
        if receipt is None or not receipt.succeeded or not self._is_of(receipt, case):
            return False
        where = receipt.transaction_hash, receipt.block_number, receipt.block_hash
        self._done(case, *where, receipt.gas_used, receipt.gas_price)
        return True

    def _is_of(self, receipt: Receipt, case: _Case) -> bool:
        request, us = case.job.order.context.request_id, self._chain.session.account.address
        return any(
            (event.claim_id, event.request_id, event.settler) == (case.claim_id, request, us)
            for event in settled_events(receipt.logs, self._chain.contract)
        )

    def _failed_transaction(self, case: _Case) -> bytes | None:
        """Of the last one that was mined for the claim, where it failed."""
        intent = settle_intent(case.claim_id, self._chain.contract)
        record = self._chain.session.sender.journal.load(intent)
        if record is None or record.receipt is None or record.receipt.succeeded:
            return None
        return record.receipt.transaction_hash

    def _troubled(self, case: _Case, error: SettlementError, paid: bool) -> None:
        """What was wrong with settling. A transaction that may still be mined keeps the job settling. `paid`:
        one has failed on the chain; another is paid for only where somebody tries again by hand."""
        job, session = case.job, self._chain.session
        self._metrics.failed("settling")
        LOG.warning("not settled: %s", error, extra={"job": job.id})
        intent = settle_intent(case.claim_id, self._chain.contract)
        pause = self._settings.retry_seconds
        if session.sender.is_unfinished(intent):
            self._jobs.move(job.id, TO_SETTLE, State.SETTLING, str(error), pause=pause)
            return
        if paid:
            self._count_failed(intent)
            if not is_settled(session.rpc, self._chain.contract, case.claim_id):
                self._move(job, State.FAILED, str(error))
                return
        if isinstance(error, NOT_NOW):
            self._wait(job, str(error))
            return
        failures = job.failures + 1
        if failures >= FAILURES:
            self._move(job, State.FAILED, str(error))
        else:
            self._wait(job, str(error), {"failures": failures})

    def _count_failed(self, intent: str) -> None:
        record = self._chain.session.sender.journal.load(intent)
        if record is not None and record.receipt is not None:
            self._metrics.paid("failed settling", record.receipt.gas_used, record.receipt.gas_price)

    def _wait(self, job: Job, reason: str, fields: Mapping[str, object] = UNCHANGED) -> None:
        pause = self._settings.retry_seconds
        self._jobs.move(job.id, TO_SETTLE, State.PROVED, reason, pause=pause, fields=fields)

    def _move(self, job: Job, to: State, reason: str) -> None:
        self._jobs.move(job.id, TO_SETTLE, to, reason)

    # ---- reorganisations
    def _look_back(self) -> None:
        """Settlements whose blocks are not of the chain any more are under way again."""
        session, contract = self._chain.session, self._chain.contract
        newest = session.rpc.quantity("eth_blockNumber")
        first = newest - self._chain.settings.watched_blocks
        hashes: dict[int, bytes | None] = {}
        for job in self._jobs.settled_since(self._chain.chain_id, contract, first):
            assert job.block_number is not None and job.transaction_hash is not None
            if job.block_number > newest and not session.network.local_node:
                continue  # the node is behind
            if job.block_number not in hashes:
                hashes[job.block_number] = session.rpc.block_hash(job.block_number)
            if hashes[job.block_number] == job.block_hash:
                continue
            receipt = session.rpc.receipt(job.transaction_hash)
            if receipt is not None:
                self._mined_again(job, receipt)
                continue
            LOG.warning("a reorganisation dropped a settlement", extra={"job": job.id})
            self._metrics.failed("reorganisation")
            self._jobs.move(
                job.id, [State.SETTLED], State.SETTLING, "a reorganisation dropped its transaction"
            )

    def _mined_again(self, job: Job, receipt: Receipt) -> None:
        where: dict[str, object] = {
            "block_number": receipt.block_number,
            "block_hash": receipt.block_hash,
        }
        if receipt.succeeded:
            self._jobs.move(
                job.id, [State.SETTLED], State.SETTLED, "mined again after a reorganisation", fields=where
            )
        else:
            reason = "after a reorganisation somebody else settled its claim first"
            self._jobs.move(job.id, [State.SETTLED], State.CANCELLED, reason, fields=where)

    # ---- rewards
    def _withdraw(self) -> None:
        """Takes the credit, where it is worth a transaction."""
        session, contract = self._chain.session, self._chain.contract
        account = session.account.address
        call = withdraw_call(contract, account, account)
        if not session.sender.is_unfinished(call.intent):
            credit = credit_of(session.rpc, contract, account)
            if credit == 0:
                return
            gas = session.rpc.estimate_gas(account, call.to, call.data)
            cost = gas * price_now(session.rpc, session.network)
            if credit < self._chain.settings.withdraw_factor * cost:
                return
            LOG.info("withdrawing", extra={"ether": credit / ETHER})
        receipt, _ = session.execute(call)
        self._metrics.paid("withdrawing", receipt.gas_used, receipt.gas_price)


def request_in(record: Record) -> bytes:
    """The request that a recorded settlement answers; 32 zero bytes for none."""
    _, request_id, *_ = decode(argument_types(SETTLE), record.data[4:], "settle")
    return bytes(request_id)
