"""``parity``: replay the lanes' logs with `decide`, and compare with the published records and counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.client.connections import Connections
    from streamer.replay.parity import Parity

_SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command()(parity)


def parity(json: Json = False) -> None:
    """Replay the log of every lane, and compare the result with the published changes and counters.

    Exits with code 1 if anything differs. A lane is skipped, and listed, if retention has deleted the start of its log.

    Example:  streamer parity
    """
    from streamer.replay.parity import Parity

    total, left_out = Parity(), []
    with connections() as to, common.progress("replaying") as on_progress:
        for lane in [ledger.partition for ledger in to.view.ledgers()]:
            on_progress(f"lane {lane}")
            found = _lane(to, lane)
            if found is None:
                left_out.append(lane)
            else:
                total += found
    if json:
        common.print_json(
            {
                "customers": total.customers,
                "changes": total.changes,
                "differences": total.differences,
                "lanes_left_out": left_out,
            }
        )
    else:
        out = common.console()
        for difference in total.differences[:_SHOWN]:
            out.print(difference, markup=False)
        out.print(
            f"{Count(len(total.differences)):|difference} in {Count(total.changes):|change} of {Count(total.customers):|customer}"
        )
        if left_out:
            out.print(f"skipped, because their logs do not go back to the first record: lanes {left_out}", markup=False)
    if total.differences:
        raise typer.Exit(1)


def _lane(to: Connections, lane: int) -> Parity | None:
    """Return the comparison for one lane at rest, or None if its first records are gone."""
    from schemas.topics import CHANGES, EVENTS
    from streamer.adapters.client import read
    from streamer.replay.parity import NoRest, decode_change, of_lane

    try:
        return of_lane(
            ledger=lambda: next(ledger for ledger in to.view.ledgers() if ledger.partition == lane),
            events=lambda: read(to.kafka, EVENTS, at=(lane, 0)),
            published=lambda: [
                decode_change(record.value)
                for record in read(to.kafka, CHANGES, at=(lane, 0))
                if record.value is not None
            ],
            policy=to.settings.policy(to.lanes),
            keys=to.settings.control_keys,
        )
    except NoRest:
        raise UserError(
            f"lane {lane} received records during the comparison", "pause publishing, then run the command again"
        ) from None
