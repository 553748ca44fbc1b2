"""IgLM, a published language model of antibodies (GPT-2's architecture, 12.9 million parameters, an alphabet
of 33 tokens), as a folder that zkllm takes, with a text of its kind to calibrate on.

    python -m scripts.models.iglm [--out build/published/iglm]

Prints the folder. The weights come from the PyPI package `iglm`, whose licence is for non-commercial use: its
files are read as data, nothing of theirs is run. They are pickled: torch reads them, with weights_only. The
calibration text, calibration.txt, is what the float model itself says: sequences drawn from it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from scripts import BUILD
from scripts.models.published import Refused, Wheel, copy_member, fetch_wheel
from zkllm.cli.console import Progress
from zkllm.errors import ResourceError, reason
from zkllm.files import require_room

_FOLDER = "iglm/trained_models"
WHEEL = Wheel(
    "iglm", "0.1.0", "6bb7b65c531583b10d3723dbfbc06e95b2cb30e3cc8cbf2fbc7eb22945e1c2be",
    f"{_FOLDER}/IgLM/pytorch_model.bin", 52_630_091,
)  # fmt: skip
CONFIG, VOCABULARY = f"{_FOLDER}/IgLM/config.json", f"{_FOLDER}/vocab.txt"
INERT = ("bos_token_id", "eos_token_id")
"""Left from the configuration that it began as: ids beyond the vocabulary. Sequences end with [CLS]."""
PAD, END = "[PAD]", "[CLS]"
CHAINS, SPECIES = ("[HEAVY]", "[LIGHT]"), ("[HUMAN]", "[MOUSE]", "[CAMEL]", "[RABBIT]", "[RAT]", "[RHESUS]")
DRAWN, LONGEST, SEED = 4, 150, 1
"""Sequences of each chain and species, and their most tokens."""


def make_folder(out: Path, progress: Progress) -> Path:
    """The folder, made where it is not there; it appears complete or not at all."""
    if (out / "config.json").is_file():
        return out
    try:
        require_room(out, 4 * WHEEL.size, "IgLM")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as work:
            progress("fetch iglm from PyPI", 0, 2)
            wheel = fetch_wheel(WHEEL, Path(work))
            progress("convert IgLM", 1, 2)
            made = Path(work) / "folder"
            convert(wheel, made)
            shutil.rmtree(out, ignore_errors=True)
            made.rename(out)
    except ResourceError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{out}: cannot be written: {reason(error)}") from None
    progress("convert IgLM", 2, 2)
    return out


def convert(wheel: Path, out: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        config = json.loads(archive.read(CONFIG))
        tokens = archive.read(VOCABULARY).decode().split()
    config |= dict.fromkeys(INERT) | {"pad_token_id": tokens.index(PAD), "eos_token_id": tokens.index(END)}
    model = model_of(config, wheel, out)
    write_tokenizer(out, tokens)
    (out / "calibration.txt").write_text(drawn(model, tokens), encoding="utf-8")


def model_of(config: dict[str, Any], wheel: Path, out: Path) -> Any:
    """transformers' model, which is written to `out`."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.NamedTemporaryFile(dir=out.parent) as file:
        copy_member(wheel, WHEEL, file.write)
        file.flush()
        weights = torch.load(file.name, map_location="cpu", weights_only=True)
    model = GPT2LMHeadModel(GPT2Config(**config))
    missing, others = model.load_state_dict(weights, strict=False)
    masks = [name for name in others if name.endswith((".attn.bias", ".attn.masked_bias"))]
    if missing or len(masks) < len(others):
        named = sorted({*missing, *others} - {*masks})[:3]
        raise Refused(f"{wheel.name}: tensors that are missing or too many: {named}")
    model.eval().save_pretrained(out)
    return model


def write_tokenizer(out: Path, tokens: list[str]) -> None:
    """Each letter is a token, and so is each name in brackets: byte-level BPE without merges."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = [token for token in tokens if len(token) > 1]
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": END}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def drawn(model: Any, tokens: list[str]) -> str:
    """Sequences of every chain and species, as the model draws them with this seed."""
    import torch

    torch.manual_seed(SEED)
    starts = torch.tensor([[tokens.index(chain), tokens.index(s)] for chain in CHAINS for s in SPECIES])
    with torch.inference_mode():
        rows = model.generate(
            starts, attention_mask=torch.ones_like(starts), do_sample=True, top_k=0,
            num_return_sequences=DRAWN, max_length=LONGEST,
        ).tolist()  # fmt: skip
    return "".join("".join(tokens[i] for i in row if tokens[i] != PAD) for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=BUILD / "published" / "iglm", help="the folder")
    given = parser.parse_args()
    progress = Progress()
    try:
        print(make_folder(given.out, progress))
    except Refused as error:
        progress.close()
        print(f"iglm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
