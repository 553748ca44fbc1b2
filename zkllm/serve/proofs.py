"""/v1/proofs/ID: what became of an answer's proof; the proof, its calldata, its progress as events; and
having it settled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response, StreamingResponse

from zkllm.files import JsonObject
from zkllm.proof import Proof
from zkllm.serve.completions import EVENT_STREAM
from zkllm.serve.gate import admitted, own_job
from zkllm.serve.jobs import UNFINISHED, Job
from zkllm.serve.keys import Client
from zkllm.serve.node import Node
from zkllm.serve.replies import ApiError, for_clients
from zkllm.settle.submission import verify_calldata

BEAT_SECONDS = 1.0
"""After which a job is looked at again though nothing was told of it: other processes may change it."""
QUIET_BEATS = 15
"""After so many without a change something is sent, or gateways would end the connection."""
MEDIA_TYPE = "application/octet-stream"


def router(node: Node) -> APIRouter:
    routes, admit = APIRouter(prefix="/v1/proofs"), Depends(admitted(node))

    @routes.get("/{job_id}")
    async def proof(job_id: str, who: Client = admit) -> JSONResponse:
        return JSONResponse(_told(node, await asyncio.to_thread(own_job, node, who, job_id)))

    @routes.get("/{job_id}/file")
    async def file(job_id: str, who: Client = admit) -> Response:
        job = await asyncio.to_thread(own_job, node, who, job_id)
        headers = {"Content-Disposition": f'attachment; filename="{job.id}.zkllm"'}
        return Response(_proof(job), media_type=MEDIA_TYPE, headers=headers)

    @routes.get("/{job_id}/calldata")
    async def calldata(job_id: str, who: Client = admit) -> JSONResponse:
        job = await asyncio.to_thread(own_job, node, who, job_id)
        return JSONResponse(await asyncio.to_thread(_calldata, node, job))

    @routes.post("/{job_id}/settle")
    async def settle(job_id: str, who: Client = admit) -> JSONResponse:
        job = await asyncio.to_thread(own_job, node, who, job_id)
        await asyncio.to_thread(_settle, node, who, job)
        return JSONResponse(_told(node, await asyncio.to_thread(node.jobs.get, job_id)), 202)

    @routes.post("/{job_id}/cancel")
    async def cancel(job_id: str, who: Client = admit) -> JSONResponse:
        job = await asyncio.to_thread(own_job, node, who, job_id)
        if job.order.owner != who.name:
            raise ApiError(403, "a job of the chain's is its operator's to cancel", "not_yours")
        if job.state not in UNFINISHED:
            raise ApiError(409, f"the job is {job.state}", "over")
        job = await asyncio.to_thread(node.jobs.cancel, job_id)
        node.board.changed(job_id)
        return JSONResponse(_told(node, job))

    @routes.get("/{job_id}/events")
    async def events(job_id: str, who: Client = admit) -> StreamingResponse:
        await asyncio.to_thread(own_job, node, who, job_id)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(node, job_id), media_type=EVENT_STREAM, headers=headers)

    return routes


def _told(node: Node, job: Job) -> JsonObject:
    data: JsonObject = {"object": "proof", **job.to_dict(), "progress": _progress(node, job.id)}
    data["reason"] = for_clients(job.reason) if job.reason else None
    if job.answer is not None and (model := node.models.get(job.order.model)) is not None:
        data["answer"] = model.package.tokenizer.decode(job.answer)
    if job.proof is not None:
        data["file"] = f"/v1/proofs/{job.id}/file"
        data["calldata"] = f"/v1/proofs/{job.id}/calldata"
    return data


def _progress(node: Node, job_id: str) -> JsonObject | None:
    """The stage that a proof is in, while it is made."""
    stage = node.board.stage(job_id)
    return None if stage is None else {"stage": stage.name, "done": stage.done, "total": stage.total}


def _proof(job: Job) -> bytes:
    if job.proof is None:
        raise ApiError(409, f"there is no proof yet: the job is {job.state}", "not_proved")
    return job.proof


def _calldata(node: Node, job: Job) -> JsonObject:
    """For the verifier alone; and for the settlement contract, where the proof was made for one."""
    proof = Proof.from_bytes(_proof(job))
    data: JsonObject = {
        "object": "calldata",
        "proof_id": job.id,
        "verify": "0x" + verify_calldata(proof).hex(),
    }
    model = node.models.get(job.order.model)
    if node.chain is not None and model is not None and node.chain.is_for_us(proof.context):
        key = model.keys.get(job.order.shape)
        verifier = None if key is None else node.chain.verifier(key)
        if key is not None and verifier is not None:
            submission = node.chain.submission(proof, key, model, verifier)
            data |= {"to": "0x" + proof.context.contract.hex(), "settle": "0x" + submission.calldata.hex()}
    return data


def _settle(node: Node, client: Client, job: Job) -> None:
    if not client.may_settle:
        raise ApiError(403, "this API key may not have answers settled", "may_not_settle")
    if node.chain is None:
        raise ApiError(409, "this node settles nothing: it has no chain", "no_chain")
    if not node.chain.is_ours(job.order.context):
        raise ApiError(409, "the proof was made for another contract or sender", "another_context")
    if job.state not in UNFINISHED:
        why = f": {for_clients(job.reason)}" if job.reason else ""
        raise ApiError(409, f"the job is {job.state}{why}", "over")
    node.jobs.want_settled(job.id)
    node.wake_settler()


async def _events(node: Node, job_id: str) -> AsyncIterator[bytes]:
    """`proof`: the job as it is now, and whenever it has changed; `progress`: the stage that its proof is in;
    `done`: nothing more will become of it."""
    changed_at, told, quiet = None, None, 0
    with node.board.watching(job_id) as changed:
        while not node.draining.is_set():
            changed.clear()
            job = await asyncio.to_thread(node.jobs.find, job_id)
            if job is None:
                return
            if job.changed != changed_at:
                changed_at, quiet = job.changed, 0
                yield _event("proof", _told(node, job))
            progress = _progress(node, job_id)
            if progress is not None and progress != told:
                told, quiet = progress, 0
                yield _event("progress", progress)
            if job.is_over:
                yield _event("done", {})
                return
            try:
                await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
            except TimeoutError:
                quiet += 1
                if quiet % QUIET_BEATS == 0:
                    yield b": waiting\n\n"


def _event(name: str, data: JsonObject) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
