"""The families of models: how each is calibrated, quantised, checked and audited, behind one interface.

`families` is the registry. A package's family is that of its configuration, a checkpoint's that of its
architecture; who builds, opens or audits packages asks the family, and knows none by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np

from zkllm.errors import PackageError
from zkllm.families import Config
from zkllm.files import JsonObject
from zkllm.gpt2.config import ProgramConfig
from zkllm.llama.config import LlamaConfig
from zkllm.model import calibrate, nominal, predicates, quantize, tables, weights
from zkllm.model.architecture import AnyArchitecture, Architecture
from zkllm.model.calibrate import FloatRanges
from zkllm.model.calibration_record import CalibrationRecord
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.llama import calibrate as llama_calibrate
from zkllm.model.llama import nominal as llama_nominal
from zkllm.model.llama import predicates as llama_predicates
from zkllm.model.llama import quantize as llama_quantize
from zkllm.model.llama import weights as llama_weights
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.record import LlamaRecord
from zkllm.model.llama.rounded import RoundedLlama
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.weights import LlamaModel, LlamaTables
from zkllm.model.models import AnyScales, Model, Tables
from zkllm.model.noise import Roundable
from zkllm.model.quantize import QuantizerOptions, Scales
from zkllm.model.rounded import RoundedGpt2
from zkllm.model.scale_check import scale_errors
from zkllm.model.weights import QuantizedModel, TableSpec

Own = TypeVar("Own")
Progress = Callable[[int, int], None]
Arrays = Mapping[str, np.ndarray]
PACKING = ("slots", "slot_bits", "inner_slots", "inner_slot_bits", "vocab_slots", "vocab_slot_bits",
           "head_slots", "head_slot_bits", "width_slots", "width_slot_bits", "rho_bits")  # fmt: skip
"""Fields of configurations that the quantised weights decide."""


@dataclass(frozen=True)
class Choice:
    """What the quantiser chooses from ranges."""

    config: Config
    scales: AnyScales
    tables: Tables


class Family(ABC):
    """Each method takes what is this family's; TypeError for another's."""

    qualities: Mapping[str, QuantizerOptions] = {quantize.NORMAL: QuantizerOptions()}
    """What a user may ask the quantiser for, by name."""
    any_scales = True
    """Whether `scale_errors` judges scales that the quantiser did not choose."""

    # ---- from a checkpoint to a model
    @abstractmethod
    def nominal(self, architecture: AnyArchitecture) -> Config:
        """Before a calibration: widths and packing as the quantiser usually chooses them, for plans."""

    @abstractmethod
    def measure(
        self, checkpoint: Checkpoint, groups: Sequence[np.ndarray], progress: Progress | None
    ) -> FloatRanges: ...

    @abstractmethod
    def ranges(self, data: JsonObject) -> FloatRanges: ...

    @abstractmethod
    def choose(
        self,
        checkpoint: Checkpoint,
        ranges: FloatRanges,
        options: QuantizerOptions,
        progress: Progress | None = None,
    ) -> Choice: ...

    @abstractmethod
    def groups(self, config: Config) -> Mapping[str, tuple[str, ...]]:
        """Arrays that are made together."""

    @abstractmethod
    def blocks(self, checkpoint: Checkpoint, choice: Choice, group: str) -> Iterator[tuple[str, np.ndarray]]:
        """(name, next block along the first axis) of the arrays of a group."""

    @abstractmethod
    def packed(self, model: Model, options: QuantizerOptions) -> Model:
        """With slots chosen from the quantised weights."""

    @abstractmethod
    def scale_errors(self, checkpoint: Checkpoint, choice: Choice) -> list[str]:
        """Where this is no program of the checkpoint, or too coarse a one."""

    @abstractmethod
    def rounded(self, checkpoint: Checkpoint, model: Model, scales: AnyScales) -> Roundable:
        """The float model that rounds any tensor of this program."""

    # ---- what a package holds
    @abstractmethod
    def arrays(self, config: Config) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        """name -> (dtype, shape)."""

    @abstractmethod
    def model(self, config: Config, spec: Tables, arrays: Arrays) -> Model: ...

    @abstractmethod
    def tables(self, data: JsonObject) -> Tables: ...

    @abstractmethod
    def scales(self, data: JsonObject) -> AnyScales: ...

    @abstractmethod
    def record(self, raw: bytes) -> CalibrationRecord: ...

    @abstractmethod
    def new_record(
        self, ranges: FloatRanges, options: QuantizerOptions, seed: int, text: str
    ) -> CalibrationRecord: ...

    # ---- predicates
    @abstractmethod
    def failed_predicates(self, model: Model) -> list[str]: ...

    @abstractmethod
    def failed_config_predicates(self, config: Config) -> list[str]: ...

    @abstractmethod
    def failed_public_predicates(self, config: Config, spec: Tables) -> list[str]: ...

    @abstractmethod
    def tables_of(self, spec: Tables, config: Config) -> Arrays:
        """The arrays that a specification determines."""

    # ---- of all alike
    def quality(self, options: QuantizerOptions) -> str | None:
        """The name of these options, None where they have none."""
        return next((name for name, known in self.qualities.items() if known == options), None)

    def array_bytes(self, name: str, config: Config) -> int:
        dtype, shape = self.arrays(config)[name]
        return prod(shape) * np.dtype(dtype).itemsize

    def check_predicates(self, model: Model) -> None:
        """Raises PackageError naming every predicate that does not hold."""
        if failed := self.failed_predicates(model):
            raise PackageError("model package is unsound: " + "; ".join(failed))


def _own(kind: type[Own], value: object) -> Own:
    """What a method of this family was given; TypeError for another's."""
    if isinstance(value, kind):
        return value
    raise TypeError("of another family")


