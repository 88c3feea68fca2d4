"""``customer export`` and ``customer erase``: print or delete all data about one customer."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.completion import customer_ids

if TYPE_CHECKING:
    pass

_WAIT_SECONDS = 10.0


def export(
    id: Annotated[str, typer.Argument(metavar="ID", help="Customer id.", autocompletion=customer_ids)],
) -> None:
    """Export all data about a customer as JSON: state, document, memberships, changes, panel row and records.

    Includes ids that were merged into the customer. Topics are read from the start, so it takes a while.

    Example:  streamer customer export 17850 > 17850.json
    """
    from streamer.queries.customer_data import held

    id = common.customer_id(id)
    with connections() as to:
        found = held(to, id)
    if not any(found[name] for name in ("state", "changes", "memberships", "panel", "events", "dead_letters")):
        raise UserError(f"no data about customer {id}", "check the id")
    common.print_json(found)


def erase(
    id: Annotated[str, typer.Argument(metavar="ID", help="Customer id.", autocompletion=customer_ids)],
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation prompt.")] = False,
    json: Json = False,
) -> None:
    """Erase a customer and all ids merged into it. Memberships end, and no data is kept.

    Records in the input, changes and dead-letter topics disappear when their retention ends.

    Example:  streamer customer erase 17850
    """
    from schemas.events import CustomerErased
    from schemas.topics import EVENTS
    from streamer.adapters.client import sender
    from streamer.adapters.clock import SystemClock

    id = common.customer_id(id)
    if not yes:
        common.confirm(f"Erase customer {id} for good?", err=True)
    now = SystemClock().now_ms()
    with connections() as to:
        event = CustomerErased(event_id=str(uuid.uuid4()), type="customer.erased", customer_id=id, occurred_at=now)
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
