"""``customer show``: what is known of one customer, and where it goes next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from models.words import Words, words
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.watch import number

if TYPE_CHECKING:
    from models.behaviour.model import ClusterModel
    from models.customer import Customer
    from streamer.policy import Policy


def register(app: typer.Typer) -> None:
    customer = common.group("customer", "One customer.")

    # With a single command, Typer would make it the group itself.
    @customer.callback()
    def only_groups() -> None:
        """One customer."""

    customer.command("show")(show)
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
        told = describe(shown.customer, clock, policy, to.view.model())
        told = {**shown.document, **told, "lane": shown.lane}
    if json:
        common.print_json(told)
    else:
        _print(told, ZoneInfo(found.timezone), found.currency, words(found.language))


def describe(customer: Customer, clock: int, policy: Policy, model: ClusterModel | None) -> dict[str, Any]:
    """Segments, features and next moves, by the customer's own clock, as JSON-safe values.

    ``borders`` are those of banded segmentations: what the feature must reach to go up, or fall below to go down.
    """
    from models.due import next_moves
    from models.features import FEATURES
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
    borders = {}
    for segmentation in definitions.segmentations:
        if segmentation.kind == "bands" and segmentation.name in customer.segments:
            value = FEATURES[segmentation.feature].value(customer, at, shop)
            bands = list(segmentation.bands)
            index = [band.segment for band in bands].index(customer.segments[segmentation.name].segment)
            borders[segmentation.name] = {
                "feature": segmentation.feature,
                "value": value,
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
    values = {name: feature.value(customer, at, shop) for name, feature in FEATURES.items()}
    return {
        "now": iso(at),
        "segments": segments,
        # NaN (no order yet) has no place in JSON.
        "features": {name: None if value != value else value for name, value in values.items()},
        "next_moves": moves,
        "borders": borders,
    }


def segment_name(segmentation: str, segment: str, policy: Policy, model: ClusterModel | None) -> str:
    """What a segment is called now; its id where no name is known."""
    from models.behaviour.layout import NEW_ID, NEW_NAME
    from models.behaviour.model import SEGMENTATION

    told = words(policy.language)
    if segmentation != SEGMENTATION:
        return told.segment(segmentation, segment, policy.definitions.names.get((segmentation, segment), segment))
    if segment == NEW_ID:
        return told.segment(SEGMENTATION, NEW_ID, NEW_NAME)
    named = None if model is None else model.by_id(segment)
    return segment if named is None else told.cluster(named.name)


def _print(told: dict[str, Any], zone: ZoneInfo, currency: str, say: Words) -> None:
    from models.features import FEATURES

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
        out.print(text, markup=False)
        if (border := told["borders"].get(name)) is not None:
            feature = say.feature(border["feature"])
            if (up := border["up"]) is not None:
                more = number(round(up["at"] - border["value"], 2))
                out.print(say("more for", amount=more, feature=feature, segment=up["name"]), markup=False)
            if (down := border["down"]) is not None:
                below = number(down["below"])
                out.print(say("below", segment=down["name"], feature=feature, border=below), markup=False)
    if not told["segments"]:
        out.print(say("in none"))
    out.print(say("features as of", day=day(told["now"])))
    for name, value in told["features"].items():
        unit = FEATURES[name].unit
        shown = "" if value is None or unit == name else f" {currency if unit == 'money' else say.unit(unit)}"
        rounded = round(value, 2) if value is not None else None
        out.print(f"  {say.feature(name)} {number(rounded)}{shown}", markup=False)
