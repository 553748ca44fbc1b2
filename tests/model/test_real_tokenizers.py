"""The tokenizers of published models, where some are on this machine: ZKLLM_TOKENIZERS names a folder of
Hugging Face folders (docs/models.md says where some can be had). Nothing is fetched."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from testkit.published_tokenizers import strings
from zkllm.errors import TokenizerError, ZkllmWarning
from zkllm.limits import MAX_VOCABULARY
from zkllm.model.chat import Messages
from zkllm.model.conversation import load_conversation
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer, named_tokens

PLACE = os.environ.get("ZKLLM_TOKENIZERS")
FOLDERS = sorted(path.parent for path in Path(PLACE).glob("*/tokenizer.json")) if PLACE else []
pytestmark = [
    pytest.mark.filterwarnings("ignore:the model's tokenizer swallows"),
    pytest.mark.long,
    pytest.mark.skipif(not FOLDERS, reason="ZKLLM_TOKENIZERS names no folder"),
]
SIZE = min(MAX_VOCABULARY, 1 << 19)
TALKS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": " Hi there 123"}],
    [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "a"},
     {"role": "assistant", "content": "<think>\nq\n</think>\n\nb"}, {"role": "user", "content": "\u00e9 c"}],
]  # fmt: skip


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def both(request: pytest.FixtureRequest) -> tuple[Path, ByteLevelTokenizer, Any]:
    """AutoTokenizer's beside ours, or what the file alone makes, where that is told."""
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ZkllmWarning)
        ours = load_tokenizer(request.param, SIZE)
    kind = transformers.PreTrainedTokenizerFast if told else transformers.AutoTokenizer
    return request.param, ours, kind.from_pretrained(request.param)


def test_ten_thousand_strings(both: Any) -> None:
    """Those with bytes that a vocabulary lacks, which transformers drops, are refused."""
    _, ours, theirs = both
    texts = [*strings(10_000, 1, list(theirs.added_tokens_encoder)[:300])]
    refused = 0
    for text, expected in zip(texts, theirs(texts).input_ids, strict=True):
        try:
            assert ours.encode(text) == expected, text
        except TokenizerError:
            shown = theirs.decode(theirs(text, add_special_tokens=False).input_ids)
            assert theirs.backend_tokenizer.model.unk_token is None and shown != text, text
            refused += 1
    assert refused < len(texts) / 4


def test_the_bytes_of_every_id(both: Any) -> None:
    _, ours, theirs = both
    backend = theirs.backend_tokenizer
    for i in range(len(theirs)):
        token = backend.id_to_token(i)
        shown = "" if token is None else backend.decoder.decode(["x", token])[1:]
        assert "\ufffd" in shown or shown.encode() == ours.token_bytes[i], (i, token)
    assert not any(ours.token_bytes[len(theirs) :])


def test_chats(both: Any) -> None:
    folder, ours, theirs = both
    assert named_tokens(folder) == theirs.special_tokens_map
    conversation = load_conversation(folder, SIZE)
    if conversation.template is None:
        pytest.skip("no chat template")
    for talk in TALKS:
        expected = theirs.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
        assert conversation.counted(Messages(tuple(talk)), ours)[0] == expected
