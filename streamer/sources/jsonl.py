"""Read JSON lines: one bare event per line, as in contracts.md, plain or gzipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from unicodedata import normalize

import msgspec

from schemas.wire_time import epoch_ms
from streamer.sources.files import content_hash, lines
from streamer.sources.source import SourceEvent

# The broker rejects records above 1 MiB, so longer lines could not be published.
MAX_LINE_BYTES = 1 << 20


class _Head(msgspec.Struct):
    """The fields that determine key and time. They may hold any value until the lane has validated the event."""

    type: Any = None
    event: Any = None
    customer_id: Any = None
    user_id: Any = msgspec.field(default=None, name="userId")
    anonymous_id: Any = None
    segment_anonymous_id: Any = msgspec.field(default=None, name="anonymousId")
    previous_id: Any = msgspec.field(default=None, name="previousId")
    occurred_at: Any = None
    timestamp: Any = None


class JsonLines:
    """A source of events from a JSON lines file.

    Lines are passed on unchanged: an invalid event has no key, and the lane dead-letters it with the reason, as if it
    had arrived over Kafka. Blank lines are ignored and not counted as skipped; lines above ``MAX_LINE_BYTES`` are
    skipped as ``too_long``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of the uncompressed file."""
        return content_hash(self.path)

    def events(self) -> Iterator[SourceEvent]:
        """Yield the events in file order; ``rows`` counts all lines."""
        return (event for _, event in self.numbered())

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the events, each with its line number."""
        self.rows, self.skipped = 0, Counter()
        decode = msgspec.json.Decoder(_Head).decode
        at = 0
        for line in lines(self.path, MAX_LINE_BYTES):
            self.rows += 1
            if line is None:
                self.skipped["too_long"] += 1
                continue
            value = line.strip()
            if not value:
                continue
            try:
                head = decode(value)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                yield self.rows, SourceEvent(at, None, value)
                continue
            at = _instant(head.occurred_at if head.occurred_at is not None else head.timestamp, at)
            yield self.rows, SourceEvent(at, _key(head), value)


def _key(head: _Head) -> bytes | None:
    if head.type == "identity.linked":
        customer = head.anonymous_id
    elif head.type == "alias":
        customer = head.previous_id
    else:
        ids = (head.customer_id, head.user_id, head.segment_anonymous_id)
        customer = next((id for id in ids if id not in (None, "")), None)
    if isinstance(customer, int) and not isinstance(customer, bool):
        customer = str(customer)
    return normalize("NFC", customer).encode("utf-8", "replace") if isinstance(customer, str) and customer else None


def _instant(text: object, otherwise: int) -> int:
    """Return the epoch ms of an RFC 3339 text, or ``otherwise`` if it is invalid or has no offset."""
    if not isinstance(text, str):
        return otherwise
    try:
        return epoch_ms(text)
    except ValueError:
        return otherwise
