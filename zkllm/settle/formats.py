"""How addresses and digests are written in records: as wallets and explorers show them."""

from __future__ import annotations

from typing import Annotated

from zkllm.errors import Malformed
from zkllm.records import Text
from zkllm.settle.rpc import checksum_address, parse_address


def _digest(text: str) -> bytes:
    if not text.startswith("0x") or len(text) != 66:
        raise Malformed("it is not a digest")
    return bytes.fromhex(text[2:])


Address = Annotated[bytes, Text(checksum_address, parse_address)]
Digest = Annotated[bytes, Text(lambda data: "0x" + data.hex(), _digest)]
