"""`zkllm.column_work.ColumnWork` over a Ray: a task is a column, or a range of one's frequencies.

A process keeps what it has opened for the next task. What a killed one was computing Ray gives to another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.placement import place
from zkllm.cluster.session import Session
from zkllm.cluster.told import ToldPackage, limit_threads
from zkllm.commitments import commit_column
from zkllm.errors import SrsError, ZkllmError, reason
from zkllm.hiding import fixed_masks
from zkllm.kernels.native import NATIVE
from zkllm.model.package import ModelPackage
from zkllm.pcs.srs import Srs
from zkllm.precompute import FixedColumns
from zkllm.protocol.data import Tensors
from zkllm.protocol.layout import Layout
from zkllm.protocol.witness import fixed_tensors
from zkllm.setup_check import commitment_powers, open_setup
from zkllm.shape_protocol import protocol_of
from zkllm.srs_files import load_srs
from zkllm.transformed_srs import open_transformed, places_of

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES = 3
"""Of a task whose process dies."""
AHEAD = 3
"""Tasks that are handed out for each that runs."""
MOST_FREQUENCIES = 256
"""Of one task."""
_BASE, _PER_COEFFICIENT = 512 << 20, 48
"""Bytes that a task takes, and that each coefficient of a column adds: scalars, digits, buckets, points."""
Key = TypeVar("Key")


@dataclass(frozen=True)
class ToldSrs:
    """`file` None: the development SRS. `digest` names it whatever its length."""

    file: str | None
    digest: bytes

    def open(self, powers: int) -> Srs:
        if self.file is not None and not Path(self.file).is_file():
            raise SrsError(
                f"{self.file}, the SRS, is not on this machine; keep it where all machines of the cluster "
                "have it by this name"
            )
        srs = load_srs(Path(self.file) if self.file else None, powers, None, NATIVE)
        if srs.digest != self.digest:
            raise SrsError(f"{self.file or 'the development SRS'} is another SRS on this machine")
        return srs


class RayColumns:
    """In a session."""

    def __init__(self, session: Session):
        self._session = session

    def commit(
        self, package: ModelPackage, rows: int, srs: Path | None, srs_digest: bytes, columns: Sequence[int]
    ) -> Iterator[tuple[int, bytes]]:
        told, string = ToldPackage.of(package, with_setup=False), _told(srs, srs_digest)
        tasks = {column: partial(_commit, told, string, rows, column) for column in columns}
        yield from self._run(tasks, package.config.fixed_mu)

    def transform(
        self, srs: Path | None, srs_digest: bytes, mu: int, b_log2: int, parts: Sequence[tuple[int, int]]
    ) -> Iterator[bytes]:
        string = _told(srs, srs_digest)
        tasks = {part: partial(_transform, string, mu, b_log2, *part) for part in parts}
        early: dict[tuple[int, int], bytes] = {}
        ended = self._run(tasks, mu)
        for part in parts:
            while part not in early:
                found, raw = next(ended)
                early[found] = raw
            yield early.pop(part)

    def table_values(
        self, package: ModelPackage, transformed: Path, frequencies: int, columns: Sequence[int]
    ) -> Iterator[tuple[int, bytes]]:
        told = ToldPackage.of(package)
        starts = range(0, frequencies, MOST_FREQUENCIES)
        tasks = {
            (column, start): partial(
                _values, told, str(transformed), column, start, min(frequencies, start + MOST_FREQUENCIES)
            )
            for column in columns
            for start in starts
        }
        parts: dict[int, dict[int, bytes]] = {}
        for (column, start), values in self._run(tasks, package.config.mu):
            of_column = parts.setdefault(column, {})
            of_column[start] = values
            if len(of_column) == len(starts):
                yield column, b"".join(of_column[first] for first in starts)
                del parts[column]

    def _run(self, tasks: Mapping[Key, Callable[[], bytes]], mu: int) -> Iterator[tuple[Key, bytes]]:
        """Each task's answer, in the order in which they end; a few more are handed out than run."""
        import ray

        memory = _BASE + (_PER_COEFFICIENT << mu)
        where = place(self._session.nodes, memory, "a task on a column", cores=1)
        run = ray.remote(_task).options(num_cpus=1, memory=memory, max_retries=RETRIES)
        left, running = iter(tasks.items()), dict["ObjectRef[bytes | str]", Key]()
        while True:
            while len(running) < AHEAD * where.count and (following := next(left, None)) is not None:
                running[run.remote(following[1])] = following[0]
            if not running:
                return
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            key = running.pop(ready)
            try:
                answer = ray.get(ready)
            except ray.exceptions.RayError as error:
                words = " ".join(str(error).split())[:300]
                raise ClusterError(f"a task on a column failed {RETRIES + 1} times: {words}") from None
            if isinstance(answer, str):
                raise ClusterError(answer)
            yield key, answer


def _told(srs: Path | None, digest: bytes) -> ToldSrs:
    return ToldSrs(None if srs is None else str(srs.resolve()), digest)


# ---- in the processes of the cluster


def _task(work: Callable[[], bytes]) -> bytes | str:
    """Points, or a line that says why not."""
    limit_threads(1)
    try:
        return work()
    except (ZkllmError, OSError) as error:
        return f"{os.uname().nodename}: {reason(error)}"


def _commit(told: ToldPackage, srs: ToldSrs, rows: int, column: int) -> bytes:
    string, layout, tensors, masks = _columns(told, srs, rows)
    return commit_column(string, layout, tensors, column, masks[column] if masks else {})


@lru_cache(maxsize=1)
def _columns(
    told: ToldPackage, srs: ToldSrs, rows: int
) -> tuple[Srs, Layout, Tensors, Sequence[Mapping[int, int]]]:
    package = told.open()
    protocol, string = protocol_of(package, rows, 1), srs.open(commitment_powers(package))
    tensors = fixed_tensors(protocol.manifest, package.weights)
    return string, protocol.fixed, tensors, fixed_masks(package, string.digest)


def _transform(srs: ToldSrs, mu: int, b_log2: int, first: int, count: int) -> bytes:
    return places_of(srs.open(1 << mu), mu, b_log2, first, count)


def _values(told: ToldPackage, transformed: str, column: int, first: int, last: int) -> bytes:
    columns = _table(told)
    binding = columns.binding
    place_of = (binding.srs_digest, binding.mu, binding.b_log2)
    values = columns.values(column, open_transformed(Path(transformed), *place_of, NATIVE), first, last)
    columns.sums.release(column)
    return values


@lru_cache(maxsize=1)
def _table(told: ToldPackage) -> FixedColumns:
    package = told.open()
    record = open_setup(package)
    srs = ToldSrs(record.srs_path, record.srs_digest).open(1 << package.config.mu)
    return FixedColumns.of(package, record, srs, NATIVE)
