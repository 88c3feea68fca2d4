"""Describe one customer: current data and next moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from models.behaviour.forecast import Outlook, outlook
from models.behaviour.model import SEGMENTATION, ClusterModel
from models.customer.customer import Customer
from models.features.features import FEATURES, FeatureContext, feature_of
from models.rules.borders import borders_of
from models.rules.due import next_moves
from models.rules.evaluate import facts
from models.rules.facts import Facts
from models.rules.segmentation import Neighbours, Segmentation
from schemas.wire_time import iso
from streamer.adapters.redis_reader import ViewReader
from streamer.core.policy import Policy
from streamer.core.timers import timeline_of
from streamer.queries.forecasts import forecasts
from streamer.queries.foreseen import foreseen
from streamer.queries.members import name_of
from streamer.queries.names import segment_name

MONEY: Final = ("money", "basket")
"""Cluster features measured in money."""


def explain(view: ViewReader, policy: Policy, id: str) -> dict[str, Any] | None:
    """Return all data about a customer by any of its ids, JSON-safe; None if there is no such customer.

    Combines the Redis document with `describe` at the clock of the customer's lane.
    """
    shown = view.customer(id)
    if shown is None:
        return None
    held = next((one for one in view.ledgers() if one.partition == shown.lane), None)
    clock = 0 if held is None else held.clock_of(shown.customer.clock_id)
    ahead = None
    if held is not None and held.timeline and shown.behaviour:
        timeline = timeline_of(held, view.models(shown.lane), shown.customer.clock_id)
        ahead = outlook(shown.behaviour, timeline, policy.grid.day_of(clock))
    says = forecasts(view, shown.lane, held, policy.shop)
    answer = describe(shown.customer, clock, policy, view.model(), ahead, replace(policy.shop, forecasts=says))
    predictions = foreseen(shown.customer, max(shown.customer.as_of, clock), says)
    return {**shown.document, **answer, "predictions": predictions, "lane": shown.lane}


def describe(
    customer: Customer,
    clock: int,
    policy: Policy,
    model: ClusterModel | None,
    ahead: Outlook | None = None,
    shop: FeatureContext | None = None,
) -> dict[str, Any]:
    """Return segments, features and next moves by the customer's own clock, as JSON-safe values.

    Parameters
    ----------
    clock
        The customer's clock, epoch ms.
    ahead
        Position of the customer among the clusters; None without clusters.
    shop
        Context with the predictions in force; without it there are no predictions.

    Returns
    -------
    dict
        ``borders`` are the band thresholds around the customer, which the feature must reach to go up or fall below
        to go down. ``ways`` are single features, numeric or text, that would lead to another segment, nearest
        first, in their own units.
    """
    at, definitions, context = max(customer.as_of, clock), policy.definitions, shop or policy.shop
    named = partial(segment_name, policy=policy, model=model)
    held = [one for one in definitions.segmentations if one.name in customer.segments]
    now = facts(customer, at, definitions, context)
    # Include the shop's custom traits if segments depend on them.
    shown = dict.fromkeys((*FEATURES, *definitions.features))
    return {
        "now": iso(at),
        "name": name_of(customer),
        "last_seen": iso(customer.last_seen),
        "last_moved": iso(max(moved)) if (moved := [one.since for one in customer.segments.values()]) else None,
        "segments": {
            name: {"id": one.segment, "name": named(name, one.segment), "since": iso(one.since)}
            for name, one in customer.segments.items()
        },
        "features": {name: _json(feature_of(name).value(customer, at, context)) for name in shown},
        "next_moves": _next_moves(customer, policy, model, ahead),
        "borders": {
            one.name: _borders(one.name, found, now, named)
            for one in held
            if (found := one.neighbours(customer.segments[one.name].segment)) is not None
        },
        "ways": {one.name: _ways(one, customer.segments[one.name].segment, now, named) for one in held},
        **({} if ahead is None else {"clusters": clusters(ahead, policy)}),
    }


def _next_moves(
    customer: Customer, policy: Policy, model: ClusterModel | None, ahead: Outlook | None
) -> dict[str, dict[str, str]]:
    """Return the next move by time for each segmentation that has one."""
    definitions = policy.definitions
    found = next_moves(customer, [one.name for one in definitions.segmentations], definitions, policy.shop)
    moves = {
        name: {"to": segment, "name": segment_name(name, segment, policy, model), "at": iso(due)}
        for name, (segment, due) in found.items()
    }
    if ahead is not None and ahead.next is not None:
        moves[SEGMENTATION] = {
            "to": ahead.next.to_id,
            # The cluster may belong to a version that is in force only from tomorrow on.
            "name": segment_name(SEGMENTATION, ahead.next.to_id, policy, model or ahead.model),
            "at": iso(policy.grid.instant(ahead.next.day)),
        }
    return moves


def _borders(name: str, found: Neighbours, now: Facts, named: Callable[[str, str], str]) -> dict[str, Any]:
    """Return the thresholds above and below a customer in the segmentation ``name``."""
    feature, up, down = found
    return {
        "feature": feature,
        "value": _json(now.values[feature]),
        "up": None if up is None else {"to": up[0], "name": named(name, up[0]), "at": up[1]},
        "down": None if down is None else {"to": down[0], "name": named(name, down[0]), "below": down[1]},
    }


def _ways(
    segmentation: Segmentation, segment: str, now: Facts, named: Callable[[str, str], str]
) -> list[dict[str, Any]]:
    return [
        {
            "to": one.to,
            "name": named(segmentation.name, one.to),
            "feature": one.feature,
            "value": one.value,
            "border": one.border,
            "distance": one.distance,
        }
        for one in borders_of(segmentation, segment, now)
    ]


def _json(value: float) -> float | None:
    """Return the value; None for NaN (no order yet), which JSON cannot represent."""
    return None if value != value else value


def clusters(ahead: Outlook, policy: Policy) -> dict[str, Any]:
    """Return a customer's position among the clusters, as JSON-safe values.

    ``margin`` is 0 on the border with the next best cluster and negative on this side, in the unit of ``border``: nats
    for likelihood, gaps between the two centres for distance (``statistic``). Beyond ``border`` the customer is moving
    there, and ``filled`` is the completed share. ``levers`` are features that would each alone move the customer across
    the border. Money is in major units.
    """
    stands, model, minor = ahead.standing, ahead.model, policy.shop.minor_per_major

    def amount(name: str, value: float) -> float:
        return round(value / minor if name in MONEY else value, 4)

    other = stands.nearest_other
    return {
        "version": model.version,
        "nearest": None if other is None else {"id": other, "name": segment_name(SEGMENTATION, other, policy, model)},
        "statistic": model.preset.statistic,
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
