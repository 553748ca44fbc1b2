"""Keystores as wallets write them, and those that would give another account, take any time or any memory."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from zkllm.errors import SettlementError
from zkllm.settle import keystore
from zkllm.settle.accounts import KeySource

PASSWORD = "open sesame"
KEY = bytes([0x42] * 32)


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    """PBKDF2, at little cost."""
    from eth_account import Account

    data: dict[str, Any] = Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=10)
    return data


@pytest.fixture(scope="module")
def scrypt() -> dict[str, Any]:
    from eth_account import Account

    data: dict[str, Any] = Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2)
    return data


@pytest.fixture
def address() -> bytes:
    from eth_account import Account

    return bytes.fromhex(Account.from_key(KEY).address[2:])


@pytest.fixture
def opened(tmp_path: Path):
    """Of a keystore (an object, or the file's text) with a password, or what the password's file holds."""

    def call(data: object, password: str | bytes = PASSWORD) -> Any:
        path, secret = tmp_path / "key.json", tmp_path / "password"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        path.chmod(0o600)
        if isinstance(password, str):
            return KeySource(path).account(1, lambda question: password)
        secret.write_bytes(password)
        secret.chmod(0o600)
        return KeySource(path, password_file=secret).account(1)

    return call


def changed(data: dict[str, Any], where: str, value: object) -> dict[str, Any]:
    """With the field at "a.b.c" set, or left out where the value is `...`."""
    data = copy.deepcopy(data)
    *path, last = where.split(".")
    inner = data
    for name in path:
        inner = inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return data


def refused(opened, data: object, *words: str) -> None:
    """In one line, before a password is asked for, and without anything that is secret."""
    with pytest.raises(SettlementError) as caught:
        opened(data, b"never read")
    text = str(caught.value)
    assert "cannot use the keystore" in text and "wrong password" not in text and "\n" not in text, text
    for word in words:
        assert word in text, text
    assert PASSWORD not in text and KEY.hex() not in text


# ---- what wallets write


def test_the_variants_of_wallets_give_the_account(usual, scrypt, opened, address):
    lower = address.hex()
    variants = [
        usual,
        scrypt,
        *(changed(usual, "address", spelt) for spelt in (lower, "0x" + lower, "0X" + lower.upper())),
        *(changed(usual, "address", nothing) for nothing in (..., None, "")),
        changed(usual, "version", "3"),
        changed(usual, "id", ...),
        changed(usual, "crypto.mac", "0x" + usual["crypto"]["mac"]),
        changed(usual, "crypto.ciphertext", usual["crypto"]["ciphertext"].upper()),
        {"Crypto" if name == "crypto" else name: value for name, value in usual.items()},
        usual | {"name": "savings", "meta": "{}", "x-ethers": {"client": "ethers.js"}},
    ]
    for data in variants:
        assert opened(data).address == address
    assert opened("\ufeff" + json.dumps(usual, indent=2)).address == address


@pytest.mark.parametrize(
    "crypto",
    [
        {
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "r": 1,
                "p": 8,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        {
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
    ],
)
def test_the_vectors_of_the_definition(opened, crypto):
    """Of "Web3 Secret Storage Definition", at the costs of real wallets."""
    data = {"crypto": {"cipher": "aes-128-ctr"} | crypto, "version": 3}
    assert opened(data, "testpassword").address.hex() == "008aeeda4d805471df9b2a5b0f38a0c3bcba786b"


# ---- what would be another account


def test_a_keystore_of_another_cipher_is_refused(usual, opened):
    """Its MAC is over the ciphertext alone, so that decrypting it as CTR gives a key: a stranger's."""
    for cipher in ("aes-128-cbc", "aes-256-ctr", "", None, ..., 5):
        refused(opened, changed(usual, "crypto.cipher", cipher), "its cipher is", "only aes-128-ctr is read")
    refused(opened, changed(usual, "crypto.cipher", "aes-128-cbc"), "aes-128-cbc", "export the account anew")


def test_an_address_that_is_not_the_key_s_is_refused(usual, opened, address):
    for other in ("00" * 20, "0x" + "70" * 20):
        with pytest.raises(
            SettlementError, match="of the account 0x[07]+, but the key in it is that of 0x"
        ) as caught:
            opened(changed(usual, "address", other))
        assert address.hex() in str(caught.value).lower()
    for damaged in (address.hex()[:-1], address.hex() + "00", "XE542A5PZHH8PYIZUBEJEO0MFWRAPPIL67", 5, ["a"]):
        refused(opened, changed(usual, "address", damaged), "its address is not")


def test_a_short_derived_key_would_let_any_password_pass(usual, scrypt, opened):
    for data in (usual, scrypt):
        for size in (16, 0, 31, 64, "32", None, ..., True, 1 << 40):
            refused(opened, changed(data, "crypto.kdfparams.dklen", size), "its dklen is")


def test_a_field_that_is_there_twice_is_refused(usual, opened):
    other = json.dumps(usual["crypto"] | {"ciphertext": "00" * 32})
    refused(opened, json.dumps(usual)[:-1] + f', "Crypto": {other}}}', "the field crypto twice")
    refused(opened, '{"version": 3, "version": 4}', "the field version twice")


# ---- what would take any time or memory

GREEDY: dict[str, list[Any]] = {
    "n": [1 << 24, 1 << 40, 3, 1, 0, -2, True, 2.0, "262144", None, ..., 1 << 70],
    "r": [1 << 23, 1 << 40, 0, -1, None, ...],
    "p": [64, 1 << 30, 0, -1, "1", None, ...],
}


@pytest.mark.parametrize("name", GREEDY)
def test_costs_of_scrypt_are_bounded(scrypt, opened, name):
    data = changed(scrypt, "crypto.kdfparams.n", 262144)
    for value in GREEDY[name]:
        refused(opened, changed(data, f"crypto.kdfparams.{name}", value), f"{name}")
    many = changed(changed(scrypt, "crypto.kdfparams.n", 2), "crypto.kdfparams.r", 1)
    refused(opened, changed(many, "crypto.kdfparams.p", 1 << 24), "more than any wallet asks for")


def test_costs_of_pbkdf2_are_bounded(usual, opened):
    for count in (keystore.MAX_ITERATIONS + 1, 1 << 62, 1 << 70, 0, -1, "10", None, ..., True):
        refused(opened, changed(usual, "crypto.kdfparams.c", count))
    for prf in ("hmac-sha512", "sha256", "hmac-", None, ...):
        refused(opened, changed(usual, "crypto.kdfparams.prf", prf), "its prf is", "only hmac-sha256 is read")


def test_a_file_that_is_too_large_is_not_read(usual, opened, tmp_path):
    endless = KeySource(Path("/dev/zero"))
    for data in (json.dumps(usual) + " " * (1 << 16), "[" * 70_000):
        with pytest.raises(SettlementError, match="cannot read the keystore .*: it is too large to be one"):
            opened(data)
    with pytest.raises(SettlementError, match="cannot read the keystore /dev/zero: it is too large"):
        endless.account(1, lambda question: PASSWORD)


# ---- every other field


@pytest.mark.parametrize("version", [None, ..., 1, "1", 2, 4, "4", 3.5, True, "three", [3]])
def test_other_versions_are_refused(usual, opened, version):
    words = "no version" if version in (None, ...) else "version"
    refused(opened, changed(usual, "version", version), words, "only version 3 is read")


@pytest.mark.parametrize(
    "where", ["crypto", "crypto.cipherparams", "crypto.kdfparams", "crypto.kdf", "crypto.mac",
              "crypto.ciphertext", "crypto.cipherparams.iv", "crypto.kdfparams.salt"]
)  # fmt: skip
def test_fields_that_are_not_there_or_damaged_are_named(usual, opened, where):
    name = where.split(".")[-1]
    said = "key derivation" if name == "kdf" else name
    for value in (..., None, 5, "", "zz", "0x0", [], {}):
        if value != {} or name not in ("cipherparams", "kdfparams", "crypto"):  # whose own fields are named
            refused(opened, changed(usual, where, value), said)
    if name in ("iv", "mac", "ciphertext"):
        for size in (1, 15, 31, 33, 48):
            refused(opened, changed(usual, where, "11" * size), f"its {name} is not hexadecimal of the right")


def test_what_is_no_keystore_at_all(opened):
    for text in ("", "{", "[1]", "3", "null", '"x"', "\x00", '{"encseed": "00", "ethaddr": "00"}'):
        refused(opened, text)


def test_a_key_that_is_none_is_refused(opened):
    """Zero, and beyond the curve's order."""
    import hashlib

    from eth_keyfile.keyfile import encrypt_aes_ctr
    from eth_utils import keccak

    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"\1" * 32, 1, 32)
    for secret in (bytes(32), b"\xff" * 32):
        ciphertext = encrypt_aes_ctr(secret, derived[:16], 7)
        crypto = {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": (7).to_bytes(16, "big").hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "pbkdf2",
            "kdfparams": {"c": 1, "dklen": 32, "prf": "hmac-sha256", "salt": "01" * 32},
            "mac": keccak(derived[16:] + ciphertext).hex(),
        }
        with pytest.raises(SettlementError, match="what it holds is not a private key"):
            opened({"version": 3, "crypto": crypto})


