"""What settling relies on, examined without sending anything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from zkllm.errors import SettlementError, ZkllmError
from zkllm.findings import Finding
from zkllm.key_files import is_own_key, verifying_key_files
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.contracts import VERIFIER, CodeMismatch, compare_code, verifier_artifact
from zkllm.settle.create2 import PROXY, PROXY_CODE, create2_address
from zkllm.settle.deploy import Plan, refuse_development_srs
from zkllm.settle.escrow import credit_of
from zkllm.settle.fees import SETTLE_GAS, Fees
from zkllm.settle.networks import Network
from zkllm.settle.registry import Registered, Status, owner_of, verifiers_of
from zkllm.settle.rpc import NoBaseFee, Rpc, checksum_address
from zkllm.settle.session import Session
from zkllm.settle.settlement import check_settlement
from zkllm.units import GWEI, ether

STALE_SECONDS = 300


def keys_of(package: Path, digest: bytes, model_id: bytes) -> list[VerifyingKey]:
    """The verifying keys of every shape of the model that this package has, of those that this user made or
    checked; `digest` is the package's."""
    found = []
    for path in verifying_key_files(package).values():
        if not is_own_key(digest, path):
            continue
        try:
            other = VerifyingKey.load(path)
        except ZkllmError:
            continue
        if other.model_id == model_id:
            found.append(other)
    return found


def examine(
    session: Session,
    key: VerifyingKey,
    known: Sequence[VerifyingKey],
    owner: bytes | None,
    contract: bytes | None,
    account: bool,
) -> list[Finding]:
    """`known`: the model's keys, with which registered verifiers are compared. `account`: there is one."""
    findings = [*examine_node(session.network, session.rpc), *_srs(session, key)]
    findings += _account(session) if account else []
    if any(f.level == "wrong" for f in findings):
        return findings
    try:
        plan = session.target(key, owner, contract)
    except SettlementError as error:
        return [*findings, Finding("wrong", "contracts", str(error))]
    findings += _contracts(session, key, plan)
    if session.rpc.code(plan.settlement):
        findings += _registry(session, key, known, plan.settlement)
        if account:
            credit = credit_of(session.rpc, plan.settlement, session.account.address)
            if credit:
                findings.append(Finding("ok", "credit", f"{ether(credit)} can be withdrawn"))
    findings += _costs(session, plan, account)
    findings += _unfinished(session)
    return findings


def examine_node(network: Network, rpc: Rpc) -> Iterator[Finding]:
    """The node alone: without a model, an account or a contract."""
    yield Finding("ok", "node", f"{network.name}, chain {network.chain_id}, as expected")
    age = int(time.time()) - rpc.timestamp()
    if age > STALE_SECONDS and not network.local_node:
        yield Finding("warning", "node", f"its newest block is {age:,} s old: it may be behind")
    if rpc.code(PROXY) == PROXY_CODE:
        yield Finding("ok", "proxy", f"the deployment proxy is at {checksum_address(PROXY)}")
    else:
        yield Finding("wrong", "proxy", f"no deployment proxy at {checksum_address(PROXY)}")


def _srs(session: Session, key: VerifyingKey) -> Iterator[Finding]:
    try:
        refuse_development_srs(key, session.network)
    except SettlementError as error:
        yield Finding("wrong", "SRS", str(error))
        return
    if not key.development_srs:
        yield Finding("ok", "SRS", "of a ceremony")
    else:
        yield Finding("warning", "SRS", "development: anyone can forge proofs, for tests only")


def _account(session: Session) -> Iterator[Finding]:
    account = session.account
    balance = session.rpc.balance(account.address)
    text = f"{checksum_address(account.address)} ({account.kind}) has {ether(balance)}"
    yield Finding("ok" if balance else "wrong", "account", text)


