"""Format figures, instants and segments for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.messages import Messages
from schemas.screen_text import line
from streamer.charts import Palette
from streamer.queries import segments
from streamer.queries.names import segment_name
from streamer.queries.reasons import because_words
from streamer.web.api.book import Page

NOBODY: Final = ""
"""No segment, in flows."""
GREY: Final = 8
"""Colour index for no segment, after the eight chart colours."""


@dataclass(frozen=True)
class Words:
    """Formats values for one reader and one state of the service.

    Parameters
    ----------
    currency
        Code of the shop's currency.
    """

    texts: Messages
    page: Page
    zone: ZoneInfo
    currency: str

    @cached_property
    def table(self) -> dict[str, Any]:
        """Segmentations with their segments and sizes, in the reader's language."""
        sizes = {name: {one["id"]: one["size"] for one in held["segments"]} for name, held in self.page.table.items()}
        return segments.table(self.page.policy.definitions, self.page.model, sizes, self.texts)

    @cached_property
    def palette(self) -> Palette:
        """One colour per segment, the same on every page."""
        return Palette.of([one["id"] for one in held["segments"]] for held in self.page.table.values())

    def colour(self, segment: str) -> int:
        """Return the colour of a segment; a removed segment has the colour of no segment."""
        try:
            return self.palette[segment]
        except KeyError:
            return GREY

    def name(self, segmentation: str, segment: str) -> str:
        """Return the name of a segment; ``segment`` may be empty."""
        if not segment:
            return self.texts("console nowhere")
        policy = replace(self.page.policy, language=self.texts.language)
        return line(segment_name(segmentation, segment, policy, self.page.model))

    def number(self, value: float) -> str:
        """Format a count.

        >>> Words.number(None, 12345)  # type: ignore[arg-type]
        '12,345'
        """
        return f"{value:,.0f}"

    def money(self, value: float) -> str:
        """Format an amount in major units."""
        return f"{value:,.0f} {self.currency}"

    def share(self, value: float | None) -> str:
        """Format a percentage, with a non-breaking space before the sign.

        >>> Words.share(None, 0.0531), Words.share(None, 0.41), Words.share(None, None)  # type: ignore[arg-type]
        ('5.3\\xa0%', '41\\xa0%', '–')
        """
        if value is None:
            return "–"
        if 0 < value < 0.0005:
            return "<0.1\xa0%"
        return f"{value * 100:.1f}\xa0%" if 0 < value < 0.0995 else f"{value * 100:.0f}\xa0%"

    def fine(self, value: float | None) -> str:
        """Format a percentage with one decimal, whatever its size.

        >>> Words.fine(None, 0.228), Words.fine(None, None)  # type: ignore[arg-type]
        ('22.8\\xa0%', '–')
        """
        return "–" if value is None else f"{value * 100:.1f}\xa0%"

    def local(self, at: int) -> datetime:
        """Return an instant (ms) in the shop's time zone."""
        return datetime.fromtimestamp(at / 1000, self.zone)

    def day(self, at: int) -> str:
        """Format the day of an instant."""
        return self.local(at).strftime("%Y-%m-%d")

    def instant(self, at: int) -> str:
        """Format day and minute of an instant."""
        return self.local(at).strftime("%Y-%m-%d %H:%M")

    def clock(self, at: int, now: int) -> str:
        """Format the time of an instant today, otherwise its day and time."""
        local = self.local(at)
        return local.strftime("%H:%M:%S" if local.date() == self.local(now).date() else "%Y-%m-%d %H:%M")

    def move(self, found: Mapping[str, Any], now: int) -> dict[str, Any]:
        """Return a move from the read model, for a line of a page."""
        segmentation = found["segmentation"]
        before, after = (None if found[end] is None else found[end]["id"] for end in ("from", "to"))
        return {
            "customer": found.get("customer_id"),
            "moved": before is not None and after is not None,
            "when": self.clock(found["at"], now),
            "segmentation": self.texts.segmentation(segmentation),
            "before": self.name(segmentation, before or NOBODY),
            "after": self.name(segmentation, after or NOBODY),
            "colours": (self.colour(before or NOBODY), self.colour(after or NOBODY)),
            "cause": self.texts.cause(found["cause"]),
            "because": because_words(found["reasons"], self.texts, 2, "→"),
        }
