"""`zkllm prove-many`: files of prompts proved by several machines, some of whose processes are killed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testkit.machines import Machines, killing, taken, working
from zkllm import api
from zkllm.cli import main
from zkllm.cluster.errors import ClusterError
from zkllm.cluster.nodes import Node, require_same_program
from zkllm.cluster.placement import GIB, Placement, place
from zkllm.cluster.pool import Pool
from zkllm.cluster.prompts import Task, read_tasks
from zkllm.cluster.results import RESULTS, Results
from zkllm.cluster.session import ray_session
from zkllm.errors import ProofError, StatementError
from zkllm.key_files import verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.proving import estimate_memory
from zkllm.salt_files import read_salt
from zkllm.sealed import seal
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

USUAL = ShapeId(8, 1)


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
    return path


# ---- the file


def test_a_file_says_what_is_asked(package: ModelPackage, tmp_path: Path):
    lines = [{"prompt": "ab"}, "", {"id": "x", "tokens": [1, 2], "new_tokens": 2, "max_tokens": 16},
             {"messages": [{"role": "user", "content": "a"}], "sealed": True}]  # fmt: skip
    first, second, third = read_tasks(write(tmp_path / "f", *lines), package, USUAL)
    assert (first.name, first.line, first.shape) == ("000001", 1, USUAL)
    assert first.ids == tuple(package.tokenizer.encode("ab"))
    assert (second.name, second.line, second.ids, second.shape) == ("x", 3, (1, 2), ShapeId(16, 2))
    assert (third.name, third.shape) == ("000004", ShapeId(8, 1, True))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "it is not JSON"),
        ([1], "it is not a JSON object"),
        ({}, "it has no prompt; give one of prompt, messages, tokens"),
        ({"prompt": "a", "tokens": [1]}, "it has prompt and tokens"),
        ({"prompt": 1}, "the prompt is no text"),
        ({"prompt": "a", "tempo": 1}, "'tempo' is unknown"),
        ({"prompt": ""}, "the prompt is empty"),
        ({"tokens": [True]}, "tokens is not a list of ids"),
        ({"tokens": [301]}, "token id 301 is not below the vocabulary's size 301"),
        ({"tokens": [1] * 9}, "take 9 positions, and this shape has 8"),
        ({"tokens": [1], "new_tokens": 0}, "new_tokens is not a number from 1"),
        ({"tokens": [1], "max_tokens": 1 << 15}, "positions (n_ctx)"),
        ({"tokens": [1], "sealed": 1}, "sealed is neither true nor false"),
        ({"tokens": [1], "id": "../x"}, "the id is no name of a file"),
        ({"tokens": [1], "id": "000001"}, "the id 000001 is that of line 1 too"),
        ({"messages": "a"}, "the messages are not a list"),
    ],
)
def test_a_bad_line_is_named(line, words, package, tmp_path):
    path = write(tmp_path / "f", {"tokens": [1]}, line)
    with pytest.raises(StatementError) as caught:
        read_tasks(path, package, USUAL)
    assert str(caught.value).startswith(f"{path}:2: ") and words in str(caught.value)


def test_an_empty_file_and_none_are_refused(package, tmp_path):
    with pytest.raises(StatementError, match="there is no prompt in it"):
        read_tasks(write(tmp_path / "f", ""), package, USUAL)
    with pytest.raises(StatementError, match="cannot read the file of prompts"):
        read_tasks(tmp_path / "none", package, USUAL)


# ---- places


def test_processes_go_where_cores_and_memory_are():
    nodes = [Node("a", "a", 4, 8 * GIB), Node("b", "b", 2, 5 * GIB), Node("c", "c", 64, GIB)]
    assert place(nodes, 2 * GIB, "it") == Placement(3, 2, 2 * GIB)  # b's two cores: two on a, one on b
    assert place(nodes, 2 * GIB, "it", cores=1) == Placement(6, 1, 2 * GIB)
    assert place(nodes, 2 * GIB, "it", cores=1, most=2) == Placement(2, 1, 2 * GIB)
    with pytest.raises(ClusterError, match="it takes 9.00 GiB of memory and 1 cores, .* has 8.00 GiB"):
        place(nodes, 9 * GIB, "it")
    with pytest.raises(ClusterError, match="5 cores"):
        place(nodes, 2 * GIB, "it", cores=5)


# ---- what comes back


@pytest.fixture(scope="module")
def made(package: ModelPackage) -> tuple[Task, Proof, VerifyingKey]:
    task = Task("one", 1, (72, 101, 108), ShapeId(8, 1))
    result = api.prove(package, tokens=task.ids, certified=1, rows=8)
    return task, result.proof, result.verifying_key


def test_what_another_machine_proved_is_verified(
    made: tuple[Task, Proof, VerifyingKey], tmp_path: Path
) -> None:
    task, proof, key = made
    results = Results(tmp_path, {task.shape: key}, Context())
    scalar = -1  # the last byte of the body's last element
    bent = replace(proof, body=proof.body[:scalar] + bytes([proof.body[scalar] ^ 1]))
    with pytest.raises(ProofError):
        results.keep(task, bent.to_bytes(), {})
    assert not results.proof_file(task).exists() and not results.finished(task)
    results.keep(task, proof.to_bytes(), {})
    assert results.finished(task) and Proof.load(results.proof_file(task)) == proof


def test_a_proof_of_another_prompt_is_not_kept(
    made: tuple[Task, Proof, VerifyingKey], tmp_path: Path
) -> None:
    task, proof, key = made
    results = Results(tmp_path, {task.shape: key}, Context())
    with pytest.raises(ProofError, match="another prompt"):
        results.keep(replace(task, ids=(72, 101)), proof.to_bytes(), {})
    assert not results.proof_file(task).exists()


# ---- proofs


@pytest.fixture(scope="module")
def two(machines: Callable[..., Machines], package: ModelPackage) -> Machines:
    """Two machines, each of which has the memory for one proof, and a third that has less."""
    need = max(estimate_memory(package, 8, 2).private, estimate_memory(package, 16, 4).private)
    return machines((2, need * 3 // 2), (1, need * 3 // 2), (2, need // 2))


Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def prove(package: ModelPackage, two: Machines, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, result and standard error of the command in this process."""

    def call(file: Path, *options: object, ray: bool = True) -> tuple[int, dict[str, Any], str]:
        capsys.readouterr()
        command = ["prove-many", file, "--model", package.folder, "--out", tmp_path / "out", "--json"]
        command += ["--max-tokens", 8, "--new-tokens", 2, *options, *(["--ray", two.address] if ray else [])]
        code = main([str(part) for part in command])
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return call


