"""List records that could not be applied, with their current location and content."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.deadletters import DeadLetter, parse_headers
from schemas.records import Record
from schemas.screen_text import block
from schemas.topics import DEADLETTERS
from schemas.wire_time import iso
from streamer.adapters.client import read
from streamer.adapters.kafka import KafkaConnection


@dataclass(frozen=True, slots=True)
class Found:
    """A dead letter with its current location and headers."""

    record: Record
    letter: DeadLetter

    @property
    def place(self) -> str:
        """Location as ``PARTITION:OFFSET``, accepted by ``deadletters show``."""
        return f"{self.record.partition}:{self.record.offset}"

    def shown(self) -> dict[str, Any]:
        """Return JSON-safe values, without the record's bytes."""
        letter = self.letter
        return {
            "place": self.place,
            "reason": letter.reason,
            "message": letter.message,
            "stage": letter.stage,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "appended_at": iso(letter.timestamp),
            "key": None if self.record.key is None else printable(self.record.key),
            "bytes": 0 if self.record.value is None else len(self.record.value),
        }


def letters(connection: KafkaConnection, latest: int | None = None) -> Iterable[Found]:
    """Yield all dead letters, in order within a partition, limited to the ``latest`` offsets of each partition."""
    for record in read(connection, DEADLETTERS, latest=latest):
        yield Found(record, parse_headers(record.headers))


def newest(found: Iterable[Found], limit: int, reason: str | None = None) -> tuple[int, list[Found]]:
    """Return the number of dead letters, optionally with one ``reason``, and the newest ``limit`` of them, newest last."""
    held: list[tuple[int, int, int, Found]] = []
    total = 0
    for one in found:
        if reason is not None and one.letter.reason != reason:
            continue
        total += 1
        _keep(held, one, limit)
    return total, [one for *_, one in sorted(held, key=lambda one: one[:3])]


def examples(found: Iterable[Found], limit: int) -> Mapping[str, list[Found]]:
    """Return the newest ``limit`` dead letters of each reason, newest first."""
    held: dict[str, list[tuple[int, int, int, Found]]] = {}
    for one in found:
        _keep(held.setdefault(one.letter.reason, []), one, limit)
    return {
        reason: [one for *_, one in sorted(those, key=lambda one: one[:3], reverse=True)]
        for reason, those in held.items()
    }


def _keep(held: list[tuple[int, int, int, Found]], one: Found, limit: int) -> None:
    heapq.heappush(held, (one.record.timestamp, one.record.partition, one.record.offset, one))
    if len(held) > limit:
        heapq.heappop(held)


def printable(raw: bytes | None) -> str:
    r"""Return bytes as text that is safe to print on a terminal.

    >>> printable(b"caf\xc3\xa9 \xff \x1b[31m"), printable(None)
    ('café \\xff \\u001b[31m', '(null)')
    """
    if raw is None:
        return "(null)"
    return block(raw.decode("utf-8", "backslashreplace"))
