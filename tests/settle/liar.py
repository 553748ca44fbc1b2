"""A node that answers what it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class Liar:
    """An HTTP server that answers what it is told."""

    def __init__(self) -> None:
        liar = self
        self.answer, self.status = b"", 200

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = liar.answer.replace(b"<id>", str(request["id"]).encode())
                self.send_response(liar.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def result(self, value: object) -> None:
        self.answer = (
            json.dumps({"jsonrpc": "2.0", "id": "<id>", "result": value}).replace('"<id>"', "<id>").encode()
        )

    def error(self, value: object) -> None:
        self.answer = (
            json.dumps({"jsonrpc": "2.0", "id": "<id>", "error": value}).replace('"<id>"', "<id>").encode()
        )
