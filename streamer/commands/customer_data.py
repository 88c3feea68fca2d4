"""``customer export`` and ``customer erase``: everything held of one customer, and the end of it."""

from __future__ import annotations

import time
import uuid
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.records import Record
    from streamer.commands.common import Connections

_WAIT_SECONDS = 10.0


def export(id: Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")]) -> None:
    """Everything held of one customer, as one JSON: state, document, memberships, changes, panel row, records.

    Other ids that were joined to the customer are part of it. Topics are read from their start, so it takes a while.

    Example:  streamer customer export 17850 > 17850.json
    """
    with common.connections() as to:
        found = held(to, id)
    if not any(found[name] for name in ("state", "changes", "memberships", "panel", "events", "dead_letters")):
        raise UserError(f"nothing is held of {id}", "check the id")
    common.print_json(found)


def erase(
    id: Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Erase one customer, with all ids that were joined to it: memberships end, and nothing is kept.

    Records in the input, the changes and the dead letters go when their retention ends.

    Example:  streamer customer erase 17850
    """
    from schemas.events import CustomerErased
    from schemas.topics import EVENTS
    from streamer.adapters.client import sender
    from streamer.adapters.clock import SystemClock

    if not yes:
        typer.confirm(f"Erase customer {id} for good?", abort=True, err=True)
    now = SystemClock().now_ms()
    with common.connections() as to:
        try:
            event = CustomerErased(event_id=str(uuid.uuid4()), type="customer.erased", customer_id=id, occurred_at=now)
        except ValueError:
            raise UserError(f"{id!r} is no customer id", "an id has 1 to 128 letters, digits and ._:@+-") from None
        with sender(to.kafka, EVENTS, to.lanes) as send:
            send.send(id.encode(), event.model_dump_json(exclude_none=True).encode())
        deadline = time.monotonic() + _WAIT_SECONDS
        while (done := to.view.parts(id) is None) is False and time.monotonic() < deadline:
            time.sleep(0.1)
    if json:
        common.print_json({"customer_id": id, "event_id": event.event_id, "erased": done})
    elif done:
        common.console().print(f"customer {id} is erased", markup=False)
    else:
        common.console().print(f"the erase of {id} waits for a worker to take it", markup=False)


def held(to: Connections, id: str) -> dict[str, Any]:
    """What is held of a customer, under all of its ids."""
    from models.behaviour.panel import decode as decode_panel
    from schemas.partition import partition_for
    from schemas.topics import CHANGES, DEADLETTERS, EVENTS, MEMBERSHIPS, PANEL
    from streamer.adapters.client import read
    from streamer.lanes.keys import id_of

    shown = to.view.customer(id)
    name = id if shown is None else shown.customer.id
    state = state_of(to, name)
    ids = sorted({id, name, *(state or {}).get("aliases", ())})
    lanes = sorted({partition_for(one.encode(), to.lanes) for one in ids})

    def records(topic: str, of: Iterable[int]) -> Iterator[Record]:
        return (one for lane in of for one in read(to.kafka, topic, at=(lane, 0)) if id_of(one.key) in ids)

    latest: dict[bytes | None, Record] = {one.key: one for one in records(MEMBERSHIPS, lanes)}
    rows = {one.key: one for one in records(PANEL, (0,))}
    # Whoever published with another partitioner left records on other lanes.
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
    """The state of a customer as JSON values; None where there is none."""
    import msgspec

    from models.customer import snapshot
    from models.customer.customer import INTERACTIONS

    parts = to.view.parts(id)
    if parts is None or snapshot.CORE not in parts:
        return None
    customer, behaviour = snapshot.load(id, parts)
    left_out = {"about", "about_dirty", "book", "book_dirty", "ring", "row", "panel_rank", "segments", "written_ids"}
    found = {name: getattr(customer, name) for name in customer.__slots__ if name not in left_out}
    profile = customer.profile
    found["interactions"] = dict(zip(INTERACTIONS, customer.interactions, strict=True))
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
    """A value that is kept by position, with the names of its fields."""
    found = {}
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        found[name] = _named(inner) if hasattr(inner, "__struct_fields__") else inner
    return found


def body(record: Record) -> Any:
    """The JSON of a record; its text where it is none, None where it has no value."""
    import msgspec

    try:
        return None if record.value is None else msgspec.json.decode(record.value)
    except msgspec.DecodeError:
        return record.value.decode("utf-8", "replace") if record.value is not None else None
