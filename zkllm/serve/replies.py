"""Errors as OpenAI's clients expect them, in words that are of use to somebody at the other end of HTTP."""

from __future__ import annotations

import re
from itertools import takewhile
from math import ceil

from fastapi.responses import JSONResponse

from zkllm.errors import ZkllmError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}

_PATH = r"(?:^|[\s'\"(])(?:~|\.{1,2})?/[\w.-]|[\w.-]+/[\w./-]*\.[a-z]{2}"
_OPERATORS = re.compile(
    r"(?<![\w-])--[a-z]"  # an option of a command
    r"|\b(?:zkllm|pip|python)\b(?: -m)? [a-z]"  # a command
    r"|\bsame command\b"
    r"|\$[A-Z]"  # a variable of the environment
    r"|\b[A-Z]\w*(?:Error|Exception|Warning)\b"  # a name of Python's
    r"|" + _PATH
)
"""What is said to the node's operator alone."""
NOT_TOLD = "this node cannot do it; who runs it can see why"


def for_clients(text: str) -> str:
    """What a client is told of an error whose words are the operator's: what is wrong, without cures that are
    commands, options or variables, without paths and without names of Python's."""
    kept = []
    for sentence in text.split("; "):
        parts = sentence.split(": ")
        if len(parts) > 1 and re.search(_PATH, parts[0]):  # where it is wrong
            del parts[0]
        told = ": ".join(takewhile(lambda part: not _OPERATORS.search(part), parts))
        kept += [told] if told else []
    return "; ".join(kept) or NOT_TOLD


class ApiError(ZkllmError):
    """What a client is told. `retry_after` in seconds: the same may succeed then."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    def body(self) -> dict[str, object]:
        kind = _TYPES.get(self.status, "server_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(max(1, ceil(self.retry_after)))}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)
