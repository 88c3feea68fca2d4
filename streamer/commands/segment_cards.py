"""``segments show``: the card of a segment, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from models.behaviour.model import ClusterModel
    from models.customer.customer import Customer
    from models.rules.cards import Census
    from streamer.core.policy import Policy

_TOLD_EVERY = 20_000


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Such as at_risk, or lifecycle/new where two share an id.")],
    json: Json = False,
) -> None:
    """The card of a segment: size, share of revenue, and what its customers are like against the shop's average.

    What is typical of a cluster is what its version was published with; of other segments, what their customers are now.

    Example:  streamer segments show champion
    """
    from models.rules.cards import census

    found = common.settings()
    say = messages(found.language)
    with common.connections(found) as to, common.progress() as progress:
        policy, model = to.policy, to.view.model()
        clock = max((one.clock for one in to.view.ledgers()), default=0)
        counted = census(_counted(to.view.everyone(), say, progress), clock, policy.shop)
    told = cards(id, policy, model, counted, say)
    if json:
        common.print_json(told)
    else:
        out = common.console()
        for card in told:
            for line in lines(card, say, found.currency):
                out.print(line, markup=False)


def _counted(customers: Iterable[Customer], say: Messages, progress: Callable[[str], None]) -> Iterator[Customer]:
    for number, customer in enumerate(customers, 1):
        if number % _TOLD_EVERY == 0:
            progress(say("counting", count=number))
        yield customer


def cards(id: str, policy: Policy, model: ClusterModel | None, counted: Census, say: Messages) -> list[dict[str, Any]]:
    """The cards of all segments of that id, JSON-safe; UserError if there is none."""
    from models.behaviour.layout import NEW_ID, NEW_NAME
    from models.behaviour.model import SEGMENTATION

    known: dict[tuple[str, str], tuple[str, str]] = {}
    for one in policy.definitions.segmentations:
        for segment in one.segments:
            known[one.name, segment.id] = (
                say.segment(one.name, segment.id, segment.name),
                say.meaning(one.name, segment.id, segment.meaning),
            )
    if model is not None:
        known[SEGMENTATION, NEW_ID] = (
            say.segment(SEGMENTATION, NEW_ID, NEW_NAME),
            say.table.segments[SEGMENTATION, NEW_ID].meaning,
        )
        for cluster in model.segments:
            known[SEGMENTATION, cluster.segment_id] = (say.cluster(cluster.name), _like(cluster.segment_id, say))
    for segmentation, segment_id in counted.segments:
        known.setdefault((segmentation, segment_id), (segment_id, ""))
    wanted = [place for place in known if id in (place[1], "/".join(place))]
    if not wanted:
        there = ", ".join(sorted({segment for _, segment in known}))
        raise UserError(f"there is no segment {id}", f"there are {there}")
    return [_card(place, known[place], policy, model, counted, say) for place in wanted]


def _like(segment_id: str, say: Messages) -> str:
    from models.learning.naming import prototype_of

    return say.cluster_meaning(prototype_of(segment_id))


def _card(
    place: tuple[str, str],
    named: tuple[str, str],
    policy: Policy,
    model: ClusterModel | None,
    counted: Census,
    say: Messages,
) -> dict[str, Any]:
    from models.behaviour.model import SEGMENTATION
    from models.rules.cards import Group, in_words, of_cluster

    group = counted.segments.get(place, Group())
    own, shop = group.typical, counted.shop.typical
    if place[0] == SEGMENTATION and model is not None:
        own, shop = of_cluster(model, place[1], policy.shop.minor_per_major) or (own, shop)
    return {
        "segmentation": place[0],
        "id": place[1],
        "name": named[0],
        "meaning": named[1],
        "size": group.customers,
        "share": group.customers / counted.shop.customers if counted.shop.customers else None,
        "revenue_share": counted.revenue_share(*place),
        "typical": asdict(own),
        "shop": asdict(shop),
        "words": in_words(own, shop, say) if group.customers else "",
    }


def lines(card: dict[str, Any], say: Messages, currency: str) -> list[str]:
    """A card for people."""

    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    told = [
        say("card head", **{**card, "segmentation": card["segmentation"]}),
        say("card size", customers=card["size"], share=share(card["share"]), revenue=share(card["revenue_share"])),
    ]
    if card["words"]:
        told.append(say("card words", words=card["words"]))
    own, shop = card["typical"]["basket"], card["shop"]["basket"]
    if own is not None and shop is not None:
        told.append(say("card basket", basket=f"{own:,.2f} {currency}", shop=f"{shop:,.2f} {currency}"))
    return told
