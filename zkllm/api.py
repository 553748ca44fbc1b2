"""The Python API: set a model up, prove, verify. The command line only wraps it.

A progress callable, wherever it is taken, is called as progress(stage, done, total); `kernels` do the
work (`zkllm.kernels`), with the same result whichever they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ._native import field_backend
from .commitments import commit_columns
from .errors import PackageError, StatementError, ZkllmError
from .files import MOST_TEXT, cache_directory, read_text, reading, require_folder_place
from .gpt2.description import describe
from .journal import Journal
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .memory import Estimate, require_memory
from .model.audit import check_package
from .model.build import BuildOptions, build_package
from .model.checkpoint import load_checkpoint
from .model.hub import find_checkpoint, hub_id
from .model.package import ModelPackage
from .model.program import generate_trace
from .model.quantize import QuantizerOptions
from .model_id import VERSION, config_digest, model_id
from .outer.keys import MAX_SIZE_LOG2, VerifyingKey
from .outer.setup import ProvingKey, setup_outer
from .pcs.powers import check_srs
from .pcs.ptau import open_srs
from .pcs.srs import Srs, development_srs, srs_powers_needed
from .preflight import DEFAULT_ROWS, Asked, check_prompt, check_setup_inputs, prompt_ids
from .proof import Proof
from .protocol.circuit import build_circuit
from .protocol.description import Description
from .protocol.witness import fixed_tensors
from .prover import prove_trace
from .setup_record import SetupRecord, is_own_key, keep_key
from .statement import Context, Statement
from .timings import Progress, Stage, Timings

SETUP_FILE, COMMITMENTS_FILE = "setup.json", "commitments.json"
MIN_MU = 10
MIN_SRS_LOG2 = 18  # smaller development strings are not worth a file of their own


@dataclass(frozen=True)
class Audit:
    """What `check_setup` found to be what the checkpoint leads to."""

    verifier_ids: dict[tuple[int, int], bytes]  # by shape (N, k)
    model_id: bytes
    srs_kind: str
    srs_digest: bytes


@dataclass(frozen=True)
class ShapeKeys:
    """Everything that proving one shape (N, k) needs."""

    protocol: Description
    proving_key: ProvingKey

    @property
    def verifying_key(self) -> VerifyingKey:
        return self.proving_key.vk


@dataclass(frozen=True)
class ProofResult:
    proof: Proof
    statement: Statement
    prompt_ids: list[int]
    answer_ids: list[int]
    answer_bytes: bytes
    logits: list[int]  # of the answered tokens, at the program's scale
    logit_scale_log2: int  # logit / 2^scale is the float model's
    verifying_key: VerifyingKey
    timings: dict[str, float] = field(default_factory=dict)  # seconds by stage
    stages: Stage = field(default_factory=lambda: Stage("all"))  # the same, nested; memory where asked for

    @property
    def answer_text(self) -> str:
        return self.answer_bytes.decode("utf-8", errors="replace")


# ---- set-up


def setup(
    model: str | Path,
    out: str | Path,
    *,
    max_tokens: int | None = None,
    mu: int | None = None,
    srs: str | Path | None = None,
    calibration: str | Path | None = None,
    progress: Progress | None = None,
    memory_budget: int | None = None,
    kernels: Kernels = NATIVE,
) -> ModelPackage:
    """Makes the model package `out` from a Hugging Face folder or hf:ID of the hub: weights, commitments,
    model_id, first keys.

    Columns have 2^mu coefficients (default: as many as the weights, or `max_tokens` rows, need, at most
    2^24). What an earlier call with the same inputs has left in `out` is checked and used. A budget refuses,
    before the weights are committed, a model whose proofs would take more memory.
    """
    text = _calibration_text(calibration)
    if mu is not None and not MIN_MU <= mu <= MAX_SIZE_LOG2:
        raise PackageError(f"mu = {mu}: columns have from 2^{MIN_MU} to 2^{MAX_SIZE_LOG2} coefficients")
    check_setup_inputs(model, Path(out), max_tokens, mu, Path(srs) if srs is not None else None)
    options = BuildOptions(
        quantizer=QuantizerOptions(mu=mu), calibration=text, rows=max_tokens or DEFAULT_ROWS
    )
    package = build_package(model, out, options, progress)
    rows = max_tokens if max_tokens is not None else min(DEFAULT_ROWS, package.config.n_ctx)
    if memory_budget is not None:
        require_memory(_protocol(package, rows, 1), memory_budget)
    setup_keys(package, rows, srs, progress, kernels)
    return package


def setup_keys(
    package: ModelPackage,
    max_tokens: int,
    srs: str | Path | None = None,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
) -> SetupRecord:
    """Commits to the fixed columns, records model_id, and makes the keys of the shape (max_tokens, 1).

    Each commitment is kept at once (keys/commitments.json), for a set-up that is interrupted. A package whose
    predicates fail gets none.
    """
    _ = package.sound_weights, _protocol(package, max_tokens, 1)  # before the SRS is made or read
    path = Path(srs).resolve() if srs is not None else None
    string = _load_srs(path, 1 << package.config.mu, progress, kernels)
    timings = Timings(progress=progress)
    if path is not None:
        with timings.stage("check SRS") as report:
            check_srs(string, report)
    journal = Journal(
        package.folder / "keys" / COMMITMENTS_FILE,
        {"package": package.digest.hex(), "srs": string.digest.hex(), "version": VERSION},
    )
    record = _recorded(package, max_tokens, string, path, timings, journal)
    record.save(package.folder / "keys" / SETUP_FILE)
    shape_keys(package, max_tokens, 1, progress=progress, kernels=kernels)
    return record


def check_setup(
    model: str | Path,
    folder: str | Path,
    progress: Progress | None = None,
    srs: str | Path | None = None,
    calibration: str | Path | None = None,
    allow_scales: bool = False,
    kernels: Kernels = NATIVE,
) -> Audit:
    """Rebuilds everything from the checkpoint and compares: the auditor's way to VERIFIER_ID.

    The calibration is repeated, on the text that ships with the project or on `calibration`, and the program
    has to be the one that it leads to. With `allow_scales` any scales do that are not too coarse
    (`model.scale_check`).

    The SRS (`srs`, or the one that the package names) is checked in full: its file may come from anyone.
    Without `srs` the auditor has to compare the digest with that of a ceremony that he trusts. That the
    program is close to the float model is not part of it: see `zkllm accuracy`. Raises PackageError or
    SrsError at the first difference.
    """
    text = _calibration_text(calibration)
    package = ModelPackage.load(folder)
    check_package(package, load_checkpoint(model), progress, text, allow_scales)
    record = open_setup(package)
    if srs is not None:
        record = replace(record, srs_path=str(Path(srs).resolve()))
    checked: list[Srs] = []

    def checked_srs(powers: int) -> Srs:
        if not any(s.num_powers >= powers for s in checked):
            string = _srs_of(record, powers, progress, kernels)
            with Timings(progress=progress).stage("check SRS") as report:
                check_srs(string, report)
            checked.append(string)
        return next(s for s in checked if s.num_powers >= powers)

    string = checked_srs(1 << package.config.mu)
    _check_record(package, record, string, progress)
    identities: dict[tuple[int, int], bytes] = {}
    for keys in sorted((package.folder / "keys").iterdir()):
        match = re.fullmatch(r"N([1-9][0-9]{0,5})-k([1-9][0-9]{0,5})", keys.name)
        if match is None:
            if keys.is_dir():
                raise PackageError(f"{keys}: not the keys of a shape; remove it")
            continue
        rows, certified = int(match[1]), int(match[2])
        with Timings(progress=progress).stage(f"keys N={rows} k={certified}"):
            rebuilt = _make_keys(package, record, rows, certified, checked_srs, kernels)
        if rebuilt.verifying_key != VerifyingKey.load(keys / "vk.json"):
            raise PackageError(f"{keys}: the verifying key is not the one that the checkpoint leads to")
        keep_key(package.digest, keys / "vk.json", rebuilt.verifying_key.to_json().encode())
        identities[rows, certified] = rebuilt.verifying_key.verifier_id
    return Audit(identities, record.model_id, string.kind, string.digest)


def open_package(
    path: str | Path,
    *,
    progress: Progress | None = None,
    asked: Asked | None = None,
    kernels: Kernels = NATIVE,
) -> ModelPackage:
    """A package with keys: `path` itself, or one made in the cache from a Hugging Face folder or hf:ID of the
    hub on first use; not, where what is `asked` of it could not be proved.

    The folder may be anyone's: keys that came with it are made again and compared (`own_setup`), and none are
    made where a predicate fails. What the folder's word is taken for is whose weights they are, and the SRS.
    """
    folder = Path(path)
    if hub_id(path) is None and (folder / "manifest.json").is_file():
        package = ModelPackage.load(folder)
        if not (folder / "keys" / SETUP_FILE).is_file():
            if asked is not None:
                asked.check(package)
            require_folder_place(folder / "keys")
            setup_keys(package, min(DEFAULT_ROWS, package.config.n_ctx), progress=progress, kernels=kernels)
        own_setup(package, progress, kernels)
        return package
    checkpoint = find_checkpoint(path)
    cached = cache_directory() / "models" / _checkpoint_key(checkpoint)
    if (cached / "keys" / SETUP_FILE).is_file():
        try:
            return ModelPackage.load(cached)
        except PackageError:
            pass  # damaged: made again
    if asked is not None:
        asked.check_checkpoint(checkpoint)
    return setup(checkpoint, cached, progress=progress, kernels=kernels)


def _checkpoint_key(folder: Path) -> str:
    """Names a checkpoint by its files' names, sizes and times, so that a changed one is set up again."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".safetensors", ".txt"))
    text = "\n".join(f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files)
    return (
        f"{folder.resolve().name}-{hashlib.sha256((str(folder.resolve()) + text).encode()).hexdigest()[:16]}"
    )


