"""``plays report``: show whether a play, or all marketing together, makes customers buy."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.plays_results import print_power
from streamer.queries import plays as queries


def report(
    name: Annotated[
        str | None, typer.Argument(metavar="[PLAY]", help="Name of the play. Default: all marketing together.")
    ] = None,
    json: Json = False,
) -> None:
    """Show whether a play works: how many more recipients than held-out customers bought, with a 95 % interval.

    Before the play's `report_on` date, the interval is wider so that you can check it daily. Without PLAY, compares
    customers held out of all marketing (`holdout` in [limits]) with all others, for 90 days from the first message each
    would have got.

    Example:  streamer plays report win_back
    """
    from streamer.act.reader import state_of

    with connections() as to:
        state = state_of(to.kafka)
        currency = to.settings.currency
    if name is None:
        answer = queries.report_of_all(state)
    else:
        answer = queries.report(name, state.started(name), state, time.time_ns() // 1_000_000)
    if json:
        common.print_json(answer)
        return
    if name is None and not answer["holdout"]:
        raise UserError(
            "no customer is held out of all marketing",
            "set holdout = 0.05 in [limits], then start a play from that file",
        )
    _print_compared(answer, currency)
    if name is not None and not answer["arms_are_off"]:
        print_power(answer)
    if (coupons := answer.get("coupons")) is not None:
        common.console().print(
            f"{Count(coupons['given']):|coupon} given, {coupons['used']:,} used in orders", markup=False
        )
    if name is not None:
        common.console().print(
            f"{answer['unsubscribed']:,} unsubscribed, {answer['complained']:,} complained", markup=False
        )


def _print_compared(answer: dict[str, Any], currency: str) -> None:
    """Print both arms, and the valid conclusions about their difference."""
    out = common.console()
    for arm, one in (("got it", answer["sent"]), ("held out", answer["held_out"])):
        share = f"{one['bought'] / one['n']:.1%}" if one["n"] else "-"
        out.print(f"  {arm:<9} {one['n']:>8,} measured {one['bought']:>8,} bought  {share}", markup=False)
    if answer["arms_are_off"]:
        out.print("the group sizes do not match the holdout: no conclusion is possible", markup=False)
        return
    if (found := answer["uplift"]) is None:
        out.print("nothing to compare yet", markup=False)
    else:
        bounds = f"{found['low']:+.1%} to {found['high']:+.1%}"
        when = "" if answer["final"] else ", and may be looked at daily"
        out.print(f"{found['estimate']:+.1%} buy because of it: {answer['says']} (95 %: {bounds}{when})", markup=False)
    if (money := answer["money"]) is None:
        out.print("money: too few customers held out to say (needs 200, including 15 buyers)", markup=False)
    else:
        bounds = f"{money['low']:+,.2f} to {money['high']:+,.2f}"
        out.print(f"{money['estimate']:+,.2f} {currency} a customer (95 %: {bounds})", markup=False)
