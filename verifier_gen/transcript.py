"""The contract's transcript: `_drawChallenges`, from the description's order of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from verifier_gen.offsets import WORD, CalldataLayout, field_name, public_slot
from verifier_gen.spec import Round, VerifierSpec

SAID = {"h": "[h]", "q": "[q]", "g": "[g]", "SD": "[SD]", "W_prime": "W'"}
"""Messages in comments, where they are not called by their names."""
SAID_TOGETHER = {("pc", "pci", "pr", "pri"): "P_col and P_row at zeta and 1/zeta"}
MANY = 8
"""More scalars than these, and nothing else, are counted."""


def statement_lines(spec: VerifierSpec) -> Iterator[str]:
    """`state` becomes H, the digest of key, context, statement and witness commitments."""
    said = {"tag": "TAG", "verifier_id": "VERIFIER_ID", "witness": "witness commitments"}
    yield f"// H = keccak256({', '.join(said.get(p, p) for p in spec.statement)}); seed = H >> 8"
    one_word = {"tag": "TAG", "verifier_id": "VERIFIER_ID", "context": "context"}
    copied = {"words": ("CD_WORDS", "WORDS_BYTES"), "witness": ("CD_WITNESS", "WITNESS_BYTES")}
    known = 0  # bytes that stand in the buffer so far, and constants that count more of them
    sizes: list[str] = []
    for part in spec.statement:
        place = _added("M_BUFFER", _sum(known, sizes))
        if part in one_word:
            yield f"mstore({place}, {one_word[part]})"
            known += WORD
        else:
            source, size = copied[part]
            yield f"calldatacopy({place}, {source}, {size})"
            sizes.append(size)
    yield f"let state := keccak256(M_BUFFER, {_sum(known, sizes)})"


def round_lines(spec: VerifierSpec, layout: CalldataLayout) -> Iterator[str]:
    """Every round: state = keccak256(state, messages), challenge = state mod r."""
    last = len(spec.rounds) - 1
    for (silent, _), group in groupby(enumerate(spec.rounds), lambda e: (not e[1].messages, e[1].messages)):
        rounds = list(group)
        yield from _heading(rounds, silent, last)
        for index, r in rounds:
            yield from _round(spec, layout, r, index == 0, index == last)
        if rounds[-1][0] != last:
            yield ""


def _heading(rounds: Sequence[tuple[int, Round]], silent: bool, last: int) -> Iterator[str]:
    index, first = rounds[0]
    messages = "nothing new" if silent else _said(first.messages)
    if index == 0:
        yield (
            f"// {first.challenge} restarts the chain, so that the inner proof's digest {messages} meets the "
            "verifier's identity"
        )
    else:
        names = ", ".join(r.challenge for _, r in rounds)
        yield f"// {names}{', last of all' if rounds[-1][0] == last else ''}: {messages}"


def _round(
    spec: VerifierSpec, layout: CalldataLayout, r: Round, is_first: bool, is_last: bool
) -> Iterator[str]:
    start = {"verifier_id": "VERIFIER_ID", "H": "state"}
    position = 0
    for value in (start[part] for part in spec.chain_start) if is_first else ("state",):
        yield f"mstore({_added('M_BUFFER', _sum(position))}, {value})"
        position += WORD
    for field, size in layout.runs(field_name(m) for m in r.messages):
        yield _copy(_added("M_BUFFER", _sum(position)), field, size)
        position += size
    yield f"state := keccak256(M_BUFFER, {position:#04x})"
    yield f"mstore(M_{r.challenge.upper()}, mod(state, r))"
    if is_last:
        yield "mstore(M_STATE, state)"


def public_input_lines(spec: VerifierSpec, layout: CalldataLayout) -> Iterator[str]:
    """The circuit's public inputs that calldata holds, from there to their slots."""
    challenges = {r.challenge for r in spec.rounds}
    slots = list(dict.fromkeys(public_slot(name) for name in spec.public_inputs))
    in_place = [n for n in spec.public_inputs if public_slot(n) not in layout.offsets]
    unknown = [n for n in in_place if n not in challenges and n != "seed"]
    if unknown:
        raise ValueError(f"public inputs that are neither messages nor challenges: {', '.join(unknown)}")
    listed = ", ".join(in_place[:-1]) + f" and {in_place[-1]}"
    yield f"// the rest of the outer circuit's public inputs ({listed} are in place)"
    for copied, group in groupby(slots, lambda slot: slot in layout.offsets):
        for field, size in layout.runs(group) if copied else ():
            if field == "WORDS":
                yield "calldatacopy(M_WORDS, CD_WORDS, WORDS_BYTES)"
            else:
                yield _copy(f"M_{field}", field, size)


def _copy(place: str, field: str, size: int) -> str:
    if size == WORD:
        return f"mstore({place}, calldataload(CD_{field}))"
    return f"calldatacopy({place}, CD_{field}, {size:#04x})"


def _said(messages: tuple[str, ...]) -> str:
    for together, words in SAID_TOGETHER.items():
        for i in range(len(messages)):
            if messages[i : i + len(together)] == together:
                rest = (messages[:i], messages[i + len(together) :])
                return ", ".join(filter(None, (_said(rest[0]), words, _said(rest[1]))))
    if len(messages) > MANY:
        return f"all {len(messages)} evaluations"
    return ", ".join(SAID.get(m, m) for m in messages)


def _sum(known: int, names: Sequence[str] = ()) -> str:
    terms = ([f"{known:#04x}"] if known else []) + list(names)
    if not terms:
        return ""
    *others, total = terms
    for term in reversed(others):
        total = f"add({term}, {total})"
    return total


def _added(base: str, offset: str) -> str:
    return f"add({base}, {offset})" if offset else base
