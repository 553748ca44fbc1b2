"""Prompts of other kinds than a calibration's: code, languages, single tokens over and over, special tokens,
random ids. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator

from scripts import ROOT
from zkllm.errors import TokenizerError
from zkllm.model.tokenizer import ByteLevelTokenizer

CODE = ("zkllm/protocol/sumcheck.py", "native/src/lib.rs", "contracts/src/ZkLLMSettlement.sol",
        "pyproject.toml", "Makefile", "docs/protocol.md")  # fmt: skip
"""Files of this repository; those that are there."""
LANGUAGES = (
    "Gestern regnete es den ganzen Tag, und niemand wollte das Haus verlassen.",
    "Le boulanger ouvre sa porte à six heures, avant que la rue ne s'éveille.",
    "El río creció tanto que cubrió el puente viejo y la mitad del mercado.",
    "Зимой озеро замерзает, и дети катаются на коньках до самого вечера.",
    "昨天下午我们在图书馆里读了很久的书，然后一起去吃面条。",
    "きのうは友だちと山に登りましたが、雨が降ってきて早く帰りました。",
    "في الصباح يشرب الناس القهوة في السوق ويتحدثون عن الأخبار.",
    "कल बाज़ार में बहुत भीड़ थी, इसलिए हम जल्दी घर लौट आए।",
    "어제는 비가 와서 하루 종일 집에서 책을 읽었습니다.",
    "Kesällä yöt ovat valoisia ja lapset leikkivät ulkona myöhään.",
)
KINDS = ("code", "languages", "repeated", "special", "random")


def prompts(
    tokenizer: ByteLevelTokenizer, vocab_size: int, count: int, length: int, seed: int = 5
) -> Iterator[tuple[str, list[int]]]:
    """(kind, ids of 1 to `length` tokens), the kinds in turn; one that the vocabulary cannot write is left
    out."""
    generator = random.Random(seed)
    texts = {"code": _written(tokenizer, _code()), "languages": _written(tokenizer, LANGUAGES)}
    special = sorted(tokenizer.added_ids) or [vocab_size - 1]
    for i in range(count):
        kind, size = KINDS[i % len(KINDS)], generator.randrange(1, length + 1)
        if kind in texts:
            if texts[kind]:
                ids = generator.choice(texts[kind])
                start = generator.randrange(max(1, len(ids) - size + 1))
                yield kind, ids[start : start + size]
        elif kind == "repeated":
            period = [generator.randrange(vocab_size) for _ in range(generator.choice((1, 1, 2, 3)))]
            yield kind, (period * size)[:size]
        elif kind == "special":  # all of them come up, alone and mixed
            first = i // len(KINDS) % len(special)
            mixed = [generator.choice(special) for _ in range(size)]
            yield kind, [special[first]] * size if i % 2 else [special[first], *mixed][:size]
        else:
            yield kind, [generator.randrange(vocab_size) for _ in range(size)]


def _code() -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for name in CODE if (path := ROOT / name).is_file())


def _written(tokenizer: ByteLevelTokenizer, texts: tuple[str, ...]) -> list[list[int]]:
    found = []
    for text in texts:
        try:
            found.append(tokenizer.encode(text))
        except TokenizerError:
            continue
    return found
