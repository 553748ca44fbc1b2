"""The families of models that are proved: whose configuration it is, and what it makes a description of.

A family has a folder of its own (`zkllm/gpt2/`, `zkllm/llama/`); nothing of the protocol knows one.
"""

from __future__ import annotations

from zkllm.files import JsonObject
from zkllm.gpt2 import description as gpt2
from zkllm.gpt2.config import ProgramConfig
from zkllm.llama import description as llama
from zkllm.llama.config import LlamaConfig
from zkllm.ops.attention import TRIANGULAR_ROWS
from zkllm.protocol import description
from zkllm.protocol.description import Description, Program
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.shape import Shape

Config = ProgramConfig | LlamaConfig


def program(c: Config, rows: int, certified: int, triangular_from: int = TRIANGULAR_ROWS) -> Program:
    """Of a shape. `triangular_from`: rows from which scores are triangular; another than a verifier's for
    tests alone."""
    triangular = rows >= triangular_from
    if isinstance(c, LlamaConfig):
        return Program(llama.axes(c, rows, certified), llama.operations(c, rows, triangular), llama.points(c))
    return Program(gpt2.axes(c, rows, certified), gpt2.operations(c, triangular), gpt2.POINTS)


def describe(
    c: Config, rows: int, certified: int, sealed: bool = False, triangular_from: int = TRIANGULAR_ROWS
) -> Description:
    """What is proved of a model in one circuit. Raises ValueError unless 1 <= k <= N <= n_ctx."""
    shape = Shape(c, rows, certified, sealed)
    return Description(shape, program(c, rows, certified, triangular_from))


def declared(c: Config, rows: int, certified: int) -> Manifest:
    """The tensors alone, and the arrays that they are made from."""
    return description.declared(Shape(c, rows, certified), program(c, rows, certified))


def config_of(data: JsonObject) -> Config:
    """The configuration that this is the data of; Malformed where it is none. GPT-2's name no family."""
    if isinstance(data, dict) and "family" in data:
        return LlamaConfig.from_dict(data)
    return ProgramConfig.from_dict(data)
