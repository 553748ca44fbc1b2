"""A small random checkpoint of awkward shape, as an ordinary Hugging Face folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from zkllm.model.tokenizer import byte_alphabet


def tokenizer_definition(vocab_size: int) -> str:
    """Byte-level BPE: 256 bytes, merges of doubled letters, and one special token."""
    vocab = {c: i for i, c in enumerate(sorted(byte_alphabet()))}
    merges = []
    letters = [a + b for a in "abcdefghijklmnopqrstuvwxyz" for b in "etaoin"]
    for pair in letters[: vocab_size - 257]:
        merges.append(f"{pair[0]} {pair[1]}")
        vocab[pair] = len(vocab)
    end = {"id": len(vocab), "content": "<|endoftext|>", "special": True, "single_word": False,
           "lstrip": False, "rstrip": False, "normalized": False}  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "vocab": vocab, "merges": merges}  # fmt: skip
    data = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [end], "normalizer": None,
            "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model}  # fmt: skip
    return json.dumps(data, ensure_ascii=False)


def write_checkpoint(
    folder: Path, *, layers: int = 2, heads: int = 5, width: int = 40, vocab_size: int = 301, n_ctx: int = 24
) -> Path:
    """2 layers, 5 heads, width 40, feed-forward 160, 301 tokens, unless told otherwise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)

    def normal(spread: float, *shape: int) -> np.ndarray:
        return np.asarray(rng.normal(0, spread, shape), dtype=np.float32)

    weight = lambda *shape: normal(0.3 / shape[0] ** 0.5, *shape)
    small = lambda size: normal(0.02, size)
    norm = lambda: (1 + small(width), small(width))
    tensors = {"wte.weight": weight(vocab_size, width) * 8, "wpe.weight": weight(n_ctx, width) * 2}
    tensors["ln_f.weight"], tensors["ln_f.bias"] = norm()
    for l in range(layers):
        for name in ("ln_1", "ln_2"):
            tensors[f"h.{l}.{name}.weight"], tensors[f"h.{l}.{name}.bias"] = norm()
        sizes = {
            "attn.c_attn": (width, 3 * width),
            "attn.c_proj": (width, width),
            "mlp.c_fc": (width, 4 * width),
            "mlp.c_proj": (4 * width, width),
        }
        for name, (rows, columns) in sizes.items():
            tensors[f"h.{l}.{name}.weight"] = 2 * weight(rows, columns)
            tensors[f"h.{l}.{name}.bias"] = small(columns)
    save_file({f"transformer.{k}": v for k, v in tensors.items()}, folder / "model.safetensors")
    config = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": layers, "n_head": heads,
        "n_embd": width, "n_positions": n_ctx, "n_ctx": n_ctx, "vocab_size": vocab_size,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": vocab_size - 1,
        "eos_token_id": vocab_size - 1,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer_definition(vocab_size), encoding="utf-8")
    return folder
