"""Only what begins with hf: is ever asked of the hub; a mistyped folder is not."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from zkllm.errors import CheckpointError
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.hub import find_checkpoint

DEMO = Path(__file__).parents[2] / "models" / "demo-gpt2"
NAMES = ("gpt2", "models/demo-gpt2", "build/nothere", "openai-community/gpt2", "./gpt2", "../gpt2", "a/b/c",
         "x y", "", "~/gpt2", "HF:gpt2", "https://huggingface.co/gpt2", "gpt2\0")  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """What is downloaded: (model, revision)."""
    calls: list[tuple[str, str | None]] = []

    def download(repo: str, revision: str | None, allow_patterns: list[str]) -> str:
        calls.append((repo, revision))
        assert "config.json" in allow_patterns and not any(p.endswith(".bin") for p in allow_patterns)
        return str(DEMO)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=download))
    return calls


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_never_a_model_of_the_hub(hub, name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="no such folder") as caught:
        find_checkpoint(name)
    possible = name in ("gpt2", "models/demo-gpt2", "build/nothere", "openai-community/gpt2")
    assert (f"for the hub write hf:{name}" in str(caught.value)) == possible
    assert hub == []


def test_a_folder_is_itself_whatever_its_name(hub, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("gpt2", "openai-community/gpt2", "hf:gpt2"):
        Path(name).mkdir(parents=True)
    assert find_checkpoint("gpt2") == Path("gpt2")
    assert find_checkpoint("openai-community/gpt2") == Path("openai-community/gpt2")
    assert find_checkpoint(find_checkpoint("./hf:gpt2")) == Path("hf:gpt2").absolute() and hub == []
    assert find_checkpoint("hf:gpt2") == DEMO, "the prefix means the hub"


def test_a_model_of_the_hub_is_downloaded(hub) -> None:
    assert load_checkpoint("hf:someone/tiny-gpt2", revision="v2").folder == DEMO
    assert find_checkpoint(Path("hf:gpt2")) == DEMO
    assert hub == [("someone/tiny-gpt2", "v2"), ("gpt2", None)]


@pytest.mark.parametrize("name", ["hf:", "hf:a/b/c", "hf:../x", "hf:a b", "hf:/etc", "hf:-x"])
def test_what_is_no_name_of_the_hub(hub, name: str) -> None:
    with pytest.raises(CheckpointError, match="write hf:NAME or hf:OWNER/NAME"):
        find_checkpoint(name)
    assert hub == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(CheckpointError, match="a file, not a folder"):
        find_checkpoint(tmp_path / "x")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("RepositoryNotFoundError", "no such model"),
        ("GatedRepoError", "log in"),
        ("LocalEntryNotFoundError", "cannot be reached"),
        ("HfHubHTTPError", "refuses"),
        ("ConnectError", "cannot be reached"),
    ],
)
def test_failures_of_the_hub_are_one_line_of_ours(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    def download(repo: str, **_: object) -> str:
        raise type(name, (OSError,), {})("[Errno -3] Temporary failure\nin name resolution")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=download))
    with pytest.raises(CheckpointError, match=words) as caught:
        find_checkpoint("hf:gpt2")
    assert "Errno" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match="pip install huggingface-hub"):
        find_checkpoint("hf:gpt2")
