"""Errors that a user sees. Each message is one line that says what is wrong and what to do."""

from __future__ import annotations


class ZkllmError(Exception):
    """Base of every error that the command line reports in one line, without a traceback."""


class ZkllmWarning(UserWarning):
    """Something that a user should know, while the work goes on; the command line prints it as a note."""


class CheckpointError(ZkllmError):
    """A Hugging Face folder that cannot be read, or is not of the GPT-2 family."""


class TokenizerError(ZkllmError):
    """A tokenizer that is not byte-level BPE, or a text that it cannot encode."""


class QuantizationRangeError(ZkllmError):
    """A value left its declared range, so the integer program is undefined on this input."""

    def __init__(self, tensor: str, bound: int, got: int):
        super().__init__(
            f"{tensor}: value {got} leaves its range of {bound}; recalibrate the model "
            "(zkllm setup --calibration FILE) on text like this prompt"
        )
        self.tensor, self.bound, self.got = tensor, bound, got


class BackendError(ZkllmError):
    """A backend of the native kernels that is unknown, or that this processor lacks."""


class PackageError(ZkllmError):
    """A model package that is incomplete, damaged or made by another version."""


class ResourceError(ZkllmError):
    """The machine, or what it may use, is too small for the task."""


class SrsError(ZkllmError):
    """A structured reference string that is damaged, too small or inconsistent."""


class StatementError(ZkllmError):
    """A statement outside the language: lengths, token ids or padding."""


class ProofError(ZkllmError):
    """A proof file that cannot be parsed, or a proof that is rejected."""


class SettlementError(ZkllmError):
    """The chain, the node or the settlement contract refused."""
