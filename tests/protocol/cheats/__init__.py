"""The tamper suite's table: what is changed, by which cheating prover, and which check must fire."""

from .attention import ATTENTION
from .base import Cheat, bent_ids, resolve, switches
from .head import HEAD
from .layers import EMBEDDING, LAYERNORM, LINEAR
from .outside import LOOKUPS, MODELS, STATEMENTS

CHEATS = [*EMBEDDING, *LAYERNORM, *LINEAR, *ATTENTION, *HEAD, *LOOKUPS, *MODELS, *STATEMENTS]

__all__ = ["CHEATS", "Cheat", "bent_ids", "resolve", "switches"]
