"""The check of a package against its checkpoint.

A package's scales are a choice, and its owner made it: scales that are too coarse make a program that says
nothing of the same weights. So the choice is made again. The calibration is repeated on the recorded text,
the recorded ranges have to be those, and what the quantiser chooses from them has to be the package.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from zkllm.errors import PackageError
from zkllm.files import JsonObject
from zkllm.model.build import BuildOptions, StageProgress, stage_of
from zkllm.model.calibrate import FloatRanges, calibration_set
from zkllm.model.calibration_record import CalibrationRecord, text_digest
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.config_fields import shown
from zkllm.model.conversation import Conversation, load_conversation
from zkllm.model.family import PACKING, Choice, family_of
from zkllm.model.package import ModelPackage
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer

from ..protocol.column_sizes import ColumnSizes

TOLERANCE = 0.05
"""Of a repeated range. Float sums differ in their last bits from machine to machine, and a deep model in
float32 makes more of it; what is chosen is the same unless a range is that near to a power of two."""

_CONVERSATION = {
    "ends": "what ends an answer",
    "template": "the chat template",
    "tokens": "what the chat template calls by name",
}
"""Fields of a `Conversation`, as a refusal names them."""


def check_package(
    package: ModelPackage,
    checkpoint: Checkpoint,
    progress: StageProgress | None = None,
    calibration: str | None = None,
    allow_scales: bool = False,
) -> None:
    """Raises PackageError unless the package is this checkpoint's, sound, and what the quantiser makes of it.

    `calibration` is the text that it was calibrated on (None: the one that ships with the project). With
    `allow_scales` nothing is calibrated: any scales do that are not too coarse (`scale_check`).
    """
    family = family_of(package.config)
    if allow_scales and not family.any_scales:
        raise PackageError(
            f"{package.folder}: --allow-scales is for GPT-2's family: channels of the Llama family's models "
            "have exponents, which may silence some whatever the scales are; give the text that it was "
            "calibrated on (--calibration FILE), or set the model up again"
        )
    _ = package.sound_weights
    tokenizer = load_tokenizer(checkpoint.folder, checkpoint.architecture.vocab_size)
    if tokenizer.definition != package.tokenizer.definition:
        raise PackageError(f"{package.folder}: the tokenizer is not the checkpoint's")
    conversation = load_conversation(checkpoint.folder, checkpoint.architecture.vocab_size)
    if package.conversation != Conversation():  # nothing: of an earlier version
        for field, name in _CONVERSATION.items():
            if getattr(package.conversation, field) != getattr(conversation, field):
                raise PackageError(f"{package.folder}: {name} is not the checkpoint's")
    if family is not family_of(checkpoint.architecture):
        raise PackageError(f"{package.folder}: the checkpoint is a model of another family")
    choice = Choice(package.config, package.scales, package.weights.tables)
    if errors := family.scale_errors(checkpoint, choice):
        raise PackageError(
            f"{package.folder}: not a program of this checkpoint, or too coarse a one: {'; '.join(errors)}"
        )
    record = None if allow_scales else _usable_record(package, calibration)
    if record is not None:
        _check_ranges(package, checkpoint, tokenizer, record, calibration, stage_of(progress, "calibrate"))
        _check_choice(package, checkpoint, record, stage_of(progress, "choose scales"))
    _check_arrays(package, checkpoint, stage_of(progress, "quantize"))


def _usable_record(package: ModelPackage, calibration: str | None) -> CalibrationRecord:
    record, usual = package.calibration, BuildOptions()
    family = family_of(package.config)
    instead = _instead(package, "its scales unless they are too coarse")
    if record is None:
        raise PackageError(
            f"{package.folder} does not say what its scales were chosen from (earlier versions did not); "
            f"set the model up again{instead}"
        )
    if family.quality(record.options) is None or record.seed != usual.seed:
        given = {k: v for k, v in asdict(record.options).items() if v != getattr(usual.quantizer, k)}
        raise PackageError(
            f"{package.folder} was not made with the quantiser's usual options ({given or 'another seed'}); "
            f"set the model up again{instead}"
        )
    if text_digest(replace(usual, calibration=calibration).text) != record.text:
        which = "the one that ships with this version" if calibration is None else "this one"
        raise PackageError(
            f"{package.folder} was calibrated on a text of the SHA-256 {record.text}, which is not {which}; "
            f"give it with --calibration FILE{instead}"
        )
    return record


def _instead(package: ModelPackage, what: str) -> str:
    """What can be done, too, where that is offered."""
    return f", or accept {what}: --allow-scales" if family_of(package.config).any_scales else ""


def _check_ranges(
    package: ModelPackage,
    checkpoint: Checkpoint,
    tokenizer: ByteLevelTokenizer,
    record: CalibrationRecord,
    calibration: str | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """The recorded ranges are those of the float model on the recorded text, to within `TOLERANCE`."""
    groups = calibration_set(checkpoint, tokenizer, calibration, record.seed)
    measured = family_of(checkpoint.architecture).measure(checkpoint, groups, progress)
    for name in range_differences(record.ranges, measured):
        raise PackageError(f"{package.folder}: the recorded range of {name} is not what calibration gives")


def range_differences(recorded: FloatRanges, measured: FloatRanges) -> Iterator[str]:
    """Names of what differs by more than `TOLERANCE`; a least deviation also by what is nothing beside the
    largest, since it may be all rounding."""
    one, other = dict(_flat(recorded.to_dict())), dict(_flat(measured.to_dict()))
    noise = TOLERANCE**2 * measured.residual_rms[1]
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            yield name
        elif abs(one[name] - other[name]) > TOLERANCE * other[name] + noise * name.startswith("residual_rms"):
            yield name


def _flat(data: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Numbers in nested dicts and lists, by the way to them."""
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, float(data)


