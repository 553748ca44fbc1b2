"""The instructions that the native kernels of this process use, and those that its processor has."""

from __future__ import annotations

NAMES = ("scalar", "avx2", "avx512ifma")
"""The best last."""
VARIABLE = "ZKLLM_BACKEND"
"""Names the one to use."""


def backends() -> tuple[str, list[str]]:
    """(in use, available). Tries each: for programs that prove nothing meanwhile. Raises BackendError where
    $ZKLLM_BACKEND names what is not there, ImportError where the extension is not built."""
    from zkllm import _native

    used, available = _native.field_backend(), []
    try:
        for name in NAMES:
            try:
                _native.set_field_backend(name)
                available.append(name)
            except ValueError:  # the processor lacks it
                pass
    finally:
        _native.set_field_backend(used)
    return used, available
