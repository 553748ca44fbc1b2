"""The node's account on its chain, from its settings."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zkllm.errors import SettlementError
from zkllm.serve.settings import ChainSettings, Settings
from zkllm.settle import KeySource, Session, network, open_session
from zkllm.settle.contracts import settlement_artifact
from zkllm.settle.deploy import Progress


@contextmanager
def open_chain(
    settings: Settings, chain: ChainSettings, reading: bool = False, progress: Progress | None = None
) -> Iterator[Session]:
    """For as long as the node runs. Its records of transactions are in the node's folder, which no other run
    can use meanwhile. `reading`: nothing is sent."""
    files = [None if name is None else settings.path(name) for name in (chain.keystore, chain.password_file)]
    keys = KeySource(files[0], chain.key_env, chain.password_env, files[1])
    named = network(chain.network)
    settlement_artifact()  # that there is a compiler, before a password is asked for
    with open_session(
        named, keys, settings.data_folder, reading=reading, ask_password=_ask_password, progress=progress
    ) as session:
        yield session


def _ask_password(question: str) -> str:
    if not sys.stdin.isatty():
        raise SettlementError("the keystore needs a password: give password_file, or password_env")
    return getpass.getpass(question, stream=sys.stderr)
