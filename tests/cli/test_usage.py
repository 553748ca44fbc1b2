"""Help, wrong usage, and what happens when something goes wrong."""

from __future__ import annotations

import importlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from zkllm.cli import COMMANDS, jobs, main, parsers, settle, verify
from zkllm.cli.console import Progress
from zkllm.cli.text import pairs, quote, size, table
from zkllm.errors import ZkllmError

CONTEXT = "31337:0x" + "11" * 20 + ":0x" + "22" * 20


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(run, command):
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert "examples:" in outcome.out and f"zkllm {command}" in outcome.out and "--json" in outcome.out
    assert "{program}" not in outcome.out


@pytest.mark.parametrize(
    ("command", "action"),
    [("settle", action) for action in settle.COMMANDS] + [("jobs", action) for action in jobs.ACTIONS],
)
def test_every_action_explains_itself_with_examples(run, command, action):
    outcome = run(command, action, "--help")
    assert outcome.code == 0 and f"examples:\n  zkllm {command} {action} " in outcome.out
    assert "{program}" not in outcome.out


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_right_usage(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("question.txt").write_text("What is a proof?")  # is read with the options
    examples = importlib.import_module(f"zkllm.cli.{command.replace('-', '_')}").EXAMPLES
    lines = examples.replace("\\\n", " ").strip().splitlines()
    mine = [line for line in lines if line.startswith("{program}")]
    assert mine and all(line.startswith("cast ") for line in lines if line not in mine)
    for line in mine:
        words = shlex.split(line, comments=True)[1:]
        words = words[: words.index(">")] if ">" in words else words
        for kind, length in (("--contract", 20), ("--to", 20), ("reclaim", 32)):
            if kind in words and words[words.index(kind) + 1] == "0x...":
                words[words.index(kind) + 1] = "0x" + "11" * length
        assert parsers()[0].parse_args([command, *words]).command == command


def test_help_and_version(run):
    assert "typical use" in run("--help").out
    assert run("--version").out.startswith("zkllm 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "prove",
        "prove DIR --out x",
        "prove DIR --prompt a --tokens 1 --out x",
        "prove DIR --tokens 1,,2 --out x",
        "prove DIR --tokens -1 --out x",
        "prove DIR --prompt a --new-tokens 0 --out x",
        "prove DIR --prompt a --out x --context 1:2:3",
        f"prove DIR --prompt a --out x --context {CONTEXT}:0x12",
        "prove DIR --prompt a --out x --context 1:0xE7f1725E7734CE288F8367e1Bb143E90bb3F0512:0x" + "22" * 20,
        "settle --model DIR --prompt a",
        "settle --network anvil --model DIR",
        "settle --network anvil --model DIR --prompt a --contract 0x12",
        "verify x",
        "setup --out x",
        "inspect",
    ],
)
def test_wrong_usage_has_exit_code_2(run, arguments):
    outcome = run(*arguments.split())
    assert outcome.code == 2 and "usage:" in outcome.err and outcome.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("request --network anvil --model DIR", "--prompt --prompt-file --chat --messages --tokens"),
        ("request --network anvil --prompt a", "required: --model"),
        ("show --network anvil", "give the id"),
        ("submit --network anvil --model DIR", "required: PROOF"),
    ],
)
def test_the_usage_of_an_action_is_its_own(run, arguments, words):
    outcome = run("settle", *arguments.split())
    assert outcome.code == 2 and outcome.err.startswith(f"usage: zkllm settle {arguments.split()[0]} ")
    assert words in outcome.err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        "setup nowhere/at-all --out build",
        "prove nowhere --prompt a --out x",
        "verify nowhere.zkllm --model nowhere",
        "calldata nowhere.zkllm",
        "settle --network anvil --model nowhere --proof nowhere.zkllm",
        "settle --network mars --model nowhere --prompt a",
        "inspect nowhere.zkllm",
        "accuracy nowhere",
        "accuracy nowhere --text nowhere.txt",
    ],
)
def test_what_is_missing_is_named_in_one_line(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    outcome = run(*arguments.split())
    if outcome.out:  # a proof that cannot be read is rejected
        assert outcome.code == 1 and outcome.out.startswith("rejected: cannot read") and not outcome.err
    else:
        outcome.failed_in_one_line("nowhere" if "mars" not in arguments else "mars")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZkllmError("two\nlines"), 1, "zkllm verify: two lines\n"),
        (OSError(28, "No space left on device", "x"), 1, "zkllm verify: x: the disk is full\n"),
        (OSError(28, "No space left on device"), 1, "zkllm verify: the disk is full\n"),
        (OSError("72 requested and 0 written"), 1, "zkllm verify: not all of it could be read or written\n"),
        (MemoryError(), 1, "zkllm verify: out of memory\n"),
        (
            ModuleNotFoundError("no", name="torch"),
            1,
            "zkllm verify: the Python package torch is missing: pip install torch==",
        ),
        (
            ModuleNotFoundError("no", name="eth_abi.codec"),
            1,
            "zkllm verify: the Python package eth_abi is missing: pip",
        ),
        (
            ModuleNotFoundError("no", name="zkllm._native"),
            1,
            "zkllm verify: the native extension is not built",
        ),
        (ValueError("odd"), 1, "zkllm verify: internal error: ValueError: odd; please report it"),
        (KeyboardInterrupt(), 130, "\nzkllm verify: interrupted\n"),
    ],
)
def test_whatever_goes_wrong_is_a_line_and_an_exit_code(run, monkeypatch, error, code, words, tmp_path):
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(verify, "run", fail)
    monkeypatch.delenv("ZKLLM_DEBUG", raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))  # so that its pip is called pip
    (tmp_path / "x").touch()
    command = ("verify", tmp_path / "x", "--model", tmp_path)
    outcome = run(*command)
    assert outcome.code == code and outcome.err.startswith(words) and outcome.out == ""
    if code == 1:
        outcome = run(*command, "--json")
        assert outcome.json["ok"] is False and outcome.json["error"] in outcome.err


