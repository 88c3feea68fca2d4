"""``plays first``: plan messages for customers who were in a play's segments before its start."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from models.messages.count import Count
from schemas.act import MAX_FIRST, FirstCustomer, PlayCommand
from schemas.errors import UserError
from streamer.client.connections import Connections, connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.plays_orders import Name, give
from streamer.commands.plays_results import print_funnel, print_who
from streamer.queries.plays import already_in, policy_of, profiles


def first(
    name: Name,
    limit: Annotated[
        int, typer.Option(min=1, max=MAX_FIRST, help="Maximum number of customers, most recent arrivals first.")
    ] = 100,
    send: Annotated[
        bool, typer.Option("--send", help="Plan the messages instead of only showing what would happen.")
    ] = False,
    who: Annotated[bool, typer.Option("--who", help="List the first customers for each outcome.")] = False,
    json: Json = False,
) -> None:
    """Plan messages for customers who are already in a play's segments. Otherwise, a play acts only on later changes.

    The play must be started. All gates apply, including caps and the holdout. Recipients count as contacted, so the
    play's `again` setting applies to their later changes.

    Example:  streamer plays first win_back --limit 50 --send
    """
    from streamer.act.reader import state_of

    now = time.time_ns() // 1_000_000
    with connections() as to:
        state = state_of(to.kafka)
        held = state.started(name)
        if held.status == "stopped":
            raise UserError(f"{name} is stopped", f"start it with `streamer plays start {name}`")
        everybody = already_in(to, state.books[held.version].plays[name], now)
        found = everybody[:limit]
        if send:
            order = PlayCommand(action="first", play=name, customers=tuple(found))
            give(to, order, f"{len(found):,} of the {len(everybody):,} in its segments are planned", json)
            return
        funnel = _previewed(to, name, found, now)
    if json:
        common.print_json({"in_segments": len(everybody), "looked_at": len(found), **funnel})
        return
    out = common.console()
    out.print(f"{len(everybody):,} are in its segments; for the {Count(len(found)):|latest arrival}", markup=False)
    print_funnel(name, funnel)
    if who:
        print_who(funnel)
    out.print("nothing is sent: add --send to do it", markup=False)


def _previewed(to: Connections, name: str, found: list[FirstCustomer], now: int) -> dict[str, object]:
    """Return the planner's result for these customers until their messages expire, including caps and earlier sends."""
    from streamer.act.heart.by_hand import entered
    from streamer.act.preview import Preview
    from streamer.act.reader import state_of

    state = state_of(to.kafka)
    book = state.books[state.ledger.plays[name].version]
    play = book.plays[name]
    people = {one.id: one for one in profiles(to, {one.customer_id for one in found})}
    run = Preview(
        book,
        [name],
        people,
        policy_of(to),
        of=0,
        suppressed=state.suppressed,
        coupons=state.coupons,
        people=state.people,
        language=to.settings.language,
    )
    changes = [entered(one, play) for one in found]
    return asdict(run.by_hand(changes, now, now + play.wait + play.expires)[name])
