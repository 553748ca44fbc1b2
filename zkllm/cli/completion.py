"""Prints a script that completes commands, options, choices and file names in a shell. It is made from the
options of this version, once: completing runs no Python. Print it again after an update."""

from __future__ import annotations

import argparse
from pathlib import Path

from zkllm.cli import paths
from zkllm.cli.console import Console

SUMMARY = "print a completion script for bash, zsh or fish"
EXAMPLES = """
{program} bash > ~/.local/share/bash-completion/completions/zkllm
{program} zsh > "${fpath[1]}/_zkllm"
{program} fish > ~/.config/fish/completions/zkllm.fish
"""
SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace, console: Console) -> int:
    import shtab

    from zkllm.cli import parsers

    parser, _ = parsers()
    _complete_paths(parser)
    script = shtab.complete(parser, shell=arguments.shell)
    console.result({"ok": True, "shell": arguments.shell, "script": script}, [script])
    return 0


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Of every argument that names a path, and of the commands below."""
    from shtab import DIRECTORY, FILE

    folders = (paths.SourceFolder, paths.TargetFolder)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _complete_paths(child)
        elif isinstance(action.type, type) and issubclass(action.type, Path | paths.Model):
            vars(action)["complete"] = DIRECTORY if issubclass(action.type, folders) else FILE
        elif action.metavar == "FILE":  # read where it is parsed
            vars(action)["complete"] = FILE
