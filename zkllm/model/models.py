"""The quantised models of all families."""

from __future__ import annotations

from zkllm.model.llama.weights import LlamaModel
from zkllm.model.weights import QuantizedModel

Model = QuantizedModel | LlamaModel
