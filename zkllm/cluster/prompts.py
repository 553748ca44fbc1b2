"""A file of prompts, one JSON object a line; every line is looked at before any work.

    {"prompt": "Once upon a"}
    {"id": "q2", "messages": [{"role": "user", "content": "Who are you?"}], "new_tokens": 8}
    {"tokens": [1, 2, 3], "max_tokens": 32, "sealed": true}

One of prompt, messages and tokens; `id` names the proof's file (default: the line's number, six digits), the
rest stand in for the command's options. Empty lines are none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import Malformed, StatementError, ZkllmError, reason
from zkllm.files import JsonObject, read_text, reading
from zkllm.limits import MAX_POSITIONS
from zkllm.model.chat import Messages
from zkllm.preflight import Answering, check_prompt
from zkllm.shape_id import ShapeId

MOST_BYTES = 1 << 30
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SOURCES = ("prompt", "messages", "tokens")
_FIELDS = {*_SOURCES, "id", "new_tokens", "max_tokens", "sealed"}


@dataclass(frozen=True)
class Task:
    """One line: `name` is its proof's."""

    name: str
    line: int
    ids: tuple[int, ...]
    shape: ShapeId


def read_tasks(path: Path, model: Answering, usual: ShapeId) -> list[Task]:
    """Of a file. `usual`: the shape where a line says nothing else. Raises StatementError, PATH:LINE: what is
    wrong with the first bad one."""
    with reading(path, "file of prompts", StatementError):
        text = read_text(path, MOST_BYTES)
    tasks: dict[str, Task] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            task = _task(line, number, model, usual)
            if (other := tasks.get(task.name)) is not None:
                raise Malformed(f"the id {task.name} is that of line {other.line} too")
        except (Malformed, ZkllmError) as error:
            raise StatementError(f"{path}:{number}: {reason(error)}") from None
        tasks[task.name] = task
    if not tasks:
        raise StatementError(f"{path}: there is no prompt in it")
    return list(tasks.values())


def _task(line: str, number: int, model: Answering, usual: ShapeId) -> Task:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise Malformed('it is not JSON; a line is an object such as {"prompt": "Once upon a"}') from None
    if not isinstance(data, dict):
        raise Malformed("it is not a JSON object")
    if unknown := sorted(set(data) - _FIELDS):
        raise Malformed(f"{unknown[0][:60]!r} is unknown; there are {', '.join(sorted(_FIELDS))}")
    if len(given := [name for name in _SOURCES if name in data]) != 1:
        raise Malformed(f"it has {' and '.join(given) or 'no prompt'}; give one of {', '.join(_SOURCES)}")
    name = data.get("id", f"{number:06d}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Malformed("the id is no name of a file: letters, digits, '.', '_' and '-', up to 100")
    sealed = data.get("sealed", usual.sealed)
    if not isinstance(sealed, bool):
        raise Malformed("sealed is neither true nor false")
    rows, certified = _count(data, "max_tokens", usual.rows), _count(data, "new_tokens", usual.certified)
    shape = ShapeId(rows, certified, sealed)
    prompt, tokens = _prompt(data), _tokens(data)
    return Task(name, number, tuple(check_prompt(model, prompt, tokens, shape.certified, shape.rows)), shape)


def _count(data: JsonObject, name: str, usual: int) -> int:
    value = data.get(name, usual)
    if type(value) is not int or not 1 <= value <= MAX_POSITIONS:
        raise Malformed(f"{name} is not a number from 1 to {MAX_POSITIONS}")
    return value


def _prompt(data: JsonObject) -> str | Messages | None:
    if "messages" in data:
        return Messages.of_json(json.dumps(data["messages"]))
    prompt = data.get("prompt")
    if "prompt" in data and not isinstance(prompt, str):
        raise Malformed("the prompt is no text")
    return prompt


def _tokens(data: JsonObject) -> list[int] | None:
    if "tokens" not in data:
        return None
    tokens = data["tokens"]
    if not isinstance(tokens, list) or not all(type(token) is int for token in tokens):
        raise Malformed("tokens is not a list of ids, as in [1, 2, 3]")
    return tokens
