"""Requests of the chain, as far as the node has seen it: what was asked, and how each ended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable

from zkllm.hashing import keccak256
from zkllm.serve.database import Database
from zkllm.serve.decisions import Offer
from zkllm.serve.jobs import BY_US, CLOSED, FORESTALLED, OURS
from zkllm.serve.scanner import Look
from zkllm.settle.abi import FULFILLED, REQUESTED, RETURNED, SETTLED, decode
from zkllm.settle.rpc import Event

_TOPICS = {keccak256(name.encode()): name for name in (REQUESTED, SETTLED, FULFILLED, RETURNED)}
_MOST = 1 << 62
"""Of a deadline, and of a number of tokens: no contract of ours announces more."""
KEPT_SECONDS = 7 * 86400
"""After its deadline a request is forgotten."""


def offer_of(event: Event) -> Offer | None:
    """None where it is no request that could be answered."""
    if len(event.log.topics) != 4:
        return None
    types = ["bytes32", "uint256", "uint256", "uint256", "uint32[]"]
    model_id, certified, reward, deadline, prompt = decode(types, event.log.data, "Requested")
    if deadline >= _MOST or certified >= _MOST:
        return None
    _, request_id, claim_id, _ = event.log.topics
    return Offer(
        request_id, claim_id, model_id, certified, reward, deadline, tuple(prompt), event.block_number
    )


class Requests:
    """The table of one contract's requests to the models that are served."""

    def __init__(self, database: Database, chain_id: int, contract: bytes, us: bytes):
        self._database, self._where, self._us = database, (chain_id, contract), us

    def note(self, connection: sqlite3.Connection, look: Look, models: Collection[bytes]) -> None:
        """Within a transaction: what a look found, after what it found to be dropped is taken back."""
        if look.forked_at is not None:
            self._take_back(connection, look.forked_at)
        for event in look.events:
            kind = _TOPICS.get(event.log.topics[0]) if event.log.topics else None
            if kind == REQUESTED:
                offer = offer_of(event)
                if offer is not None and offer.model_id in models:
                    self._add(connection, offer)
            elif kind == SETTLED and len(event.log.topics) == 4:
                ours = event.log.topics[3][12:] == self._us
                self._close(
                    connection, "claim_id", event.log.topics[1], event, BY_US if ours else FORESTALLED
                )
            elif kind == FULFILLED and len(event.log.topics) == 4:
                ours = event.log.topics[3][12:] == self._us
                self._fulfilled(connection, event.log.topics[1], event, OURS if ours else FORESTALLED)
            elif kind == RETURNED and len(event.log.topics) == 3:
                self._close(connection, "request_id", event.log.topics[1], event, CLOSED)

    def _take_back(self, connection: sqlite3.Connection, block: int) -> None:
        connection.execute(
            "DELETE FROM requests WHERE chain_id = ? AND contract = ? AND block_number > ?",
            (*self._where, block),
        )
        connection.execute(
            """UPDATE requests SET closed_block = NULL, closed = NULL
               WHERE chain_id = ? AND contract = ? AND closed_block > ?""",
            (*self._where, block),
        )

    def _add(self, connection: sqlite3.Connection, offer: Offer) -> None:
        connection.execute(
            """INSERT OR IGNORE INTO requests (chain_id, contract, request_id, claim_id, model_id, certified,
               reward, deadline, prompt, block_number, taken)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT * FROM jobs
               WHERE owner = '' AND chain_id = ? AND contract = ? AND request_id = ?))""",
            (
                *(*self._where, offer.request_id, offer.claim_id, offer.model_id, offer.certified),
                *(str(offer.reward), offer.deadline, json.dumps(offer.prompt), offer.block_number),
                *(*self._where, offer.request_id),
            ),
        )

    def _close(
        self, connection: sqlite3.Connection, column: str, value: bytes, event: Event, how: str
    ) -> None:
        """What is announced first counts: of a settlement, by whom."""
        connection.execute(
            f"""UPDATE requests SET closed_block = ?, closed = ? WHERE chain_id = ? AND contract = ?
                AND {column} = ? AND closed IS NULL""",
            (event.block_number, how, *self._where, value),
        )

    def _fulfilled(self, connection: sqlite3.Connection, request_id: bytes, event: Event, how: str) -> None:
        """Announced after the settlement, in the same transaction: of the requests for the claim it is this
        one that was answered."""
        connection.execute(
            """UPDATE requests SET closed_block = ?, closed = ?
               WHERE chain_id = ? AND contract = ? AND request_id = ?""",
            (event.block_number, how, *self._where, request_id),
        )

    # ---- reading
    def undecided(self, now: int, most: int) -> list[Offer]:
        """Open ones that were not taken yet, the best rewards first."""
        rows = self._database.all(
            """SELECT * FROM requests WHERE chain_id = ? AND contract = ? AND NOT taken AND closed IS NULL
               AND deadline > ?""",
            *(*self._where, now),
        )
        offers = [_offer(row) for row in rows]
        return sorted(offers, key=lambda offer: (-offer.reward, offer.block_number))[:most]

    def ends(self) -> dict[bytes, str | None]:
        """How each that is known was closed; None for one that is open."""
        rows = self._database.all(
            "SELECT request_id, closed FROM requests WHERE chain_id = ? AND contract = ?", *self._where
        )
        return {row["request_id"]: row["closed"] for row in rows}

    # ---- changing
    def decided(self, connection: sqlite3.Connection, request_id: bytes, taken: bool, reason: str) -> None:
        connection.execute(
            """UPDATE requests SET taken = ?, reason = ?
               WHERE chain_id = ? AND contract = ? AND request_id = ?""",
            (int(taken), reason, *self._where, request_id),
        )

    def reasons(self, request_ids: Iterable[bytes]) -> dict[bytes, str]:
        """Why each was not taken, as it was found last."""
        wanted = set(request_ids)
        rows = self._database.all(
            "SELECT request_id, reason FROM requests WHERE chain_id = ? AND contract = ?", *self._where
        )
        return {row["request_id"]: row["reason"] for row in rows if row["request_id"] in wanted}

    def forget(self, connection: sqlite3.Connection, now: int) -> None:
        connection.execute(
            "DELETE FROM requests WHERE chain_id = ? AND contract = ? AND deadline < ?",
            (*self._where, now - KEPT_SECONDS),
        )


def _offer(row: sqlite3.Row) -> Offer:
    return Offer(
        row["request_id"],
        row["claim_id"],
        row["model_id"],
        row["certified"],
        int(row["reward"]),
        row["deadline"],
        tuple(json.loads(row["prompt"])),
        row["block_number"],
    )
