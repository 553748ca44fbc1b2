"""Every argument that names a path is looked at before its command starts, and a finished proof is kept
whatever becomes of its destination. An option that names a path and is not in the table fails."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zkllm import api, shapes
from zkllm.cli import COMMANDS, paths, rescue
from zkllm.cli import arguments as types
from zkllm.cli.console import Progress
from zkllm.cli.srs import options
from zkllm.errors import PathError, ZkllmError
from zkllm.model import hub
from zkllm.pcs.ptau_write import write_development_ptau
from zkllm.proof import Proof

PROOF, KEY, TEXT, PTAU, NEW = "proof", "key", "text", "ptau", "new/folder/file"
TABLE: dict[str, dict[str, str]] = {
    "srs import": {"ptau": PTAU, "--out": NEW},
    "srs export": {"source": PTAU, "--out": NEW},
    "srs check": {"path": PTAU},
    "srs info": {"path": PTAU},
    "srs contribute": {"source": PTAU, "--out": NEW, "--entropy": TEXT},
    "srs fetch-plan": {"--out": NEW},
    "setup": {"model": "checkpoint", "--out": NEW, "--srs": PTAU, "--calibration": TEXT},
    "prove": {"model": "package", "--out": NEW, "--profile": "new/other"},
    "prove-many": {"prompts": TEXT, "--model": "package", "--out": NEW},
    "precompute": {"model": "package"},
    "publish": {"model": "package", "--out": NEW},
    "key": {"record": KEY, "--srs": PTAU, "--out": NEW},
    "verify": {"proofs": PROOF, "--model": "package"},
    "calldata": {"proof": PROOF, "--model": KEY, "--out": NEW},
    "verifier": {"model": KEY, "--out": NEW},
    "inspect": {"path": PROOF},
    "plan": {"model": "checkpoint", "--profile": TEXT},
    "accuracy": {"model": "package", "--text": TEXT, "--checkpoint": "checkpoint"},
    "demo": {"--model": "checkpoint", "--home": NEW},
    "bench": {"--model": "package", "--export": NEW},
    "explorer": {"--out": NEW, "--model": "package", "--home": "package"},
    "serve": {
        "--config": TEXT,
        "--model": "package",
        "--data": NEW,
        "--keys": KEY,
        "--keystore": KEY,
        "--password-file": KEY,
    },
    "jobs list": {"--data": "package"},
    "jobs show": {"--data": "package"},
    "jobs retry": {"--data": "package"},
    "jobs cancel": {"--data": "package"},
    "cache": {},
    "doctor": {},
    "completion": {},
    "profile": {"file": TEXT, "--speedscope": NEW, "--compare": PROOF},
}
"""A good value for every path of every command but settle's."""
REST = {"prove": ["--tokens", "72"], "srs fetch-plan": ["--mu", "20"], "bench": ["sub-block"],
        "explorer": ["--network", "anvil"]}  # fmt: skip
REST |= {f"jobs {action}": ["proof-1"] for action in ("show", "retry", "cancel")}
PLAIN = {"prompt", "name", "quality", "url", "part", "block", "salt-file", "host", "new-key", "network",
         "password-env", "key-env", "state", "id", "ray", "rpc", "rpc-url", "action",
         "shell"}  # fmt: skip
"""Arguments that are texts or choices."""
SCALARS = {types.positive, types.index, types.count, types.number, types.token_ids, types.context,
           types.log2_size, types.size, types.port, types.address_text, options.count, options.power,
           types.text_file, types.chat, types.messages_file, types.checked_address}  # fmt: skip
ALONE = {("bench", "--export"): {"--model"}, ("bench", "--model"): {"--export"}}
"""Options that do not go together."""
_OPTIONS = [option for option in TABLE["serve"] if option != "--config"]
ALONE |= {("serve", "--config"): set(_OPTIONS)} | {("serve", option): {"--config"} for option in _OPTIONS}
MORE = {("serve", option): ["--network", "anvil"] for option in _OPTIONS}
"""What an argument wants beside."""


