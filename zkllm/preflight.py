"""What is looked at before a model is set up, so that nothing is found wrong after much work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .bits import ceil_log2
from .errors import PathError, StatementError
from .files import allocated, require_folder_place, require_room
from .key_files import KEYS
from .limits import MAX_CHOSEN_MU
from .model.architecture import AnyArchitecture, load_architecture
from .model.chat import Messages
from .model.conversation import Conversation, load_conversation
from .model.hub import find_checkpoint
from .model.predicates import PACKED_BITS
from .model.tokenizer import ByteLevelTokenizer, warn_of_swallowed
from .model.tokenizer_files import load_tokenizer
from .pcs.ptau import require_powers
from .pcs.srs import srs_powers_needed

DEFAULT_ROWS = 16
LEAST_CIRCUIT_LOG2 = 14
"""Rows of the smallest outer circuit: one layer, N = 1."""
MOST_SLOTS = PACKED_BITS // 16
"""Weights that share a coefficient: their products with activations of 16 bits need more than 16."""


class Limits(Protocol):
    @property
    def vocab_size(self) -> int: ...
    @property
    def n_ctx(self) -> int: ...


class Answering(Protocol):
    """What a prompt is checked against: a package, or a checkpoint that is to become one."""

    @property
    def tokenizer(self) -> ByteLevelTokenizer: ...
    @property
    def conversation(self) -> Conversation: ...
    @property
    def config(self) -> Limits: ...


@dataclass(frozen=True)
class Unbuilt:
    tokenizer: ByteLevelTokenizer
    conversation: Conversation
    config: AnyArchitecture


@dataclass(frozen=True)
class Asked:
    """What a proof is to be made of."""

    prompt: str | Messages | None
    tokens: Sequence[int] | None
    certified: int = 1
    rows: int | None = None

    def check(self, model: Answering) -> list[int]:
        """The prompt's ids, or a StatementError."""
        rows = self.rows if self.rows is not None else min(DEFAULT_ROWS, model.config.n_ctx)
        return check_prompt(model, self.prompt, self.tokens, self.certified, rows)

    def check_checkpoint(self, folder: Path) -> None:
        architecture = load_architecture(folder / "config.json")
        vocabulary = architecture.vocab_size
        tokenizer = load_tokenizer(folder, vocabulary)
        self.check(Unbuilt(tokenizer, load_conversation(folder, vocabulary), architecture))


def prompt_ids(model: Answering, prompt: str | Messages | None, tokens: Sequence[int] | None) -> list[int]:
    """The prompt as ids, from a text, from messages or as given. White space that added tokens take is warned
    of."""
    ids, swallowed = counted_ids(model, prompt, tokens)
    warn_of_swallowed(swallowed)
    return ids


def counted_ids(
    model: Answering, prompt: str | Messages | None, tokens: Sequence[int] | None
) -> tuple[list[int], int]:
    """The same, and how many characters they take."""
    if (prompt is None) == (tokens is None):
        raise StatementError("give either a prompt or token ids")
    if isinstance(prompt, Messages):
        ids, swallowed = model.conversation.counted(prompt, model.tokenizer)
    elif prompt is not None:
        ids, swallowed = model.tokenizer.counted(prompt)
    else:
        ids, swallowed = list(tokens or ()), 0
    if not ids:
        raise StatementError("the prompt is empty; give at least one token")
    bad = next((x for x in ids if not 0 <= x < model.config.vocab_size), None)
    if bad is not None:
        raise StatementError(f"token id {bad} is not below the vocabulary's size {model.config.vocab_size}")
    return ids, swallowed


def check_prompt(
    model: Answering,
    prompt: str | Messages | None,
    tokens: Sequence[int] | None,
    certified: int,
    rows: int,
) -> list[int]:
    """The prompt's ids, or a StatementError where prompt and answer do not fit into `rows` positions."""
    ids = prompt_ids(model, prompt, tokens)
    if certified < 1:
        raise StatementError(f"cannot certify {certified} tokens; ask for at least one")
    check_positions(model.config, rows)
    if (needed := len(ids) - 1 + certified) > rows:
        raise StatementError(
            f"a prompt of {len(ids)} tokens and an answer of {certified} take {needed} positions, and this "
            f"shape has {rows}; "
            + (
                f"give --max-tokens {needed}, or a shorter prompt"
                if needed <= model.config.n_ctx
                else f"use a shorter prompt: the model has {model.config.n_ctx} (--max-tokens)"
            )
        )
    return ids


def check_positions(config: Limits, rows: int) -> None:
    if rows > config.n_ctx:
        raise StatementError(
            f"the model has {config.n_ctx} positions (n_ctx), not {rows}; give a smaller --max-tokens"
        )


def check_setup_inputs(
    model: str | Path, out: Path, rows: int | None, mu: int | None, srs: Path | None
) -> Path:
    """The checkpoint's folder. Raises a ZkllmError where the set-up could not end well."""
    folder = find_checkpoint(model)
    if out.exists() and out.samefile(folder):
        raise PathError(f"{out}: it is the checkpoint's own folder; give another one for the package")
    for folder_of_it in (out, out / "weights", out / KEYS):
        require_folder_place(folder_of_it)
    architecture = load_architecture(folder / "config.json")
    if rows is not None:
        check_positions(architecture, rows)
    weights = out / "weights"  # of two bytes each
    require_room(weights, 2 * architecture.weights_per_token - allocated(weights), "the package")
    if srs is not None:
        require_powers(srs, srs_powers_needed(LEAST_CIRCUIT_LOG2, mu or _least_mu(architecture)))
    return folder


def _least_mu(a: AnyArchitecture) -> int:
    """No set-up of this model has shorter columns unless it is told to, up to 2^24."""
    return min(MAX_CHOSEN_MU, ceil_log2(a.weights_per_token // MOST_SLOTS))
