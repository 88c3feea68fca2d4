"""Dead letters: a record as it was received, with headers for its origin and the reason of its rejection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from schemas.records import Headers, LogRecord, UnopenedBatch
from schemas.topics import BY_NAME, DEADLETTERS
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
CUT: Final = "dlq.cut"
"""Header of a truncated dead letter: names the parts that were cut."""
MAX_MESSAGE_CHARS: Final = 300
MAX_LETTER_BYTES: Final = int(BY_NAME[DEADLETTERS].config["max.message.bytes"]) - 1_024
"""Maximum total bytes of a dead letter's key, value and headers; the rest is Kafka's overhead."""
_PREVIEW_BYTES: Final = 4_096
_HEADER_OVERHEAD: Final = 16


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The headers of a dead letter.

    Attributes
    ----------
    topic, partition, offset, timestamp
        The position of the record, and its append time in ms.
    stage
        The stage that rejected it, such as ``decode`` or ``decide``.
    reason, message
        One of `REASONS`, and an explanation.
    headers
        The record's own headers, which a replay sends along.
    cut
        The parts of the record that were too large to keep; empty if it is complete.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    stage: str
    reason: str
    message: str
    headers: tuple[tuple[str, bytes], ...]
    cut: str = ""


def letter_for(
    record: LogRecord, topic: str, stage: str, reason: str, message: str
) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Return key, value and headers of the dead letter of ``record``.

    The bytes are those received, if they fit into `MAX_LETTER_BYTES`. If not, the record's own headers are dropped and,
    if that is not enough, all but the first bytes of key and value; the header `CUT` then holds their original lengths.
    """
    # Convert to bytes, because the Kafka client rejects every other class.
    key, value = record.key, None if record.value is None else bytes(record.value)
    headers = headers_for(record, topic, stage, reason, message)
    if isinstance(record.value, UnopenedBatch):
        return key, value, [*headers, (CUT, b"what this stands for, but for its first bytes")]
    if size_of(key, value, headers) <= MAX_LETTER_BYTES:
        return key, value, headers
    own = list(_own(record.headers))
    cut = [f"{len(own)} headers of {size_of(None, None, own):,} bytes"]
    headers = [header for header in headers if header[0].startswith(PREFIX)]
    if size_of(key, value, headers) > MAX_LETTER_BYTES:
        for name, held in (("key", key), ("value", value)):
            if held is not None and len(held) > _PREVIEW_BYTES:
                cut.append(f"all but the first {_PREVIEW_BYTES:,} of {len(held):,} bytes of the {name}")
        key, value = _preview(key), _preview(value)
    return key, value, [*headers, (CUT, ", ".join(cut).encode())]


def size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the maximum size of a record in bytes, without Kafka's overhead for the batch."""
    size = len(key or b"") + len(value or b"")
    return size + sum(_HEADER_OVERHEAD + 4 * len(name) + len(held or b"") for name, held in headers)


def _preview(held: bytes | None) -> bytes | None:
    return None if held is None else held[:_PREVIEW_BYTES]


def headers_for(record: LogRecord, topic: str, stage: str, reason: str, message: str) -> list[tuple[str, bytes]]:
    """Return all headers of the dead letter of ``record``: its own, then ours.

    ``dlq.*`` headers of an earlier rejection are dropped, so that a replayed record that fails again names only the
    last failure. ``message`` is cut to `MAX_MESSAGE_CHARS`.

    Raises
    ------
    ValueError
        ``reason`` is not in `REASONS`: a bug in our own code.
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
    """Yield the trace in a CloudEvents attribute as the header that tracing tools look for."""
    trace = traceparent(record)
    if trace is not None and all(name != TRACE_HEADER for name, _ in record.headers):
        yield TRACE_HEADER, trace


def parse_headers(headers: Iterable[tuple[str, bytes]]) -> DeadLetter:
    """Parse the headers that `headers_for` wrote.

    Raises
    ------
    ValueError
        A ``dlq.*`` header is missing, or a numeric one is not a number.
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
            cut=ours.get(CUT, ""),
        )
    except KeyError as missing:
        raise ValueError(f"not a dead letter: header {missing.args[0]} is missing") from None


def _own(headers: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
    return (header for header in headers if not header[0].startswith(PREFIX))