class Gpt2(Family):
    def nominal(self, architecture: AnyArchitecture) -> Config:
        return nominal.nominal_config(_own(Architecture, architecture))

    def measure(
        self, checkpoint: Checkpoint, groups: Sequence[np.ndarray], progress: Progress | None
    ) -> FloatRanges:
        return calibrate.measure(checkpoint, groups, progress)

    def ranges(self, data: JsonObject) -> FloatRanges:
        return FloatRanges.from_dict(data)

    def choose(
        self,
        checkpoint: Checkpoint,
        ranges: FloatRanges,
        options: QuantizerOptions,
        progress: Progress | None = None,
    ) -> Choice:
        return Choice(*quantize.choose_config(checkpoint, ranges, options))

    def groups(self, config: Config) -> Mapping[str, tuple[str, ...]]:
        return quantize.GROUPS

    def _parts(self, choice: Choice) -> tuple[ProgramConfig, Scales, TableSpec]:
        return _own(ProgramConfig, choice.config), _own(Scales, choice.scales), _own(TableSpec, choice.tables)

    def blocks(self, checkpoint: Checkpoint, choice: Choice, group: str) -> Iterator[tuple[str, np.ndarray]]:
        return quantize.quantized_blocks(checkpoint, *self._parts(choice), group)

    def packed(self, model: Model, options: QuantizerOptions) -> Model:
        return quantize.packed(_own(QuantizedModel, model), options)

    def scale_errors(self, checkpoint: Checkpoint, choice: Choice) -> list[str]:
        return scale_errors(checkpoint, *self._parts(choice))

    def rounded(self, checkpoint: Checkpoint, model: Model, scales: AnyScales) -> Roundable:
        return RoundedGpt2(checkpoint, _own(QuantizedModel, model), _own(Scales, scales))

    def arrays(self, config: Config) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        own = _own(ProgramConfig, config)
        return {name: (dtype, shape(own)) for name, (dtype, shape) in weights.ARRAYS.items()}

    def model(self, config: Config, spec: Tables, arrays: Arrays) -> Model:
        return QuantizedModel(_own(ProgramConfig, config), _own(TableSpec, spec), **arrays)

    def tables(self, data: JsonObject) -> Tables:
        return TableSpec.from_dict(data)

    def scales(self, data: JsonObject) -> AnyScales:
        return Scales.from_dict(data)

    def record(self, raw: bytes) -> CalibrationRecord:
        return CalibrationRecord.from_bytes(raw)

    def new_record(
        self, ranges: FloatRanges, options: QuantizerOptions, seed: int, text: str
    ) -> CalibrationRecord:
        return CalibrationRecord.of(ranges, options, seed, text)

    def failed_predicates(self, model: Model) -> list[str]:
        return predicates.failed_predicates(_own(QuantizedModel, model))

    def failed_config_predicates(self, config: Config) -> list[str]:
        return predicates.failed_config_predicates(_own(ProgramConfig, config))

    def failed_public_predicates(self, config: Config, spec: Tables) -> list[str]:
        return predicates.failed_public_predicates(_own(ProgramConfig, config), _own(TableSpec, spec))

    def tables_of(self, spec: Tables, config: Config) -> Arrays:
        return tables.tables_of(_own(TableSpec, spec), _own(ProgramConfig, config))


