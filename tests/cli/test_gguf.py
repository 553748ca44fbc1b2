"""A GGUF file from the command line, in the place of a folder: set up, checked, asked by its template."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zkllm.model.package import ModelPackage

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small GPT-2, in eight bits."""
    pytest.importorskip("gguf")
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from testkit.gguf_files import plain_tokens, write_gguf

    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(5)
    config = transformers.GPT2Config(vocab_size=300, n_positions=24, n_embd=64, n_layer=1, n_head=2)
    model = transformers.GPT2LMHeadModel(config)
    tokens = {**plain_tokens(300), "chat_template": "{{ messages[0].content }}?{{ eos_token }}"}
    return write_gguf(tmp_path / "small.gguf", model, tokens, quantised="Q8_0")


def test_from_the_file_to_a_proof(run: Run, file: Path, tmp_path: Path) -> None:
    package, out = tmp_path / "package", tmp_path / "a.zkllm"
    made = run("setup", file, "--out", package, "--max-tokens", 8, "--json", "--quiet")
    assert made.code == 0, made.err
    assert "note: small.gguf is made into float32 weights" in made.err
    assert run("setup", file, "--out", package, "--check", "--quiet").code == 0
    opened = ModelPackage.load(package)
    assert opened.checkpoint() == str(file) and opened.conversation.ends == (299,)
    data = run("prove", package, "--chat", "hi", "--out", out, "--json").json
    assert data["prompt_ids"] == [*opened.tokenizer.encode("hi?"), 299]
    assert run("verify", out, "--model", package).code == 0
    beside = run("prove", package, "--chat", "hi", "--out", out, "--json", "--float-logits").json["tokens"][0]
    assert abs(beside["float_logit"] - beside["logit"]) < 0.05 * abs(beside["logit"]) + 0.05
    assert run("accuracy", package, "--max-tokens", 240, "--json").json["top1_agreement"] > 0.5
    direct = run("prove", file, "--chat", "hi", "--out", tmp_path / "b.zkllm", "--json")
    assert direct.json["model_id"] == data["model_id"] and direct.json["prompt_ids"] == data["prompt_ids"]


def test_files_that_are_none_are_refused(run: Run, file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUFnonsense")
    out = tmp_path / "package"
    run("setup", bad, "--out", out).failed_in_one_line("bad.gguf: damaged GGUF file")
    bad.rename(tmp_path / "bad.bin")
    refused = run("setup", tmp_path / "bad.bin", "--out", out)
    refused.failed_in_one_line("a file, not a folder (of files, .gguf alone is read)")
    assert not out.exists()