def _check_choice(
    package: ModelPackage,
    checkpoint: Checkpoint,
    record: CalibrationRecord,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Scales, tables and configuration are what the quantiser chooses from the recorded ranges.

    The columns' sizes are anyone's choice: they say how the program is committed to.
    """
    family = family_of(checkpoint.architecture)
    choice = family.choose(checkpoint, record.ranges, record.options, progress)
    unlike = _unlike(package.scales.to_dict(), choice.scales.to_dict())
    unlike += _unlike(package.weights.tables.to_dict(), choice.tables.to_dict())
    unlike += _unlike(package.config.to_dict(), choice.config.to_dict(), (*PACKING, *ColumnSizes._fields))
    if not unlike:  # so that the arrays have the shapes of this configuration
        model = family.model(choice.config, choice.tables, dict(package.weights.arrays()))
        chosen = family.packed(model, record.options).config
        unlike = _unlike(package.config.to_dict(), chosen.to_dict(), ColumnSizes._fields)
    if unlike:
        raise PackageError(
            f"{package.folder}: not what the quantiser chooses from its ranges: {', '.join(unlike)}"
            f"{_instead(package, 'any scales that are not too coarse')}"
        )


_NOTHING = "nothing"


def _unlike(one: JsonObject, other: JsonObject, but: Collection[str] = ()) -> list[str]:
    """What differs, by name. Either may lack what the other has: a field is left out where it has its
    default."""
    names = [name for name in {**one, **other} if name not in but]
    said = lambda data, name: shown(data[name]) if name in data else _NOTHING
    return [
        f"{name} is {said(one, name)}, not {said(other, name)}"
        for name in names
        if (name in one) != (name in other) or one[name] != other[name]
    ]


def _check_arrays(
    package: ModelPackage, checkpoint: Checkpoint, report: Callable[[int, int], None] | None
) -> None:
    """Every array is what the checkpoint quantises to at the package's scales."""
    choice, arrays = (
        Choice(package.config, package.scales, package.weights.tables),
        dict(package.weights.arrays()),
    )
    family = family_of(package.config)
    groups = family.groups(package.config)
    for i, group in enumerate(groups):
        position = dict.fromkeys(groups[group], 0)
        for name, block in family.blocks(checkpoint, choice, group):
            start, position[name] = position[name], position[name] + len(block)
            if not np.array_equal(arrays[name][start : position[name]], block):
                raise PackageError(f"{package.folder}: array {name} is not what the checkpoint quantises to")
        if report:
            report(i + 1, len(groups))
