"""The first step of a batch: records of the log become events, control records, or refusals. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec
from pydantic import ValidationError

from schemas.arrivals import Arrival
from schemas.codec import arrival
from schemas.control import (
    ALIAS_HEADER,
    CONTROL_HEADER,
    IMPORT_HEADER,
    REROUTED_HEADER,
    Control,
    ControlMerge,
    decode_control,
)
from schemas.deadletters import size_of
from schemas.errors import InvalidEvent, UnreadableBatch
from schemas.events import CustomerErased, Event, IdentityLinked
from schemas.kindly import Reading
from schemas.partition import partition_for
from schemas.records import LogRecord, UnopenedBatch
from schemas.signing import ControlKeys, Seal
from schemas.topics import EVENTS, MAX_MESSAGE_BYTES

_MAX_REROUTED = MAX_MESSAGE_BYTES - 1_024
"""The most that key, value and headers of a record for another partition may have together."""


class DecodedRecord(msgspec.Struct):
    """A record of the lane, decoded: exactly one of ``event``, ``control``, ``error`` is set.

    ``import_id`` names the import that wrote it, ``alias`` the id in its body where it came under the customer's other
    id. ``home`` is the partition it belongs to, where that is another. ``count`` is above 1 where one record stands for a
    batch. ``seal`` is that of a control record whose signature is right.
    """

    record: LogRecord
    event: Arrival | Event | None = None
    control: Control | None = None
    error: InvalidEvent | None = None
    import_id: str | None = None
    home: int | None = None
    alias: str | None = None
    count: int = 1
    noted: tuple[str, ...] = ()
    seal: Seal | None = None


def decode_records(
    records: Iterable[LogRecord],
    *,
    lanes: int,
    local: Container[str],
    max_event_bytes: int,
    control_keys: ControlKeys | None = None,
    reading: Reading | None = None,
) -> list[DecodedRecord]:
    """Decode and validate records, in order.

    Parameters
    ----------
    lanes
        Partitions of the input topic, to find misplaced records.
    local
        Ids known to belong to this lane: spares them the hash of their key.
    control_keys
        Check the signatures of control records; without them a signature says nothing.
    reading
        With it, what breaks the contract is read kindly; the fields left out or taken for granted are ``noted``.

    Raises
    ------
    UnreadableBatch
        One of the records stands for a batch that cannot be opened.
    """
    noted: list[str] = []
    return [_decode_one(record, lanes, local, max_event_bytes, control_keys, reading, noted) for record in records]


def _decode_one(
    record: LogRecord,
    lanes: int,
    local: Container[str],
    max_event_bytes: int,
    control_keys: ControlKeys | None,
    reading: Reading | None,
    noted: list[str],
) -> DecodedRecord:
    if record.value.__class__ is UnopenedBatch:
        return _unopened(record)
    marks = _read_marks(record) if record.headers else _NO_MARKS
    if marks is None:
        return _control(record, control_keys)
    import_id, rerouted, alias = marks
    old = home = None
    try:
        try:
            event = arrival(
                record.key if alias is None else None,
                record.value,
                record.headers,
                max_event_bytes=max_event_bytes,
                reading=reading,
                noted=noted,
            )
        except InvalidEvent:
            if record.value is not None or record.key is None:
                raise
            event = _erased(record, record.key)
        if alias is not None:
            old, event = event.customer_id, _renamed(event, alias)
        if event.customer_id not in local or event.__class__ is IdentityLinked:
            home = _other_home(record, event, lanes, rerouted)
    except InvalidEvent as error:
        return DecodedRecord(record, error=error, import_id=import_id)
    alias_of = None if home is not None else old
    if noted:
        # Counted where it is applied: in the lane that it belongs to.
        seen = tuple(noted) if home is None else ()
        noted.clear()
        return DecodedRecord(record, event=event, import_id=import_id, home=home, alias=alias_of, noted=seen)
    return DecodedRecord(record, event=event, import_id=import_id, home=home, alias=alias_of)


_Marks = tuple[str | None, bool, bytes | None]
"""What headers of the service say (``schemas.control``): the import, whether the record was rerouted, and its key if it
was forwarded from an alias.
"""
_NO_MARKS: _Marks = (None, False, None)


def _read_marks(record: LogRecord) -> _Marks | None:
    """None for a control record."""
    import_id, rerouted, alias = _NO_MARKS
    for name, value in record.headers:
        if name == IMPORT_HEADER:
            # A header's value may be null on the wire, although the type excludes it.
            import_id = (value or b"").decode("utf-8", "replace")
        elif name == CONTROL_HEADER and value == b"1":
            return None
        elif name == REROUTED_HEADER:
            rerouted = True
        elif name == ALIAS_HEADER and record.key is not None:
            alias = record.key
    return import_id, rerouted, alias


def _other_home(record: LogRecord, event: Arrival | Event, lanes: int, rerouted: bool) -> int | None:
    """The partition that a record belongs to, if that is another. Raises InvalidEvent where it was rerouted before."""
    if not event.customer_id:
        # A guest's order is counted where it arrives.
        return None
    key = record.key
    # A key that is not in NFC belongs where the id is that it means.
    home = partition_for(key if key and key.isascii() else event.partition_id().encode(), lanes)
    if home == record.partition:
        return None
    if rerouted:
        raise InvalidEvent("key_mismatch", "the record arrived on a wrong partition a second time", "key")
    if size_of(key, record.value, record.headers) > _MAX_REROUTED:
        raise InvalidEvent("oversize", "too large to be forwarded to its partition", None)
    return home


def _unopened(record: LogRecord) -> DecodedRecord:
    batch = record.value
    assert isinstance(batch, UnopenedBatch)
    if not batch.oversize:
        raise UnreadableBatch(batch.first, batch.last, batch.codec, batch.why)
    return DecodedRecord(record, error=InvalidEvent("oversize", str(batch)), count=batch.records)


def subject(decoded: DecodedRecord) -> str | None:
    """The id of the customer in this lane whom a record is about, or None if there is none."""
    if decoded.event is not None:
        return (decoded.event.partition_id() or None) if decoded.home is None else None
    return decoded.control.to_id if isinstance(decoded.control, ControlMerge) else None


def _renamed(event: Arrival | Event, key: bytes) -> Arrival | Event:
    """The event under the customer's other id, to which it was forwarded."""
    id = key.decode("utf-8", "replace")
    if isinstance(event, Arrival):
        event.customer_id = id
        return event
    return event.model_copy(update={"customer_id": id})


def _erased(record: LogRecord, key: bytes) -> Event:
    """A record with a null value erases its key, as of when it was appended."""
    try:
        return CustomerErased(
            event_id=f"null-value-{record.partition}-{record.offset}",
            type="customer.erased",
            customer_id=key.decode(),
            occurred_at=record.timestamp,
        )
    except (ValidationError, UnicodeDecodeError):
        raise InvalidEvent("invalid_field", "the key of a record without a value is no customer_id", "key") from None


def _control(record: LogRecord, keys: ControlKeys | None) -> DecodedRecord:
    try:
        seal = None if keys is None else keys.seal_of(EVENTS, record.partition, record.value, record.headers)
        return DecodedRecord(record, control=decode_control(record.value), seal=seal)
    except InvalidEvent as error:
        return DecodedRecord(record, error=error)
