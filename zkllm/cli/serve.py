"""Runs a node that answers and proves for others: an API as OpenAI's clients expect it, whose every answer is
proved; and, with a chain, answers the settlement contract's requests for their rewards. Its state is in one
folder; killed at any point, it goes on where it was. docs/service.md."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.model import hub
from zkllm.requirements import SERVICE, install

if TYPE_CHECKING:
    from zkllm.serve.settings import Settings


SUMMARY = "run a node that answers, proves and settles for others"
EXAMPLES = """
{program} --model build/demo
{program} --model build/demo --network anvil --deploy
{program} --model /shared/gpt2 --ray 10.0.0.1:6379
{program} --config node.toml
{program} --config node.toml --dry-run
{program} --new-key alice --keys keys.txt
"""
INTERRUPTED = "run it again to go on"
"""Options that the settings file has the place of."""
_FILED = ("model", "data", "host", "port", "keys", "network", "contract", "keystore", "password_file",
          "password_env", "key_env", "deploy", "ray")  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=paths.SourceFile, metavar="FILE", help="all settings, as TOML")
    parser.add_argument(
        "--model",
        type=paths.Model,
        action="append",
        metavar="DIR",
        help=f"model to serve: package, {hub.HELP}; several times for several",
    )
    parser.add_argument(
        "--data", type=paths.TargetFolder, metavar="DIR", help="the node's state (default: .zkllm/serve)"
    )
    parser.add_argument("--host", metavar="ADDRESS", help="to listen at (default: 127.0.0.1)")
    parser.add_argument("--port", type=types.port, metavar="N", help="(default: 8080; 0: any that is free)")
    parser.add_argument("--keys", type=paths.FileName, metavar="FILE", help="digests of the API keys")
    types.add_ray(
        parser,
        "prove by the processes of a Ray, as many jobs at once as its machines hold: "
        + types.RAY
        + "(local: one of this machine that ends with the node; default: one process)",
    )
    parser.add_argument("--new-key", metavar="NAME", help="with --keys: make a key, print it once, and end")
    parser.add_argument(
        "--may-settle",
        action="store_true",
        help="with --new-key: it may have answers settled, at the node's cost",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done about each open request, and end"
    )
    chain = parser.add_argument_group("chain", "none: answers are proved and not settled")
    chain.add_argument(
        "--network", metavar="NAME", help="anvil, sepolia, mainnet .., or one of $ZKLLM_NETWORKS"
    )
    chain.add_argument(
        "--contract", type=types.address_text, metavar="ADDRESS", help="settlement contract to use"
    )
    chain.add_argument(
        "--deploy", action="store_true", help="deploy what is missing: verifiers, settlement contract"
    )
    chain.add_argument("--keystore", type=paths.SourceFile, metavar="FILE", help="Ethereum keystore (JSON)")
    chain.add_argument(
        "--password-file", type=paths.SourceFile, metavar="FILE", help="with the keystore's password"
    )
    chain.add_argument(
        "--password-env", metavar="NAME", help="environment variable with the keystore's password"
    )
    chain.add_argument("--key-env", metavar="NAME", help="environment variable with the private key")


def misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.new_key is not None:
        return None if arguments.keys is not None else "--new-key is put into the file that --keys names"
    if arguments.may_settle:
        return "--may-settle is for --new-key"
    if arguments.config is not None:
        given = [name for name in _FILED if getattr(arguments, name)]
        return f"--{given[0].replace('_', '-')} is a setting of --config's file" if given else None
    if not arguments.model:
        return "one of the arguments --model --config --new-key is required"
    if arguments.network is None and any(
        getattr(arguments, name) for name in ("contract", "deploy", "keystore", "key_env", "dry_run")
    ):
        return "what concerns the chain takes --network NAME"
    return None


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.serve import keys

    if arguments.new_key is not None:
        key = keys.add_key(arguments.keys, arguments.new_key, arguments.may_settle)
        console.result({"ok": True, "name": arguments.new_key, "key": key}, [key])
        return 0
    if missing := [name for name in SERVICE if find_spec(name) is None]:
        raise ZkllmError(f"the node needs more packages: {install(*missing)}")
    settings = settings_of(arguments)
    if settings.jobs.ray is not None:
        _require_ray(settings.jobs.ray)
    if arguments.dry_run:
        return _dry_run(settings, console)
    return _serve(settings, console)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Of the file, or of the options."""
    from zkllm.serve.settings import load_settings, parse_settings

    if arguments.config is not None:
        return load_settings(arguments.config)
    names = [Path(model).resolve().name if hub.hub_id(model) is None else model for model in arguments.model]
    data: JsonObject = {
        "models": [
            {"package": str(model), "name": name} for model, name in zip(arguments.model, names, strict=True)
        ],
        "server": _given(arguments, {"host": "host", "port": "port", "keys": "keys_file"}),
        "jobs": _given(arguments, {"ray": "ray"}),
    } | _given(arguments, {"data": "data"})
    if arguments.network is not None:
        names_of = ("network", "contract", "keystore", "password_file", "password_env", "key_env")
        data["chain"] = _given(arguments, {name: name for name in names_of}) | {"deploy": arguments.deploy}
    return parse_settings(data, "the options")


def _given(arguments: argparse.Namespace, names: dict[str, str]) -> JsonObject:
    """Options that were given, by the names that settings have."""
    values = {setting: getattr(arguments, option) for option, setting in names.items()}
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in values.items()
        if value is not None
    }


def _require_ray(address: str) -> None:
    from zkllm.cluster.session import require_answer, require_ray
    from zkllm.serve.settings import LOCAL

    require_ray()
    if address != LOCAL:
        require_answer(address)


def _serve(settings: Settings, console: Console) -> int:
    from zkllm.files import require_folder_place
    from zkllm.serve import logs
    from zkllm.serve.node import Node
    from zkllm.serve.opening import Opening
    from zkllm.serve.serving import serve
    from zkllm.serve.sessions import open_chain

    require_folder_place(settings.data_folder)
    opening, chain = Opening(), settings.chain
    opened = nullcontext() if chain is None else open_chain(settings, chain, progress=opening.progress)
    with opened as session:
        logs.set_up(settings.log_level)
        node = Node(settings, session, opening)
        serve(node, lambda url: console.note(f"listening at {url}"))
    return 0


def _dry_run(settings: Settings, console: Console) -> int:
    from zkllm.cli.text import pairs
    from zkllm.serve.dry_run import survey
    from zkllm.serve.sessions import open_chain

    if settings.chain is None:
        raise ZkllmError("there is no chain whose requests could be looked at: add a table [chain]")
    with open_chain(settings, settings.chain, reading=True) as session:
        found = survey(settings, session, console.progress)
    lines = []
    for entry in found:
        rows: list[tuple[str, object]] = [
            ("request", entry["request_id"]),
            ("would be", "taken" if entry["take"] else "left"),
            ("because", entry["reason"]),
        ]
        lines += [*pairs(rows), ""]
    console.result(
        {"ok": True, "requests": found}, lines or ["no open request for the models that are served"]
    )
    return 0
