"""The command line: `zkllm COMMAND`. Every command only wraps the Python API (`zkllm.api`, `zkllm.settle`).

Exit codes: 0 done, 1 failed or rejected (one line on stderr says why), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from zkllm import __version__
from zkllm.cli import paths
from zkllm.cli.console import Console, OutputError, Progress
from zkllm.errors import ZkllmError, ZkllmWarning, reason
from zkllm.files import JsonObject
from zkllm.requirements import FLOAT_MODEL, install

COMMANDS = (
    "srs",
    "setup",
    "precompute",
    "publish",
    "key",
    "prove",
    "prove-many",
    "verify",
    "calldata",
    "settle",
    "explorer",
    "serve",
    "jobs",
    "verifier",
    "inspect",
    "plan",
    "accuracy",
    "demo",
    "bench",
    "profile",
    "cache",
    "doctor",
    "completion",
)
"""Each is a module of this package with SUMMARY, EXAMPLES, configure(parser) and run(arguments, console) ->
int; INTERRUPTED, where there is one, says what to do after Ctrl-C; misuse(arguments) what is wrong with a
combination of options, or None."""

FAILED, INTERRUPTED = 1, 130
DEBUG = "ZKLLM_DEBUG"

_EPILOG = """typical use:
  zkllm setup models/demo-gpt2 --out build/demo
  zkllm prove build/demo --prompt "Once upon a" --out answer.zkllm
  zkllm verify answer.zkllm --model build/demo
  zkllm demo

environment:
  ZKLLM_BACKEND  instructions of the kernels: scalar, avx2 or avx512ifma (default: the best available;
                 all give the same proofs)
  ZKLLM_CACHE    folder of development SRS and of packages made on first use (default: ~/.cache/zkllm)
  ZKLLM_DEBUG    1: a traceback with an internal error

models:
  a folder of this machine, or hf:ID for a model of the Hugging Face hub, as in hf:openai-community/gpt2;
  a name without hf: is never asked for over the network

`zkllm COMMAND --help` describes a command, with examples."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `zkllm`."""
    parser, children = parsers()
    parsed = _parse(parser, arguments)
    module = _module(parsed.command)
    _refuse_misuse(children[parsed.command], module, parsed)
    return _guarded(module, parsed, f"zkllm {parsed.command}")


class _Version(argparse.Action):
    """Looks for the kernels only when it is asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"zkllm {__version__} ({_kernels()})")
        parser.exit()


def _kernels() -> str:
    from zkllm.kernels.backends import backends

    try:
        used, available = backends()
    except ImportError:
        return "native kernels: not built"
    except ZkllmError as error:
        return f"native kernels: {error}"
    return f"native kernels: {used}, of {', '.join(available)}"


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"zkllm.cli.{name.replace('-', '_')}")


def parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Of the program, and of each command."""
    parser = argparse.ArgumentParser(
        prog="zkllm",
        description="Prove that a language model said something, and settle that on Ethereum.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show version and kernels, and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    children = {}
    for name in COMMANDS:
        module = _module(name)
        children[name] = commands.add_parser(name, help=module.SUMMARY, **_texts(module, f"zkllm {name}"))
        _configure(children[name], module)
    return parser, children


def run_alone(name: str, program: str, arguments: Sequence[str] | None = None) -> int:
    """Runs one command as a program of its own, for `python -m zkllm.settle`."""
    module = _module(name)
    parser = argparse.ArgumentParser(**_texts(module, program))
    _configure(parser, module)
    parsed = _parse(parser, arguments)
    _refuse_misuse(parser, module, parsed)
    return _guarded(module, parsed, program)


def _texts(module: ModuleType, program: str) -> JsonObject:
    examples = "\n".join(f"  {line}" for line in module.EXAMPLES.strip().splitlines())
    return {
        "prog": program,
        "description": module.__doc__,
        "epilog": "examples:\n" + examples.replace("{program}", program),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _configure(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    module.configure(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bars or lines")


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        return parser.parse_args(arguments)
    except SystemExit:  # of --help
        _flush_output()
        raise


def _refuse_misuse(parser: argparse.ArgumentParser, module: ModuleType, parsed: argparse.Namespace) -> None:
    problem = module.misuse(parsed) if hasattr(module, "misuse") else None
    if problem is not None:
        parser.error(problem)


def _guarded(module: ModuleType, arguments: argparse.Namespace, program: str) -> int:
    """Runs a command; whatever goes wrong is one line and an exit code."""
    console = Console(arguments.json, Progress(False if arguments.quiet else None))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a token may be no text of the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminable(), _noted_warnings(console):
            paths.check(arguments)
            return int(module.run(arguments, console))
    except KeyboardInterrupt:
        console.progress.close()
        advice = getattr(module, "INTERRUPTED", None)
        print(f"\n{program}: interrupted" + (f"; {advice}" if advice else ""), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        _drop_output()
        return FAILED
    except OutputError as error:
        _drop_output()
        print(f"{program}: the results cannot be printed: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        message = _explain(error)
    finally:
        console.progress.close()
    if arguments.json:
        _flush_output(json.dumps({"ok": False, "error": message}) + "\n")
    print(f"{program}: {message}", file=sys.stderr)
    return FAILED


@contextmanager
def _noted_warnings(console: Console) -> Iterator[None]:
    """What the package warns of is a note, one line, each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ZkllmWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if issubclass(category, ZkllmWarning):
                console.note(f"note: {message}")
            else:
                usual(message, category, *rest, **named)

        warnings.showwarning = show
        yield


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, so that a local node is stopped too."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _flush_output(last: str = "") -> None:
    """Nothing is left to be written, and to fail, when Python ends."""
    try:
        if last:
            sys.stdout.write(last)
        sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output() -> None:
    """What is still to be written goes nowhere, or Python would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> str:
    if isinstance(error, ZkllmError):
        text = str(error)
    elif isinstance(error, OSError):
        text = f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    elif isinstance(error, MemoryError):
        text = "out of memory"
    elif isinstance(error, ModuleNotFoundError) and error.name == "zkllm._native":
        text = "the native extension is not built; run make setup"
    elif isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        wanted = FLOAT_MODEL if missing in FLOAT_MODEL else (missing,)
        text = f"the Python package {missing} is missing: {install(*wanted)}"
    else:
        text = f"internal error: {type(error).__name__}: {error}; please report it ({DEBUG}=1 shows where)"
    return " ".join(text.split())