def lines_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in map(json.loads, (folder / RESULTS).read_text().splitlines())}


def require_proofs(package: ModelPackage, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        proof = Proof.load(folder / f"{name}.zkllm")
        proof.verify(VerifyingKey.load(verifying_key_file(package.folder, *proof.shape)))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """What Ray counts as taken by each process of the pool, once it has started."""
    import ray

    found, started = list[dict[str, float]](), Pool._started

    def noted(pool: Pool[str], reference: Any) -> Any:
        actor: Any = pool._starting[reference].actor
        found.append(ray.get(actor.__ray_call__.remote(taken())))
        return started(pool, reference)

    monkeypatch.setattr(Pool, "_started", noted)
    return found


@pytest.mark.slow
def test_a_killed_process_costs_its_proof_and_nothing_else(prove, package, two, tmp_path, given):
    """Then the same command finds all of them, one whose line was lost and one that was not proved."""
    prompts: list[dict[str, object]] = [{"tokens": [i, 1, 2]} for i in range(4)]
    prompts += [
        {"id": "long", "tokens": [3, 4], "max_tokens": 16, "new_tokens": 4},
        {"id": "s", "tokens": [9]},
    ]
    prompts[5]["sealed"] = True
    file, out, names = write(tmp_path / "f", *prompts), tmp_path / "out", {"000001", "000004", "long", "s"}
    with killing("Prover.prove") as killed:
        code, told, err = prove(file)
    assert (code, told["ok"], told["prompts"], told["found"], told["proved"]) == (0, True, 6, 0, 6), err
    assert len(killed) == 1
    need = max(estimate_memory(package, *shape).private for shape in ((8, 2), (16, 4), (8, 2, True)))
    assert given == [{"CPU": 1, "memory": need}] * len(given) and len(given) > 1
    lines = lines_of(out)
    assert sorted(line["attempts"] for line in lines.values()) == [1, 1, 1, 1, 1, 2]
    assert all(line["ok"] for line in lines.values()) and names < set(lines)
    require_proofs(package, out, sorted(lines))
    salt = read_salt(out / "s.zkllm.salt")
    assert Proof.load(out / "s.zkllm").sealed_prompt == seal(salt, [9])
    until = time.monotonic() + 10
    while working("Prover") and time.monotonic() < until:
        time.sleep(0.1)
    assert working("Prover") == []  # of the session, which was left

    raw = (out / RESULTS).read_text().splitlines(keepends=True)
    (out / RESULTS).write_text("".join(raw[1:]) + '{"id": "00000')  # what a power failure left
    made = (out / "000003.zkllm").read_bytes()
    (out / "000003.zkllm").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.zkllm")}
    code, told, _ = prove(file)
    assert (code, told["found"], told["proved"]) == (0, 5, 1)
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert (out / "000003.zkllm").read_bytes() != made  # another proof of the same
    assert set(lines_of(out)) == set(lines)
    code, told, _ = prove(file, ray=False)  # nothing is left, so that no Ray is started
    assert (code, told["found"], told["proved"]) == (0, 6, 0)


@pytest.mark.slow
def test_what_dies_each_time_is_not_tried_for_ever(prove, tmp_path):
    """The others are proved; the next run proves it."""
    file = write(tmp_path / "f", {"id": "a", "tokens": [1]})
    with killing("Prover.prove", times=2):
        code, told, err = prove(file, "--attempts", "2")
    assert code == 1 and not told["ok"] and told["proved"] == 0
    assert "its process was killed" in told["failed"]["a"] and "a (line 1): its process was killed" in err
    assert lines_of(tmp_path / "out")["a"] == {
        "id": "a", "line": 1, "ok": False, "error": told["failed"]["a"], "attempts": 2
    }  # fmt: skip
    code, told, _ = prove(file)
    assert (code, told["proved"], lines_of(tmp_path / "out")["a"]["ok"]) == (0, 1, True)


@pytest.mark.slow
def test_a_proof_of_something_else_is_not_taken_for_a_result(prove, package, tmp_path, capsys):
    """Each before any work, and each for its own reason."""
    file, out = write(tmp_path / "f", {"id": "a", "tokens": [1]}), tmp_path / "out"
    assert prove(file, ray=False)[0] == 0
    good = (out / "a.zkllm").read_bytes()
    chain = "1:0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    for words, options, prompt in (
        ("it answers another prompt", [], {"id": "a", "tokens": [2]}),
        ("it is for another context", ["--context", chain], {"id": "a", "tokens": [1]}),
        ("it is of another model, shape or SRS", [], {"id": "a", "tokens": [1], "max_tokens": 16}),
    ):
        code, told, err = prove(write(tmp_path / "g", prompt), *options)
        assert code == 1 and words in told["error"] and "does not prove line 1" in told["error"], told
    body = bytearray(good)
    body[-1] ^= 1
    (out / "a.zkllm").write_bytes(body)  # the line has another digest, so that the proof is verified
    code, told, _ = prove(file)
    assert code == 1 and "a.zkllm, which is there already, does not prove line 1" in told["error"]
    (out / "a.zkllm").write_bytes(good)
    assert prove(file)[1]["found"] == 1


