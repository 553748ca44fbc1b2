"""Messages of a conversation, and the prompt that a model's chat template makes of them.

Templates are Jinja, as transformers renders them: sandboxed (they come with a model, from anyone), with its
helpers, and with the tokens that the template names. What a template writes is the whole prompt, the token of
its beginning included, so nothing is put around it when it is encoded.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass

from zkllm.errors import StatementError, reason
from zkllm.files import JsonObject
from zkllm.requirements import install

_REASONING = ("reasoning_content", "thinking", "reasoning")  # names of the same, the first is what is read


@dataclass(frozen=True)
class Messages:
    """A conversation, the oldest message first: each has a role and its content."""

    messages: tuple[JsonObject, ...]

    @classmethod
    def of_user(cls, text: str) -> Messages:
        return cls(({"role": "user", "content": text},))

    @classmethod
    def of_json(cls, text: str) -> Messages:
        """From a list of objects. Raises StatementError."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise StatementError("the messages are not JSON") from None
        if not isinstance(data, list) or not data:
            raise StatementError('the messages are not a list such as [{"role": "user", "content": ".."}]')
        for i, message in enumerate(data):
            if not isinstance(message, dict) or not isinstance(message.get("role"), str):
                raise StatementError(f"message {i} has no role")
            if not isinstance(message.get("content"), str | list | None) or "content" not in message:
                raise StatementError(f"message {i} has no content")
        return cls(tuple(data))


def render(template: str, tokens: Mapping[str, str], messages: Messages) -> str:
    """The prompt, up to where the model's answer begins."""
    try:
        from jinja2 import TemplateError
    except ImportError:
        raise StatementError(f"chat templates need more: {install('jinja2')}") from None
    from zkllm.model.chat_sandbox import environment

    told = [_with_reasoning(message) for message in messages.messages]
    known = {**tokens, "messages": told, "tools": None, "documents": None, "add_generation_prompt": True}
    try:
        return environment(datetime.datetime.now()).from_string(template).render(known)
    except TemplateError as error:
        said = " ".join(str(error).split())[:200]
        raise StatementError(f"the chat template refuses the messages: {said}") from None
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise StatementError(
            f"the chat template fails on the messages, which it may not be made for: {reason(error)}"
        ) from None


def _with_reasoning(message: JsonObject) -> dict[str, object]:
    """What is said of a message, with its reasoning, if it has any, under the names that templates read."""
    message = {name: value for name, value in message.items() if value is not None}
    reasoning = next((message[name] for name in _REASONING if name in message), None)
    if reasoning is None:
        return message
    return {"thinking": reasoning, **message, "reasoning_content": reasoning}
