"""Model packages: deterministic, digest-checked, and a clear line for any damage."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from zkllm.errors import Malformed, PackageError, ResourceError
from zkllm.files import canonical_json
from zkllm.key_files import shape_folder
from zkllm.model.activations import GELU
from zkllm.model.build import build_package
from zkllm.model.execution import generate
from zkllm.model.package import ModelPackage
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.weights import TableSpec
from zkllm.preflight import check_setup_inputs

from .conftest import DEMO


@pytest.fixture
def package_copy(tmp_path: Path, demo_package: ModelPackage) -> Path:
    shutil.copytree(demo_package.folder, tmp_path / "package")
    return tmp_path / "package"


def test_a_table_specification_has_one_encoding(demo_package: ModelPackage) -> None:
    """The activation is written where it is not the GELU alone, and only if it is known."""
    spec = demo_package.weights.tables
    data = spec.to_dict()
    assert spec.activation == GELU.name and "activation" not in data
    assert TableSpec.from_dict(data) == spec
    for name in (GELU.name, "another"):
        with pytest.raises(Malformed, match="activation"):
            TableSpec.from_dict({**data, "activation": name})


def test_loading_maps_the_arrays(demo_package: ModelPackage) -> None:
    loaded = ModelPackage.load(demo_package.folder)
    assert isinstance(loaded.weights.w_qkv, np.memmap) and not loaded.weights.w_qkv.flags.writeable
    assert loaded.vocabulary.root == loaded.vocabulary_root and len(loaded.digest) == 32
    assert generate(loaded.weights, [5, 6], 1, 4) == generate(demo_package.weights, [5, 6], 1, 4)
    assert shape_folder(loaded.folder, 16, 1) == demo_package.folder / "keys" / "N16-k1"
    assert loaded.source == "demo-gpt2" and loaded.ranges == demo_package.ranges


def test_saving_again_gives_the_same_files(tmp_path: Path, demo_package: ModelPackage) -> None:
    p = demo_package
    other = ModelPackage.save(
        tmp_path / "copy", p.weights, p.scales, p.tokenizer, p.ranges, p.source, p.calibration, p.conversation
    )
    assert other.digest == p.digest
    for path in sorted(other.folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (p.folder / path.relative_to(other.folder)).read_bytes()


def test_a_tokenizer_that_is_written_otherwise_is_written_again(package_copy: Path) -> None:
    """As of a version that kept the checkpoint's own tokenizer.json: set-up mends it, and --check passes."""
    p = ModelPackage.load(package_copy)
    verbatim = ByteLevelTokenizer((DEMO / "tokenizer.json").read_text(), p.config.vocab_size)
    assert verbatim.definition != p.tokenizer.definition
    ModelPackage.save(package_copy, p.weights, p.scales, verbatim, p.ranges, p.source)
    again = build_package(DEMO, package_copy)
    assert again.tokenizer.definition == p.tokenizer.definition and again.digest == p.digest


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "tokenizer.json", "ranges.json", "calibration.json", "conversation.json",
     "weights/wte.bin", "weights/exp.bin"],
)  # fmt: skip
def test_a_missing_file_is_named(package_copy: Path, name: str) -> None:
    (package_copy / name).unlink()
    words = "incomplete" if name == "manifest.json" else name
    with pytest.raises(PackageError, match=words):
        ModelPackage.load(package_copy)


def test_truncated_arrays_are_refused_without_reading_them(package_copy: Path) -> None:
    path = package_copy / "weights" / "w_o.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(PackageError, match="w_o.bin has"):
        ModelPackage.load(package_copy, verify=False)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="not a model package"):
        ModelPackage.load(tmp_path)
    with pytest.raises(PackageError, match="not a model package"):
        ModelPackage.load(tmp_path / "none")


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"format": 4}, {"extra": 1}, {"config": {}}, {"scales": None}, {"tables": {"exp_top": 1}},
     {"files": {}}, {"files": {"../x": "00"}}, {"vocabulary_root": "zz"}, {"vocabulary_root": "00" * 32}],
)  # fmt: skip
def test_manifests_that_do_not_fit_are_refused(package_copy: Path, change: dict[str, object]) -> None:
    path = package_copy / "manifest.json"
    path.write_bytes(canonical_json({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(PackageError) as error:
        ModelPackage.load(package_copy)
    assert "\n" not in str(error.value)


def test_random_damage_is_always_noticed(package_copy: Path, demo_package: ModelPackage) -> None:
    generator = random.Random(9)
    files = [
        p
        for p in sorted(package_copy.rglob("*"))
        if p.is_file() and p.name not in ("checkpoint.txt", "build.json")
    ]
    for _ in range(300):
        path = generator.choice(files)
        intact = path.read_bytes()
        data = bytearray(intact)
        at = generator.randrange(len(data))
        action = generator.randrange(3)
        if action == 0:
            data[at] ^= 1 << generator.randrange(8)
        elif action == 1:
            del data[at : at + generator.randrange(1, 50)]
        else:
            data[at:at] = bytes([generator.randrange(256)])
        path.write_bytes(data)
        try:
            loaded = ModelPackage.load(package_copy)
        except PackageError as error:
            assert "\n" not in str(error)
        else:  # a manifest is its own digest: another one is another package
            assert path.name == "manifest.json" and loaded.digest != demo_package.digest
        path.write_bytes(intact)
    assert ModelPackage.load(package_copy).digest == demo_package.digest


def test_structural_damage_of_the_manifest(package_copy: Path) -> None:
    """Values of other types anywhere in an otherwise canonical manifest."""
    generator, path = random.Random(10), package_copy / "manifest.json"
    intact = path.read_bytes()
    for _ in range(300):
        data = json.loads(intact)
        place = data
        while True:
            key = generator.choice(list(place) if isinstance(place, dict) else list(range(len(place))))
            if isinstance(place[key], dict | list) and place[key] and generator.random() < 0.8:
                place = place[key]
                continue
            place[key] = generator.choice([None, -1, 0, 1 << 70, 2.5, "x", [], {}, True, [[]]])
            break
        path.write_bytes(canonical_json(data))
        try:
            ModelPackage.load(package_copy)
        except PackageError as error:
            assert "\n" not in str(error)
    path.write_bytes(intact)


def test_a_set_up_that_the_disk_has_no_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work; what an earlier run has written of it counts."""
    out = tmp_path / "new"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(
        ResourceError, match="the package takes .* MiB and the disk has 0 MiB left; make room"
    ):
        check_setup_inputs(DEMO, out, None, None, None)
    assert not out.exists()
    (out / "weights").mkdir(parents=True)
    (out / "weights" / "wte.bin").write_bytes(bytes(1 << 20))
    check_setup_inputs(DEMO, out, None, None, None)
