"""The interface of a lane's log records above the Kafka client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

Headers = Sequence[tuple[str, bytes]]


class LogRecord(Protocol):
    """The attributes of aiokafka's ``ConsumerRecord`` that we use, so that the hot path makes no copy."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class Record:
    """A lane record created in memory by a file replay, a test, or the in-memory log."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class UnopenedBatch(bytes):
    """The value of a record that represents a batch that could not be decoded: the first bytes of the batch.

    Attributes
    ----------
    first, last
        Offsets of the batch's first and last record. The representing record has the last one.
    records
        Number of records in the batch.
    codec
        Compression codec of the batch, such as ``lz4``.
    why
        Explanation.
    oversize
        Whether the batch is merely too large, so that it is rejected and the lane continues. Otherwise its content is
        unknown.
    """

    first: int
    last: int
    records: int
    codec: str
    why: str
    oversize: bool

    def __new__(
        cls, preview: bytes, *, first: int, last: int, records: int, codec: str, why: str, oversize: bool
    ) -> Self:
        made = super().__new__(cls, preview)
        made.first, made.last, made.records = first, last, records
        made.codec, made.why, made.oversize = codec, why, oversize
        return made

    def __str__(self) -> str:
        return f"the batch of offsets {self.first} to {self.last} ({self.codec}): {self.why}"


def count_of(record: LogRecord) -> int:
    """Return the number of log records that one record represents."""
    return record.value.records if isinstance(record.value, UnopenedBatch) else 1