def open_setup(package: ModelPackage) -> SetupRecord:
    """What the package's folder says of its set-up."""
    record = SetupRecord.load(package.folder / "keys" / SETUP_FILE)
    if record.package_digest != package.digest:
        raise PackageError(f"{package.folder}: the keys were made for other weights; run zkllm setup again")
    return record


def own_setup(
    package: ModelPackage, progress: Progress | None = None, kernels: Kernels = NATIVE
) -> SetupRecord:
    """The package's set-up, made by this user, or else made again here and found to be the same."""
    record = open_setup(package)
    if not record.own:
        string = _srs_of(record, 1 << package.config.mu, progress, kernels)
        if record.srs_path is not None:
            with Timings(progress=progress).stage("check SRS") as report:
                check_srs(string, report)
        _check_record(package, record, string, progress)
    return record


def _recorded(
    package: ModelPackage,
    max_tokens: int,
    string: Srs,
    path: Path | None,
    timings: Timings,
    journal: Journal | None = None,
) -> SetupRecord:
    """What this package's set-up fixes under this SRS, whose file `path` is."""
    protocol = _protocol(package, max_tokens, 1)
    with timings.stage("commit weights") as report:
        tensors = fixed_tensors(protocol, package.sound_weights)
        commitments = commit_columns(string, protocol.fixed, tensors, report, journal)
    digest = config_digest(package.config.to_dict(), package.weights.tables.to_dict())
    return SetupRecord(
        max_tokens,
        string.kind,
        str(path) if path else None,
        string.digest,
        tuple(commitments),
        digest,
        model_id(digest, package.vocabulary_root, commitments),
        package.digest,
    )


