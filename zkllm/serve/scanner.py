"""Follows the contract's announcements through the chain: from the last block that was seen, over gaps, and
back where a reorganisation has put other blocks in the place of those that were seen.

Hashes of the blocks at which a look ended are kept. The newest of them that is still of the chain is where
the next look begins; what came after it was dropped.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.serve.database import Database
from zkllm.settle.rpc import Behind, Event, RateLimited, Rpc, RpcError

KEPT_LOOKS = 512
"""A reorganisation that goes back further has everything looked at again."""
BEHIND_SECONDS = 60.0
"""For which a chain that is shorter than it was counts as a node that is behind."""


class Moving(SettlementError):
    """The chain changed while it was looked at."""


@dataclass(frozen=True)
class Look:
    """`events` of the blocks after the base up to `last`, whose hash is `last_hash` (None: no block was
    there). `forked_at`: the last block of what was seen before that is still of the chain; None where all of
    it is. `complete`: whether the look went to the newest block."""

    events: tuple[Event, ...]
    last: int
    last_hash: bytes | None
    forked_at: int | None
    complete: bool


class Scanner:
    """Of one contract. `first_block`: where it begins when nothing is stored; None: with the newest block.
    `confirmations`: blocks, an announcement's own included, after which it is seen."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        chain_id: int,
        contract: bytes,
        first_block: int | None,
        blocks_at_once: int,
        confirmations: int,
        patience: float = BEHIND_SECONDS,
    ):
        self._database, self._rpc = database, rpc
        self._where = (chain_id, contract)
        self._contract = contract
        self._first, self._most, self._confirmations = first_block, blocks_at_once, confirmations
        self._patience = patience
        self._shorter_since: float | None = None

    def look(self) -> Look:
        """The next blocks; nothing is noted before `note`. Raises Moving where they are not of one chain."""
        newest = self._rpc.quantity("eth_blockNumber") - self._confirmations + 1
        base, forked_at = self._base(newest)
        if newest <= base:
            return Look((), base, None, forked_at, True)
        last = min(newest, base + self._most)
        while True:
            before = self._rpc.block_hash(last)
            try:
                events = self._rpc.events(self._contract, (), base + 1, last)
            except (RateLimited, Behind):
                raise
            except RpcError:  # nodes bound the range, or what is in it, each in words of its own
                if last == base + 1:
                    raise
                last = base + (last - base) // 2
                continue
            if before is None or before != self._rpc.block_hash(last):
                raise Moving("the chain changed while it was looked at")
            return Look(tuple(events), last, before, forked_at, last == newest)

    def note(self, connection: sqlite3.Connection, look: Look) -> None:
        """Within the transaction that notes what the look found."""
        if look.forked_at is not None:
            connection.execute(
                "DELETE FROM blocks WHERE chain_id = ? AND contract = ? AND number > ?",
                (*self._where, look.forked_at),
            )
        if look.last_hash is not None:
            connection.execute(
                "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", (*self._where, look.last, look.last_hash)
            )
            connection.execute(
                """DELETE FROM blocks WHERE chain_id = ? AND contract = ? AND number NOT IN
                   (SELECT number FROM blocks WHERE chain_id = ? AND contract = ?
                    ORDER BY number DESC LIMIT ?)""",
                (*self._where, *self._where, KEPT_LOOKS),
            )

    def _base(self, newest: int) -> tuple[int, int | None]:
        """(the last block that was seen and is still of the chain, the same where others were dropped)."""
        seen = self._database.all(
            "SELECT number, hash FROM blocks WHERE chain_id = ? AND contract = ? ORDER BY number DESC",
            *self._where,
        )
        self._wait_for_length(newest, seen[0]["number"] if seen else -1)
        for index, row in enumerate(seen):
            if self._rpc.block_hash(row["number"]) == row["hash"]:
                return row["number"], row["number"] if index else None
        first = self._first if self._first is not None else seen[-1]["number"] if seen else newest
        base = max(0, first) - 1
        return base, base if seen else None

    def _wait_for_length(self, newest: int, seen: int) -> None:
        """Behind one URL there may be several nodes, not all of them equally far."""
        if newest >= seen:
            self._shorter_since = None
            return
        now = time.monotonic()
        self._shorter_since = now if self._shorter_since is None else self._shorter_since
        if now - self._shorter_since < self._patience:
            raise Moving(f"the chain ends with block {newest}, and block {seen} was seen: the node is behind")
