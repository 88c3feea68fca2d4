"""Dead letters: a record as it was received, and headers that say where it came from and what was wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from schemas.records import LogRecord
from schemas.tracing import TRACE_HEADER, traceparent

Reason = Literal[
    "oversize",
    "not_json",
    "unknown_type",
    "invalid_field",
    "key_mismatch",
    "unknown_currency",
    "too_late",
    "too_early",
    "bad_date",
    "nobody",
    "bad_control",
    "poison",
]
REASONS: Final[frozenset[str]] = frozenset(get_args(Reason))

PREFIX: Final = "dlq."
TOPIC: Final = "dlq.topic"
PARTITION: Final = "dlq.partition"
OFFSET: Final = "dlq.offset"
TIMESTAMP: Final = "dlq.timestamp"
STAGE: Final = "dlq.stage"
REASON: Final = "dlq.reason"
MESSAGE: Final = "dlq.message"
MAX_MESSAGE_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the headers of a dead letter say.

    Attributes
    ----------
    topic, partition, offset, timestamp
        The record it was, and its append time in ms.
    stage
        Where it was refused, such as ``decode`` or ``decide``.
    reason, message
        One of `REASONS`, and what was wrong in words.
    headers
        The record's own headers, to be sent along when it is replayed.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    stage: str
    reason: str
    message: str
    headers: tuple[tuple[str, bytes], ...]


def headers_for(record: LogRecord, topic: str, stage: str, reason: str, message: str) -> list[tuple[str, bytes]]:
    """All headers of the dead letter of ``record``: its own, then ours.

    ``dlq.*`` headers of an earlier death are dropped, so a replayed record that fails again says only where
    it failed last. ``message`` is cut to `MAX_MESSAGE_CHARS`.

    Raises
    ------
    ValueError
        ``reason`` is none of `REASONS`: a mistake in our own code.
    """
    if reason not in REASONS:
        raise ValueError(f"no such dead letter reason: {reason!r}")
    return [
        *_own(record.headers),
        *_trace(record),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % record.partition),
        (OFFSET, b"%d" % record.offset),
        (TIMESTAMP, b"%d" % record.timestamp),
        (STAGE, stage.encode()),
        (REASON, reason.encode()),
        (MESSAGE, message[:MAX_MESSAGE_CHARS].encode()),
    ]


def _trace(record: LogRecord) -> Iterable[tuple[str, bytes]]:
    """A trace that only a CloudEvents attribute names, as the header that tracing tools look for."""
    trace = traceparent(record)
    if trace is not None and all(name != TRACE_HEADER for name, _ in record.headers):
        yield TRACE_HEADER, trace


def parse_headers(headers: Iterable[tuple[str, bytes]]) -> DeadLetter:
    """Read back what `headers_for` wrote.

    Raises
    ------
    ValueError
        A ``dlq.*`` header is missing, or one that should be a number is not.
    """
    kept = list(headers)
    ours = {name: (value or b"").decode() for name, value in kept if name.startswith(PREFIX)}
    try:
        return DeadLetter(
            topic=ours[TOPIC],
            partition=int(ours[PARTITION]),
            offset=int(ours[OFFSET]),
            timestamp=int(ours[TIMESTAMP]),
            stage=ours[STAGE],
            reason=ours[REASON],
            message=ours[MESSAGE],
            headers=tuple(_own(kept)),
        )
    except KeyError as missing:
        raise ValueError(f"not a dead letter: header {missing.args[0]} is missing") from None


def _own(headers: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
    return (header for header in headers if not header[0].startswith(PREFIX))
