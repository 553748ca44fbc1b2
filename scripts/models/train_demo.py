"""Trains the demo checkpoint `models/demo-gpt2`: a very small GPT-2 with a tokenizer of its own.

    pip install 'zkllm[model]'
    python -m scripts.models.train_demo [--out models/demo-gpt2]

A few minutes on two cores, with fixed seeds. Its shapes are deliberately awkward: width, heads,
feed-forward and vocabulary are no powers of two, and the heads are odd. It learns `demo_corpus.txt` by
heart; the script fails when a prompt of `demo_prompts.json` is not completed as it says. The result is an
ordinary Hugging Face folder.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

from scripts import ROOT

CORPUS = Path(__file__).with_name("demo_corpus.txt")
END = "<|endoftext|>"
VOCAB_SIZE, N_CTX = 478, 64
SEED, STEPS, BATCH, PEAK_RATE = 20240607, 3000, 32, 3e-3

PROMPTS: dict[str, str] = json.loads(
    Path(__file__).with_name("demo_prompts.json").read_text(encoding="utf-8")
)


def train_tokenizer(lines: list[str]) -> Tokenizer:
    """Byte-level BPE, as GPT-2's. The prompts are repeated so that their words become single tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    answers = [prompt + answer for prompt, answer in PROMPTS.items()]
    first = answers[0]
    tokenizer.train_from_iterator(lines + 3 * answers + 12 * list(PROMPTS.values()) + 6 * [first], trainer)
    return tokenizer


def batches(tokenizer: Tokenizer, lines: list[str], generator: random.Random) -> Iterator[torch.Tensor]:
    """Rows of N_CTX ids: sentences in random order, so that each is seen alone, first and in the middle."""
    end = tokenizer.token_to_id(END)
    assert end is not None
    encoded = [tokenizer.encode(line).ids for line in lines]
    famous = [i for i, line in enumerate(lines) if any(line.startswith(p) for p in PROMPTS)]
    while True:
        rows = []
        for _ in range(BATCH):
            row: list[int] = []
            while len(row) < N_CTX:
                pick = (
                    generator.choice(famous) if generator.random() < 0.3 else generator.randrange(len(lines))
                )
                row += [*encoded[pick], end]
            rows.append(row[:N_CTX])
        yield torch.tensor(rows)


def train(tokenizer: Tokenizer, lines: list[str]) -> GPT2LMHeadModel:
    torch.manual_seed(SEED)
    end = tokenizer.token_to_id(END)
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_positions=N_CTX, n_embd=48, n_layer=3, n_head=3, n_inner=160,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=STEPS, pct_start=0.1)
    source = batches(tokenizer, lines, random.Random(SEED))
    started = time.time()
    model.train()
    for step in range(1, STEPS + 1):
        ids = next(source)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            print(f"step {step}: loss {loss.item():.4f}, {time.time() - started:.0f} s", flush=True)
    return model.eval()


def check(model: GPT2LMHeadModel, tokenizer: Tokenizer) -> None:
    """Every prompt must be answered by its one expected token."""
    for prompt, answer in PROMPTS.items():
        ids, want = tokenizer.encode(prompt).ids, tokenizer.encode(answer).ids
        with torch.no_grad():
            got = int(model(torch.tensor([ids])).logits[0, -1].argmax())
        if want != [got]:
            raise SystemExit(
                f"{prompt!r}: expected {answer!r} {want}, got {tokenizer.decode([got])!r} [{got}]"
            )
        print(f"{len(ids):3} tokens: {prompt}|{answer}")


def save(model: GPT2LMHeadModel, tokenizer: Tokenizer, out: Path) -> None:
    """config.json, model.safetensors, tokenizer.json, and the settings that AutoTokenizer looks for."""
    model.save_pretrained(out)
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": N_CTX, "add_prefix_space": False}
    settings.update({"bos_token": END, "eos_token": END, "unk_token": END})
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "demo-gpt2")
    out = parser.parse_args().out
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    tokenizer = train_tokenizer(lines)
    model = train(tokenizer, lines)
    check(model, tokenizer)
    save(model, tokenizer, out)
    print(f"wrote {out}: {sum(p.numel() for p in model.parameters())} parameters")


if __name__ == "__main__":
    main()
