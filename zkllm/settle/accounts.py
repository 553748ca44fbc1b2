"""The account that pays. Secrets come from a keystore file or from an environment variable that is *named*;
they are never taken from the command line, printed, or stored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.errors import SettlementError
from zkllm.files import JsonObject, read_private
from zkllm.settle.keystore import decrypt
from zkllm.settle.networks import DEV_CHAIN_ID

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's, Hardhat's and everybody's: its accounts are rich on every development chain, and public."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")


class Account:
    """Signs transactions. Neither `repr` nor `str` shows the key."""

    def __init__(self, signer: LocalAccount, kind: str):
        self._signer = signer
        self.kind = kind
        self.address = bytes.fromhex(signer.address[2:])

    @property
    def can_sign(self) -> bool:
        return True

    def sign(self, transaction: JsonObject) -> tuple[bytes, bytes]:
        """(signed bytes, transaction hash)."""
        signed = self._signer.sign_transaction(transaction)
        return bytes(signed.raw_transaction), bytes(signed.hash)

    def __repr__(self) -> str:
        return f"Account(0x{self.address.hex()}, {self.kind})"


class ExternalAccount(Account):
    """An address whose key is elsewhere: in another wallet, or held by several people."""

    def __init__(self, address: bytes):
        self.kind, self.address = "an external wallet", address

    @property
    def can_sign(self) -> bool:
        return False

    def sign(self, transaction: JsonObject) -> tuple[bytes, bytes]:
        raise SettlementError("this account's key is not here, so its transactions are only printed")


@dataclass(frozen=True)
class KeySource:
    """Where the key is. With no field: the development account, on chain id 31337 only."""

    keystore: Path | None = None
    key_env: str | None = None  # name of the environment variable that holds the key
    # name of the one that holds the keystore's password, or the file that does; else it is asked for
    password_env: str | None = None
    password_file: Path | None = None
    sender: bytes | None = None  # without a key: its transactions are not signed but printed
    dev_index: int = 0

    def __post_init__(self) -> None:
        for option, name in (("--key-env", self.key_env), ("--password-env", self.password_env)):
            if (
                name is not None
                and not _NAME.match(name)
                or name
                and re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", name)
            ):
                # the value is not repeated: it may be the secret itself
                raise SettlementError(f"{option} takes the name of an environment variable, not a secret")
        if sum(source is not None for source in (self.keystore, self.key_env, self.sender)) > 1:
            raise SettlementError("give either --keystore or --key-env or --sender")
        if self.password_env is not None and self.password_file is not None:
            raise SettlementError("give either --password-env or --password-file")
        if self.keystore is None and (self.password_env or self.password_file) is not None:
            raise SettlementError("a password is for --keystore FILE, which is not given")

    def account(self, chain_id: int, ask: Callable[[str], str] | None = None) -> Account:
        if self.sender is not None:
            return ExternalAccount(self.sender)
        if self.keystore is not None:
            given = self._given_password()
            text = read_private(self.keystore, "keystore", SettlementError)
            signer = decrypt(text, str(self.keystore), lambda: self._asked(ask) if given is None else given)
            return Account(signer, f"the keystore {self.keystore.name}")
        if self.key_env is not None:
            return _from_key(_environment(self.key_env), f"the environment variable {self.key_env}")
        if chain_id != DEV_CHAIN_ID:
            raise SettlementError(
                f"chain {chain_id} needs an account: give --keystore FILE, or --key-env NAME of an "
                "environment variable that holds the key, or --sender ADDRESS to sign elsewhere"
            )
        return development_account(self.dev_index)

    def _given_password(self) -> str | None:
        """None: it has to be asked for."""
        if self.password_env is not None:
            return _environment(self.password_env)
        if self.password_file is not None:
            password = read_private(self.password_file, "password file", SettlementError).rstrip("\r\n")
            if "\n" in password:
                raise SettlementError(
                    f"the password file {self.password_file} has several lines; a password is one"
                )
            return password
        return None

    def _asked(self, ask: Callable[[str], str] | None) -> str:
        if ask is None:
            raise SettlementError(
                "the keystore needs a password: give --password-file FILE or --password-env NAME"
            )
        return ask(f"Password of {self.keystore}: ")


def development_account(index: int = 0) -> Account:
    """Derived from the public mnemonic. The callers make sure that the chain is a development one."""
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    key = key_from_seed(seed_from_mnemonic(DEV_MNEMONIC, ""), f"m/44'/60'/0'/0/{index}")
    return _from_key(key.hex(), "the development mnemonic")


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettlementError(f"the environment variable {name} is not set")
    return value


def _from_key(secret: str, source: str) -> Account:
    from eth_account import Account as Signer

    try:
        return Account(Signer.from_key(bytes.fromhex(secret.strip().removeprefix("0x"))), source)
    except Exception:  # its text could repeat the key
        raise SettlementError(f"{source} does not hold a private key of 32 bytes in hexadecimal") from None
