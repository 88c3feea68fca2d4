"""Predict the next cluster moves of a page of customers, in one thread because each simulates a year of nights."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

from models.behaviour.model import SEGMENTATION
from streamer.queries.cluster_moves import cluster_moves
from streamer.web.api.book import Page
from streamer.web.api.view import Looked


async def among_clusters(people: Sequence[Looked | None], segmentation: str, page: Page) -> dict[str, tuple[str, int]]:
    """Return the cluster reached by inactivity alone and its time (ms), by customer id; empty for other segmentations."""
    found = [one for one in people if one is not None and one.behaviour]
    if segmentation != SEGMENTATION or not found:
        return {}
    return await asyncio.to_thread(_moves, found, page)


def _moves(people: Sequence[Looked], page: Page) -> dict[str, tuple[str, int]]:
    moves: dict[str, tuple[str, int]] = {}
    for lane, some in groupby(sorted(people, key=lambda one: one.lane), key=lambda one: one.lane):
        if (ledger := page.ledgers.get(lane)) is not None:
            rows = [(one.customer, one.behaviour) for one in some]
            moves |= cluster_moves(rows, ledger, page.models.get(lane, {}), page.policy.grid)
    return moves
