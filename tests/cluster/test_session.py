"""A Ray that starts and stops with a command: what it is, what is left of it, and what is said of others."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from testkit.containers import Contained
from testkit.processes import Program
from zkllm.cluster import local, session
from zkllm.cluster.errors import ClusterError
from zkllm.cluster.session import ray_session
from zkllm.errors import ResourceError

WAITING = """
import sys, time
from zkllm.cluster.session import ray_session
with ray_session(cores=1, memory=1 << 30) as session:
    import ray
    size = 20 << 20
    kept = ray.put(bytes(size))
    busy = ray.remote(num_cpus=1)(lambda: time.sleep(600)).remote()
    print(len(session.nodes), session.nodes[0].cores, session.nodes[0].memory, session.own, flush=True)
    if sys.argv[1] == "end":
        sys.exit(0)
    if sys.argv[1] == "fail":
        raise ValueError("on purpose")
    time.sleep(600)
"""


def shared_memory() -> set[str]:
    return set(os.listdir("/dev/shm"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code"), [("end", 0), ("fail", 1), (signal.SIGINT, None), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_nothing_is_left_of_a_session(how, code, short):
    """No process, no file, nothing in shared memory, however it ends; and it offers what it is told."""
    before = shared_memory()
    program = Program(WAITING, [how if isinstance(how, str) else "wait"], short)
    assert program.line() == f"1 1 {1 << 30} True"
    if not isinstance(how, str):
        assert len(program.left(0)) > 4  # Ray's processes are found
        assert len(list(short.glob("zkllm-*"))) == 1  # and its folder
        program.signal(how)
    ended, _, err = program.end()
    assert ended == code if code is not None else ended in (-signal.SIGINT, 130), err
    assert program.left() == []
    assert shared_memory() <= before


@pytest.mark.long
def test_a_killed_program_leaves_no_process(short):
    """Its folder is removed by the next session; Ray's agents give the dead Ray a minute."""
    before = shared_memory()
    program = Program(WAITING, ["wait"], short)
    program.line()
    program.process.kill()
    program.end()
    assert program.left(120) == []
    assert shared_memory() <= before
    assert list(short.glob("zkllm-*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local.tempfile, "gettempdir", lambda: str(short))
        with local.session_folder() as folder:
            assert list(short.iterdir()) == [folder]


HOLDING = """
import sys
from zkllm.cluster import local
with local.session_folder() as folder:
    print(folder, flush=True)
    sys.stdin.readline()
"""


def test_containers_that_share_a_folder_leave_each_others_sessions_alone(short):
    """Those of processes that were killed are removed, by whichever comes next."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(local.tempfile, "gettempdir", lambda: str(short))
        with local.session_folder() as ours:
            first, second = (Contained(HOLDING, TMPDIR=str(short)) for _ in range(2))
            stack.callback(second.end)
            killed, kept = Path(first.told), Path(second.told)
            assert sorted(short.iterdir()) == sorted((ours, killed, kept))
        first.kill(killed)
        with local.session_folder() as ours:
            assert sorted(short.iterdir()) == sorted((kept, ours))


def test_a_folder_that_is_taken_for_one_that_was_left_before_it_is_locked_is_made_anew(short, monkeypatch):
    monkeypatch.setattr(local.tempfile, "gettempdir", lambda: str(short))
    made, removed = tempfile.mkdtemp, []

    def overtaken(**where: Any) -> str:
        folder = made(**where)
        if not removed:
            removed.append(folder)
            local._remove_if_abandoned(Path(folder))
        return folder

    monkeypatch.setattr(local.tempfile, "mkdtemp", overtaken)
    with local.session_folder() as folder:
        assert removed != [str(folder)] and list(short.iterdir()) == [folder]


def test_a_folder_that_is_removed_while_its_lock_is_taken_is_made_anew(short, monkeypatch):
    monkeypatch.setattr(local.tempfile, "gettempdir", lambda: str(short))
    flock, removed = fcntl.flock, []

    def overtaken(descriptor: int, how: int) -> None:
        if not removed:
            removed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            os.rmdir(removed[0])
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", overtaken)
    with local.session_folder() as folder:
        assert removed != [str(folder)] and list(short.iterdir()) == [folder]


def test_without_ray_the_command_that_installs_it_is_said(monkeypatch):
    monkeypatch.setattr(session, "find_spec", lambda name: None)
    with pytest.raises(ClusterError, match=r"needs Ray: .*pip install ray(==[0-9.]+)?$"):
        with ray_session():
            pass


def test_nothing_imports_ray_before_a_session():
    code = (
        "import sys, pkgutil, importlib, zkllm.cluster as c\n"
        "for m in pkgutil.iter_modules(c.__path__): importlib.import_module('zkllm.cluster.' + m.name)\n"
        "assert len(sys.modules) > 50 and 'ray' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "1.2.3.4:0", "1.2.3.4:99999", ""])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ClusterError, match="is no address of a Ray: HOST:PORT of its head"):
        session.require_answer(address)


def test_an_address_where_nobody_listens_is_refused_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"no Ray answers at 127.0.0.1:{port}: connection refused"):
            session.require_answer(f"127.0.0.1:{port}")


def test_the_store_lies_where_there_is_room(tmp_path, monkeypatch):
    assert local.store_folder(local.STORE_BYTES, tmp_path, tmp_path / "shm") == tmp_path
    (tmp_path / "shm").mkdir()
    assert local.store_folder(local.STORE_BYTES, tmp_path, tmp_path / "shm") == tmp_path / "shm"
    usage = local.shutil.disk_usage(tmp_path)._replace(free=64 << 20)  # a container's shared memory
    monkeypatch.setattr(local.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match="Ray's object store takes 128 MiB and the disk has 64 MiB left"):
        local.store_folder(local.STORE_BYTES, tmp_path, tmp_path / "shm")
    with pytest.raises(ResourceError, match="Ray takes 83886080 at least"):
        local.store_folder(1 << 20, tmp_path)


def test_releases_that_differ_are_one_line():
    told = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.1\n    Python: 3.12.1\n"
        "This process on 1.2.3.4 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    assert session._words(RuntimeError(told), "head:6379") == (
        "the Ray at head:6379 has Ray 2.1 and Python 3.12.1, and this program Ray 2.60.0 and Python 3.11.7; "
        "run both with the same releases"
    )
