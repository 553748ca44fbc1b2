"""The models that a node serves: their tokenizers and shapes. Weights are the worker processes' business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zkllm import api
from zkllm.errors import StatementError
from zkllm.files import JsonObject
from zkllm.key_files import verifying_key_file
from zkllm.model.chat import Messages
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.preflight import counted_ids
from zkllm.shape_id import ShapeId
from zkllm.statement import claim_id, prompt_digest


class PromptTooLong(StatementError):
    """Prompt and answer do not fit into any shape that is offered."""


class TooManyTokens(StatementError):
    """No shape that is offered certifies so many."""


@dataclass(frozen=True)
class Question:
    """A prompt, and the shape that its answer is proved in. `swallowed`: characters of what was asked that
    are no part of it."""

    prompt: tuple[int, ...]
    shape: ShapeId
    claim_id: bytes
    swallowed: int = 0


@dataclass(frozen=True)
class Served:
    """A model by the name that it has here. `keys` by shape."""

    name: str
    package: ModelPackage
    model_id: bytes
    keys: dict[ShapeId, VerifyingKey]

    @classmethod
    def open(cls, name: str, told: JsonObject) -> Served:
        """`told`: what a worker said of it."""
        package = api.open_package(Path(told["folder"]))
        shapes = [ShapeId(*shape) for shape in told["shapes"]]
        keys = {shape: VerifyingKey.load(verifying_key_file(package.folder, *shape)) for shape in shapes}
        return cls(name, package, api.open_setup(package).model_id, keys)

    @property
    def most_new_tokens(self) -> int:
        return max(shape.certified for shape in self.keys)

    def question(self, prompt: str | Messages | Sequence[int], new_tokens: int | None) -> Question:
        """`new_tokens`: at most so many are wanted; None: as many as fit. The answer is proved in the
        smallest shape that has as many."""
        if isinstance(prompt, str):
            self._refuse_huge(len(prompt.encode("utf-8", errors="replace")))
        if isinstance(prompt, str | Messages):
            ids, swallowed = counted_ids(self.package, prompt, None)
        else:
            ids, swallowed = counted_ids(self.package, None, prompt)
        return self.of_ids(ids, new_tokens, swallowed)

    def of_ids(self, ids: Sequence[int], new_tokens: int | None, swallowed: int = 0) -> Question:
        fitting = [shape for shape in self.keys if len(ids) - 1 + shape.certified <= shape.rows]
        if not fitting:
            least = min(shape.certified for shape in self.keys)
            most = max(shape.rows - shape.certified + 1 for shape in self.keys)
            raise PromptTooLong(
                f"the prompt has {len(ids)} tokens; this model takes up to {most} here, with an answer of "
                f"{least}"
            )
        if new_tokens is None:
            shape = min(fitting, key=lambda s: (-s.certified, s.rows))
        else:
            enough = [shape for shape in fitting if shape.certified >= new_tokens]
            if not enough:
                most = max(shape.certified for shape in fitting)
                raise TooManyTokens(
                    f"{new_tokens} new tokens are more than are certified here after a prompt of "
                    f"{len(ids)} tokens: at most {most}"
                )
            shape = min(enough, key=lambda s: (s.certified, s.rows))
        return self._question(ids, shape, swallowed)

    def exactly(self, ids: Sequence[int], certified: int) -> Question:
        """A question of the chain, whose number of tokens is part of it. StatementError where no shape of
        this node is for it."""
        fitting = [s for s in self.keys if s.certified == certified and len(ids) - 1 + certified <= s.rows]
        if not fitting:
            raise StatementError(f"no shape here is for {len(ids)} tokens and an answer of {certified}")
        counted_ids(self.package, None, ids)
        return self._question(ids, min(fitting))

    def _question(self, ids: Sequence[int], shape: ShapeId, swallowed: int = 0) -> Question:
        claim = claim_id(self.model_id, shape.certified, prompt_digest(ids))
        return Question(tuple(ids), shape, claim, swallowed)

    def _refuse_huge(self, size: int) -> None:
        """Before it is encoded: what cannot fit whatever its tokens are."""
        longest = max(len(token) for token in self.package.tokenizer.token_bytes)
        most = max(shape.rows for shape in self.keys)
        if size > most * longest:
            raise PromptTooLong(f"the prompt has {size:,} bytes; this model takes up to {most} tokens here")
