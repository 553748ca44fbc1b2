"""Ethereum keystores, version 3 ("Web3 Secret Storage"). eth-account derives the key and decrypts; here every
field that decides which key comes out, or what that costs, is looked at first: it takes any cipher for
aes-128-ctr, any length of the derived key, any cost, and does not compare the address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NoReturn

from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.settle.rpc import checksum_address, one_line

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

CIPHER = "aes-128-ctr"
PRF = "hmac-sha256"
DERIVED_BYTES = 32
"""Half of them encrypt, half are for the MAC: with fewer, any password would pass."""
MAX_SCRYPT_BYTES = 1 << 30
"""Of memory, 128 r n, and 128 r p beside; wallets take 2^28."""
MAX_SCRYPT_WORK = 1 << 25
"""n r p; wallets take 2^21, half a second."""
MAX_ITERATIONS = 10_000_000
"""Of PBKDF2; wallets take up to 1,000,000."""
MAX_SALT_BYTES = 1024

Refuse = Callable[[str], NoReturn]
Fields = JsonObject


def decrypt(text: str, name: str, password: Callable[[], str]) -> LocalAccount:
    """eth-account's signer. `text`: the file's, `name`: what errors call it; `password` is asked for once the
    file is known to be one that can be read."""
    from eth_account import Account as Signer

    def refuse(why: str) -> NoReturn:
        raise SettlementError(f"cannot use the keystore {name}: {why}")

    stored, address = _read(text, refuse)
    secret = password()
    try:
        signer = Signer.from_key(Signer.decrypt(stored, secret))
    except MemoryError:
        refuse("there is not enough memory to derive its key")
    except Exception as error:  # of other kinds in part, and its text could repeat a secret
        if "MAC" not in str(error):
            refuse("what it holds is not a private key")
        empty = "" if secret else " (the password is empty)"
        raise SettlementError(f"wrong password for the keystore {name}{empty}") from None
    if address is not None and address != bytes.fromhex(signer.address[2:]):
        refuse(
            f"it says that it is of the account {checksum_address(address)}, but the key in it is that of "
            f"{signer.address}"
        )
    return signer


def _read(text: str, refuse: Refuse) -> tuple[Fields, bytes | None]:
    """(the fields that decrypting takes, the address that the file names)."""
    try:
        data = json.loads(text, object_pairs_hook=_without_case)
    except _Twice as error:
        refuse(f"it has the field {error} twice")
    except (ValueError, RecursionError):
        refuse("it is not JSON")
    if not isinstance(data, dict):
        refuse("it is not a JSON object")
    version = data.get("version")
    if version not in (3, "3"):
        of = "no version" if version is None else f"version {_shown(version)}"
        of += " (a validator's key)" if version in (4, "4") else ""
        refuse(f"it has {of}; only version 3 is read: export the account anew from its wallet")
    crypto = _object(data, "crypto", refuse)
    cipher = crypto.get("cipher")
    if cipher != CIPHER:
        refuse(
            f"its cipher is {_shown(cipher)}; only {CIPHER} is read: export the account anew from a wallet "
            "of today (geth account import, MetaMask, MyCrypto ..)"
        )
    iv = _bytes(_object(crypto, "cipherparams", refuse), "iv", refuse, (16,))
    kdf = crypto.get("kdf")
    parameters = _object(crypto, "kdfparams", refuse)
    costs = _COSTS.get(kdf) if isinstance(kdf, str) else None
    if costs is None:
        refuse(f"its key derivation is {_shown(kdf)}; only scrypt and pbkdf2 are read")
    if _number(parameters, "dklen", refuse) != DERIVED_BYTES:
        refuse(f"its dklen is {parameters['dklen']}, not {DERIVED_BYTES}")
    salt = _bytes(parameters, "salt", refuse, range(1, MAX_SALT_BYTES + 1))
    stored = {
        "cipher": CIPHER,
        "cipherparams": {"iv": iv},
        "ciphertext": _bytes(crypto, "ciphertext", refuse, (32,)),
        "kdf": kdf,
        "kdfparams": {"dklen": DERIVED_BYTES, "salt": salt, **costs(parameters, refuse)},
        "mac": _bytes(crypto, "mac", refuse, (32,)),
    }
    address = None
    if data.get("address") not in (None, ""):  # some leave it out, so that the file does not name its owner
        address = bytes.fromhex(_bytes(data, "address", refuse, (20,)))
    return {"version": 3, "crypto": stored}, address


def _scrypt(parameters: Fields, refuse: Refuse) -> Fields:
    n, r, p = (_number(parameters, name, refuse) for name in ("n", "r", "p"))
    if n < 2 or n & (n - 1):
        refuse("its n is not a power of two")
    if 128 * r * max(n, p) > MAX_SCRYPT_BYTES or n * r * p > MAX_SCRYPT_WORK:
        refuse(f"deriving its key (n={n}, r={r}, p={p}) takes more than any wallet asks for")
    return {"n": n, "r": r, "p": p}


def _pbkdf2(parameters: Fields, refuse: Refuse) -> Fields:
    if parameters.get("prf") != PRF:
        refuse(f"its prf is {_shown(parameters.get('prf'))}; only {PRF} is read")
    c = _number(parameters, "c", refuse)
    if c > MAX_ITERATIONS:
        refuse(f"deriving its key (c={c}) takes more than any wallet asks for")
    return {"c": c, "prf": PRF}


_COSTS: dict[str, Callable[[Fields, Refuse], Fields]] = {"scrypt": _scrypt, "pbkdf2": _pbkdf2}


# ---- fields
class _Twice(Exception):
    """A field that is there twice: which of them counts?"""


def _without_case(pairs: list[tuple[str, object]]) -> Fields:
    """Some wallets write "Crypto"."""
    found: Fields = {}
    for name, value in pairs:
        if name.lower() in found:
            raise _Twice(one_line(name.lower(), 40))
        found[name.lower()] = value
    return found


def _shown(value: object) -> str:
    return "not named" if value is None else one_line(str(value), 40)


def _object(data: Fields, name: str, refuse: Refuse) -> Fields:
    value = data.get(name)
    if not isinstance(value, dict):
        refuse(f"it has no {name}")
    return value


def _number(data: Fields, name: str, refuse: Refuse) -> int:
    value = data.get(name)
    if type(value) is not int or not 0 < value < 1 << 63:
        refuse(f"its {name} is not a positive number")
    return value


def _bytes(data: Fields, name: str, refuse: Refuse, sizes: Iterable[int]) -> str:
    """In hexadecimal, without 0x."""
    value = data.get(name)
    digits = re.fullmatch(r"(?:0[xX])?((?:[0-9a-fA-F]{2})*)", value) if isinstance(value, str) else None
    if digits is None or len(digits[1]) // 2 not in sizes:
        refuse(f"its {name} is not hexadecimal of the right length")
    return digits[1]
