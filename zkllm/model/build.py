"""From a checkpoint to a model package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from zkllm import __version__
from zkllm.errors import PackageError
from zkllm.families import Config, describe
from zkllm.files import JsonObject, write_atomically
from zkllm.limits import MAX_CHOSEN_MU
from zkllm.model.calibrate import calibration_set, default_text
from zkllm.model.calibration_record import CalibrationRecord, text_digest
from zkllm.model.checkpoint import Checkpoint, stamps
from zkllm.model.conversation import load_conversation
from zkllm.model.execution import trace
from zkllm.model.family import Choice, Family, family_of
from zkllm.model.folder import load_folder
from zkllm.model.hub import hub_id
from zkllm.model.models import AnyScales, Model
from zkllm.model.package import (
    FORMAT,
    ArrayFiles,
    ModelPackage,
    intact_array,
    map_arrays,
    record_calibration_text,
)
from zkllm.model.quantize import QuantizerOptions
from zkllm.model.ranges import RangeReport, RangeRow
from zkllm.resumable import Resumable

from ..protocol.column_sizes import ColumnSizes, chosen_sizes

C = TypeVar("C", bound=Config)
BUILD_FILE = "build.json"
_TRACED_SEQUENCES, _TRACED_OPERATIONS = 32, 1e11
_READ_IN_ROWS = 16  # a trace reads every weight: one of fewer rows takes as long
_CUT_TO = 64  # rows of a long sequence that are traced whatever they cost

StageProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """`calibration` is the text (None: the one that ships with the project)."""

    quantizer: QuantizerOptions = QuantizerOptions()
    calibration: str | None = None
    rows: int = 16  # the shape that mu is chosen for
    hidden: bool = False  # commitments hide the weights
    seed: int = 1
    quality: str | None = None  # by the family's name for the quantiser's options, in the place of these

    @property
    def text(self) -> str:
        return default_text() if self.calibration is None else self.calibration


def sized(config: C, rows: int, mu: int | None = None, witness_mu: int | None = None) -> C:
    """Columns as asked for, or as the weights, and proofs of `rows` rows, want them."""
    any_size = describe(
        replace(config, **ColumnSizes.full(MAX_CHOSEN_MU, config.hidden)._asdict()),
        min(rows, config.n_ctx),
        1,
    )
    return replace(config, **chosen_sizes(any_size, mu, witness_mu)._asdict())


def stage_of(progress: StageProgress | None, name: str) -> Callable[[int, int], None] | None:
    """What reports (done, total) of one stage."""
    return (lambda done, total: progress(name, done, total)) if progress else None


def calibration_report(
    model: Model, groups: Sequence[np.ndarray], progress: Callable[[int, int], None] | None = None
) -> RangeReport:
    """Executes the integer program on some of the calibration sequences, groups of int[S, t]: of each group
    two at least, long ones cut to what can be afforded (the program is causal)."""
    report = RangeReport(model.config)
    affordable = int(_TRACED_OPERATIONS / model.traced_weights)  # rows of each group
    picked: list[list[int]] = []
    for ids in groups:
        rows = min(ids.shape[1], max(_CUT_TO, affordable // 2))
        count = max(2, min(_TRACED_SEQUENCES, affordable // max(rows, _READ_IN_ROWS)))
        chosen = np.linspace(0, len(ids) - 1, num=min(count, len(ids))).astype(int)
        picked += ids[chosen, :rows].tolist()
    for i, row in enumerate(picked):
        rows = len(row)
        # every width is enforced by the report below; the argmax is not asked for here
        report.observe(trace(model, [*row, model.config.pad_id], rows, rows, check=False))
        if progress:
            progress(i + 1, len(picked))
    return report


def build_inputs(checkpoint: Checkpoint, options: BuildOptions) -> JsonObject:
    """What a package is made from."""
    return {
        "version": [__version__, FORMAT],
        "checkpoint": str(checkpoint.folder.resolve()),
        "files": [list(stamp) for stamp in stamps(checkpoint.folder)],
        "calibration": text_digest(options.text),
        # the columns' sizes change nothing but the manifest
        "quantizer": {**asdict(options.quantizer), "mu": None, "witness_mu": None},
        "seed": options.seed,
    }


def build_package(
    model: str | Path,
    out: str | Path,
    options: BuildOptions = BuildOptions(),  # noqa: B008 (frozen)
    progress: StageProgress | None = None,
) -> ModelPackage:
    """Loads, calibrates, quantises and writes the package `out`, or what is missing of it.

    Each stage's result is kept in build.json (arrays: their digests), so that a run that was killed, and one
    that is repeated, go on from there. A manifest appears last.
    """
    (checkpoint, tokenizer), out = load_folder(model), Path(out).resolve()
    conversation = load_conversation(checkpoint.folder, checkpoint.architecture.vocab_size)
    family = family_of(checkpoint.architecture)
    options = _with_quality(options, family)
    source = hub_id(model) or Path(checkpoint.folder).resolve().name
    groups = calibration_set(checkpoint, tokenizer, options.calibration, options.seed)
    resumable = Resumable(out / BUILD_FILE, build_inputs(checkpoint, options))
    if not resumable.resumed:
        (out / "manifest.json").unlink(missing_ok=True)
    if (known := resumable.get("ranges")) is None:
        known = family.measure(checkpoint, groups, stage_of(progress, "calibrate")).to_dict()
        resumable.put("ranges", known)
    ranges = family.ranges(known)
    choice = family.choose(checkpoint, ranges, options.quantizer, stage_of(progress, "choose scales"))
    config, scales = choice.config, choice.scales
    _write_arrays(out, resumable, checkpoint, choice, stage_of(progress, "quantize"))
    quantized = family.model(config, choice.tables, map_arrays(out, config))
    quantized = family.packed(quantized, options.quantizer)
    family.check_predicates(quantized)
    asked = options.quantizer
    config = replace(quantized.config, hidden=options.hidden)
    config = sized(config, options.rows, asked.mu, asked.witness_mu)
    quantized = family.model(config, quantized.tables, dict(quantized.arrays()))
    report = _checked_report(resumable, quantized, groups, progress)
    record_calibration_text(out, options.calibration)
    record = family.new_record(ranges, options.quantizer, options.seed, options.text)
    package = _complete(out, quantized, scales, source, record)
    if package and (package.tokenizer.definition, package.conversation) == (
        tokenizer.definition,
        conversation,
    ):
        return package
    package = ModelPackage.save(out, quantized, scales, tokenizer, report, source, record, conversation)
    origin = str(model) if hub_id(model) else str(Path(model).resolve())
    write_atomically(out / "checkpoint.txt", f"{origin}\n".encode())
    return package


def _with_quality(options: BuildOptions, family: Family) -> BuildOptions:
    """The options that the quality asked for stands for."""
    if options.quality is None:
        return options
    if options.quality not in family.qualities:
        raise PackageError(f"the quality {options.quality!r} is for models of the Llama family")
    sizes = options.quantizer
    chosen = replace(family.qualities[options.quality], mu=sizes.mu, witness_mu=sizes.witness_mu)
    return replace(options, quantizer=chosen, quality=None)


def _write_arrays(
    out: Path,
    resumable: Resumable,
    checkpoint: Checkpoint,
    choice: Choice,
    progress: Callable[[int, int], None] | None,
) -> None:
    """The arrays that are not there yet, or not as they were written."""
    done, config, family = 0, choice.config, family_of(choice.config)
    groups = family.groups(config)
    for group, names in groups.items():
        digests = resumable.get(f"arrays of {group}") or {}
        if not all(intact_array(out, name, config, digests.get(name)) for name in names):
            # an array that is about to change must not be part of a package
            (out / "manifest.json").unlink(missing_ok=True)
            with ArrayFiles(out, names) as files:
                for i, (name, block) in enumerate(family.blocks(checkpoint, choice, group)):
                    files.write(name, block)
                    if progress:
                        finished = min(i // len(names), config.n_layer)
                        progress(done + finished, len(groups) * config.n_layer)
                resumable.put(f"arrays of {group}", files.close())
        done += config.n_layer
        if progress:
            progress(done, len(groups) * config.n_layer)


def _checked_report(
    resumable: Resumable, model: Model, groups: Sequence[np.ndarray], progress: StageProgress | None
) -> list[RangeRow]:
    """The report of the integer program, inside every range."""
    known = resumable.get("report")
    if known is None:
        rows = calibration_report(model, groups, stage_of(progress, "ranges")).rows()
        for row in rows:
            if row.seen >= row.bound:
                raise PackageError(
                    f"calibration: {row.tensor} reaches {row.seen}, beyond its range of {row.bound}; "
                    "calibrate on more text (--calibration FILE)"
                )
        resumable.put("report", [row.to_dict() for row in rows])
        return rows
    return [RangeRow(**row) for row in known]


def _complete(
    out: Path, model: Model, scales: AnyScales, source: str, record: CalibrationRecord
) -> ModelPackage | None:
    """The package that is there, when it is already what it is to be."""
    try:
        package = ModelPackage.load(out)
        there = (package.scales, package.source, package.calibration)
    except PackageError:
        return None
    same = package.config == model.config and package.weights.tables == model.tables
    same &= there == (scales, source, record)
    return package if same else None
