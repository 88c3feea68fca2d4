"""The first step of a batch: turn log records into events, control records or rejections. Pure."""

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
from schemas.partition import home_of, partition_for
from schemas.records import LogRecord, UnopenedBatch
from schemas.signing import ControlKeys, Seal
from schemas.topics import EVENTS, MAX_MESSAGE_BYTES

_MAX_REROUTED = MAX_MESSAGE_BYTES - 1_024
"""Maximum total bytes of key, value and headers of a record for another partition."""


class DecodedRecord(msgspec.Struct):
    """A decoded record of the lane: exactly one of ``event``, ``control``, ``error`` is set.

    ``import_id`` names the import that wrote it. ``alias`` is the id in its body if it arrived under the customer's
    other id. ``home`` is the partition it belongs to if that is another one. ``count`` is above 1 if the record
    represents a batch. ``seal`` is the verified seal of a signed control record.
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
        Number of partitions of the input topic, to find misplaced records.
    local
        Ids known to belong to this lane; their keys need not be hashed.
    control_keys
        Keys to verify signatures of control records; without them signatures are ignored.
    reading
        If set, contract violations are read leniently; ``noted`` lists the fields that were dropped or defaulted.

    Raises
    ------
    UnreadableBatch
        A record represents a batch that cannot be decoded.
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
        # The home lane, which applies the event, counts these fields.
        seen = tuple(noted) if home is None else ()
        noted.clear()
        return DecodedRecord(record, event=event, import_id=import_id, home=home, alias=alias_of, noted=seen)
    return DecodedRecord(record, event=event, import_id=import_id, home=home, alias=alias_of)


_Marks = tuple[str | None, bool, bytes | None]
"""The service's headers (``schemas.control``): import id, rerouted or not, and the key if an alias forwarded it."""
_NO_MARKS: _Marks = (None, False, None)


def _read_marks(record: LogRecord) -> _Marks | None:
    """Read the service's headers; None for a control record."""
    import_id, rerouted, alias = _NO_MARKS
    for name, value in record.headers:
        if name == IMPORT_HEADER:
            # A header's value may be null on the wire, although its type excludes that.
            import_id = (value or b"").decode("utf-8", "replace")
        elif name == CONTROL_HEADER and value == b"1":
            return None
        elif name == REROUTED_HEADER:
            rerouted = True
        elif name == ALIAS_HEADER and record.key is not None:
            alias = record.key
    return import_id, rerouted, alias


def _other_home(record: LogRecord, event: Arrival | Event, lanes: int, rerouted: bool) -> int | None:
    """Return the partition a record belongs to, if it is another one. Raises InvalidEvent if it was rerouted before."""
    key = record.key
    # A guest's order has no key of its own; a key that is not in NFC belongs to the partition of the normalized id.
    home = partition_for(key, lanes) if event.customer_id and key and key.isascii() else home_of(event, lanes)
    if home == record.partition:
        return None
    if rerouted:
        raise InvalidEvent("key_mismatch", "the record was on the wrong partition twice", "key")
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
    """Return the id of the record's customer in this lane; None if it has none."""
    if decoded.event is not None:
        return (decoded.event.partition_id() or None) if decoded.home is None else None
    return decoded.control.to_id if isinstance(decoded.control, ControlMerge) else None


def _renamed(event: Arrival | Event, key: bytes) -> Arrival | Event:
    """Return the event under the customer's other id, to which it was forwarded."""
    id = key.decode("utf-8", "replace")
    if isinstance(event, Arrival):
        event.customer_id = id
        return event
    return event.model_copy(update={"customer_id": id})


def _erased(record: LogRecord, key: bytes) -> Event:
    """Return the event of a record with a null value: it erases the customer in its key, at its append time."""
    try:
        return CustomerErased(
            event_id=f"null-value-{record.partition}-{record.offset}",
            type="customer.erased",
            customer_id=key.decode(),
            occurred_at=record.timestamp,
        )
    except (ValidationError, UnicodeDecodeError):
        raise InvalidEvent(
            "invalid_field", "the key of a record without a value must be a customer_id", "key"
        ) from None


def _control(record: LogRecord, keys: ControlKeys | None) -> DecodedRecord:
    try:
        seal = None if keys is None else keys.seal_of(EVENTS, record.partition, record.value, record.headers)
        return DecodedRecord(record, control=decode_control(record.value), seal=seal)
    except InvalidEvent as error:
        return DecodedRecord(record, error=error)
