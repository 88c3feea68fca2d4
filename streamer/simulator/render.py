"""Renders columns as the JSON bytes of events, assembled from prepared text for speed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamer.simulator.baskets import (
    CANCELLATION,
    INTERACTIONS,
    PART_REFUND,
    UNNAMED,
    Interactions,
    Orders,
    Reversals,
)
from streamer.simulator.catalogue import amount_text
from streamer.simulator.population import Ints
from streamer.simulator.world import World

# The subject and the extra context of interactions that are not about a product.
_PROFILE = [
    {"page.viewed": '"url":"/new-in",'}.get(kind, "" if kind.startswith("email") else None) for kind in INTERACTIONS
]
_MORE = [',"campaign":"newsletter"' if kind.startswith("email") else "" for kind in INTERACTIONS]


@dataclass(slots=True)
class Rendered:
    """Events as parallel lists: event time (ms), key, value."""

    at: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def add(self, at: Ints, customers: Ints, ids: list[str], texts: list[str]) -> None:
        """Append events whose texts are ready."""
        self.at += at.tolist()
        self.keys += [ids[customer].encode() for customer in customers.tolist()]
        self.values += [text.encode() for text in texts]


def stamps(at: Ints) -> list[str]:
    """Format epoch ms as RFC 3339 texts in UTC, with milliseconds but without the closing Z."""
    texts: list[str] = np.datetime_as_string(at.astype("datetime64[ms]")).tolist()
    return texts


def render_interactions(world: World, tag: str, rows: Interactions, into: Rendered) -> None:
    """Append the interactions; ``tag`` makes their ids unique within the shop."""
    head = f'{{"event_id":"{world.prefix}-{tag}-i'
    ids, contexts, views = world.ids, world.contexts, world.views
    texts = []
    for number, (customer, at, visit, kind, place) in enumerate(
        zip(
            rows.customer.tolist(),
            stamps(rows.at),
            rows.visit.tolist(),
            rows.kind.tolist(),
            rows.place.tolist(),
            strict=True,
        )
    ):
        profile = _PROFILE[kind]
        view = views[place] if profile is None else profile
        texts.append(
            f'{head}{number:x}","type":"{INTERACTIONS[kind]}","customer_id":"{ids[customer]}",'
            f'"occurred_at":"{at}Z",{view}'
            f'"context":{{{contexts[customer]},"session_id":"s{visit:x}"{_MORE[kind]}}}}}'
        )
    into.add(rows.at, rows.customer, ids, texts)


def render_orders(world: World, tag: str, rows: Orders, into: Rendered) -> None:
    """Append the orders."""
    prefix, ids, contexts, unit = world.prefix, world.ids, world.contexts, world.unit
    currency = world.config.currency
    lines = _lines(world, rows)
    edges = rows.first_line.tolist()
    texts = []
    for number, (customer, at, gross, discount, percentage) in enumerate(
        zip(
            rows.customer.tolist(),
            stamps(rows.at),
            rows.gross.tolist(),
            rows.discount.tolist(),
            rows.percentage.tolist(),
            strict=True,
        )
    ):
        off = f'"discount":{amount_text(discount, unit)},"coupon":"SAVE{percentage}",' if percentage else ""
        texts.append(
            f'{{"event_id":"{prefix}-{tag}-o{number:x}","type":"order.completed",'
            f'"customer_id":"{ids[customer]}","occurred_at":"{at}Z","order_id":"{prefix}{tag}-{number:x}",'
            f'"total":{amount_text(gross - discount, unit)},"currency":"{currency}",{off}'
            f'"products":[{",".join(lines[edges[number] : edges[number + 1]])}],'
            f'"context":{{{contexts[customer]}}}}}'
        )
    into.add(rows.at, rows.customer, ids, texts)


def render_reversals(world: World, tag: str, rows: Reversals, orders: Orders, into: Rendered) -> None:
    """Append refunds and cancellations of ``orders``, which must have been rendered with the same ``tag``."""
    prefix, ids, unit = world.prefix, world.ids, world.unit
    customers = orders.customer[rows.order]
    lines = _lines(world, orders)
    texts = []
    for number, (order, customer, at, kind) in enumerate(
        zip(rows.order.tolist(), customers.tolist(), stamps(rows.at), rows.kind.tolist(), strict=True)
    ):
        first, end = int(orders.first_line[order]), int(orders.first_line[order + 1])
        total = int(orders.gross[order] - orders.discount[order])
        if kind == PART_REFUND:
            # Only the first line, with the same discount.
            gross = int(orders.line_price[first] * orders.line_quantity[first])
            end, total = first + 1, gross * total // int(orders.gross[order])
        named = "" if kind == UNNAMED else f'"order_id":"{prefix}{tag}-{order:x}",'
        what = ""
        if kind in (PART_REFUND, UNNAMED):
            what = (
                f'"total":{amount_text(total, unit)},"currency":"{world.config.currency}",'
                f'"products":[{",".join(lines[first:end])}],'
            )
        verb = "cancelled" if kind == CANCELLATION else "refunded"
        texts.append(
            f'{{"event_id":"{prefix}-{tag}-r{number:x}","type":"order.{verb}",'
            f'"customer_id":"{ids[customer]}","occurred_at":"{at}Z",{named}{what}"refund_id":"r{prefix}{tag}-{number:x}"}}'
        )
    into.add(rows.at, customers, ids, texts)


def _lines(world: World, orders: Orders) -> list[str]:
    """Return the JSON object of each order line."""
    heads = world.lines
    return [
        f"{heads[place]}{quantity}}}"
        for place, quantity in zip(orders.line_place.tolist(), orders.line_quantity.tolist(), strict=True)
    ]