@pytest.mark.slow
def test_what_no_machine_holds_is_refused(prove, two, tmp_path):
    file = write(tmp_path / "f", {"tokens": [1]})
    code, told, _ = prove(file, "--cores", "64")
    assert code == 1 and "64 cores, and no machine of the cluster offers that" in told["error"]
    code, told, _ = prove(file, "--memory-budget", "1M")
    assert code == 1 and "more than the budget of 1 MiB" in told["error"]


@pytest.mark.slow
def test_another_package_in_the_folder_is_not_proved_with(package, tmp_path):
    """What a machine finds in the folder has to be what it is told of."""
    from zkllm.cluster.told import ToldPackage
    from zkllm.errors import PackageError

    told = ToldPackage.of(package, shapes=[ShapeId(8, 2)])
    assert told.open().digest == package.digest
    copy = Path(shutil.copytree(package.folder, tmp_path / "copy"))
    moved = ToldPackage(str(copy), told.digest, told.setup, told.keys)
    moved.open()
    key = verifying_key_file(copy, 8, 2)
    key.write_text(key.read_text() + " ")
    with pytest.raises(PackageError, match="is another key on this machine"):
        moved.open()
    with pytest.raises(PackageError, match="has another set-up on this machine"):
        ToldPackage(str(copy), told.digest, bytes(32)).open()
    with pytest.raises(PackageError, match="holds another package on this machine"):
        ToldPackage(str(copy), bytes(32), told.setup).open()
    with pytest.raises(ClusterError, match="is not on this machine; keep the package in a folder"):
        ToldPackage(str(tmp_path / "none"), told.digest, None).open()


@pytest.mark.slow
def test_releases_of_the_machines_are_compared(two, monkeypatch):
    """zkllm's, and Ray's as Ray tells it; a session that is refused can be tried again."""
    with ray_session(two.address) as session:
        assert len(session.nodes) == 4 and not session.own
        assert session.address == two.address
        with pytest.raises(ClusterError, match="has zkllm .*, and this program is zkllm 9.9; install that"):
            require_same_program(session.nodes, "9.9")
        with pytest.raises(ClusterError, match="has a Ray session already"), ray_session(two.address):
            pass
    with monkeypatch.context() as patch:
        patch.setattr("ray.__version__", "9.9")
        with pytest.raises(ClusterError, match=r"has Ray [0-9.]+ and Python .* and this program Ray 9\.9"):
            with ray_session(two.address):
                pass
    with ray_session(two.address):  # which is still there
        pass
