"""SmolLM2-135M-Instruct, where its file is at hand (python -m scripts.models.published smollm2): how close
the program is to the float model, and that a thousand prompts of other kinds stay inside its ranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import BUILD, ROOT
from scripts.models.headroom import measure
from scripts.models.published import MODELS
from zkllm.model.build import build_package
from zkllm.model.package import ModelPackage

pytestmark = pytest.mark.long
FILE = BUILD / "published" / MODELS["smollm2"].file
TEXTS = ("docs/security.md", "docs/settlement.md")


@pytest.fixture(scope="module")
def package(tmp_path_factory: Any) -> ModelPackage:
    pytest.importorskip("gguf"), pytest.importorskip("transformers")
    if not FILE.is_file():
        pytest.skip(f"{FILE} was not fetched")
    folder: Path = tmp_path_factory.mktemp("smollm2")
    return build_package(FILE, folder / "package")


def test_the_program_is_close_to_the_float_model(package: ModelPackage) -> None:
    from zkllm.model.accuracy import measure_accuracy

    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in TEXTS)
    report = measure_accuracy(package, text=text, max_tokens=4096)
    assert report.tokens >= 4000 and report.agreement >= 0.993
    exact, program = report.perplexities or (1.0, 0.0)
    assert abs(program / exact - 1) < 0.005
    assert report.cosine_min[-1] >= 0.9997


def test_a_thousand_prompts_of_other_kinds_stay_inside(package: ModelPackage) -> None:
    found = measure(package, 1000, 16)
    assert found.left == [] and sum(found.kinds.values()) > 900
