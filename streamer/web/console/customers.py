"""Serve the customer search and the page of one customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from models.features.features import feature_of
from models.messages import Messages
from schemas.published import MESSAGE_STEPS
from schemas.wire_time import epoch_ms
from streamer.adapters.redis_reader import ViewReader
from streamer.queries.customer import explain
from streamer.queries.reasons import number
from streamer.web.api import parameters
from streamer.web.api.addresses import Addressed
from streamer.web.console import story
from streamer.web.console.overview import customer_path
from streamer.web.console.visits import Visit
from streamer.web.console.words import Words
from streamer.web.readmodel.reading import Reader

FOUND: Final = 50
MOVES: Final = 20
_CELLS: Final = "cells"
_SHARE: Final = "0 to 1"
"""Unit of features that are shares."""
_LATEST: Final = (1 << 62) - 1
_PLACES: Final = {step: place for place, step in enumerate(MESSAGE_STEPS)}


@dataclass(frozen=True)
class Customers:
    """Handlers under ``/customers``."""

    reader: Callable[[], Reader]
    addressed: Addressed

    async def search(self, visit: Visit) -> Response:
        """Return ids that begin with a text or have it as an address; only the list for htmx requests."""
        wanted = visit.request.query_params.get("query", "").strip()
        found = await self._found(visit, wanted, FOUND)
        part = visit.request.headers.get("hx-request") == "true"
        rows = [(id, customer_path(id)) for id in found]
        return visit.html("found.html" if part else "customers.html", query=wanted, found=rows, most=FOUND)

    async def go(self, visit: Visit) -> Response:
        """Return the page of the only customer found, or the search. For the Enter key."""
        wanted = visit.request.query_params.get("query", "").strip()
        found = await self._found(visit, wanted, 2)
        to = customer_path(found[0]) if len(found) == 1 else f"/customers?query={quote(wanted, safe='')}"
        return RedirectResponse(to, 303)

    async def _found(self, visit: Visit, wanted: str, most: int) -> list[str]:
        if not wanted:
            return []
        text = parameters.text_of(visit.request, "query", wanted)
        return list(dict.fromkeys([*await self.addressed.find(text), *self.reader().customers(text, most)]))[:most]

    async def one(self, visit: Visit) -> Response:
        """Return segments, distances to their borders, moves with reasons, features and messages."""
        id, words = parameters.id_of(visit.request), visit.words
        shown, orders = await visit.site.book.query(
            lambda view: (explain(view, words.page.policy, id), _orders(view, id))
        )
        if shown is None:
            return visit.gone("console gone customer")
        reader, main = self.reader(), shown["customer_id"]
        before = parameters.number_of(visit.request, "before", 1, _LATEST, None)
        moves = reader.history(main, before=before, limit=MOVES)
        now = epoch_ms(shown["now"])
        past = reader.history(main, limit=story.MOVES)
        return visit.html(
            "customer.html",
            id=main,
            as_of=words.instant(epoch_ms(shown["as_of"])),
            segments=[_segment(name, shown, words) for name in shown["segments"]],
            features=list(_features(shown["features"], words)),
            story=story.story(words, shown["segments"], past, shown["next_moves"], orders, now),
            foreseen=_foreseen(shown["predictions"], words),
            moves=[words.move({"customer_id": main, **one}, visit.now) for one in moves],
            older=moves[-1]["seq"] if len(moves) == MOVES else None,
            first=before is None,
            messages=_steps(reader.messages(main, 50), words),
        )


def _orders(view: ViewReader, id: str) -> list[int]:
    """Return the instants (ms) of the remembered orders that were not taken back."""
    found = view.customer(id)
    return [] if found is None else [one.at for one in found.customer.book.orders if one.live]


def _segment(name: str, shown: dict[str, Any], words: Words) -> dict[str, Any]:
    held, ahead = shown["segments"][name], shown["next_moves"].get(name)
    return {
        "segmentation": words.texts.segmentation(name),
        "name": words.name(name, held["id"]),
        "colour": words.colour(held["id"]),
        "href": f"/segments/{quote(name, safe='')}/{quote(held['id'], safe='')}",
        "since": words.day(epoch_ms(held["since"])),
        "next": None
        if ahead is None
        else {
            "name": words.name(name, ahead["to"]),
            "day": words.day(epoch_ms(ahead["at"])),
            "colour": words.colour(ahead["to"]),
        },
    }


def _features(features: dict[str, float | None], words: Words) -> Any:
    for name, value in features.items():
        if value is None or value == 0:
            continue
        unit = feature_of(name).unit
        shown = "" if unit in (name, "") else words.currency if unit == "money" else words.texts.unit(unit)
        if unit == _SHARE:
            yield words.texts.feature(name), words.share(value), ""
        else:
            yield words.texts.feature(name), number(round(value, 2)), shown


def _foreseen(found: dict[str, Any] | None, words: Words) -> dict[str, Any] | None:
    """Return the predictions as shown on the page. A part's arrow shows how it moves the probability."""
    if found is None:
        return None
    texts, values, chance = words.texts, found["values"], found["why"]["p_buy_30d"]
    money = found["why"]["expected_spend_90d"]
    most = max(abs(part["log_odds"]) for part in chance["parts"])
    return {
        "chance": words.share(values["p_buy_30d"]),
        "ordinary": words.share(chance["ordinary"]),
        "parts": [
            {
                "family": texts(f"family {part['family']}"),
                "up": part["log_odds"] >= 0,
                "factor": f"{exp(part['log_odds']):.2f}",
                "width": round(50 * abs(part["log_odds"]) / most, 1) if most else 0.0,
            }
            for part in chance["parts"]
        ],
        "spend": words.money(values["expected_spend_90d"]),
        "spend_why": texts(
            "console foreseen spend",
            orders=money["orders"],
            basket=words.money(money["basket"]),
            ordinary_orders=money["ordinary_orders"],
            ordinary_basket=words.money(money["ordinary_basket"]),
        ),
        "window": texts(
            "console foreseen days", early=number(values["next_order_from"]), late=number(values["next_order_to"])
        ),
        "version": texts(
            "predictions of",
            version=found["version"],
            cells=texts("learn cells") if found["form"] == _CELLS else "",
            day=words.day(epoch_ms(found["day"])),
        ),
    }


def _steps(steps: Sequence[dict[str, Any]], words: Words) -> list[dict[str, Any]]:
    """Return steps of messages, newest first. Those at the same instant are in the order of a message's life."""
    ordered = sorted(steps, key=lambda one: (one["at"], _PLACES.get(one["type"], -1)), reverse=True)
    return [
        {"at": words.instant(epoch_ms(one["at"])), "play": one["play"], "step": _step(one, words.texts)}
        for one in ordered
    ]


def _step(step: dict[str, Any], texts: Messages) -> str:
    kind = step["type"].removeprefix("message.")
    if kind == "dropped":
        gate = f"gate {step.get('gate')}"
        return texts("console fate dropped", gate=texts(gate) if gate in texts.table.texts else step.get("gate") or "")
    key = "console step bought" if kind == "measured" and step.get("converted") else f"console step {kind}"
    return texts(key) if key in texts.table.texts else kind
