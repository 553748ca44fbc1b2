"""What every HTTP request passes: an id, a bound on its body and on the time that the body may take, and a
line in the log; and what every connection is held to."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import OrderedDict

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from zkllm.serve import logs
from zkllm.serve.metrics import Metrics
from zkllm.serve.replies import ApiError
from zkllm.serve.settings import ServerSettings

LOG = logging.getLogger("zkllm.serve.http")
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_MOST_BUCKETS = 10_000
_PROBES = ("/healthz", "/readyz", "/metrics")
"""Asked all the time, by machines."""


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics):
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._settings, self._metrics).run(self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, settings: ServerSettings, metrics: Metrics
    ):
        self._scope, self._receive, self._send = scope, receive, send
        self._settings, self._metrics = settings, metrics
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        self.id = given.decode() if _ID.fullmatch(given) else secrets.token_hex(12)
        self._length = headers.get(b"content-length", b"")
        self._size, self._status = 0, 0
        self._refusal: ApiError | None = None
        self._start = time.monotonic()

    async def run(self, app: ASGIApp) -> None:
        token = logs.request_id.set(self.id)
        try:
            if self._length.isdigit() and int(self._length) > self._settings.body_bytes:
                raise self._too_large()
            await app(self._scope, self.receive, self.send)
        except ApiError as error:
            self._refusal = self._refusal or error
        finally:
            if self._refusal is not None and self._status == 0:
                await self._refusal.response()(self._scope, self._receive, self._tell_start)
            self._tell()
            logs.request_id.reset(token)

    async def receive(self) -> Message:
        left = self._settings.body_seconds - (time.monotonic() - self._start)
        if self._status:  # only a disconnection is waited for
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError:
            self._refusal = ApiError(408, "the request's body took too long", "request_timeout")
            raise self._refusal from None
        self._size += len(message.get("body", b""))
        if self._size > self._settings.body_bytes:
            self._refusal = self._too_large()
            raise self._refusal
        return message

    async def send(self, message: Message) -> None:
        if self._refusal is not None and self._status == 0:
            return  # the application would say that the body cannot be parsed
        await self._tell_start(message)

    async def _tell_start(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", self.id.encode())]
        await self._send(message)

    def _too_large(self) -> ApiError:
        return ApiError(
            413, f"the request's body has more than {self._settings.body_bytes:,} bytes", "request_too_large"
        )

    def _tell(self) -> None:
        path = getattr(self._scope.get("route"), "path", "none")
        self._metrics.answered(path, self._status or 499)
        level = logging.DEBUG if path in _PROBES else logging.INFO
        LOG.log(
            level,
            "answered",
            extra={
                "method": self._scope["method"],
                "route": path,
                "status": self._status or 499,
                "milliseconds": round(1000 * (time.monotonic() - self._start), 1),
                "client": self._scope.get("state", {}).get("client"),
            },
        )


class Rates:
    """How often each client may ask: as many requests at once as a minute has, then evenly."""

    def __init__(self, per_minute: int):
        self._most = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """0, or the seconds after which the client may ask again."""
        now = time.monotonic()
        left, at = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        if len(self._left) > _MOST_BUCKETS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self._most


def protocol(settings: ServerSettings) -> type[H11Protocol]:
    """uvicorn's, which ends a connection that does not get to a request in time, or lets an answer wait."""

    class Patient(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None
        _send_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head(settings.head_seconds)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel(self._head_timer)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle.response_complete:  # for the rest of a body that was refused, and the next head
                self._wait_for_head(settings.head_seconds + settings.body_seconds)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._send_timer = self.loop.call_later(settings.send_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._cancel(self._send_timer)

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel(self._head_timer)
            self._cancel(self._send_timer)
            super().connection_lost(exc)

        def _wait_for_head(self, seconds: float) -> None:
            self._cancel(self._head_timer)
            self._head_timer = self.loop.call_later(seconds, self.transport.abort)

        @staticmethod
        def _cancel(timer: asyncio.TimerHandle | None) -> None:
            if timer is not None:
                timer.cancel()

    return Patient
