"""A mutant: one edit of one source, and the name it keeps when other lines change."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """What a rule proposes: source[start:end] becomes `new`."""

    rule: str
    function: str
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Mutant:
    """An edit of `file`. `before` and `after` are the lines it touches, their white space collapsed."""

    id: str
    file: str
    line: int
    edit: Edit
    before: str
    after: str

    def apply(self, source: str) -> str:
        return source[: self.edit.start] + self.edit.new + source[self.edit.end :]


def name_mutants(file: str, source: str, edits: Iterable[Edit]) -> list[Mutant]:
    """Edits with ids made of file, function, rule and what the lines say before and after; equal ones are
    counted in their order. Edits that give the same source are one."""
    mutants: list[Mutant] = []
    seen: set[tuple[int, int, str]] = set()
    count: Counter[str] = Counter()
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.rule, e.new)):
        key = _trimmed(source, edit)
        if key in seen or source[edit.start : edit.end] == edit.new:
            continue
        seen.add(key)
        first = source.rfind("\n", 0, edit.start) + 1
        last = source.find("\n", edit.end)
        last = len(source) if last < 0 else last
        before = _collapsed(source[first:last])
        after = _collapsed(source[first : edit.start] + edit.new + source[edit.end : last])
        name = "/".join((file.rsplit("/", 1)[-1], edit.function, edit.rule))
        content = "\0".join((file, name, before, after))
        count[content] += 1
        digest = hashlib.sha256(f"{content}\0{count[content]}".encode()).hexdigest()[:8]
        mutants.append(
            Mutant(f"{name}/{digest}", file, source.count("\n", 0, edit.start) + 1, edit, before, after)
        )
    return mutants


def _trimmed(source: str, edit: Edit) -> tuple[int, int, str]:
    """The edit without what it leaves as it is at both ends, so that equal results compare equal."""
    start, end, new = edit.start, edit.end, edit.new
    while start < end and new and source[start] == new[0]:
        start, new = start + 1, new[1:]
    while start < end and new and source[end - 1] == new[-1]:
        end, new = end - 1, new[:-1]
    return start, end, new


def _collapsed(text: str) -> str:
    return " ".join(text.split())
