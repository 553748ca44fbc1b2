"""Vocabularies that cannot write English, as of proteins, chess or music: from the folder to the answer."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from testkit.checkpoints import write_checkpoint
from tests.cli.conftest import Run
from zkllm.errors import ZkllmWarning
from zkllm.model.accuracy import measure_accuracy
from zkllm.model.build import BuildOptions, build_package

pytestmark = pytest.mark.slow

ACIDS = "ACDEFGHIKLMNPQRSTVWY"
TEXT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n" * 8
END = "<|endoftext|>"


@pytest.fixture(scope="module")
def protein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Letters, a line's end, a few pairs, and the token that GPT2Tokenizer takes for granted."""
    pairs = ["MK", "LL", "GL", "SF", "AK"]
    vocabulary = {token: i for i, token in enumerate([END, "\u010a", *ACIDS, *pairs])}
    place = tmp_path_factory.mktemp("protein") / "protein"
    folder = write_checkpoint(place, layers=1, heads=2, width=16, vocab_size=len(vocabulary))
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in pairs))
    return folder


@pytest.mark.long
def test_a_model_of_proteins_is_set_up_and_measured(protein: Path, tmp_path: Path, run: Run) -> None:
    pytest.importorskip("torch"), pytest.importorskip("transformers")
    package = tmp_path / "package"
    made = run("setup", protein, "--out", package, "--max-tokens", 6, "--json", "--quiet")
    assert made.code == 0 and made.json["ok"], made.err
    assert "note: the vocabulary cannot write English: calibrating on random ids alone" in made.err
    measured = run("accuracy", package, "--max-tokens", 480, "--json")
    assert measured.json["measured_on"].startswith("random ids") and measured.json["tokens"] == 480
    assert measured.json["top1_agreement"] > 0.9
    assert measured.json["kl_mean"] > 0 and measured.json["perplexity"]["program"] > 1
    rounding = measured.json["costs"]["rounding"]
    assert rounding[0]["kl"] >= rounding[1]["kl"] > 0 and measured.json["costs"]["tokens"] >= 128
    text = tmp_path / "proteins.txt"
    text.write_text(TEXT)
    again = run("accuracy", package, "--text", text, "--costs", 0, "--json").json
    assert again["measured_on"] == "the given text" and not again["costs"]["rounding"]
    text.write_text("Once upon a time")
    run("accuracy", package, "--text", text).failed_in_one_line("text to measure on", "cannot write")
    run("prove", package, "--prompt", "Once", "--out", text).failed_in_one_line(
        "cannot write the text: 'Once'"
    )


@pytest.mark.long
def test_the_calibration_text_is_kept_for_the_measure(protein: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch"), pytest.importorskip("transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        package = build_package(protein, tmp_path, BuildOptions(calibration=TEXT))
    assert package.calibration_text() == TEXT
    measured = measure_accuracy(package)
    assert measured.measured_on == "the calibration text" and measured.agreement > 0.9
    with pytest.warns(ZkllmWarning, match="random ids"):
        package = build_package(protein, tmp_path)
    assert package.calibration_text() is None


@pytest.mark.parametrize(
    "text, words",
    [("", "calibration text is empty"), (" \n\t", "calibration text is empty"),
     ("MKTA", "calibration text has 3 tokens; give at least 24"),
     ("Once upon a time there was", "the calibration text is none of this model")],
)  # fmt: skip
def test_useless_calibration_texts_are_refused_before_anything_is_touched(
    protein: Path, tmp_path: Path, run: Run, text: str, words: str
) -> None:
    file, package = tmp_path / "text.txt", tmp_path / "package"
    file.write_text(text)
    package.mkdir()
    (package / "manifest.json").write_text("kept")
    run("setup", protein, "--out", package, "--calibration", file).failed_in_one_line(words)
    assert [p.name for p in package.iterdir()] == ["manifest.json"]
