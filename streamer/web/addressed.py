"""Turn an event into a record for the input topic, with its lane."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.partition import home_of


class Addressed(NamedTuple):
    """A record to publish; a guest's order has no key."""

    key: bytes | None
    value: bytes
    lane: int


def addressed(event: Any, lanes: int) -> Addressed:
    """Return an event as a record in its home lane, so that no lane has to forward it."""
    value = event.model_dump_json(exclude_none=True).encode()
    return Addressed(event.partition_id().encode() or None, value, home_of(event, lanes))
