"""The residual stream is never requantised: X_n = X_0 + sum of the writes before n, an exact prefix sum.

Layer l's output *is* layer l + 1's input, so nothing about the stream is committed or checked beside the
writes. `Run.stream` is the form.
"""

from __future__ import annotations

from ..model.config import ProgramConfig
from ..protocol.manifest import WIDTH, Manifest
from .base import Part


class Residual(Part):
    """The writes Y_o (m = 2 l) and Y_p (m = 2 l + 1), which the linear layers fix."""

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.value("write", "m", "t", *WIDTH, bits=c.write_bits, limb_bits=c.limb_bits, signed=True)
