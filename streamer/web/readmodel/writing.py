"""Update the tables from records. Each call is part of a transaction that also stores the position.

A record is applied once, because its position is committed with it. Erased customers leave nothing, in whichever order
the topics are read: the tombstone of the membership deletes existing rows, the last change (cause ``erase`` or
``consent``) deletes earlier ones, and message steps that arrive later are skipped. The tombstone may have left the
topic when a file is filled again, so the last change has the same effect; for an alias, its cause is ``merge``.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from schemas import topics
from schemas.changes import ReceivedChange, decode_change
from schemas.records import LogRecord
from schemas.wire_time import epoch_ms
from streamer.act.heart.state import OWNER

_ENDS: Final = ("erase", "consent")
_LEFT_OUT: Final = """
SELECT 1 FROM gone WHERE customer = ? UNION ALL SELECT 1 FROM ended WHERE customer = ? AND until >= ?
"""
NONE: Final = ""
"""No segment, in flows."""


class _Membership(msgspec.Struct, gc=False):
    id: str
    since: str


class _Memberships(msgspec.Struct, gc=False):
    segments: dict[str, _Membership]


class _Step(msgspec.Struct, gc=False):
    customer_id: str
    message_id: str
    at: str
    gate: str | None = None


_memberships: Final = msgspec.json.Decoder(_Memberships).decode
_encode: Final = msgspec.json.Encoder().encode
_step: Final = msgspec.json.Decoder(_Step).decode
Apply = Callable[[sqlite3.Connection, "Context", Iterable[LogRecord]], None]


class Context(msgspec.Struct, frozen=True):
    """Inputs of updates: the day number of an instant in ms, and a salt for ids of erased customers."""

    day_of: Callable[[int], int]
    salt: bytes

    def hashed(self, customer: str) -> bytes:
        """Return the id as stored in `gone`."""
        return hashlib.blake2b(customer.encode(), key=self.salt, digest_size=16).digest()


def memberships(db: sqlite3.Connection, context: Context, records: Iterable[LogRecord]) -> None:
    """Update memberships. A null value means that the customer is no longer in any segment."""
    # The last of a customer's records counts, but none survives a null value.
    newest: dict[str, bytes | None] = {}
    for record in records:
        if record.key is not None:
            customer = record.key.decode()
            newest[customer] = record.value
            if record.value is None:
                forget(db, customer)
    held = {customer: _memberships(value).segments for customer, value in newest.items() if value is not None}
    gone = newest.keys() - held.keys()
    db.executemany("DELETE FROM member WHERE customer = ?", ((customer,) for customer in held))
    db.executemany(
        "INSERT INTO member VALUES (?, ?, ?, ?)",
        (
            (customer, segmentation, one.id, epoch_ms(one.since))
            for customer, segments in held.items()
            for segmentation, one in segments.items()
        ),
    )
    db.executemany("INSERT OR IGNORE INTO gone VALUES (?)", ((context.hashed(customer),) for customer in gone))
    db.executemany("DELETE FROM gone WHERE customer = ?", ((context.hashed(customer),) for customer in held))


def changes(db: sqlite3.Connection, context: Context, records: Iterable[LogRecord]) -> None:
    """Add moves with their reasons, and update the daily flows."""
    moves: dict[tuple[str, int], tuple[object, ...]] = {}
    flows: dict[tuple[int, str, str, str, str], int] = {}
    for record in records:
        if record.value is None:
            continue
        change = decode_change(record.value)
        before = None if change.from_segment is None else change.from_segment.id
        after = None if change.to_segment is None else change.to_segment.id
        at = change.changed_ms
        key = context.day_of(at), change.segmentation, before or NONE, after or NONE, change.cause
        flows[key] = flows.get(key, 0) + 1
        if change.cause in _ENDS or (change.cause == "merge" and change.to_segment is None):
            moves = {where: row for where, row in moves.items() if where[0] != change.customer_id}
            _end(db, context, change.customer_id, at)
        else:
            where = change.customer_id, change.seq
            moves[where] = (*where, at, change.segmentation, before, after, _encode(_move(change)))
    db.executemany("INSERT OR REPLACE INTO move VALUES (?, ?, ?, ?, ?, ?, ?)", moves.values())
    db.executemany(
        "INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        ((*key, n) for key, n in flows.items()),
    )


def _end(db: sqlite3.Connection, context: Context, customer: str, at: int) -> None:
    """Delete a customer's moves, and message steps up to ``at`` (ms), including those read later."""
    db.execute("DELETE FROM move WHERE customer = ?", (customer,))
    db.execute("DELETE FROM message WHERE customer = ? AND at <= ?", (customer, at))
    db.execute(
        "INSERT INTO ended VALUES (?, ?) ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
        (context.hashed(customer), at),
    )


def _move(change: ReceivedChange) -> dict[str, object]:
    """Return the part of a move stored outside its columns; the rest, a third of a kilobyte, is in the topic."""
    return {
        "event_id": change.event_id,
        "from": change.from_segment,
        "to": change.to_segment,
        "cause": change.cause,
        "automation_safe": change.automation_safe,
        "reasons": change.reasons,
    }


def messages(db: sqlite3.Connection, context: Context, records: Iterable[LogRecord]) -> None:
    """Add message steps."""
    for record in records:
        if record.value is None:
            continue
        step = _step(record.value)
        if step.customer_id == OWNER:
            # Skip a report to the owner, or a customer with that id would find it among their messages.
            continue
        name, at = context.hashed(step.customer_id), epoch_ms(step.at)
        if step.gate == "erased" or db.execute(_LEFT_OUT, (name, name, at)).fetchone():
            continue
        row = step.customer_id, step.message_id, at, record.value
        db.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)", row)


def forget(db: sqlite3.Connection, customer: str) -> None:
    """Delete all data of a customer."""
    for table in ("member", "move", "message"):
        db.execute(f"DELETE FROM {table} WHERE customer = ?", (customer,))


APPLY: Final[Mapping[str, Apply]] = {
    topics.MEMBERSHIPS: memberships,
    topics.CHANGES: changes,
    topics.MESSAGES: messages,
}
"""The update function of each topic."""
