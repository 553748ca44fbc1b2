"""A statement as the circuit's prover gives it, decomposed, told to interpreted verifier and circuit.

Only the text's part on the statement is run, so that a test can tell many lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE
from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.tiny import tiny_model
from zkllm.outer.builder import CircuitBuilder
from zkllm.outer.compile import compile_circuit
from zkllm.outer.rows import Circuit
from zkllm.outer.setup import circuit_kernel
from zkllm.protocol.party import CircuitParty
from zkllm.protocol.program import InnerStatement
from zkllm.protocol.public import bind_statement

from .lying import Lies, LyingVerifier


@cache
def vocabulary() -> ProgramConfig:
    """Seven ids in three slots of three: the last one holds a sole id."""
    sizes = dict(n_layer=1, n_head=1, head_dim=2, d_inner=2, vocab_size=7, vocab_slots=3, n_ctx=64, mu=8)
    return tiny_model(1, **sizes).config


def of_size(vocab_size: int) -> ProgramConfig:
    """As many ids in three slots. A configuration alone: such a model is not small."""
    return replace(vocabulary(), vocab_size=vocab_size, mu=24)


protocol = cache(describe)


@cache
def circuit(config: ProgramConfig, rows: int, certified: int, sealed: bool) -> Circuit:
    builder, described = CircuitBuilder(), protocol(config, rows, certified, sealed)
    shape = described.shape
    words = [builder.public(f"word{i}") for i in range(shape.num_words)]
    party = CircuitParty(described, builder, builder.constant(1))
    bind_statement(party, shape, words, None, None)
    return compile_circuit(builder)


def decomposition(c: ProgramConfig, token: int) -> list[int]:
    """An id's slot as a one-hot, and the bits of its index there."""
    slot, index = divmod(token, c.vocab_block)
    width = (c.vocab_block - 1).bit_length()
    return [int(s == slot) for s in range(c.vocab_slots)] + [index >> width - 1 - i & 1 for i in range(width)]


@dataclass(frozen=True)
class Places:
    """Where things are in the advice of a shape: ids, T, certified ids, and of a sealed prompt the salt."""

    config: ProgramConfig
    rows: int
    certified: int

    @property
    def size(self) -> int:
        return len(decomposition(self.config, 0))

    @property
    def length(self) -> int:
        """Of T's one-hot."""
        return (self.rows + 1) * self.size

    def token(self, j: int) -> int:
        """Of x_j."""
        return j * self.size

    def certified_token(self, i: int) -> int:
        return self.length + self.rows + 1 - self.certified + i * self.size

    @property
    def salt(self) -> int:
        return self.certified_token(self.certified)


@dataclass(frozen=True)
class Told:
    """A statement of a vocabulary, by default the small one, true or not."""

    rows: int
    certified: int
    T: int
    ids: Sequence[int]
    config: ProgramConfig = field(default_factory=vocabulary)
    salt: int | None = None  # of a sealed prompt

    @property
    def sealed(self) -> bool:
        return self.salt is not None

    @property
    def clear(self) -> InnerStatement:
        return InnerStatement(self.T, self.ids, self.salt)

    @property
    def places(self) -> Places:
        return Places(self.config, self.rows, self.certified)

    @cached_property
    def advice(self) -> list[int]:
        """The honest decomposition."""
        c, k = self.config, self.certified
        tokens = [x for token in self.ids for x in decomposition(c, token)]
        hot = [int(t == self.T) for t in range(k, self.rows + 1)]
        answer = self.ids[self.T - k + 1 : self.T + 1]
        certified = [x for token in answer for x in decomposition(c, token)]
        return [*tokens, *hot, *certified, *([] if self.salt is None else [self.salt])]

    @cached_property
    def words(self) -> list[int]:
        return self.clear.words(protocol(self.config, self.rows, self.certified, self.sealed).shape)

    def refused(
        self, lies: Mapping[int, Sequence[int]] | None = None, words: Sequence[int] | None = None
    ) -> set[str]:
        """What fires, for both alike, with the advice replaced from some places on."""
        words, advice = list(self.words if words is None else words), list(self.advice)
        for at, values in (lies or {}).items():
            advice[at : at + len(values)] = values
        assert len(advice) == len(self.advice)
        shape = (self.config, self.rows, self.certified, self.sealed)
        verifier = LyingVerifier(protocol(*shape), 1, [])
        verifier.follow(Lies(advice=dict(enumerate(advice))))
        bind_statement(verifier, verifier.protocol.shape, words, self.T, self.ids, self.salt)
        built = circuit(*shape)
        values = circuit_kernel(built, NAIVE).solve(words, [*advice, *NO_WIRES])
        unsatisfied = set(built.unsatisfied(words, values))
        assert unsatisfied == set(verifier.failed), "the circuit refuses for the same reason"
        return unsatisfied
