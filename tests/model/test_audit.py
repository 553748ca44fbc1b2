"""The check of a package against its checkpoint: what an owner may declare, and what he may not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zkllm import api
from zkllm.errors import PackageError
from zkllm.files import canonical_json
from zkllm.model import calibrate
from zkllm.model.audit import check_package, range_differences
from zkllm.model.calibrate import FloatRanges
from zkllm.model.calibration_record import CalibrationRecord
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import QuantizerOptions
from zkllm.setup_record import SetupRecord

from .conftest import DEMO


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(DEMO)


@pytest.fixture
def measured(demo_package: ModelPackage, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The float model is not run again: `test_quantize` does so once. Lists the calls."""
    calls: list[int] = []
    record = demo_package.calibration
    assert record is not None

    def measure(checkpoint: Checkpoint, groups: list[Any], progress: Any) -> FloatRanges:
        calls.append(len(groups))
        assert record is not None
        return record.ranges

    monkeypatch.setattr(calibrate, "measure", measure)
    return calls


def recorded(package: ModelPackage, **changes: Any) -> ModelPackage:
    assert package.calibration is not None
    return replace(package, recorded=replace(package.calibration, **changes).to_bytes())


def configured(package: ModelPackage, **changes: int) -> ModelPackage:
    return replace(package, weights=replace(package.weights, config=replace(package.config, **changes)))


@pytest.mark.slow
def test_what_setup_made_passes(
    demo_package: ModelPackage, checkpoint: Checkpoint, measured: list[int]
) -> None:
    check_package(demo_package, checkpoint)
    assert len(measured) == 1
    check_package(configured(demo_package, mu=20), checkpoint)  # how it is committed to is anyone's choice
    check_package(demo_package, checkpoint, allow_scales=True)
    assert len(measured) == 2


OTHER_CHOICES: dict[str, Callable[[ModelPackage], ModelPackage]] = {
    "kappa is 43, not 44": lambda p: configured(p, kappa=43, ln_shift=p.config.ln_shift - 1),
    "over_bits is 17": lambda p: configured(p, over_bits=17),
    "slots is 1, not": lambda p: configured(p, slots=1, slot_bits=253),
    "vocab_slot_bits is ": lambda p: configured(p, vocab_slot_bits=p.config.vocab_slot_bits - 1),
    "rho_bits is ": lambda p: configured(p, rho_bits=p.config.rho_bits - 1),
    "yf is 8, not 9": lambda p: replace(
        configured(p, final_shift=p.config.final_shift + 1), scales=replace(p.scales, yf=p.scales.yf - 1)
    ),
}


@pytest.mark.parametrize("words", OTHER_CHOICES)
def test_another_choice_has_to_be_allowed(
    demo_package: ModelPackage, checkpoint: Checkpoint, measured: list[int], words: str
) -> None:
    """The same arrays, sound, and above every floor: only the quantiser would not have chosen it."""
    other = OTHER_CHOICES[words](demo_package)
    check_package(other, checkpoint, allow_scales=True)
    with pytest.raises(PackageError, match=f"not what the quantiser chooses.*{words}.*--allow-scales"):
        check_package(other, checkpoint)


def test_what_is_too_coarse_is_never_allowed(demo_package: ModelPackage, checkpoint: Checkpoint) -> None:
    """rho is 0, and so is every LayerNorm's output; or only the largest score counts."""
    y = demo_package.scales.y
    for name, change in (("kappa", {"kappa": y + 1, "ln_shift": 1}), ("exp_bits", {"exp_bits": 12})):
        silent = replace(demo_package, weights=_without_arrays(demo_package, **change))
        for allow in (False, True):
            with pytest.raises(PackageError, match=f"too coarse a one: {name} is "):
                check_package(silent, checkpoint, allow_scales=allow)


def _without_arrays(package: ModelPackage, **changes: int) -> Any:
    from zkllm.model.tables import exp_table

    config = replace(package.config, **changes)
    exp = exp_table(package.weights.tables, config.exp_bits)
    return replace(package.weights, config=config, exp=exp)


def test_the_recorded_ranges_have_to_be_those_of_the_model(
    demo_package: ModelPackage, checkpoint: Checkpoint, measured: list[int]
) -> None:
    assert demo_package.calibration is not None
    ranges = demo_package.calibration.ranges
    wide = replace(ranges, tensors={**ranges.tensors, "v": 8 * ranges.tensors["v"]})
    with pytest.raises(PackageError, match="recorded range of tensors.v is not what calibration gives"):
        check_package(recorded(demo_package, ranges=wide), checkpoint)


def test_every_range_is_compared(demo_package: ModelPackage) -> None:
    assert demo_package.calibration is not None
    ranges = demo_package.calibration.ranges
    assert list(range_differences(ranges, ranges)) == []
    names = 0
    for name, values in ranges.to_dict().items():
        places = values if isinstance(values, dict) else {name: values}
        for key in places:
            for factor, differs in ((1.04, False), (0.96, False), (1.1, True), (0.9, True)):
                data = ranges.to_dict()
                if isinstance(values, dict):
                    data[name] = {**values, key: _times(values[key], factor)}
                else:
                    data[name] = _times(values, factor)
                found = list(range_differences(FloatRanges.from_dict(data), ranges))
                assert bool(found) == differs, (name, key, factor)
            names += 1
    assert names >= 20
    for change in ({"tensors": {**ranges.tensors, "x": 1.0}}, {"layers": {**ranges.layers, "f": []}}):
        assert list(range_differences(replace(ranges, **change), ranges)) != []


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, list):
        return [_times(x, factor) for x in value]
    return round(value * factor) if type(value) is int else value * factor


