"""``customer show``: what is known of one customer, and where it goes next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common, customer_data
from streamer.commands.common import Json
from streamer.commands.watch import number

BEHAVIOUR: Final = "behaviour"
_MONEY: Final = ("money", "basket")
_PACED: Final = ("orders", "clicks", "money")
_MOST_LEVERS: Final = 3

if TYPE_CHECKING:
    pass

_WAYS = 3


def register(app: typer.Typer) -> None:
    customer = common.group("customer", "One customer.")
    customer.command("show")(show)
    customer.command("export")(customer_data.export)
    customer.command("erase")(customer_data.erase)
    app.add_typer(customer)


def show(id: Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")], json: Json = False) -> None:
    """Segments and since when, features now, the next move by time, and how far the next border is.

    Example:  streamer customer show 17850
    """
    from streamer.adapters.group import member_count
    from streamer.queries.customer import describe

    found = common.settings()
    with connections(found) as to:
        shown = to.view.customer(id)
        if shown is None:
            raise UserError(
                f"no customer {id} is known",
                "check the id; a customer is there as soon as a worker took its first event"
                if member_count(to.bootstrap, to.kafka.group, security=to.security)
                else "no worker runs, so new customers are not taken in: start one with `streamer worker`",
            )
        held = next((one for one in to.view.ledgers() if one.partition == shown.lane), None)
        clock = 0 if held is None else held.clock_of(shown.customer.clock_id)
        policy = to.policy
        ahead = None
        if held is not None and held.timeline and shown.behaviour:
            from models.behaviour.forecast import outlook
            from streamer.core.timers import timeline_of

            timeline = timeline_of(held, to.view.models(shown.lane), shown.customer.clock_id)
            ahead = outlook(shown.behaviour, timeline, policy.grid.day_of(clock))
        told = describe(shown.customer, clock, policy, to.view.model(), ahead)
        told = {**shown.document, **told, "lane": shown.lane}
    if json:
        common.print_json(told)
    else:
        _print(told, ZoneInfo(found.timezone), found.currency, messages(found.language))


def cluster_lines(told: dict[str, Any], segment: str, say: Messages, currency: str) -> list[str]:
    """How far the next cluster is, and what would move the customer there, in words."""
    evidence, nearest = told["evidence"], told["nearest"]
    if nearest is None:
        needs = evidence["needs"]
        return (
            [
                say(
                    "evidence",
                    **needs,
                    **{f"has_{name}": evidence[name] for name in ("orders", "interactions")},
                    days=needs["age_days"],
                    has_days=evidence["age_days"],
                )
            ]
            if segment == "new"
            else []
        )
    margin, name = told["margin"], nearest["name"]
    if margin > told["border"]:
        return [say("over border", segment=name, filled=told["filled"])]
    key = "near border" if margin > -0.1 else "between" if margin > -0.6 else "far from"
    lines = [say(key, segment=name)]

    def value(feature: str, amount: float) -> str:
        return f"{number(amount)} {currency}" if feature in _MONEY else number(amount)

    levers = [
        say(
            "lever",
            feature=say.feature(lever["feature"]),
            needed=value(lever["feature"], lever["needed"]),
            now=value(lever["feature"], lever["now"]),
        )
        + (say("per 36 days") if lever["feature"] in _PACED else "")
        for lever in told["levers"][:_MOST_LEVERS]
    ]
    return [*lines, say("levers", segment=name, levers=say("between levers").join(levers))] if levers else lines


def _print(told: dict[str, Any], zone: ZoneInfo, currency: str, say: Messages) -> None:
    from models.features.features import feature_of

    out = common.console()

    def day(text: str) -> str:
        return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")

    out.print(say("customer", id=told["customer_id"], day=day(told["as_of"])), markup=False)
    for name, segment in told["segments"].items():
        text = say(
            "in segment", segmentation=say.segmentation(name), segment=segment["name"], day=day(segment["since"])
        )
        if (move := told["next_moves"].get(name)) is not None:
            text += say("by time", segment=move["name"], day=day(move["at"]))
        elif name == BEHAVIOUR and "clusters" in told:
            text += say("no move")
        out.print(text, markup=False)
        if name == BEHAVIOUR and "clusters" in told:
            for row in cluster_lines(told["clusters"], segment["id"], say, currency):
                out.print(row, markup=False)
        if (border := told["borders"].get(name)) is not None:
            feature = say.feature(border["feature"])
            if (up := border["up"]) is not None and border["value"] is not None:
                more = number(round(up["at"] - border["value"], 2))
                out.print(say("more for", amount=more, feature=feature, segment=up["name"]), markup=False)
            if (down := border["down"]) is not None:
                below = number(down["below"])
                out.print(say("below", segment=down["name"], feature=feature, border=below), markup=False)
        else:
            for way in [way for way in told["ways"].get(name, ()) if way["distance"] is not None][:_WAYS]:
                feature, distance = say.feature(way["feature"]), number(round(way["distance"], 2))
                if way["distance"] > 0:
                    out.print(say("more for", amount=distance, feature=feature, segment=way["name"]), markup=False)
                else:
                    border = number(round(way["border"], 2))
                    out.print(say("at border", segment=way["name"], feature=feature, border=border), markup=False)
    if not told["segments"]:
        out.print(say("in none"))
    out.print(say("features as of", day=day(told["now"])))
    for name, value in told["features"].items():
        if value is None:
            continue
        unit = feature_of(name).unit
        shown = "" if unit in (name, "") else f" {currency if unit == 'money' else say.unit(unit)}"
        out.print(f"  {say.feature(name)} {number(round(value, 2))}{shown}", markup=False)
