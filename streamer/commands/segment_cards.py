"""``segments show``: describe a segment in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import Messages, messages
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.completion import segment_ids

if TYPE_CHECKING:
    from models.customer.customer import Customer

_REPORT_EVERY = 20_000


def show(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Segment id, for example at_risk. Use SEGMENTATION/SEGMENT if two segments share an id.",
            autocompletion=segment_ids,
        ),
    ],
    json: Json = False,
) -> None:
    """Show a segment's card: size, share of revenue, and how its customers compare with the shop's average.

    For a cluster, typical values come from its published version; for other segments, from their current customers.

    Example:  streamer segments show champion
    """
    from models.rules.cards import census
    from streamer.queries.cards import cards

    found = common.settings()
    texts = messages(found.language)
    with connections(found) as to, common.progress() as progress:
        policy, model = to.policy, to.view.model()
        clock = max((one.clock for one in to.view.ledgers()), default=0)
        counted = census(_counted(to.view.everyone(), texts, progress), clock, policy.shop)
    answer = cards(id, policy, model, counted, texts)
    if json:
        common.print_json(answer)
    else:
        out = common.console()
        for card in answer:
            for line in lines(card, texts, found.currency):
                out.print(line, markup=False)


def _counted(customers: Iterable[Customer], texts: Messages, progress: Callable[[str], None]) -> Iterator[Customer]:
    for number, customer in enumerate(customers, 1):
        if number % _REPORT_EVERY == 0:
            progress(texts("counting", count=number))
        yield customer


def lines(card: dict[str, Any], texts: Messages, currency: str) -> list[str]:
    """Return a card as lines for a terminal."""

    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    answer = [
        texts("card head", **{**card, "segmentation": card["segmentation"]}),
        texts("card size", customers=card["size"], share=share(card["share"]), revenue=share(card["revenue_share"])),
    ]
    if card["words"]:
        answer.append(texts("card words", words=card["words"]))
    own, shop = card["typical"]["basket"], card["shop"]["basket"]
    if own is not None and shop is not None:
        answer.append(texts("card basket", basket=f"{own:,.2f} {currency}", shop=f"{shop:,.2f} {currency}"))
    return answer
