"""The tensors of a GGUF file under the names, and in the layout, of a Hugging Face folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject
from zkllm.model.gguf_config import FACTORS, Shapes
from zkllm.model.gguf_file import GgufFile

_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
_GEMMA2 = {**_LAYER, "ffn_norm": "pre_feedforward_layernorm",
           "post_attention_norm": "post_attention_layernorm",
           "post_ffw_norm": "post_feedforward_layernorm"}  # fmt: skip
_PHI3 = {**_LAYER, "attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"}
_NEOX_TOP = {"token_embd": "gpt_neox.embed_in", "output_norm": "gpt_neox.final_layer_norm",
             "output": "embed_out"}  # fmt: skip
_NEOX_LAYER = {
    "attn_norm": "input_layernorm", "attn_qkv": "attention.query_key_value",
    "attn_output": "attention.dense", "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h",
}  # fmt: skip
_GPT2_TOP = {"token_embd": "transformer.wte", "position_embd": "transformer.wpe",
             "output_norm": "transformer.ln_f", "output": "lm_head"}  # fmt: skip
_GPT2_LAYER = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj",
               "ffn_norm": "ln_2", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}  # fmt: skip
_NAMES = {
    "gpt2": (_GPT2_TOP, _GPT2_LAYER, "transformer.h"),
    "gpt_neox": (_NEOX_TOP, _NEOX_LAYER, "gpt_neox.layers"),
    "phi3": (_TOP, _PHI3, "model.layers"),
    **dict.fromkeys(("gemma2", "gemma3_text"), (_TOP, _GEMMA2, "model.layers")),
}
"""Of the tensors outside of layers and in them, and where layers are; of other kinds a Llama's."""
_RAISED = ("gemma", "gemma2", "gemma3_text")
_IN_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")
_AT_TOP = re.compile(r"(\w+)\.(weight|bias)")


@dataclass(frozen=True)
class Tensor:
    """Where a tensor comes from, and what llama.cpp did to it."""

    source: str
    shape: tuple[int, ...]  # as it is to be
    transposed: bool = False
    heads: int = 0  # whose rotated features lie as neighbours, not as halves; 0: as they are
    raised: bool = False  # by 1
    together: int = 0  # heads whose queries, keys and values are to lie together; 0: as they are

    def blocks(self, file: GgufFile) -> Iterable[np.ndarray]:
        if self.transposed:
            return [file.whole(self.source).T]
        if self.heads:
            return [halves(file.whole(self.source), self.heads)]
        if self.together:
            return [by_head(file.whole(self.source), self.together)]
        if self.raised:
            return (block - np.float32(1) for block in file.blocks(self.source))
        return file.blocks(self.source)


def halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head (0, h, 1, h + 1, ..), h half of its size, in the order 0, 1, .."""
    pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def by_head(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of all queries, all keys, all values, head by head: its query, key and value."""
    parts = rows.reshape(3, heads, -1, *rows.shape[1:])
    return parts.swapaxes(0, 1).reshape(rows.shape)


def tensors_of(config: JsonObject, shapes: Shapes, source: str) -> dict[str, Tensor]:
    """Name in the folder -> tensor. One that is not known is refused by name."""
    found = {}
    for name, shape in shapes.items():
        if name in FACTORS:
            continue  # the configuration has them
        target = _target(name, config["model_type"])
        if target is None:
            raise CheckpointError(f"{source}: tensor {name[:80]} is none of a {config['model_type']}")
        found[target] = _tensor(name, shape, config, source)
    return found


def _target(name: str, kind: str) -> str | None:
    top, layer, prefix = _NAMES.get(kind, (_TOP, _LAYER, "model.layers"))
    if match := _IN_LAYER.fullmatch(name):
        part = layer.get(match[2])
        return part and f"{prefix}.{match[1]}.{part}.{match[3]}"
    match = _AT_TOP.fullmatch(name)
    part = match and top.get(match[1])
    return f"{part}.{match[2]}" if match and part else None


def _tensor(name: str, shape: tuple[int, ...], config: JsonObject, source: str) -> Tensor:
    kind, matrix = config["model_type"], len(shape) == 2
    if kind == "gpt2" and matrix and re.search(r"\.(attn_qkv|attn_output|ffn_up|ffn_down)\.", name):
        return Tensor(name, shape[::-1], transposed=True)
    if kind == "llama" and (part := re.search(r"\.attn_([qk])\.", name)):
        heads = config["num_attention_heads" if part[1] == "q" else "num_key_value_heads"]
        return Tensor(name, shape, heads=heads)
    if kind == "gpt_neox" and ".attn_qkv." in name:
        heads = config["num_attention_heads"]
        if shape[0] != 3 * config["hidden_size"]:
            raise CheckpointError(f"{source}: tensor {name} has {shape[0]} rows, which are not three widths")
        return Tensor(name, shape, together=heads)
    return Tensor(name, shape, raised=kind in _RAISED and "norm" in name)


def streams(tensors: dict[str, Tensor], file: GgufFile) -> Iterator[tuple[str, Iterable[np.ndarray]]]:
    """For `write_float32`."""
    for name, tensor in tensors.items():
        yield name, tensor.blocks(file)
