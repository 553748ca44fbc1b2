"""What a package says beside its program is the checkpoint's: what ends an answer, the chat template, the
tokenizer. No proof depends on it, nor does an identity that was told before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from testkit.llamas import MODELS, SHAPE
from zkllm.errors import PackageError
from zkllm.model.audit import check_package
from zkllm.model.build import build_package
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.conversation import Conversation
from zkllm.model.package import ModelPackage

pytest.importorskip("transformers")
TEMPLATE = "{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}{{ eos_token }}"
END = SHAPE["eos_token_id"]


@pytest.fixture(scope="module")
def talking(tmp_path_factory: Any) -> Path:
    folder = MODELS["qwen2"].write(tmp_path_factory.mktemp("llama") / "model")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    generation, settings = {"eos_token_id": [END, 7]}, {"eos_token": "<|endoftext|>"}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def package(talking: Path) -> ModelPackage:
    made = build_package(talking, talking.parent / "package")
    assert made.conversation == Conversation((END, 7), TEMPLATE, {"eos_token": "<|endoftext|>"})
    return made


def write(name: str, data: Any) -> Callable[[Path], None]:
    def written(folder: Path) -> None:
        (folder / name).write_text(data if isinstance(data, str) else json.dumps(data))

    return written


def swapped(folder: Path) -> None:
    """Two tokens have one another's ids: as many of them, and the same ones."""
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text())
    vocabulary = data["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    path.write_text(json.dumps(data, ensure_ascii=False))


def split_otherwise(folder: Path) -> None:
    """The same tokens, but text is not cut into words before."""
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text())
    data["pre_tokenizer"]["use_regex"] = False
    path.write_text(json.dumps(data, ensure_ascii=False))


ENDS, TALK, TOKENIZER = "what ends an answer", "the chat template", "the tokenizer"
NAMES = "what the chat template calls by name"
OTHERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "another model's ends": (ENDS, write("generation_config.json", {"eos_token_id": [5]})),
    "one end fewer": (ENDS, write("generation_config.json", {"eos_token_id": END})),
    "one end more": (ENDS, write("generation_config.json", {"eos_token_id": [END, 7, 8]})),
    "another template": (TALK, write("chat_template.jinja", TEMPLATE.replace(":", ": "))),
    "no template": (TALK, lambda folder: (folder / "chat_template.jinja").unlink()),
    "another token by its name": (NAMES, write("tokenizer_config.json", {"bos_token": "<|endoftext|>"})),
    "two ids exchanged": (TOKENIZER, swapped),
    "text is split otherwise": (TOKENIZER, split_otherwise),
}  # fmt: skip
"""Checkpoints of the same weights."""


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_another_model_s_is_refused_by_name(
    name: str, talking: Path, package: ModelPackage, tmp_path: Path
) -> None:
    words, change = OTHERS[name]
    other = Path(shutil.copytree(talking, tmp_path / "other"))
    change(other)
    checkpoint = load_checkpoint(other)
    with pytest.raises(PackageError, match=f"package: {words} is not the checkpoint's$"):
        check_package(package, checkpoint)


def test_a_package_that_says_nothing_beside_its_program_is_accepted(
    talking: Path, package: ModelPackage
) -> None:
    """As earlier versions made them; one that says a part of it was made otherwise."""
    checkpoint, said = load_checkpoint(talking), package.conversation
    check_package(package, checkpoint)
    check_package(replace(package, conversation=Conversation()), checkpoint)
    for field in fields(Conversation):
        part = replace(said, **{field.name: getattr(Conversation(), field.name)})
        with pytest.raises(PackageError, match="is not the checkpoint's$"):
            check_package(replace(package, conversation=part), checkpoint)
