"""Parties that do something else at one point: another message, false advice, a challenge known beforehand.

Everything is by number, in the order in which the text asks for it, so that a test can go through all
messages and all challenges of a run without a list of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zkllm._native import poseidon2_permute
from zkllm.field import Fr, R
from zkllm.protocol.party import Party, Prover, Verifier

Say = Callable[[int], int]


@dataclass(frozen=True)
class Lies:
    """What becomes of what is honest: of messages and advice; and draws that are constants instead."""

    messages: Mapping[int, Say] = field(default_factory=dict)
    advice: Mapping[int, int] = field(default_factory=dict)
    known: Mapping[int, int] = field(default_factory=dict)


HONEST = Lies()


def say(value: int) -> Say:
    return lambda honest: value


class Lying(Party):
    """Follows its lies, and writes down the challenges."""

    lies: Lies = HONEST
    lied_in = ""  # the section that a message's lie belongs to

    def follow(self, lies: Lies) -> None:
        self.lies, self.drawn, self.advised = lies, list[int](), 0
        # the permutation's slow twin, which the sponge has by default, is what the circuits are solved with
        self.sponge.permute = lambda state: [Fr(x) for x in poseidon2_permute([int(x) for x in state])]

    def challenge(self) -> Any:
        value = super().challenge()
        value = Fr(self.lies.known.get(len(self.drawn), int(value)))
        self.drawn.append(int(value))
        return value

    def advice(self, compute: Callable[[], int]) -> Any:
        self.advised += 1
        lie = self.lies.advice.get(self.advised - 1)
        return super().advice(compute if lie is None else lambda: lie % R)


class LyingProver(Lying, Prover):
    def send(self, compute: Callable[[], Any]) -> Any:
        lie = self.lies.messages.get(len(self.messages))
        if lie is None:
            return super().send(compute)
        self.lied_in = self.section
        return super().send(lambda: lie(int(compute())))


class LyingVerifier(Lying, Verifier):
    """Takes part in false advice and known challenges, where a test gives both sides the same."""
