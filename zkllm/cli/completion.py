"""Prints a script that completes commands, options, choices and file names in a shell. It is made from the
options of this version, once: completing runs no Python. Print it again after an update."""

from __future__ import annotations

import argparse

from zkllm.cli.console import Console

SUMMARY = "print a completion script for bash, zsh or fish"
EXAMPLES = """
{program} bash > ~/.local/share/bash-completion/completions/zkllm
{program} zsh > "${{fpath[1]}}/_zkllm"
{program} fish > ~/.config/fish/completions/zkllm.fish
"""
SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace, console: Console) -> int:
    import shtab

    from zkllm.cli import parsers

    parser, _ = parsers()
    script = shtab.complete(parser, shell=arguments.shell)
    console.result({"ok": True, "shell": arguments.shell, "script": script}, [script])
    return 0