@pytest.mark.parametrize(
    "change, words",
    [
        ({"options": QuantizerOptions(act_bits=14)}, "usual options .*'act_bits': 14"),
        ({"options": QuantizerOptions(slots=1)}, "usual options .*'slots': 1"),
        ({"seed": 2}, "usual options .another seed"),
        (
            {"text": "00" * 32},
            "calibrated on a text of the SHA-256 0000.*ships with this.*--calibration FILE",
        ),
    ],
)
def test_what_the_choice_was_made_from_is_judged(
    demo_package: ModelPackage, checkpoint: Checkpoint, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(PackageError, match=f"{words}.*--allow-scales"):
        check_package(recorded(demo_package, **change), checkpoint)
    check_package(recorded(demo_package, **change), checkpoint, allow_scales=True)


def test_another_text_is_not_the_recorded_one(demo_package: ModelPackage, checkpoint: Checkpoint) -> None:
    with pytest.raises(PackageError, match="which is not this one"):
        check_package(demo_package, checkpoint, calibration="another text")


def test_a_package_without_a_record_has_to_be_allowed(
    demo_package: ModelPackage, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """As earlier versions wrote it."""
    p = demo_package
    old = ModelPackage.save(tmp_path / "old", p.weights, p.scales, p.tokenizer, p.ranges, p.source)
    assert old.calibration is None and not (old.folder / "calibration.json").exists()
    with pytest.raises(PackageError, match="does not say what its scales were chosen from.*--allow-scales"):
        check_package(old, checkpoint)
    check_package(old, checkpoint, allow_scales=True)


@pytest.mark.parametrize(
    "change",
    [{"seed": None, "text": 5}, {"options": {}}, {"options": {"act_bits": 16}}, {"extra": 1}, {"ranges": {}}],
)
def test_damaged_records_are_refused(demo_package: ModelPackage, change: dict[str, Any]) -> None:
    assert demo_package.calibration is not None
    raw = demo_package.calibration.to_bytes()
    assert CalibrationRecord.from_bytes(raw) == demo_package.calibration
    with pytest.raises((ValueError, KeyError, TypeError)):
        CalibrationRecord.from_bytes(canonical_json({**json.loads(raw), **change}))


def test_a_damaged_record_is_found_where_it_is_needed(
    demo_package: ModelPackage, checkpoint: Checkpoint
) -> None:
    damaged = replace(demo_package, recorded=b"{}")
    with pytest.raises(PackageError, match="calibration .*calibration.json: calibration lacks"):
        check_package(damaged, checkpoint)
    check_package(damaged, checkpoint, allow_scales=True)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, "1", None, True])
def test_ranges_are_numbers(demo_package: ModelPackage, value: Any) -> None:
    assert demo_package.calibration is not None
    data = json.loads(demo_package.calibration.to_bytes())
    data["ranges"]["tensors"]["q"] = value
    with pytest.raises(ValueError, match="tensors: q is not what|negative or not finite"):
        CalibrationRecord.from_bytes(canonical_json(data))


# ---- predicates that fail


@pytest.fixture
def unsound(demo_package: ModelPackage, tmp_path: Path) -> Path:
    """div may hold less than 2 M: of some prompts the quotient has no proof, of none more than one."""
    folder = Path(shutil.copytree(demo_package.folder, tmp_path / "unsound"))
    shutil.rmtree(folder / "keys", ignore_errors=True)
    path = folder / "manifest.json"
    data = json.loads(path.read_bytes())
    data["config"]["div_bits"] = 8
    path.write_bytes(canonical_json(data))
    return folder


UNSOUND = "unsound: div_bits: 2 M may reach .*, at most 2\\^8"


def test_an_unsound_package_is_not_accepted(unsound: Path, checkpoint: Checkpoint) -> None:
    for allow in (False, True):
        with pytest.raises(PackageError, match=UNSOUND):
            check_package(ModelPackage.load(unsound), checkpoint, allow_scales=allow)
    with pytest.raises(PackageError, match=UNSOUND):
        api.check_setup(DEMO, unsound)


def test_an_unsound_package_gets_no_keys(unsound: Path) -> None:
    """By none of the ways to them, and no commitments either."""
    package = ModelPackage.load(unsound)
    for make in (
        lambda: api.open_package(unsound),
        lambda: api.setup_keys(package, 8),
        lambda: api.setup_keys(package, 8, unsound / "none.srs"),
    ):
        with pytest.raises(PackageError, match=UNSOUND):
            make()
        assert not (unsound / "keys").exists()
    record = SetupRecord(8, "development", None, bytes(32), (), bytes(32), bytes(32), package.digest)
    record.save(unsound / "keys" / "setup.json")  # as if it were one's own
    for make in (lambda: api.shape_keys(package, 8, 1), lambda: api.prove(package, tokens=[1], rows=8)):
        with pytest.raises(PackageError, match=UNSOUND):
            make()
        assert [p.name for p in (unsound / "keys").iterdir()] == ["setup.json"]


def test_an_unsound_model_s_parts_get_no_keys(demo_package: ModelPackage) -> None:
    from zkllm.measure.sub_block import SubBlock

    weights = configured(demo_package, div_bits=8).weights
    with pytest.raises(PackageError, match=UNSOUND):
        SubBlock("fc1-gelu", weights, 0, 4).check()