def _contracts(session: Session, key: VerifyingKey, plan: Plan) -> Iterator[Finding]:
    """`plan` was made, so what is there has the right code."""
    rpc = session.rpc
    for what, address in (("verifier", plan.verifier), ("settlement", plan.settlement)):
        code = rpc.code(address)
        place = checksum_address(address)
        if code:
            yield Finding("ok", what, f"{place}: {len(code):,} B, what this version compiles")
        else:
            yield Finding("warning", what, f"not deployed; its address will be {place}")
    if rpc.code(plan.settlement):
        check_settlement(rpc, session.network.chain_id, plan.settlement)
        present = owner_of(rpc, plan.settlement)
        text = (
            checksum_address(present) if any(present) else "nobody: no verifier is added or frozen any more"
        )
        yield Finding("ok", "owner", f"{text}: trusted to register only verifiers that do not lie")
    if plan.awaited_owner is not None:
        yield Finding("warning", "registered", str(plan.not_registered()))
    elif plan.calls:
        yield Finding("warning", "left to do", ", ".join(call.what for call in plan.calls))
    else:
        yield Finding("ok", "registered", f"the verifier of {key.shape} is")


def _registry(
    session: Session, key: VerifyingKey, known: Sequence[VerifyingKey], settlement: bytes
) -> Iterator[Finding]:
    """Every registered verifier of the model can settle its claims: each has to be one that is generated."""
    for entry in verifiers_of(session.rpc, settlement, key.model_id):
        what = f"{checksum_address(entry.address)} for {entry.shape}"
        if entry.status is Status.FROZEN:
            what += " (frozen)"
        shape = [k for k in known if k.shape == entry.shape]
        if not shape:
            yield Finding(
                "warning",
                "registry",
                f"{what}: cannot be compared, since the package has no key of this shape (zkllm prove with "
                f"--max-tokens {entry.N} --new-tokens {entry.k}{' --sealed' * entry.sealed} makes it)",
            )
            continue
        yield _compared(session, entry, shape[0], what)


def is_generated(rpc: Rpc, entry: Registered, key: VerifyingKey) -> bool:
    """Whether a registered verifier is the one that is generated from the key, to the byte."""
    expected = verifier_artifact(key).code_with({})
    try:
        compare_code("verifier", entry.address, rpc.code(entry.address), expected)
    except CodeMismatch:
        return False
    return True


def _compared(session: Session, entry: Registered, key: VerifyingKey, what: str) -> Finding:
    if not is_generated(session.rpc, entry, key):
        text = (
            f"{what}: NOT the verifier that is generated for this model; do not rely on claims settled here"
        )
        return Finding("wrong", "registry", text)
    usual = create2_address(verifier_artifact(key).creation)
    place = "" if entry.address == usual else ", at an address of its own"
    return Finding("ok", "registry", f"{what}: the generated {VERIFIER}{place}")


def _costs(session: Session, plan: Plan, account: bool) -> Iterator[Finding]:
    try:
        fees = Fees.suggest(session.rpc, session.network)
    except SettlementError as error:
        yield Finding("wrong" if isinstance(error, NoBaseFee) else "warning", "gas", str(error))
        return
    price = (fees.max_fee + fees.priority_fee) // 2  # twice the base fee is offered, about once is paid
    needed = SETTLE_GAS
    if plan.calls and account:
        try:
            planned = session.planned(plan.calls)
        except SettlementError as error:
            yield Finding("warning", "gas", str(error))
            return
        deploying = sum(t["gas"] for t in planned)
        needed += deploying
        cost = deploying * price
        yield Finding("ok", "gas", f"deploying and registering: up to {deploying:,} gas, about {ether(cost)}")
    cost = SETTLE_GAS * price
    text = f"settling: about {SETTLE_GAS:,} gas, {ether(cost)} at {price / GWEI:.3f} gwei"
    yield Finding("ok", "gas", text)
    balance = session.rpc.balance(session.account.address)
    if account and balance < needed * fees.max_fee:
        text = f"the account may need up to {ether(needed * fees.max_fee)} for all that is left to do"
        yield Finding("warning", "account", text)


def _unfinished(session: Session) -> Iterator[Finding]:
    for record in session.sender.journal.all():
        if record.state != "mined":
            text = f"{record.intent} (nonce {record.nonce}): run its command again to finish it"
            yield Finding("warning", "unfinished", text)
