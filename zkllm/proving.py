"""Answering a prompt, and proving the answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from .errors import PackageError, ZkllmWarning
from .hiding import fixed_masks
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .key_files import is_own_key, opening_table_file, verifying_key_file
from .memory import Estimate, estimate, require_memory
from .model.chat import Messages
from .model.execution import generate_trace
from .model.package import ModelPackage
from .opening_table import Binding, OpeningTable
from .outer.keys import VerifyingKey
from .pcs.srs import srs_powers_needed
from .preflight import check_prompt
from .proof import Proof
from .protocol.program import InnerStatement
from .prover import prove_trace
from .setup_check import open_setup
from .shape_protocol import protocol_of
from .shapes import shape_keys
from .srs_files import srs_of
from .statement import Context, Statement
from .timings import Progress, Stage, Timings


@dataclass(frozen=True)
class ProofResult:
    proof: Proof
    statement: Statement  # in the clear; the proof's is what is public
    answer_bytes: bytes
    logits: list[int]  # of the answered tokens, at the program's scale
    logit_scale_log2: int  # logit / 2^scale is the float model's
    verifying_key: VerifyingKey
    timings: dict[str, float] = field(default_factory=dict)  # seconds by stage
    stages: Stage = field(default_factory=lambda: Stage("all"))  # the same, nested; memory where asked for
    tabled: bool = False  # made with the model's opening table: the same proof

    @property
    def claim_id(self) -> bytes:
        return self.proof.statement(self.verifying_key).claim_id()

    @property
    def prompt_ids(self) -> list[int]:
        return list(self.statement.prompt)

    @property
    def answer_ids(self) -> list[int]:
        return list(self.statement.answer)

    @property
    def answer_text(self) -> str:
        return self.answer_bytes.decode("utf-8", errors="replace")


class ProveOptions(TypedDict, total=False):
    """What `prove` is asked for, by name, for those who pass it on."""

    prompt: str | Messages | None
    tokens: Sequence[int] | None
    certified: int
    context: Context | None
    rows: int | None
    progress: Progress | None
    memory: bool
    memory_budget: int | None
    salt: int | None


def check_memory(
    package: ModelPackage,
    rows: int,
    certified: int,
    memory_budget: int | None = None,
    sealed: bool = False,
) -> Estimate:
    """What a proof of this shape will take; a ResourceError where that is over the budget, or more than the
    machine has."""
    protocol = protocol_of(package, rows, certified, sealed)
    return require_memory(protocol, memory_budget, _circuit_log2(package, rows, certified, sealed))


def estimate_memory(package: ModelPackage, rows: int, certified: int, sealed: bool = False) -> Estimate:
    """The same on whatever machine."""
    protocol = protocol_of(package, rows, certified, sealed)
    return estimate(protocol, _circuit_log2(package, rows, certified, sealed))


def _circuit_log2(package: ModelPackage, rows: int, certified: int, sealed: bool) -> int | None:
    """Of the outer circuit's rows, where a key tells."""
    path = verifying_key_file(package.folder, rows, certified, sealed)
    return VerifyingKey.load(path).n_log2 if is_own_key(package.digest, path) else None


def opening_table(package: ModelPackage, vk: VerifyingKey, kernels: Kernels) -> OpeningTable | None:
    """The package's, where there is one. One that is damaged, or of something else, is left alone with a
    notice: the proof is the same without it."""
    path = opening_table_file(package.folder)
    if not path.exists():
        return None
    try:
        return OpeningTable.load(path, Binding.of(vk), kernels)
    except PackageError as error:
        warnings.warn(f"{error}; this proof is made without it", ZkllmWarning, stacklevel=2)
        return None


def answer(package: ModelPackage, ids: Sequence[int], certified: int, rows: int) -> Statement:
    """What the model answers, without a proof: the statement that `prove` would prove."""
    trace = generate_trace(package.weights, list(ids), certified, rows)
    return Statement(open_setup(package).model_id, certified, tuple(trace.ids[: trace.T + 1]))


def prove(
    package: ModelPackage,
    *,
    prompt: str | Messages | None = None,
    tokens: Sequence[int] | None = None,
    certified: int = 1,
    context: Context | None = None,
    rows: int | None = None,
    progress: Progress | None = None,
    memory: bool = False,
    memory_budget: int | None = None,
    kernels: Kernels = NATIVE,
    salt: int | None = None,
    entered: Callable[[str], object] = lambda name: None,
    memory_checked: bool = False,
) -> ProofResult:
    """Answers a prompt, or messages by the model's chat template, greedily with `certified` tokens, and
    proves it in one causal pass of `rows` rows.

    `salt`: seals the prompt, so that the proof tells P in its place (`zkllm.sealed`); fresh for each prompt.
    Refuses where it would take more resident memory than the budget, or more than the machine has.
    `memory`: resident memory by stage too, for which the process' mark of its peak is started anew.
    `entered`: told the name of each stage as it begins. `memory_checked`: for kernels that hold elsewhere
    what a proof takes.
    """
    context = context or Context()
    record = open_setup(package)
    rows = rows if rows is not None else record.rows
    ids = check_prompt(package, prompt, tokens, certified, rows)
    sealed = salt is not None
    if not memory_checked:
        check_memory(package, rows, certified, memory_budget, sealed)
    timings = Timings(progress, memory, entered)
    with timings.stage("keys"):
        keys = shape_keys(package, rows, certified, progress, kernels, sealed)
        vk = keys.verifying_key
        string = srs_of(record, srs_powers_needed(vk.n_log2, vk.mu), progress, kernels)
        table = opening_table(package, vk, kernels)
    with timings.stage("trace") as report:
        trace = generate_trace(package.weights, ids, certified, rows, report, kernels)
    logits = [int(x) for x in trace["logit"]]
    try:
        body = prove_trace(
            keys.protocol,
            package.weights,
            trace,
            keys.proving_key,
            string,
            context.digest(),
            kernels,
            timings,
            table=table,
            salt=salt,
            fixed_masks=fixed_masks(package, string.digest),
            keep_trace=False,
        )
    finally:
        kernels.release_memory()
    words = InnerStatement(trace.T, trace.ids, salt).words(keys.protocol.shape)
    proof = Proof(
        vk.verifier_id,
        vk.development_srs,
        context,
        rows,
        certified,
        sealed,
        tuple(words),
        body,
    )
    return ProofResult(
        proof,
        Statement(vk.model_id, certified, tuple(trace.ids[: trace.T + 1])),
        package.tokenizer.decode_bytes(proof.answer),
        logits,
        package.scales.logits,
        vk,
        timings.seconds,
        timings.root,
        table is not None,
    )
