"""Set-up and opening tables over several machines: the same bytes as without, also where processes die."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from testkit.checkpoints import write_checkpoint
from testkit.machines import Machines, killing, taken
from zkllm import transformed_srs
from zkllm.cli import main
from zkllm.cluster import columns
from zkllm.cluster.columns import RayColumns, ToldSrs
from zkllm.cluster.errors import ClusterError
from zkllm.cluster.session import ray_session
from zkllm.errors import PathError, SrsError
from zkllm.kernels.native import NATIVE
from zkllm.key_files import opening_table_file
from zkllm.model.package import ModelPackage
from zkllm.model_setup import setup
from zkllm.precompute import precompute
from zkllm.setup_check import open_setup

pytestmark = pytest.mark.slow
GIB = 1 << 30


@pytest.fixture(scope="module")
def two(machines: Callable[..., Machines]) -> Machines:
    return machines((1, 2 * GIB), (1, 2 * GIB))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "odd")


@pytest.fixture(scope="module")
def plain(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """Set up here, with several columns."""
    return setup(checkpoint, tmp_path_factory.mktemp("plain") / "package", rows=8, mu=12)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_set_up_over_machines_is_the_same_to_the_byte(two, checkpoint, plain, tmp_path, capsys):
    """By the command; a process that commits to a column is killed."""
    out = tmp_path / "package"
    command = ["setup", checkpoint, "--out", out, "--max-tokens", 8, "--mu", 12, "--json"]
    with killing("_task", delay=0.0) as killed:
        assert main([*map(str, command), "--ray", two.address]) == 0, capsys.readouterr()
    assert len(killed) == 1
    assert json.loads(capsys.readouterr().out)["fixed_columns"] > 2
    assert files(out) == files(plain.folder)


def test_an_opening_table_over_machines_is_the_same_to_the_byte(two, plain, tmp_path, monkeypatch):
    """Column by column, in ranges of frequencies, with the SRS transformed in parts; two processes die."""
    expected = Path(shutil.copytree(plain.folder, tmp_path / "expected"))
    precompute(ModelPackage.load(expected))
    cache = tmp_path / "cache"
    monkeypatch.setattr(transformed_srs, "TRANSFORMED", SimpleNamespace(path=cache.joinpath))
    monkeypatch.setattr(transformed_srs, "_STEP_LOG2", 9)
    monkeypatch.setattr(columns, "MOST_FREQUENCIES", 48)  # the last range is shorter
    got = Path(shutil.copytree(plain.folder, tmp_path / "got"))
    with ray_session(two.address) as session, killing("_task", times=2, delay=0.0) as killed:
        made = precompute(ModelPackage.load(got), work=RayColumns(session))
    assert not made.found and len(killed) == 2
    assert opening_table_file(got).read_bytes() == opening_table_file(expected).read_bytes()


def test_what_a_machine_lacks_is_said(two, plain, tmp_path):
    """Its memory too: Ray is asked for what a task takes, and gives it to no other meanwhile."""
    record = open_setup(plain)
    digest = record.srs_digest
    with pytest.raises(SrsError, match="none.srs, the SRS, is not on this machine"):
        ToldSrs(str(tmp_path / "none.srs"), digest).open(4)
    with pytest.raises(SrsError, match="the development SRS is another SRS on this machine"):
        ToldSrs(None, bytes(32)).open(4)
    with pytest.raises(PathError, match="the transformed SRS, is not on this machine"):
        transformed_srs.open_transformed(tmp_path / "none", digest, 12, 6, NATIVE)
    lost = tmp_path / "lost.srs"
    with ray_session(two.address) as session:
        work = RayColumns(session)
        with pytest.raises(ClusterError, match="lost.srs, the SRS, is not on this machine"):
            list(work.commit(plain, 8, lost, digest, [0]))
        with pytest.raises(ClusterError, match=r"a task on a column takes .* of memory and 1 cores, and no"):
            list(work._run({0: lambda: b""}, 30))
        told = taken()
        ((_, found),) = work._run({0: lambda: json.dumps(told()).encode()}, 20)
        assert json.loads(found) == {"CPU": 1, "memory": (512 << 20) + (48 << 20)}
