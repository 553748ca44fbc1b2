"""The codec of records: strict, canonical, and the same bytes as ever."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest

from zkllm.errors import Malformed
from zkllm.records import Text, decode, encode, from_data, to_data


def _number(text: str) -> bytes:
    if not text.startswith("0x") or len(text) != 6:
        raise Malformed("it is not two bytes")
    return bytes.fromhex(text[2:])


Pair = Annotated[bytes, Text(lambda data: "0x" + data.hex(), _number)]


@dataclass(frozen=True)
class Inner:
    seen: bool
    part: float


@dataclass(frozen=True)
class Everything:
    number: int
    text: str
    data: bytes
    pair: Pair
    absent: Pair | None
    some: tuple[bytes, ...]
    three: tuple[int, int, int]
    inner: Inner
    inners: tuple[Inner, ...]
    named: dict[str, tuple[int, ...]]
    free: Any
    numbers: list[float]
    last: str | None = None


RECORD = Everything(
    -(1 << 70), "ü\n", b"\x00\xff", b"ab", None, (b"", b"1"), (1, 2, 3), Inner(True, 0.5),
    (Inner(False, 1.0), Inner(True, 2.0)), {"a": (1, 2), "b": ()}, [{"x": [None, 1]}], [1, 0.5],
)  # fmt: skip
DATA = {
    "number": -(1 << 70),
    "text": "ü\n",
    "data": "00ff",
    "pair": "0x6162",
    "absent": None,
    "some": ["", "31"],
    "three": [1, 2, 3],
    "inner": {"seen": True, "part": 0.5},
    "inners": [{"seen": False, "part": 1.0}, {"seen": True, "part": 2.0}],
    "named": {"a": [1, 2], "b": []},
    "free": [{"x": [None, 1]}],
    "numbers": [1, 0.5],
    "last": None,
}


def test_a_record_survives_and_has_one_encoding():
    assert to_data(RECORD) == DATA and from_data(Everything, DATA, "it") == RECORD
    raw = encode(RECORD)
    assert raw == (json.dumps(DATA, sort_keys=True, indent=1) + "\n").encode()
    assert decode(Everything, raw, "it") == RECORD
    other = replace(RECORD, absent=b"cd", last="x")
    assert decode(Everything, encode(other), "it") == other
    for changed in (
        raw + b"\n",
        raw[:-1],
        json.dumps(DATA).encode(),
        raw.replace(b'"free"', b'"last": 1,"free"'),
    ):
        with pytest.raises(Malformed, match="it"):
            decode(Everything, changed, "it")


WRONG: dict[str, list[object]] = {
    "number": [True, 1.0, "1", None, [1]],
    "text": [1, None, ["x"]],
    "data": ["0x00", "0", "AB", " 00", "zz", "00\n", 5, None],
    "pair": ["0x61", "6162", 5, None],
    "absent": ["0x61", 5],
    "some": ["00", ["0"], [1], {"a": 1}],
    "three": [[1, 2], [1, 2, 3, 4], [1, 2, "3"], [1, 2, True], 1],
    "inner": [{}, {"seen": 1, "part": 0.5}, {"seen": True, "part": 0.5, "more": 1}, [], None],
    "inners": [[{}], {}, [None]],
    "named": [[], {"a": 1}, {"a": ["x"]}, {"a": [1, True]}, {"a": [1, 1.0]}, None],
    "numbers": [["1"], [True], 1, {}],
    "last": [1, ["x"]],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_a_field_of_another_type_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(Malformed, match=f"it: {name}"):
        from_data(Everything, DATA | {name: value}, "it")


def test_every_field_is_there_and_no_other():
    for name in DATA:
        with pytest.raises(Malformed, match=f"it lacks '{name}'"):
            from_data(Everything, {n: v for n, v in DATA.items() if n != name}, "it")
    with pytest.raises(Malformed, match="it has an unknown field 'more'"):
        from_data(Everything, DATA | {"more": 1}, "it")
    for data in (None, [], "x", 1):
        with pytest.raises(Malformed, match="it is not an object"):
            from_data(Everything, data, "it")
    short = {n: v for n, v in DATA.items() if n != "last"}
    assert from_data(Everything, short, "it", defaults=True) == RECORD
    with pytest.raises(Malformed, match="it lacks 'text'"):
        from_data(Everything, {n: v for n, v in short.items() if n != "text"}, "it", defaults=True)
