"""No command: what is left to do. Deploys the model's verifier and the settlement contract, registers the one
with the other, proves, verifies, simulates, sends, waits, and reads the claim back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.settle import costs, options
from zkllm.cli.settle.output import note_own_chain, print_planned, settled_lines
from zkllm.errors import SettlementError, ZkllmError, reason

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.outer.keys import VerifyingKey
    from zkllm.proof import Proof
    from zkllm.settle.session import Session
    from zkllm.statement import Context


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    what = types.add_prompt(parser, required=False, what="the prompt to answer")
    what.add_argument(
        "--proof", type=Path, metavar="FILE", help="a proof made before, for this contract and account"
    )
    types.add_shape(parser)
    types.add_sealed(parser)
    types.add_salt_file(
        parser, "with --sealed: the salt that the prompt was sealed with, as the asker gave it"
    )
    types.add_memory_budget(parser)
    parser.add_argument(
        "--request",
        type=types.digest,
        metavar="ID",
        help="the open request to answer, 32 bytes (default: none, or the proof's)",
    )
    options.add_contract(parser)
    parser.add_argument("--out", type=paths.TargetFile, metavar="FILE", help="write the proof there too")
    options.add_dry_run(parser)
    parser.add_argument(
        "--yes",
        action="store_true",
        help="pay for a further verifier or settlement contract of this model without being asked",
    )
    options.add_network(parser)
    options.add_account(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")
    if arguments.proof is not None:
        return submit(arguments, console)
    if arguments.prompt is None and arguments.tokens is None:
        arguments.settle_parser.error(
            "one of the arguments --prompt --prompt-file --chat --messages --tokens --proof is required"
        )

    if arguments.sealed and arguments.salt_file is None:
        arguments.settle_parser.error(
            "--sealed takes --salt-file FILE, the salt that the prompt was sealed with"
        )
    if problem := types.salt_misuse(arguments):
        arguments.settle_parser.error(problem)

    from zkllm import api
    from zkllm.salt_files import read_salt
    from zkllm.sealed import question_id

    salt = read_salt(arguments.salt_file) if arguments.sealed else None
    with options.open_from(arguments, console) as session:
        session.check_tools(arguments.owner, arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        rows = arguments.rows or api.open_setup(package).rows
        k = arguments.certified
        prompt_ids = api.check_prompt(package, arguments.prompt, arguments.tokens, k, rows)
        api.check_memory(package, rows, k, arguments.memory_budget, arguments.sealed)
        key = api.shape_keys(package, rows, k, console.progress, sealed=arguments.sealed).verifying_key
        claim = question_id(key.model_id, k, prompt_ids, salt)
        plan = session.target(key, arguments.owner, arguments.contract)
        if session.rpc.code(plan.settlement):
            session.refuse_settled(claim, plan.settlement, arguments.request)
        elif arguments.request is not None:
            raise SettlementError("no request can be open yet: the settlement contract is not deployed")
        if plan.awaited_owner is not None:
            raise plan.not_registered()
        if arguments.dry_run or plan.calls and not session.account.can_sign:
            then = "run this again to prove and settle the answer"
            return print_planned(console, arguments, session, plan.calls, then, claim_id=claim)
        if session.account.can_sign and not session.is_begun(claim, plan):
            session.check_means(plan.calls)
        if plan.calls:
            costs.confirm(arguments, console, session, key, plan)
            session.ensure_deployed(key, arguments.owner, arguments.contract)
        context = session.context(plan.settlement, arguments.request or bytes(32))
        name = "-".join(part.hex()[:32] for part in (key.verifier_id, claim, context.digest()))
        kept = session.home / "proofs" / f"{name}.zkllm"
        proof = earlier_proof(kept, key, context, claim)
        if proof is None:
            proof = api.prove(
                package,
                tokens=prompt_ids,
                certified=k,
                rows=rows,
                context=context,
                progress=console.progress,
                memory_budget=arguments.memory_budget,
                salt=salt,
            ).proof
            keep(proof, kept)
        written = write_out(arguments, console, proof)
        return _send(arguments, console, session, package, proof, key, plan.settlement) or written


def write_out(arguments: argparse.Namespace, console: Console, proof: Proof) -> int:
    """Where that fails, the proof is settled all the same, and the exit code says so."""
    try:
        if arguments.out is not None:
            proof.save(arguments.out)
    except OSError as error:
        console.note(f"cannot write {arguments.out}: {reason(error)}")
        return 1
    return 0


def earlier_proof(path: Path, key: VerifyingKey, context: Context, claim: bytes) -> Proof | None:
    """The proof that a run which did not get to the end has left; None where there is none that holds."""
    from zkllm.proof import Proof

    if not path.is_file():
        return None
    try:
        proof = Proof.load(path)
        if proof.context != context or proof.statement(key).claim_id() != claim:
            return None
        proof.verify(key)
    except ZkllmError:
        return None
    return proof


def keep(proof: Proof, path: Path) -> None:
    """Proving takes long; a disk that is full only costs that time again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        proof.save(path)
    except OSError:
        path.unlink(missing_ok=True)


def submit(arguments: argparse.Namespace, console: Console) -> int:
    """Settles a proof that was made before."""
    from zkllm import api
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof

    proof = Proof.load(arguments.proof)
    with options.open_from(arguments, console) as session:
        session.check_context(proof)
        session.check_tools(contract=arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        made = proof.context.request_id
        if arguments.request not in (None, made):
            raise SettlementError(
                f"the proof was made for the request 0x{made.hex()}, not for "
                f"0x{arguments.request.hex()}; prove again, or leave --request out"
            )
        key = verifying_key(arguments.model, proof)
        written = write_out(arguments, console, proof)
        return _send(arguments, console, session, package, proof, key, arguments.contract) or written


def _send(
    arguments: argparse.Namespace,
    console: Console,
    session: Session,
    package: ModelPackage,
    proof: Proof,
    key: VerifyingKey,
    settlement: bytes | None,
) -> int:
    tokens = package.tokenizer.token_bytes
    if options.only_printed(arguments, session):
        prepared = session.prepare(proof, key, tokens, settlement)
        session.simulate(prepared)
        claim = prepared.submission.claim_id
        return print_planned(console, arguments, session, [prepared.call], claim_id=claim)
    settled = session.settle(proof, key, tokens, settlement)
    told = settled.prompt_ids
    prompt = None if told is None else package.tokenizer.decode_bytes(told)
    chain = session.network
    data = {"ok": True, "network": chain.name, **settled.to_dict()}
    console.result(data, settled_lines(settled, prompt, chain))
    note_own_chain(arguments, console, session)
    return 0
