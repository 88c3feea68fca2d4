"""``customer show``: what is known of one customer, and where it goes next."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.commands import common, customer_data
from streamer.commands.common import Json
from streamer.commands.watch import number

BEHAVIOUR: Final = "behaviour"
_MONEY: Final = ("money", "basket")
_PACED: Final = ("orders", "clicks", "money")
_MOST_LEVERS: Final = 3

if TYPE_CHECKING:
    from models.behaviour.forecast import Outlook
    from models.behaviour.model import ClusterModel
    from models.customer.customer import Customer
    from streamer.core.policy import Policy

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

    found = common.settings()
    with common.connections(found) as to:
        shown = to.view.customer(id)
        if shown is None:
            raise UserError(
                f"no customer {id} is known",
                "check the id; a customer is there as soon as a worker took its first event"
                if member_count(to.bootstrap, to.kafka.group, security=to.security)
                else "no worker runs, so new customers are not taken in: start one with `streamer worker`",
            )
        held = next((one for one in to.view.ledgers() if one.partition == shown.lane), None)
        clock = 0 if held is None else held.clock_of(shown.customer.source)
        policy = to.policy
        ahead = None
        if held is not None and held.timeline and shown.behaviour:
            from models.behaviour.forecast import outlook
            from streamer.core.timers import timeline_of

            timeline = timeline_of(held, to.view.models(shown.lane), shown.customer.source)
            ahead = outlook(shown.behaviour, timeline, policy.grid.day_of(clock))
        told = describe(shown.customer, clock, policy, to.view.model(), ahead)
        told = {**shown.document, **told, "lane": shown.lane}
    if json:
        common.print_json(told)
    else:
        _print(told, ZoneInfo(found.timezone), found.currency, messages(found.language))


def describe(
    customer: Customer, clock: int, policy: Policy, model: ClusterModel | None, ahead: Outlook | None = None
) -> dict[str, Any]:
    """Segments, features and next moves, by the customer's own clock, as JSON-safe values.

    ``borders`` are those of banded segmentations: what the feature must reach to go up, or fall below to go down.
    ``ways`` are the single features, or words, that would lead to another segment, nearest first, in their own units.
    """
    from models.features.features import FEATURES, feature_of
    from models.rules.borders import borders_of
    from models.rules.due import next_moves
    from models.rules.evaluate import facts
    from schemas.wire_time import iso

    at, definitions, shop = max(customer.as_of, clock), policy.definitions, policy.shop
    segments = {}
    for name, held in customer.segments.items():
        segments[name] = {
            "id": held.segment,
            "name": segment_name(name, held.segment, policy, model),
            "since": iso(held.since),
        }
    found = next_moves(customer, [one.name for one in definitions.segmentations], definitions, shop)
    moves = {
        name: {"to": segment, "name": segment_name(name, segment, policy, model), "at": iso(due)}
        for name, (segment, due) in found.items()
    }
    if ahead is not None and ahead.next is not None:
        to = ahead.next.to_id
        moves[BEHAVIOUR] = {
            "to": to,
            # It may be of a version that is in force from tomorrow on only.
            "name": segment_name(BEHAVIOUR, to, policy, model or ahead.model),
            "at": iso(policy.grid.instant(ahead.next.day)),
        }
    borders = {}
    for segmentation in definitions.segmentations:
        if segmentation.kind == "bands" and segmentation.name in customer.segments:
            value = feature_of(segmentation.feature).value(customer, at, shop)
            bands = list(segmentation.bands)
            index = [band.segment for band in bands].index(customer.segments[segmentation.name].segment)
            borders[segmentation.name] = {
                "feature": segmentation.feature,
                "value": None if value != value else value,
                "up": None
                if index + 1 == len(bands)
                else {
                    "to": bands[index + 1].segment,
                    "name": segment_name(segmentation.name, bands[index + 1].segment, policy, model),
                    "at": bands[index + 1].enter,
                },
                "down": None
                if index == 0
                else {
                    "to": bands[index - 1].segment,
                    "name": segment_name(segmentation.name, bands[index - 1].segment, policy, model),
                    "below": bands[index].exit,
                },
            }
    now = facts(customer, at, definitions, shop)
    ways = {
        segmentation.name: [
            {
                "to": one.to,
                "name": segment_name(segmentation.name, one.to, policy, model),
                "feature": one.feature,
                "value": one.value,
                "border": one.border,
                "distance": one.distance,
            }
            for one in borders_of(segmentation, customer.segments[segmentation.name].segment, now)
        ]
        for segmentation in definitions.segmentations
        if segmentation.name in customer.segments
    }
    # A shop's own traits where segments depend on them.
    shown = dict.fromkeys((*FEATURES, *definitions.features))
    values = {name: feature_of(name).value(customer, at, shop) for name in shown}
    return {
        "now": iso(at),
        "segments": segments,
        # NaN (no order yet) has no place in JSON.
        "features": {name: None if value != value else value for name, value in values.items()},
        "next_moves": moves,
        "borders": borders,
        "ways": ways,
        **({} if ahead is None else {"clusters": clusters(ahead, policy)}),
    }


def clusters(ahead: Outlook, policy: Policy) -> dict[str, Any]:
    """How a customer stands among the clusters, as JSON-safe values.

    ``margin`` is 0 on the border with the nearest other cluster, negative on this side, 1 at its centre; above
    ``border`` the customer is on the way there, ``filled`` of it gone. ``levers`` are features of which each alone would
    carry the customer over the border. Money in major units.
    """
    stands, model, minor = ahead.standing, ahead.model, policy.shop.minor_per_major

    def amount(name: str, value: float) -> float:
        return round(value / minor if name in _MONEY else value, 4)

    other = stands.nearest_other
    return {
        "version": model.version,
        "nearest": None if other is None else {"id": other, "name": segment_name(BEHAVIOUR, other, policy, model)},
        "margin": round(stands.margin, 4),
        "border": ahead.border,
        "filled": round(ahead.filled, 4),
        "levers": [
            {
                "feature": lever.feature,
                "now": amount(lever.feature, lever.now),
                "needed": amount(lever.feature, lever.needed),
            }
            for lever in ahead.levers
        ],
        "evidence": {**asdict(ahead.known), "needs": asdict(model.evidence)},
    }


def segment_name(segmentation: str, segment: str, policy: Policy, model: ClusterModel | None) -> str:
    """What a segment is called now; its id where no name is known."""
    from models.behaviour.layout import NEW_ID, NEW_NAME
    from models.behaviour.model import SEGMENTATION

    told = messages(policy.language)
    if segmentation != SEGMENTATION:
        return told.segment(segmentation, segment, policy.definitions.names.get((segmentation, segment), segment))
    if segment == NEW_ID:
        return told.segment(SEGMENTATION, NEW_ID, NEW_NAME)
    named = None if model is None else model.by_id(segment)
    return segment if named is None else told.cluster(named.name)


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
