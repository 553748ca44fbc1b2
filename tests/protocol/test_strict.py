"""A strict prover checks what it computes itself: nothing that would be rejected is handed out."""

from __future__ import annotations

import re

import pytest

from zkllm.errors import ProofError
from zkllm.naive import NAIVE
from zkllm.protocol.data import ProverData
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.program import InnerStatement, run_inner

from .harness import Case, words_of
from .scene import smallest

SEED = 5


def run(case: Case, change: int, strict: bool) -> list[int]:
    """The messages; every maximum of the scores is `change` too large."""
    tensors = case.tensors(case.trace().values)
    tensors["score_max"] = tensors["score_max"] + change
    prover = Prover(
        case.protocol, SEED, ProverData(case.manifest, NAIVE, tensors, case.blinding), strict=strict
    )
    run_inner(case.protocol, prover, words_of(case, case.ids, case.T), InnerStatement(case.T, case.ids))
    return prover.messages


def test_a_strict_prover_names_the_check_that_its_proof_would_fail() -> None:
    case = smallest()
    assert run(case, 0, strict=True) == run(case, 0, strict=False)
    verifier = Verifier(case.protocol, SEED, run(case, 1, strict=False))
    run_inner(case.protocol, verifier, words_of(case, case.ids, case.T), InnerStatement(case.T, case.ids))
    first = verifier.failed[0]
    with pytest.raises(ProofError, match=re.escape(f"{first}: this does not hold")):
        run(case, 1, strict=True)
