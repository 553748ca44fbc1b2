"""Who may ask what: API keys, and how often each may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from zkllm.serve.jobs import Job, NoSuchJob
from zkllm.serve.keys import ANYONE, Client, digest_of
from zkllm.serve.node import Node
from zkllm.serve.replies import ApiError

BUSY_SECONDS = 5.0
"""After which a client that was turned away may ask again, where nothing better is known."""


def client_of(node: Node, request: Request) -> Client:
    """By the request's key; anyone, where the node has none. Raises ApiError."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not node.clients:
        return ANYONE
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401, "no API key was given: Authorization: Bearer KEY", "invalid_api_key")
    client = node.clients.get(digest_of(key.strip()))
    if client is None:
        raise ApiError(401, "the API key is not one of this node's", "invalid_api_key")
    return client


def admitted(node: Node) -> Callable[[Request], Awaitable[Client]]:
    """Dependency of everything below /v1."""

    async def admit(request: Request) -> Client:
        client = client_of(node, request)
        request.state.client = client.name
        if wait := node.rates.take(client.name):
            most = node.settings.server.requests_per_minute
            raise ApiError(
                429, f"more than {most} requests a minute; try again later", "rate_limit_exceeded", None, wait
            )
        return client

    return admit


def own_job(node: Node, client: Client, job_id: str) -> Job:
    """A job that the client asked for; the chain's are everybody's, as what is on the chain is."""
    job = node.jobs.get(job_id)
    if job.order.owner not in (client.name, "") and node.clients:
        raise NoSuchJob(f"there is no job {job_id[:80]!r}")
    return job
