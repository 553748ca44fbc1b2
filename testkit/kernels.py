"""The native and the naive kernels, for those who look into their vectors."""

from __future__ import annotations

from zkllm.kernels.native import NativeKernels
from zkllm.naive import NaiveKernels

NATIVE, NAIVE = NativeKernels(), NaiveKernels()
