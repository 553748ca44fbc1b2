"""What OpenAI's clients ask, as far as it can be answered: decoding is greedy, and each answer is proved.

A parameter that would change the answer is refused unless it has the value that changes nothing; one that
could not is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zkllm.errors import StatementError
from zkllm.files import JsonObject
from zkllm.model.chat import Messages
from zkllm.serve.replies import ApiError
from zkllm.statement import Context

_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "temperature": (0,),
    "top_p": (1,),
    "n": (1,),
    "best_of": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "echo": (False,),
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "audio": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
}
"""Parameters that change an answer, and the values that do not; null is always one."""
_PASSED_OVER = {
    "user", "seed", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention",
}  # fmt: skip
_WHY = {"temperature": "decoding is greedy here, which is a temperature of 0"}
_MOST_STOPS = 4


class ContextBody(BaseModel):
    """Where the client means to settle the proof himself (`zkllm prove --context`)."""

    model_config = ConfigDict(extra="forbid")

    chain_id: int = Field(gt=0, lt=1 << 63)
    contract: str = Field(pattern="^0x[0-9a-fA-F]{40}$")
    sender: str = Field(pattern="^0x[0-9a-fA-F]{40}$")
    request_id: str | None = Field(None, pattern="^0x[0-9a-fA-F]{64}$")

    @property
    def context(self) -> Context:
        request = bytes(32) if self.request_id is None else bytes.fromhex(self.request_id[2:])
        contract, sender = (bytes.fromhex(address[2:]) for address in (self.contract, self.sender))
        return Context(self.chain_id, contract, sender, request)


class Extension(BaseModel):
    """What this node understands beyond OpenAI's API, in the field `zkllm`."""

    model_config = ConfigDict(extra="forbid")

    settle: bool = False
    context: ContextBody | None = None


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    zkllm: Extension = Extension()

    @model_validator(mode="after")
    def _nothing_else(self) -> _Body:
        for name, value in (self.model_extra or {}).items():
            if name in _PASSED_OVER or value is None:
                continue
            if name not in _NEUTRAL:
                raise ApiError(400, f"unknown parameter: {name[:60]!r}", "unknown_parameter", name[:60])
            if not any(value == neutral for neutral in _NEUTRAL[name]):
                why = _WHY.get(name, "this node answers without it")
                raise ApiError(
                    400, f"{name} is not supported with this value: {why}", "unsupported_value", name
                )
        return self

    @property
    def stops(self) -> Sequence[str]:
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(stops) > _MOST_STOPS or "" in stops:
            raise ApiError(400, f"stop takes up to {_MOST_STOPS} words, none of them empty", None, "stop")
        return stops

    @property
    def has_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def new_tokens(self) -> int | None:
        raise NotImplementedError

    @property
    def asked(self) -> str | Messages | Sequence[int]:
        """The prompt."""
        raise NotImplementedError


class CompletionBody(_Body):
    prompt: str | list[int] | list[str] | list[list[int]]
    max_tokens: int | None = Field(None, ge=1)

    @property
    def new_tokens(self) -> int | None:
        return self.max_tokens

    @property
    def asked(self) -> str | Sequence[int]:
        if isinstance(self.prompt, str):
            return self.prompt
        several = [prompt for prompt in self.prompt if not isinstance(prompt, int)]
        if len(several) > 1:
            raise ApiError(400, "one prompt at a time: each is proved by itself", None, "prompt")
        return several[0] if several else [i for i in self.prompt if isinstance(i, int)]


class ChatBody(_Body):
    messages: list[JsonObject] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    @property
    def new_tokens(self) -> int | None:
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def asked(self) -> Messages:
        return Messages(tuple(map(_message, self.messages)))


def _message(message: JsonObject) -> JsonObject:
    """As templates read it: parts that are texts are one."""
    content = message.get("content")
    if not isinstance(message.get("role"), str):
        raise StatementError("a message has no role")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            raise StatementError("a message has parts that are no text, which no model here reads")
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise StatementError("a message has no content")
    return {**message, "content": content}