class Llama(Family):
    qualities = llama_quantize.QUALITIES
    any_scales = False

    def nominal(self, architecture: AnyArchitecture) -> Config:
        return llama_nominal.nominal_config(_own(LlamaArchitecture, architecture))

    def measure(
        self, checkpoint: Checkpoint, groups: Sequence[np.ndarray], progress: Progress | None
    ) -> FloatRanges:
        return llama_calibrate.measure(checkpoint, groups, progress)

    def ranges(self, data: JsonObject) -> FloatRanges:
        return LlamaRanges.from_dict(data)

    def choose(
        self,
        checkpoint: Checkpoint,
        ranges: FloatRanges,
        options: QuantizerOptions,
        progress: Progress | None = None,
    ) -> Choice:
        chosen = llama_quantize.choose_config(checkpoint, _own(LlamaRanges, ranges), options, progress)
        return Choice(chosen.config, chosen.scales, chosen.tables)

    def groups(self, config: Config) -> Mapping[str, tuple[str, ...]]:
        return llama_quantize.groups(_own(LlamaConfig, config))

    def blocks(self, checkpoint: Checkpoint, choice: Choice, group: str) -> Iterator[tuple[str, np.ndarray]]:
        c, s = _own(LlamaConfig, choice.config), _own(LlamaScales, choice.scales)
        return llama_quantize.quantized_blocks(checkpoint, c, s, _own(LlamaTables, choice.tables), group)

    def packed(self, model: Model, options: QuantizerOptions) -> Model:
        return llama_quantize.packed(_own(LlamaModel, model), options)

    def scale_errors(self, checkpoint: Checkpoint, choice: Choice) -> list[str]:
        """None are known from the checkpoint alone: exponents may silence channels in ways that no floor on a
        scale shows, so that all has to be what the quantiser chooses."""
        return []

    def rounded(self, checkpoint: Checkpoint, model: Model, scales: AnyScales) -> Roundable:
        return RoundedLlama(checkpoint, _own(LlamaModel, model), _own(LlamaScales, scales))

    def arrays(self, config: Config) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        return llama_weights.arrays(_own(LlamaConfig, config))

    def model(self, config: Config, spec: Tables, arrays: Arrays) -> Model:
        return LlamaModel(_own(LlamaConfig, config), _own(LlamaTables, spec), arrays)

    def tables(self, data: JsonObject) -> Tables:
        return LlamaTables.from_dict(data)

    def scales(self, data: JsonObject) -> AnyScales:
        return LlamaScales.from_dict(data)

    def record(self, raw: bytes) -> CalibrationRecord:
        return LlamaRecord.from_bytes(raw)

    def new_record(
        self, ranges: FloatRanges, options: QuantizerOptions, seed: int, text: str
    ) -> CalibrationRecord:
        return LlamaRecord.of(ranges, options, seed, text)

    def failed_predicates(self, model: Model) -> list[str]:
        return llama_predicates.failed_predicates(_own(LlamaModel, model))

    def failed_config_predicates(self, config: Config) -> list[str]:
        return llama_predicates.failed_config_predicates(_own(LlamaConfig, config))

    def failed_public_predicates(self, config: Config, spec: Tables) -> list[str]:
        return llama_predicates.failed_public_predicates(_own(LlamaConfig, config), _own(LlamaTables, spec))

    def tables_of(self, spec: Tables, config: Config) -> Arrays:
        return llama_weights.tables_of(_own(LlamaTables, spec), _own(LlamaConfig, config))


GPT2, LLAMA = Gpt2(), Llama()
FAMILIES: Mapping[type, Family] = {
    ProgramConfig: GPT2, Architecture: GPT2, LlamaConfig: LLAMA, LlamaArchitecture: LLAMA,
}  # fmt: skip
"""By the class of a configuration, and by that of an architecture."""


def family_of(of: Config | AnyArchitecture) -> Family:
    return FAMILIES[type(of)]
