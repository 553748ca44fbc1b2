"""What a Llama package's scales were chosen from: calibration.json with channels."""

from __future__ import annotations

from dataclasses import dataclass

from zkllm.model.calibration_record import CalibrationRecord
from zkllm.model.llama.calibrate import LlamaRanges


@dataclass(frozen=True)
class LlamaRecord(CalibrationRecord):
    ranges: LlamaRanges
