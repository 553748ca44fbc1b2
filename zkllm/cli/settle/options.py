"""Options that the commands share, and opening a session from them."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.errors import SettlementError

if TYPE_CHECKING:
    from zkllm.settle.session import Session


NOBODY = bytes(20)
"""Account of commands that only read, where none is given."""


def add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--network", metavar="NAME", help="anvil, sepolia, mainnet .., or one of $ZKLLM_NETWORKS (required)"
    )
    group.add_argument(
        "--rpc-url",
        metavar="URL",
        help="node, or several separated by commas; better in the network's environment variable: "
        "other users of this machine see command lines",
    )
    group.add_argument(
        "--home", type=Path, metavar="DIR", help="records of deployments and transactions (default: .zkllm)"
    )


def add_contract(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contract", type=types.checked_address, metavar="ADDRESS", help="settlement contract to use"
    )
    parser.add_argument(
        "--owner",
        type=types.checked_address,
        metavar="ADDRESS",
        help="first owner of the settlement contract, from which its address follows (default: the account)",
    )


def add_account(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "account", "on chain id 31337 the public development account, unless given"
    )
    group.add_argument("--keystore", type=Path, metavar="FILE", help="Ethereum keystore (JSON)")
    group.add_argument("--password-file", type=Path, metavar="FILE", help="file with the keystore's password")
    group.add_argument(
        "--password-env", metavar="NAME", help="environment variable with the keystore's password"
    )
    group.add_argument("--key-env", metavar="NAME", help="environment variable with the private key")
    group.add_argument(
        "--sender",
        type=types.checked_address,
        metavar="ADDRESS",
        help="without a key: print unsigned transactions for another wallet, send nothing",
    )


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, say what would be sent, send nothing"
    )


def add_common(parser: argparse.ArgumentParser, *, sending: bool = True) -> None:
    """Contract, network and account, and `--dry-run` where the command sends something."""
    add_contract(parser)
    if sending:
        add_dry_run(parser)
    add_network(parser)
    add_account(parser)


def add_model(parser: argparse.ArgumentParser, required: str = " (required)") -> None:
    """`required`: when; `require` sees to it."""
    parser.add_argument("--model", type=Path, metavar="DIR", help=f"model package or checkpoint{required}")


def require(arguments: argparse.Namespace, *names: str) -> None:
    """Wrong usage where one of these options is missing."""
    missing = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name, None) is None]
    if missing:
        arguments.settle_parser.error("the following arguments are required: " + ", ".join(missing))
    if "network" in names:
        from zkllm.settle import network

        network(arguments.network)  # an unknown one is named before a model is opened


@contextmanager
def open_from(arguments: argparse.Namespace, console: Console, *, reading: bool = False) -> Iterator[Session]:
    """A session on the network that is named. `reading`: no account is needed."""
    from zkllm.settle import KeySource, network, open_session
    from zkllm.settle.networks import DEV_CHAIN_ID

    chain = network(arguments.network)
    if arguments.rpc_url is not None:
        chain = replace(chain, rpc_url_flag=arguments.rpc_url)
    sender = arguments.sender
    if reading and chain.chain_id != DEV_CHAIN_ID and not (arguments.keystore or arguments.key_env):
        sender = sender or NOBODY
    keys = KeySource(
        arguments.keystore, arguments.key_env, arguments.password_env, arguments.password_file, sender
    )
    with open_session(
        chain,
        keys,
        arguments.home,
        reading=reading,
        ask_password=_ask_password,
        progress=console.progress,
    ) as session:
        yield session


def _ask_password(question: str) -> str:
    if not sys.stdin.isatty():
        raise SettlementError(
            "the keystore needs a password: give --password-file FILE or --password-env NAME"
        )
    return getpass.getpass(question, stream=sys.stderr)


def only_printed(arguments: argparse.Namespace, session: Session) -> bool:
    """Whether nothing is sent."""
    return bool(arguments.dry_run) or not session.account.can_sign
