"""What a circuit is made for: a family's configuration, N rows, k certified tokens, and prompts that are
sealed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..statement import num_words


@dataclass(frozen=True)
class Vocabulary:
    """Token ids in slots, since packed coefficients hold one row of each: id = slot * block + index."""

    size: int
    slots: int
    pad_id: int  # every id after x_T

    @property
    def block(self) -> int:
        """J: real ids in a slot; the last one may hold fewer."""
        return -(-self.size // self.slots)

    @property
    def last_block(self) -> int:
        """Real ids in the last slot."""
        return self.size - (self.slots - 1) * self.block


class Config(Protocol):
    """What is asked of a family's configuration."""

    @property
    def mu(self) -> int:
        """log2 of the coefficients that the opening sees in every column."""

    @property
    def fixed_mu(self) -> int:
        """log2 of those that tensors of a fixed column may fill, at most mu."""

    @property
    def witness_mu(self) -> int:
        """The same of a witness column, below mu: what hides it lies above (`masks.py`)."""

    @property
    def hidden(self) -> bool:
        """Whether the fixed columns are masked too, but for those of lookup tables, which are apart."""

    @property
    def limb_bits(self) -> int:
        """The widest range table."""

    @property
    def n_ctx(self) -> int: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    def to_dict(self) -> dict[str, object]:
        """All that fixes the program: every size, scale and width."""


@dataclass(frozen=True)
class Shape:
    """One circuit: the program, N rows, k certified tokens, and whether the prompt is sealed."""

    config: Config
    rows: int
    certified: int
    sealed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.certified <= self.rows <= self.config.n_ctx:
            raise ValueError(
                f"shape: need 1 <= k <= N <= n_ctx, got k {self.certified}, N {self.rows}, "
                f"n_ctx {self.config.n_ctx}"
            )

    @property
    def num_words(self) -> int:
        """Words of a statement."""
        return num_words(self.rows, self.certified, self.sealed)
