"""Test a customer's chart over time: periods from moves, orders, and what time alone leads to."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.features.time import DAY_MS
from models.messages import LANGUAGES, Language, messages
from schemas.wire_time import epoch_ms, iso
from streamer.adapters.redis_reader import totals
from streamer.core.policy import Policy
from streamer.web.api.book import Page
from streamer.web.console.story import story
from streamer.web.console.words import Words

NOW = epoch_ms("2026-11-28T12:00:00Z")


def words(language: Language = "en") -> Words:
    ids = ("prospect", "new", "active", "loyal", "at_risk")
    table = {"lifecycle": {"segments": [{"id": id, "size": 1} for id in ids]}}
    page = Page(Policy(), "", None, table, NOW, totals([]), *[MappingProxyType({})] * 3)
    return Words(messages(language), page, ZoneInfo("Europe/Berlin"), "EUR")


def move(days_ago: int, before: str | None, after: str | None) -> dict[str, Any]:
    ends = {"from": before, "to": after}
    return {
        "at": NOW - days_ago * DAY_MS,
        "segmentation": "lifecycle",
        **{end: None if id is None else {"id": id} for end, id in ends.items()},
    }


HELD = {"lifecycle": {"id": "loyal"}}
PAST = [move(10, "active", "loyal"), move(50, "new", "active"), move(90, None, "new")]


def rows(markup: str) -> list[list[str]]:
    """Return the rows of the table, without its header."""
    lines = str(markup).partition("<tbody>")[2].split("<tr>")[1:]
    return [[cell.partition("</t")[0].rpartition(">")[2] for cell in _cells(line)] for line in lines]


def _cells(line: str) -> list[str]:
    return line.replace("<th", "<td").split("<td")[1:]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_move_ends_one_spell_and_begins_the_next(language: Language) -> None:
    made = story(words(language), HELD, PAST, {}, [NOW - 90 * DAY_MS, NOW - 50 * DAY_MS], NOW)
    assert made is not None
    shown = {"en": ["Loyal", "Active", "New"], "zh": ["忠诚客户", "活跃客户", "新客户"]}[language]
    assert [row[1] for row in rows(made)] == shown
    assert [row[2] for row in rows(made)] == ["2026-11-18", "2026-10-09", "2026-08-30"]
    assert [row[3] for row in rows(made)] == ["2026-11-28", "2026-11-18", "2026-10-09"]
    assert made.count("<circle") == 2 * 2, "a dot an order in both widths"


def test_where_time_leads_is_shown_as_far_as_the_chart_goes() -> None:
    soon = {"lifecycle": {"to": "at_risk", "at": iso(NOW + 10 * DAY_MS)}}
    late = {"lifecycle": {"to": "at_risk", "at": iso(NOW + 200 * DAY_MS)}}
    made = story(words(), HELD, PAST, soon, [], NOW)
    assert made is not None and "ahead" in made and rows(made)[0][1:3] == ["At risk", "2026-12-08"]
    assert rows(made)[1][3] == "2026-12-08", "until then the customer stays"
    made = story(words(), HELD, PAST, late, [], NOW)
    assert made is not None and "ahead" not in made and rows(made)[0][1] == "Loyal"


def test_moves_that_are_no_longer_kept_are_filled_by_the_first_known() -> None:
    made = story(words(), HELD, PAST[:1], {}, [], NOW)
    assert made is not None and [row[1] for row in rows(made)][-1] == "Loyal"
    made = story(words(), HELD, PAST[:1], {}, [NOW - 100 * DAY_MS], NOW)
    assert made is not None and [row[1] for row in rows(made)] == ["Loyal", "Active"]


def test_there_is_no_chart_without_moves() -> None:
    assert story(words(), HELD, [], {}, [NOW], NOW) is None
