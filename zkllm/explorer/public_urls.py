"""Nodes' URLs that may be published: those of hosting services hold access keys, which nobody should find
in a page's files."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from zkllm.errors import SettlementError

_SHORT, _LONG = 12, 20
"""Characters of a part of a path from which on it may be a key: with a digit or a capital, or without."""


def require_public(url: str, option: str) -> str:
    """The URL, unless it looks as if it held a secret, or is none. The message does not repeat it."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url or "," in url:
        raise SettlementError(f"{option}: give the URL of one node, http://.. or https://..")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise _secret(option)
    if any(map(_may_be_key, parts.path.split("/"))):
        raise _secret(option)
    return url


def _may_be_key(part: str) -> bool:
    return len(part) >= _LONG or len(part) >= _SHORT and bool(re.search("[0-9A-Z]", part))


def _secret(option: str) -> SettlementError:
    return SettlementError(
        f"{option}: this URL looks as if it held an access key, and everybody can read the page's files; "
        f"give a node that is open to all, or leave {option} out: visitors are asked for a node"
    )
