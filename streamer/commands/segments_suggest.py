"""``segments suggest``: propose borders from the shop's own customers."""

from __future__ import annotations

import typer

from models.messages.count import Count
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json


def register(segments: typer.Typer) -> None:
    segments.command("suggest")(suggest)


def suggest(json: Json = False) -> None:
    """Print a segments file with borders at quantiles of this shop's customers. Changes nothing.

    Example:  streamer segments suggest > segments.toml
    """
    from models.rules.suggest import Figures, file_of
    from models.rules.suggest import suggest as suggested
    from streamer.queries.everyone import in_lane

    figures = Figures()
    with connections() as to, common.progress("looking at everybody") as on_progress:
        shop = to.settings.policy(to.lanes).shop
        for ledger in to.view.ledgers():
            for people in in_lane(to.view, ledger.partition):
                for customer, _ in people:
                    figures.add(customer, max(customer.as_of, ledger.clock_of(customer.clock_id)), shop)
                on_progress(f"{Count(figures.customers):|customer}")
    answer = suggested(figures)
    if json:
        common.print_json(answer)
    elif "note" in answer:
        common.note(answer["note"])
    else:
        common.print_text(file_of(answer))
