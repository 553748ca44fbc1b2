"""/healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from zkllm.serve.gate import client_of
from zkllm.serve.node import Node

_HERE = ("127.0.0.1", "::1")


def router(node: Node) -> APIRouter:
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> JSONResponse:
        """The process answers."""
        return JSONResponse({"ok": True})

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """Questions are answered, and nothing is known that keeps proofs from being made and settled."""
        trouble = await asyncio.to_thread(node.trouble)
        found = {"ok": not trouble, "trouble": trouble, "provers": node.proving.census()}
        return JSONResponse(found, 503 if trouble else 200)

    @routes.get("/metrics")
    async def metrics(request: Request) -> Response:
        """For this machine's users, and those with a key."""
        if request.client is None or request.client.host not in _HERE:
            client_of(node, request)
        return Response(await asyncio.to_thread(node.metrics.text), media_type=CONTENT_TYPE_LATEST)

    return routes
