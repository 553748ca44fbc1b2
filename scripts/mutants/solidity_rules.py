"""Faults of Solidity, of its assembly, and of the verifier's template, from the text.

In assembly everything is a call, so rules take calls apart; outside they look for the few forms that the
contracts use. Comments, strings and the template's placeholders are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .mutation import Edit

FIXED = 5
"""What a challenge becomes."""
_HIDDEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|\$\{\w+\}", re.DOTALL)
_FUNCTION = re.compile(r"\b(?:function\s+(\w+)|(constructor|receive)|modifier\s+(\w+))[^;{]*\{")
_ASSEMBLY = re.compile(r"\bassembly\b[^{;]*\{")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\(")
_NUMBER = re.compile(r"(?<![\w.$])(0x[0-9a-fA-F]{1,6}|\d{1,6})(?![\w.])")
_IF = re.compile(r"\bif \(")
_REFUSAL = re.compile(r"\brevert\b|\b_refuse\(|\breturn false\b")
_COMPARISON = re.compile(r" (<=|>=|<|>|==|!=) ")
_COMPARED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_ATOM = r"[\w.]+(?:\[[^\[\]]*\])?(?:\([^()]*\))?"
_SUM = re.compile(rf"({_ATOM}) \+ ({_ATOM})")
_PLAIN = re.compile(r"^[ ]*((?:[\w.\[\]]+ (?:=|\+=|-=) [^;]+|emit [^;]+|_?\w+\([^;]*\));)$", re.MULTILINE)
_YUL_SET = re.compile(r"^[ ]*(\w+ := .+)$", re.MULTILINE)
_YUL_DO = re.compile(
    r"^[ ]*((?:mstore|mstore8|sstore|calldatacopy|mcopy|returndatacopy)\(.*\))$", re.MULTILINE
)
_MODIFIER = re.compile(r"\bonlyOwner (?=\{)")

PICK = {
    "and": ("drop-operand", (0, 1)), "or": ("drop-operand", (0, 1)),
    "add": ("drop-term", (0, 1)), "addmod": ("drop-term", (0, 1)), "sub": ("drop-term", (0,)),
    "mul": ("drop-factor", (0, 1)), "mulmod": ("drop-factor", (0, 1)),
}  # fmt: skip
"""Calls that become one of their arguments."""
ORDERED = {"sub", "shl", "shr", "mstore", "lt", "gt"}
"""Calls of two arguments that are not the same the other way round."""


@dataclass(frozen=True)
class _Call:
    name: str
    start: int
    end: int
    arguments: tuple[str, ...]


def solidity_edits(text: str) -> list[Edit]:
    visible = _HIDDEN.sub(lambda m: re.sub(r"[^\n]", "\x01", m.group()), text)
    functions = [
        (m.group(1) or m.group(2) or m.group(3), m.start(), _closing(visible, m.end() - 1))
        for m in _FUNCTION.finditer(visible)
    ]
    assembly = [(m.start(), _closing(visible, m.end() - 1)) for m in _ASSEMBLY.finditer(visible)]
    edits = []
    for name, first, last in functions:
        inside = [(a, b) for a, b in assembly if first <= a < last]
        for start, end in inside:
            edits += [Edit(rule, name, a, b, new) for rule, a, b, new in _yul(visible, start, end)]
        body = visible.index("{", first)
        for rule, a, b, new in _solidity(visible, first, body, last):
            if not any(start <= a < end for start, end in inside):
                edits.append(Edit(rule, name, a, b, new))
    # what was hidden from the rules comes back where an edit keeps it
    return [e for e in edits if "\x01" not in e.new]


Found = Iterator[tuple[str, int, int, str]]


def _yul(text: str, start: int, end: int) -> Found:
    for call in _calls(text, start, end):
        arguments = call.arguments
        if call.name in PICK:
            rule, places = PICK[call.name]
            for place in places:
                yield rule, call.start, call.end, arguments[place]
        if call.name in ("eq", "iszero"):
            yield "comparison", call.start, call.end, "1"
        if call.name in ("lt", "gt"):
            other = "gt" if call.name == "lt" else "lt"
            yield "comparison", call.start, call.end, f"iszero({other}({', '.join(arguments)}))"
        if call.name in ORDERED and len(arguments) == 2:
            swapped = f"{call.name}({arguments[1]}, {arguments[0]})"
            yield "swap-arguments", call.start, call.end, swapped
        if call.name == "mod" and arguments[-1] == "r":
            yield "constant-challenge", call.start, call.end, str(FIXED)
    for m in _YUL_SET.finditer(text, start, end):
        rule = "drop-check" if m.group(1).startswith("valid := and(valid") else "drop-statement"
        yield rule, m.start(1), m.end(1), ""
    for m in _YUL_DO.finditer(text, start, end):
        yield "drop-statement", m.start(1), m.end(1), ""
    yield from _numbers(text, start, end)


def _solidity(text: str, head: int, start: int, end: int) -> Found:
    for m in _MODIFIER.finditer(text, head, start + 1):
        yield "drop-check", m.start(), m.end(), ""
    for m in _IF.finditer(text, start, end):
        condition = m.end() - 1, _closing(text, m.end() - 1)
        stop = _statement_end(text, condition[1])
        if _REFUSAL.search(text[condition[1] : stop]):
            yield "drop-check", m.start(), stop, ""
        for word in (" || ", " && "):
            parts = text[condition[0] + 1 : condition[1] - 1].split(word)
            if len(parts) > 1 and all(p.count("(") == p.count(")") for p in parts):
                for i in range(len(parts)):
                    rest = word.join(parts[:i] + parts[i + 1 :])
                    yield "drop-operand", condition[0], condition[1], f"({rest})"
    for m in _COMPARISON.finditer(text, start, end):
        yield "comparison", m.start(1), m.end(1), _COMPARED[m.group(1)]
    for m in _SUM.finditer(text, start, end):
        yield "drop-term", m.start(), m.end(), m.group(1)
        yield "drop-term", m.start(), m.end(), m.group(2)
    for m in _PLAIN.finditer(text, start, end):
        yield "drop-statement", m.start(1), m.end(1), ""
    yield from _numbers(text, start, end)


def _numbers(text: str, start: int, end: int) -> Found:
    for m in _NUMBER.finditer(text, start, end):
        number = m.group()
        value = int(number, 0)
        for changed in (value + 1, value - 1):
            if changed >= 0:
                yield (
                    "off-by-one",
                    m.start(),
                    m.end(),
                    f"{changed:#x}" if number[:2] == "0x" else str(changed),
                )


def _closing(text: str, opening: int) -> int:
    """One past the bracket that closes the one at `opening`."""
    pairs = {"(": ")", "{": "}"}
    ours, depth = text[opening], 0
    for i in range(opening, len(text)):
        depth += (text[i] == ours) - (text[i] == pairs[ours])
        if not depth:
            return i + 1
    raise ValueError(f"nothing closes the {ours} at {opening}")


def _statement_end(text: str, start: int) -> int:
    """One past the statement, or the block, that follows a condition."""
    first = re.compile(r"\S").search(text, start)
    assert first is not None
    return _closing(text, first.start()) if first.group() == "{" else text.index(";", start) + 1


def _calls(text: str, start: int, end: int) -> Iterator[_Call]:
    for m in _CALL.finditer(text, start, end):
        close = _closing(text, m.end() - 1)
        arguments, depth, at = [], 0, m.end()
        for i in range(m.end(), close):
            depth += (text[i] == "(") - (text[i] == ")")
            if (text[i] == "," and depth == 0) or i == close - 1:
                arguments.append(text[at:i].strip())
                at = i + 1
        if close <= end:
            yield _Call(m.group(1), m.start(), close, tuple(arguments))
