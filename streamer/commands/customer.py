"""``customer show``: show one customer's segments, features and next moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from schemas.screen_text import line as line_of
from streamer.client.connections import connections
from streamer.commands import common, customer_data, customer_list
from streamer.commands.common import Json
from streamer.commands.completion import customer_ids
from streamer.queries.reasons import number

BEHAVIOUR: Final = "behaviour"
_MONEY: Final = ("money", "basket")
_PACED: Final = ("orders", "clicks", "money")
_MOST_LEVERS: Final = 3
_CELLS: Final = "cells"

if TYPE_CHECKING:
    pass

_WAYS = 3


def register(app: typer.Typer) -> None:
    customer = common.group("customer", "Show, list, export and erase customers.", "streamer customer show 17850")
    customer.command("show")(show)
    customer.command("list")(customer_list.list_customers)
    customer.command("export")(customer_data.export)
    customer.command("erase")(customer_data.erase)
    app.add_typer(customer)


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Customer id.", autocompletion=customer_ids)],
    all: Annotated[bool, typer.Option("--all", help="Also show features whose value is 0.")] = False,
    json: Json = False,
) -> None:
    """Show a customer's segments, features, distance to the next border, and next move if no events arrive.

    Example:  streamer customer show 17850
    """
    from streamer.adapters.group import member_count
    from streamer.queries.customer import explain

    found, id = common.settings(), common.customer_id(id)
    with connections(found) as to:
        answer = explain(to.view, to.policy, id)
        if answer is None:
            raise UserError(
                f"no such customer: {id}",
                "check the id; customers are added when a worker reads their first event"
                if member_count(to.bootstrap, to.kafka.group, security=to.security)
                else "no worker is running to add new customers; start one with `streamer worker`",
            )
    if json:
        common.print_json(answer)
    else:
        _print(answer, _Screen(messages(found.language), found.currency, ZoneInfo(found.timezone), all))


def cluster_lines(clusters: dict[str, Any], segment: str, texts: Messages, currency: str) -> list[str]:
    """Return the distance to the next cluster and the changes that would move the customer there, in words."""
    evidence, nearest = clusters["evidence"], clusters["nearest"]
    if nearest is None:
        needs = evidence["needs"]
        return (
            [
                texts(
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
    margin, border, name = clusters["margin"], clusters["border"], nearest["name"]
    if margin > border:
        return [texts("over border", segment=name, filled=clusters["filled"])]
    # In units of the border: half of it, or three times it, on this side.
    key = "near border" if margin > -0.5 * border else "between" if margin > -3 * border else "far from"
    lines = [texts(key, segment=name)]

    def value(feature: str, amount: float) -> str:
        return f"{number(amount)} {currency}" if feature in _MONEY else number(amount)

    levers = [
        texts(
            "lever",
            feature=texts.feature(lever["feature"]),
            needed=value(lever["feature"], lever["needed"]),
            now=value(lever["feature"], lever["now"]),
        )
        + (texts("per 36 days") if lever["feature"] in _PACED else "")
        for lever in clusters["levers"][:_MOST_LEVERS]
    ]
    return [*lines, texts("levers", segment=name, levers=texts("between levers").join(levers))] if levers else lines


@dataclass(frozen=True, slots=True)
class _Screen:
    """How to show values: language, currency and zone, and whether to include zeros."""

    texts: Messages
    currency: str
    zone: ZoneInfo
    zeros: bool = False

    def instant(self, text: str) -> str:
        return datetime.fromisoformat(text).astimezone(self.zone).strftime("%Y-%m-%d %H:%M %Z")


def _print(shown: dict[str, Any], screen: _Screen) -> None:
    out, texts = common.console(), screen.texts
    out.print(texts("customer", id=shown["customer_id"], day=screen.instant(shown["last_seen"])), markup=False)
    if shown["name"] is not None:
        out.print(f"  {line_of(shown['name'])}", markup=False)
    if shown["last_moved"] is not None:
        out.print(texts("last moved", day=screen.instant(shown["last_moved"])), markup=False)
    for name in shown["segments"]:
        for line in _segment_lines(name, shown, screen):
            out.print(line, markup=False)
    if not shown["segments"]:
        out.print(texts("in none"))
    for line in prediction_lines(shown["predictions"], texts, screen.currency):
        out.print(line, markup=False)
    out.print(texts("features as of", day=screen.instant(shown["now"])))
    for line in _feature_lines(shown["features"], screen):
        out.print(line, markup=False)


def _segment_lines(name: str, shown: dict[str, Any], screen: _Screen) -> Iterator[str]:
    """Yield the segment in one segmentation, the next move by time, and the distance to the next borders."""
    texts, segment = screen.texts, shown["segments"][name]
    segmentation, since = texts.segmentation(name), screen.instant(segment["since"])
    text = texts("in segment", segmentation=segmentation, segment=segment["name"], day=since)
    clusters = shown.get("clusters") if name == BEHAVIOUR else None
    if (move := shown["next_moves"].get(name)) is not None:
        text += texts("by time", segment=move["name"], day=screen.instant(move["at"]))
    elif clusters is not None:
        text += texts("no move")
    yield text
    if clusters is not None:
        yield from cluster_lines(clusters, segment["id"], texts, screen.currency)
    if (border := shown["borders"].get(name)) is not None:
        yield from _border_lines(border, texts)
    else:
        yield from _way_lines(shown["ways"].get(name, ()), texts)


def prediction_lines(found: dict[str, Any] | None, texts: Messages, currency: str) -> Iterator[str]:
    """Yield the predictions and their reasons, in words."""
    if found is None:
        return
    values, chance, money = found["values"], found["why"]["p_buy_30d"], found["why"]["expected_spend_90d"]
    yield texts("chance why", chance=values["p_buy_30d"], ordinary=chance["ordinary"])
    for part in chance["parts"]:
        yield texts("chance part", family=texts(f"family {part['family']}"), factor=exp(part["log_odds"]))
    basket, ordinary = (f"{money[name]:,.2f}" for name in ("basket", "ordinary_basket"))
    yield texts("spend why", **{**money, "basket": basket, "ordinary_basket": ordinary, "currency": currency})
    yield texts("next order", early=number(values["next_order_from"]), late=number(values["next_order_to"]))
    cells = texts("learn cells") if found["form"] == _CELLS else ""
    yield texts("predictions of", version=found["version"], cells=cells, day=found["day"][:10])


def _border_lines(border: dict[str, Any], texts: Messages) -> Iterator[str]:
    """Yield the changes that lead to the next band above and below."""
    feature = texts.feature(border["feature"])
    if (up := border["up"]) is not None and border["value"] is not None:
        more = number(round(up["at"] - border["value"], 2))
        yield texts("more for", amount=more, feature=feature, segment=up["name"])
    if (down := border["down"]) is not None:
        yield texts("below", segment=down["name"], feature=feature, border=number(down["below"]))


def _way_lines(ways: Iterable[dict[str, Any]], texts: Messages) -> Iterator[str]:
    """Yield the smallest changes of single features that lead to another segment."""
    for way in [way for way in ways if way["distance"] is not None][:_WAYS]:
        feature = texts.feature(way["feature"])
        if way["distance"] > 0:
            amount = number(round(way["distance"], 2))
            yield texts("more for", amount=amount, feature=feature, segment=way["name"])
        else:
            yield texts("at border", segment=way["name"], feature=feature, border=number(round(way["border"], 2)))


def _feature_lines(features: dict[str, float | None], screen: _Screen) -> Iterator[str]:
    from models.features.features import feature_of

    for name, value in features.items():
        if value is None or (value == 0 and not screen.zeros):
            continue
        unit = feature_of(name).unit
        shown = "" if unit in (name, "") else f" {screen.currency if unit == 'money' else screen.texts.unit(unit)}"
        yield f"  {screen.texts.feature(name)} {number(round(value, 2))}{shown}"
