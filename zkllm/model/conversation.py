"""How a model converses: the ids that end its answers, and its chat template.

Published folders say it in generation_config.json (else config.json) and in chat_template.jinja (else
tokenizer_config.json). A package keeps it in one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zkllm.errors import CheckpointError, PackageError, StatementError, TokenizerError
from zkllm.files import JsonObject, canonical_json, read_json, read_text, reading
from zkllm.limits import MAX_VOCABULARY
from zkllm.model.chat import Messages, render
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import CONFIG, named_tokens

TEMPLATE, GENERATION = "chat_template.jinja", "generation_config.json"
CONVERSATION_FILES = (TEMPLATE, GENERATION)
_MOST_TEMPLATE = 1 << 20


@dataclass(frozen=True)
class Conversation:
    """`ends`: ids after which an answer is over, in the order of the file. `tokens`: what a template may call
    by name."""

    ends: tuple[int, ...] = ()
    template: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)

    def counted(self, messages: Messages, tokenizer: ByteLevelTokenizer) -> tuple[list[int], int]:
        """The prompt that the template makes of `messages`, and how many characters of theirs the added
        tokens in it take, all white space."""
        if self.template is None:
            raise StatementError("the model has no chat template; give the prompt itself (--prompt)")
        ids, swallowed = tokenizer.counted(render(self.template, self.tokens, messages), bare=True)
        if swallowed:
            swallowed = max(0, swallowed - self._of_template(messages, tokenizer))
        return ids, swallowed

    def _of_template(self, messages: Messages, tokenizer: ByteLevelTokenizer) -> int:
        """White space of the template's own that added tokens take: of the same talk without words."""
        silent = [{**m, "content": ""} if isinstance(m["content"], str) else m for m in messages.messages]
        try:
            return tokenizer.counted(render(self.template or "", self.tokens, Messages(tuple(silent))))[1]
        except (StatementError, TokenizerError):  # a template may ask for words
            return 0

    def answered(self, ids: Sequence[int]) -> int:
        """How many of a certified answer's tokens are the answer: up to the first that ends it, with it."""
        return next((i + 1 for i, token in enumerate(ids) if token in self.ends), len(ids))

    def to_bytes(self) -> bytes:
        return canonical_json(
            {"ends": list(self.ends), "template": self.template, "tokens": dict(self.tokens)}
        )

    @classmethod
    def from_dict(cls, data: JsonObject) -> Conversation:
        """Raises PackageError."""
        ends, template, tokens = data.get("ends"), data.get("template"), data.get("tokens")
        if (
            set(data) != {"ends", "template", "tokens"}
            or not isinstance(ends, list)
            or not isinstance(template, str | None)
            or not isinstance(tokens, dict)
            or any(type(token) is not int or not 0 <= token < MAX_VOCABULARY for token in ends)
            or not all(isinstance(token, str) for token in tokens.values())
        ):
            raise PackageError("damaged conversation.json; run zkllm setup again")
        return cls(tuple(ends), template, tokens)


def load_conversation(folder: Path, vocab_size: int) -> Conversation:
    """Of a Hugging Face folder."""
    ends, template = end_ids(folder, vocab_size), _template(folder)
    return Conversation(ends, template, {} if template is None else named_tokens(folder))


def end_ids(folder: Path, vocab_size: int) -> tuple[int, ...]:
    """What ends an answer: generation_config.json's word, else config.json's."""
    for name in (GENERATION, "config.json"):
        if not (folder / name).exists():
            continue
        with reading(folder / name, "configuration", CheckpointError):
            value = read_json(folder / name).get("eos_token_id")
        if value is None:
            continue
        ids = value if isinstance(value, list) else [value]
        if name == GENERATION and any(type(i) is not int or not 0 <= i < vocab_size for i in ids):
            raise CheckpointError(
                f"{folder / name}: eos_token_id = {str(value)[:60]} is not an id below {vocab_size}, or a "
                "list of them"
            )
        return tuple(i for i in ids if type(i) is int and 0 <= i < vocab_size)
    return ()


def _template(folder: Path) -> str | None:
    if (folder / TEMPLATE).exists():
        with reading(folder / TEMPLATE, "chat template", CheckpointError):
            return read_text(folder / TEMPLATE, _MOST_TEMPLATE)
    if not (folder / CONFIG).exists():
        return None
    with reading(folder / CONFIG, "tokenizer's file", CheckpointError):
        value = read_json(folder / CONFIG).get("chat_template")
    if isinstance(value, list):
        named = {entry.get("name"): entry.get("template") for entry in value if isinstance(entry, dict)}
        value = named.get("default")
    return value if isinstance(value, str) else None