def test_an_interrupted_settlement_says_how_to_go_on(run, monkeypatch):
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(settle, "run", interrupted)
    outcome = run("settle", "--network", "anvil")
    assert outcome.code == 130
    assert outcome.err == "\nzkllm settle: interrupted; give the same command again to go on; " + (
        "nothing is paid for twice\n"
    )


def test_traceback_on_request(monkeypatch, tmp_path):
    monkeypatch.setattr(verify, "run", lambda *_: 1 // 0)
    monkeypatch.setenv("ZKLLM_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["verify", __file__, "--model", str(tmp_path)])


def test_settle_is_a_program_of_its_own():
    done = subprocess.run([sys.executable, "-m", "zkllm.settle", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "usage: python -m zkllm.settle" in done.stdout
    assert "python -m zkllm.settle --network anvil" in done.stdout


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(proof):
    command = f"{sys.executable} -m zkllm inspect {proof} | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


# ---- progress and text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_appear_after_two_seconds_only(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("tqdm.std.time", lambda: clock[0])
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress()
    for stage in ("quick", "slow"):
        progress(stage, 0, 10)
        for i in range(1, 10):
            clock[0] += 0.1 if stage == "quick" else 1
            progress(stage, i, 10)
        progress(stage, 10, 10)
    progress.close()
    text = terminal.getvalue()
    assert "slow" in text and "quick" not in text


def test_a_line_for_each_stage_in_a_pipe_or_a_log(monkeypatch):
    """When it starts, once, whatever it reports and whatever stages come in between."""
    streams = {enabled: io.StringIO() for enabled in (None, False)}
    for enabled, stream in streams.items():
        monkeypatch.setattr(sys, "stderr", stream)
        progress = Progress(enabled)
        for stage in ("outer", "inner", "outer", "last"):
            progress(stage, 0, 1000)
            assert enabled is False or stream.getvalue().rstrip().splitlines()[-1] in (
                f"{stage} ...",
                "inner ...",
            )
            for i in range(1, 1001):
                progress(stage, i, 1000)
        progress.close()
    assert streams[None].getvalue() == "outer ...\ninner ...\nlast ...\n" and streams[False].getvalue() == ""


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_results_that_cannot_be_printed_are_one_line(proof, unbuffered):
    """Nothing of Python's at its end either."""
    refused = "zkllm inspect: the results cannot be printed: the disk is full\n"
    missing = "zkllm inspect: no such folder: 'none'\n"
    for options, code, words in (
        ([proof], 1, refused),
        ([proof, "--json"], 1, refused),
        (["none", "--json"], 1, missing.replace("'none'", "'none'; for the hub write hf:none")),
        (["--help"], 0, ""),
    ):
        command = [sys.executable, "-m", "zkllm", "inspect", *map(str, options)]
        with open("/dev/full", "w") as full:
            environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
            done = subprocess.run(
                command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=environment
            )
        assert (done.returncode, done.stderr) == (code, words)


def test_text_does_not_move_the_cursor():
    assert quote(" magic") == '" magic"'
    assert quote(b'a\xa8\x1b[2J\n"\\') == r'"a\xa8\x1b[2J\n\"\\"'
    assert quote("\u202e\U0001f600") == '"\\u202e\U0001f600"'
    assert [size(n) for n in (0, 1964, 12_345, 5_000_000_000)] == ["0 B", "1,964 B", "12.3 kB", "5000.0 MB"]
    assert pairs([("a", 1), ("bcd", "x")]) == ["a    1", "bcd  x"]
    assert table(("name", "n"), [("a", 1000), ("b", 2)]) == [
        "name      n",
        "----  -----",
        "a     1,000",
        "b         2",
    ]
