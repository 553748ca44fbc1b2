"""Runs a node until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from uvicorn import Config, Server

from zkllm.errors import ZkllmError, reason
from zkllm.serve.app import application
from zkllm.serve.guard import protocol
from zkllm.serve.node import Node

BACKLOG = 512
"""Connections that wait to be accepted."""


class ListenError(ZkllmError):
    """The address cannot be listened at."""


class _Server(Server):
    """A signal stops the node in order; a second one at once."""

    def __init__(self, config: Config, node: Node):
        super().__init__(config)
        self._node = node

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
            self._node.hurry()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which raises the signal again in the end: to be stopped is no failure here."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(node: Node, listening: Callable[[str], None]) -> None:
    """Answers until SIGINT or SIGTERM. `listening` is told the URL. Raises what kept the node from
    starting."""
    settings = node.settings.server
    config = Config(
        application(node),
        host=settings.host,
        port=settings.port,
        http=protocol(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.connections,
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, int(node.settings.server.drain_seconds)),
    )
    server = _Server(config, node)

    def failed() -> None:
        server.should_exit = True

    async def run() -> None:
        with server.capture_signals():
            config.load()
            server.lifespan = config.lifespan_class(config)
            await _listen(server, settings.host, settings.port)
            listening(_url(server))
            node.start(failed)
            await server.main_loop()
            node.drain()
            await server.shutdown()
            await asyncio.to_thread(node.stop)

    asyncio.run(run())
    if node.fault is not None:
        raise node.fault


async def _listen(server: Server, host: str, port: int) -> None:
    try:
        await server.startup()
    except SystemExit:  # uvicorn has logged why
        raise ListenError(
            f"cannot listen at {host}:{port}: the address is taken, or not this machine's"
        ) from None
    except OSError as error:
        raise ListenError(f"cannot listen at {host}:{port}: {reason(error)}") from None


def _url(server: Server) -> str:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
