"""The explorer of settled claims, at `/`: what the node knows of its contract and models, as static files."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import threading

from fastapi import APIRouter
from fastapi.responses import Response

from zkllm.errors import ZkllmError
from zkllm.explorer import HEADERS, Site, SiteModel, files_of
from zkllm.serve.node import Node
from zkllm.serve.replies import ApiError

LOG = logging.getLogger("zkllm.serve")
_TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8"}


class Pages:
    """The files by name, made when they are asked for first: verifiers are compiled for them."""

    def __init__(self, node: Node):
        self._node, self._lock = node, threading.Lock()
        self._files: dict[str, bytes] | None = None

    def file(self, name: str) -> bytes | None:
        with self._lock:
            if self._files is None and self._node.is_open:
                self._files = self._made()
        return None if self._files is None else self._files.get(name)

    def _made(self) -> dict[str, bytes]:
        chain = self._node.chain
        if chain is None or not chain.settings.explorer:
            return {}
        models = tuple(
            SiteModel(m.name, m.model_id, m.package.tokenizer.token_bytes, tuple(m.keys.values()))
            for m in self._node.models.values()
        )
        network = chain.session.network
        # visitors' browsers ask a node themselves: a local chain's, or one whose URL is no secret
        local = chain.session.rpc.url if network.local_node else None
        url = chain.settings.explorer_rpc or local
        first = chain.settings.first_block or 0
        try:
            return files_of(Site(network, chain.contract, url, first, models))
        except ZkllmError as error:
            LOG.error("the explorer cannot be made: %s", error)
            return {}


def router(node: Node) -> APIRouter:
    routes, pages = APIRouter(), Pages(node)

    async def answer(name: str) -> Response:
        data = await asyncio.to_thread(pages.file, name)
        if data is None:
            raise ApiError(404, f"unknown URL (GET /{name[:80]})", "unknown_url")
        suffix = "." + name.rpartition(".")[2]
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(data, media_type=kind, headers=HEADERS)

    @routes.get("/", include_in_schema=False)
    async def index() -> Response:
        return await answer("index.html")

    @routes.get("/{name:path}", include_in_schema=False)
    async def page(name: str) -> Response:
        return await answer(name)

    return routes
