"""A Ray cluster that a command joins for a part of its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zkllm.cli.console import Console

if TYPE_CHECKING:
    from zkllm.column_work import ColumnWork


@contextmanager
def column_work(address: str | None, console: Console) -> Iterator[ColumnWork | None]:
    """Who computes columns: the machines of the Ray at that address; None without one."""
    if address is None:
        yield None
        return
    from zkllm.cluster.columns import RayColumns
    from zkllm.cluster.session import ray_session

    console.progress("join Ray", 0, 1)
    with ray_session(address) as session:
        yield RayColumns(session)
