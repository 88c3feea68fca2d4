"""Export all stored data of one customer, under every joined id."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec

from models.behaviour.panel import decode as decode_panel
from models.customer import snapshot
from models.customer.statistics import Statistics
from schemas.events import INTERACTIONS
from schemas.partition import partition_for
from schemas.records import Record
from schemas.topics import CHANGES, DEADLETTERS, EVENTS, MEMBERSHIPS, PANEL
from streamer.adapters.client import read
from streamer.client.connections import Connections
from streamer.lanes.keys import id_of

_STATE: Final = {
    **{name: name for name in ("id", "born", "seq", "first_seen", "last_seen", "as_of", "due")},
    "source": "clock_id",
    "edition": "definitions_version",
    **{name: f"statistics.{name}" for name in Statistics.__struct_fields__},
}
"""Customer attributes by their names in the export, which do not change when attributes are renamed."""


def held(to: Connections, id: str) -> dict[str, Any]:
    """Return all stored data of a customer, under every joined id."""

    shown = to.view.customer(id)
    name = id if shown is None else shown.customer.id
    state = state_of(to, name)
    ids = sorted({id, name, *(state or {}).get("aliases", ())})
    lanes = sorted({partition_for(one.encode(), to.lanes) for one in ids})

    def records(topic: str, of: Iterable[int]) -> Iterator[Record]:
        return (one for lane in of for one in read(to.kafka, topic, at=(lane, 0)) if id_of(one.key) in ids)

    latest: dict[bytes | None, Record] = {one.key: one for one in records(MEMBERSHIPS, lanes)}
    rows = {one.key: one for one in records(PANEL, (0,))}
    # A producer with another partitioner may have left records in other lanes.
    everywhere = range(to.lanes)
    return {
        "customer_id": name,
        "ids": ids,
        "document": None if shown is None else shown.document,
        "state": state,
        "memberships": [body(one) for one in latest.values() if one.value is not None],
        "changes": [body(one) for one in records(CHANGES, lanes)],
        "panel": [
            {"day": row.day, "memory": b64encode(row.blob).decode()}
            for row in (decode_panel(one.value) for one in rows.values() if one.value is not None)
        ],
        "events": [
            {"partition": one.partition, "offset": one.offset, "value": body(one)}
            for one in records(EVENTS, everywhere)
        ],
        "dead_letters": [body(one) for one in records(DEADLETTERS, everywhere)],
    }


def state_of(to: Connections, id: str) -> dict[str, Any] | None:
    """Return a customer's state as JSON values, or None."""

    parts = to.view.parts(id)
    if parts is None or snapshot.CORE not in parts:
        return None
    customer, behaviour = snapshot.load(id, parts)
    found = {name: attrgetter(attribute)(customer) for name, attribute in _STATE.items()}
    profile = customer.profile
    found["interactions"] = dict(zip(INTERACTIONS, customer.statistics.interactions, strict=True))
    found["segments"] = {name: {"id": one.segment, "since": one.since} for name, one in customer.segments.items()}
    found["order_book"] = {
        "orders": [_named(order) for order in customer.book.orders],
        "waiting_reversals": [_named(reversal) for reversal in customer.book.waiting],
    }
    found["event_id_hashes"] = customer.dedupe_window.ids.hex()
    found["aliases"] = [] if profile is None else profile.aliases
    found["about"] = None if profile is None else {**_named(profile), "traits": profile.shown_traits()}
    found["behaviour_memory"] = b64encode(behaviour).decode()
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def _named(value: Any) -> dict[str, Any]:
    """Convert a value stored by position to a dict by field name."""
    found = {}
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        found[name] = _named(inner) if hasattr(inner, "__struct_fields__") else inner
    return found


def body(record: Record) -> Any:
    """Return a record's JSON value, its text if it is not JSON, or None if it has no value."""

    try:
        return None if record.value is None else msgspec.json.decode(record.value)
    except msgspec.DecodeError:
        return record.value.decode("utf-8", "replace") if record.value is not None else None
