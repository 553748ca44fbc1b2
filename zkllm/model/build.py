"""From a checkpoint to a model package, and the check of a package against its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zkllm.errors import PackageError
from zkllm.model.calibrate import calibration_set, measure
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.config import ceil_log2
from zkllm.model.package import ModelPackage, allocate_array
from zkllm.model.predicates import check_predicates
from zkllm.model.program import trace
from zkllm.model.quantize import QuantizerOptions, quantize, quantize_arrays, scale_errors
from zkllm.model.ranges import RangeReport
from zkllm.model.tokenizer import load_tokenizer
from zkllm.model.weights import QuantizedModel

_MAX_MU, _MIN_MU = 24, 10
_TRACED_SEQUENCES, _TRACED_OPERATIONS = 32, 1e11

StageProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """`calibration` is the text (None: the one that ships with the project)."""

    quantizer: QuantizerOptions = QuantizerOptions()
    calibration: str | None = None
    rows: int = 16  # the shape that mu is chosen for
    seed: int = 1


def choose_mu(model: QuantizedModel, rows: int) -> int:
    """log2 of a column: one column of each group where that stays within 2^24."""
    # lazy: the protocol depends on the model's configuration, and only its layout is needed here
    from zkllm.protocol.manifest import Shape
    from zkllm.protocol.program import Protocol

    config = replace(model.config, mu=_MAX_MU)
    layout = Protocol(Shape(config, min(rows, config.n_ctx), 1))
    used = max(layout.fixed.used, layout.witness.used)
    return max(_MIN_MU, min(_MAX_MU, ceil_log2(used)))


def _stage(progress: StageProgress | None, name: str) -> Callable[[int, int], None] | None:
    return (lambda done, total: progress(name, done, total)) if progress else None


def calibration_report(
    model: QuantizedModel, groups: Sequence[np.ndarray], progress: Callable[[int, int], None] | None = None
) -> RangeReport:
    """Executes the integer program on some of the calibration sequences, groups of int[S, t]."""
    report = RangeReport(model.config)
    weights = model.w_qkv.size + 2 * model.w_fc1.size + model.wte.size
    picked: list[list[int]] = []
    for ids in groups:
        affordable = int(_TRACED_OPERATIONS / ids.shape[1] / weights)
        count = max(2, min(_TRACED_SEQUENCES, affordable))
        chosen = np.linspace(0, len(ids) - 1, num=min(count, len(ids))).astype(int)
        picked += ids[chosen].tolist()
    for i, row in enumerate(picked):
        rows = len(row)
        # every width is enforced by the report below; the argmax is not asked for here
        report.observe(trace(model, [*row, model.config.pad_id], rows, rows, check=False))
        if progress:
            progress(i + 1, len(picked))
    return report


def build_package(
    model: str | Path,
    out: str | Path,
    options: BuildOptions = BuildOptions(),  # noqa: B008 (frozen)
    progress: StageProgress | None = None,
) -> ModelPackage:
    """Loads, calibrates, quantises and writes the package `out`."""
    checkpoint = load_checkpoint(model)
    a, out = checkpoint.architecture, Path(out)
    tokenizer = load_tokenizer(checkpoint.folder, a.vocab_size)
    groups = calibration_set(checkpoint, tokenizer, options.calibration, options.seed)
    ranges = measure(checkpoint, groups, _stage(progress, "calibrate"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").unlink(missing_ok=True)
    allocate = lambda name, shape, dtype: allocate_array(out.resolve(), name, shape, dtype)
    quantized, scales = quantize(
        checkpoint, ranges, options.quantizer, allocate, _stage(progress, "quantize")
    )
    if options.quantizer.mu is None:
        mu = choose_mu(quantized, options.rows)
        quantized = replace(quantized, config=replace(quantized.config, mu=mu))
    report = calibration_report(quantized, groups, _stage(progress, "ranges"))
    for row in report.rows():
        if row.seen >= row.bound:
            raise PackageError(
                f"calibration: {row.tensor} reaches {row.seen}, beyond its range of {row.bound}; "
                "calibrate on more text (--calibration FILE)"
            )
    source = Path(checkpoint.folder).resolve().name if Path(model).is_dir() else str(model)
    package = ModelPackage.save(out, quantized, scales, tokenizer, report.rows(), source)
    origin = str(Path(model).resolve()) if Path(model).is_dir() else str(model)
    (out / "checkpoint.txt").write_text(origin + "\n", encoding="utf-8")
    return package


def check_package(
    package: ModelPackage, checkpoint: Checkpoint, progress: StageProgress | None = None
) -> None:
    """Raises PackageError unless the package is this checkpoint's, at its declared scales, and sound.

    Needs no calibration: the scales are part of the package, and everything else follows from them.
    """
    check_predicates(package.weights)
    errors = scale_errors(checkpoint, package.config, package.scales, package.weights.tables)
    if errors:
        raise PackageError(f"{package.folder}: configuration and scales disagree: {'; '.join(errors)}")
    again = quantize_arrays(
        checkpoint, package.config, package.scales, package.weights.tables,
        progress=_stage(progress, "quantize"),
    )  # fmt: skip
    for (name, ours), (_, theirs) in zip(again.arrays(), package.weights.arrays(), strict=True):
        if not np.array_equal(ours, theirs):
            raise PackageError(f"{package.folder}: array {name} is not what the checkpoint quantises to")
    tokenizer = load_tokenizer(checkpoint.folder, checkpoint.architecture.vocab_size)
    if tokenizer.definition != package.tokenizer.definition:
        raise PackageError(f"{package.folder}: the tokenizer is not the checkpoint's")
