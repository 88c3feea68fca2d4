"""Check the sizes of a transaction's records, because one that the broker rejects would end the process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from schemas import topics
from schemas.deadletters import size_of
from schemas.errors import StreamerError
from streamer.lanes.keys import split_key
from streamer.lanes.ports import Write, Writes

OVERHEAD: Final = 256
"""Maximum overhead of a batch and a record, in bytes, excluding key, value and headers."""
_LIMITS: Final[Mapping[str, int]] = {
    topic.name: int(topic.config["max.message.bytes"]) - OVERHEAD for topic in topics.TOPICS
}
# On the other topics all headers are the service's own and short.
_WITH_HEADERS: Final = frozenset((topics.EVENTS, topics.DEADLETTERS))


class RecordTooLarge(StreamerError):
    """Raised if a record of a transaction exceeds its topic's size limit.

    Attributes
    ----------
    customer
        Id of the customer whose state the record is, if any.
    """

    def __init__(self, text: str, customer: str | None = None) -> None:
        super().__init__(text)
        self.customer = customer


def check(writes: Writes) -> None:
    """Raise RecordTooLarge if the broker would reject one of the records."""
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
