"""Read the model owner's predictions, for the models page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from streamer import charts
from streamer.adapters.topics import lane_count
from streamer.charts import Series
from streamer.client.connections import connections
from streamer.config.settings import Settings
from streamer.queries.learned import fallback_of, read_predictor, week_of
from streamer.web.console.overview import drawn
from streamer.web.console.words import Words

FRESH_SECONDS: Final = 60.0
"""Seconds between reads. The owner's snapshot requires reading a whole topic and changes once a week."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The owner's newest prediction version, the date since which the cells replace it, and weekly figures."""

    version: int
    fallback: str | None
    weeks: Sequence[dict[str, Any]]


def look(settings: Settings) -> Learned:
    """Read what the owner learned; empty while there are no topics. Raises UserError, TransientError."""
    with connections(settings) as to:
        if lane_count(to.bootstrap, to.kafka.prefix, security=to.security) is None:
            return Learned(0, None, ())
        found = read_predictor(to)
        fallback = fallback_of(found)
        return Learned(
            found.state.published.version,
            None if fallback is None else fallback["since"],
            [week_of(week) for week in found.weeks],
        )


def shown(found: Learned, words: Words) -> dict[str, Any]:
    """Return the values shown on the page."""
    texts = words.texts
    version = texts("console foresight version", version=found.version)
    return {
        "version": version if found.version else texts("console foresight shipped"),
        "fallback": None if found.fallback is None else texts("learn fallback", day=found.fallback),
        "latest": _latest(found.weeks[-1], words) if found.weeks else None,
        "chart": _chart(found.weeks, words) if len(found.weeks) > 1 else None,
    }


def _latest(week: dict[str, Any], words: Words) -> dict[str, str]:
    texts = words.texts
    return {
        "week": texts("console foresight week", day=week["asked_on"], customers=week["customers"]),
        "skill": f"{week['skill']:+.1%}".replace("%", "\xa0%"),
        "calibration": f"{week['calibration']:.2f}",
        "auc": f"{week['auc']:.2f}",
        "base": words.share(week["base_rate"]),
    }


def _chart(weeks: Sequence[dict[str, Any]], words: Words) -> Markup:
    texts = words.texts
    series = [
        Series(texts("console foresight expected"), [week["expected"] for week in weeks], 0),
        Series(texts("console foresight ordered"), [float(week["ordered"]) for week in weeks], 1),
    ]
    labels, head = [week["asked_on"] for week in weeks], texts("console foresight column")
    return drawn(words, charts.lines(texts("console foresight chart"), labels, series, shown=words.number, head=head))
