"""Errors that a user sees. Each message is one line that says what is wrong and what to do."""

from __future__ import annotations

import errno
import json


class ZkllmError(Exception):
    """Base of every error that the command line reports in one line, without a traceback."""


class ZkllmWarning(UserWarning):
    """Something that a user should know, while the work goes on; the command line prints it as a note."""


class PathError(ZkllmError):
    """A file or folder that cannot be read or written, or is not the right one."""


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


class Malformed(ValueError):
    """Data from outside that is not what it should be. Its text is ours, so that `reason` repeats it."""


_SYSTEM = {
    errno.ENOENT: "no such file or folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it would be larger than files may be here",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links lead in a circle",
    errno.EIO: "the disk failed",
    errno.EMFILE: "too many files are open",
    errno.EPIPE: "the reader of the pipe has gone",
}


def reason(error: BaseException) -> str:
    """Why a file could not be read, written or understood: words of ours, never Python's."""
    if isinstance(error, ZkllmError | Malformed):
        return str(error)
    if isinstance(error, OSError):
        known = _SYSTEM.get(error.errno or 0)
        return known or (error.strerror or "").lower() or "not all of it could be read or written"
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno}, column {error.colno})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it lacks {error.args[0][:60]!r}"
    return "its content is not what it should be"