def _check_record(package: ModelPackage, record: SetupRecord, string: Srs, progress: Progress | None) -> None:
    """Raises PackageError unless the record is what the package leads to; it counts as one's own then."""
    found = _recorded(package, record.max_tokens, string, None, Timings(progress=progress))
    if found.fixed_commitments != record.fixed_commitments:
        raise PackageError(f"{package.folder}: the recorded commitments are not those of the weights")
    if (found.model_id, found.config_digest) != (record.model_id, record.config_digest):
        raise PackageError(
            f"{package.folder}: the recorded model_id is not that of the weights and the configuration"
        )
    record.remember()


def shape_keys(
    package: ModelPackage,
    rows: int,
    certified: int,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
) -> ShapeKeys:
    """Keys of a shape, made when first used and cached in the package; others' are made again."""
    record = own_setup(package, progress, kernels)
    folder = package.keys_folder(rows, certified)
    if all(is_own_key(package.digest, folder / name) for name in ("vk.json", "proving.key")):
        pk = ProvingKey.load(folder / "proving.key")
        if (
            pk.vk == VerifyingKey.load(folder / "vk.json")
            and pk.vk.model_id == record.model_id
            and pk.vk.srs_digest == record.srs_digest
        ):
            return ShapeKeys(_protocol(package, rows, certified), pk)
    require_folder_place(folder)
    with Timings(progress=progress).stage(f"keys N={rows} k={certified}"):
        open_srs_of = lambda powers: _srs_of(record, powers, progress, kernels)
        keys = _make_keys(package, record, rows, certified, open_srs_of, kernels)
    keep_key(package.digest, folder / "proving.key", keys.proving_key.to_bytes())
    keep_key(package.digest, folder / "vk.json", keys.verifying_key.to_json().encode())
    return keys


