"""Naive twins of the native kernels: plain Python integers, no tricks.

They are the executable specification that the native kernels are tested against, and what the tamper suite
runs on. A vector is a list of integers in [0, r). A whole proof of a tiny model runs on them, to the same
bytes.
"""

from __future__ import annotations

from typing import cast

from ..kernels.interface import Kernels, KernelsOf
from .hashes import NaiveHashes
from .integers import NaiveIntegers
from .points import NaiveCurve
from .polynomials import NaivePolynomials
from .sums import NaiveSums
from .vectors import NaiveVectors, Values


class NaiveKernels(
    NaiveIntegers, NaiveVectors, NaiveSums, NaivePolynomials, NaiveCurve, NaiveHashes, KernelsOf[Values]
):
    """All in this process, an entry at a time."""


NAIVE: Kernels = cast("Kernels", NaiveKernels())  # its vectors meet no other kernels
