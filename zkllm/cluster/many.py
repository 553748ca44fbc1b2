"""Proofs of many prompts by a pool of processes, on one machine or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zkllm.cluster.placement import Placement, place, proof_memory
from zkllm.cluster.pool import Pool
from zkllm.cluster.prompts import Task
from zkllm.cluster.prover import NotProved
from zkllm.cluster.results import Results
from zkllm.cluster.session import Session
from zkllm.cluster.told import ToldPackage
from zkllm.errors import ProofError
from zkllm.files import JsonObject, require_folder_place
from zkllm.model.package import ModelPackage
from zkllm.proof import Proof
from zkllm.shapes import shape_keys
from zkllm.statement import Context
from zkllm.timings import Progress

ATTEMPTS = 3


@dataclass(frozen=True)
class Summary:
    """Of a run: prompts in all, those whose proofs were there, those proved now, and why others were not, by
    name."""

    prompts: int
    found: int
    proved: int
    failed: dict[str, str]


@dataclass(frozen=True)
class Work:
    """What is still to be proved, and how large a process that proves it is, before any Ray is started."""

    package: ModelPackage
    tasks: tuple[Task, ...]
    left: tuple[Task, ...]
    results: Results
    told: ToldPackage
    memory: int
    """Bytes of one proof, of the largest of the shapes."""


def prepare(
    package: ModelPackage,
    tasks: Sequence[Task],
    out: Path,
    context: Context | None = None,
    memory_budget: int | None = None,
    progress: Progress | None = None,
) -> Work:
    """Makes the keys of all shapes here, once, and looks at what an earlier run has left in `out`.

    Raises PathError where a proof in `out` is of something else, ResourceError where a proof would take more
    resident memory than the budget.
    """
    shapes = sorted({task.shape for task in tasks})
    proof_memory(package, shapes, memory_budget)
    require_folder_place(out)
    keys = {shape: shape_keys(package, shape.rows, shape.certified, progress, sealed=shape.sealed)
            for shape in shapes}  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    results = Results(out, {shape: made.verifying_key for shape, made in keys.items()}, context or Context())
    left = []
    for i, task in enumerate(tasks):
        if not results.finished(task):
            left.append(task)
        if progress is not None:
            progress("look for finished proofs", i + 1, len(tasks))
    results.tidy()
    memory = proof_memory(package, shapes)  # the keys tell more of it
    told = ToldPackage.of(package, shapes=shapes)
    return Work(package, tuple(tasks), tuple(left), results, told, memory)


def placement(work: Work, session: Session, cores: int | None, workers: int | None) -> Placement:
    most = min(len(work.left), workers or len(work.left))
    return place(session.nodes, work.memory, "a proof", cores, most)


def prove_many(
    work: Work,
    where: Placement,
    attempts: int = ATTEMPTS,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Proves what is left, in a session; each proof is kept as soon as it is made. `tell` is given a line for
    each prompt that is not proved."""
    failed: dict[str, str] = {}
    tasks = {task.name: task for task in work.left}
    orders = {name: work.results.order(task) for name, task in tasks.items()}
    if progress is not None:
        progress("prove", 0, len(tasks))
    for ended, done in enumerate(Pool[str]([work.told], where, attempts).run(orders), 1):
        task, outcome = tasks[done.name], done.outcome
        more: JsonObject = {"attempts": done.attempts}
        try:
            if isinstance(outcome, NotProved):
                raise ProofError(outcome.reason)
            answer = _answer(work.package, outcome.proof)
            seconds = {stage: round(t, 3) for stage, t in outcome.seconds.items()}
            more |= {"answer": answer, "machine": outcome.machine, "seconds": seconds}
            work.results.keep(task, outcome.proof, more)
        except ProofError as error:
            failed[task.name] = str(error)
            work.results.note(task, {"ok": False, "error": str(error), "attempts": done.attempts})
            tell(f"{task.name} (line {task.line}): {error}")
        if progress is not None:
            progress("prove", ended, len(tasks))
    return Summary(len(work.tasks), len(work.tasks) - len(work.left), len(tasks) - len(failed), failed)


def _answer(package: ModelPackage, data: bytes) -> str:
    ids = Proof.from_bytes(data).answer
    return package.tokenizer.decode(ids[: package.conversation.answered(ids)])