def _make_keys(
    package: ModelPackage,
    record: SetupRecord,
    rows: int,
    certified: int,
    open_srs_of: Callable[[int], Srs],
    kernels: Kernels,
) -> ShapeKeys:
    """The owner of every VERIFIER_ID of a model: none comes to be unless the predicates hold."""
    config = package.sound_weights.config
    protocol = _protocol(package, rows, certified)
    circuit = build_circuit(protocol).compile()
    string = open_srs_of(srs_powers_needed(circuit.log2_size, config.mu))
    pk, _ = setup_outer(
        circuit,
        string,
        kernels,
        list(record.fixed_commitments),
        protocol.witness.num_columns,
        config.mu,
        {
            "version": VERSION,
            "N": rows,
            "k": certified,
            "vocab_size": config.vocab_size,
            "pad_id": config.pad_id,
            "n_ctx": config.n_ctx,
            "model_id": record.model_id,
            "config_digest": record.config_digest,
            "vocabulary_root": package.vocabulary_root,
        },
    )
    return ShapeKeys(protocol, pk)


def _protocol(package: ModelPackage, rows: int, certified: int) -> Description:
    try:
        return describe(package.config, rows, certified)
    except ValueError:
        raise StatementError(
            f"--max-tokens {rows} with --new-tokens {certified}: the model has {package.config.n_ctx} "
            "positions (n_ctx), and an answer takes as many as it has tokens"
        ) from None


def _calibration_text(path: str | Path | None) -> str | None:
    if path is None:
        return None
    with reading(Path(path), "calibration text", ZkllmError):
        return read_text(Path(path), MOST_TEXT)


def _load_srs(path: Path | None, powers: int, progress: Progress | None, kernels: Kernels) -> Srs:
    if path is not None:
        return open_srs(path, powers, kernels=kernels)
    report: Callable[[int, int], None] | None = None
    if progress is not None:
        report = lambda done, total: progress("development SRS", done, total)
    return development_srs(max(MIN_SRS_LOG2, (powers - 1).bit_length()), report, kernels)


def _srs_of(record: SetupRecord, powers: int, progress: Progress | None, kernels: Kernels) -> Srs:
    string = _load_srs(Path(record.srs_path) if record.srs_path else None, powers, progress, kernels)
    if string.digest != record.srs_digest:
        raise PackageError("the SRS is not the one that the model was set up with; run zkllm setup again")
    if string.kind != record.srs_kind:
        raise PackageError(f"the SRS is a {string.kind} one, not {record.srs_kind} as keys/{SETUP_FILE} says")
    return string


