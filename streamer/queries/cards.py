"""Build segment cards: size, share of revenue, and how the segment's customers differ from the shop's average."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from models.behaviour.layout import NEW_ID, NEW_NAME
from models.behaviour.model import SEGMENTATION, ClusterModel
from models.learning.naming import prototype_of
from models.messages import Messages
from models.rules.cards import Census, Group, in_words, of_cluster
from schemas.errors import UserError
from streamer.core.policy import Policy


def cards(
    id: str, policy: Policy, model: ClusterModel | None, counted: Census, texts: Messages
) -> list[dict[str, Any]]:
    """Return the cards of all segments with this id, JSON-safe. Raises UserError if there is none."""

    known: dict[tuple[str, str], tuple[str, str]] = {}
    for one in policy.definitions.segmentations:
        for segment in one.segments:
            known[one.name, segment.id] = (
                texts.segment(one.name, segment.id, segment.name),
                texts.meaning(one.name, segment.id, segment.meaning),
            )
    if model is not None:
        known[SEGMENTATION, NEW_ID] = (
            texts.segment(SEGMENTATION, NEW_ID, NEW_NAME),
            texts.table.segments[SEGMENTATION, NEW_ID].meaning,
        )
        for cluster in model.segments:
            known[SEGMENTATION, cluster.segment_id] = (texts.cluster(cluster.name), _like(cluster.segment_id, texts))
    for segmentation, segment_id in counted.segments:
        known.setdefault((segmentation, segment_id), (segment_id, ""))
    wanted = [place for place in known if id in (place[1], "/".join(place))]
    if not wanted:
        there = ", ".join(sorted({segment for _, segment in known}))
        raise UserError(f"no such segment: {id}", f"segments: {there}")
    return [_card(place, known[place], policy, model, counted, texts) for place in wanted]


def _like(segment_id: str, texts: Messages) -> str:

    return texts.cluster_meaning(prototype_of(segment_id))


def _card(
    place: tuple[str, str],
    named: tuple[str, str],
    policy: Policy,
    model: ClusterModel | None,
    counted: Census,
    texts: Messages,
) -> dict[str, Any]:

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
        "words": in_words(own, shop, texts) if group.customers else "",
    }
