"""Encoding of published records: fast structs, their JSON, ids, keys and headers.

Each shape is defined only here: ``published`` derives its pydantic models from these structs, with types and
docstrings. Instants are epoch milliseconds, which the encoders turn into text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

import msgspec
from pydantic import Field

from schemas.derived import WireStruct
from schemas.fields import CustomerId, Id, Instant, Text
from schemas.wire_time import iso

Version = Annotated[int, Field(ge=1)]
Confidence = Annotated[float, Field(ge=0, le=1)] | None

Cause = Literal[
    "event",
    "time",
    "late",
    "profile",
    "merge",
    "refit",
    "definition_edit",
    "backfill",
    "consent",
    "erase",
    "reconcile",
]
CAUSES: Final[frozenset[str]] = frozenset(get_args(Cause))
SAFE_CAUSES: Final[frozenset[str]] = frozenset({"event", "time", "profile"})
"""Causes on which an automation may act, if the change is live."""

CHANGE_NAMESPACE: Final = UUID("c07a3f0e-6f4c-5d0e-9d5e-6b7f0d8f2a11")
"""Namespace of change ids. Never change it: consumers drop duplicates by these ids."""


class SegmentRef(WireStruct, frozen=True, gc=False):
    """A segment: its stable id, and its name at the time."""

    id: Id
    name: Text


class Trigger(WireStruct, frozen=True, gc=False):
    """The lane's record that moved the customer."""

    event_id: Id
    type: Id
    topic: Id
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class ModelRef(WireStruct, frozen=True, gc=False):
    """The kind and version of the model that decided: ``rules``, ``bands``, ``clusters`` ..."""

    kind: Id
    version: Version


class NextMove(WireStruct, frozen=True, gc=False):
    """The customer's next move by inactivity alone, and its date."""

    to: Id
    at: Instant


class Reason(WireStruct, frozen=True, gc=False):
    """One reason of a move: a feature, or the segment in another segmentation.

    It has the values before and after, the border between them, and its share of the whole (negative if it opposed the
    move).
    """

    feature: Text
    before: float | Text | None = None
    after: float | Text | None = None
    border: float | Text | None = None
    share: Annotated[float, Field(ge=-1, le=1)] | None = None


class Change(WireStruct, frozen=True, kw_only=True):
    """A customer's move between segments, with its reasons and whether automations may act on it.

    Attributes
    ----------
    event_id
        Identical in every replay of the log; consumers drop duplicates by it.
    seq
        Gap-free per customer over all segmentations, from 1.
    from_segment, to_segment
        ``from`` and ``to`` on the wire. ``from`` is null on the first change, ``to`` when a membership ends.
    changed_at, detected_at
        When the change took effect in the customer's own time, and the wall clock when the service wrote it.
    reasons
        Largest share first.
    """

    # ``detected_at`` is a parameter of `encode_change` instead, so that changes are equal whenever they are written.
    event_id: Id
    customer_id: CustomerId
    seq: Annotated[int, Field(ge=1)]
    segmentation: Id
    from_segment: Annotated[SegmentRef | None, Field(alias="from")]
    to_segment: Annotated[SegmentRef | None, Field(alias="to")]
    cause: Cause
    automation_safe: bool
    is_initial: bool
    changed_at: Instant
    trigger: Trigger | None
    model: ModelRef
    confidence: Confidence = None
    next_move: NextMove | None = None
    reasons: tuple[Reason, ...] = ()
    features: Mapping[Text, float | None] = {}


class Membership(WireStruct, frozen=True, gc=False):
    """A customer's segment in one segmentation, the time of entry, and the model version that assigned it."""

    id: Id
    name: Text
    since: Instant
    version: Version
    confidence: Confidence = None


class ReceivedChange(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, rename={"from_segment": "from", "to_segment": "to"}
):
    """A published change as readers decode it: the fields that programs act on, without trigger, model and forecast."""

    event_id: str
    customer_id: str
    seq: int
    segmentation: str
    from_segment: SegmentRef | None
    to_segment: SegmentRef | None
    cause: str
    automation_safe: bool
    changed_at: datetime
    reasons: tuple[Reason, ...] = ()
    features: dict[str, float | None] = {}

    @property
    def changed_ms(self) -> int:
        """When the change took effect, in ms."""
        return round(self.changed_at.timestamp() * 1000)


decode_change: Final = msgspec.json.Decoder(ReceivedChange).decode
"""Decodes the value of a ``segment.changed`` record. Raises msgspec.MsgspecError for anything else."""

_encode: Final = msgspec.json.Encoder().encode


