"""Weights that were quantised by others, for formats of their own: refused by the method's name."""

from __future__ import annotations

from collections.abc import Iterable

_METHODS = {
    "aqlm": "AQLM", "auto-round": "AutoRound", "awq": "AWQ", "bitnet": "BitNet",
    "bitsandbytes": "bitsandbytes", "compressed-tensors": "compressed-tensors", "eetq": "EETQ",
    "fbgemm_fp8": "FBGEMM FP8", "fp8": "FP8", "gptq": "GPTQ", "higgs": "HIGGS", "hqq": "HQQ",
    "mxfp4": "MXFP4", "quanto": "Quanto", "quark": "Quark", "spqr": "SpQR", "torchao": "TorchAO",
    "vptq": "VPTQ",
}  # fmt: skip
_SUFFIXES = {
    ".qweight": "GPTQ or AWQ", ".qzeros": "GPTQ or AWQ", ".absmax": "bitsandbytes", ".SCB": "bitsandbytes",
    ".weight_scale_inv": "FP8", ".weight_packed": "compressed-tensors",
}  # fmt: skip
CURE = "load the original weights instead, in float16, bfloat16 or float32"


def method(quantization_config: object) -> str | None:
    """The method that config.json names; None where it names none that is known."""
    if not isinstance(quantization_config, dict):
        return None
    name = quantization_config.get("quant_method")
    if name is None and any(quantization_config.get(f"load_in_{bits}bit") for bits in (4, 8)):
        name = "bitsandbytes"  # as older files say it
    return _METHODS.get(str(name).lower())


def why_refused(quantization_config: object) -> str:
    known = method(quantization_config)
    return CURE if known is None else f"the weights are quantised by {known}; {CURE}"


def method_of_tensors(names: Iterable[str]) -> str | None:
    """The method whose tensors these are, by their names."""
    for name in names:
        for suffix, known in _SUFFIXES.items():
            if name.endswith(suffix):
                return known
    return None
