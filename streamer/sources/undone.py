"""Undo a file's import: yield events that cancel its orders."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator

from schemas.arrivals import OrderCompleted
from schemas.codec import arrival
from schemas.errors import InvalidEvent
from schemas.wire_time import iso
from streamer.sources.source import FileSource, SourceEvent

NO_ORDER = "no_order"
"""Reason for not undoing an event: it is not an order. Refunds are undone with their order."""


class Undone:
    """Cancellations of a source's orders, each at the order's own time; other events cannot be undone.

    The ids of the cancellations are functions of the orders' ids, so undoing twice is a repeat. An order that the
    service never received stays unknown: its cancellation waits for it, like any cancellation that arrives first.
    """

    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.skipped: Counter[str] = Counter()

    @property
    def content_hash(self) -> str:
        """Return a hash that differs from the file's own, because the two imports are different."""
        return _undo_hash(self.source.content_hash)

    @property
    def former_hashes(self) -> tuple[str, ...]:
        """Return the hashes that older releases computed."""
        return tuple(map(_undo_hash, getattr(self.source, "former_hashes", ())))

    @property
    def rows(self) -> int | None:
        return self.source.rows

    def events(self) -> Iterator[SourceEvent]:
        """Yield the cancellations in the order of the file's events. Raises UserError."""
        return (event for _, event in self.numbered())

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the cancellations, each with its order's line."""
        self.skipped = Counter()
        for line, event in self.source.numbered():
            try:
                order = arrival(event.key, event.value)
            except InvalidEvent:
                order = None
            if isinstance(order, OrderCompleted):
                yield line, SourceEvent(event.occurred_at, event.key, _cancelled(order))
            else:
                self.skipped[NO_ORDER] += 1
        self.skipped.update(self.source.skipped)


def _undo_hash(content: str) -> str:
    return hashlib.sha256(f"undo {content}".encode()).hexdigest()


def _cancelled(order: OrderCompleted) -> bytes:
    """Return the cancellation of an order. Without a total, it cancels the whole rest."""
    name = "undo-" + hashlib.sha256(f"{order.customer_id}\0{order.order_id}".encode()).hexdigest()[:24]
    body = {
        "event_id": name,
        "type": "order.cancelled",
        "customer_id": order.customer_id,
        "occurred_at": iso(order.occurred_at),
        "refund_id": name,
        "order_id": order.order_id,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
