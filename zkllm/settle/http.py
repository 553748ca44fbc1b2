"""What all HTTP of settling has in common, with nodes and with verification services: one client, requests,
which web3's provider speaks with too. URLs and headers may hold keys, so that no message repeats them; hosts
are named, without what may be a key in them.
"""

from __future__ import annotations

import ipaddress
import logging
import time
import urllib.parse
from typing import TYPE_CHECKING

from zkllm.errors import SettlementError

if TYPE_CHECKING:
    from requests import Response, Session

MAX_PAUSE_SECONDS = 60.0
"""Nobody is left alone for longer, whatever he asks for."""
_BLOCK = 1 << 16
_LONGEST_WORD = 16
"""Letters and digits of a part of a host's name: a longer one without hyphens may be a key, as some gateways
have it there."""


def open_http(url: str, whose: str) -> Session:
    """A client for one host; SettlementError where the URL is none. `whose`: in the message."""
    from requests import Session

    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") and (parts.port or 1) else None
    except ValueError:
        host = None
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise SettlementError(f"{whose} must be an http:// or https:// URL")
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # its debug lines repeat the URL
    session = Session()
    # a proxy of the environment is for other machines, never for one that listens on this
    session.trust_env = not _is_loopback(host)
    return session


def hosts_in(urls: str) -> str:
    """The hosts and ports of URLs, separated by commas: nothing of what may be secret in them."""
    return ", ".join(_host_in(url.strip()) for url in urls.split(","))


def _host_in(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not host.isascii() or not host.isprintable():
        return "no URL"
    if ":" in host:  # IPv6
        named = f"[{host}]"
    else:
        named = ".".join(
            "*" if len(word) > _LONGEST_WORD and word.isalnum() else word for word in host.split(".")
        )
    return f"{named}:{port}" if port else named


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def pause_of(response: Response) -> float | None:
    """Seconds for which an answer asks not to be asked again (Retry-After), where it does."""
    after = response.headers.get("Retry-After", "").strip()
    if not (after.isdecimal() and after.isascii()):
        return None
    return min(float(after[:9]), MAX_PAUSE_SECONDS)


def read_body(response: Response, most: int, seconds: float) -> bytes:
    """Of an answer that is streamed, up to one byte more than `most`; TimeoutError where it takes longer.
    Other errors are those of requests."""
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError
    from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

    deadline, body = time.monotonic() + seconds, bytearray()
    try:
        # what is there: requests waits for a whole block, however slowly it comes
        while len(body) <= most and (block := response.raw.read1(_BLOCK, decode_content=True)):
            body += block
            if time.monotonic() > deadline:
                raise TimeoutError
    except ReadTimeoutError:
        raise TimeoutError from None
    except DecodeError:
        raise ContentDecodingError from None
    except HTTPError:
        raise ChunkedEncodingError from None
    return bytes(body[: most + 1])


def why_unreachable(error: Exception) -> str:
    """Why there is no answer, in words that cannot hold the URL."""
    from requests import ConnectionError, Timeout
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError, SSLError
    from web3.exceptions import TimeExhausted

    if isinstance(error, Timeout | TimeExhausted | TimeoutError):
        return "it does not answer in time"
    if isinstance(error, SSLError):
        return "its certificate is not accepted"
    if isinstance(error, ChunkedEncodingError | ContentDecodingError):
        return "the connection broke off"
    if isinstance(error, ConnectionError | OSError) and not hasattr(error, "response"):
        return "no connection"
    return "no connection" if isinstance(error, ConnectionError) else "the request failed"
