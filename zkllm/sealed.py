"""Sealed prompts: what stands for a prompt in public, so that only who knows its salt can tell which it is.

P is lane 0 of a Poseidon2 sponge, state (0, 0, 0, IV) at first, that has absorbed the salt and then the words
of m, x_0, .., x_(m-1): the number of ids, and the ids. It depends neither on a shape nor on the answer, so
who asks computes it. docs/protocol.md, 1; the circuit's twin is in `zkllm.protocol.public`. Pure Python.
"""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.errors import StatementError
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.poseidon2 import RATE, permute
from zkllm.statement import claim_id, num_limb_words, pack_limbs, prompt_digest, sealed_claim_id

IV = int.from_bytes(keccak256(b"zkllm.v2.sealed prompt"), "big") >> 8


def num_blocks(length: int) -> int:
    """Permutations that absorb a salt and a prompt of so many ids, three elements each."""
    return -(-(1 + num_limb_words(1 + length)) // RATE)


def seal(salt: int, prompt: Sequence[int]) -> int:
    """P, below r."""
    if not 0 <= salt < R:
        raise StatementError("a prompt's salt must be below r")
    if not prompt:
        raise StatementError("a prompt has at least one id")
    absorbed = [salt, *pack_limbs([len(prompt), *prompt])]
    state = [0, 0, 0, IV]
    for start in range(0, len(absorbed), RATE):
        for lane, x in enumerate(absorbed[start : start + RATE]):
            state[lane] = (state[lane] + x) % R
        state = permute(state)
    return state[0]


def question_id(model_id: bytes, k: int, prompt: Sequence[int], salt: int | None) -> bytes:
    """Id of the claim about what the model answers to a prompt, which is sealed where there is a salt."""
    if salt is None:
        return claim_id(model_id, k, prompt_digest(prompt))
    return sealed_claim_id(model_id, k, seal(salt, prompt))