def parsers() -> dict[str, argparse.ArgumentParser]:
    from zkllm.cli import parsers

    _, commands = parsers()
    found = {name: parser for name, parser in commands.items() if name not in ("settle", "srs", "jobs")}
    for group in ("srs", "jobs"):
        (actions,) = (a for a in commands[group]._actions if isinstance(a, argparse._SubParsersAction))
        found |= {f"{group} {name}": parser for name, parser in actions.choices.items()}
    return found


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if action.nargs != 0:
            yield (action.option_strings[0] if action.option_strings else action.dest), action


def is_path(action: argparse.Action) -> bool:
    return isinstance(action.type, type) and issubclass(action.type, paths.Place | paths.Model)


def test_the_table_has_every_argument_that_names_a_path() -> None:
    assert {name.split()[0] for name in TABLE} == set(COMMANDS) - {"settle"}
    for name, parser in parsers().items():
        found = {argument for argument, action in arguments_of(parser) if is_path(action)}
        assert found == set(TABLE[name]), name
        for argument, action in arguments_of(parser):
            if argument not in found:
                assert action.type in SCALARS or argument.lstrip("-") in PLAIN, (name, argument)


CASES = [(name, argument) for name, places in TABLE.items() for argument in places]


@pytest.fixture(scope="module")
def good(
    package: Path, proof: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("good")
    (folder / TEXT).write_text("some text\n")
    write_development_ptau(folder / PTAU, 2)
    shutil.copy(package / "keys" / "N8-k2" / "vk.json", folder / KEY)
    shutil.copy(proof, folder / PROOF)
    return {name: folder / name for name in (PROOF, KEY, TEXT, PTAU)} | {
        "package": package,
        "checkpoint": checkpoint,
    }


def bad_values(kind: type, folder: Path, one_read: Path) -> Iterator[str]:
    """Each must be refused for an argument of the kind; they lie in `folder`, which is made here."""
    folder.mkdir()
    (folder / "file").write_text("x")
    (folder / "folder").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    at = lambda name: str(folder / name)
    if issubclass(kind, paths.Source):
        yield from (at("none"), at("file/below"), at("dangling"), at("circle"))
        if issubclass(kind, paths.SourceFile):
            yield at("folder")
        if issubclass(kind, paths.SourceFolder):
            yield at("file")
    elif issubclass(kind, paths.Model):
        yield from (at("none"), "models/nothere", "gpt2", "hf:a/b/c", at("dangling"), "")
        if not issubclass(kind, paths.ModelOrFile):
            yield at("file")
    elif issubclass(kind, paths.TargetFile):
        yield from (at("folder"), at("file/below"), at("circle/file"), "/proc/none/file", at("n" * 250))
        yield from (at("new/" + "n" * 300 + "/file"), "", "/", str(one_read))
        if issubclass(kind, paths.OrdinaryTarget):
            yield from (at("pipe"), "/dev/null")
    elif issubclass(kind, paths.TargetFolder):
        yield from (at("file"), at("file/below"), at("circle/folder"), "/proc/none")
    else:
        assert kind is paths.FileName
        yield at("folder")


@pytest.mark.parametrize(("name", "argument"), CASES, ids=lambda value: value)
def test_what_is_of_no_use_is_refused_before_the_command_starts(
    run, good: dict[str, Path], name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = dict(arguments_of(parsers()[name]))[argument]
    module = __import__(f"zkllm.cli.{name.split()[0].replace('-', '_')}", fromlist=["run"])
    monkeypatch.setattr(module, "run", lambda *_: pytest.fail("it started"))
    monkeypatch.setattr(hub, "find_checkpoint", lambda *_: pytest.fail("it asked the hub"))
    monkeypatch.chdir(tmp_path)
    values = {key: str(good.get(value, tmp_path / value)) for key, value in TABLE[name].items()}
    for option in ALONE.get((name, argument), ()):
        del values[option]
    read = next((v for key, v in values.items() if key != argument and Path(v).is_file()), None)
    one_read = read or str(good["package"] / "manifest.json")
    if read is None and "model" in values:
        values["model"] = str(good["package"])
    if name == "bench":
        one_read = str(tmp_path)  # its only other path does not go with it
    before = dict(good)
    for value in bad_values(action.type, tmp_path / "bad", Path(one_read)):
        words = [*name.split(), *REST.get(name, ()), *MORE.get((name, argument), ())]
        for key, given in (values | {argument: value}).items():
            words += [f"{key}={given}"] if key.startswith("--") else [given]
        listed = sorted(os.walk(tmp_path))
        outcome = run(*words)
        outcome.failed_in_one_line(value[:80] if value not in ("", "/") else ":")
        assert outcome.out == "" and sorted(os.walk(tmp_path)) == listed, "something was made"
        with_json = run(*words, "--json")
        assert with_json.code == 1 and with_json.json["ok"] is False
    assert before == good and all(path.exists() for path in good.values())


@pytest.mark.parametrize("kind", [paths.SourceFile, paths.Source, paths.TargetFile])
def test_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[paths.Place]) -> None:
    """Tests may run as root, whom the system refuses nothing."""
    place = tmp_path / "x"
    os.mkfifo(place)
    kind(place).check()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PathError, match="permission denied"):
        kind(place).check()


