"""Timestamps as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(timestamp: int) -> str:
    """Of Unix time, which contracts count in."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # contracts know later years than calendars here
        return f"Unix time {timestamp}"
