"""What the families' models are made of: a configuration, tables, scales, and the quantised model of them."""

from __future__ import annotations

from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.weights import LlamaModel, LlamaTables
from zkllm.model.quantize import Scales
from zkllm.model.weights import QuantizedModel, TableSpec

Model = QuantizedModel | LlamaModel
Tables = TableSpec | LlamaTables
AnyScales = Scales | LlamaScales
