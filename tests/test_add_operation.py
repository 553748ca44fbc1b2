"""docs/operations.md, run as it stands: an operation from nothing, proved, and lies about it refused."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"


def blocks() -> list[str]:
    """Each behind as many empty lines as the page has lines before it: errors name the page's line."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    return ["\n" * text.count("\n", 0, block.start(1)) + block[1] for block in found]


@cache
def page() -> dict[str, Any]:
    """What the page's code has defined at its end; its assertions are checked on the way."""
    module = ModuleType("operations_page")
    sys.modules[module.__name__] = module  # where dataclasses look for names
    for block in blocks():
        exec(compile(block, str(PAGE), "exec"), module.__dict__)
    return module.__dict__


def test_the_page_runs_and_asserts(capsys: pytest.CaptureFixture[str]) -> None:
    page.cache_clear()
    page()
    assert re.fullmatch(r"accepted; the circuit has [1-9][\d,]+ rows\n", capsys.readouterr().out)
    assert sum("assert" in block for block in blocks()) == 4


def test_what_the_page_proves_is_a_squared_relu() -> None:
    """By other words than the page's own execution."""
    names = page()
    w, b, execution = names["model"].w, names["model"].b, names["execution"]
    s, square = names["SHIFT"], names["SQUARE_SHIFT"]
    z = np.einsum("ltd,ldj->ltj", execution["x"], w) + b[:, None]
    f = np.floor(z / 2**s + 0.5)
    assert np.array_equal(execution["g"], np.floor(np.where(f > 0, f, 0) ** 2 / 2**square + 0.5))
    assert (f < 0).any() and (execution["g"] > 0).any()


def test_the_new_relation_is_what_refuses_a_wrong_square() -> None:
    """Without it the same lie passes, so nothing else refuses it."""
    from zkllm.protocol.party import Prover, Verifier
    from zkllm.protocol.program import run_inner

    names = page()
    data, off = names["bent"](g=1), frozenset([names["SquaredRelu"].square])
    prover = Prover(names["description"], 7, data, off)
    run_inner(names["description"], prover, *names["statement"])
    verifier = Verifier(names["description"], 7, prover.messages, off)
    run_inner(names["description"], verifier, *names["statement"])
    assert verifier.failed == []
