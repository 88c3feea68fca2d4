"""Sizes of records, checked when a transaction is made: what the broker refuses would end the process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from schemas import topics
from schemas.deadletters import size_of
from schemas.errors import StreamerError
from streamer.lanes.keys import split_key
from streamer.lanes.ports import Write, Writes

OVERHEAD: Final = 256
"""What a batch and a record need beside key, value and headers, at most."""
_LIMITS: Final[Mapping[str, int]] = {
    topic.name: int(topic.config["max.message.bytes"]) - OVERHEAD for topic in topics.TOPICS
}
# All headers of the others are ours, and short.
_WITH_HEADERS: Final = frozenset((topics.EVENTS, topics.DEADLETTERS))


class RecordTooLarge(StreamerError):
    """A record of a transaction is larger than its topic takes.

    Attributes
    ----------
    customer
        Whose state it is, where it is one.
    """

    def __init__(self, text: str, customer: str | None = None) -> None:
        super().__init__(text)
        self.customer = customer


def check(writes: Writes) -> None:
    """Raises RecordTooLarge if the broker would refuse one of the records."""
    for (topic, _), records in writes.items():
        limit = _LIMITS[topic]
        if topic in _WITH_HEADERS:
            _check(topic, limit, records)
            continue
        for write in records:
            if write.value is not None and len(write.value) + len(write.key or b"") > limit:
                text = _text(topic, len(write.value) + len(write.key or b""), limit)
                raise RecordTooLarge(text, _customer(topic, write.key or b""))


def _customer(topic: str, key: bytes) -> str | None:
    return split_key(key)[0] if topic == topics.STATE and not key.startswith(b"!") else None


def _check(topic: str, limit: int, records: Iterable[Write]) -> None:
    for write in records:
        size = size_of(write.key, write.value, write.headers)
        if size > limit:
            raise RecordTooLarge(_text(topic, size, limit))


def _text(topic: str, size: int, limit: int) -> str:
    return f"a record of {size:,} bytes for {topic}, which takes {limit:,}"