# ---- passwords


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\n\n"])
def test_the_end_of_the_line_is_not_the_password_s(usual, opened, address, ending):
    assert opened(usual, PASSWORD.encode() + ending).address == address
    assert opened(usual, b"\xef\xbb\xbf" + PASSWORD.encode() + ending).address == address


def test_spaces_belong_to_a_password(opened, address):
    from eth_account import Account

    for password in (" open ", "ὀπεν", ""):
        data = Account.encrypt(KEY, password, kdf="pbkdf2", iterations=10)
        assert opened(data, password.encode() + b"\n").address == opened(data, password).address == address


def test_wrong_passwords_are_said_and_not_shown(usual, opened):
    for password in (b"open Sesame\n", b"open sesame \n", b"opensesame"):
        with pytest.raises(SettlementError, match="^wrong password for the keystore .*key.json$") as caught:
            opened(usual, password)
        assert "esame" not in str(caught.value)
    for empty in (b"", b"\n", b"\r\n"):
        with pytest.raises(SettlementError, match="wrong password .* .the password is empty.$"):
            opened(usual, empty)
    with pytest.raises(SettlementError, match="the password file .* has several lines; a password is one"):
        opened(usual, b"open sesame\nof the savings\n")
    with pytest.raises(SettlementError, match="cannot read the password file .*: it is not text in UTF-8"):
        opened(usual, b"\xff\xfe\x00")
    with pytest.raises(SettlementError, match="cannot read the password file .*: it is too large"):
        opened(usual, b"x" * 70_000)
