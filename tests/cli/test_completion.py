"""`zkllm completion`: what real shells complete with the script."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from zkllm.cli import COMMANDS
from zkllm.cli.completion import SHELLS

BASH = """
source "$1"
COMP_WORDS=("${@:2}"); COMP_CWORD=$(( $# - 2 )); COMP_LINE="${*:2}"; COMP_POINT=${#COMP_LINE}
complete -p zkllm | grep -oP '(?<=-F )\\S+' > "$1.name"
COMPREPLY=(); "$(cat "$1.name")" zkllm "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
zmodload zsh/zpty
zpty -b shell zsh -f -i
type() { zpty -w shell "$1"; sleep 0.3 }
type "PS1='>'; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -D -u; print re''ady"
seen=
wait_for() {
  for i in {1..100}; do zpty -r shell out && seen+=$out; [[ $seen == *$1* ]] && break; sleep 0.1; done
}
wait_for ready
zpty -w -n shell "$2"$'\\t'
wait_for $3
print -r -- "$seen"
"""
FISH = 'source $argv[1]; complete -C"$argv[2]"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("completion")
    (place / "answer.zkllm").touch()
    return place


def script(run, shell: str, folder: Path) -> Path:
    outcome = run("completion", shell)
    assert outcome.code == 0 and outcome.err == ""
    path = folder / f"script.{shell}"
    path.write_text(outcome.out)
    return path


def in_bash(run, folder: Path, *words: str) -> set[str]:
    command = ["bash", "--norc", "-c", BASH, "bash", script(run, "bash", folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash(run, folder: Path) -> None:
    assert set(COMMANDS) <= in_bash(run, folder, "zkllm", "")
    assert in_bash(run, folder, "zkllm", "pre") == {"precompute"}
    assert in_bash(run, folder, "zkllm", "settle", "transfer") == {"transfer-ownership"}
    assert in_bash(run, folder, "zkllm", "srs", "fe") == {"fetch-plan"}
    assert in_bash(run, folder, "zkllm", "prove", "--pro") == {"--prompt", "--prompt-file", "--profile"}
    assert in_bash(run, folder, "zkllm", "cache", "") >= {"list", "prune"}
    assert in_bash(run, folder, "zkllm", "completion", "f") == {"fish"}


def test_bash_completes_names_of_files(run, folder: Path) -> None:
    assert in_bash(run, folder, "zkllm", "verify", "ans") == {"answer.zkllm"}
    assert in_bash(run, folder, "zkllm", "prove", "build", "--out", "ans") == {"answer.zkllm"}


def test_zsh(run, folder: Path) -> None:
    """In a pseudo-terminal, with the keys that a user presses."""
    program = shutil.which("zsh")
    if program is None:
        pytest.skip("no zsh")
    script(run, "zsh", folder).rename(folder / "_zkllm")
    command = [program, "-f", "-c", ZSH, "zsh", folder]
    for typed, completed in (("pre", "precompute"), ("verify ans", "answer.zkllm"), ("cache pr", "prune")):
        done = subprocess.run(
            [*command, f"zkllm {typed}", completed], capture_output=True, text=True, cwd=folder, timeout=60
        )
        assert completed in done.stdout, (typed, done)


def test_fish(run, folder: Path) -> None:
    program = shutil.which("fish")
    if program is None:
        pytest.skip("no fish")
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    for typed, completed in (("pre", "precompute"), ("verify ans", "answer.zkllm"), ("cache pr", "prune")):
        command = [program, "--no-config", "-c", FISH, script(run, "fish", folder), f"zkllm {typed}"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
        assert done.stdout.split("\t")[0].strip() == completed, (typed, done)


def test_every_shell_has_every_command(run) -> None:
    for shell in SHELLS:
        out = run("completion", shell).out
        assert all(name in out for name in COMMANDS) and "--older-than" in out
    assert run("completion", "bash", "--json").json["script"] == run("completion", "bash").out.removesuffix(
        "\n"
    )
    assert run("completion", "csh").code == 2
