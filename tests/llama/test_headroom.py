"""Prompts of other kinds than the calibration's stay inside the ranges; one that does not is told at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.models.headroom import measure
from scripts.models.prompts import KINDS, prompts
from testkit.llamas import MODELS
from zkllm.errors import QuantizationRangeError
from zkllm.model.build import build_package
from zkllm.model.execution import generate
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.package import ModelPackage

pytest.importorskip("transformers")
TOKENS = 16


@pytest.fixture(scope="module")
def package(tmp_path_factory: Any) -> ModelPackage:
    folder: Path = MODELS["qwen2"].write(tmp_path_factory.mktemp("llama") / "model")
    return build_package(folder, folder.parent / "package")


def test_prompts_are_of_every_kind(package: ModelPackage) -> None:
    c, found = package.config, Counter[str]()
    special = set()
    for kind, ids in prompts(package.tokenizer, c.vocab_size, 500, TOKENS):
        assert 1 <= len(ids) <= TOKENS and all(0 <= i < c.vocab_size for i in ids)
        found[kind] += 1
        special |= set(ids) & package.tokenizer.added_ids
    assert set(found) == set(KINDS) and min(found.values()) == 100
    assert special == package.tokenizer.added_ids


def test_a_thousand_prompts_of_other_kinds_stay_inside(package: ModelPackage) -> None:
    found = measure(package, 1000, TOKENS)
    assert found.left == [] and sum(found.kinds.values()) == 1000
    nearest = {row.tensor: row.headroom_bits for row in found.rows}
    assert min(bits for tensor, bits in nearest.items() if tensor != "y") > 0.2


def test_what_leaves_a_range_is_counted_and_told_before_proving(package: ModelPackage) -> None:
    model = package.weights
    assert isinstance(model, LlamaModel)
    narrow = replace(model, config=replace(model.config, write_bits=12))
    found = measure(replace(package, weights=narrow), 10, TOKENS)
    assert len(found.left) == 10 and all("write" in text for _, text in found.left)
    with pytest.raises(
        QuantizationRangeError, match=r"write\[\d+\]: value .* leaves its range .*recalibrate"
    ):
        generate(narrow, [5, 9, 3], 1, TOKENS)