# ---- prove and verify


def check_memory(
    package: ModelPackage, rows: int, certified: int, memory_budget: int | None = None
) -> Estimate:
    """What a proof of this shape will take; a ResourceError where that is over the budget, or more than the
    machine has."""
    path, known = package.keys_folder(rows, certified) / "vk.json", {}
    if is_own_key(package.digest, path):
        known = {"circuit_log2": VerifyingKey.load(path).n_log2}
    return require_memory(_protocol(package, rows, certified), memory_budget, **known)


def answer(package: ModelPackage, ids: Sequence[int], new_tokens: int, rows: int) -> Statement:
    """What the model answers, without a proof: the statement that `prove` would prove."""
    trace = generate_trace(package.weights, list(ids), new_tokens, rows)
    return Statement(open_setup(package).model_id, new_tokens, tuple(trace.ids[: trace.T + 1]))


def prove(
    package: ModelPackage,
    *,
    prompt: str | None = None,
    tokens: Sequence[int] | None = None,
    new_tokens: int = 1,
    context: Context | None = None,
    rows: int | None = None,
    progress: Progress | None = None,
    memory: bool = False,
    memory_budget: int | None = None,
    kernels: Kernels = NATIVE,
) -> ProofResult:
    """Answers a prompt greedily with `new_tokens` tokens and proves it in one causal pass of `rows` rows.

    Refuses where it would take more resident memory than the budget, or more than the machine has.
    `memory`: resident memory by stage too, for which the process' mark of its peak is started anew.
    """
    context = context or Context()
    record = open_setup(package)
    rows = rows if rows is not None else record.max_tokens
    ids = check_prompt(package, prompt, tokens, new_tokens, rows)
    check_memory(package, rows, new_tokens, memory_budget)
    timings = Timings(progress, memory)
    with timings.stage("keys"):
        keys = shape_keys(package, rows, new_tokens, progress, kernels)
        vk = keys.verifying_key
        string = _srs_of(record, srs_powers_needed(vk.n_log2, vk.mu), progress, kernels)
    with timings.stage("trace") as report:
        trace = generate_trace(package.weights, ids, new_tokens, rows, report, kernels)
    body = prove_trace(
        keys.protocol, package.weights, trace, keys.proving_key, string, context.digest(), kernels, timings
    )
    proof = Proof(
        vk.verifier_id,
        vk.srs_kind == "development",
        context,
        rows,
        new_tokens,
        trace.T,
        tuple(trace.ids),
        body,
    )
    answer = trace.ids[trace.T - new_tokens + 1 : trace.T + 1]
    return ProofResult(
        proof,
        proof.statement(vk),
        ids,
        answer,
        package.tokenizer.decode_bytes(answer),
        [int(x) for x in trace["logit"]],
        package.scales.logits,
        vk,
        timings.seconds,
        timings.root,
    )


def verify(proof: Proof | bytes, verifying_key: VerifyingKey) -> None:
    """Raises ProofError unless the proof holds. Pure Python (see also `zkllm.proof`)."""
    parsed = proof if isinstance(proof, Proof) else Proof.from_bytes(proof)
    parsed.verify(verifying_key)


def backend() -> str:
    """The instructions that all native kernels use: see `zkllm --help`, ZKLLM_BACKEND."""
    return field_backend()


__all__ = [
    "Asked",
    "Audit",
    "Context",
    "ModelPackage",
    "Proof",
    "ProofResult",
    "SetupRecord",
    "ShapeKeys",
    "Statement",
    "VerifyingKey",
    "answer",
    "backend",
    "check_memory",
    "check_prompt",
    "check_setup",
    "open_package",
    "open_setup",
    "own_setup",
    "prompt_ids",
    "prove",
    "setup",
    "setup_keys",
    "shape_keys",
    "verify",
]
