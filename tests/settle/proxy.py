"""A gateway in front of a real node, which says other things than the node where a test tells it to."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """Said once, instead of the node's. `taken`: the node is asked nevertheless."""

    body: Json | bytes | None  # JSON, to which the id is added; None: the connection is closed without a word
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    taken: bool = False
    seconds: float = 0.0  # before it is given


def result(value: Any) -> Answer:
    return Answer({"result": value})


def error(
    message: str, code: int = -32000, *, data: Any = None, status: int = 200, taken: bool = False
) -> Answer:
    said = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return Answer({"error": said}, status)


class Gateway:
    """`say` queues answers to a method; `changed` alters those of the node; `asked` counts the requests."""

    def __init__(self, node: str):
        gateway = self
        self._node, self._lock = node, threading.Lock()
        self._queued: dict[str, list[Answer]] = {}
        self.changed: dict[str, Any] = {}
        self.asked: dict[str, int] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two are waited for

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = gateway.answer(json.loads(body))
                if answer.body is None:
                    self.close_connection = True
                    return
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                try:
                    self.send_response(answer.status)
                    for name, value in {"Content-Length": str(len(data)), **answer.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # who asked has given up
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, method: str, *answers: Answer) -> None:
        self._queued.setdefault(method, []).extend(answers)

    def forget(self) -> None:
        """What was to be said."""
        self._queued.clear()

    @property
    def unsaid(self) -> int:
        return sum(map(len, self._queued.values()))

    def answer(self, request: Json) -> Answer:
        method = request["method"]
        with self._lock:
            self.asked[method] = self.asked.get(method, 0) + 1
            queue = self._queued.get(method)
            answer = queue.pop(0) if queue else None
        if answer is None:
            found = self._ask(request)
            return Answer(self.changed.get(method, lambda data: data)(found))
        if answer.taken:
            self._ask(request)
        time.sleep(answer.seconds)
        body = answer.body
        if isinstance(body, dict):
            body = {"jsonrpc": "2.0", "id": request["id"]} | body
        return Answer(body, answer.status, answer.headers)

    def _ask(self, request: Json) -> Json:
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(self._node, json.dumps(request).encode(), headers)
        with urllib.request.urlopen(asked, timeout=30) as response:
            data: Json = json.loads(response.read())
        return data


@contextmanager
def gateway(node: str) -> Iterator[Gateway]:
    running = Gateway(node)
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()
