"""/v1/models, /v1/completions and /v1/chat/completions: answers as OpenAI's clients expect them. Each is a
job that is on disk before the first token is told, and is proved in its turn."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response, StreamingResponse

from zkllm.errors import StatementError, TokenizerError, ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.answers import Answer, Busy, Unanswerable
from zkllm.serve.database import StorageError
from zkllm.serve.gate import BUSY_SECONDS, admitted
from zkllm.serve.jobs import Job, Order, QueueFull, State, told_of_swallowed
from zkllm.serve.keys import Client
from zkllm.serve.models import PromptTooLong, Question, Served, TooManyTokens
from zkllm.serve.node import Node
from zkllm.serve.openai_requests import ChatBody, CompletionBody
from zkllm.serve.prover import proving_measure
from zkllm.serve.replies import ApiError, for_clients
from zkllm.serve.texts import Text
from zkllm.statement import Context

EVENT_STREAM = "text/event-stream"


def router(node: Node) -> APIRouter:
    routes, admit = APIRouter(prefix="/v1"), Depends(admitted(node))

    @routes.get("/models")
    async def models(_: Client = admit) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [_about(node, m) for m in node.models.values()]})

    @routes.get("/models/{name:path}")
    async def model(name: str, _: Client = admit) -> JSONResponse:
        return JSONResponse(_about(node, _model(node, name)))

    @routes.post("/completions")
    async def completions(body: CompletionBody, who: Client = admit) -> Response:
        return await _answer(node, body, who, _COMPLETION)

    @routes.post("/chat/completions")
    async def chat(body: ChatBody, who: Client = admit) -> Response:
        return await _answer(node, body, who, _CHAT)

    return routes


@dataclass(frozen=True)
class Form:
    """How an answer is told: whole, or in parts."""

    prefix: str
    whole: str
    part: str
    choice: Callable[[str], JsonObject]
    delta: Callable[[str], JsonObject]
    opening: JsonObject | None


_COMPLETION = Form(
    "cmpl-", "text_completion", "text_completion", lambda t: {"text": t}, lambda t: {"text": t}, None
)
_CHAT = Form(
    "chatcmpl-",
    "chat.completion",
    "chat.completion.chunk",
    lambda text: {"message": {"role": "assistant", "content": text, "refusal": None}},
    lambda text: {"delta": {"content": text} if text else {}},
    {"delta": {"role": "assistant", "content": ""}},
)


def _about(node: Node, model: Served) -> JsonObject:
    shapes = [{"max_tokens": shape.rows, "new_tokens": shape.certified} for shape in sorted(model.keys)]
    return {
        "id": model.name,
        "object": "model",
        "created": node.started,
        "owned_by": "zkllm",
        "zkllm": {
            "model_id": "0x" + model.model_id.hex(),
            "shapes": shapes,
            "srs_kind": next(iter(model.keys.values())).srs_kind,
        },
    }


def _model(node: Node, name: str) -> Served:
    if not node.is_open:
        raise ApiError(503, node.trouble()[0], "unavailable", None, BUSY_SECONDS)
    if name not in node.models:
        known = ", ".join(node.models)
        raise ApiError(404, f"there is no model {name[:80]!r} here: {known}", "model_not_found", "model")
    return node.models[name]


async def _answer(node: Node, body: CompletionBody | ChatBody, client: Client, form: Form) -> Response:
    model = _model(node, body.model)
    question = await asyncio.to_thread(_question, model, body)
    context = _context(node, body, client)
    order = Order(
        client.name,
        model.name,
        model.model_id,
        question.shape,
        question.prompt,
        question.claim_id,
        context,
        body.zkllm.settle,
        swallowed=question.swallowed,
    )
    # the answer's place first: a job is not to be kept for an answer that is refused
    answer = _place(node, model, question)
    try:
        job, new = await asyncio.to_thread(node.jobs.submit, order, node.settings.jobs.waiting_proofs)
        if body.zkllm.settle and not new:
            await asyncio.to_thread(node.jobs.want_settled, job.id)
    except QueueFull as error:
        answer.drop()
        raise ApiError(429, str(error), "queue_full", None, _wait(node, model, question)) from None
    except BaseException:
        answer.drop()
        raise
    node.prover.wake()
    most = min(body.new_tokens or question.shape.certified, question.shape.certified)
    telling = Telling(node, job, model, question, answer, Text(model, most, body.stops), form)
    if body.stream:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(telling.stream(body.has_usage), media_type=EVENT_STREAM, headers=headers)
    return JSONResponse(await telling.whole())


def _question(model: Served, body: CompletionBody | ChatBody) -> Question:
    param = "messages" if isinstance(body, ChatBody) else "prompt"
    if isinstance(body, ChatBody) and model.package.conversation.template is None:
        words = f"the model {model.name} has no chat template; send the prompt itself to /v1/completions"
        raise ApiError(400, f"{words}, as prompt", "no_chat_template", param)
    try:
        return model.question(body.asked, body.new_tokens)
    except PromptTooLong as error:
        raise ApiError(400, str(error), "context_length_exceeded", param) from None
    except TooManyTokens as error:
        raise ApiError(400, str(error), "max_tokens_exceeded", "max_tokens") from None
    except (StatementError, TokenizerError) as error:
        raise ApiError(400, for_clients(str(error)), "invalid_prompt", param) from None


def _context(node: Node, body: CompletionBody | ChatBody, client: Client) -> Context:
    """What the proof is bound to: what the client says, or what this node settles in."""
    if body.zkllm.settle and not client.may_settle:
        raise ApiError(403, "this API key may not have answers settled", "may_not_settle", "zkllm.settle")
    if body.zkllm.context is not None:
        if body.zkllm.settle:
            raise ApiError(400, "a proof for another context is not settled here", None, "zkllm.context")
        return body.zkllm.context.context
    if node.chain is None:
        if body.zkllm.settle:
            raise ApiError(400, "this node settles nothing: it has no chain", "no_chain", "zkllm.settle")
        return Context()
    return node.chain.context()


def _place(node: Node, model: Served, question: Question) -> Answer:
    try:
        return node.answerer.ask(model, question)
    except Busy as error:
        raise ApiError(429, str(error), "queue_full", None, BUSY_SECONDS) from None


def _wait(node: Node, model: Served, question: Question) -> float:
    """Until there is room for another proof, about."""
    measured = node.jobs.measure(proving_measure(model.model_id, question.shape))
    return BUSY_SECONDS if measured is None else measured


@dataclass
class Telling:
    """An answer that is told to its client."""

    node: Node
    job: Job
    model: Served
    question: Question
    answer: Answer
    text: Text
    form: Form

    def __post_init__(self) -> None:
        self._created = int(time.time())
        self._tokens: list[int] = []

    async def whole(self) -> JsonObject:
        try:
            text = "".join([piece async for piece in self._pieces()])
        except Unanswerable as error:
            raise ApiError(400, for_clients(str(error)), "unanswerable", "prompt") from None
        except Busy as error:
            raise ApiError(503, str(error), "unavailable", None, BUSY_SECONDS) from None
        except ZkllmError as error:
            raise ApiError(500, for_clients(str(error)), "internal_error") from None
        choice = {"index": 0, **self.form.choice(text), "logprobs": None, "finish_reason": self.text.reason}
        return {**self._base(self.form.whole), "choices": [choice], "usage": self._usage()}

    async def stream(self, has_usage: bool) -> AsyncIterator[bytes]:
        try:
            if self.form.opening is not None:
                yield self._part(self.form.opening, None)
            async for piece in self._pieces():
                if piece:
                    yield self._part(self.form.delta(piece), None)
        except ZkllmError as error:
            status = 400 if isinstance(error, Unanswerable) else 500
            yield _event(ApiError(status, for_clients(str(error)), "stream_failed").body())
            return
        yield self._part(self.form.delta(""), self.text.reason)
        if has_usage:
            yield _event({**self._base(self.form.part), "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    async def _pieces(self) -> AsyncIterator[str]:
        """Of the text, as they can be shown. What the model answers is noted with the job."""
        try:
            async for token in self.answer:
                self._tokens.append(token)
                yield self.text.add(token)
        except Unanswerable as error:
            reason = str(error)
            await asyncio.to_thread(self.node.jobs.move, self.job.id, [State.QUEUED], State.FAILED, reason)
            raise
        with suppress(StorageError):  # the proof will tell it too
            await asyncio.to_thread(self.node.jobs.note_answer, self.job.id, self._tokens)

    def _part(self, content: JsonObject, reason: str | None) -> bytes:
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": reason}
        return _event({**self._base(self.form.part), "choices": [choice]})

    def _base(self, kind: str) -> JsonObject:
        return {
            "id": self.form.prefix + self.job.id.removeprefix("proof-"),
            "object": kind,
            "created": self._created,
            "model": self.model.name,
            "zkllm": {
                "proof_id": self.job.id,
                "claim_id": "0x" + self.question.claim_id.hex(),
                "model_id": "0x" + self.model.model_id.hex(),
                "swallowed": told_of_swallowed(self.question.swallowed),
            },
        }

    def _usage(self) -> JsonObject:
        asked, answered = len(self.question.prompt), self.text.shown
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _event(data: JsonObject) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