def encode_change(change: Change, detected_at: int) -> bytes:
    """Return the value of a ``segment.changed`` record; ``detected_at`` is the wall clock in ms."""
    move = change.next_move
    return _encode(
        {
            "event_id": change.event_id,
            "type": "segment.changed",
            "customer_id": change.customer_id,
            "seq": change.seq,
            "segmentation": change.segmentation,
            "from": change.from_segment,
            "to": change.to_segment,
            "cause": change.cause,
            "automation_safe": change.automation_safe,
            "is_initial": change.is_initial,
            "changed_at": iso(change.changed_at),
            "detected_at": iso(detected_at),
            "trigger": change.trigger,
            "model": change.model,
            "confidence": change.confidence,
            "next_move": None if move is None else {"to": move.to, "at": iso(move.at)},
            "reasons": change.reasons,
            "features": change.features,
        }
    )


def encode_memberships(customer_id: str, seq: int, as_of: int, segments: Mapping[str, Membership]) -> bytes | None:
    """Return the value of a membership record: all current segments by segmentation, or None (a tombstone) without any.

    Parameters
    ----------
    seq
        Number of the customer's last change that it includes.
    as_of
        When the customer was last evaluated, in ms.
    """
    if not segments:
        return None
    return _encode(
        {
            "type": "segment.memberships",
            "customer_id": customer_id,
            "seq": seq,
            "as_of": iso(as_of),
            "segments": {
                segmentation: {
                    "id": member.id,
                    "name": member.name,
                    "since": iso(member.since),
                    "version": member.version,
                    "confidence": member.confidence,
                }
                for segmentation, member in segments.items()
            },
        }
    )


_NAMESPACE_BYTES: Final = CHANGE_NAMESPACE.bytes
# A version 5 UUID has the variant bits 10 at the front of its ninth byte.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def change_event_id(customer_id: str, partition: int, offset: int, seq: int) -> str:
    """Return the id of a customer's change number ``seq``, which is identical in every replay of the log.

    Parameters
    ----------
    partition, offset
        The record that created the customer's state. It differs after an erase, so ids never repeat.

    Returns
    -------
    ``str(uuid5(CHANGE_NAMESPACE, "{customer_id}/{partition}/{offset}/{seq}"))``, at a third of the cost. Customer ids
    contain no slash, so names are unique.
    """
    name = f"{customer_id}/{partition}/{offset}/{seq}".encode()
    digest = hashlib.sha1(_NAMESPACE_BYTES + name, usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


_CE_HEADERS: Final = (
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_source", b"streamer"),
    ("ce_type", b"segment.changed"),
)


def change_headers(change: Change, traceparent: bytes | None = None) -> list[tuple[str, bytes]]:
    """Return a change's headers: its attributes as a CloudEvent in binary mode, and fields for cheap filtering.

    ``to`` and ``from`` are segment ids, empty if there is no segment. ``traceparent`` is copied from the record that
    moved the customer, under both names that tracing libraries look for.
    """
    old, new = change.from_segment, change.to_segment
    traces = () if traceparent is None else (("traceparent", traceparent), ("ce_traceparent", traceparent))
    return [
        *_CE_HEADERS,
        ("ce_id", change.event_id.encode()),
        ("ce_time", iso(change.changed_at).encode()),
        ("ce_subject", change.customer_id.encode()),
        ("segmentation", change.segmentation.encode()),
        ("to", b"" if new is None else new.id.encode()),
        ("from", b"" if old is None else old.id.encode()),
        ("cause", change.cause.encode()),
        ("automation_safe", b"true" if change.automation_safe else b"false"),
        *traces,
    ]


def message_headers(type: str, id: str, customer_id: str, at: int) -> list[tuple[str, bytes]]:
    """Return the headers of a step in a message's life: its attributes as a CloudEvent in binary mode; ``at`` in ms."""
    return [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_source", b"streamer"),
        ("ce_type", type.encode()),
        ("ce_id", id.encode()),
        ("ce_time", iso(at).encode()),
        ("ce_subject", customer_id.encode()),
    ]


def definition_key(segmentation: str, segment: str, version: int) -> bytes:
    """Return the key of a definition's record.

    >>> definition_key("lifecycle", "at_risk", 4)
    b'lifecycle/at_risk@4'
    """
    return f"{segmentation}/{segment}@{version}".encode()


def proposal_key(segmentation: str, number: int) -> bytes:
    """Return the key of a proposal's record.

    >>> proposal_key("behaviour", 3)
    b'behaviour/proposal@3'
    """
    return f"{segmentation}/proposal@{number}".encode()


def model_key(segmentation: str, version: int) -> bytes:
    """Return the key of a model's record.

    >>> model_key("behaviour", 12)
    b'behaviour@12'
    """
    return f"{segmentation}@{version}".encode()
