"""The Jinja environment of chat templates: sandboxed, with the helpers that published templates call."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace


class _Generation(Extension):
    """`{% generation %}` marks what a model has said, for its training: here the text counts alone."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


class _Namespace(Namespace):
    """Jinja's, without names that lead to what Python keeps behind them."""

    def __init__(*args: object, **kwargs: object) -> None:  # so that "self" may be a name in it
        attributes = dict(*args[1:], **kwargs)
        for name in attributes:
            _require_plain(name)
        Namespace.__init__(args[0], attributes)

    def __setitem__(self, name: str, value: object) -> None:
        _require_plain(name)
        super().__setitem__(name, value)


def _require_plain(name: object) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"{str(name)[:40]!r} is no name for a value of a template")


def _new_dict(*args: object, **kwargs: object) -> dict[str, object]:
    return dict(*args, **kwargs)


def _refuse(message: object) -> None:
    raise TemplateError(str(message))


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Without the escapes for HTML that Jinja's own has."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment(now: datetime.datetime) -> ImmutableSandboxedEnvironment:
    """`now` is what templates take for the time."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    clock: Callable[[str], str] = now.strftime
    made.filters["tojson"] = _to_json
    made.globals.update(
        raise_exception=_refuse, strftime_now=lambda form: clock(form), dict=_new_dict, namespace=_Namespace
    )
    return made
