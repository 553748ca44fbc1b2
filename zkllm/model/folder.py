"""A Hugging Face folder as a whole, configuration, weights and tokenizer: all its faults named at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from zkllm.errors import CheckpointError, ZkllmError
from zkllm.limits import MAX_VOCABULARY
from zkllm.model.architecture import load_architecture
from zkllm.model.checkpoint import Checkpoint, read_weights, weight_files
from zkllm.model.hub import find_checkpoint
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer

T = TypeVar("T")


def load_folder(model: str | Path) -> tuple[Checkpoint, ByteLevelTokenizer]:
    """Raises one error for all that is wrong. Where the configuration is, the rest is judged as far as it can
    be without."""
    folder, faults = find_checkpoint(model), list[str]()

    def attempt(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ZkllmError as error:
            faults.append(str(error))
            return None

    architecture = attempt(lambda: load_architecture(folder / "config.json"))
    checkpoint = None
    if architecture is None:
        attempt(lambda: weight_files(folder))
    else:
        checkpoint = attempt(lambda: read_weights(folder, architecture))
    vocabulary = architecture.vocab_size if architecture else MAX_VOCABULARY
    tokenizer = attempt(lambda: load_tokenizer(folder, vocabulary))
    if checkpoint is None or tokenizer is None or faults:
        raise CheckpointError("; ".join(faults))
    return checkpoint, tokenizer
