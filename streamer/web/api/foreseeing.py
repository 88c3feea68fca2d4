"""Predict for looked-up customers, with the versions of a page."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.queries.foreseen_of_many import Foreseen, foreseen_of_many, now_in
from streamer.web.api.book import Page
from streamer.web.api.view import Looked


def foreseen_in(people: Sequence[Looked | None], page: Page, names: Sequence[str]) -> dict[str, Foreseen]:
    """Return the named predictions, by id, for customers of any lanes that were looked up with their orders."""
    found: dict[str, Foreseen] = {}
    for lane, says in page.forecasts.items():
        those = [one.customer for one in people if one is not None and one.lane == lane]
        found |= foreseen_of_many(those, now_in(says), says, names)
    return found
