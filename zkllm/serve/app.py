"""The HTTP application: its routes, and errors in one shape whatever goes wrong."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from zkllm import __version__
from zkllm.errors import ZkllmError
from zkllm.serve import completions, explorer, operations, proofs
from zkllm.serve.database import StorageError
from zkllm.serve.guard import Guard
from zkllm.serve.jobs import NoSuchJob
from zkllm.serve.node import Node
from zkllm.serve.replies import ApiError, for_clients

LOG = logging.getLogger("zkllm.serve.http")
STORAGE_SECONDS = 30.0


def application(node: Node) -> ASGIApp:
    app = FastAPI(
        title="zkllm", version=__version__, openapi_url="/openapi.json", docs_url=None, redoc_url=None
    )
    for module in (completions, proofs, operations, explorer):  # whose routes are all that is left
        app.include_router(module.router(node))

    @app.exception_handler(ZkllmError)
    async def refuse(request: Request, error: ZkllmError) -> JSONResponse:
        if isinstance(error, ApiError):
            return error.response()
        if isinstance(error, NoSuchJob):
            return ApiError(404, str(error), "not_found").response()
        if isinstance(error, StorageError):
            LOG.error("%s", error)
            words = "the node cannot write its state now; try again later"
            return ApiError(503, words, "storage", None, STORAGE_SECONDS).response()
        return ApiError(400, for_clients(str(error))).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"] if part != "body")
        words = found["msg"][0].lower() + found["msg"][1:]
        said = f"{place}: {words}" if place else f"the body is not what it should be: {words}"
        return ApiError(400, said, "invalid_value", place or None).response()

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "unknown_url", 405: "method_not_allowed"}.get(error.status_code)
        words = f"unknown URL ({request.method} {request.url.path[:80]})" if code else str(error.detail)
        return ApiError(error.status_code, words, code).response()

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        return ApiError(500, "internal error of this node; its log says more", "internal_error").response()

    return Guard(app, node.settings.server, node.metrics)