def test_good_places_are_left_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to("old")
    before = sorted(os.walk(tmp_path))
    for name in ("old", "link", "new", "not/yet/there", "n" * 240):
        paths.TargetFile(tmp_path / name).check()
    for name in ("", "not/yet/there"):
        paths.TargetFolder(tmp_path / name).check()
    paths.TargetFile("/dev/stdout").check()
    paths.TargetFile("/dev/null").check()
    assert sorted(os.walk(tmp_path)) == before and (tmp_path / "old").read_text() == "old"


def test_a_full_disk_is_noticed_before_the_work(tmp_path: Path) -> None:
    """As far as the system tells: here by a limit to the size of files."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(PathError, match="larger than files may be here"):
            paths.TargetFile(tmp_path / "x").check()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


# ---- what goes together


def test_two_options_must_not_write_the_same_file(run, package: Path, tmp_path: Path) -> None:
    outcome = run(
        "prove", package, "--tokens", "72", "--out", tmp_path / "a", "--profile", tmp_path / "x/../a"
    )
    outcome.failed_in_one_line("two options write there")


def test_a_package_and_a_checkpoint_are_not_written_over(run, package: Path, checkpoint: Path) -> None:
    out = package / "manifest.json"
    run("prove", package, "--tokens", "72", "--out", out).failed_in_one_line("would be written over")
    run("setup", checkpoint, "--out", checkpoint).failed_in_one_line("would be written over")
    with pytest.raises(PathError, match="the checkpoint's own folder"):
        api.setup(checkpoint, checkpoint)


@pytest.mark.parametrize(
    "command",
    [
        "prove DIR --tokens 1 --new-tokens 3 --max-tokens 2 --out x",
        "inspect DIR --new-tokens 3 --max-tokens 2",
        "verifier DIR --new-tokens 3 --max-tokens 2 --out x",
        "demo --new-tokens 3 --max-tokens 2",
        "setup DIR --out x --check --mu 20",
        "setup DIR --out x --check --max-tokens 8",
        "setup DIR --out x --allow-scales",
        "setup DIR --out x --check --memory-budget 1G",
        "bench sub-block --model DIR --export x",
        "bench sub-block --model DIR --layer -1",
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(run, command: str) -> None:
    outcome = run(*command.split())
    assert outcome.code == 2 and "usage:" in outcome.err and outcome.out == ""


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "__call__", lambda self, stage, *_: pytest.fail(f"it started: {stage}"))


@pytest.mark.usefixtures("no_work")
def test_what_a_setup_cannot_end_well_with(
    run, checkpoint: Path, good: dict[str, Path], tmp_path: Path
) -> None:
    setup = ("setup", checkpoint, "--out", tmp_path / "p")
    run(*setup, "--max-tokens", 25).failed_in_one_line("24 positions", "--max-tokens")
    run(*setup, "--srs", good[TEXT]).failed_in_one_line("not an SRS file")
    run(*setup, "--srs", good[PTAU]).failed_in_one_line("has 7 powers", "use a larger one")
    cut = tmp_path / "cut"
    cut.write_bytes(good[PTAU].read_bytes()[:-1])
    run(*setup, "--srs", cut).failed_in_one_line("cut off")
    assert not (tmp_path / "p").exists()


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tokens", "301"), "301 is not below the vocabulary's size 301"),
        (("--prompt", ""), "the prompt is empty"),
        (("--tokens", "1,2,3", "--max-tokens", "2"), "give --max-tokens 3"),
        (("--tokens", "1,2,3", "--max-tokens", "25"), "24 positions"),
        (("--tokens", ",".join("1" * 30)), "use a shorter prompt"),
    ],
)
def test_a_prompt_is_checked_before_its_model_is_set_up(
    run, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options, words: str
) -> None:
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    run("prove", checkpoint, *options, "--out", tmp_path / "x").failed_in_one_line(words)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_work")
def test_programs_and_packages_are_looked_for_first(
    run, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZKLLM_ANVIL", str(tmp_path / "anvil"))
    demo = run("demo", "--model", checkpoint, "--home", tmp_path / "home")
    demo.failed_in_one_line("$ZKLLM_ANVIL names", "not an executable file")
    monkeypatch.setattr("zkllm.model.accuracy.find_spec", lambda _: None)
    run("accuracy", checkpoint).failed_in_one_line("pip install torch==", "transformers==")
    assert not list(tmp_path.iterdir())


def test_keys_that_could_not_be_kept_are_not_made(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(package, tmp_path / "copy"))
    (copy / "keys" / "N8-k5").write_text("in the way")
    monkeypatch.setattr(shapes, "make_keys", lambda *_: pytest.fail("it made keys"))
    with pytest.raises(PathError, match="a part of the path is a file"):
        api.shape_keys(api.ModelPackage.load(copy), 8, 5)


# ---- a finished proof


@pytest.mark.long
def test_a_finished_proof_is_never_thrown_away(
    run, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full can be written to, until something is written."""
    monkeypatch.setattr(rescue, "PROOFS", SimpleNamespace(path=(tmp_path / "proofs").joinpath))
    command = ("prove", package, "--tokens", "72", "--out")
    outcome = run(*command, "/dev/full")
    outcome.failed_in_one_line(
        "/dev/full: cannot be written: the disk is full; the finished proof is kept as"
    )
    (kept,) = (tmp_path / "proofs").iterdir()
    assert str(kept) in outcome.err and outcome.out == ""
    assert run("verify", kept, "--model", package).code == 0
    again = tmp_path / "again"
    outcome = run(*command, again, "--profile", "/dev/full")
    outcome.failed_in_one_line("/dev/full: cannot be written: the disk is full", f"the proof is in {again}")
    assert run("verify", again, "--model", package).code == 0  # a finished one too, of other blinders
    assert again.read_bytes() != kept.read_bytes()
    *stages, _ = outcome.err.splitlines()
    assert "\r" not in outcome.err and "inner proof ..." in stages and len(stages) == len(set(stages))


def test_a_proof_that_no_folder_takes_is_printed(
    proof: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "x"
    monkeypatch.setattr(rescue, "PROOFS", SimpleNamespace(path=(nowhere / "proofs").joinpath))
    monkeypatch.setattr(rescue, "MEMORY", nowhere)
    monkeypatch.setattr(rescue.tempfile, "gettempdir", lambda: str(nowhere))
    monkeypatch.setattr(rescue.Path, "home", lambda: nowhere)
    with pytest.raises(ZkllmError, match="in hexadecimal") as caught:
        rescue.save_proof(Proof.load(proof), nowhere / "out")
    data: Any = bytes.fromhex(str(caught.value).rpartition(": ")[2])
    assert data == proof.read_bytes()
